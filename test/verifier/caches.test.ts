import { describe, expect, it } from 'vitest';
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
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { failure } from '../../src/codes/result.ts';
import type { Leaf, NamesRule, ProofRule, Requirement, TrustRef } from '../../src/model/requirement.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
import { createTrustStore } from '../../src/trust/trust-store.ts';
import { type Caches, cacheStatistics, createCaches } from '../../src/verifier/caches.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import {
  createMemoryRegistry,
  engineOver,
  eventually,
  requestFor,
  saidBy,
  standingClock,
  wordsOf,
} from '../fixtures/memory-registry.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';

const signer = createSigner();
const other = createSigner();
const pemOf = (of: typeof signer): TrustRef => ({ kind: 'inline', text: of.publicKeyPem });

/** All orders of a few things. */
function orders<T>(things: readonly T[]): readonly (readonly T[])[] {
  if (things.length < 2) return [things];
  return things.flatMap((first, at) => orders(things.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

describe('a verdict is never kept (MODEL.md §3.1)', () => {
  const memory = createMemoryRegistry();
  const image = publishImage(memory.server, 'acme/repo', 'hello', 'a');
  memory.server.setTag('acme/repo', 'b', image.digest);
  publish(memory.server, 'acme/other', image, 'a');
  for (const path of ['acme/repo', 'acme/other'])
    signImage(memory.server, path, image, signer, 'registry.test/acme/repo:a');
  const names = { kind: 'matchRepoDigestOrExact' } as const;
  const sets = [everywhere(policyOf(signedBy(signer, names)))];
  const right: Readonly<Record<string, boolean>> = {
    'registry.test/acme/repo:a': true,
    'registry.test/acme/repo:b': false,
    [`registry.test/acme/repo@${image.digest}`]: true,
    [`registry.test/acme/other@${image.digest}`]: false,
    'registry.test/acme/other:a': false,
  };

  it.each(orders(Object.keys(right)))(
    'one digest under several names, asked for in turn: %s, %s, %s, %s, %s',
    async (...asked) => {
      const engine = engineOver(memory.client(), sets);
      for (const round of ['cold', 'warm']) {
        for (const name of asked) {
          const { allowed } = await engine.decide(requestFor([name]));
          expect({ round, name, allowed }).toEqual({ round, name, allowed: right[name] });
        }
      }
    },
  );

  it('nor mixed up between the containers of one pod', async () => {
    const decision = await engineOver(memory.client(), sets).decide(requestFor(Object.keys(right)));
    expect(decision.subjects.map(({ headline }) => headline === 'verified')).toEqual(Object.values(right));
  });
});

describe('a weaker rule never answers for a stronger one (MODEL.md §3.2)', () => {
  /** Each pair differs in exactly one field. The first admits the image, the second does not. */
  const keys = {
    kind: 'keys',
    keys: [pemOf(signer)],
    hash: 'sha256',
    transparency: 'none',
  } as const satisfies ProofRule;
  const log = { kind: 'rekor', logs: [pemOf(other)] } as const;
  const certificates: ProofRule = {
    kind: 'certificates',
    roots: [pemOf(signer)],
    intermediates: [],
    validAt: 'now',
  };
  const sigstore: ProofRule = {
    kind: 'sigstore',
    root: {
      kind: 'pem',
      certificateAuthorities: [],
      transparencyLogs: [{ key: pemOf(other), url: 'https://rekor.example' }],
      certificateLogs: [],
      timestampAuthorities: [],
    },
    signer: { keys: keys.keys, hash: 'usual' },
    transparency: { threshold: 1 },
    time: 'none',
    certificateTransparency: 'none',
  };
  const leaf = keyLeaf([signer]);
  const stronger: Readonly<Record<string, Partial<Leaf>>> = {
    'proof.kind': { proof: certificates },
    'proof.keys: another key': { proof: { ...keys, keys: [pemOf(other)] } },
    'proof.keys: one more that does not load': {
      proof: { ...keys, keys: [pemOf(signer), { kind: 'inline', text: 'none' }] },
    },
    'proof.keys: not there': { proof: { ...keys, keys: [{ kind: 'unavailable', why: 'the file is gone' }] } },
    'proof.kind: sigstore': { proof: sigstore },
    'proof.time': { proof: { ...sigstore, transparency: 'none', time: { threshold: 1, by: 'authorities' } } },
    'proof.signer': { proof: { ...sigstore, signer: 'certificate', time: { threshold: 1, by: 'logs' } } },
    'proof.keys: from a secret': {
      proof: { ...keys, keys: [{ kind: 'secret', namespace: 'a', name: 'b', key: 'c' }] },
    },
    'proof.hash: sha384': { proof: { ...keys, hash: 'sha384' } },
    'proof.hash: sha512': { proof: { ...keys, hash: 'sha512' } },
    'proof.transparency': { proof: { ...keys, transparency: log } },
    'signer: identities': { signer: { kind: 'identities', anyOf: [{ issuer: 'any', subject: 'any' }] } },
    'signer: subject': { signer: { kind: 'subject', email: 'any', hostname: 'any' } },
    'names: matchExact': { names: { kind: 'matchExact' } },
    'names: matchRepoDigestOrExact': { names: { kind: 'matchRepoDigestOrExact' } },
    'names: matchRepository': { names: { kind: 'matchRepository' } },
    'names: exactReference': { names: { kind: 'exactReference', reference: 'registry.test/acme/app:v1' } },
    'names: exactRepository': { names: { kind: 'exactRepository', repository: 'registry.test/acme/app' } },
    'names: remapIdentity': { names: { kind: 'remapIdentity', prefix: 'registry.test', signedPrefix: 'quay.test' } },
    'names: ifNamed': { names: { kind: 'ifNamed', rule: { kind: 'matchRepository' } } },
    'conditions: annotation': { conditions: [{ kind: 'annotation', name: 'release', value: 'yes' }] },
    'conditions: CEL': { conditions: [{ kind: 'cel', expression: 'true', reads: ['statement'] }] },
    'where.stores': { where: { ...leaf.where, stores: ['sigstore-bundle'] } },
    'where.repository': { where: { ...leaf.where, repository: { host: 'registry.test', path: 'acme/signatures' } } },
    'where.tagPrefix': { where: { ...leaf.where, tagPrefix: 'other-' } },
  };
  const memory = createMemoryRegistry();
  const image = publishImage(memory.server, 'acme/app', 'hello');
  // Signed by the right key under another name.
  signImage(memory.server, 'acme/app', image, signer, 'registry.test/dev/app:v1');
  const asked = requestFor([`registry.test/acme/app@${image.digest}`]);

  it.each(Object.entries(stronger))('differing in %s alone, in both orders, warm', async (_, change) => {
    const weak = everywhere(policyOf({ kind: 'some', leaf }, { origin: origin('weak') }));
    const strong = everywhere(policyOf({ kind: 'some', leaf: { ...leaf, ...change } }, { origin: origin('strong') }));
    for (const order of [
      [weak, strong, weak, strong],
      [strong, weak, strong, weak],
    ]) {
      let sets: readonly PolicySet[] = [];
      const engine = engineOver(memory.client(), [], {
        policies: () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D }),
      });
      for (const set of order) {
        sets = [set];
        const { allowed } = await engine.decide(asked);
        expect({ policy: set.policies[0]?.origin.name, allowed }).toEqual({
          policy: set === weak ? 'weak' : 'strong',
          allowed: set === weak,
        });
      }
      sets = [weak, strong];
      expect((await engine.decide(asked)).allowed).toBe(false);
    }
  });

  it('nor is a number of signatures answered by one of them', async () => {
    const quorum = (k: number): Requirement => ({ kind: 'quorum', k, of: [leaf, keyLeaf([signer, other])] });
    let require: Requirement = quorum(1);
    const engine = engineOver(memory.client(), [], {
      policies: () => ({ sets: [everywhere(policyOf(require))], exemptions: [], storage: NO_REGISTRIES_D }),
    });
    expect((await engine.decide(asked)).allowed).toBe(true);
    require = quorum(2);
    expect((await engine.decide(asked)).allowed).toBe(false);
  });

  it('and a signature that was proved for one image proves nothing for another to which it was copied', async () => {
    const elsewhere = createMemoryRegistry();
    const signed = publishImage(elsewhere.server, 'acme/app', 'hello', 'signed');
    const copied = publishImage(elsewhere.server, 'acme/app', 'h3llo', 'copied');
    expect(copied.manifest.length).toBe(signed.manifest.length);
    const layer = signedLayer(signer, simpleSigningPayload(signed.digest, 'registry.test/acme/app'));
    const bundle = bundleBytes(signer, signStatement(signed.digest));
    for (const image of [signed, copied]) {
      publishLayers(elsewhere.server, 'acme/app', image, [layer]);
      attach(elsewhere.server, 'acme/app', bundleReferrer(image, bundle));
    }
    for (const stores of [['cosign-tag'], ['sigstore-bundle']] as const) {
      const require: Requirement = { kind: 'some', leaf: { ...leaf, where: { ...leaf.where, stores } } };
      const engine = engineOver(elsewhere.client(), [everywhere(policyOf(require))]);
      const says = async (tag: string) => wordsOf(await engine.decide(requestFor([`registry.test/acme/app:${tag}`])));
      expect(await says('signed')).toEqual(['verified']);
      expect(await says('copied')).toEqual(['invalid PAYLOAD_DIGEST_MISMATCH']);
      expect(await says('signed')).toEqual(['verified']);
    }
  });
});

describe('what one credential fetched', () => {
  function shared() {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'secret/app', 'hello');
    signImage(memory.server, 'secret/app', image, signer);
    signImageWithBundle(memory.server, 'secret/app', image, signer);
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 1e6, lives: 300_000 }, clock);
    const as = (id: string, mayRead: boolean, keys = signer) =>
      engineOver(
        memory.client(id, () => mayRead),
        [everywhere(policyOf(signedBy(keys)))],
        { clock, caches },
      );
    return { memory, image, as };
  }

  it.each(['deny', 'audit'] as const)('is not handed to another who may not read it (%s)', async (server) => {
    const { memory, image, as } = shared();
    const owner = as('owner', true);
    const stranger = as('stranger', false);
    const mode = { server, namespace: undefined };
    for (const name of ['registry.test/secret/app:v1', `registry.test/secret/app@${image.digest}`]) {
      expect(wordsOf(await owner.decide(requestFor([name], { mode })))).toEqual(['verified']);
      const decision = await stranger.decide(requestFor([name], { mode }));
      expect(wordsOf(decision)).toEqual(['error REGISTRY_UNAUTHORISED']);
      if (!name.includes('@')) expect(decision.subjects[0]?.digest).toBeUndefined();
    }
    memory.calls.length = 0;
    expect(wordsOf(await as('owner', true).decide(requestFor([`registry.test/secret/app@${image.digest}`])))).toEqual([
      'verified',
    ]);
    expect(memory.calls).toEqual([]);
  });

  it('is read again by another, each piece of it: no cache answers one for the other', async () => {
    const { memory, as } = shared();
    const asked = requestFor(['registry.test/secret/app:v1'], { mode: { server: 'audit', namespace: undefined } });
    const ask = async (id: string, keys: typeof signer) => {
      memory.calls.length = 0;
      await as(id, true, keys).decide(asked);
      return memory.calls.map(({ kind }) => kind).sort();
    };
    const all = ['blob', 'blob', 'head', 'manifest', 'manifest', 'manifest', 'referrers'];
    expect(await ask('a', signer)).toEqual(all);
    expect(await ask('a', signer)).toEqual([]);
    // With other keys there is no proof yet, so the bytes are needed too.
    expect(await ask('b', other)).toEqual(all);
    // A proof is the same for everybody who could read the list that names it.
    expect(await ask('c', signer)).toEqual(all.slice(2));
  });

  it('nor is that which the stranger was refused kept against the owner [peers 69]', async () => {
    const { image, as } = shared();
    const asked = requestFor([`registry.test/secret/app@${image.digest}`]);
    expect(wordsOf(await as('stranger', false).decide(asked))).toEqual(['error REGISTRY_UNAUTHORISED']);
    expect(wordsOf(await as('owner', true).decide(asked))).toEqual(['verified']);
  });
});

describe('a list of signatures', () => {
  const FRESH = 10_000;
  function unsigned(evidence: 'isolate' | 'complete' = 'isolate', require: Requirement = signedBy(signer)) {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const clock = standingClock();
    const engine = engineOver(memory.client(), [everywhere(policyOf(require, { evidence }))], { clock });
    const decide = async () => wordsOf(await engine.decide(requestFor([`registry.test/acme/app@${image.digest}`])))[0];
    return { memory, image, clock, decide };
  }

  it.each([
    ['the .sig tag', signImage],
    ['a bundle', signImageWithBundle],
  ] as const)(
    'never refuses once it is older than ten seconds: what was signed meanwhile by %s is admitted',
    async (_, sign) => {
      const { memory, image, clock, decide } = unsigned();
      expect(await decide()).toBe('unsigned UNSIGNED');
      sign(memory.server, 'acme/app', image, signer);
      clock.move(FRESH);
      memory.calls.length = 0;
      // Ten seconds old it may still refuse, without a request.
      expect(await decide()).toBe('unsigned UNSIGNED');
      expect(memory.calls).toEqual([]);
      clock.move(1);
      expect(await decide()).toBe('verified');
    },
  );

  it('admits for as long as it lives without a request, and is read again after', async () => {
    const { memory, image, clock, decide } = unsigned();
    signImage(memory.server, 'acme/app', image, signer);
    expect(await decide()).toBe('verified');
    memory.calls.length = 0;
    clock.move(299_000);
    expect(await decide()).toBe('verified');
    expect(memory.calls).toEqual([]);
    clock.move(1_001);
    expect(await decide()).toBe('verified');
    expect(memory.calls.map(({ kind }) => kind).sort()).toEqual(['manifest', 'manifest', 'referrers']);
  });

  it('that is older than ten seconds never feeds `evidence: complete`, where one more piece may spoil', async () => {
    const { memory, image, clock, decide } = unsigned('complete');
    signImage(memory.server, 'acme/app', image, signer);
    expect(await decide()).toBe('verified');
    clock.move(FRESH + 1);
    memory.intercept = ({ text }) => (text.includes('.sig') ? failure('REGISTRY_UNREACHABLE', 'down') : undefined);
    expect(await decide()).toBe('error REGISTRY_UNREACHABLE');
  });

  it.each<[string, (leaf: Leaf) => Requirement]>([
    [
      'each',
      (leaf) => ({
        kind: 'each',
        verifiers: [{ types: ['application/vnd.dev.cosign.simplesigning.v1+json'], leaf }],
        rules: {},
        otherwise: 'all',
      }),
    ],
    [
      'when',
      (leaf) => ({
        kind: 'when',
        child: { kind: 'some', leaf },
        body: { kind: 'annotation', name: 'bad', value: 'no' },
      }),
    ],
  ])('that is older than ten seconds never feeds a node that needs it complete: %s', async (kind, of) => {
    const { memory, image, clock, decide } = unsigned('isolate', of(keyLeaf([signer])));
    const good = signedLayer(signer, simpleSigningPayload(image.digest, 'registry.test/acme/app', { bad: 'no' }));
    publishLayers(memory.server, 'acme/app', image, [good]);
    expect(await decide()).toBe('verified');
    const bad =
      kind === 'each'
        ? signedLayer(other, simpleSigningPayload(image.digest, 'x'))
        : signedLayer(signer, simpleSigningPayload(image.digest, 'x', { bad: 'yes' }));
    publishLayers(memory.server, 'acme/app', image, [good, bad]);
    clock.move(FRESH + 1);
    expect((await decide())?.split(' ')[0]).toBe('rejected');
  });

  it('that could not be read is never kept: the next decision asks again [peers 69]', async () => {
    const { memory, image, decide } = unsigned();
    signImage(memory.server, 'acme/app', image, signer);
    for (const code of [
      'REGISTRY_UNREACHABLE',
      'REGISTRY_RATE_LIMITED',
      'REGISTRY_UNAUTHORISED',
      'RESPONSE_MALFORMED',
      'RESPONSE_TOO_LARGE',
      'DEADLINE_EXCEEDED',
    ] as const) {
      memory.intercept = ({ kind }) => (kind === 'referrers' || kind === 'blob' ? failure(code, 'trouble') : undefined);
      expect(await decide()).toBe(`error ${code}`);
    }
    memory.intercept = () => undefined;
    expect(await decide()).toBe('verified');
  });
});

describe('an edit [peers 72]', () => {
  const memory = createMemoryRegistry();
  const image = publishImage(memory.server, 'acme/app', 'hello');
  signImage(memory.server, 'acme/app', image, signer);
  const asked = requestFor([`registry.test/acme/app@${image.digest}`]);

  it('of a policy is in force on the next decision, without a request where nothing new is needed', async () => {
    let sets = [everywhere(policyOf(signedBy(signer)))];
    const engine = engineOver(memory.client(), [], {
      policies: () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D }),
    });
    const steps: [Requirement, string][] = [
      [signedBy(signer), 'verified'],
      [signedBy(other), 'untrusted SIGNATURE_MISMATCH'],
      [signedBy(signer, { kind: 'matchExact' }), 'untrusted NAME_MISMATCH'],
      [{ kind: 'reject', says: 'no' }, 'rejected REJECTED_BY_POLICY'],
      [{ kind: 'accept' }, 'accepted'],
      [signedBy(signer), 'verified'],
    ];
    for (const [index, [require, word]] of steps.entries()) {
      sets = [everywhere(policyOf(require))];
      memory.calls.length = 0;
      expect(wordsOf(await engine.decide(asked))).toEqual([word]);
      if (index > 0) expect(memory.calls.filter(({ kind }) => kind !== 'blob')).toEqual([]);
    }
    sets = [];
    expect((await engine.decide(asked)).subjects[0]?.headline).toBe('unmatched');
  });

  it('of a policy does not change a decision that is under way, half of it by the old and half by the new', async () => {
    let sets = [everywhere(policyOf(signedBy(signer)))];
    const gate = Promise.withResolvers<undefined>();
    memory.intercept = () => gate.promise;
    const engine = engineOver(memory.client(), [], {
      policies: () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D }),
    });
    const running = engine.decide(asked);
    await eventually(() => memory.calls.length > 0);
    sets = [everywhere(policyOf({ kind: 'reject', says: 'no' }))];
    gate.resolve(undefined);
    expect(wordsOf(await running)).toEqual(['verified']);
    expect(wordsOf(await engine.decide(asked))).toEqual(['rejected REJECTED_BY_POLICY']);
    memory.intercept = () => undefined;
  });

  it('of a key under the same name of a secret is another proof at once', async () => {
    // The trust store as it will be with secrets: the same reference, other material.
    const inner = createTrustStore();
    let current = signer;
    const trust = { ...inner, keys: () => inner.keys([pemOf(current)]) };
    const leaf = keyLeaf([signer]);
    const byName: Leaf = {
      ...leaf,
      proof: {
        kind: 'keys',
        keys: [{ kind: 'secret', namespace: 'a', name: 'b', key: 'c' }],
        hash: 'sha256',
        transparency: 'none',
      },
    };
    const engine = engineOver(memory.client(), [everywhere(policyOf({ kind: 'some', leaf: byName }))], { trust });
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    current = other;
    expect(wordsOf(await engine.decide(asked))).toEqual(['untrusted SIGNATURE_MISMATCH']);
    current = signer;
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
  });
});

describe('bounds of the caches', () => {
  const decideMany = async (caches: Caches, count: number, memory = createMemoryRegistry()) => {
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { caches });
    const names: string[] = [];
    for (let n = 0; n < count; n++) {
      const image = publishImage(memory.server, `acme/app${n}`, `image ${n}`);
      signImage(memory.server, `acme/app${n}`, image, signer);
      names.push(`registry.test/acme/app${n}@${image.digest}`);
    }
    for (const name of names) expect((await engine.decide(requestFor([name]))).allowed).toBe(true);
    memory.calls.length = 0;
    return { memory, engine, names };
  };

  it('N distinct images decided, N known afterwards [peers 70]', async () => {
    const caches = createCaches({ entries: 1000, bytes: 64e6, lives: 300_000 }, standingClock());
    const { memory, engine, names } = await decideMany(caches, 100);
    for (const name of names) await engine.decide(requestFor([name]));
    expect(memory.calls).toEqual([]);
    const counts = cacheStatistics(caches);
    expect(counts.descriptors).toMatchObject({ entries: 100, hits: 100, misses: 100, evictions: 0 });
    expect(counts.lists).toMatchObject({ entries: 200, hits: 200, misses: 200, evictions: 0 });
    expect(counts.proofs).toMatchObject({ entries: 100, hits: 100, misses: 100, evictions: 0 });
    expect(counts.bytes).toMatchObject({ entries: 100, evictions: 0 });
  });

  it('more images than entries: every bound holds, what was evicted is looked up again, and decisions stay right [peers 70]', async () => {
    const caches = createCaches({ entries: 20, bytes: 64e6, lives: 300_000 }, standingClock());
    const { memory, engine, names } = await decideMany(caches, 50);
    for (const { entries } of Object.values(cacheStatistics(caches))) expect(entries).toBeLessThanOrEqual(20);
    expect(cacheStatistics(caches).lists).toMatchObject({ entries: 20, evictions: 80 });
    for (const name of names.toReversed()) expect((await engine.decide(requestFor([name]))).allowed).toBe(true);
    expect(memory.calls.length).toBeGreaterThan(0);
  });

  it.each([1, 10_000, 100_000])(
    'bytes hold too, however many entries are allowed, down to %i [peers 70]',
    async (bytes) => {
      const caches = createCaches({ entries: 100_000, bytes, lives: 300_000 }, standingClock());
      await decideMany(caches, 100);
      const held = Object.values(cacheStatistics(caches)).reduce((sum, each) => sum + each.bytes, 0);
      expect(held).toBeLessThanOrEqual(bytes);
    },
  );

  it('evicted bytes and proofs are fetched and verified again, never skipped', async () => {
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 64e6, lives: 300_000 }, clock);
    const none = createCaches({ entries: 1, bytes: 1, lives: 1 }, clock);
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    signImage(memory.server, 'acme/app', image, other);
    const forgetful: Caches = { ...caches, bytes: none.bytes, proofs: none.proofs };
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock, caches: forgetful });
    const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
    const first = saidBy(await engine.decide(asked));
    expect(first.allowed).toBe(false);
    expect(saidBy(await engine.decide(asked))).toEqual(first);
    expect(memory.calls.filter(({ kind }) => kind === 'blob')).toHaveLength(2);
  });

  it('everything that expires leaves, and the size that is reported falls', async () => {
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 64e6, lives: 300_000 }, clock);
    const memory = createMemoryRegistry();
    publishImage(memory.server, 'acme/app', 'hello');
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock, caches });
    await engine.decide(requestFor(['registry.test/acme/app:v1'], { mode: { server: 'audit', namespace: undefined } }));
    expect(cacheStatistics(caches)).toMatchObject({
      tags: { entries: 1 },
      descriptors: { entries: 1 },
      lists: { entries: 2 },
    });
    clock.move(600_000);
    expect(cacheStatistics(caches)).toMatchObject({
      tags: { entries: 0, bytes: 0 },
      descriptors: { entries: 0, bytes: 0 },
      lists: { entries: 0, bytes: 0 },
    });
  });

  it('one image written three ways is one entry [peers 31]', async () => {
    const memory = createMemoryRegistry('docker.io');
    const image = publishImage(memory.server, 'library/app', 'hello');
    signImage(memory.server, 'library/app', image, signer);
    const caches = createCaches({ entries: 1000, bytes: 64e6, lives: 300_000 }, standingClock());
    const names: NamesRule = { kind: 'unchecked' };
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer, names)))], { caches });
    for (const name of ['app', 'docker.io/app', 'docker.io/library/app', 'index.docker.io/library/app'])
      expect((await engine.decide(requestFor([`${name}@${image.digest}`]))).allowed).toBe(true);
    expect(cacheStatistics(caches)).toMatchObject({
      descriptors: { entries: 1 },
      lists: { entries: 2 },
      proofs: { entries: 1 },
    });
  });
});
