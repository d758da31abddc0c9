import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApiClient } from '../../../src/kubernetes/api.ts';
import { type ClusterMirrors, watchClusterMirrors } from '../../../src/policy/mirrors/cluster-mirrors.ts';
import { rulesOf } from '../../../src/policy/mirrors/merge.ts';
import { MIRROR_SET_KINDS, type MirrorSetKind } from '../../../src/policy/mirrors/mirror-set.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { type Manifest, refuse, startTestApiServer, type TestApiServer } from '../../kubernetes/api-server.ts';
import { type Mirrored, mirrorSet } from './objects.ts';

const DIGESTS = '/apis/config.openshift.io/v1/imagedigestmirrorsets';
const TAGS = '/apis/config.openshift.io/v1/imagetagmirrorsets';
const OLD = '/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies';

/** An API server that serves these kinds. */
async function serving(...kinds: readonly MirrorSetKind[]): Promise<TestApiServer> {
  const server = await startTestApiServer();
  onTestFinished(() => server.close());
  for (const { kind, group, version, plural } of MIRROR_SET_KINDS) {
    if (kinds.includes(kind)) server.served.add(`${group}/${version}/${plural}`);
  }
  return server;
}

function start(server: TestApiServer, onChange = () => {}, logger = silentLogger): ClusterMirrors {
  const api = createApiClient(server.cluster);
  const mirrors = watchClusterMirrors(api, { onChange, logger });
  onTestFinished(async () => {
    await mirrors.close();
    await api.close();
  });
  return mirrors;
}

async function following(server: TestApiServer, onChange = () => {}, logger = silentLogger): Promise<ClusterMirrors> {
  const mirrors = start(server, onChange, logger);
  await vi.waitFor(() => expect(mirrors.isSynced()).toBe(true));
  return mirrors;
}

const object = (kind: MirrorSetKind, name: string, ...mirrors: readonly Mirrored[]): Manifest =>
  mirrorSet(kind, name, ...mirrors);

const shown = (mirrors: ClusterMirrors) =>
  rulesOf(mirrors.sets()).map(({ prefix, blocked, mirrors: places }) => [
    prefix,
    blocked,
    places.map(({ location, serves }) => `${location} ${serves}`).join(),
  ]);

describe('mirror sets of a cluster', () => {
  it('hold once listed, of all three kinds together, and follow what is made, changed and deleted', async () => {
    const server = await serving('ImageDigestMirrorSet', 'ImageTagMirrorSet', 'ImageContentSourcePolicy');
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] }));
    server.put(OLD, object('ImageContentSourcePolicy', 'b', { source: 'quay.io', mirrors: ['old.example'] }));
    const mirrors = await following(server);
    expect(shown(mirrors)).toEqual([['quay.io', false, 'm.example digests,old.example digests']]);
    await vi.waitFor(() => expect(server.watches()).toBe(3));
    server.put(TAGS, object('ImageTagMirrorSet', 'c', { source: 'quay.io', mirrors: ['t.example'] }));
    server.put(
      DIGESTS,
      object('ImageDigestMirrorSet', 'a', {
        source: 'quay.io',
        mirrors: ['n.example'],
        mirrorSourcePolicy: 'NeverContactSource',
      }),
    );
    await vi.waitFor(() =>
      expect(shown(mirrors)).toEqual([['quay.io', true, 'n.example digests,old.example digests,t.example tags']]),
    );
    server.remove(DIGESTS, 'a');
    server.remove(OLD, 'b');
    await vi.waitFor(() => expect(shown(mirrors)).toEqual([['quay.io', false, 't.example tags']]));
  });

  it('are none, and no trouble, where the cluster has no such kinds', async () => {
    const mirrors = await following(await serving());
    expect(mirrors.sets()).toEqual([]);
    expect(mirrors.states().map(({ state }) => state.phase)).toEqual(['absent', 'absent', 'absent']);
    expect(mirrors.notes()).toEqual([]);
  });

  it('are waited for no longer than for the first answer: without the role, what is wrong is told, and the rest holds', async () => {
    const server = await serving('ImageDigestMirrorSet', 'ImageTagMirrorSet', 'ImageContentSourcePolicy');
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] }));
    server.always(({ path }, response) => path.startsWith(OLD) && refuse(403)(undefined as never, response));
    const mirrors = await following(server);
    expect(shown(mirrors)).toEqual([['quay.io', false, 'm.example digests']]);
    const failing = mirrors.states().filter(({ state }) => state.failingSince !== undefined);
    expect(failing.map(({ resource }) => resource)).toEqual([expect.stringContaining('imagecontentsourcepolicies')]);
  });

  it('are not read before the API server has answered', async () => {
    const server = await serving('ImageDigestMirrorSet');
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] }));
    let held = true;
    const pending: (() => void)[] = [];
    server.always(({ verb, path }, response) => {
      if (!held || verb !== 'list' || !path.startsWith(DIGESTS)) return false;
      pending.push(() => refuse(500)(undefined as never, response));
      return true;
    });
    const mirrors = start(server);
    await vi.waitFor(() => expect(pending).toHaveLength(1));
    await vi.waitFor(() => expect(mirrors.states().filter(({ state }) => state.synced)).toHaveLength(2));
    expect(mirrors.isSynced()).toBe(false);
    held = false;
    for (const answer of pending) answer();
    await vi.waitFor(() => expect(mirrors.isSynced()).toBe(true));
    await vi.waitFor(() => expect(shown(mirrors)).toEqual([['quay.io', false, 'm.example digests']]), 10_000);
  });

  it('that become unreadable go on saying what they said, and are named; new ones say nothing', async () => {
    const server = await serving('ImageDigestMirrorSet');
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] }));
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (text: unknown) => void warnings.push(String(text)) };
    const mirrors = await following(server, () => {}, logger);
    await vi.waitFor(() => expect(server.watches()).toBe(1));
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'not a place!', mirrors: ['m.example'] }));
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'b', { source: 'b.example', mirrors: ['https://m'] }));
    await vi.waitFor(() =>
      expect(mirrors.notes()).toEqual([
        expect.stringMatching(/ImageDigestMirrorSet "a" cannot be read: .*; what it said before stays in force/),
        expect.stringMatching(/ImageDigestMirrorSet "b" cannot be read: .*; it is passed over/),
      ]),
    );
    expect(shown(mirrors)).toEqual([['quay.io', false, 'm.example digests']]);
    expect(warnings.filter((text) => text.includes('cannot be read'))).toHaveLength(2);
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['n.example'] }));
    await vi.waitFor(() => expect(shown(mirrors)).toEqual([['quay.io', false, 'n.example digests']]));
    expect(mirrors.notes()).toHaveLength(1);
  });

  it('are the same array, and no news, while only their labels change', async () => {
    const server = await serving('ImageDigestMirrorSet');
    const written = object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] });
    server.put(DIGESTS, written);
    const onChange = vi.fn();
    const mirrors = await following(server, onChange);
    await vi.waitFor(() => expect(server.watches()).toBe(1));
    const before = mirrors.sets();
    expect(onChange).toHaveBeenCalledTimes(1);
    server.put(DIGESTS, { ...written, metadata: { ...written.metadata, labels: { touched: 'yes' } } });
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'b'));
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    expect(mirrors.sets()[0]).toEqual(before[0]);
  });

  it('stay as they were last seen while the API server is away', async () => {
    const server = await serving('ImageDigestMirrorSet');
    server.put(DIGESTS, object('ImageDigestMirrorSet', 'a', { source: 'quay.io', mirrors: ['m.example'] }));
    const mirrors = await following(server);
    await vi.waitFor(() => expect(server.watches()).toBe(1));
    await server.goAway();
    await vi.waitFor(() => expect(mirrors.states()[0]?.state.phase).toBe('failing'));
    expect(shown(mirrors)).toEqual([['quay.io', false, 'm.example digests']]);
    expect(mirrors.isSynced()).toBe(true);
  });
});
