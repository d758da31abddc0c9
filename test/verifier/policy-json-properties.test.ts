import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Artifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish, publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { simpleSigningPayload as cosignPayload, createSigner, signedLayer } from '../../src/cli/demo/signer.ts';
import { failure, ok } from '../../src/codes/result.ts';
import type { RegistryRule } from '../../src/config/registry-rules.ts';
import { type Digest, digestOf, hexOf } from '../../src/image/digest.ts';
import type { SignatureStorage, StorageSection } from '../../src/image/signature-storage.ts';
import type { Mode } from '../../src/model/mode.ts';
import { containersSet } from '../../src/policy/dialects/containers/set.ts';
import { createRegistry } from '../../src/registry/create.ts';
import { engineOver, requestFor, saidBy, standingClock } from '../fixtures/memory-registry.ts';
import { createMemoryWeb, type MemoryWeb, type Page } from '../fixtures/memory-web.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../fixtures/openpgp/signer.ts';
import { mirror, rule } from '../fixtures/registry/rules.ts';
import { asker } from '../fixtures/world.ts';
import { ACCEPT, compiled, members } from '../policy/containers/documents.ts';

/** Fixed, so that a run can be repeated; printed with every failure by fast-check. */
const SEED = 20260601;

const SOURCE = 'registry.test';
const MIRROR = 'mirror.test';
const PATHS = ['acme/app', 'acme/app/web', 'acme/other', 'acme/third'] as const;
type Path = (typeof PATHS)[number];

/** Of the first two policies take signatures; the last is a stranger. */
const gpg = [createOpenPgpSigner(), createOpenPgpSigner({ kind: 'P-256' }), createOpenPgpSigner()] as const;
const cosign = [createSigner(), createSigner(), createSigner()] as const;
type SignerIndex = 0 | 1 | 2;
const STRANGER = 2;

// ---- What lies where signatures are looked for

/** One signature, or what lies in its place. */
type Laid =
  | {
      readonly kind: 'gpg' | 'sigstore';
      readonly by: SignerIndex;
      readonly name: 'own' | 'other tag' | 'elsewhere' | 'mirror';
      readonly about: 'this' | 'another';
    }
  | { readonly kind: 'page' };

const anySigner = fc.constantFrom<SignerIndex>(0, 0, 0, 0, 1, STRANGER);
const laid = (by: fc.Arbitrary<SignerIndex>): fc.Arbitrary<Laid> =>
  fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({
        kind: fc.constantFrom('gpg' as const, 'gpg' as const, 'sigstore' as const),
        by,
        name: fc.constantFrom(
          'own' as const,
          'own' as const,
          'own' as const,
          'own' as const,
          'other tag' as const,
          'elsewhere' as const,
          'mirror' as const,
        ),
        about: fc.constantFrom('this' as const, 'this' as const, 'this' as const, 'another' as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'page' as const }) },
  );

/** What one place has of one manifest. */
type Around = {
  readonly north: readonly Laid[];
  readonly south: readonly Laid[];
  readonly attached: readonly Laid[];
};
const around = (by: fc.Arbitrary<SignerIndex>): fc.Arbitrary<Around> =>
  fc.record({
    north: fc.array(laid(by), { minLength: 1, maxLength: 3 }),
    south: fc.array(laid(by), { maxLength: 3 }),
    attached: fc.array(laid(by), { maxLength: 3 }),
  });

/** An image as the source and the mirror have it. */
type Image = {
  readonly shape: 'single' | 'index';
  readonly atSource: Around;
  readonly atMirror: Around;
  readonly instance: Around;
};
const image = (by: fc.Arbitrary<SignerIndex>): fc.Arbitrary<Image> =>
  fc.record({
    shape: fc.constantFrom('single' as const, 'single' as const, 'index' as const),
    atSource: around(by),
    atMirror: around(by),
    instance: around(by),
  });

const ANOTHER = digestOf(Buffer.from('another image'));

function bytesOf(one: Laid, path: string, digest: Digest): Uint8Array {
  if (one.kind === 'page') return Buffer.from('<html>we are sorry</html>');
  const reference = {
    own: `${SOURCE}/${path}:v1`,
    'other tag': `${SOURCE}/${path}:v2`,
    elsewhere: `${SOURCE}/elsewhere:v1`,
    mirror: `${MIRROR}/copy/${path}:v1`,
  }[one.name];
  const about = one.about === 'this' ? digest : ANOTHER;
  if (one.kind === 'gpg') return gpg[one.by].sign(simpleSigningPayload({ digest: about, reference }));
  const { bytes, mediaType, annotations } = signedLayer(cosign[one.by], cosignPayload(about, reference));
  const json = { mimeType: mediaType, payload: Buffer.from(bytes).toString('base64'), annotations };
  return Buffer.from(`\0sigstore-json\n${JSON.stringify(json)}`);
}

function layAround(web: MemoryWeb, host: string, path: string, of: Path, artifact: Artifact, what: Around): void {
  for (const side of ['north', 'south'] as const) {
    for (const [index, one] of what[side].entries()) {
      const folder = `https://look.test/${side}/${path}@sha256=${hexOf(artifact.digest)}`;
      web.pages.set(`${folder}/signature-${index + 1}`, { body: bytesOf(one, of, artifact.digest) });
    }
  }
  const layers = what.attached.flatMap((one) => {
    if (one.kind !== 'sigstore') return [{ ...signedLayer(cosign[STRANGER], Buffer.from('{}')), annotations: {} }];
    const reference = one.name === 'elsewhere' ? `${SOURCE}/elsewhere:v1` : `${SOURCE}/${of}:v1`;
    const about = one.about === 'this' ? artifact.digest : ANOTHER;
    return [signedLayer(cosign[one.by], cosignPayload(about, reference))];
  });
  if (layers.length > 0) publishLayers(web.registry(host), path, artifact, layers);
}

/** Publishes an image at both places. @returns its digest */
function publishAt(web: MemoryWeb, path: Path, text: string, of: Image): string {
  let digest = '';
  for (const [host, at, what] of [
    [SOURCE, path, of.atSource],
    [MIRROR, `copy/${path}`, of.atMirror],
  ] as const) {
    const server = web.registry(host);
    const instance = publishImage(server, at, text, of.shape === 'single' ? 'v1' : 'instance');
    const top =
      of.shape === 'single'
        ? instance
        : publish(
            server,
            at,
            indexArtifact([{ image: instance, platform: { os: 'linux', architecture: 'amd64' } }]),
            'v1',
          );
    layAround(web, host, at, path, top, what);
    if (of.shape === 'index') layAround(web, host, at, path, instance, of.instance);
    digest = top.digest;
  }
  return digest;
}

// ---- What policies, registries.d and rules of registries say

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const identity = fc.constantFrom<object | undefined>(
  undefined,
  undefined,
  { type: 'matchRepository' },
  { type: 'matchRepository' },
  { type: 'matchRepository' },
  { type: 'matchExact' },
  { type: 'exactRepository', dockerRepository: `${SOURCE}/elsewhere` },
  { type: 'remapIdentity', prefix: SOURCE, signedPrefix: `${MIRROR}/copy` },
);
const requirement: fc.Arbitrary<object> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom([0], [0], [0, 1], [1]), identity).map(([keys, signedIdentity]) => {
      const ring = Buffer.concat(keys.map((key) => gpg[key === 0 ? 0 : 1].publicKeyBinary));
      return { type: 'signedBy', keyType: 'GPGKeys', keyData: base64(ring), signedIdentity };
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom<0 | 1>(0, 0, 0, 1), identity).map(([key, signedIdentity]) => {
      return { type: 'sigstoreSigned', keyData: base64(cosign[key].publicKeyPem), signedIdentity };
    }),
  },
);
const requirements = fc.oneof(
  { weight: 4, arbitrary: requirement.map((one) => [one]) },
  { weight: 1, arbitrary: fc.tuple(requirement, requirement) },
);
const policyText = fc
  .record({ everywhere: requirements, app: fc.option(requirements), tag: fc.option(requirements) })
  .map(({ everywhere, app, tag }) =>
    JSON.stringify({
      default: everywhere,
      transports: {
        docker: {
          ...(app !== null && { [`${SOURCE}/acme/app`]: app }),
          ...(tag !== null && { [`${SOURCE}/acme/app:v1`]: tag }),
        },
      },
    }),
  );

const section: fc.Arbitrary<StorageSection> = fc.record({
  lookaside: fc.constantFrom(
    undefined,
    ...Array.from({ length: 6 }, () => 'https://look.test/north'),
    'https://look.test/south',
    'https://look.test/south',
    'ftp://look.test/north',
  ),
  attachments: fc.constantFrom<boolean | undefined>(undefined, true, true, false),
});
const storage: fc.Arbitrary<SignatureStorage> = fc
  .record({
    otherwise: section.map((one) => ({ ...one, lookaside: one.lookaside ?? 'https://look.test/south' })),
    source: fc.option(section),
    tag: fc.option(section),
    mirrored: fc.option(section),
  })
  .map(({ otherwise, source, tag, mirrored }) => ({
    otherwise,
    sections: {
      ...(source !== null && { [SOURCE]: source }),
      ...(tag !== null && { [`${SOURCE}/acme/app:v1`]: tag }),
      ...(mirrored !== null && { [`${MIRROR}/copy`]: mirrored }),
    },
  }));

const mirrored = (more: Partial<RegistryRule>, serves?: Parameters<typeof mirror>[1]): readonly RegistryRule[] => [
  rule(SOURCE, { mirrors: [mirror(`${MIRROR}/copy`, serves)], ...more }),
];
const rules: fc.Arbitrary<readonly RegistryRule[]> = fc.constantFrom(
  [],
  [],
  mirrored({}),
  mirrored({}, 'digests'),
  mirrored({ blocked: true }),
  [rule(SOURCE, { location: `${MIRROR}/copy` })],
  [rule(SOURCE, { blocked: true })],
);

/** All that may change while a server runs. */
type State = {
  readonly policy: string;
  readonly team: string | null;
  readonly storage: SignatureStorage;
  readonly rules: readonly RegistryRule[];
};

/** The sets of a state. They are made once, as they are while files do not change. */
function setsOf({ policy, team }: State) {
  const byNamespace = new Map(
    team === null ? [] : [['team', [members(compiled(team, { namespace: 'team', file: 'team.json' }))]]],
  );
  return [containersSet({ everywhere: [members(compiled(policy))], byNamespace })];
}

/** An engine over the real client, in a state that may be another at the next decision. */
function engineIn(
  web: MemoryWeb,
  stateNow: () => State & { readonly sets: ReturnType<typeof setsOf> },
  clock: () => number,
) {
  const registry = createRegistry({ http: web.http, rules: () => stateNow().rules, limits: { retries: 0 } });
  return engineOver(registry, [], {
    clock,
    policies: () => ({ sets: stateNow().sets, exemptions: [], storage: ok(stateNow().storage) }),
  });
}

const oneState = fc.record({ policy: policyText, team: fc.constant(null), storage, rules: fc.constant([]) });

describe('fault monotone under policy.json (MODEL.md §3.4)', () => {
  const spoil = (page: Page | undefined, how: number): ReturnType<MemoryWeb['meddle']> => {
    switch (how) {
      case 0:
        return failure('REGISTRY_UNREACHABLE', 'injected');
      case 1:
        return { status: 500, body: Buffer.alloc(0) };
      case 2:
        return failure('RESPONSE_TOO_LARGE', 'injected');
      case 3:
        return { status: 403, body: Buffer.alloc(0) };
      default:
        // What is there is cut short; where nothing is, a page says so as if it were something.
        return page === undefined
          ? { status: 200, body: Buffer.from('<html>please log in</html>') }
          : { ...page, body: page.body.subarray(0, page.body.length / 2) };
    }
  };

  // Without mirrors: a place that fails hands over to the next, whose signatures are another image's worth of evidence.
  it(`no single request that fails admits what is refused without the failure [seed ${SEED}]`, async () => {
    let refused = 0;
    let faults = 0;
    let lost = 0;
    const runs = 90;
    await fc.assert(
      fc.asyncProperty(oneState, image(anySigner), fc.boolean(), async (state, of, byTag) => {
        const web = createMemoryWeb();
        const digest = publishAt(web, 'acme/app', 'hello', of);
        const now = { ...state, sets: setsOf(state) };
        const asked = byTag ? `${SOURCE}/acme/app:v1` : `${SOURCE}/acme/app@${digest}`;
        const decide = async () => {
          web.requests.length = 0;
          return saidBy(await engineIn(web, () => now, standingClock()).decide(requestFor([asked])));
        };
        const without = await decide();
        if (!without.allowed) refused++;
        for (const [index, request] of [...new Set(web.requests)].entries()) {
          for (const how of [index % 5, (index + 2) % 5]) {
            web.meddle = (text, page) => (text === request ? spoil(page, how) : undefined);
            const faulty = await decide();
            faults++;
            if (without.allowed && !faulty.allowed) lost++;
            if (faulty.allowed && !without.allowed) throw new Error(`fault ${how} at ${request} admits`);
          }
        }
        web.meddle = () => undefined;
      }),
      { seed: SEED, numRuns: runs, endOnFailure: true },
    );
    // The generator must reach both sides, or the property says nothing.
    expect(refused).toBeGreaterThan(30);
    expect(runs - refused).toBeGreaterThan(10);
    expect(faults).toBeGreaterThan(500);
    expect(lost).toBeGreaterThan(50);
  }, 60_000);
});

describe('warm equals cold under policy.json (MODEL.md §3.1)', () => {
  it(`while policies, registries.d and mirrors change, one engine says what fresh ones say [seed ${SEED}]`, async () => {
    const web = createMemoryWeb();
    const clock = standingClock();
    const names = PATHS.flatMap((path, n) => {
      const [of] = fc.sample(image(anySigner), { seed: SEED + n, numRuns: 1 });
      if (of === undefined) throw new Error('nothing was generated');
      const digest = publishAt(web, path, path, of);
      const repository = `${SOURCE}/${path}`;
      return [`${repository}@${digest}`, `${repository}:v1`, `${repository}:v1@${digest}`];
    });
    const states = fc
      .sample(fc.record({ policy: policyText, team: fc.option(policyText), storage, rules }), {
        seed: SEED,
        numRuns: 40,
      })
      .map((state) => ({ ...state, sets: setsOf(state) }));
    const [first] = states;
    if (first === undefined) throw new Error('nothing was generated');
    let current = first;
    const warm = engineIn(web, () => current, clock);
    const runs = 500;
    const questions = fc.sample(
      fc.record({
        state: fc.constantFrom(...states),
        images: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 2 }),
        namespace: fc.constantFrom('default', 'team', undefined),
        server: fc.constantFrom<Mode>('deny', 'deny', 'warn'),
      }),
      { seed: SEED, numRuns: runs },
    );
    let admitted = 0;
    let passed = 0;
    for (const question of questions) {
      current = question.state;
      const request = requestFor(question.images, {
        asker: asker(question.namespace),
        mode: { server: question.server, namespace: undefined },
      });
      const kept = saidBy(await warm.decide(request));
      const fresh = saidBy(await engineIn(web, () => question.state, clock).decide(request));
      expect({ question: question.images, said: kept }).toEqual({ question: question.images, said: fresh });
      if (fresh.allowed) admitted++;
      if (fresh.subjects.some(({ headline }) => headline === 'verified')) passed++;
    }
    expect(passed).toBeGreaterThan(40);
    expect(runs - admitted).toBeGreaterThan(100);
  }, 60_000);
});

describe('nothing to check never reads as checked under policy.json (MODEL.md §3.3)', () => {
  it(`nobody is let in by what strangers signed, whatever lies where, and however it is reached [seed ${SEED}]`, async () => {
    const state = fc.record({ policy: policyText, team: fc.option(policyText), storage, rules });
    await fc.assert(
      fc.asyncProperty(state, image(fc.constant<SignerIndex>(STRANGER)), async (one, of) => {
        const web = createMemoryWeb();
        const digest = publishAt(web, 'acme/app', 'hello', of);
        const now = { ...one, sets: setsOf(one) };
        const engine = engineIn(web, () => now, standingClock());
        for (const namespace of ['default', 'team', undefined]) {
          const asked = [`${SOURCE}/acme/app:v1`, `${SOURCE}/acme/app@${digest}`];
          const said = saidBy(await engine.decide(requestFor(asked, { asker: asker(namespace) })));
          for (const { policies } of said.subjects) {
            expect(policies.length).toBeGreaterThan(0);
            expect(policies.map(({ admission }) => admission)).not.toContain('admit');
          }
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  }, 60_000);

  it('and `insecureAcceptAnything` beside a requirement lifts nothing of it', async () => {
    const web = createMemoryWeb();
    publishImage(web.registry(SOURCE), 'acme/app', 'hello');
    const reading = { north: [], south: [], attached: [] };
    const digest = publishAt(web, 'acme/app', 'hello', {
      shape: 'single',
      atSource: reading,
      atMirror: reading,
      instance: reading,
    });
    const required = { type: 'signedBy', keyType: 'GPGKeys', keyData: base64(gpg[0].publicKeyBinary) };
    const state: State = {
      policy: JSON.stringify({ default: [ACCEPT, required] }),
      team: null,
      storage: { sections: {}, otherwise: { lookaside: 'https://look.test/north', attachments: undefined } },
      rules: [],
    };
    const engine = engineIn(web, () => ({ ...state, sets: setsOf(state) }), standingClock());
    expect((await engine.decide(requestFor([`${SOURCE}/acme/app@${digest}`]))).allowed).toBe(false);
  });
});
