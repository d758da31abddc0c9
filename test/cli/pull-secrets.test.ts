import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenPullSecrets } from '../../src/cli/pull-secrets.ts';
import { openPullSecrets } from '../../src/cli/pull-secrets.ts';
import { failure, ok } from '../../src/codes/result.ts';
import { asObject, parseStrictJson } from '../../src/encoding/strict-json.ts';
import type { ApiClient } from '../../src/kubernetes/api.ts';
import type { ApiFailure } from '../../src/kubernetes/failures.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const REPOSITORY = { host: 'registry.test', path: 'a/b' };
const EVERY = 30_000;
const absent: ApiFailure = { kind: 'absent', certain: true, failure: failure('CLUSTER_ANSWER_UNUSABLE', 'gone') };
const away: ApiFailure = { kind: 'failed', failure: failure('CLUSTER_UNREACHABLE', 'the API server is away') };

/** Secrets by name, or what stands in their way. */
function opened(names: readonly string[] = ['pull'], fromPods = false) {
  const held = new Map<string, string | ApiFailure>();
  const lines: string[] = [];
  const asked: string[] = [];
  const get: ApiClient['get'] = ({ namespace, plural, name }) => {
    asked.push(`${namespace}/${plural}/${name}`);
    const found = held.get(name) ?? absent;
    if (typeof found !== 'string') return Promise.resolve({ ok: false, failure: found });
    const auths = { 'registry.test': { auth: Buffer.from(found).toString('base64') } };
    const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
    const json = parseStrictJson(JSON.stringify({ type: 'kubernetes.io/dockerconfigjson', data }));
    return Promise.resolve(ok((json.ok && asObject(json.value)) || {}));
  };
  const cluster = { api: { get }, namespace: 'ours' };
  const settings = { watch: false, lease: 'x', pullSecrets: { fromPods, names: [...names] } };
  const logger = createLogger('info', { write: (line) => lines.push(line) });
  return { held, lines, asked, open: () => openPullSecrets(settings, cluster, logger, EVERY) };
}

const passwords = async ({ forAll }: OpenPullSecrets): Promise<unknown> => {
  const found = await forAll.candidates(REPOSITORY);
  return found.ok ? found.value.map((one) => (one.kind === 'basic' ? one.password : one.kind)) : found.failure.code;
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] }));
afterEach(() => void vi.useRealTimers());

/** Lets what was begun finish, after some time. */
const after = async (ms: number): Promise<void> => {
  vi.advanceTimersByTime(ms);
  for (let n = 0; n < 50; n++) await Promise.resolve();
};

describe('the pull secrets for all pods', () => {
  it('are read at once and again every half minute, so that a renewed one is in force', async () => {
    const { held, open, asked } = opened();
    held.set('pull', 'alice:1');
    const secrets = open();
    expect(secrets.problem()).toContain('not read yet');
    expect(await passwords(secrets)).toBe('CLUSTER_UNREACHABLE');
    await after(0);
    expect(secrets.problem()).toBeUndefined();
    expect(await passwords(secrets)).toEqual(['1']);
    const before = secrets.forAll.id(REPOSITORY);

    held.set('pull', 'alice:2');
    await after(EVERY);
    expect(await passwords(secrets)).toEqual(['2']);
    expect(secrets.forAll.id(REPOSITORY)).not.toBe(before);
    expect(new Set(asked)).toEqual(new Set(['ours/secrets/pull']));

    secrets.close();
    const reads = asked.length;
    await after(10 * EVERY);
    expect(asked).toHaveLength(reads);
  });

  it('keep their last state while the API server is away, say so once, and follow it when it is back', async () => {
    const { held, open, lines } = opened();
    held.set('pull', 'alice:1');
    const secrets = open();
    await after(0);
    held.set('pull', away);
    for (let n = 0; n < 5; n++) await after(EVERY);
    expect(await passwords(secrets)).toEqual(['1']);
    expect(secrets.notes()).toEqual([expect.stringContaining('CLUSTER_UNREACHABLE')]);
    expect(lines.filter((line) => line.includes('cannot be read'))).toHaveLength(1);
    held.set('pull', 'alice:2');
    await after(EVERY);
    expect(await passwords(secrets)).toEqual(['2']);
    expect(secrets.notes()).toEqual([]);
    secrets.close();
  });

  it('lose at once what is gone: deleted is not unreachable (MODEL.md M8)', async () => {
    const { held, open } = opened();
    held.set('pull', 'alice:1');
    const secrets = open();
    await after(0);
    held.delete('pull');
    await after(EVERY);
    expect(await passwords(secrets)).toEqual([]);
    expect(secrets.forAll.id(REPOSITORY)).toBe('anonymous');
    secrets.close();
  });

  it('that were never read fail with what stands in the way now', async () => {
    const { held, open } = opened();
    held.set('pull', away);
    const secrets = open();
    await after(0);
    expect(await passwords(secrets)).toBe('CLUSTER_UNREACHABLE');
    held.set('pull', 'no colon');
    await after(EVERY);
    expect(await passwords(secrets)).toBe('REGISTRY_CREDENTIAL_UNUSABLE');
    expect(secrets.forAll.id(REPOSITORY)).not.toBe('anonymous');
    secrets.close();
  });

  it('are none where none are named, without a request, and pods have theirs only if that is wanted', async () => {
    const { open, asked } = opened([]);
    const secrets = open();
    await after(EVERY);
    expect(await passwords(secrets)).toEqual([]);
    expect([secrets.problem(), secrets.notes(), secrets.forPods, asked]).toEqual([undefined, [], undefined, []]);
    expect(opened([], true).open().forPods).toBeDefined();
    expect(
      openPullSecrets(
        { watch: false, lease: 'x', pullSecrets: { fromPods: true, names: ['a'] } },
        undefined,
        createLogger('silent'),
      ).forPods,
    ).toBeUndefined();
  });
});
