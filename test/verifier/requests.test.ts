import { afterEach, describe, expect, it } from 'vitest';
import { publishImage, publishLayers, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import type { RegistryServerOptions } from '../../src/cli/demo/registry-server.ts';
import { createSigner, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { createRegistry } from '../../src/registry/create.ts';
import { createCaches } from '../../src/verifier/caches.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { requestFor } from '../fixtures/memory-registry.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';

const signer = createSigner();
const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

type Kind = 'tag' | 'image' | '.sig' | 'referrers' | 'fallback' | 'artifact' | 'blob' | 'token' | 'challenge';

/** A registry with one image, and what was asked of it, each request by what it was for. */
async function published(options: RegistryServerOptions = {}) {
  const world = await startWorld(options);
  worlds.push(world);
  const image = publishImage(world.server, 'acme/app', 'hello');
  const kindOf = (method: string, path: string): Kind => {
    if (path === '/token') return 'token';
    if (path.includes('/referrers/')) return 'referrers';
    if (path.includes('/blobs/')) return 'blob';
    if (path.endsWith('.sig')) return '.sig';
    if (path.endsWith(`sha256-${image.digest.slice(7)}`)) return 'fallback';
    if (path.endsWith(image.digest)) return 'image';
    return method === 'HEAD' ? 'tag' : 'artifact';
  };
  /** What was asked since the last time, sorted. */
  const asked = (): Kind[] =>
    world.server.requests
      .splice(0)
      .map(({ method, path, headers }) =>
        options.auth !== undefined && path !== '/token' && headers.authorization === undefined
          ? 'challenge'
          : kindOf(method, path),
      )
      .sort();
  const name = `${world.server.host}/acme/app`;
  return { world, server: world.server, image, asked, byDigest: `${name}@${image.digest}`, byTag: `${name}:v1` };
}

const one = (...policies: readonly Policy[]) => [everywhere(...policies)];
const signedPolicy = policyOf(signedBy(signer));

describe('requests of a cold decision by digest', () => {
  it('are three look-ups for an image that nobody signed', async () => {
    const { world, asked, byDigest } = await published();
    expect((await ask(world.engine(one(signedPolicy)), [byDigest])).allowed).toBe(false);
    expect(asked()).toEqual(['.sig', 'image', 'referrers']);
  });

  it('are four where the registry has no referrers API, and the API is not asked for again at once', async () => {
    const { world, asked, byDigest } = await published({ referrers: 'none' });
    const other = publishImage(world.server, 'acme/app', 'other', 'v2');
    const engine = world.engine(one(signedPolicy));
    await ask(engine, [byDigest]);
    expect(asked()).toEqual(['.sig', 'fallback', 'image', 'referrers']);
    await ask(engine, [`${world.server.host}/acme/app@${other.digest}`]);
    expect(asked()).toHaveLength(3);
  });

  it('are one more for each legacy signature', async () => {
    const { world, server, image, asked, byDigest } = await published();
    const layers = [1, 2, 3].map((n) =>
      signedLayer(signer, simpleSigningPayload(image.digest, `${server.host}/acme/app:${n}`)),
    );
    publishLayers(server, 'acme/app', image, layers);
    expect((await ask(world.engine(one(signedPolicy)), [byDigest])).allowed).toBe(true);
    expect(asked()).toEqual(['.sig', 'blob', 'blob', 'blob', 'image', 'referrers']);
  });

  it('are two more for a bundle', async () => {
    const { world, server, image, asked, byDigest } = await published();
    signImageWithBundle(server, 'acme/app', image, signer);
    expect((await ask(world.engine(one(signedPolicy)), [byDigest])).allowed).toBe(true);
    expect(asked()).toEqual(['.sig', 'artifact', 'blob', 'image', 'referrers']);
  });

  it.each([
    ['anonymous', undefined],
    ['with a credential', { username: 'u', password: 'p' }],
  ])('are one token more where the registry wants one (%s)', async (_, login) => {
    const { world, server, image, asked, byDigest } = await published({ auth: { kind: 'bearer', ...login } });
    signImage(server, 'acme/app', image, signer);
    const credentials = {
      id: () => (login === undefined ? 'anonymous' : 'u'),
      candidates: () =>
        Promise.resolve({
          ok: true as const,
          value: login === undefined ? [] : [{ kind: 'basic' as const, ...login }],
        }),
    };
    const registry = createRegistry({
      hosts: new Map([[server.host, { plainHttp: true, ca: undefined, mirrors: [] }]]),
      credentials,
    });
    const engine = world.engine(one(signedPolicy), {}, { registry });
    const decisions = await Promise.all(Array.from({ length: 20 }, () => ask(engine, [byDigest])));
    expect(decisions.every(({ allowed }) => allowed)).toBe(true);
    expect(asked()).toEqual(['.sig', 'blob', 'challenge', 'image', 'referrers', 'token']);
    await ask(engine, [byDigest]);
    expect(asked()).toEqual([]);
  });
});

describe('requests of a repeat decision', () => {
  it('are none for a digest [peers 69]', async () => {
    const { world, server, image, asked, byDigest } = await published();
    signImage(server, 'acme/app', image, signer);
    signImageWithBundle(server, 'acme/app', image, signer);
    const engine = world.engine(one(signedPolicy));
    const cold = await ask(engine, [byDigest]);
    expect(cold.cost.requests).toBe(asked().length);
    const warm = await ask(engine, [byDigest]);
    expect(asked()).toEqual([]);
    expect(warm.cost).toMatchObject({ requests: 0, misses: 0 });
    expect(warm.subjects).toEqual(cold.subjects);
  });

  it('are one HEAD for a tag in deny mode, whether the server or the namespace denies [peers 36]', async () => {
    const { world, server, image, asked, byTag } = await published();
    signImage(server, 'acme/app', image, signer);
    const engine = world.engine(one(signedPolicy));
    await ask(engine, [byTag]);
    expect(asked()).toEqual(['.sig', 'blob', 'image', 'referrers', 'tag']);
    await ask(engine, [byTag]);
    expect(asked()).toEqual(['tag']);
    await engine.decide(
      requestFor([byTag], { mode: { server: 'audit', namespace: 'deny' }, deadline: Date.now() + 4_000 }),
    );
    expect(asked()).toEqual(['tag']);
  });

  it.each(['audit', 'warn'] as const)('are none for a tag within five seconds in %s mode', async (mode) => {
    const { world, server, image, asked, byTag } = await published();
    signImage(server, 'acme/app', image, signer);
    let now = Date.now();
    const caches = createCaches({ entries: 100, bytes: 1e6, lives: 300_000 }, () => now);
    const engine = world.engine(one(signedPolicy), {}, { clock: () => now, caches });
    await ask(engine, [byTag], { mode, within: 60_000 });
    asked();
    now += 4_900;
    await ask(engine, [byTag], { mode, within: 60_000 });
    expect(asked()).toEqual([]);
    now += 100;
    await ask(engine, [byTag], { mode, within: 60_000 });
    expect(asked()).toEqual(['tag']);
  });
});

describe('one set of requests', () => {
  it('is made for 200 concurrent decisions of one cold image, by digest and by tag [peers 71]', async () => {
    const { world, server, image, asked, byDigest, byTag } = await published();
    signImage(server, 'acme/app', image, signer);
    signImageWithBundle(server, 'acme/app', image, signer);
    const engine = world.engine(one(signedPolicy));
    const decisions = await Promise.all(
      Array.from({ length: 200 }, (_, n) => ask(engine, [n % 2 === 0 ? byDigest : byTag])),
    );
    expect(decisions.every(({ allowed }) => allowed)).toBe(true);
    expect(asked()).toEqual(['.sig', 'artifact', 'blob', 'blob', 'image', 'referrers', 'tag']);
    expect(decisions.reduce((sum, { cost }) => sum + cost.requests, 0)).toBe(7);
  });

  it('is made for 100 concurrent decisions that refuse, and all say the same [peers 71, hostile]', async () => {
    const { world, asked, byDigest } = await published();
    const engine = world.engine(one(signedPolicy));
    const decisions = await Promise.all(Array.from({ length: 100 }, () => ask(engine, [byDigest])));
    expect(new Set(decisions.map(({ subjects }) => subjects[0]?.headline))).toEqual(new Set(['unsigned']));
    expect(asked()).toEqual(['.sig', 'image', 'referrers']);
  });

  it('is made for the same image in three containers, whichever way it is written', async () => {
    const { world, server, image, asked, byDigest, byTag } = await published();
    signImage(server, 'acme/app', image, signer);
    const decision = await ask(world.engine(one(signedPolicy)), [byDigest, `${byTag}@${image.digest}`, byDigest]);
    expect(decision.subjects.map(({ headline }) => headline)).toEqual(['verified', 'verified', 'verified']);
    expect(asked()).toEqual(['.sig', 'blob', 'image', 'referrers']);
  });

  it('is made for three policies that ask for three different keys', async () => {
    const { world, server, image, asked, byDigest } = await published();
    const signers = [signer, createSigner(), createSigner()];
    publishLayers(
      server,
      'acme/app',
      image,
      signers.map((each) => signedLayer(each, simpleSigningPayload(image.digest, `${server.host}/acme/app`))),
    );
    const policies = signers.map((each, n) => policyOf(signedBy(each), { origin: origin(`p${n}`) }));
    const decision = await ask(world.engine(one(...policies)), [byDigest]);
    expect(decision.subjects[0]?.policies.map(({ outcome }) => outcome.kind)).toEqual([
      'verified',
      'verified',
      'verified',
    ]);
    // One payload: the three signatures are annotations of three layers with the same bytes.
    expect(asked()).toEqual(['.sig', 'blob', 'image', 'referrers']);
  });
});

describe('no request at all [peers 60]', () => {
  const accept = policyOf({ kind: 'accept' });
  const some = signedBy(signer);
  it.each([
    ['no policy', []],
    ['a policy that does not name the image', [{ name: 'none', policies: [signedPolicy], select: () => [] }]],
    ['a policy that accepts', one(accept)],
    ['a policy that rejects', one(policyOf({ kind: 'reject', says: 'never' }))],
    [
      'a broken policy',
      one(policyOf(some, { state: { kind: 'broken', failure: { code: 'POLICY_BROKEN', message: 'broken' } } })),
    ],
    ['a choice that accepts whatever the signature', one(policyOf({ kind: 'anyOf', of: [some, { kind: 'accept' }] }))],
    [
      'a conjunction that rejects whatever the signature',
      one(policyOf({ kind: 'allOf', of: [some, { kind: 'reject', says: 'no' }] })),
    ],
    [
      'two of three that reject',
      one(policyOf({ kind: 'kOf', k: 2, of: [some, { kind: 'reject', says: 'a' }, { kind: 'reject', says: 'b' }] })),
    ],
  ])('is made under %s', async (_, sets) => {
    const { world, asked, byTag } = await published();
    const decision = await ask(world.engine(sets), [byTag]);
    expect(asked()).toEqual([]);
    expect(decision.cost.requests).toBe(0);
  });

  it('is made for an image that is no reference, and none for the others’ sake is left out', async () => {
    const { world, server, image, asked, byDigest } = await published();
    signImage(server, 'acme/app', image, signer);
    const decision = await ask(world.engine(one(signedPolicy)), ['', 'UPPER/case', byDigest]);
    expect(decision.allowed).toBe(false);
    expect(decision.subjects.map(({ headline }) => headline)).toEqual(['error', 'error', 'verified']);
    expect(asked()).toEqual(['.sig', 'blob', 'image', 'referrers']);
  });

  it('is made to any other host than the registry: a key needs no Sigstore service [peers 64]', async () => {
    const { server, image, world, byDigest } = await published();
    signImage(server, 'acme/app', image, signer);
    signImageWithBundle(server, 'acme/app', image, signer);
    const hosts = new Set<string>();
    const engine = world.engine(one(signedPolicy), {}, { onRequest: ({ host }) => hosts.add(host) });
    expect((await ask(engine, [byDigest])).allowed).toBe(true);
    expect([...hosts]).toEqual([server.host]);
  });

  it('is asked for what the image’s own leaf does not read', async () => {
    const { world, asked, byDigest } = await published();
    const leaf = keyLeaf([signer]);
    const tagOnly = { ...leaf, where: { ...leaf.where, stores: ['cosign-tag'] as const } };
    await ask(world.engine(one(policyOf({ kind: 'some', leaf: tagOnly }))), [byDigest]);
    expect(asked()).toEqual(['.sig', 'image']);
  });
});
