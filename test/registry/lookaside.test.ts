import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lookup } from '../../src/codes/result.ts';
import { type Credential, credentialId } from '../../src/config/credentials.ts';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import { digestOf } from '../../src/image/digest.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { DetachedSignatures, Registry, RequestContext, SignatureSearch } from '../../src/registry/registry.ts';
import { context, fakeClock, plain, said } from '../fixtures/registry/client.ts';
import { folderOf, type Lookaside, searchIn, startLookaside } from '../fixtures/registry/lookaside.ts';
import type { Fault } from '../fixtures/registry/misbehaving-registry.ts';

const DIGEST = digestOf(Buffer.from('image'));
const PATH = 'acme/app';
const BELOW = folderOf('', PATH, DIGEST);
const MAXIMUM = 128;

const open: (() => Promise<void>)[] = [];
let registryServer: Lookaside;
let lookaside: Lookaside;
let registry: Registry;

const base = (path = '/sigs') => `http://${lookaside.host}${path}`;
const repository = () => ({ host: registryServer.host, path: PATH });

async function start(options: Parameters<typeof startLookaside>[0] = {}): Promise<Lookaside> {
  const server = await startLookaside(options);
  open.push(() => server.close());
  return server;
}

function client(options: RegistryOptions = {}): Registry {
  const made = createRegistry({
    hosts: new Map([[registryServer.host, plain()]]),
    clock: fakeClock(),
    ...options,
  });
  open.push(() => made.close());
  return made;
}

beforeEach(async () => {
  registryServer = await start();
  lookaside = await start();
  registry = client();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const read = (
  search: SignatureSearch = searchIn(base()),
  asked: RequestContext = context(),
  maximum = MAXIMUM,
): Promise<Lookup<DetachedSignatures>> => registry.detached(repository(), DIGEST, search, maximum, asked);

const textsOf = (found: Lookup<DetachedSignatures>): unknown =>
  found.kind === 'found' ? found.value.signatures.map(({ bytes }) => Buffer.from(bytes).toString()) : said(found);

const messageOf = (found: Lookup<unknown>): string => (found.kind === 'failed' ? found.failure.message : '');

describe('a lookaside', () => {
  it('is asked from signature-1 to the first that is not there, beside one ping of the registry', async () => {
    lookaside.put(`/sigs${BELOW}`, ['one']);
    const asked = context();
    const found = await read(searchIn(base()), asked);
    expect(found).toEqual({
      kind: 'found',
      value: {
        location: repository(),
        source: 'lookaside',
        place: `${base()}${BELOW}`,
        signatures: [{ name: `${base()}${BELOW}/signature-1`, bytes: Buffer.from('one') }],
      },
    });
    expect(asked.purposes).toEqual(['ping', 'lookaside', 'lookaside']);
    expect(registryServer.seen()).toEqual(['GET /v2/']);
    expect(lookaside.seen()).toEqual([`GET /sigs${BELOW}/signature-1`, `GET /sigs${BELOW}/signature-2`]);
  });

  it('gives every signature in the order of its number', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => `signature ${n + 1}`);
    lookaside.put(`/sigs${BELOW}`, texts);
    expect(textsOf(await read())).toEqual(texts);
  });

  it('that has none is an answer: nothing, found at a place that can be named', async () => {
    expect(await read()).toMatchObject({ kind: 'found', value: { place: `${base()}${BELOW}`, signatures: [] } });
    expect(lookaside.seen()).toEqual([`GET /sigs${BELOW}/signature-1`]);
  });

  it('ends at a gap, as it does for everybody else', async () => {
    lookaside.put(`/sigs${BELOW}`, ['one', undefined, 'three']);
    expect(textsOf(await read())).toEqual(['one']);
    lookaside.put(`/only-second${BELOW}`, [undefined, 'two']);
    expect(textsOf(await read(searchIn(base('/only-second'))))).toEqual([]);
  });

  it('with two slashes is asked with two slashes [openshift-containers 79]', async () => {
    lookaside.put(`/sigs/${BELOW}`, ['one']);
    expect(textsOf(await read(searchIn(base('/sigs/'))))).toEqual(['one']);
    expect(lookaside.seen()[0]).toBe(`GET /sigs/${BELOW}/signature-1`);
  });

  it.each<[string, Fault, string]>([
    ['403', { kind: 'status', status: 403 }, 'REGISTRY_UNAUTHORISED'],
    [
      '401',
      { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
      'REGISTRY_UNAUTHORISED',
    ],
    ['410', { kind: 'status', status: 410 }, 'RESPONSE_MALFORMED'],
    ['400', { kind: 'status', status: 400 }, 'RESPONSE_MALFORMED'],
    ['204', { kind: 'status', status: 204 }, 'RESPONSE_MALFORMED'],
    ['206', { kind: 'status', status: 206, body: 'part' }, 'RESPONSE_MALFORMED'],
    ['429', { kind: 'status', status: 429 }, 'REGISTRY_RATE_LIMITED'],
    ['500', { kind: 'status', status: 500 }, 'REGISTRY_UNAVAILABLE'],
    ['503', { kind: 'status', status: 503 }, 'REGISTRY_UNAVAILABLE'],
    ['a cut connection', { kind: 'reset' }, 'REGISTRY_UNREACHABLE'],
    ['half a body', { kind: 'truncated' }, 'REGISTRY_UNREACHABLE'],
    ['half a chunked body', { kind: 'truncated-chunked' }, 'REGISTRY_UNREACHABLE'],
    ['an endless body', { kind: 'endless' }, 'RESPONSE_TOO_LARGE'],
    ['something else than HTTP', { kind: 'not-http' }, 'RESPONSE_MALFORMED'],
    ['gzip', { kind: 'compressed', body: gzipSync('signature') }, 'RESPONSE_MALFORMED'],
  ])(
    'that answers with %s is trouble, also behind a good signature, and never the end of the list',
    async (_, fault, code) => {
      lookaside.spoil({ on: 'signature-', fault });
      const only = await read();
      expect(said(only)).toBe(code);
      expect(messageOf(only)).toContain(`${base()}${BELOW}/signature-1`);
      lookaside.put(`/sigs${BELOW}`, ['good']);
      const second = await read();
      expect(said(second)).toBe(code);
      expect(messageOf(second)).toContain('signature-2');
    },
  );

  it.each<Fault>([{ kind: 'hang' }, { kind: 'dribble' }])(
    'that never ends its answer runs into the deadline: %j',
    async (fault) => {
      lookaside.spoil({ on: 'signature-', fault });
      expect(said(await read(searchIn(base()), context(300)))).toBe('REGISTRY_DEADLINE');
    },
  );

  it('hands over a page of HTML, since only a reader of signatures can tell that it is none', async () => {
    lookaside.spoil({ on: 'signature-1', fault: { kind: 'html' } });
    expect(textsOf(await read())).toEqual(['<html>Please sign in</html>']);
  });

  it('is not asked on where one is no signature: a server that answers with a page answers so for ever', async () => {
    lookaside.put(`/sigs${BELOW}`, ['a', '<html>', 'c']);
    const isSignature = (bytes: Uint8Array) => bytes[0] !== 0x3c;
    expect(textsOf(await read(searchIn(base()), { ...context(), isSignature }))).toEqual(['a', '<html>']);
  });

  it('that is not there at all is trouble', async () => {
    const gone = await startLookaside();
    await gone.close();
    expect(said(await read(searchIn(`http://${gone.host}/sigs`)))).toBe('REGISTRY_UNREACHABLE');
  });

  it('may hold as many signatures as are read, and not one more', async () => {
    lookaside.put(`/sigs${BELOW}`, ['a', 'b', 'c']);
    expect(textsOf(await read(searchIn(base()), context(), 3))).toEqual(['a', 'b', 'c']);
    expect(said(await read(searchIn(base()), context(), 2))).toBe('LIMIT_EXCEEDED');
  });

  it('with 200 signatures is refused after the 129th', async () => {
    lookaside.put(
      `/sigs${BELOW}`,
      Array.from({ length: 200 }, () => 'x'),
    );
    const found = await read();
    expect(said(found)).toBe('LIMIT_EXCEEDED');
    expect(messageOf(found)).toBe(`${repository().host}/${PATH}: ${base()}${BELOW} holds more than 128 signatures`);
    expect(lookaside.seen().length).toBe(129);
  });

  it('is read up to a mebibyte for each signature and eight for all', async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 1);
    lookaside.put(
      `/sigs${BELOW}`,
      Array.from({ length: 8 }, () => mebibyte),
    );
    const found = await read();
    expect(found.kind === 'found' ? found.value.signatures.length : said(found)).toBe(8);
    lookaside.put(`/more${BELOW}`, [...Array.from({ length: 8 }, () => mebibyte), 'x']);
    expect(said(await read(searchIn(base('/more'))))).toBe('LIMIT_EXCEEDED');
    lookaside.put(`/large${BELOW}`, [Buffer.alloc(1024 * 1024 + 1)]);
    expect(said(await read(searchIn(base('/large'))))).toBe('RESPONSE_TOO_LARGE');
  });

  it('of no known scheme is refused with its code, before it is asked anything', async () => {
    expect(said(await read(searchIn('ftp://bob:s3cret@sigs.test/a')))).toBe('LOOKASIDE_UNUSABLE');
    expect(JSON.stringify(await read(searchIn('ftp://bob:s3cret@sigs.test/a')))).not.toContain('s3cret');
  });
});

describe('who may see what', () => {
  it('a lookaside never sees the credentials of the registry, even on the same host', async () => {
    const secret: Credential = { kind: 'basic', username: 'alice', password: 's3cret' };
    const credentials = {
      id: () => credentialId(secret),
      candidates: () => Promise.resolve({ ok: true, value: [secret] } as const),
    };
    registry = client({ credentials });
    registryServer.put(`/sigs${BELOW}`, ['one']);
    expect(textsOf(await read(searchIn(`http://${registryServer.host}/sigs`)))).toEqual(['one']);
    expect(textsOf(await read())).toEqual([]);
    for (const { headers } of [...registryServer.requests, ...lookaside.requests]) {
      expect(headers.authorization).toBeUndefined();
    }
  });

  it('a lookaside sees its own credentials, and they are in nothing that is shown', async () => {
    lookaside.put(`/sigs${BELOW}`, ['one']);
    const withPassword = `http://bob:p%40ss@${lookaside.host}/sigs`;
    const found = await read(searchIn(withPassword));
    expect(textsOf(found)).toEqual(['one']);
    expect(lookaside.requests.map(({ headers }) => headers.authorization)).toEqual(
      Array(2).fill(`Basic ${Buffer.from('bob:p@ss').toString('base64')}`),
    );
    lookaside.spoil({ on: 'signature-2', fault: { kind: 'status', status: 403 } });
    const refused = await read(searchIn(withPassword));
    for (const text of [JSON.stringify(found), JSON.stringify(refused)]) {
      expect(text).not.toContain('p@ss');
      expect(text).not.toContain('p%40ss');
      expect(text).not.toContain('bob');
    }
  });

  it('another host does not see them when a lookaside redirects there', async () => {
    const other = await start();
    other.put(`/elsewhere`, ['one']);
    registry = client({ hosts: new Map([registryServer, other].map(({ host }) => [host, plain()])) });
    lookaside.spoil({
      on: 'signature-1',
      fault: { kind: 'redirect', to: `http://${other.host}/elsewhere/signature-1` },
    });
    expect(textsOf(await read(searchIn(`http://bob:s3cret@${lookaside.host}/sigs`)))).toEqual(['one']);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(lookaside.requests[0]?.headers.authorization).toMatch(/^Basic /);
  });
});

describe('a lookaside that redirects', () => {
  it('is followed to another place of its own, whose answer counts [openshift-containers 79]', async () => {
    lookaside.put('/moved', ['one']);
    lookaside.spoil({ on: '/sigs/', fault: { kind: 'redirect', to: '/moved/signature-1' }, times: 1 });
    lookaside.spoil({ on: '/sigs/', fault: { kind: 'redirect', to: '/moved/signature-2' } });
    expect(textsOf(await read())).toEqual(['one']);
  });

  it.each([
    ['the metadata service in plain HTTP', 'http://169.254.169.254/latest/meta-data/', 'REDIRECT_REFUSED'],
    ['the metadata service over https', 'https://169.254.169.254/latest/meta-data/', 'ADDRESS_FORBIDDEN'],
    ['this machine over https', 'https://127.0.0.1:1/', 'ADDRESS_FORBIDDEN'],
    ['this machine by name', 'https://localhost/', 'ADDRESS_FORBIDDEN'],
    ['a file', 'file:///etc/passwd', 'REDIRECT_REFUSED'],
    ['a place with a password', 'https://bob:s3cret@sigs.test/', 'REDIRECT_REFUSED'],
    ['itself for ever', '/sigs/again', 'REDIRECT_REFUSED'],
    ['nowhere', 'http://', 'REDIRECT_REFUSED'],
  ])('to %s is refused', async (_, to, code) => {
    lookaside.spoil({ on: '/sigs/', fault: { kind: 'redirect', to } });
    const found = await read();
    expect(said(found)).toBe(code);
    expect(messageOf(found)).not.toContain('s3cret');
  });

  it('in plain HTTP to another host is refused, although it is plain itself', async () => {
    const other = await start();
    other.put('/elsewhere', ['one']);
    lookaside.spoil({ on: '/sigs/', fault: { kind: 'redirect', to: `http://${other.host}/elsewhere/signature-1` } });
    expect(said(await read())).toBe('REDIRECT_REFUSED');
    expect(other.seen()).toEqual([]);
  });

  it('from https to http is refused, even to a host that is configured so', async () => {
    const authority = createCertificateAuthority();
    const secure = await start({ tls: issueServerCertificate(authority, { ipAddresses: ['127.0.0.1'] }) });
    registry = client({
      hosts: new Map([registryServer, lookaside].map(({ host }) => [host, plain()])),
      extraCa: authority.certificatePem,
    });
    secure.spoil({ on: 'signature-', fault: { kind: 'redirect', to: `${base()}/signature-1` } });
    expect(said(await read(searchIn(`https://${secure.host}/x`)))).toBe('REDIRECT_REFUSED');
    expect(lookaside.seen()).toEqual([]);
  });
});

describe('the host of a lookaside', () => {
  it('at loopback is no registry for that: what names an image there is still refused', async () => {
    lookaside.put(`/sigs${BELOW}`, ['one']);
    expect(textsOf(await read())).toEqual(['one']);
    const image = { host: lookaside.host, path: PATH };
    expect(said(await registry.resolveTag(image, '1', context()))).toBe('ADDRESS_FORBIDDEN');
    expect(lookaside.asked().every((line) => line.includes('/sigs/'))).toBe(true);
  });

  it('whose certificate nobody trusts is refused', async () => {
    const authority = createCertificateAuthority();
    const secure = await start({ tls: issueServerCertificate(authority, { ipAddresses: ['127.0.0.1'] }) });
    expect(said(await read(searchIn(`https://${secure.host}/sigs`)))).toBe('REGISTRY_TLS_UNTRUSTED');
  });
});

describe('a lookaside of files', () => {
  let folder: string;
  const files = () => searchIn(`file://${folder}/sigs`);
  const below = () => join(folder, 'sigs', `${PATH}@${DIGEST.replace(':', '=')}`);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lookaside-'));
    open.push(() => rm(folder, { recursive: true }));
  });

  it('is read like one of URLs, without a request', async () => {
    await mkdir(below(), { recursive: true });
    await writeFile(join(below(), 'signature-1'), 'one');
    await writeFile(join(below(), 'signature-2'), '');
    const asked = context();
    const found = await read(files(), asked);
    expect(textsOf(found)).toEqual(['one', '']);
    expect(found).toMatchObject({ value: { place: `file://${below()}` } });
    expect(asked.purposes).toEqual(['ping']);
  });

  it('that does not exist holds none, wherever the path ends', async () => {
    expect(textsOf(await read(files()))).toEqual([]);
    await writeFile(join(folder, 'sigs'), 'a file where a folder would be');
    expect(textsOf(await read(files()))).toEqual([]);
  });

  it("with a folder in a signature's place is trouble", async () => {
    await mkdir(join(below(), 'signature-1'), { recursive: true });
    expect(said(await read(files()))).toBe('LOOKASIDE_UNUSABLE');
  });

  it('that cannot be read for any other reason is trouble', async () => {
    await mkdir(below(), { recursive: true });
    await symlink('signature-1', join(below(), 'signature-1'));
    const found = await read(files());
    expect(said(found)).toBe('LOOKASIDE_UNUSABLE');
    expect(messageOf(found)).toContain('(ELOOP)');
  });

  it('that the process is not permitted to look at is trouble: nobody knows whether it holds any', async () => {
    const module = new URL('../../src/registry/bounded-file.ts', import.meta.url);
    const script = `import { readBoundedFile } from ${JSON.stringify(module)};
      const found = await readBoundedFile('/var/lib/not-permitted/signature-1', 10);
      console.log(found.kind, found.failure?.code);`;
    const source = fileURLToPath(new URL('../../src/', import.meta.url));
    const flags = ['--permission', `--allow-fs-read=${source}*`, '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, flags);
    expect(stdout.trim()).toBe('failed LOOKASIDE_UNUSABLE');
  });

  it('whose names are too long for this machine is trouble', async () => {
    expect(said(await read(searchIn(`file:///${'x'.repeat(300)}`)))).toBe('LOOKASIDE_UNUSABLE');
    expect(said(await read(searchIn('file:///a%00b')))).toBe('LOOKASIDE_UNUSABLE');
  });

  it('is bounded like one of URLs', async () => {
    await mkdir(below(), { recursive: true });
    await writeFile(join(below(), 'signature-1'), Buffer.alloc(1024 * 1024 + 1));
    expect(said(await read(files()))).toBe('RESPONSE_TOO_LARGE');
    await writeFile(join(below(), 'signature-1'), 'one');
    await writeFile(join(below(), 'signature-2'), 'two');
    expect(said(await read(files(), context(), 1))).toBe('LIMIT_EXCEEDED');
  });

  it('does not wait for a pipe that nobody writes to', async () => {
    await mkdir(below(), { recursive: true });
    await promisify(execFile)('mkfifo', [join(below(), 'signature-1')]);
    expect(said(await read(files()))).toBe('LOOKASIDE_UNUSABLE');
  });
});
