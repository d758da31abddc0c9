import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish, publishImage, publishLayers, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import {
  BUNDLE_TYPE,
  bundleBytes,
  createSigner,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { failure } from '../../src/codes/result.ts';
import { COSIGN_SIGN_PREDICATE } from '../../src/signatures/cosign/formats.ts';
import { cacheStatistics, createCaches } from '../../src/verifier/caches.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import {
  createMemoryRegistry,
  engineOver,
  eventually,
  type MemoryRegistry,
  requestFor,
  saidBy,
  standingClock,
  wordsOf,
} from '../fixtures/memory-registry.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';

const signer = createSigner();
const other = createSigner();

/** A manifest that says of a bundle's blob what it likes. */
function attachBundleOfSize(
  memory: MemoryRegistry,
  subject: ReturnType<typeof publishImage>,
  bundle: Uint8Array,
  size: number,
): void {
  const blob = memory.server.pushBlob('acme/app', bundle);
  memory.server.pushManifest('acme/app', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: BUNDLE_TYPE,
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.manifest.length },
    annotations: { 'dev.sigstore.bundle.predicateType': COSIGN_SIGN_PREDICATE },
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: blob.digest, size: 2 },
    layers: [{ mediaType: BUNDLE_TYPE, digest: blob.digest, size }],
  });
}

describe('what somebody pushes beside a good signature', () => {
  it.each([
    ['before', [1, 0]],
    ['after', [0, 1]],
  ])('a second manifest %s it that lies about the size of the same bundle hides nothing', async (_, lies) => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const bundle = bundleBytes(signer, signStatement(image.digest));
    for (const lie of lies) attachBundleOfSize(memory, image, bundle, bundle.length + lie);
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))]);
    const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
  });

  it('a bundle of the wrong size alone is an error, cold and warm', async () => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const bundle = bundleBytes(signer, signStatement(image.digest));
    attachBundleOfSize(memory, image, bundle, bundle.length + 1);
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 1e6, lives: 300_000 }, clock);
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock, caches });
    const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
    expect(wordsOf(await engine.decide(asked))).toEqual(['error RESPONSE_MALFORMED']);
    expect(wordsOf(await engine.decide(asked))).toEqual(['error RESPONSE_MALFORMED']);
    expect(cacheStatistics(caches).bytes.entries).toBe(0);
  });

  it('a referrer that is no manifest costs a warm decision no request, and is looked at anew before it refuses', async () => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    signImageWithBundle(memory.server, 'acme/app', image, signer);
    memory.server.pushManifest('acme/app', {
      schemaVersion: 2,
      artifactType: BUNDLE_TYPE,
      subject: { mediaType: image.mediaType, digest: image.digest, size: 1 },
      layers: 'none',
    });
    const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
    const good = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))]);
    expect(wordsOf(await good.decide(asked))).toEqual(['verified']);
    memory.calls.length = 0;
    expect(wordsOf(await good.decide(asked))).toEqual(['verified']);
    expect(memory.calls).toEqual([]);

    const strict = engineOver(memory.client(), [everywhere(policyOf(signedBy(other)))]);
    expect(wordsOf(await strict.decide(asked))).toEqual(['error RESPONSE_MALFORMED']);
    memory.calls.length = 0;
    expect(wordsOf(await strict.decide(asked))).toEqual(['error RESPONSE_MALFORMED']);
    expect(memory.calls.filter(({ kind }) => kind === 'referrers')).toHaveLength(1);
  });
});

describe('trouble that passes', () => {
  it.each(['DIGEST_MISMATCH', 'RESPONSE_MALFORMED', 'RESPONSE_TOO_LARGE', 'REGISTRY_UNREACHABLE'] as const)(
    'with the manifest of a bundle (%s) is over with the next decision, and never kept in a list [peers 69]',
    async (code) => {
      const memory = createMemoryRegistry();
      const image = publishImage(memory.server, 'acme/app', 'hello');
      signImageWithBundle(memory.server, 'acme/app', image, signer);
      const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))]);
      const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
      memory.intercept = ({ text }) =>
        text.startsWith('manifest acme/app sha256:') && !text.endsWith(image.digest)
          ? failure(code, 'for a moment')
          : undefined;
      expect(wordsOf(await engine.decide(asked))).toEqual([`error ${code}`]);
      memory.intercept = () => undefined;
      expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    },
  );
});

describe('a list with a hole that an outage made', () => {
  it('admits by what could be read, and is not kept: the next decision reads it again [peers 69]', async () => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    signImageWithBundle(memory.server, 'acme/app', image, signer);
    signImageWithBundle(memory.server, 'acme/app', image, other);
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))]);
    const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
    let bundles = 0;
    memory.intercept = ({ text }) =>
      text.startsWith('manifest acme/app sha256:') && !text.endsWith(image.digest) && ++bundles === 2
        ? failure('REGISTRY_UNREACHABLE', 'for a moment')
        : undefined;
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    expect(bundles).toBe(2);
    const listed = () => memory.calls.splice(0).filter(({ kind }) => kind === 'referrers').length;
    expect(listed()).toBe(1);
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    expect(listed()).toBe(1);
    // Now it is whole, and kept.
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
    expect(listed()).toBe(0);
  });
});

describe('a list that took long to read', () => {
  it.each(['isolate', 'complete'] as const)(
    'never refuses for somebody who joined when it was older than ten seconds (%s)',
    async (evidence) => {
      const memory = createMemoryRegistry();
      const image = publishImage(memory.server, 'acme/app', 'hello');
      const clock = standingClock();
      const client = memory.client();
      const held = { ...client };
      const engine = engineOver(held, [everywhere(policyOf(signedBy(signer), { evidence }))], { clock });
      const asked = requestFor([`registry.test/acme/app@${image.digest}`]);
      const first = Promise.withResolvers<{ kind: 'absent' }>();
      let reads = 0;
      held.manifest = (repository, which, context) =>
        typeof which !== 'string' && reads++ === 0 ? first.promise : client.manifest(repository, which, context);

      const patient = engine.decide(asked);
      await eventually(() => reads === 1);
      clock.move(10_001);
      const later = engine.decide(asked);
      // The registry answers the first question as things were when it was asked; meanwhile the image was signed.
      signImage(memory.server, 'acme/app', image, signer);
      await eventually(() => memory.calls.length === 2);
      first.resolve({ kind: 'absent' });
      expect(wordsOf(await patient)).toEqual(['unsigned UNSIGNED']);
      expect(wordsOf(await later)).toEqual(['verified']);
    },
  );
});

describe('a flood of signatures', () => {
  function flooded(count: number) {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const layers = Array.from({ length: count }, (_, n) =>
      signedLayer(other, simpleSigningPayload(image.digest, `registry.test/acme/app:${n}`)),
    );
    publishLayers(memory.server, 'acme/app', image, layers);
    return { memory, asked: requestFor([`registry.test/acme/app@${image.digest}`]) };
  }
  const policies = (keys: number, count: number) =>
    Array.from({ length: count }, (_, n) => {
      const [first, ...rest] = Array.from({ length: keys }, () => createSigner());
      if (first === undefined) throw new Error('a policy needs a key');
      return policyOf({ kind: 'some', leaf: keyLeaf([first, ...rest]) }, { origin: origin(`p${n}`) });
    });

  it('is not verified beyond the budget, cold or warm', async () => {
    const { memory, asked } = flooded(64);
    const engine = engineOver(memory.client(), [everywhere(...policies(1, 9))]);
    const cold = saidBy(await engine.decide(asked));
    expect(cold.subjects[0]?.policies.filter(({ code }) => code === 'LIMIT_EXCEEDED')).not.toEqual([]);
    expect(cold.allowed).toBe(false);
    // What was verified meanwhile must not buy the next decision a larger budget: it would decide otherwise than a cold one.
    expect(saidBy(await engine.decide(asked))).toEqual(cold);
  });

  it('costs the budget once for each signature and rule, however many policies share the rule', async () => {
    const { memory, asked } = flooded(64);
    const shared = keyLeaf([signer]);
    const sharing = Array.from({ length: 12 }, (_, n) =>
      policyOf({ kind: 'some', leaf: shared }, { origin: origin(`p${n}`) }),
    );
    const decision = await engineOver(memory.client(), [everywhere(...sharing)]).decide(asked);
    expect(new Set(wordsOf(decision))).toEqual(new Set(['untrusted SIGNATURE_MISMATCH']));
  });
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');

  it('holds what is kept of a signature manifest and of an index, and not the megabytes around it [peers 66, peers 70]', async () => {
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 64 * 1024 * 1024, lives: 300_000 }, clock);
    const before = memoryInUse();
    for (let n = 0; n < 12; n++) {
      const memory = createMemoryRegistry();
      const instance = publishImage(memory.server, 'acme/app', `instance ${n}`);
      const index = indexArtifact([{ image: instance, platform: { os: 'linux', architecture: 'amd64' } }]);
      const padded = Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(index.manifest).toString()), junk: 'x'.repeat(2_000_000) }),
      );
      const asked = memory.server.pushManifest('acme/app', padded, index.mediaType, `v${n}`);
      const layer = memory.server.pushBlob('acme/app', Buffer.from(`payload ${n}`));
      const signature = {
        ...layer,
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        annotations: { 'dev.cosignproject.cosign/signature': 'AAAAAAAAAAAAAAAAAAAAAAAA' },
      };
      memory.server.pushManifest(
        'acme/app',
        {
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: layer,
          layers: [signature],
          junk: 'x'.repeat(2_000_000),
        },
        undefined,
        `${asked.digest.replace(':', '-')}.sig`,
      );
      const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock, caches });
      expect(wordsOf(await engine.decide(requestFor([`registry.test/acme/app:v${n}`])))).toEqual([
        'untrusted SIGNATURE_MISMATCH',
      ]);
    }
    expect(cacheStatistics(caches).lists.entries).toBe(24);
    await settled();
    // Each of the 12 brought 4 MB; all of what is kept of them is some kilobytes.
    expect(memoryInUse() - before).toBeLessThan(12_000_000);
  });

  it('counts what a signer wrote into a large payload [peers 70, hostile]', async () => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const payload = simpleSigningPayload(image.digest, 'registry.test/acme/app', { note: 'x'.repeat(500_000) });
    publishLayers(memory.server, 'acme/app', image, [signedLayer(signer, payload)]);
    const clock = standingClock();
    const caches = createCaches({ entries: 1000, bytes: 64 * 1024 * 1024, lives: 300_000 }, clock);
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock, caches });
    expect(wordsOf(await engine.decide(requestFor([`registry.test/acme/app@${image.digest}`])))).toEqual(['verified']);
    expect(cacheStatistics(caches).proofs.bytes).toBeGreaterThan(500_000);
  });

  function memoryInUse(): number {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  /** External memory is given back some turns after the collection that found it. */
  async function settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe('an exception while deciding', () => {
  const boom = () => {
    throw new TypeError('cannot read properties of undefined');
  };

  it('refuses the image, in the server’s own mode, and decides the others [DESIGN 4.11]', async () => {
    const memory = createMemoryRegistry();
    const good = publishImage(memory.server, 'acme/app', 'hello');
    const bad = publishImage(memory.server, 'acme/bad', 'hello too');
    for (const [path, image] of [
      ['acme/app', good],
      ['acme/bad', bad],
    ] as const)
      signImage(memory.server, path, image, signer);
    const client = memory.client();
    const defects: unknown[] = [];
    const engine = engineOver(
      {
        ...client,
        referrers: (repository, ...rest) =>
          repository.path === 'acme/bad' ? boom() : client.referrers(repository, ...rest),
      },
      [everywhere(policyOf(signedBy(signer)))],
      { onDefect: (error) => defects.push(error), settings: { onError: 'allow' } },
    );
    const images = [`registry.test/acme/bad@${bad.digest}`, `registry.test/acme/app@${good.digest}`];
    const decision = await engine.decide(requestFor(images));
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toEqual(['error INTERNAL_ERROR', 'verified']);
    expect(defects).toHaveLength(1);
    const audited = await engine.decide(requestFor(images, { mode: { server: 'audit', namespace: undefined } }));
    expect(audited.allowed).toBe(true);
    expect(audited.subjects[0]).toMatchObject({ headline: 'error', wouldDeny: true });
  });

  it('in the selection of policies is no “no policy applies” [CVE-2025-46342]', async () => {
    const memory = createMemoryRegistry();
    const defects: unknown[] = [];
    const engine = engineOver(memory.client(), [{ name: 'broken', policies: [], select: boom }], {
      onDefect: (error) => defects.push(error),
    });
    const decision = await engine.decide(requestFor(['registry.test/acme/app:v1']));
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toEqual(['error INTERNAL_ERROR']);
    expect(memory.calls).toEqual([]);
  });

  it('in an exemption lifts nothing', async () => {
    const memory = createMemoryRegistry();
    const image = publishImage(memory.server, 'acme/app', 'hello');
    const engine = engineOver(memory.client(), [], {
      policies: () => ({
        sets: [everywhere(policyOf(signedBy(signer)))],
        exemptions: [{ origin: origin('hole'), applies: boom, from: () => true, reason: 'none', until: 'never' }],
        storage: NO_REGISTRIES_D,
      }),
      onDefect: () => undefined,
    });
    expect((await engine.decide(requestFor([`registry.test/acme/app@${image.digest}`]))).allowed).toBe(false);
  });
});

describe('a registry that changes its answers', () => {
  it('is asked for a tag once: what was verified is what is decided on [CVE-2022-47633]', async () => {
    const memory = createMemoryRegistry();
    const good = publishImage(memory.server, 'acme/app', 'good');
    signImage(memory.server, 'acme/app', good, signer);
    const evil = publish(memory.server, 'acme/app', publishImage(memory.server, 'acme/app', 'evil', 'evil'));
    let heads = 0;
    memory.intercept = ({ kind }) => {
      if (kind !== 'head') return undefined;
      memory.server.setTag('acme/app', 'v1', heads++ % 2 === 0 ? good.digest : evil.digest);
      return undefined;
    };
    const engine = engineOver(memory.client(), [
      everywhere(policyOf(signedBy(signer)), policyOf(signedBy(signer), { origin: origin('second') })),
    ]);
    const first = await engine.decide(requestFor(['registry.test/acme/app:v1', 'registry.test/acme/app:v1']));
    expect(heads).toBe(1);
    expect(first).toMatchObject({ allowed: true, subjects: [{ digest: good.digest }, { digest: good.digest }] });
    expect(await engine.decide(requestFor(['registry.test/acme/app:v1']))).toMatchObject({
      allowed: false,
      subjects: [{ digest: evil.digest, headline: 'unsigned' }],
    });
  });

  it('cannot admit a moved tag by what is known of the old digest [peers 36, GHSA-2r43-6962-xcw5]', async () => {
    const memory = createMemoryRegistry();
    const old = publishImage(memory.server, 'acme/app', 'old');
    signImage(memory.server, 'acme/app', old, signer);
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))]);
    const asked = requestFor(['registry.test/acme/app:v1']);
    expect((await engine.decide(asked)).allowed).toBe(true);
    expect((await engine.decide(asked)).allowed).toBe(true);
    publishImage(memory.server, 'acme/app', 'new');
    expect(await engine.decide(asked)).toMatchObject({ allowed: false, subjects: [{ headline: 'unsigned' }] });
  });

  it('is seen within five seconds where nothing is denied, and at once by whoever denies [peers 36]', async () => {
    const memory = createMemoryRegistry();
    const old = publishImage(memory.server, 'acme/app', 'old');
    const clock = standingClock();
    const engine = engineOver(memory.client(), [everywhere(policyOf(signedBy(signer)))], { clock });
    const audit = requestFor(['registry.test/acme/app:v1'], { mode: { server: 'audit', namespace: undefined } });
    const digestNow = async (request = audit) => (await engine.decide(request)).subjects[0]?.digest;
    expect(await digestNow()).toBe(old.digest);
    const moved = publishImage(memory.server, 'acme/app', 'new');
    clock.move(4_999);
    expect(await digestNow()).toBe(old.digest);
    expect(await digestNow({ ...audit, mode: { server: 'audit', namespace: 'deny' } })).toBe(moved.digest);
    expect(await digestNow({ ...audit, mode: { server: 'deny', namespace: undefined } })).toBe(moved.digest);
    clock.move(1);
    expect(await digestNow()).toBe(moved.digest);
  });
});
