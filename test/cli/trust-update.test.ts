import { readFileSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseRefreshStatus, statusPathOf } from '../../src/trust/sigstore/refresh-status.ts';
import { sha256Of } from '../../src/trust/sigstore/root-status.ts';
import { type Deviations, ROLES, tufRepository } from '../fixtures/tuf/repository.ts';
import { serveTuf, type TufFault } from '../fixtures/tuf/server.ts';
import { until } from '../policy/sources/folder.ts';
import { filesIn, inProcess, run, start } from './process.ts';

const SHIPPED: { readonly tlogs: readonly unknown[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../certs/public-good/trusted_root.json'), 'utf8'),
);
/** Three roots that countersign can use, and that are told apart. */
const OLD = JSON.stringify(SHIPPED);
const NEW = JSON.stringify({ ...SHIPPED, tlogs: SHIPPED.tlogs.slice(1) });
const NEWER = JSON.stringify({ ...SHIPPED, tlogs: SHIPPED.tlogs.slice(0, 1) });

/** A repository that is served, and a folder with what `trust update` needs and writes. */
async function desk(published = NEW) {
  const repository = tufRepository(published);
  const server = await serveTuf(repository.files);
  const folder = await filesIn({ 'root.json': repository.initialRoot });
  const output = join(folder, 'trusted_root.json');
  const rest = ['--mirror', server.url, '--root', join(folder, 'root.json')];
  return {
    repository,
    server,
    folder,
    output,
    options: ['--output', output, ...rest],
    update: (...more: readonly string[]) => inProcess(['trust', 'update', '--output', output, ...rest, ...more]),
    text: () => readFile(output, 'utf8'),
    status: async () => parseRefreshStatus(await readFile(statusPathOf(output))),
    /** What lies beside the file, the cache of metadata left out. */
    beside: async () => (await readdir(folder)).filter((name) => name !== '.trusted_root.json.tuf').toSorted(),
  };
}

/** The same, with a root that was refreshed before. */
async function refreshedDesk() {
  const made = await desk(OLD);
  made.repository.publish(OLD);
  expect(await made.update()).toMatchObject({ status: 0, error: '' });
  const before = await readFile(statusPathOf(made.output), 'utf8');
  return {
    ...made,
    /** Asks for a refresh that must fail, and changes nothing of what is there. */
    refused: async (says: string | RegExp, ...more: readonly string[]) => {
      const { status, out, error } = await made.update(...more);
      expect({ status, out }, error).toEqual({ status: 1, out: '' });
      expect(error).toMatch(says);
      expect(error).toMatch(
        /^countersign: .*trusted_root\.json is not refreshed\. .* stays as it was \d+ (?:second|day)s? ago, /,
      );
      expect(error).not.toMatch(/\n./);
      expect(await made.text()).toBe(OLD);
      expect(await readFile(statusPathOf(made.output), 'utf8')).toBe(before);
      expect(await made.beside()).toEqual(['.trusted_root.json.status.json', 'root.json', 'trusted_root.json']);
    },
  };
}

describe('trust update', () => {
  it('writes the published root as it is, and beside it what is known of it', async () => {
    const { update, text, status, server, beside, output } = await desk();
    const { status: exit, out, error } = await update();
    expect({ exit, error }).toEqual({ exit: 0, error: '' });
    expect(out).toContain(
      'is refreshed: 2 certificate authorities, 1 transparency log, 2 certificate transparency logs, 1 timestamp authority.',
    );
    expect(await text()).toBe(NEW);
    expect(await beside()).toEqual(['.trusted_root.json.status.json', 'root.json', 'trusted_root.json']);
    expect((await stat(output)).mode & 0o133).toBe(0);
    const written = await status();
    expect(written).toMatchObject({ source: server.url, sha256: sha256Of(Buffer.from(NEW)) });
    expect(Math.abs((written?.refreshedAt ?? 0) - Date.now())).toBeLessThan(10_000);
  });

  it.each(ROLES)('says that the root expires with the metadata that expires first, were it the %s', async (role) => {
    const { repository, update, status } = await desk();
    if (role === 'root') repository.rotate('both', { days: { root: 2 } });
    repository.publish(NEW, { days: { [role]: 2 } });
    expect(await update()).toMatchObject({ status: 0, error: '' });
    const days = ((await status())?.expiresAt ?? 0) - Date.now();
    expect(Math.round(days / 86_400_000)).toBe(2);
  });

  it('leaves a root alone that has not changed, and notes that it is still the current one', async () => {
    const { update, status, output } = await desk();
    await update();
    const [file, noted] = [await stat(output), await status()];
    const { status: exit, out } = await update();
    expect(exit).toBe(0);
    expect(out).toContain('is unchanged');
    expect(await stat(output)).toMatchObject({ ino: file.ino, mtimeMs: file.mtimeMs });
    expect((await status())?.refreshedAt).toBeGreaterThan(noted?.refreshedAt ?? Number.POSITIVE_INFINITY);
  });

  it('replaces the root by a newer one, with the mode that the file had and through the link that named it', async () => {
    const { repository, update, text, output, folder } = await desk(OLD);
    await mkdir(join(folder, 'real'));
    await writeFile(join(folder, 'real/root'), 'nothing');
    await chmod(join(folder, 'real/root'), 0o640);
    await symlink('real/root', output);
    for (const published of [OLD, NEW, NEWER]) {
      repository.publish(published);
      expect(await update()).toMatchObject({ status: 0, error: '' });
      expect(await text()).toBe(published);
    }
    expect((await stat(output)).mode & 0o777).toBe(0o640);
    expect((await lstat(output)).isSymbolicLink()).toBe(true);
    expect(await readdir(join(folder, 'real'))).toEqual(['root']);
  });

  it('follows roots that are signed by the one before, one after the other, with and without a cache', async () => {
    const { repository, update, text } = await desk(OLD);
    await update();
    repository.rotate();
    repository.rotate();
    repository.publish(NEW);
    expect(await update()).toMatchObject({ status: 0, error: '' });
    expect(await text()).toBe(NEW);

    const late = await desk(OLD);
    late.repository.rotate();
    late.repository.publish(NEW);
    expect(await late.update()).toMatchObject({ status: 0, error: '' });
    expect(await late.text()).toBe(NEW);
  });

  it('asks the host of the mirror alone, and nothing else of it than a TUF client needs', async () => {
    const { update, server } = await desk();
    await update();
    await update();
    expect(server.seen().map((path) => path.replace(/[0-9a-f]{64}/, 'HASH'))).toEqual([
      '/2.root.json',
      '/timestamp.json',
      '/1.snapshot.json',
      '/1.targets.json',
      '/targets/HASH.trusted_root.json',
      '/2.root.json',
      '/timestamp.json',
      '/targets/HASH.trusted_root.json',
    ]);
  });

  it('takes a mirror under a path', async () => {
    const { repository, folder, output, text } = await desk();
    const server = await serveTuf(new Map([...repository.files].map(([path, bytes]) => [`/a/b${path}`, bytes])));
    const args = ['--output', output, '--mirror', `${server.url}/a/b/`, '--root', join(folder, 'root.json')];
    expect(await inProcess(['trust', 'update', ...args])).toMatchObject({ status: 0, error: '' });
    expect(await text()).toBe(NEW);
  });

  it('of several at once leaves one whole root, and nothing lying about', async () => {
    const { repository, update, text, status, beside, folder } = await desk(OLD);
    await update();
    repository.publish(NEW);
    const all = await Promise.all(Array.from({ length: 6 }, () => update()));
    expect(all.map(({ status: exit, error }) => `${exit} ${error}`)).toEqual(Array(6).fill('0 '));
    expect(await text()).toBe(NEW);
    expect((await status())?.sha256).toBe(sha256Of(Buffer.from(NEW)));
    expect(await beside()).toEqual(['.trusted_root.json.status.json', 'root.json', 'trusted_root.json']);
    const [cache = ''] = await readdir(join(folder, '.trusted_root.json.tuf'));
    expect((await readdir(join(folder, '.trusted_root.json.tuf', cache))).toSorted()).toEqual(
      ROLES.map((role) => `${role}.json`).toSorted(),
    );
    expect(await update()).toMatchObject({ status: 0, error: '' });
  });

  it('recovers from a cache that is broken', async () => {
    const { update, folder, repository, text } = await desk(OLD);
    await update();
    const [name = ''] = await readdir(join(folder, '.trusted_root.json.tuf'));
    for (const role of ROLES) await writeFile(join(folder, '.trusted_root.json.tuf', name, `${role}.json`), '{"half');
    repository.publish(NEW);
    expect(await update()).toMatchObject({ status: 0, error: '' });
    expect(await text()).toBe(NEW);
  });

  it('knows a repository that was made anew by its root, and takes nothing of the old one for it', async () => {
    const { update, folder, text, server } = await desk(OLD);
    for (let i = 0; i < 3; i++) await update();
    const anew = tufRepository(NEW);
    const next = await serveTuf(anew.files);
    server.spoil('/', { kind: 'status', status: 500 });
    await writeFile(join(folder, 'root.json'), anew.initialRoot);
    expect(await update('--mirror', next.url)).toMatchObject({ status: 0, error: '' });
    expect(await text()).toBe(NEW);
  });

  it('replaces a file that is no trusted root, and one whose age nobody knows', async () => {
    const { update, output, text, repository } = await desk();
    await writeFile(output, 'no root');
    expect(await update()).toMatchObject({ status: 0, error: '' });
    await writeFile(output, OLD);
    repository.publish(NEW, { forged: ['timestamp'] });
    expect((await update()).error).toContain('The file stays as it was; how old it is, is not known.');
    expect(await text()).toBe(OLD);
  });

  it('says so where there is no file yet', async () => {
    const { update, server, beside } = await desk();
    server.spoil('timestamp', { kind: 'status', status: 503 });
    const { status, error } = await update();
    expect(status).toBe(1);
    expect(error).toContain('There is no earlier file.');
    expect(await beside()).toEqual(['root.json']);
  });
});

describe('trust update refuses, and leaves the old root untouched', () => {
  it.each([
    ...(['timestamp', 'snapshot', 'targets'] as const).map((role): [string, Deviations, RegExp] => [
      `${role} signed by a stranger`,
      { forged: [role] },
      new RegExp(`${role} was signed by 0/1 keys`),
    ]),
    ['an expired timestamp', { expired: ['timestamp'] }, /timestamp\.json is expired/],
    ['an expired snapshot', { expired: ['snapshot'] }, /snapshot\.json is expired/],
    ['expired targets', { expired: ['targets'] }, /targets\.json is expired/],
    [
      'a timestamp that goes back',
      { versions: { timestamp: 1 } },
      /timestamp version 1 is less than current version 2/,
    ],
    ['a snapshot that goes back', { versions: { snapshot: 1 } }, /snapshot version 1 is less than current version 2/],
    ['targets that go back', { versions: { targets: 1 } }, /version 1 of targets\.json is less than current version 2/],
    ['a target of another hash', { target: { hashes: { sha256: '0'.repeat(64) } } }, /Expected hash 0{64}/],
    ['a target of another length', { target: { length: NEW.length + 1 } }, /Expected length/],
    ['a target longer than it says', { target: { length: 10 } }, /answered with more than 10 bytes/],
    ['a target without a hash', { target: { hashes: {} } }, /neither SHA-256 nor SHA-512/],
    ['a target with a weak hash', { target: { hashes: { md5: '0' } } }, /neither SHA-256 nor SHA-512/],
    ['a repository without a trusted root', { name: 'something.json' }, /has no trusted_root\.json/],
  ] satisfies readonly [string, Deviations, RegExp][])('%s', async (_, deviations, says) => {
    const { repository, refused } = await refreshedDesk();
    repository.publish(NEW, deviations);
    await refused(says);
  });

  it('a repository as it was earlier, in whole', async () => {
    const { repository, update, server, text } = await desk(OLD);
    await update();
    const earlier = new Map(repository.files);
    repository.publish(NEW);
    await update();
    repository.files.clear();
    for (const [path, bytes] of earlier) repository.files.set(path, bytes);
    const { status, error } = await update();
    expect(status).toBe(1);
    expect(error).toContain('timestamp version 1 is less than current version 2');
    expect(await text()).toBe(NEW);
    expect(server.seen()).toContain('/timestamp.json');
  });

  it('a repository that stands still, once its timestamp has expired: newer roots may be kept from us', async () => {
    const { refused } = await refreshedDesk();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 8 * 86_400_000 });
    onTestFinished(() => void vi.useRealTimers());
    await refused(
      /timestamp\.json is expired\. The file stays as it was 8 days ago, and its source vouched for it until/,
    );
  });

  it.each([
    ['not signed by the one before', 'new'],
    ['not signed by its own keys', 'old'],
  ] as const)('a new root that is %s', async (_, signedBy) => {
    const { repository, refused } = await refreshedDesk();
    repository.rotate(signedBy);
    repository.publish(NEW);
    await refused(/root was signed by 0\/1 keys/);
  });

  it('a new root that skips a version, or is expired', async () => {
    const skipping = await refreshedDesk();
    skipping.repository.rotate('both', { versions: { root: 7 } });
    const seventh = skipping.repository.files.get('/7.root.json');
    if (seventh === undefined) throw new Error('no root');
    skipping.repository.files.set('/2.root.json', seventh);
    skipping.repository.publish(NEW);
    await skipping.refused(/Expected version 2, got 7/);

    const expired = await refreshedDesk();
    expired.repository.rotate('both', { expired: ['root'] });
    expired.repository.publish(NEW);
    await expired.refused(/root\.json is expired/);
  });

  it.each([
    ['an error', { kind: 'status', status: 500 }, /answered 500 for/],
    ['404', { kind: 'status', status: 404 }, /answered 404 for/],
    ['a refusal', { kind: 'status', status: 403 }, /answered 403 for/],
    ['an empty success', { kind: 'status', status: 204 }, /answered 204 for/],
    ['an endless body', { kind: 'endless' }, /answered with more than \d+ bytes/],
    ['half a body', { kind: 'cut' }, /the connection to 127\.0\.0\.1:\d+ failed/i],
    ['something that is no JSON', { kind: 'bytes', bytes: '<html>sign in</html>' }, /is refused: |Expected length/],
    ['JSON that is no metadata', { kind: 'bytes', bytes: '{"signed": {}, "signatures": []}' }, /is refused: |Expected/],
  ] satisfies readonly [string, TufFault, RegExp][])('%s instead of any file of it', async (_, fault, says) => {
    const { repository, server, refused } = await refreshedDesk();
    repository.rotate();
    repository.publish(NEW);
    for (const part of ['timestamp.json', 'snapshot.json', 'targets.json', 'trusted_root.json']) {
      server.mend();
      server.spoil(part, fault);
      await refused(says);
    }
  });

  it('an error or an endless body instead of a root, of which only the absence means that there is none', async () => {
    const { server, refused } = await refreshedDesk();
    server.spoil('root.json', { kind: 'status', status: 500 });
    await refused(/answered 500 for \/2\.root\.json/);
    server.spoil('root.json', { kind: 'endless' });
    await refused(/answered with more than 512000 bytes/);
  });

  it('a server that hangs, when the time is over', async () => {
    const { server, refused } = await refreshedDesk();
    for (const part of ['root.json', 'timestamp.json']) {
      server.mend();
      server.spoil(part, { kind: 'hang' });
      const start = performance.now();
      await refused(/did not answer in time/, '--timeout', '300ms');
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });

  it('a server that is not there', async () => {
    const { refused } = await refreshedDesk();
    await refused(/The connection to 127\.0\.0\.1:1 failed/i, '--mirror', 'http://127.0.0.1:1');
  });

  it('a redirect, wherever it leads, and asks nobody else', async () => {
    const { server, repository, refused } = await refreshedDesk();
    const elsewhere = await serveTuf(repository.files);
    for (const to of [`${elsewhere.url}/timestamp.json`, '/2.root.json']) {
      server.spoil('timestamp.json', { kind: 'redirect', to });
      await refused(/redirects to .*, which is not followed/);
    }
    expect(elsewhere.seen()).toEqual([]);
  });

  it.each([
    ['an HTML page', '<html></html>'],
    ['an empty object', '{}'],
    [
      'a root that trusts nobody',
      JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }),
    ],
    [
      'a root of a format to come',
      JSON.stringify({ ...SHIPPED, mediaType: 'application/vnd.dev.sigstore.trustedroot.v9+json' }),
    ],
    ['a root with a log twice', JSON.stringify({ ...SHIPPED, tlogs: [SHIPPED.tlogs[0], SHIPPED.tlogs[0]] })],
    ['a root with a key twice', OLD.replace('{', '{"mediaType":"x",')],
    ['a root with a broken authority', JSON.stringify({ ...SHIPPED, certificateAuthorities: [{}] })],
    ['nothing', ''],
  ])('%s that is published as trusted root', async (_, published) => {
    const { repository, refused } = await refreshedDesk();
    repository.publish(published);
    await refused(/What it publishes (?:cannot be used|holds no authority)/);
  });

  it('a root.json that is none', async () => {
    const { folder, refused } = await refreshedDesk();
    for (const text of ['{}', 'x', '{"signed":{"_type":"root"},"signatures":[]}']) {
      await writeFile(join(folder, 'root.json'), text);
      await refused(/is refused: /);
    }
  });

  it('a root.json of other keys', async () => {
    const { folder, refused } = await refreshedDesk();
    await writeFile(join(folder, 'root.json'), tufRepository(NEW).initialRoot);
    await refused(/timestamp was signed by 0\/1 keys/);
  });
});

/** Node's permission model as the image has it, with one folder that may be written. */
const permitted = (folder: string): readonly string[] => [
  '--disable-warning=ExperimentalWarning',
  '--permission',
  '--allow-net',
  '--allow-fs-read=*',
  `--allow-fs-write=${folder}/*`,
];

describe('trust update says what stands in its way', () => {
  it('a folder that is not there or is none, before anybody is asked', async () => {
    const { options, folder, output, server } = await desk();
    await mkdir(join(folder, 'a-folder'));
    for (const [path, says] of [
      ['absent/root', 'absent does not exist'],
      ['root.json/root', 'root.json does not exist'],
      ['a-folder', 'It is no regular file'],
    ] as const) {
      const args = ['trust', 'update', ...options, '--output', join(folder, path)];
      expect(await inProcess(args)).toMatchObject({ status: 1, out: '', error: expect.stringContaining(says) });
    }
    const cached = ['trust', 'update', ...options, '--cache', join(folder, 'root.json/cache')];
    expect(await inProcess(cached)).toMatchObject({ status: 1, error: expect.stringContaining('cannot be written') });
    expect(server.seen()).toEqual([]);
    expect(await readdir(folder)).not.toContain(output);
  });

  it('a folder that may not be written', async () => {
    const { options, folder, output, beside } = await desk();
    await writeFile(output, OLD);
    await mkdir(join(folder, 'cache'));
    const { status, out, error } = await run(
      ['trust', 'update', ...options, '--cache', join(folder, 'cache')],
      '',
      // Whoever runs the tests may be allowed to write anywhere.
      permitted(join(folder, 'cache')),
    );
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(error).toContain('It cannot be written: ');
    expect(error).not.toMatch(/\n\s+at /);
    expect(error).not.toContain('..');
    expect(await readFile(output, 'utf8')).toBe(OLD);
    expect(await beside()).toEqual(['cache', 'root.json', 'trusted_root.json']);
  });

  it('not the permission model that the image runs under, with the one folder that it needs', async () => {
    const { options, folder, text, status, beside, output } = await desk();
    await writeFile(output, OLD);
    await chmod(output, 0o600);
    const { status: exit, error } = await run(['trust', 'update', ...options], '', permitted(folder));
    expect(exit, error).toBe(0);
    expect(await text()).toBe(NEW);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    expect((await status())?.sha256).toBe(sha256Of(Buffer.from(NEW)));
    expect(await beside()).toEqual(['.trusted_root.json.status.json', 'root.json', 'trusted_root.json']);
  });

  it('nothing, when it is killed: the old root is whole, and the next refresh finds its way', async () => {
    const { update, server, repository, text, options } = await desk(OLD);
    await update();
    repository.publish(NEW);
    server.spoil('trusted_root.json', { kind: 'hang' });
    const asked = server.seen().length;
    const { child, ended } = start(['trust', 'update', ...options]);
    await until(() => server.seen().length >= asked + 5, 'the target is asked for');
    child.kill('SIGKILL');
    expect((await ended).status).toBe(null);
    expect(await text()).toBe(OLD);
    server.mend();
    expect(await update()).toMatchObject({ status: 0, error: '' });
    expect(await text()).toBe(NEW);
  });

  it.each([
    ['no output', ['--mirror', 'https://tuf.example', '--root', 'ROOT'], '--output FILE'],
    ['an empty output', ['--output', ''], '--output FILE'],
    ['a mirror without its root', ['--output', 'x', '--mirror', 'https://tuf.example'], '--mirror needs --root'],
    ['a root without its mirror', ['--output', 'x', '--root', 'ROOT'], '--root goes with --mirror'],
    [
      'a root that is not there',
      ['--output', 'x', '--mirror', 'https://tuf.example', '--root', '/nonexistent'],
      '/nonexistent',
    ],
    ['a mirror that is no URL', ['--output', 'x', '--mirror', 'tuf', '--root', 'ROOT'], 'https or http URL'],
    ['a mirror that is a file', ['--output', 'x', '--mirror', 'file:///etc', '--root', 'ROOT'], 'https or http URL'],
    ['a mirror with a query', ['--output', 'x', '--mirror', 'https://a.example/?b', '--root', 'ROOT'], 'without query'],
    [
      'a mirror with a password',
      ['--output', 'x', '--mirror', 'https://u:p@a.example', '--root', 'ROOT'],
      'a password',
    ],
    ['a timeout that is none', ['--output', 'x', '--timeout', 'soon'], '--timeout'],
    ['no time at all', ['--output', 'x', '--timeout', '0'], '--timeout'],
    ['all the time in the world', ['--output', 'x', '--timeout', '24h'], '--timeout'],
    ['an operand', ['--output', 'x', 'y'], 'y'],
    ['an unknown option', ['--output', 'x', '--insecure'], '--insecure'],
  ])('wrong usage: %s', async (_, args, says) => {
    const folder = await filesIn({ 'root.json': '{}' });
    const given = args.map((arg) => (arg === 'ROOT' ? join(folder, 'root.json') : arg));
    const { status, out, error } = await inProcess(['trust', 'update', ...given]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain(says);
    expect(error).not.toContain('u:p@');
  });

  it('an action that is none', async () => {
    for (const args of [['trust'], ['trust', 'refresh']])
      expect(await inProcess(args)).toMatchObject({
        status: 2,
        out: '',
        error: expect.stringContaining('trust update'),
      });
  });
});
