import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { loadPolicies } from '../../src/policy/sources/load.ts';
import { createOpenPgpSigner } from '../fixtures/openpgp/signer.ts';
import { at, configurationOf, listAt, only, type Release, render, template, textAt } from './chart.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../policies/containers');
const example = (file: string) => readFileSync(`${EXAMPLES}/${file}`, 'utf8');

/** A ConfigMap with everything that a policy.json needs, and where its keys go. */
const MAP = {
  name: 'signatures',
  data: {
    'policy.json': example('namespaced/cluster/policy.json'),
    'registry.yaml': example('namespaced/cluster/registries.d/registry.example.com.yaml'),
    'team-a.json': example('namespaced/namespaces/team-a.json'),
    'release.asc': createOpenPgpSigner().publicKeyArmored,
    'team-a.asc': createOpenPgpSigner().publicKeyArmored,
  },
  items: {
    'policy.json': 'cluster/policy.json',
    'registry.yaml': 'cluster/registries.d/registry.yaml',
    'team-a.json': 'namespaces/team-a.json',
    'release.asc': 'root/etc/pki/containers/release.asc',
    'team-a.asc': 'root/etc/pki/containers/team-a.asc',
  },
} as const;

describeWith(['helm'], 'a policy.json in a ConfigMap', () => {
  const folder = temporaryFolder();
  const release = (values: Release['values']): Release => ({ name: 'countersign', namespace: 'security', values });
  afterAll(() => folder.remove());

  it('finds its keys, its registries.d and its namespaces where the values put them', async () => {
    const map = { name: MAP.name, items: MAP.items, path: 'cluster', root: 'root', namespaced: 'namespaces' };
    const objects = await render(folder, release({ policyConfigMaps: ['plain', map] }));
    const pod = at(only(objects, 'Deployment'), 'spec', 'template', 'spec');
    const mounts = listAt(pod, 'containers', 0, 'volumeMounts');
    const volume = listAt(pod, 'volumes').find((each) => textAt(each, 'configMap', 'name') === MAP.name);
    const mountPath = textAt(
      mounts.find((mount) => textAt(mount, 'name') === textAt(volume, 'name')),
      'mountPath',
    );
    // As the kubelet lays the files out.
    const data: Readonly<Record<string, string>> = MAP.data;
    for (const item of listAt(volume, 'configMap', 'items')) {
      const file = `pod${mountPath}/${textAt(item, 'path')}`;
      mkdirSync(dirname(folder.file(file)), { recursive: true });
      folder.write(file, data[textAt(item, 'key')] ?? '');
    }

    const configuration = parseConfiguration(
      configurationOf(objects).replaceAll('/etc/countersign/', `${folder.file('pod')}/etc/countersign/`),
      'the chart',
    );
    if (!configuration.ok) throw new Error(configuration.failure.message);
    const [plain, entry, ...others] = configuration.value.policies;
    expect(plain).toEqual({ path: `${folder.file('pod')}/etc/countersign/configmaps/plain` });
    expect(others).toEqual([]);
    const loaded = await loadPolicies(entry === undefined ? [] : [entry]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems).toEqual([]);
    expect(loaded.value.storage).toMatchObject({ value: { sections: { 'registry.example.com': {} } } });
    const kinds = loaded.value.sets.flatMap((set) => set.policies).map(({ origin }) => origin.kind);
    expect(new Set(kinds)).toEqual(new Set(['policy.json', 'team-a.json']));
  });

  it('is written as JSON where it is given as an object, for nobody reads policy.json as YAML', async () => {
    const document = { default: [{ type: 'reject' }], transports: { docker: {} } };
    const objects = await render(folder, release({ policies: { 'policy.json': document, 'other.yaml': { a: 1 } } }));
    const map = only(objects, 'ConfigMap', 'countersign-policies');
    expect(JSON.parse(textAt(map, 'data', 'policy.json'))).toEqual(document);
    expect(textAt(map, 'data', 'other.yaml')).toBe('a: 1');
  });

  it.each([
    ['a folder above the ConfigMap', { name: 'a', root: '../other' }],
    ['an absolute folder', { name: 'a', path: '/etc' }],
    ['a key above the ConfigMap', { name: 'a', items: { 'policy.json': '../policy.json' } }],
    ['a folder that is never read', { name: 'a', items: { 'policy.json': '.hidden/policy.json' } }],
    ['no name', { path: 'policies' }],
    ['a key that nobody knows', { name: 'a', rooot: 'root' }],
  ])('is refused with %s', async (_what, map) => {
    const { status, stderr } = await template(folder, release({ policyConfigMaps: [map] }));
    expect(status).not.toBe(0);
    expect(stderr).toContain('policyConfigMaps');
  });
});
