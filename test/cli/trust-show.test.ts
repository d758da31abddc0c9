import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { chooseRepository } from '../../src/cli/trust/repository.ts';
import { refreshByTuf } from '../../src/cli/trust/tuf-refresh.ts';
import { createHttpClient } from '../../src/http/client.ts';
import { renderRefreshStatus, statusPathOf } from '../../src/trust/sigstore/refresh-status.ts';
import { sha256Of, shippedRootStatus } from '../../src/trust/sigstore/root-status.ts';
import { serveTuf } from '../fixtures/tuf/server.ts';
import { projectModules } from '../house/files.ts';
import { importsOf } from '../house/imports.ts';
import { filesIn, inProcess } from './process.ts';

const CERTS = resolve(import.meta.dirname, '../../certs');
const shippedBytes = readFileSync(join(CERTS, 'public-good/trusted_root.json'));
const SHIPPED = shippedBytes.toString();

describe('trust show', () => {
  it('lists what the shipped root holds, what has ended, and how old it is', async () => {
    const { status, out, error } = await inProcess(['trust', 'show']);
    expect({ status, error }).toEqual({ status: 0, error: '' });
    expect(out).toContain(
      'O=sigstore.dev, CN=sigstore\n    03a38ffb1f450100…  2021-03-07T03:20:29Z to 2022-12-31T23:59:59Z, ended\n',
    );
    expect(out).toContain('https://rekor.sigstore.dev\n    c0d23d6ad406973f…  since 2021-01-12T11:53:27Z\n');
    expect(out).toMatch(/refreshed 2026-11-05T00:19:12Z \(\d+ days ago\)/);
    expect(out.match(/, ended$/gm)).toHaveLength(2);
  });

  it('says the same as JSON, and nulls where nobody knows', async () => {
    const folder = await filesIn({ root: SHIPPED });
    const { status, out } = await inProcess(['trust', 'show', '--format', 'json', join(folder, 'root')]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      file: join(folder, 'root'),
      source: null,
      refreshed: null,
      expires: null,
      ageSeconds: null,
      expirySeconds: null,
      certificateAuthorities: [
        { ended: true, until: '2022-12-31T23:59:59Z' },
        { ended: false, until: null },
      ],
      unsupportedLogs: [],
    });
    const shipped = await inProcess(['trust', 'show', '--format', 'json']);
    expect(Object.keys(JSON.parse(shipped.out))).toEqual(Object.keys(JSON.parse(out)));
    expect(JSON.parse(shipped.out).ageSeconds).toBeGreaterThan(0);
  });

  it('takes a status for no other root than the one that it was written for', async () => {
    const folder = await filesIn({ root: SHIPPED });
    const path = join(folder, 'root');
    const status = {
      source: 'https://tuf.example',
      refreshedAt: Date.now() - 7_200_000,
      expiresAt: Date.now() - 60_000,
    };
    await writeFile(statusPathOf(path), renderRefreshStatus({ ...status, sha256: sha256Of(shippedBytes) }));
    const fresh = (await inProcess(['trust', 'show', path])).out;
    expect(fresh).toMatch(
      /from https:\/\/tuf\.example\n {2}refreshed .* \(2 hours ago\)\n {2}vouched for until .* \(1 minute ago\)/,
    );
    await writeFile(path, SHIPPED.replace('{', '{ '));
    expect((await inProcess(['trust', 'show', path])).out).toContain('how fresh it is, is not known');
  });

  it.each([
    ['a file that is not there', ['/nonexistent/root'], 'CONFIGURATION_INVALID'],
    ['a file that is no trusted root', ['FILE'], 'TRUST_MATERIAL_UNAVAILABLE'],
    ['two files', ['FILE', 'FILE'], 'one FILE'],
    ['another format', ['--format', 'yaml'], '--format is text or json'],
    ['an unknown option', ['--output', 'json'], '--output'],
  ])('exits 2 on %s', async (_, args, says) => {
    const folder = await filesIn({ file: '{}' });
    const given = args.map((arg) => (arg === 'FILE' ? join(folder, 'file') : arg));
    const { status, out, error } = await inProcess(['trust', 'show', ...given]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain(says);
  });

  it('hides what would move the cursor or the reader', async () => {
    const root: { readonly tlogs: readonly object[] } = JSON.parse(SHIPPED);
    const folder = await filesIn({
      root: JSON.stringify({ ...root, tlogs: [{ ...root.tlogs[0], baseUrl: 'https://x/\u001b[2J\u202e' }] }),
    });
    const { out } = await inProcess(['trust', 'show', join(folder, 'root')]);
    expect(out).toContain('\\u001b[2J\\u202e');
    expect(out).not.toContain('\u001b');
  });
});

describe('the shipped root', () => {
  const carried = seeds['https://tuf-repo-cdn.sigstore.dev'];

  it('is the one that its status names, and that the TUF package of the lockfile carries', () => {
    expect(shippedRootStatus()?.sha256).toBe(sha256Of(shippedBytes));
    expect(Buffer.from(carried.targets['trusted_root.json'], 'base64').equals(shippedBytes)).toBe(true);
    const lock = JSON.parse(readFileSync(join(CERTS, '../package-lock.json'), 'utf8'));
    const { version } = lock.packages['node_modules/@sigstore/tuf'];
    expect(shippedRootStatus()?.source).toBe(`the npm package @sigstore/tuf ${version}`);
  });

  it('expires with the TUF root that the package carries, as its status and its page say', () => {
    const { signed } = JSON.parse(Buffer.from(carried['root.json'], 'base64').toString());
    const status = shippedRootStatus();
    expect(status?.expiresAt).toBe(Date.parse(signed.expires));
    const page = readFileSync(join(CERTS, 'README.md'), 'utf8');
    for (const fact of [
      status?.sha256 ?? '?',
      signed.expires.slice(0, 10),
      new Date(status?.refreshedAt ?? 0).toISOString().slice(0, 10),
    ])
      expect(page).toContain(fact);
  });

  it('is refreshed from the public-good instance where no mirror is given, by a TUF root that can be used', async () => {
    const chosen = await chooseRepository(undefined, undefined);
    if (!chosen.ok) throw new Error(chosen.failure);
    expect(chosen.value).toMatchObject({ url: 'https://tuf-repo-cdn.sigstore.dev', host: 'tuf-repo-cdn.sigstore.dev' });
    // Asked here of a server that has nothing: the root is taken, and a timestamp is asked for.
    const server = await serveTuf(new Map());
    const folder = await filesIn({});
    await mkdir(join(folder, 'cache'));
    const http = createHttpClient({ isConfigured: (host) => host === new URL(server.url).host });
    const repository = { ...chosen.value, url: server.url };
    const refreshed = await refreshByTuf(repository, join(folder, 'cache'), http, AbortSignal.timeout(5000));
    await http.close();
    expect(refreshed).toMatchObject({ ok: false, failure: expect.stringContaining('404 for /timestamp.json') });
    expect(server.seen()).toEqual(['/17.root.json', '/timestamp.json']);
  });
});

describe('the TUF client', () => {
  const modules = projectModules();
  const sources = [...modules].filter(([path]) => path.startsWith('src/'));

  it('is known to the command that refreshes alone', () => {
    const users = sources
      .filter(([, source]) =>
        importsOf(source).some(({ specifier }) => /^(?:tuf-js|@sigstore\/tuf)(?:\/|$)/.test(specifier)),
      )
      .map(([path]) => path);
    expect(users.toSorted()).toEqual([
      'src/cli/trust/repository.ts',
      'src/cli/trust/tuf-fetcher.ts',
      'src/cli/trust/tuf-refresh.ts',
    ]);
  });

  it('is loaded when that command is asked for, and never by what serves', () => {
    const importers = sources
      .filter(([path]) => !path.startsWith('src/cli/trust/'))
      .filter(([, source]) => importsOf(source).some(({ specifier }) => specifier.includes('/trust/update.ts')));
    expect(importers.map(([path]) => path)).toEqual(['src/cli/trust.ts']);
    const [, trust = ''] = importers[0] ?? [];
    expect(trust).toContain("await import('./trust/update.ts')");
    expect(trust).not.toMatch(/^import .*\/trust\/update/m);
    expect(modules.get('src/cli/main.ts')).toContain("trust: async () => (await import('./trust.ts')).trust");
  });
});
