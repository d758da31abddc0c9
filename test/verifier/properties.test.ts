import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Artifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import {
  attach,
  publish,
  publishImage,
  publishLayers,
  signImage,
  signImageWithBundle,
} from '../../src/cli/demo/publish.ts';
import {
  bundleBytes,
  bundleReferrer,
  createSigner,
  signatureReferrer,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { type ErrorCode, REASONS } from '../../src/codes/codes.ts';
import { failure } from '../../src/codes/result.ts';
import type { Mode } from '../../src/model/mode.ts';
import type { Condition, Leaf, NamesRule, Requirement, Store } from '../../src/model/requirement.ts';
import type { Policy, PolicySet } from '../../src/policy/policy.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import {
  createMemoryRegistry,
  engineOver,
  type MemoryRegistry,
  requestFor,
  saidBy,
  standingClock,
  wordsOf,
} from '../fixtures/memory-registry.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';
import { ask, startWorld } from '../fixtures/world.ts';

/** Fixed, so that a run can be repeated; printed with every failure by fast-check. */
const SEED = 20260601;
const signers = [createSigner(), createSigner(), createSigner('Ed25519')] as const;
/** Nobody's policy trusts this one. */
const stranger = createSigner();
type SignerIndex = 0 | 1 | 2 | 'stranger';
const signerOf = (index: SignerIndex) => (index === 'stranger' ? stranger : signers[index]);

// ---- What can be attached to an image

type Attached =
  | {
      readonly kind: 'layer' | 'referrer' | 'bundle';
      readonly by: SignerIndex;
      readonly name: 'own' | 'tag' | 'other';
      readonly note: boolean;
      readonly about: 'this' | 'another';
    }
  | { readonly kind: 'junk'; readonly what: 'attestation' | 'not a bundle' | 'no signature' };

const attached = (by: fc.Arbitrary<SignerIndex>): fc.Arbitrary<Attached> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('layer' as const, 'referrer' as const, 'bundle' as const),
        by,
        name: fc.constantFrom('own' as const, 'tag' as const, 'other' as const),
        note: fc.boolean(),
        about: fc.constantFrom('this' as const, 'this' as const, 'this' as const, 'another' as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('junk' as const),
        what: fc.constantFrom('attestation' as const, 'not a bundle' as const, 'no signature' as const),
      }),
    },
  );

const ANOTHER = publishImage(createMemoryRegistry().server, 'x', 'another image').digest;

/** Attaches everything to one manifest; layers go into one `.sig` manifest. */
function attachAll(memory: MemoryRegistry, path: string, image: Artifact, all: readonly Attached[]): void {
  const layers = [];
  for (const each of all) {
    if (each.kind === 'junk') {
      if (each.what === 'no signature') layers.push({ ...signedLayer(stranger, Buffer.from('{}')), annotations: {} });
      else if (each.what === 'not a bundle')
        attach(memory.server, path, bundleReferrer(image, Buffer.from('{"junk":true}')));
      else
        attach(
          memory.server,
          path,
          bundleReferrer(
            image,
            bundleBytes(signers[0], signStatement(image.digest, 'https://slsa.dev/provenance/v1')),
            null,
          ),
        );
      continue;
    }
    const digest = each.about === 'this' ? image.digest : ANOTHER;
    const signer = signerOf(each.by);
    const repository = `registry.test/${path}`;
    const name = { own: repository, tag: `${repository}:v1`, other: 'registry.test/elsewhere:v1' }[each.name];
    const layer = () => signedLayer(signer, simpleSigningPayload(digest, name, each.note ? { note: 'yes' } : null));
    if (each.kind === 'layer') layers.push(layer());
    else if (each.kind === 'referrer') attach(memory.server, path, signatureReferrer(image, [layer()]));
    else attach(memory.server, path, bundleReferrer(image, bundleBytes(signer, signStatement(digest))));
  }
  if (layers.length > 0) publishLayers(memory.server, path, image, layers);
}

type Image = {
  readonly shape: 'single' | 'index';
  readonly own: readonly Attached[];
  readonly instances: readonly (readonly Attached[])[];
};

const image = (by: fc.Arbitrary<SignerIndex>): fc.Arbitrary<Image> =>
  fc.record({
    shape: fc.constantFrom('single' as const, 'single' as const, 'index' as const),
    own: fc.array(attached(by), { maxLength: 4 }),
    instances: fc.array(fc.array(attached(by), { maxLength: 2 }), { minLength: 0, maxLength: 2 }),
  });

/** Publishes an image with what is attached to it and to its instances. @returns its digest */
function publishAll(memory: MemoryRegistry, path: string, of: Image): string {
  if (of.shape === 'single') {
    const single = publishImage(memory.server, path, `single ${path}`);
    attachAll(memory, path, single, of.own);
    return single.digest;
  }
  const instances = of.instances.map((all, n) => {
    const instance = publishImage(memory.server, path, `instance ${path} ${n}`, `instance-${n}`);
    attachAll(memory, path, instance, all);
    return { image: instance, platform: { os: 'linux', architecture: n === 0 ? 'amd64' : 'arm64' } };
  });
  const index = publish(memory.server, path, indexArtifact(instances), 'v1');
  attachAll(memory, path, index, of.own);
  return index.digest;
}

// ---- What policies can ask for

const STORES: readonly Store[] = ['cosign-tag', 'sigstore-bundle', 'cosign-referrer'];
const namesRule: fc.Arbitrary<NamesRule> = fc.constantFrom<NamesRule>(
  { kind: 'unchecked' },
  { kind: 'unchecked' },
  { kind: 'matchRepository' },
  { kind: 'matchRepoDigestOrExact' },
  { kind: 'ifNamed', rule: { kind: 'matchRepository' } },
);
const note: Condition = { kind: 'annotation', name: 'note', value: 'yes' };
const leaf: fc.Arbitrary<Leaf> = fc
  .record({
    keys: fc.constantFrom<readonly (0 | 1 | 2)[]>([0], [1], [0, 1], [2]),
    stores: fc.subarray([...STORES], { minLength: 1 }),
    names: namesRule,
    noted: fc.boolean(),
    attempts: fc.constantFrom(64, 64, 2),
  })
  .map(({ keys, stores, names, noted, attempts }) => {
    const base = keyLeaf(keys.map((index) => signers[index]));
    const [first, ...rest] = stores;
    const where = {
      ...base.where,
      attempts,
      stores: first === undefined ? base.where.stores : ([first, ...rest] as const),
    };
    return { ...base, where, names, conditions: noted ? [note] : [] };
  });

const LAYER_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const nonEmpty = <T>(all: readonly T[]): readonly [T, ...T[]] => {
  const [first, ...rest] = all;
  if (first === undefined) throw new Error('generated an empty list');
  return [first, ...rest];
};

/** Requirements over everything but `accept` and, unless wanted, `reject`. */
const requirement: fc.Arbitrary<Requirement> = fc.letrec<{ node: Requirement }>((tie) => {
  const some = leaf.map((of): Requirement => ({ kind: 'some', leaf: of }));
  const of = fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map(nonEmpty);
  return {
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: some },
      { weight: 1, arbitrary: of.map((list): Requirement => ({ kind: 'allOf', of: list })) },
      { weight: 1, arbitrary: of.map((list): Requirement => ({ kind: 'anyOf', of: list })) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(of, fc.nat(3))
          .map(([list, k]): Requirement => ({ kind: 'kOf', k: 1 + (k % list.length), of: list })),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.array(leaf, { minLength: 1, maxLength: 3 }).map(nonEmpty), fc.nat(3))
          .map(([list, k]): Requirement => ({ kind: 'quorum', k: 1 + (k % list.length), of: list })),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(
            leaf,
            leaf,
            fc.constantFrom('any' as const, 'all' as const),
            fc.constantFrom('any' as const, 'all' as const),
          )
          .map(
            ([layers, bundles, rule, otherwise]): Requirement => ({
              kind: 'each',
              verifiers: [
                { types: [LAYER_TYPE], leaf: layers },
                { types: [BUNDLE], leaf: bundles },
              ],
              rules: { [LAYER_TYPE]: rule },
              otherwise,
            }),
          ),
      },
      { weight: 1, arbitrary: tie('node').map((child): Requirement => ({ kind: 'when', child, body: note })) },
    ),
  };
}).node;

const policy: fc.Arbitrary<Policy> = fc
  .record({
    require: requirement,
    subjectRule: fc.constantFrom('asResolved' as const, 'indexOrEveryInstance' as const, 'everyInstance' as const),
    evidence: fc.constantFrom('isolate' as const, 'complete' as const),
    mode: fc.constantFrom<Mode | undefined>(undefined, undefined, 'deny', 'warn'),
  })
  .map(({ require, ...changes }) => policyOf(require, changes));
const policies = fc
  .array(policy, { minLength: 1, maxLength: 3 })
  .map(
    (all): PolicySet =>
      everywhere(...all.map((each, n) => ({ ...each, origin: origin(`p${n}`, n === 2 ? 'team' : undefined) }))),
  );
const anySigner = fc.constantFrom<SignerIndex>(0, 1, 2, 'stranger');

/** Runs a property, and says how often it had something to say. */
async function holds<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  check: (value: T) => Promise<boolean>,
): Promise<number> {
  let telling = 0;
  await fc.assert(
    fc.asyncProperty(arbitrary, async (value) => {
      if (await check(value)) telling++;
    }),
    { seed: SEED, numRuns: runs, endOnFailure: false },
  );
  return telling;
}

describe('fault monotone (MODEL.md §3.4)', () => {
  const codes: readonly ErrorCode[] = [
    'REGISTRY_UNREACHABLE',
    'REGISTRY_UNAUTHORISED',
    'RESPONSE_TOO_LARGE',
    'RESPONSE_MALFORMED',
    'DIGEST_MISMATCH',
    'DEADLINE_EXCEEDED',
  ];

  it(`no single request that fails admits what is refused without the failure, and none that is late changes anything [seed ${SEED}]`, async () => {
    let faults = 0;
    let lost = 0;
    const refused = await holds(fc.tuple(policies, image(anySigner)), 250, async ([set, of]) => {
      const memory = createMemoryRegistry();
      const digest = publishAll(memory, 'acme/app', of);
      const decide = async () => {
        memory.calls.length = 0;
        return saidBy(
          await engineOver(memory.client(), [set]).decide(requestFor([`registry.test/acme/app@${digest}`])),
        );
      };
      memory.intercept = () => undefined;
      const without = await decide();
      const requests = [...new Set(memory.calls.map(({ text }) => text))];
      for (const [index, request] of requests.entries()) {
        const code = codes[(index + requests.length) % codes.length] ?? 'REGISTRY_UNREACHABLE';
        memory.intercept = ({ text }) => (text === request ? failure(code, 'injected') : undefined);
        const faulty = await decide();
        faults++;
        if (without.allowed && !faulty.allowed) lost++;
        if (faulty.allowed && !without.allowed)
          throw new Error(`${code} at ${request} admits what is refused without it`);
        for (const [n, each] of faulty.subjects[0]?.policies.entries() ?? []) {
          const before = without.subjects[0]?.policies[n];
          if (each.admission === 'admit' && before?.admission !== 'admit')
            throw new Error(`${code} at ${request} passes policy ${each.policy}`);
          // Trouble at one leaf is never called unsigned. Of several, one may be unsigned and decide beside the trouble.
          const { state } = set.policies[n] ?? {};
          const isOneLeaf = state?.kind === 'ready' && state.require.kind === 'some' && of.shape === 'single';
          if (isOneLeaf && each.outcome === 'unsigned' && before?.outcome !== 'unsigned')
            throw new Error(`${code} at ${request} makes ${each.policy} unsigned instead of ${before?.outcome}`);
        }
      }
      // Late, and in another order than they were asked in.
      memory.intercept = async ({ text }) => {
        for (let turn = 0; turn < text.length % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
        return undefined;
      };
      expect(await decide()).toEqual(without);
      return !without.allowed;
    });
    // The generator must reach both sides, or the property says nothing.
    expect(refused).toBeGreaterThan(50);
    expect(250 - refused).toBeGreaterThan(20);
    expect(faults).toBeGreaterThan(1_000);
    expect(lost).toBeGreaterThan(20);
  });

  it('holds over HTTP too: each request of a decision reset, cut short, endless or answered with 500', async () => {
    let spoilt: { readonly at: number; readonly how: number } | undefined;
    let count = 0;
    const world = await startWorld({
      fault: (record, _, response) => {
        if (record.path === '/token' || spoilt === undefined || count++ !== spoilt.at) return false;
        if (spoilt.how === 0) response.socket?.resetAndDestroy();
        else if (spoilt.how === 1) response.writeHead(500).end();
        else if (spoilt.how === 2)
          response.writeHead(200, { 'content-length': 10_000 }).write('{', () => response.destroy());
        else
          response
            .writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' })
            .end(Buffer.alloc(5_000_000, ' '));
        return true;
      },
    });
    const [trusted] = signers;
    const good = publishImage(world.server, 'acme/good', 'good');
    signImage(world.server, 'acme/good', good, trusted);
    const bad = publishImage(world.server, 'acme/bad', 'bad');
    signImage(world.server, 'acme/bad', bad, stranger);
    signImageWithBundle(world.server, 'acme/bad', bad, stranger);
    const both: Requirement = {
      kind: 'allOf',
      of: [
        signedBy(trusted),
        {
          kind: 'each',
          verifiers: [
            { types: [LAYER_TYPE], leaf: keyLeaf([trusted]) },
            { types: [BUNDLE], leaf: keyLeaf([trusted]) },
          ],
          rules: {},
          otherwise: 'all',
        },
      ],
    };
    const sets = [everywhere(policyOf(signedBy(trusted)), policyOf(both, { origin: origin('both') }))];
    for (const [path, digest, admitted] of [
      ['good', good.digest, true],
      ['bad', bad.digest, false],
    ] as const) {
      const decide = async () => {
        count = 0;
        return (await ask(world.engine(sets), [`${world.server.host}/acme/${path}@${digest}`])).allowed;
      };
      spoilt = undefined;
      expect(await decide()).toBe(admitted);
      for (let at = 0; at < 4; at++) {
        for (let how = 0; how < 4; how++) {
          spoilt = { at, how };
          // A cut connection is tried once more, so a reset may be made good; nothing may turn a refusal round.
          if ((await decide()) && !admitted) throw new Error(`fault ${how} at request ${at} admits`);
        }
      }
    }
    await world.close();
  });
});

describe('warm equals cold (MODEL.md §3.1)', () => {
  it(`hundreds of decisions in random order through one engine say what fresh engines say [seed ${SEED}]`, async () => {
    const memory = createMemoryRegistry();
    const clock = standingClock();
    const images = fc.sample(image(anySigner), { seed: SEED, numRuns: 24 });
    const sets = fc.sample(policies, { seed: SEED, numRuns: 24 });
    const names = images.flatMap((of, n) => {
      const path = `acme/app${n % 12}`;
      const digest = publishAll(memory, n < 12 ? path : `other/app${n % 12}`, of);
      const repository = `registry.test/${n < 12 ? path : `other/app${n % 12}`}`;
      return [`${repository}@${digest}`, `${repository}:v1`, `${repository}:v1@${digest}`, repository];
    });
    let inForce: readonly PolicySet[] = [];
    const warm = engineOver(memory.client(), [], {
      policies: () => ({ sets: inForce, exemptions: [], storage: NO_REGISTRIES_D }),
      clock,
    });
    const modes: readonly Mode[] = ['deny', 'deny', 'warn', 'audit'];
    let admitted = 0;
    const runs = 600;
    const questions = fc.sample(
      fc.record({
        images: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
        sets: fc.array(fc.constantFrom(...sets), { minLength: 1, maxLength: 2 }),
        server: fc.constantFrom(...modes),
      }),
      { seed: SEED, numRuns: runs },
    );
    for (const question of questions) {
      inForce = question.sets;
      const request = requestFor(question.images, { mode: { server: question.server, namespace: undefined } });
      const kept = saidBy(await warm.decide(request));
      const fresh = saidBy(await engineOver(memory.client(), question.sets, { clock }).decide(request));
      expect({ question: question.images, said: kept }).toEqual({ question: question.images, said: fresh });
      if (fresh.allowed) admitted++;
    }
    expect(admitted).toBeGreaterThan(40);
    expect(runs - admitted).toBeGreaterThan(40);
    // It was warm: the last question again asks for nothing that is named by digest.
    memory.calls.length = 0;
    await warm.decide(requestFor(names.filter((name) => name.includes('@')).slice(0, 12)));
    expect(memory.calls.filter(({ kind }) => kind === 'blob' || kind === 'head')).toEqual([]);
  });
});

describe('nothing to check never reads as checked (MODEL.md §3.3)', () => {
  it(`no requirement without accept admits where no trusted signer signed anything [seed ${SEED}]`, async () => {
    const empty = fc.constantFrom<SignerIndex>('stranger');
    let seen = 0;
    await holds(fc.tuple(policies, image(empty)), 300, async ([set, of]) => {
      const memory = createMemoryRegistry();
      const digest = publishAll(memory, 'acme/app', of);
      const decision = saidBy(
        await engineOver(memory.client(), [set]).decide(requestFor([`registry.test/acme/app@${digest}`])),
      );
      for (const each of decision.subjects[0]?.policies ?? []) {
        seen++;
        if (each.admission !== 'refuse') throw new Error(`${each.policy} is ${each.outcome}`);
      }
      return true;
    });
    expect(seen).toBeGreaterThan(300);
  });

  const [trusted] = signers;
  const some = signedBy(trusted);
  const leafOfTrusted = keyLeaf([trusted]);
  const none = [] as unknown as readonly [Requirement];
  const noLeaves = [] as unknown as readonly [Leaf];

  it.each<[string, Requirement]>([
    ['allOf nothing', { kind: 'allOf', of: none }],
    ['anyOf nothing', { kind: 'anyOf', of: none }],
    ['none of one', { kind: 'kOf', k: 0, of: [some] }],
    ['none of nothing', { kind: 'kOf', k: 0, of: none }],
    ['fewer than none', { kind: 'kOf', k: -1, of: [some] }],
    ['half a one', { kind: 'kOf', k: Number.NaN, of: [some] }],
    ['two of one', { kind: 'kOf', k: 2, of: [some] }],
    ['a quorum of none', { kind: 'quorum', k: 0, of: [leafOfTrusted] }],
    ['a quorum of nobody', { kind: 'quorum', k: 0, of: noLeaves }],
    ['a quorum of two by one key twice', { kind: 'quorum', k: 2, of: [leafOfTrusted, leafOfTrusted] }],
    ['each with no verifier', { kind: 'each', verifiers: [] as never, rules: {}, otherwise: 'all' }],
    [
      'each of a type that nobody made',
      { kind: 'each', verifiers: [{ types: ['application/none'], leaf: leafOfTrusted }], rules: {}, otherwise: 'all' },
    ],
    [
      'each with a named type that is missing',
      {
        kind: 'each',
        verifiers: [{ types: [LAYER_TYPE], leaf: leafOfTrusted }],
        rules: { 'application/spdx+json': 'any' },
        otherwise: 'any',
      },
    ],
    ['a body over a static accept', { kind: 'when', child: { kind: 'accept' }, body: note }],
    [
      'a body over a choice that accepts anyway',
      { kind: 'when', child: { kind: 'anyOf', of: [{ kind: 'accept' }, some] }, body: note },
    ],
    ['no attempt', { kind: 'some', leaf: { ...leafOfTrusted, where: { ...leafOfTrusted.where, attempts: 0 } } }],
    [
      'no key',
      {
        kind: 'some',
        leaf: { ...leafOfTrusted, proof: { kind: 'keys', keys: [] as never, hash: 'sha256', transparency: 'none' } },
      },
    ],
    ['no store', { kind: 'some', leaf: { ...leafOfTrusted, where: { ...leafOfTrusted.where, stores: [] as never } } }],
  ])('%s, even of a signed image', async (_, require) => {
    const memory = createMemoryRegistry();
    const signed = publishImage(memory.server, 'acme/app', 'hello');
    signImage(memory.server, 'acme/app', signed, trusted);
    const decide = (of: Requirement) =>
      engineOver(memory.client(), [everywhere(policyOf(of))], { onDefect: () => undefined }).decide(
        requestFor([`registry.test/acme/app@${signed.digest}`]),
      );
    expect((await decide(some)).allowed).toBe(true);
    expect((await decide(require)).allowed).toBe(false);
  });

  it.each([
    ['an empty index', () => indexArtifact([])],
    [
      'an index of nothing but unknown/unknown',
      (instance: Artifact) =>
        indexArtifact([{ image: instance, platform: { os: 'unknown', architecture: 'unknown' } }]),
    ],
    [
      'a runnable instance annotated as an attestation',
      (instance: Artifact) =>
        indexArtifact([
          {
            image: instance,
            platform: { os: 'linux', architecture: 'amd64' },
            annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
          },
        ]),
    ],
    ['an instance without a platform', (instance: Artifact) => indexArtifact([{ image: instance }])],
  ] as const)('%s is not “every instance is signed”', async (_, make) => {
    const memory = createMemoryRegistry();
    const instance = publishImage(memory.server, 'acme/app', 'unsigned instance', 'instance');
    publish(memory.server, 'acme/app', make(instance), 'v1');
    for (const subjectRule of ['indexOrEveryInstance', 'everyInstance', 'asResolved'] as const) {
      const engine = engineOver(memory.client(), [everywhere(policyOf(some, { subjectRule }))]);
      expect((await engine.decide(requestFor(['registry.test/acme/app:v1']))).allowed).toBe(false);
    }
  });

  it('a hole in one branch of a choice does not let a body judge the rest [policy-controller, MODEL.md §2.5]', async () => {
    const memory = createMemoryRegistry();
    const signed = publishImage(memory.server, 'acme/app', 'hello');
    // The first branch would find a statement that the body refuses; the second one that it takes.
    publishLayers(memory.server, 'acme/app', signed, [signedLayer(trusted, simpleSigningPayload(signed.digest, 'x'))]);
    attach(
      memory.server,
      'acme/app',
      signatureReferrer(signed, [signedLayer(trusted, simpleSigningPayload(signed.digest, 'x', { note: 'yes' }))]),
    );
    const at = (store: Store): Requirement => ({
      kind: 'some',
      leaf: { ...leafOfTrusted, where: { ...leafOfTrusted.where, stores: [store] } },
    });
    const require: Requirement = {
      kind: 'when',
      child: { kind: 'anyOf', of: [at('cosign-tag'), at('cosign-referrer')] },
      body: note,
    };
    const decide = async () =>
      await engineOver(memory.client(), [everywhere(policyOf(require))]).decide(
        requestFor([`registry.test/acme/app@${signed.digest}`]),
      );
    expect(wordsOf(await decide())).toEqual(['rejected ANNOTATION_MISMATCH']);
    memory.intercept = ({ text }) => (text.includes('.sig') ? failure('REGISTRY_UNREACHABLE', 'down') : undefined);
    expect(wordsOf(await decide())).toEqual(['error REGISTRY_UNREACHABLE']);
  });

  it('every word of the codes is one of those that the outcomes know', () => {
    expect(new Set(Object.values(REASONS).map(({ word }) => word))).toEqual(
      new Set(['error', 'unsigned', 'untrusted', 'invalid', 'rejected']),
    );
  });
});
