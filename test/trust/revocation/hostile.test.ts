import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/http/client.ts';
import { createRevocation } from '../../../src/trust/revocation/revocation.ts';
import { NOON } from '../../fixtures/certificates.ts';
import { lists, type Party, responders, writeAnswer, writeList } from '../../fixtures/revocation.ts';
import {
  type Answer,
  type AuthorityServer,
  endless,
  hang,
  redirect,
  startAuthorityServer,
} from '../../fixtures/revocation-server.ts';
import { said, setUp } from './fixture.ts';

const world = setUp();
const { root } = world;

/** A server on loopback that the configuration does not name. */
let victim: AuthorityServer;
beforeAll(async () => {
  victim = await startAuthorityServer();
});
afterAll(() => victim.close());

const LIMITS = { ocspMs: 400, crlMs: 400, crlBytes: 100_000 };

/** A good answer, had it been given honestly. */
const honest = (source: 'ocsp' | 'crl', leaf: Party): Uint8Array =>
  source === 'ocsp' ? writeAnswer(root, leaf.certificate, root.certificate) : writeList(root);

const HOSTILE: readonly (readonly [string, (good: Uint8Array) => Answer])[] = [
  ['hangs', () => hang],
  ['sends bytes without end', () => endless],
  ['sends a page', () => Buffer.from('<!doctype html><title>Sign in</title>')],
  ['sends nothing', () => Buffer.alloc(0)],
  ['sends a length without content', () => Buffer.from('3084ffffffff', 'hex')],
  ['sends nested elements without end', () => Buffer.from('3080'.repeat(9_000), 'hex')],
  ['sends 10 MiB', () => Buffer.alloc(10 * 1024 * 1024, 0x30)],
  ['sends something behind its answer', (good) => Buffer.concat([good, Buffer.from([0])])],
  ['ends in the middle', (good) => good.subarray(0, good.length - 1)],
  [
    'says a greater length than it sends',
    (good) => (_, response) => {
      response.writeHead(200, { 'content-length': good.length + 10 }).end(good, () => response.destroy());
    },
  ],
  [
    'compresses',
    (good) => (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(good));
    },
  ],
  [
    'answers with an error and a good answer in it',
    (good) => (_, response) => {
      response.writeHead(500).end(good);
    },
  ],
  [
    'answers with a part',
    (good) => (_, response) => {
      response.writeHead(206).end(good);
    },
  ],
  [
    'sends one byte at a time',
    (good) => (_, response) => {
      let at = 0;
      const next = (): void => {
        if (response.destroyed) return;
        response.write(good.subarray(at, ++at));
        setTimeout(next, 50);
      };
      next();
    },
  ],
  [
    'cuts the connection',
    () => (request) => {
      request.socket.destroy();
    },
  ],
  [
    'answers with what is not HTTP',
    () => (request) => {
      request.socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n');
    },
  ],
  [
    'redirects without a place',
    () => (_, response) => {
      response.writeHead(302).end();
    },
  ],
  ['redirects to https', () => redirect('https://ocsp.example/')],
  ['redirects to a file', () => redirect('file:///etc/passwd')],
  ['redirects with a password', () => redirect('http://user:secret@ocsp.example/')],
  [
    'redirects in a circle',
    () => (request, response) => {
      response.writeHead(302, { location: request.url }).end();
    },
  ],
  ['redirects to a metadata service [notation-ratify 99]', () => redirect('http://169.254.169.254/latest/meta-data/')],
  ['redirects to one in another spelling [notation-ratify 99]', () => redirect('http://[::ffff:a9fe:a9fe]/')],
  ['redirects to loopback [notation-ratify 99]', () => redirect(victim.url('admin'))],
  [
    'redirects to localhost [notation-ratify 99]',
    () => redirect(victim.url('admin').replace('127.0.0.1', 'localhost')),
  ],
];

describe.each(['ocsp', 'crl'] as const)('an authority, asked by %s,', (source) => {
  it.each(HOSTILE)('that %s leaves it unknown, soon, and nobody else is asked', async (_, answer) => {
    const url = world.server.url(source);
    const leaf = world.leaf(source === 'ocsp' ? responders(url) : lists(url));
    world.server.answers.set(source, answer(honest(source, leaf)));
    victim.answers.set('admin', honest(source, leaf));
    const began = performance.now();
    expect(await world.once(leaf, { limits: LIMITS })).toMatch(/^unknown: /);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(victim.requests).toEqual([]);
  });

  it('that redirects to another path of plain http is followed', async () => {
    const url = world.server.url(source);
    const leaf = world.leaf(source === 'ocsp' ? responders(url) : lists(url));
    world.server.answers.set(source, redirect('/moved'));
    world.server.answers.set('moved', honest(source, leaf));
    expect(await world.once(leaf)).toBe('good');
    expect(world.server.requests).toHaveLength(2);
  });

  it('at an address of this machine or its metadata service is not asked at all [notation-ratify 99]', async () => {
    const places = [
      victim.url('admin'),
      'http://169.254.169.254/',
      'http://[::1]/',
      'http://localhost/',
      'http://0x7f.1/',
    ];
    for (const place of places) {
      const leaf = world.leaf(source === 'ocsp' ? responders(place) : lists(place));
      const http = createHttpClient();
      const status = await said(createRevocation(http, { clock: () => NOON }), [leaf, root]);
      await http.close();
      expect(status).toMatch(/^unknown: .*loopback, link-local or metadata address/);
    }
    expect(victim.requests).toEqual([]);
  });
});

describe('bounds', () => {
  it('refuse an OCSP answer of 21 KB, though it is signed and says good [notation-ratify 97]', async () => {
    const leaf = world.leaf(responders(world.server.url('ocsp')));
    const answer = (count: number): Uint8Array =>
      writeAnswer(root, leaf.certificate, root.certificate, { certificates: Array(count).fill(root.certificate) });
    expect(answer(60).length).toBeLessThan(20_480);
    world.server.answers.set('ocsp', answer(60));
    expect(await world.once(leaf)).toBe('good');
    expect(answer(70).length).toBeGreaterThan(20_480);
    world.server.answers.set('ocsp', answer(70));
    expect(await world.once(leaf)).toMatch(/^unknown: .*more than 20480 bytes/);
  });

  it('refuse a list of one byte more than is read', async () => {
    const leaf = world.leaf(lists(world.server.url('crl')));
    const list = writeList(root);
    world.server.answers.set('crl', list);
    expect(await world.once(leaf, { limits: { crlBytes: list.length } })).toBe('good');
    expect(await world.once(leaf, { limits: { crlBytes: list.length - 1 } })).toMatch(/^unknown: .*more than/);
  });

  it('let a few requests run at once, whoever asks for more', async () => {
    let running = 0;
    let most = 0;
    const leaves = Array.from({ length: 30 }, (_, i) => world.leaf(lists(world.server.url(`crl/${i}`))));
    const list = writeList(root);
    world.server.answers.set('crl', (_, response) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        response.end(list);
      }, 5);
    });
    const revocation = world.start();
    const statuses = await Promise.all(leaves.map((leaf) => said(revocation, [leaf, root])));
    expect(new Set(statuses)).toEqual(new Set(['good']));
    expect(most).toBeLessThanOrEqual(2);
  });

  it('show text of a certificate without its control characters', async () => {
    const leaf = world.leaf(lists('ftp://example/a\u007fb'));
    expect(await world.once(leaf)).toMatch(/^unknown: .*cannot be read/);
    expect(await world.once(world.leaf(lists(`ftp://example/${'x'.repeat(5_000)}`)))).toMatch(/^unknown: .{0,700}$/);
  });
});
