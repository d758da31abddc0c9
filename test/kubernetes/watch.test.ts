import { afterEach, describe, expect, it, vi } from 'vitest';
import { failed, ok, type Result } from '../../src/codes/result.ts';
import { asObject, type JsonObject, stringAt } from '../../src/encoding/strict-json.ts';
import { createApiClient } from '../../src/kubernetes/api.ts';
import type { ClusterAccess } from '../../src/kubernetes/cluster.ts';
import type { Resource } from '../../src/kubernetes/resource.ts';
import type { Watched } from '../../src/kubernetes/store.ts';
import { type WatchOptions, watchResource } from '../../src/kubernetes/watch.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { refuse, reset, startTestApiServer, statusObject, type TestApiServer } from './api-server.ts';
import { createTestClock } from './test-clock.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps' };
const POLICIES: Resource = { group: 'config.openshift.io', version: 'v1', plural: 'imagepolicies' };
const PATH = '/api/v1/configmaps';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

type Setting = {
  readonly resource?: Resource;
  readonly access?: () => Promise<ClusterAccess>;
  readonly options?: Partial<WatchOptions<string>>;
  /** Before the watch begins. */
  readonly before?: (server: TestApiServer) => void;
};

/** What a ConfigMap says under `text`; one that says nothing is broken. */
function parse(object: JsonObject): Result<string> {
  const data = asObject(object['data']);
  const text = data && stringAt(data, 'text');
  return text === undefined ? failed('OBJECT_MALFORMED', 'it has no text') : ok(text);
}

const shown = (all: ReadonlyMap<string, Watched<string>>) =>
  Object.fromEntries([...all].map(([key, { object }]) => [key, object.ok ? object.value : object.failure.code]));

async function watching(setting: Setting = {}) {
  const server = await startTestApiServer(undefined, setting.access);
  open.push(() => server.close());
  setting.before?.(server);
  const clock = createTestClock();
  const api = createApiClient(server.cluster, clock);
  open.push(() => api.close());
  const told: Record<string, string>[] = [];
  const watch = watchResource(api, setting.resource ?? CONFIG_MAPS, {
    parse,
    onChange: (all) => {
      told.push(shown(all));
    },
    logger: silentLogger,
    clock,
    random: () => 0.5,
    ...setting.options,
  });
  open.push(() => watch.close());
  const set = (name: string, text?: string) =>
    server.put(PATH, { metadata: { name, namespace: 'a' }, data: text === undefined ? {} : { text } });
  /** Waits for what happens by itself, without time going by. */
  const until = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 1 });
  const follows = () =>
    until(() => {
      expect([watch.state().phase, server.watches()]).toEqual(['watching', 1]);
      expect(server.log.at(-1)).toMatch(/^watch/);
    });
  const sees = (expected: Record<string, string>) => until(() => expect(shown(watch.all())).toEqual(expected));
  const fails = (code: string, times: number) =>
    until(() => expect([watch.state().reason?.code, watch.state().failures]).toEqual([code, times]));
  const requests = (verb: string) => server.log.filter((line) => line.startsWith(`${verb} `)).length;
  return { server, clock, watch, told, set, until, follows, sees, fails, requests };
}

describe('a watch of a resource', () => {
  it('lists, follows, and tells of each state once', async () => {
    const { server, watch, told, set, follows, sees } = await watching({
      before: (server) => {
        server.put(PATH, { metadata: { name: 'one', namespace: 'a' }, data: { text: '1' } });
      },
    });
    expect(await watch.synced).toBe(true);
    await follows();
    set('two', '2');
    await sees({ 'a/one': '1', 'a/two': '2' });
    set('one', '1b');
    await sees({ 'a/one': '1b', 'a/two': '2' });
    server.remove(PATH, 'a/two');
    await sees({ 'a/one': '1b' });
    expect(told).toEqual([
      { 'a/one': '1' },
      { 'a/one': '1', 'a/two': '2' },
      { 'a/one': '1b', 'a/two': '2' },
      { 'a/one': '1b' },
    ]);
    expect(watch.state()).toMatchObject({ phase: 'watching', synced: true, lists: 1, failures: 0, objects: 1 });
    expect(server.asked.at(-1)?.query.get('allowWatchBookmarks')).toBe('true');
  });

  it('is told even of an empty resource, so that waiting ends', async () => {
    const { watch, told } = await watching();
    expect(await watch.synced).toBe(true);
    expect(told).toEqual([{}]);
  });

  it('reads a list page by page, and begins it anew where the continue token has expired', async () => {
    const { server, watch } = await watching({
      before: (server) => {
        for (let i = 0; i < 450; i++) {
          server.put(PATH, { metadata: { name: `n${i}`, namespace: 'a' }, data: { text: String(i) } });
        }
        let pages = 0;
        server.always((asked, response) => {
          if (asked.query.has('continue') && ++pages === 2) {
            return refuse(410, {}, statusObject(410, 'too old', 'Expired'))(asked, response);
          }
          return false;
        });
      },
    });
    await watch.synced;
    expect(watch.state()).toMatchObject({ objects: 450, lists: 1, failures: 0 });
    expect(server.log.filter((line) => line.startsWith('list'))).toHaveLength(6);
  });

  it('asks for smaller pages where one is too large, so that huge objects do not hide the others', async () => {
    const { server, watch } = await watching({
      before: (server) => {
        for (let i = 0; i < 30; i++) {
          const text = 'x'.repeat(1_000_000);
          server.put(PATH, { metadata: { name: `n${i}`, namespace: 'a' }, data: { text } });
        }
      },
      options: { parse: () => ok('huge') },
    });
    await watch.synced;
    expect(watch.state().objects).toBe(30);
    expect(server.asked.map(({ query }) => query.get('limit'))).toContain('4');
  });

  it('keeps an object that does not parse, with what it was before, and forgets that for another object of its name', async () => {
    const { server, watch, set, follows, sees } = await watching();
    await follows();
    set('one', 'good');
    await sees({ 'a/one': 'good' });
    set('one');
    await sees({ 'a/one': 'OBJECT_MALFORMED' });
    expect(watch.all().get('a/one')?.lastGood).toBe('good');
    expect(watch.state()).toMatchObject({ objects: 1, broken: 1 });
    server.put(PATH, { metadata: { name: 'one', namespace: 'a', uid: 'another' }, data: {} });
    await vi.waitFor(() => expect(watch.all().get('a/one')?.uid).toBe('another'));
    expect(watch.all().get('a/one')?.lastGood).toBeUndefined();
  });

  it('keeps an object on which the parser throws', async () => {
    const { watch, set, follows, sees } = await watching({
      options: {
        parse: () => {
          throw new Error('a defect');
        },
      },
    });
    await follows();
    set('one', '1');
    await sees({ 'a/one': 'INTERNAL_ERROR' });
    expect(watch.state()).toMatchObject({ handlerErrors: 1, phase: 'watching' });
  });

  it('keeps the place of an object that is more than is read', async () => {
    const { server, follows, sees } = await watching();
    await follows();
    let deep: unknown = 'x';
    for (let i = 0; i < 200; i++) deep = [deep];
    server.put(PATH, { metadata: { name: 'deep', namespace: 'a' }, data: { deep } });
    await sees({ 'a/deep': 'LIMIT_EXCEEDED' });
  });

  it('keeps no managedFields, and knows the kind of what a list of the core group names', async () => {
    const seen: JsonObject[] = [];
    const { watch } = await watching({
      before: (server) => {
        server.put(PATH, { metadata: { name: 'one', namespace: 'a' } });
      },
      options: {
        parse: (object) => {
          seen.push(object);
          return ok('');
        },
      },
    });
    await watch.synced;
    expect(seen).toMatchObject([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } }]);
    expect(seen[0]?.['metadata']).not.toHaveProperty('managedFields');
  });
});

describe('a watch survives', () => {
  it.each([
    ['500', refuse(500), 'CLUSTER_UNAVAILABLE'],
    ['503 of a proxy', refuse(503, { 'content-type': 'text/html' }, '<h1>'), 'CLUSTER_UNAVAILABLE'],
    ['401', refuse(401), 'CLUSTER_FORBIDDEN'],
    ['403', refuse(403), 'CLUSTER_FORBIDDEN'],
    ['400', refuse(400), 'CLUSTER_REQUEST_REFUSED'],
    ['a redirect', refuse(302, { location: 'http://elsewhere.test/' }), 'CLUSTER_ANSWER_UNUSABLE'],
    ['a reset', reset, 'CLUSTER_UNREACHABLE'],
  ])('%s on the first list', async (_, fault, code) => {
    const { server, clock, watch, fails, follows } = await watching({ before: (server) => server.next('list', fault) });
    await fails(code, 1);
    expect(watch.state()).toMatchObject({ phase: 'failing', synced: false, failingSince: clock.now() });
    clock.pass(1_000);
    await follows();
    expect(watch.state()).toMatchObject({
      phase: 'watching',
      synced: true,
      reason: undefined,
      failingSince: undefined,
    });
    expect(server.log.filter((line) => line.startsWith('list'))).toHaveLength(2);
  });

  it.each([
    ['no JSON', refuse(200, {}, '{"items": [')],
    ['the page of a login', refuse(200, {}, '<html>')],
    ['something that is no list', refuse(200, {}, '{"kind":"Status"}')],
    [
      'a list without items',
      refuse(200, {}, '{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"}}'),
    ],
    [
      'an object without a name',
      refuse(200, {}, '{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[{}]}'),
    ],
  ])('%s instead of a list, and lets nothing go for it', async (_, fault) => {
    const { server, clock, watch, set, follows, fails, sees } = await watching();
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    server.next('list', fault);
    server.sayRaw('garbage\n');
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    clock.pass(1_000);
    await fails('CLUSTER_ANSWER_UNUSABLE', 2);
    expect(shown(watch.all())).toEqual({ 'a/one': '1' });
    clock.pass(2_000);
    await follows();
    expect(watch.state()).toMatchObject({ phase: 'watching', objects: 1 });
  });

  it('429 with Retry-After, and waits as long as it was asked to', async () => {
    const { server, clock, watch, follows, fails, requests } = await watching();
    await follows();
    server.next('watch', refuse(429, { 'retry-after': '20' }));
    clock.pass(2_000);
    server.endWatches('end');
    await fails('CLUSTER_UNAVAILABLE', 1);
    expect(clock.due().at(-1)).toBeGreaterThanOrEqual(20_000);
    const before = requests('watch');
    clock.pass(19_999);
    expect(requests('watch')).toBe(before);
    clock.pass(2_000);
    await follows();
    expect(watch.state()).toMatchObject({ phase: 'watching', failures: 1 });
  });

  it('does not wait for days because something before the API server says so', async () => {
    const { clock, fails } = await watching({
      before: (server) => server.next('list', refuse(503, { 'retry-after': '999999' })),
    });
    await fails('CLUSTER_UNAVAILABLE', 1);
    expect(clock.due().at(-1)).toBeLessThanOrEqual(700_000);
  });

  it('a reset within a line, and resumes where it was without listing', async () => {
    const { server, clock, watch, set, follows, sees, fails } = await watching();
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    const at = server.version();
    server.sayRaw('{"type":"ADDED","object":{"metadata":{"name":"ha');
    server.endWatches('reset');
    await fails('CLUSTER_UNREACHABLE', 1);
    set('two', '2');
    clock.pass(1_000);
    await follows();
    expect(server.asked.at(-1)?.query.get('resourceVersion')).toBe(String(at));
    expect(watch.state()).toMatchObject({ lists: 1, failures: 1, phase: 'watching' });
  });

  it('an end within a line', async () => {
    const { server, clock, follows, fails } = await watching();
    await follows();
    server.sayRaw('{"type":"ADDED"');
    server.endWatches('end');
    await fails('CLUSTER_UNREACHABLE', 1);
    clock.pass(1_000);
    await follows();
  });

  it.each([
    ['as a status', 'status'],
    ['as an event', 'event'],
  ])('410 %s: it lists again at once, and what is gone meanwhile goes', async (_, how) => {
    const { server, clock, watch, told, set, follows, sees } = await watching();
    await follows();
    set('gone', '1');
    set('stays', '2');
    await sees({ 'a/gone': '1', 'a/stays': '2' });
    server.quietly(() => server.remove(PATH, 'a/gone'));
    if (how === 'status') {
      server.next('watch', refuse(410, {}, statusObject(410, 'too old resource version', 'Expired')));
      clock.pass(2_000);
      server.endWatches('end');
    } else server.sayRaw(`{"type":"ERROR","object":${statusObject(410, 'too old', 'Expired')}}\n`);
    await sees({ 'a/stays': '2' });
    expect(told.at(-1)).toEqual({ 'a/stays': '2' });
    await follows();
    // That versions are forgotten is no trouble.
    expect(watch.state()).toMatchObject({ lists: 2, failures: 0, phase: 'watching' });
  });

  it('410 again and again, with growing pauses', async () => {
    const { server, clock, watch, follows, fails, requests } = await watching({
      before: (server) => {
        for (let i = 0; i < 4; i++) server.next('watch', refuse(410));
      },
    });
    for (let times = 1; times <= 3; times++) {
      await fails('CLUSTER_UNAVAILABLE', times);
      expect(requests('watch')).toBe(times + 1);
      clock.pass(times === 1 ? 1_000 : 5_000);
    }
    await follows();
    expect(watch.state()).toMatchObject({ phase: 'watching', failures: 3 });
    expect(server.log.filter((line) => line.startsWith('list')).length).toBe(5);
  });

  it('a connection that breaks now and then: after half a minute of quiet, pauses are short and it resumes', async () => {
    const { server, clock, watch, follows, fails, requests } = await watching();
    for (let times = 1; times <= 4; times++) {
      await follows();
      clock.pass(30_000);
      server.endWatches('reset');
      await fails('CLUSTER_UNREACHABLE', times);
      clock.pass(1_000);
    }
    await follows();
    expect(requests('watch')).toBe(5);
    expect(watch.state().lists).toBe(1);
  });

  it('an ERROR event that is not 410, whose pause it keeps', async () => {
    const { server, clock, follows, fails } = await watching();
    await follows();
    const status = { kind: 'Status', code: 500, message: 'etcd is away', details: { retryAfterSeconds: 7 } };
    server.sayRaw(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    await fails('CLUSTER_UNAVAILABLE', 1);
    expect(clock.due().at(-1)).toBeGreaterThanOrEqual(7_000);
    clock.pass(8_000);
    await follows();
    expect(server.log.at(-2)).toBe(`list ${PATH}`);
  });

  it('silence: a stream that is over its time is cut, however it trickles, and the next one resumes', async () => {
    const { server, clock, watch, follows, fails } = await watching();
    await follows();
    clock.pass(300_000);
    // Bytes that never become an event are no sign of life.
    server.sayRaw('{"type":');
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(19_999);
    expect(watch.state().failures).toBe(0);
    clock.pass(1);
    await fails('CLUSTER_UNREACHABLE', 1);
    expect(watch.state().reason?.message).toContain('silent');
    clock.pass(1_000);
    await follows();
    expect(watch.state().phase).toBe('watching');
  });

  it('an API server that takes a request and never answers', async () => {
    const { server, clock, follows, fails, requests, until } = await watching({
      before: (server) => server.next('list', () => true),
    });
    await until(() => expect(requests('list')).toBe(1));
    clock.pass(60_000);
    await fails('CLUSTER_UNREACHABLE', 1);
    clock.pass(1_000);
    await follows();
    expect(server.watches()).toBe(1);
  });

  it('a line that is longer than is read, without keeping it in memory', async () => {
    const { server, clock, follows, fails, sees, set } = await watching();
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    for (let i = 0; i < 10; i++) server.sayRaw('x'.repeat(1024 * 1024));
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    clock.pass(1_000);
    await follows();
    await sees({ 'a/one': '1' });
  });

  it.each([
    ['garbage', 'garbage\n'],
    ['an unknown type', '{"type":"RENAMED","object":{}}\n'],
    ['an event without an object', '{"type":"ADDED"}\n'],
    ['an object without a version', '{"type":"ADDED","object":{"metadata":{"name":"x","uid":"1"}}}\n'],
    ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
    ['invalid UTF-8 in text', '{"type":"ADDED","object":"\xc3"}\n'],
    ['null', 'null\n'],
  ])('%s on the stream: it lists again', async (_, text) => {
    const { server, clock, watch, follows, fails } = await watching();
    await follows();
    server.sayRaw(text);
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    clock.pass(1_000);
    await follows();
    expect(watch.state()).toMatchObject({ lists: 2, phase: 'watching' });
  });

  it('believes the events that came before the garbage', async () => {
    const { server, sees, follows } = await watching();
    await follows();
    const object = {
      metadata: { name: 'one', namespace: 'a', uid: 'u', resourceVersion: '5000' },
      data: { text: '1' },
    };
    server.sayRaw(`\n${JSON.stringify({ type: 'ADDED', object })}\r\n{]\n`);
    await sees({ 'a/one': '1' });
  });

  it('an event that comes in pieces, and many that come at once, of which it tells once', async () => {
    const { server, told, sees, follows } = await watching();
    await follows();
    const event = (name: string, version: number) =>
      `${JSON.stringify({
        type: 'ADDED',
        object: {
          metadata: { name, namespace: 'a', uid: name, resourceVersion: String(version) },
          data: { text: 'é' },
        },
      })}\n`;
    for (const byte of Buffer.from(event('slow', 2000))) {
      server.sayRaw(Buffer.from([byte]).toString('latin1'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    server.sayRaw(Array.from({ length: 50 }, (_, i) => event(`n${i}`, 2001 + i)).join(''));
    await vi.waitFor(() => expect(Object.keys(told.at(-1) ?? {})).toHaveLength(51));
    expect(told.length).toBeLessThan(10);
    await sees(told.at(-1) ?? {});
  });

  it('events that come twice, without telling twice', async () => {
    const { server, clock, told, watch, set, follows, sees, until } = await watching();
    await follows();
    const object = set('one', '1');
    await sees({ 'a/one': '1' });
    clock.pass(10);
    server.sayRaw(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
    await until(() => expect(watch.state().lastHeardAt).toBe(clock.now()));
    expect(told).toHaveLength(2);
    set('two', '2');
    await until(() => expect(told.at(-1)).toEqual({ 'a/one': '1', 'a/two': '2' }));
    expect(told).toHaveLength(3);
    expect(watch.state().failures).toBe(0);
  });

  it('an event from the past: it does not bring back what was deleted, and lists again', async () => {
    const { server, clock, watch, set, follows, fails, sees } = await watching();
    await follows();
    const old = set('one', 'old');
    server.remove(PATH, 'a/one');
    set('two', '2');
    await sees({ 'a/two': '2' });
    server.sayRaw(`${JSON.stringify({ type: 'MODIFIED', object: old })}\n`);
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    expect(shown(watch.all())).toEqual({ 'a/two': '2' });
    clock.pass(1_000);
    await follows();
    expect(watch.state().lists).toBe(2);
  });

  it('watches that end as soon as they begin, without a storm of requests', async () => {
    const { server, clock, follows, fails, requests } = await watching({
      before: (server) => {
        for (let i = 0; i < 3; i++) server.next('watch', refuse(200, {}, ''));
      },
    });
    for (let times = 1; times <= 3; times++) {
      await fails('CLUSTER_UNAVAILABLE', times);
      expect(requests('watch')).toBe(times);
      clock.pass(5_000);
    }
    await follows();
    expect(server.watches()).toBe(1);
  });

  it('the usual end of a watch, at which it goes on from the last bookmark without listing', async () => {
    const { server, clock, watch, follows, until, requests } = await watching();
    await follows();
    server.quietly(() => server.put('/api/v1/secrets', { metadata: { name: 'other' } }));
    server.bookmark();
    await until(() => expect(watch.state().lastHeardAt).toBe(clock.now()));
    clock.pass(290_000);
    server.endWatches('end');
    await until(() => expect(requests('watch')).toBe(2));
    expect(server.asked.at(-1)?.query.get('resourceVersion')).toBe(String(server.version()));
    expect(server.asked.at(-1)?.query.get('timeoutSeconds')).toBe('290');
    expect(watch.state()).toMatchObject({ lists: 1, failures: 0 });
  });

  it('a version that the API server cannot serve any more, such as after a restored backup: two failures, then a list', async () => {
    const { server, clock, watch, follows, fails } = await watching();
    await follows();
    const tooLarge = refuse(504, {}, statusObject(504, 'Too large resource version', 'Timeout'));
    server.next('watch', tooLarge);
    server.next('watch', tooLarge);
    clock.pass(2_000);
    server.endWatches('end');
    await fails('CLUSTER_UNAVAILABLE', 1);
    clock.pass(1_000);
    await fails('CLUSTER_UNAVAILABLE', 2);
    expect(watch.state().lists).toBe(1);
    clock.pass(2_000);
    await follows();
    expect(watch.state().lists).toBe(2);
  });

  it('a two-minute outage: what was seen stays, it tells since when, and then sees what happened meanwhile', async () => {
    const { server, clock, watch, told, set, follows, sees, until } = await watching();
    await follows();
    set('kept', '1');
    set('deleted', '2');
    await sees({ 'a/kept': '1', 'a/deleted': '2' });
    clock.pass(2_000);
    const began = clock.now();
    const comeBack = await server.goAway();
    let attempts = 0;
    while (clock.now() - began < 120_000) {
      attempts++;
      await until(() => expect(watch.state().failures).toBe(attempts));
      expect(watch.state()).toMatchObject({ phase: 'failing', synced: true, failingSince: began, objects: 2 });
      expect(watch.state().reason?.code).toBe('CLUSTER_UNREACHABLE');
      clock.pass(clock.due()[0] ?? 0);
    }
    expect(attempts).toBeGreaterThan(4);
    expect(attempts).toBeLessThan(15);
    await until(() => expect(watch.state().failures).toBe(attempts + 1));
    server.remove(PATH, 'a/deleted');
    set('made', '3');
    await comeBack();
    clock.pass(30_000);
    await sees({ 'a/kept': '1', 'a/made': '3' });
    await follows();
    expect(told.at(-1)).toEqual({ 'a/kept': '1', 'a/made': '3' });
    expect(watch.state()).toMatchObject({ phase: 'watching', failingSince: undefined, reason: undefined });
    // And what comes next is seen at once.
    set('next', '4');
    await sees({ 'a/kept': '1', 'a/made': '3', 'a/next': '4' });
  });

  it('a token that expires: it goes on with the next one that kubelet writes', async () => {
    let token = 'first';
    const { server, clock, watch, follows, fails, sees, set } = await watching({
      access: () => Promise.resolve({ headers: { authorization: `Bearer ${token}` }, tls: {} }),
    });
    await follows();
    const expected = 'second';
    server.always((asked, response) =>
      asked.request.headers.authorization === `Bearer ${expected}` ? false : refuse(401)(asked, response),
    );
    clock.pass(2_000);
    server.endWatches('end');
    await fails('CLUSTER_FORBIDDEN', 1);
    token = expected;
    clock.pass(1_000);
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    expect(watch.state().phase).toBe('watching');
  });
});

describe('a handler that throws', () => {
  it.each(['throws', 'rejects'])('(%s) stops nothing, is counted, and gets the newest state again', async (how) => {
    let broken = true;
    const told: Record<string, string>[] = [];
    const fail = () => {
      if (how === 'throws') throw new Error('a defect');
      return Promise.reject(new Error('a defect'));
    };
    const { clock, watch, set, follows, sees, until } = await watching({
      options: {
        onChange: (all) => {
          if (broken) return fail();
          told.push(shown(all));
          return undefined;
        },
      },
    });
    expect(await watch.synced).toBe(true);
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    await until(() => expect(watch.state()).toMatchObject({ handlerErrors: 2, undelivered: true, phase: 'watching' }));
    clock.pass(3_000);
    await until(() => expect(watch.state().handlerErrors).toBe(3));
    broken = false;
    expect(told).toEqual([]);
    clock.pass(6_000);
    await until(() => expect(told).toEqual([{ 'a/one': '1' }]));
    await until(() => expect(watch.state().undelivered).toBe(false));
    clock.pass(60_000);
    expect(told).toHaveLength(1);
  });
});

describe('a resync', () => {
  it('lists again by itself and finds what a watch has missed', async () => {
    const { server, clock, watch, set, follows, sees, until, requests } = await watching();
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    server.quietly(() => {
      server.put(PATH, { metadata: { name: 'missed', namespace: 'a' }, data: { text: '2' } });
    });
    for (let quarter = 0; quarter < 3; quarter++) {
      clock.pass(200_000);
      server.bookmark();
      await until(() => expect(watch.state().lastHeardAt).toBe(clock.now()));
    }
    await sees({ 'a/one': '1', 'a/missed': '2' });
    await until(() => expect(requests('watch')).toBe(2));
    expect(watch.state()).toMatchObject({ lists: 2, failures: 0 });
  });

  it('tells nothing where nothing changed', async () => {
    const { server, clock, watch, told, set, follows, sees, until } = await watching();
    await follows();
    set('one', '1');
    await sees({ 'a/one': '1' });
    server.sayRaw('garbage\n');
    await until(() => expect(watch.state().failures).toBe(1));
    clock.pass(1_000);
    await until(() => expect(watch.state().lists).toBe(2));
    expect(told).toHaveLength(2);
  });
});

describe('a kind that the cluster does not have', () => {
  it('counts as seen, is looked for again within a minute, and is found when its CRD comes', async () => {
    const { server, clock, watch, told, follows, until } = await watching({ resource: POLICIES });
    expect(await watch.synced).toBe(true);
    expect(watch.state()).toMatchObject({ phase: 'absent', synced: true, failures: 0, failingSince: undefined });
    expect(told).toEqual([{}]);
    server.served.add('config.openshift.io/v1/imagepolicies');
    await until(() => expect(clock.due()).toHaveLength(1));
    expect(clock.due()[0]).toBeLessThanOrEqual(60_000);
    clock.pass(60_000);
    await follows();
    const object = { metadata: { name: 'one', namespace: 'a' }, data: { text: '1' } };
    server.put('/apis/config.openshift.io/v1/imagepolicies', object);
    await until(() => expect(told.at(-1)).toEqual({ 'a/one': '1' }));
    expect(watch.state()).toMatchObject({ phase: 'watching', lists: 1 });
  });

  it('takes its objects with it when its CRD is deleted', async () => {
    const path = '/apis/config.openshift.io/v1/imagepolicies';
    const { server, watch, clock, told, follows, sees, until } = await watching({
      resource: POLICIES,
      before: (server) => {
        server.served.add('config.openshift.io/v1/imagepolicies');
        server.put(path, { metadata: { name: 'one', namespace: 'a' }, data: { text: '1' } });
      },
    });
    await follows();
    await sees({ 'a/one': '1' });
    server.served.clear();
    clock.pass(2_000);
    server.endWatches('end');
    await until(() => expect(watch.state().failures).toBe(1));
    clock.pass(1_000);
    await until(() => expect(told.at(-1)).toEqual({}));
    expect(watch.state().phase).toBe('absent');
  });

  it('is not believed to be gone where a 404 comes from something else: what was seen stays', async () => {
    const path = '/apis/config.openshift.io/v1/imagepolicies';
    const { server, watch, clock, follows, sees, until } = await watching({
      resource: POLICIES,
      before: (server) => {
        server.served.add('config.openshift.io/v1/imagepolicies');
        server.put(path, { metadata: { name: 'one', namespace: 'a' }, data: { text: '1' } });
      },
    });
    await follows();
    await sees({ 'a/one': '1' });
    // First a proxy that answers everything with its own page, then one that loses only the lists.
    const nothing = server.always(refuse(404, { 'content-type': 'text/html' }, '<h1>404</h1>'));
    clock.pass(2_000);
    server.endWatches('end');
    await until(() => expect(watch.state().failures).toBe(1));
    clock.pass(1_000);
    await until(() => expect(watch.state().failures).toBe(2));
    expect(watch.state()).toMatchObject({ phase: 'failing', objects: 1 });
    nothing();
    server.next('list', refuse(404, { 'content-type': 'text/html' }, '<h1>404</h1>'));
    clock.pass(2_000);
    await until(() => expect(watch.state().failures).toBe(3));
    expect(watch.state()).toMatchObject({ phase: 'failing', objects: 1 });
    clock.pass(5_000);
    await follows();
    expect(watch.state()).toMatchObject({ phase: 'watching', objects: 1 });
  });
});

describe('a kind that every cluster has', () => {
  it('is never taken for absent, whatever a table of contents says', async () => {
    const { server, watch, fails } = await watching({
      before: (server) => server.next('list', refuse(404, { 'content-type': 'text/html' }, '<h1>404</h1>')),
    });
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    expect(watch.state()).toMatchObject({ phase: 'failing', synced: false });
    expect(server.log).not.toContain('read /apis');
  });
});

describe('bounds', () => {
  it('of objects: a list beyond them fails whole and says so; nothing is left out in silence', async () => {
    const { watch, server, follows, set, sees, fails, clock } = await watching({
      options: { bounds: { objects: 2, bytes: 1_000_000 } },
    });
    await follows();
    set('one', '1');
    set('two', '2');
    await sees({ 'a/one': '1', 'a/two': '2' });
    set('three', '3');
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
    clock.pass(1_000);
    await fails('CLUSTER_ANSWER_UNUSABLE', 2);
    expect(watch.state().reason?.message).toContain('there are more configmaps than 2 objects');
    server.remove(PATH, 'a/three');
    clock.pass(5_000);
    await sees({ 'a/one': '1', 'a/two': '2' });
    await follows();
  });

  it('of bytes', async () => {
    const { fails } = await watching({
      options: { bounds: { objects: 10, bytes: 10_000 } },
      before: (server) => {
        server.put(PATH, { metadata: { name: 'big' }, data: { text: 'x'.repeat(20_000) } });
      },
    });
    await fails('CLUSTER_ANSWER_UNUSABLE', 1);
  });
});

describe('closing', () => {
  it('ends a watch that follows, one that waits and one that lists, and tells who waits', async () => {
    const following = await watching();
    await following.follows();
    await following.watch.close();
    expect(following.watch.state()).toMatchObject({ phase: 'closed', synced: true });
    await following.until(() => expect(following.server.watches()).toBe(0));

    const waiting = await watching({ before: (server) => server.next('list', refuse(500)) });
    await waiting.fails('CLUSTER_UNAVAILABLE', 1);
    await waiting.watch.close();
    expect(await waiting.watch.synced).toBe(false);
    expect(waiting.clock.due()).toEqual([]);

    const listing = await watching({ before: (server) => server.next('list', () => true) });
    await listing.until(() => expect(listing.requests('list')).toBe(1));
    await listing.watch.close();
    expect(await listing.watch.synced).toBe(false);
    expect(listing.clock.due()).toEqual([]);
  });
});
