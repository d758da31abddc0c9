import { readFileSync } from 'node:fs';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { parseRefreshStatus, renderRefreshStatus, statusPathOf } from '../../src/trust/sigstore/refresh-status.ts';
import { createRootDates, type RootInUse, sha256Of, shippedRootStatus } from '../../src/trust/sigstore/root-status.ts';
import { parseTrustedRoot } from '../../src/trust/sigstore/trusted-root.ts';
import { filesIn, inProcess } from '../cli/process.ts';
import { tufRepository } from '../fixtures/tuf/repository.ts';
import { serveTuf } from '../fixtures/tuf/server.ts';

const ROOT = readFileSync(join(import.meta.dirname, '../../certs/public-good/trusted_root.json'), 'utf8');
const DAY = 86_400_000;

/** Metrics of roots in use, with a clock that is moved by hand. */
function observed(inUse: readonly RootInUse[]) {
  const time = { now: Date.now() };
  const metrics = createMetrics(() => time.now);
  metrics.observeTrustedRoots(
    createRootDates(
      () => inUse,
      () => time.now,
    ),
  );
  return {
    time,
    series: async () =>
      Object.fromEntries(
        (await metrics.render())
          .split('\n')
          .filter((line) => line.startsWith('countersign_trusted_root_'))
          .map((line) => line.slice('countersign_trusted_root_'.length).split(' '))
          .map(([name = '', value]) => [name, Math.round(Number(value))]),
      ),
  };
}

describe('age and expiry of trusted roots', () => {
  it('are shown for the shipped root', async () => {
    const { series, time } = observed([{ kind: 'shipped', name: 'public-good' }]);
    const status = shippedRootStatus();
    if (status === undefined) throw new Error('the status of the shipped root is broken');
    time.now = status.refreshedAt + DAY;
    expect(await series()).toEqual({
      'age_seconds{root="public-good"}': 86_400,
      'expiry_seconds{root="public-good"}': (status.expiresAt - time.now) / 1000,
    });
  });

  it('rise and fall while refreshes fail, at the start and later, and the root goes on being used [peers 65]', async () => {
    const repository = tufRepository(ROOT);
    const server = await serveTuf(repository.files);
    const folder = await filesIn({ 'root.json': repository.initialRoot });
    const path = join(folder, 'trusted_root.json');
    const refresh = async () =>
      (
        await inProcess([
          'trust',
          'update',
          '--output',
          path,
          '--mirror',
          server.url,
          '--root',
          join(folder, 'root.json'),
        ])
      ).status;
    const { series, time } = observed([{ kind: 'file', name: 'ours', path }]);
    const [age, expiry] = ['age_seconds{root="ours"}', 'expiry_seconds{root="ours"}'];

    // The first refresh fails: the root that was put there by hand is used, and nobody claims to know its age.
    await writeFile(path, ROOT);
    server.spoil('/', { kind: 'status', status: 503 });
    expect(await refresh()).toBe(1);
    expect(await series()).toEqual({});

    server.mend();
    expect(await refresh()).toBe(0);
    time.now = Date.now() + 60_000;
    const early = await series();
    expect(early[age]).toBeGreaterThanOrEqual(59);
    expect(early[age]).toBeLessThan(70);
    expect(early[expiry]).toBeGreaterThan(6 * 86_400);

    server.spoil('/', { kind: 'status', status: 500 });
    for (const days of [3, 8]) {
      expect(await refresh()).toBe(1);
      time.now = Date.now() + days * DAY;
      const late = await series();
      expect(late[age]).toBeGreaterThanOrEqual(days * 86_400);
      expect(Math.sign(late[expiry] ?? 0)).toBe(days === 8 ? -1 : 1);
      expect(parseTrustedRoot(readFileSync(path)).ok).toBe(true);
    }
  });

  it('are not shown of what is not known: no status, a broken one, one of other bytes, a root that is gone', async () => {
    const folder = await filesIn({ root: ROOT });
    const path = join(folder, 'root');
    const { series, time } = observed([{ kind: 'file', name: 'r', path }]);
    const good = renderRefreshStatus({
      source: 'x',
      refreshedAt: time.now - 5000,
      expiresAt: time.now + DAY,
      sha256: sha256Of(Buffer.from(ROOT)),
    });
    for (const [status, shown] of [
      [good, 2],
      ['', 0],
      ['{}', 0],
      ['null', 0],
      [good.replace('{', '{"source":"y",'), 0],
      [good.replace(/"refreshed": "[^"]*"/, '"refreshed": "today"'), 0],
      [good.replace(/"refreshed": "[^"]*"/, '"refreshed": 5'), 0],
      [good.replace(/"sha256": "./, '"sha256": "x'), 0],
      [good, 2],
    ] as const) {
      await writeFile(statusPathOf(path), status);
      time.now += 30_000;
      expect(Object.keys(await series()), status).toHaveLength(shown);
    }
    // Somebody copied another root over it, as old as it pleases.
    await writeFile(path, ROOT.replace('{', '{ '));
    await utimes(path, 0, 0);
    time.now += 30_000;
    expect(await series()).toEqual({});
    await rm(path);
    time.now += 30_000;
    expect(await series()).toEqual({});
  });

  it('are read from files at most twice a minute, however often they are scraped', async () => {
    const reads: number[] = [];
    let now = 0;
    const dates = createRootDates(
      () => {
        reads.push(now);
        return [{ kind: 'shipped', name: 'public-good' }];
      },
      () => now,
    );
    for (; now < 120_000; now += 1000) await dates();
    expect(reads).toEqual([0, 30_000, 60_000, 90_000]);
  });

  it('tell no more than a bounded number of roots apart, and show the worse of two of one name', async () => {
    const metrics = createMetrics(() => 100_000);
    metrics.observeTrustedRoots(() =>
      Promise.resolve([
        { root: 'same', refreshedAt: 50_000, expiresAt: 150_000 },
        { root: 'same', refreshedAt: 20_000, expiresAt: 250_000 },
        { root: 'same', refreshedAt: 90_000, expiresAt: undefined },
        ...Array.from({ length: 200 }, (_, index) => ({ root: `r${index}`, refreshedAt: 0, expiresAt: 0 })),
      ]),
    );
    const text = await metrics.render();
    expect(text).toContain('countersign_trusted_root_age_seconds{root="same"} 80');
    expect(text).toContain('countersign_trusted_root_expiry_seconds{root="same"} 50');
    expect(text.match(/^countersign_trusted_root_age_seconds\{/gm)).toHaveLength(65);
  });

  it('disappear with the root', async () => {
    let roots: readonly RootInUse[] = [{ kind: 'shipped', name: 'public-good' }];
    const metrics = createMetrics();
    metrics.observeTrustedRoots(createRootDates(() => roots, Date.now, 0));
    expect(await metrics.render()).toContain('countersign_trusted_root_age_seconds{root="public-good"}');
    roots = [];
    expect(await metrics.render()).not.toContain('countersign_trusted_root_age_seconds{');
  });
});

describe('the status of a trusted root', () => {
  it('is read as it is written', () => {
    const status = {
      source: 'https://tuf.example',
      refreshedAt: 1_700_000_000_123,
      expiresAt: 1_800_000_000_000,
      sha256: 'ab',
    };
    expect(parseRefreshStatus(Buffer.from(renderRefreshStatus(status)))).toEqual(status);
  });

  it('lies where a folder of policies may be: its name begins with a dot', () => {
    expect(statusPathOf('/etc/policies/trusted_root.json')).toBe('/etc/policies/.trusted_root.json.status.json');
    expect(statusPathOf('root')).toBe('.root.status.json');
  });
});
