import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../src/cli/demo/registry-server.ts';
import { ok } from '../../src/codes/result.ts';
import { type Credential, type CredentialSource, credentialId } from '../../src/config/credentials.ts';
import { digestOf } from '../../src/image/digest.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { Registry, RequestContext } from '../../src/registry/registry.ts';
import { context, fakeClock, plain, said } from '../fixtures/registry/client.ts';
import { folderOf, type Lookaside, searchIn, startLookaside } from '../fixtures/registry/lookaside.ts';
import { type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';

const DIGEST = digestOf(Buffer.from('image'));
const PATH = 'acme/app';
const LIST = `/extensions/v2/${PATH}/signatures/${DIGEST}`;
const ALICE: Credential = { kind: 'basic', username: 'alice', password: 's3cret' };

const having = (credential: Credential): CredentialSource => ({
  id: () => credentialId(credential),
  candidates: () => Promise.resolve(ok([credential])),
});

/** What a registry does that says how it serves signatures. */
type Behaviour = {
  /** The header of the ping; undefined for none. */
  header: string | undefined;
  ping: number;
  list: string | { readonly status: number };
  /** Whether it wants Alice's password everywhere. */
  isClosed: boolean;
};

const open: (() => Promise<void>)[] = [];
let behaviour: Behaviour;
let server: MisbehavingRegistry;
let lookaside: Lookaside;
let registry: Registry;
let clock: ReturnType<typeof fakeClock>;

const isAlice = ({ headers }: RequestRecord): boolean =>
  headers.authorization === `Basic ${Buffer.from('alice:s3cret').toString('base64')}`;

function client(options: RegistryOptions = {}): Registry {
  const made = createRegistry({ hosts: new Map([[server.host, plain()]]), clock, ...options });
  open.push(() => made.close());
  return made;
}

beforeEach(async () => {
  behaviour = { header: '1', ping: 200, list: '{"signatures":[]}', isClosed: false };
  clock = fakeClock();
  server = await startRegistry({
    fault: (record, _, response) => {
      const { path } = record;
      if (path !== '/v2/' && !path.startsWith('/extensions/')) return false;
      const { header, ping, list, isClosed } = behaviour;
      if (header !== undefined) response.setHeader('X-Registry-Supports-Signatures', header);
      if (isClosed && !isAlice(record)) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (path === '/v2/') response.writeHead(ping).end('{}');
      else if (typeof list === 'string') response.writeHead(200, { 'content-type': 'application/json' }).end(list);
      else response.writeHead(list.status).end();
      return true;
    },
  });
  open.push(() => server.close());
  lookaside = await startLookaside();
  open.push(() => lookaside.close());
  lookaside.put(folderOf('/sigs', PATH, DIGEST), ['of the lookaside']);
  registry = client();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const search = () => searchIn(`http://${lookaside.host}/sigs`);
const repository = (path = PATH) => ({ host: server.host, path });

async function read(asked: RequestContext = context(), maximum = 128, by = registry): Promise<unknown> {
  const found = await by.detached(repository(), DIGEST, search(), maximum, asked);
  if (found.kind !== 'found') return said(found);
  return [found.value.source, ...found.value.signatures.map(({ bytes }) => Buffer.from(bytes).toString())];
}

const entry = (text: string, more: object = {}): object => ({
  schemaVersion: 2,
  name: `${DIGEST}@${'0'.repeat(32)}`,
  type: 'atomic',
  content: Buffer.from(text).toString('base64'),
  ...more,
});
const list = (...signatures: readonly unknown[]): string => JSON.stringify({ signatures });

describe('a registry that serves signatures itself', () => {
  it('is asked alone: what lies in the lookaside does not count [openshift-containers 85]', async () => {
    behaviour.list = list(entry('one'), entry('two'));
    const asked = context();
    const found = await registry.detached(repository(), DIGEST, search(), 128, asked);
    const place = `http://${server.host}${LIST}`;
    expect(found).toEqual({
      kind: 'found',
      value: {
        location: repository(),
        source: 'extension',
        place,
        signatures: [
          { name: `${place}#1`, bytes: Buffer.from('one') },
          { name: `${place}#2`, bytes: Buffer.from('two') },
        ],
      },
    });
    expect(asked.purposes).toEqual(['ping', 'extension']);
    expect(server.seen()).toEqual(['GET /v2/', `GET ${LIST}`]);
    expect(lookaside.seen()).toEqual([]);
  });

  it('that has none is unsigned, whatever lies in the lookaside', async () => {
    expect(await read()).toEqual(['extension']);
    behaviour.list = '{"signatures":null}';
    expect(await read()).toEqual(['extension']);
    expect(lookaside.seen()).toEqual([]);
  });

  it.each([undefined, '0', '2', 'true', '1, 1', ' 1 2', 'yes', ''])(
    'does not, where its header is %j: the lookaside is asked [openshift-containers 85]',
    async (header) => {
      behaviour.header = header;
      expect(await read()).toEqual(['lookaside', 'of the lookaside']);
      expect(server.seen()).toEqual(['GET /v2/']);
    },
  );

  it('skips entries of other versions and types, and ignores what it does not know [openshift-containers 85]', async () => {
    behaviour.list = JSON.stringify({
      more: 1,
      signatures: [
        entry('version', { schemaVersion: 1 }),
        entry('version as text', { schemaVersion: '2' }),
        entry('type', { type: 'sigstore' }),
        entry('no type', { type: undefined }),
        entry('good', { more: {} }),
        {},
      ],
    });
    expect(await read()).toEqual(['extension', 'good']);
  });

  it.each([
    ['no JSON', '<html>'],
    ['nothing', ''],
    ['no object', '[]'],
    ['no list', '{}'],
    ['a list that is none', '{"signatures":{}}'],
    ['an entry that is none', list('text')],
    ['an entry without content', list(entry('one', { content: undefined }))],
    ['content that is no text', list(entry('one', { content: 1 }))],
    ['content in another alphabet', list(entry('one', { content: '_-__' }))],
    ['content without padding', list(entry('one', { content: 'YQ' }))],
    ['a list written twice', '{"signatures":[],"signatures":[]}'],
    ['more behind it', '{"signatures":[]} {}'],
  ])('that answers with %s is trouble, and never one without signatures', async (_, body) => {
    behaviour.list = body;
    expect(await read()).toBe('RESPONSE_MALFORMED');
    expect(lookaside.seen()).toEqual([]);
  });

  it.each([
    [404, 'RESPONSE_MALFORMED'],
    [204, 'RESPONSE_MALFORMED'],
    [403, 'REGISTRY_UNAUTHORISED'],
    [429, 'REGISTRY_RATE_LIMITED'],
    [500, 'REGISTRY_UNAVAILABLE'],
  ])('that answers %i is trouble [openshift-containers 85]', async (status, code) => {
    behaviour.list = { status };
    expect(await read()).toBe(code);
    expect(lookaside.seen()).toEqual([]);
  });

  it('takes line ends in its base64, as the reference does', async () => {
    const content = Buffer.from('folded').toString('base64');
    behaviour.list = list(entry('', { content: `${content.slice(0, 4)}\n${content.slice(4)}\n` }));
    expect(await read()).toEqual(['extension', 'folded']);
  });

  it('lists as many as are read, and not one more', async () => {
    behaviour.list = list(...Array.from({ length: 128 }, () => entry('x')), entry('other', { type: 'other' }));
    expect(await read()).toHaveLength(129);
    behaviour.list = list(...Array.from({ length: 129 }, () => entry('x')));
    expect(await read()).toBe('LIMIT_EXCEEDED');
  });

  it('is read up to four mebibytes', async () => {
    behaviour.list = list(entry('x')).padEnd(4 * 1024 * 1024, ' ');
    expect(await read()).toEqual(['extension', 'x']);
    behaviour.list += ' ';
    expect(await read()).toBe('RESPONSE_TOO_LARGE');
  });

  it('is no way to keep everybody waiting: four mebibytes of keys are not read [hostile]', async () => {
    const keys = Array.from({ length: 250_000 }, (_, i) => `"x${i.toString(36)}":0`);
    behaviour.list = `{"signatures":[],${keys.join()}}`;
    expect(behaviour.list.length).toBeLessThan(4 * 1024 * 1024);
    expect(await read()).toBe('LIMIT_EXCEEDED');
  });

  it('gets the credential that it asks for, and only for the list', async () => {
    behaviour.isClosed = true;
    behaviour.list = list(entry('one'));
    expect(await read()).toBe('REGISTRY_UNAUTHORISED');
    registry = client({ credentials: having(ALICE) });
    server.requests.length = 0;
    expect(await read()).toEqual(['extension', 'one']);
    expect(server.requests.map((record) => `${record.path} ${isAlice(record)}`)).toEqual([
      '/v2/ false',
      `${LIST} false`,
      `${LIST} true`,
    ]);
    expect(lookaside.seen()).toEqual([]);
  });
});

describe('the ping', () => {
  it('counts with a 401 too: a registry need not be opened to say what it serves', async () => {
    behaviour.ping = 401;
    behaviour.header = undefined;
    expect(await read()).toEqual(['lookaside', 'of the lookaside']);
  });

  it.each<[string, number, string]>([
    ['404', 404, 'RESPONSE_MALFORMED'],
    ['403', 403, 'REGISTRY_UNAUTHORISED'],
    ['204', 204, 'RESPONSE_MALFORMED'],
    ['429', 429, 'REGISTRY_RATE_LIMITED'],
    ['500', 500, 'REGISTRY_UNAVAILABLE'],
  ])('that is answered with %s fails the look-up: nobody knows where signatures are', async (_, status, code) => {
    behaviour.ping = status;
    expect(await read()).toBe(code);
    expect(lookaside.seen()).toEqual([]);
    // And nothing is remembered of it.
    behaviour.ping = 200;
    expect(await read()).toEqual(['extension']);
  });

  it('is one for all images of a registry and everybody who asks, for ten minutes', async () => {
    behaviour.header = undefined;
    const others = [registry, registry.with(having(ALICE))];
    for (const by of others) {
      for (const path of [PATH, 'acme/other', 'else/where']) {
        await by.detached(repository(path), DIGEST, search(), 128, context());
      }
    }
    const pings = () => server.seen().filter((line) => line === 'GET /v2/').length;
    expect(pings()).toBe(1);
    clock.advance(599_000);
    await read();
    expect(pings()).toBe(1);
    clock.advance(2_000);
    await read();
    expect(pings()).toBe(2);
  });

  it('is shared by whoever asks at the same time, and not ended by one who gives up', async () => {
    const impatient = new AbortController();
    behaviour.header = undefined;
    const reads = [read({ signal: impatient.signal }), ...Array.from({ length: 5 }, () => read())];
    impatient.abort();
    const [first, ...others] = await Promise.all(reads);
    expect(first).toBe('REGISTRY_DEADLINE');
    expect(others).toHaveLength(5);
    expect(others).toEqual(others.map(() => ['lookaside', 'of the lookaside']));
    expect(server.seen()).toEqual(['GET /v2/']);
  });

  it('is of each registry: what one says is not believed of another', async () => {
    behaviour.list = list(entry('one'));
    const other = await startLookaside();
    open.push(() => other.close());
    registry = client({ hosts: new Map([server, other].map(({ host }) => [host, plain()])) });
    expect(await read()).toEqual(['extension', 'one']);
    const found = await registry.detached({ host: other.host, path: PATH }, DIGEST, search(), 128, context());
    expect(found).toMatchObject({ kind: 'found', value: { source: 'lookaside' } });
    expect(other.seen()).toEqual(['GET /v2/']);
  });

  it('is sent again where a registry no longer has the list that it promised', async () => {
    behaviour.list = { status: 404 };
    expect(await read()).toBe('RESPONSE_MALFORMED');
    behaviour.header = undefined;
    expect(await read()).toEqual(['lookaside', 'of the lookaside']);
  });
});
