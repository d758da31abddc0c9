import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApiClient } from '../../../src/kubernetes/api.ts';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { type ClusterPolicies, watchClusterPolicies } from '../../../src/policy/sources/cluster.ts';
import { watchPolicies } from '../../../src/policy/sources/watch.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { type Manifest, refuse, startTestApiServer, type TestApiServer } from '../../kubernetes/api-server.ts';
import { asked, asker, written } from '../openshift/objects.ts';
import { folder, yaml } from './folder.ts';

const GROUP = 'config.openshift.io';
const CLUSTER = `/apis/${GROUP}/v1/clusterimagepolicies`;
const NAMESPACED = `/apis/${GROUP}/v1/imagepolicies`;
const OLD_CLUSTER = `/apis/${GROUP}/v1alpha1/clusterimagepolicies`;

/** An API server that serves OpenShift's kinds in these versions. */
async function serving(...versions: readonly string[]): Promise<TestApiServer> {
  const server = await startTestApiServer();
  onTestFinished(() => server.close());
  for (const version of versions)
    for (const plural of ['clusterimagepolicies', 'imagepolicies']) server.served.add(`${GROUP}/${version}/${plural}`);
  return server;
}

async function following(server: TestApiServer, onChange = () => {}): Promise<ClusterPolicies> {
  const api = createApiClient(server.cluster);
  const policies = watchClusterPolicies(api, { defaults: POLICY_DEFAULTS, onChange, logger: silentLogger });
  onTestFinished(async () => {
    await policies.close();
    await api.close();
  });
  expect(await policies.synced).toBe(true);
  return policies;
}

const object = (how: Parameters<typeof written>[0]): Manifest => written(how) as unknown as Manifest;

const shown = ({ members }: ClusterPolicies) =>
  members().map(({ compiled: { policy, reach } }) => [
    policy.origin.name,
    policy.state.kind,
    reach === 'everything' ? reach : reach.map((scope) => scope.written).join(),
  ]);

describe('OpenShift policies of a cluster', () => {
  it('are in force once listed, and follow what is made, changed and deleted', async () => {
    const server = await serving('v1');
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/prod'] }));
    const policies = await following(server);
    expect(shown(policies)).toEqual([['release', 'ready', 'example.com/prod']]);
    await vi.waitFor(() => expect(server.watches()).toBe(2));
    server.put(NAMESPACED, object({ name: 'team', namespace: 'a', scopes: ['example.com/a'] }));
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/all'] }));
    await vi.waitFor(() =>
      expect(shown(policies)).toEqual([
        ['release', 'ready', 'example.com/all'],
        ['team', 'ready', 'example.com/a'],
      ]),
    );
    server.remove(CLUSTER, 'release');
    await vi.waitFor(() => expect(shown(policies)).toEqual([['team', 'ready', 'example.com/a']]));
  });

  it('are one object, whichever versions the cluster serves it by', async () => {
    const server = await serving('v1', 'v1alpha1');
    const { metadata } = server.put(CLUSTER, object({ name: 'release' }));
    server.put(OLD_CLUSTER, { ...object({ name: 'release' }), metadata: { ...metadata } });
    expect(shown(await following(server))).toHaveLength(1);
  });

  it('are read in the old version where the cluster serves no other', async () => {
    const server = await serving('v1alpha1');
    server.put(OLD_CLUSTER, object({ name: 'release', scopes: ['example.com/old'] }));
    expect(shown(await following(server))).toEqual([['release', 'ready', 'example.com/old']]);
  });

  it('are none, and no trouble, where the cluster has no such kinds', async () => {
    const policies = await following(await serving());
    expect(shown(policies)).toEqual([]);
    expect(policies.states().map(({ state }) => state.phase)).toEqual(['absent', 'absent', 'absent', 'absent']);
  });

  it('refuse, when one becomes invalid, the scopes that it has and those that it had', async () => {
    const server = await serving('v1');
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/prod'] }));
    const policies = await following(server);
    await vi.waitFor(() => expect(server.watches()).toBe(2));
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/other', 'not a scope!'] }));
    await vi.waitFor(() =>
      expect(shown(policies)).toEqual([['release', 'broken', 'example.com/other,example.com/prod']]),
    );
  });

  it('keep what was last seen while the API server is away, and take the changes in when it is back', async () => {
    const server = await serving('v1');
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/prod'] }));
    const policies = await following(server);
    await vi.waitFor(() => expect(server.watches()).toBe(2));
    const back = await server.goAway();
    await vi.waitFor(() => expect(policies.states()[0]?.state.phase).toBe('failing'));
    expect(shown(policies)).toEqual([['release', 'ready', 'example.com/prod']]);
    server.quietly(() => server.remove(CLUSTER, 'release'));
    server.quietly(() => server.put(CLUSTER, object({ name: 'later', scopes: ['example.com/later'] })));
    // What happened meanwhile is too long ago to be told.
    for (let kind = 0; kind < 2; kind++) server.next('watch', refuse(410));
    await back();
    await vi.waitFor(() => expect(shown(policies)).toEqual([['later', 'ready', 'example.com/later']]), 15_000);
  }, 20_000);

  it('are one set with those of files: a scope of the cluster’s object decides over a file’s namespace policy', async () => {
    const server = await serving('v1');
    server.put(CLUSTER, object({ name: 'release', scopes: ['example.com/prod'] }));
    await using files = await folder();
    await files.write({
      'team.yaml': yaml({ name: 'team', namespace: 'a', scopes: ['example.com/prod/app'] }),
    });
    const policies = await following(server);
    const watch = await watchPolicies(
      [files.path],
      () => {},
      POLICY_DEFAULTS,
      () => ({
        members: policies.members(),
        mirrors: [],
      }),
    );
    if (!watch.ok) throw new Error(watch.failure.message);
    onTestFinished(watch.value.close);
    const { sets, conflicts } = watch.value.current();
    const selected = sets.flatMap((set) => set.select(asked('example.com/prod/app:1'), asker('a')));
    expect(selected.map(({ policy }) => policy.origin.name)).toEqual(['release']);
    expect(conflicts.map(({ origin }) => origin.name)).toEqual(['team']);
  });
});
