import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSigner } from '../../../src/cli/demo/signer.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { known } from '../../../src/model/known.ts';
import type { Requirement } from '../../../src/model/requirement.ts';
import type { Asker } from '../../../src/model/subject.ts';
import type { CompiledPolicy } from '../../../src/policy/compiled.ts';
import type { ContainersDocument, PolicyRequirement } from '../../../src/policy/dialects/containers/document.ts';
import { readPolicyJson } from '../../../src/policy/dialects/containers/read.ts';
import { renderOwn } from '../../../src/policy/render/own-files.ts';
import { scopeChains } from '../../../src/policy/scope.ts';
import { policy, setOf } from '../countersign/objects.ts';
import { NOW } from './rendered.ts';

const KEYS = [createSigner(), createSigner(), createSigner()].map(({ publicKeyPem }) => publicKeyPem);

/** Whether a requirement of ours holds of an image that these keys signed, each once and with nothing beside it. */
function holds(requirement: Requirement, signed: ReadonlySet<string>): boolean {
  switch (requirement.kind) {
    case 'accept':
      return true;
    case 'reject':
      return false;
    case 'allOf':
      return requirement.of.every((one) => holds(one, signed));
    case 'anyOf':
      return requirement.of.some((one) => holds(one, signed));
    case 'kOf':
      return requirement.of.filter((one) => holds(one, signed)).length >= requirement.k;
    case 'some': {
      const { proof, conditions } = requirement.leaf;
      const keys = proof.kind === 'keys' ? proof.keys : [];
      return conditions.length === 0 && keys.some((ref) => ref.kind === 'inline' && signed.has(ref.text));
    }
    case 'quorum':
    case 'each':
    case 'when':
      return expect.fail(`no ${requirement.kind} here`);
  }
}

/** The same of a requirement of a node. */
function holdsOnNode(requirement: PolicyRequirement, signed: ReadonlySet<string>): boolean {
  if (requirement.type === 'insecureAcceptAnything') return true;
  if (requirement.type !== 'sigstoreSigned' || requirement.root.kind !== 'keys') return false;
  return requirement.root.keys.some((key) => key.kind === 'data' && signed.has(Buffer.from(key.bytes).toString()));
}

/** What a node asks of an image: the most specific scope's requirements, a digest taking the place of a tag. */
function onNode({ default: otherwise, transports }: ContainersDocument, image: string): readonly PolicyRequirement[] {
  const reference = parseReference(image);
  const [chain = []] = reference.ok ? scopeChains(reference.value) : [];
  const docker = transports.get('docker') ?? new Map<string, readonly PolicyRequirement[]>();
  const scope = [...chain, ''].find((one) => docker.has(one));
  return (scope === undefined ? undefined : docker.get(scope)) ?? otherwise;
}

const keys = fc.subarray(KEYS, { minLength: 1 });
const signature = keys.chain((pems) =>
  fc.constantFrom({}, {}, {}, { annotations: { a: 'b' } }).map((more) => ({
    signature: { keys: { anyOf: pems.map((pem) => ({ pem })) }, ...more },
  })),
);
const requirement: fc.Arbitrary<object> = fc.letrec<{ all: object }>((tie) => ({
  all: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: signature },
    fc.constantFrom({ accept: { reason: 'free' } }, { reject: { message: 'no' } }),
    fc.array(tie('all'), { minLength: 1, maxLength: 3 }).map((of) => ({ allOf: of })),
    fc.array(tie('all'), { minLength: 1, maxLength: 3 }).map((of) => ({ anyOf: of })),
    fc
      .array(tie('all'), { minLength: 1, maxLength: 3 })
      .map((of) => ({ atLeast: { count: Math.min(2, of.length), of } })),
  ),
})).all;

const PIN = `@sha256:${'a'.repeat(64)}`;
const SCOPES = [
  'a.example',
  '*.example',
  'a.example/x',
  'a.example/x/y',
  `a.example/x/y${PIN}`,
  'a.example/x/y:v1',
  'b.example/x',
];
const GLOBS = ['**', 'a.example/**', 'a.example/x/*', '*.example/x/y', '**/y', 'b.example/x/**'];
const IMAGES = [
  'a.example/x/y:v1',
  'a.example/x/y:v2',
  `a.example/x/y${PIN}`,
  'a.example/x',
  'a.example/z',
  'b.example/x/y',
  'b.example/x',
  'c.test/x',
];

const policies = fc.array(
  fc.record({
    images: fc.subarray([...SCOPES, ...GLOBS], { minLength: 1, maxLength: 3 }),
    require: requirement,
    namespace: fc.constantFrom(undefined, undefined, 'team-a'),
  }),
  { minLength: 1, maxLength: 4 },
);

const ASKER: Asker = {
  namespace: known('team-a'),
  namespaceLabels: known({}),
  resource: known({ group: '', version: 'v1', resource: 'pods' }),
  labels: known({}),
  object: known({}),
  operation: known('CREATE'),
};

it('no image comes onto a node that policies of ours would refuse, and without a loss the same images do', () => {
  const seen = { admitted: 0, refused: 0, lost: 0, same: 0 };
  fc.assert(
    fc.property(policies, (written) => {
      const compiled: readonly CompiledPolicy[] = written.map((how, i) => policy({ ...how, name: `p${i}` }));
      const input = { policies: compiled, mirrors: [], base: undefined, isPartial: true, now: NOW };
      const rendering = renderOwn(input);
      if (!rendering.ok) return expect.fail(rendering.failure.message);
      const { files, losses } = rendering.value;
      const [path] = ['/etc/crio/policies/team-a.json', '/etc/containers/policy.json'].filter((one) =>
        files.some((file) => file.path === one),
      );
      const document = readPolicyJson(files.find((file) => file.path === path)?.text ?? '');
      if (!document.ok) return expect.fail(document.failure.message);
      if (losses.length > 0) seen.lost++;

      const set = setOf(...compiled);
      for (const image of IMAGES) {
        const reference = parseReference(image);
        if (!reference.ok) return expect.fail(image);
        const selected = set.select(
          { kind: 'image', written: image, reference: reference.value, transport: 'docker' } as const,
          ASKER,
        );
        for (const signers of [[], KEYS.slice(0, 1), KEYS.slice(1, 2), KEYS.slice(0, 2), KEYS.slice(1), KEYS]) {
          const signed = new Set(signers);
          const here = selected.every(({ state }) => state.kind === 'ready' && holds(state.require, signed));
          const there = onNode(document.value, image).every((one) => holdsOnNode(one, signed));
          if (there) expect(here, `${image} signed by ${signers.length}`).toBe(true);
          // A glob of ours may leave out what the scope that stands for it holds.
          const isSame = losses.length === 0 && !written.some(({ images }) => images.includes('b.example/x/**'));
          if (isSame) seen.same++;
          if (isSame) expect(there, `${image} signed by ${signers.length}`).toBe(here);
          if (there) seen.admitted++;
          else seen.refused++;
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(seen.lost).toBeGreaterThan(20);
  expect(seen.same).toBeGreaterThan(500);
  expect(seen.admitted).toBeGreaterThan(500);
  expect(seen.refused).toBeGreaterThan(500);
});
