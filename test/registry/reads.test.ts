import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { createRegistry } from '../../src/registry/create.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { context, fakeClock, imageManifest, plain, said } from '../fixtures/registry/client.ts';
import { type Fault, type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';

const PATH = 'acme/app';

let server: MisbehavingRegistry;
let registry: Registry;
const repository = () => ({ host: server.host, path: PATH });

function pushImage(text = 'layer') {
  const layer = server.pushBlob(PATH, Buffer.from(text));
  const config = server.pushBlob(PATH, Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
  return { layer, image: server.pushManifest(PATH, imageManifest(layer, config), MANIFEST_TYPES.ociManifest, '1.2') };
}

beforeEach(async () => {
  server = await startRegistry();
  registry = createRegistry({ hosts: new Map([[server.host, plain()]]), clock: fakeClock() });
});
afterEach(async () => {
  await registry.close();
  await server.close();
});

describe('reading a registry', () => {
  it('resolves a tag with one HEAD and reads manifest and blob with one GET each', async () => {
    const { layer, image } = pushImage();
    const asked = context();
    expect(await registry.resolveTag(repository(), '1.2', asked)).toMatchObject({
      kind: 'found',
      value: { digest: image.digest, size: image.size, mediaType: MANIFEST_TYPES.ociManifest },
    });
    expect(await registry.manifest(repository(), image.digest, asked)).toMatchObject({
      kind: 'found',
      value: { descriptor: { digest: image.digest, size: image.size }, location: repository() },
    });
    expect(await registry.blob(repository(), layer, 100, asked)).toEqual({
      kind: 'found',
      value: Buffer.from('layer'),
    });
    expect(asked.purposes).toEqual(['manifest-head', 'manifest', 'blob']);
    expect(server.seen()).toEqual([
      `HEAD /v2/${PATH}/manifests/1.2`,
      `GET /v2/${PATH}/manifests/${image.digest}`,
      `GET /v2/${PATH}/blobs/${layer.digest}`,
    ]);
  });

  it.each([
    ['gives no digest', { kind: 'status', status: 200, headers: { 'content-type': MANIFEST_TYPES.ociManifest } }],
    ['is not allowed', { kind: 'status', status: 405 }],
    [
      'names no media type',
      { kind: 'status', status: 200, headers: { 'docker-content-digest': digestOf(Buffer.from('x')) } },
    ],
  ] as const satisfies readonly (readonly [string, Fault])[])(
    'resolves a tag by GET where HEAD %s',
    async (_, fault) => {
      const { image } = pushImage();
      server.spoil({ method: 'HEAD', fault });
      const asked = context();
      expect(await registry.resolveTag(repository(), '1.2', asked)).toMatchObject({
        kind: 'found',
        value: { digest: image.digest },
      });
      expect(asked.purposes).toEqual(['manifest-head', 'manifest']);
    },
  );

  it('says absent where the registry answers 404, and nowhere else', async () => {
    const { layer } = pushImage();
    const nothing = digestOf(Buffer.from('nothing'));
    expect(said(await registry.resolveTag(repository(), 'none', context()))).toBe('absent');
    expect(said(await registry.manifest(repository(), nothing, context()))).toBe('absent');
    expect(said(await registry.blob(repository(), { digest: nothing, size: 3 }, 100, context()))).toBe('absent');
    server.spoil({ fault: { kind: 'endless', status: 404 } });
    expect(said(await registry.blob(repository(), layer, 100, context()))).toBe('absent');
  });

  it('refuses a blob that is larger than is read before it asks, and one of another size than its descriptor says', async () => {
    const { layer } = pushImage();
    expect(said(await registry.blob(repository(), layer, 3, context()))).toBe('RESPONSE_TOO_LARGE');
    expect(server.requests).toEqual([]);
    expect(said(await registry.blob(repository(), { ...layer, size: 4 }, 100, context()))).toBe('RESPONSE_TOO_LARGE');
    expect(said(await registry.blob(repository(), { ...layer, size: 6 }, 100, context()))).toBe('RESPONSE_MALFORMED');
  });

  it('refuses a tag whose bytes are not what its header calls them', async () => {
    pushImage();
    server.spoil({
      method: 'GET',
      fault: {
        kind: 'status',
        status: 200,
        headers: { 'content-type': MANIFEST_TYPES.ociManifest, 'docker-content-digest': digestOf(Buffer.from('x')) },
        body: '{"config":{},"layers":[]}',
      },
    });
    expect(said(await registry.manifest(repository(), { tag: '1.2' }, context()))).toBe('DIGEST_MISMATCH');
  });

  it.each([
    ['an index that is also an image', MANIFEST_TYPES.ociIndex, '{"manifests":[],"layers":[]}', 'RESPONSE_MALFORMED'],
    [
      'an image that is also an index',
      MANIFEST_TYPES.ociManifest,
      '{"manifests":[],"layers":[]}',
      'RESPONSE_MALFORMED',
    ],
    [
      'a manifest that calls itself something else',
      MANIFEST_TYPES.ociManifest,
      `{"mediaType":"${MANIFEST_TYPES.ociIndex}","layers":[]}`,
      'RESPONSE_MALFORMED',
    ],
    ['a key written twice', MANIFEST_TYPES.ociManifest, '{"layers":[],"layers":[]}', 'RESPONSE_MALFORMED'],
    ['no JSON', MANIFEST_TYPES.ociManifest, 'hello', 'RESPONSE_MALFORMED'],
    ['an array', MANIFEST_TYPES.ociManifest, '[]', 'RESPONSE_MALFORMED'],
    ['Docker schema 1', 'application/vnd.docker.distribution.manifest.v1+prettyjws', '{}', 'MEDIA_TYPE_UNSUPPORTED'],
    ['untyped JSON without a media type', 'application/json', '{"layers":[]}', 'RESPONSE_MALFORMED'],
  ])('refuses %s, even under the right digest', async (_, type, body, code) => {
    const { digest } = server.pushManifest(PATH, Buffer.from(body), type);
    expect(said(await registry.manifest(repository(), digest, context()))).toBe(code);
  });

  it('takes the media type from the manifest where the registry knows none', async () => {
    const body = JSON.stringify(
      imageManifest(server.pushBlob(PATH, Buffer.from('l')), server.pushBlob(PATH, Buffer.from('{}'))),
    );
    const { digest } = server.pushManifest(PATH, Buffer.from(body), 'application/json; charset=utf-8');
    expect(await registry.manifest(repository(), digest, context())).toMatchObject({
      kind: 'found',
      value: { descriptor: { mediaType: MANIFEST_TYPES.ociManifest } },
    });
  });

  it('bounds manifests', async () => {
    const small = createRegistry({ hosts: new Map([[server.host, plain()]]), limits: { manifestBytes: 10 } });
    const { image } = pushImage();
    expect(said(await small.manifest(repository(), image.digest, context()))).toBe('RESPONSE_TOO_LARGE');
    await small.close();
  });

  it('fails with the reference where its host can stand in no URL', async () => {
    const strange = { host: '1.2.3.999', path: 'app' };
    expect(said(await registry.resolveTag(strange, '1', context()))).toBe('REFERENCE_INVALID');
    expect(registry.access(strange).id).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('names made by others', () => {
  it.each(['../secret', 'a/../b', 'a?x=1', 'a#b', '', '/a', 'A'])(
    'never leave their place in a URL: path %j',
    async (path) => {
      expect(said(await registry.resolveTag({ host: server.host, path }, '1', context()))).toBe('REFERENCE_INVALID');
      expect(server.requests).toEqual([]);
    },
  );

  it.each(['../x', 'a/b', '', '?'])('never leave their place in a URL: tag %j', async (tag) => {
    expect(said(await registry.resolveTag(repository(), tag, context()))).toBe('REFERENCE_INVALID');
    expect(said(await registry.manifest(repository(), { tag }, context()))).toBe('REFERENCE_INVALID');
    expect(server.requests).toEqual([]);
  });
});

describe('a registry that misbehaves', () => {
  const CASES: readonly (readonly [string, Fault, string])[] = [
    ['401', { kind: 'status', status: 401 }, 'REGISTRY_UNAUTHORISED'],
    ['403', { kind: 'status', status: 403 }, 'REGISTRY_UNAUTHORISED'],
    ['418', { kind: 'status', status: 418 }, 'RESPONSE_MALFORMED'],
    ['204', { kind: 'status', status: 204 }, 'RESPONSE_MALFORMED'],
    ['429', { kind: 'status', status: 429 }, 'REGISTRY_RATE_LIMITED'],
    ['500', { kind: 'status', status: 500 }, 'REGISTRY_UNAVAILABLE'],
    ['503', { kind: 'status', status: 503 }, 'REGISTRY_UNAVAILABLE'],
    ['reset', { kind: 'reset' }, 'REGISTRY_UNREACHABLE'],
    ['hang', { kind: 'hang' }, 'REGISTRY_DEADLINE'],
    ['truncated body', { kind: 'truncated' }, 'REGISTRY_UNREACHABLE'],
    ['truncated chunked body', { kind: 'truncated-chunked' }, 'REGISTRY_UNREACHABLE'],
    ['wrong bytes', { kind: 'wrong-bytes' }, 'DIGEST_MISMATCH'],
    ['endless body', { kind: 'endless' }, 'RESPONSE_TOO_LARGE'],
    ['dribble', { kind: 'dribble' }, 'REGISTRY_DEADLINE'],
    ['compressed body', { kind: 'compressed', body: Buffer.from('x') }, 'RESPONSE_MALFORMED'],
    ['something that is not HTTP', { kind: 'not-http' }, 'RESPONSE_MALFORMED'],
    ['a redirect to nowhere', { kind: 'status', status: 302 }, 'REDIRECT_REFUSED'],
    ['a redirect to plain HTTP', { kind: 'redirect', to: 'http://example.com/' }, 'REDIRECT_REFUSED'],
    ['a redirect to a file', { kind: 'redirect', to: 'file:///etc/passwd' }, 'REDIRECT_REFUSED'],
    [
      'a redirect to the metadata service',
      { kind: 'redirect', to: 'https://169.254.169.254/latest' },
      'ADDRESS_FORBIDDEN',
    ],
  ];

  it.each(CASES)('answering with %s: manifest by digest', async (_, fault, code) => {
    const { image } = pushImage();
    server.spoil({ fault });
    expect(said(await registry.manifest(repository(), image.digest, context(400)))).toBe(code);
  });

  it.each(CASES)('answering with %s: blob', async (_, fault, code) => {
    const { layer } = pushImage('x'.repeat(200));
    server.spoil({ fault });
    expect(said(await registry.blob(repository(), layer, 1000, context(400)))).toBe(code);
  });

  it('answering with an HTML page is malformed, never absent', async () => {
    const { image } = pushImage();
    server.spoil({ fault: { kind: 'html' } });
    expect(said(await registry.manifest(repository(), image.digest, context()))).toBe('RESPONSE_MALFORMED');
    expect(said(await registry.resolveTag(repository(), '1.2', context()))).toBe('RESPONSE_MALFORMED');
  });

  it('that limits requests twice is asked a third time, as it wishes', async () => {
    const clock = fakeClock();
    const patient = createRegistry({ hosts: new Map([[server.host, plain()]]), clock });
    const { image } = pushImage();
    server.spoil({ times: 2, fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } } });
    expect(said(await patient.manifest(repository(), image.digest, context()))).toBe('found');
    expect(clock.slept).toEqual([1000, 1000]);
    expect(server.requests).toHaveLength(3);
    await patient.close();
  });

  it('that asks for a longer wait than there is time is not waited for', async () => {
    const { image } = pushImage();
    for (const after of ['3600', new Date(Date.parse('2026-06-01T01:00:00Z')).toUTCString()]) {
      server.behave();
      server.spoil({ fault: { kind: 'status', status: 429, headers: { 'retry-after': after } } });
      server.requests.length = 0;
      expect(said(await registry.manifest(repository(), image.digest, context()))).toBe('REGISTRY_RATE_LIMITED');
      expect(server.requests).toHaveLength(1);
    }
  });

  it('that cuts one connection is asked again', async () => {
    const { image } = pushImage();
    server.spoil({ times: 1, fault: { kind: 'reset' } });
    expect(said(await registry.manifest(repository(), image.digest, context()))).toBe('found');
  });

  it('that is not there is unreachable', async () => {
    const gone = await startRegistry();
    await gone.close();
    const lonely = createRegistry({ hosts: new Map([[gone.host, plain()]]) });
    expect(said(await lonely.resolveTag({ host: gone.host, path: 'a' }, '1', context()))).toBe('REGISTRY_UNREACHABLE');
    await lonely.close();
  });

  it('can send without end and does not fill memory', async () => {
    const { image } = pushImage();
    server.spoil({ fault: { kind: 'endless' } });
    const before = process.memoryUsage().rss;
    const codes = await Promise.all(
      Array.from({ length: 40 }, () => registry.manifest(repository(), image.digest, context(15_000))),
    );
    expect(new Set(codes.map(said))).toEqual(new Set(['RESPONSE_MALFORMED', 'RESPONSE_TOO_LARGE'].slice(1)));
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    server.behave();
    expect(said(await registry.manifest(repository(), image.digest, context()))).toBe('found');
  });
});

describe('a registry with a certificate of its own CA', () => {
  it('is read where the configuration names that CA for it, and refused without', async () => {
    const ca = createCertificateAuthority();
    const secure = await startRegistry({ tls: issueServerCertificate(ca, { ipAddresses: ['127.0.0.1'] }) });
    const image = secure.pushManifest(PATH, { layers: [] }, MANIFEST_TYPES.ociManifest, '1');
    const place = { host: secure.host, path: PATH };
    for (const [trusted, expected] of [
      [ca.certificatePem, 'found'],
      [undefined, 'REGISTRY_TLS_UNTRUSTED'],
    ] as const) {
      const client = createRegistry({
        hosts: new Map([[secure.host, { plainHttp: false, ca: trusted, mirrors: [] }]]),
      });
      expect(said(await client.manifest(place, image.digest, context()))).toBe(expected);
      await client.close();
    }
    await secure.close();
  });

  it('is not spoken to in plain HTTP unless the configuration says so', async () => {
    const client = createRegistry({ hosts: new Map([[server.host, plain({ plainHttp: false })]]), clock: fakeClock() });
    expect(said(await client.resolveTag(repository(), '1', context()))).toBe('REGISTRY_UNREACHABLE');
    expect(server.requests).toEqual([]);
    await client.close();
  });

  it('at loopback is out of reach where the configuration does not name it', async () => {
    const client = createRegistry();
    expect(said(await client.resolveTag(repository(), '1', context()))).toBe('ADDRESS_FORBIDDEN');
    expect(server.requests).toEqual([]);
    await client.close();
  });
});
