import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { asked, asker } from './objects.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../../policies/openshift');
const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));

async function load(name: string): Promise<LoadedPolicies> {
  const loaded = await loadPolicies([join(EXAMPLES, name)]);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

function selected({ sets }: LoadedPolicies, image: string, namespace: string): readonly string[] {
  return sets.flatMap((set) => set.select(asked(image), asker(namespace))).map(({ policy }) => policy.origin.name);
}

it.each(files)('the ready-made policy %s is right, without a warning', async (name) => {
  const loaded = await load(name);
  expect(loaded.problems).toEqual([]);
  expect(loaded.warnings).toEqual([]);
  expect(readFileSync(join(EXAMPLES, 'README.md'), 'utf8')).toContain(`[${name}](${name})`);
});

it.each([
  ['cluster-public-key.yaml', 'registry.example.com/prod/app:1', 'default', ['release']],
  ['cluster-public-key.yaml', 'registry.example.com/dev/app:1', 'default', []],
  ['namespace-public-key.yaml', 'registry.example.com/team-a/app:1', 'team-a', ['team-a']],
  ['namespace-public-key.yaml', 'registry.example.com/team-a/app:1', 'team-b', []],
  ['mirror-remap.yaml', 'mirror.example.com/vendor/app:1', 'default', ['vendor-mirror']],
  ['audit-first.yaml', 'busybox', 'default', ['everything-audit']],
  ['audit-first.yaml', 'registry.example.com/x', 'default', ['everything-audit']],
])('%s on %s in %s selects %j', async (name, image, namespace, policies) => {
  expect(selected(await load(name), image, namespace)).toEqual(policies);
});

it('audit-first.yaml only records', async () => {
  const [policy] = (await load('audit-first.yaml')).sets.flatMap((set) => set.policies);
  expect(policy).toMatchObject({ mode: 'audit', subjectRule: 'everyInstance' });
});
