import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient } from '../../src/http/client.ts';

/** A server that answers every request with the same bytes, whatever they are, and hangs up. */
let answer: Buffer = Buffer.alloc(0);
let server: Server;
let client: HttpClient;
let url: URL;

beforeAll(async () => {
  server = createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = new URL(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/v2/`);
  client = createHttpClient({ isConfigured: (host) => host === url.host });
});
afterAll(async () => {
  await client.close();
  server.close();
});

async function ask(bytes: string | Uint8Array, method: 'GET' | 'HEAD' = 'GET'): Promise<string> {
  answer = Buffer.from(bytes);
  const result = await client.request({
    method,
    url,
    headers: {},
    maxBytes: 1_000,
    signal: AbortSignal.timeout(3_000),
  });
  return result.ok
    ? `${result.value.status} ${Buffer.from(result.value.body).toString('latin1')}`
    : result.failure.code;
}

describe('a server that answers with anything at all', () => {
  it.each([
    ['a whole answer', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', '200 ok'],
    ['an answer until the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nok', '200 ok'],
    ['nothing', '', 'REGISTRY_UNREACHABLE'],
    ['half a status line', 'HTTP/1.1 20', 'REGISTRY_UNREACHABLE'],
    ['half its headers', 'HTTP/1.1 200 OK\r\ncontent-le', 'REGISTRY_UNREACHABLE'],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok', 'REGISTRY_UNREACHABLE'],
    ['half a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok', 'REGISTRY_UNREACHABLE'],
    ['no last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n', 'REGISTRY_UNREACHABLE'],
    ['a chunk size that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'RESPONSE_MALFORMED'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok', 'RESPONSE_MALFORMED'],
    [
      'both a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'RESPONSE_MALFORMED',
    ],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'RESPONSE_MALFORMED'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, 'RESPONSE_TOO_LARGE'],
    ['an error page that is longer than is read', `HTTP/1.1 404 No\r\n\r\n${'a'.repeat(300_000)}`, /^404 a*$/],
    ['a page that is longer than is read', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(1_001)}`, 'RESPONSE_TOO_LARGE'],
    ['as much as is read', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(1_000)}`, /^200 a{1000}$/],
    ['an upgrade', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'REGISTRY_UNREACHABLE'],
  ])('such as %s', async (_, bytes, expected) => {
    expect(await ask(bytes)).toMatch(expected);
  });

  it('gets a value or a code for it, never an exception', async () => {
    const line = fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 404',
      'content-length: 3',
      'content-length: -1',
      'transfer-encoding: chunked',
      'content-encoding: gzip',
      'connection: close',
      '',
      '3',
      'abc',
      '0',
      '\u0000',
    );
    const soup = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.array(line, { maxLength: 10 }).map((lines) => Buffer.from(lines.join('\r\n'))),
    );
    await fc.assert(
      fc.asyncProperty(soup, fc.constantFrom('GET', 'HEAD'), async (bytes, method) => {
        expect(await ask(bytes, method)).toMatch(/^(\d{3} |REGISTRY_|RESPONSE_)/);
      }),
      { numRuns: 300 },
    );
  });
});
