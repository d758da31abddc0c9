import { createPublicKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { createMaterialLoader } from '../../../src/trust/proof-material.ts';
import { publicGoodRoot } from '../../../src/trust/sigstore/public-good.ts';
import { createTrustStore } from '../../../src/trust/trust-store.ts';
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
  ['keyless-public-good.yaml', 'ghcr.io/acme/app:1', 'default', ['keyless']],
  ['own-authority.yaml', 'registry.example.com/builds/app:1', 'default', ['builds']],
  ['audit-first.yaml', 'busybox', 'default', ['everything-audit']],
  ['audit-first.yaml', 'registry.example.com/x', 'default', ['everything-audit']],
])('%s on %s in %s selects %j', async (name, image, namespace, policies) => {
  expect(selected(await load(name), image, namespace)).toEqual(policies);
});

it('audit-first.yaml only records', async () => {
  const [policy] = (await load('audit-first.yaml')).sets.flatMap((set) => set.policies);
  expect(policy).toMatchObject({ mode: 'audit', subjectRule: 'everyInstance' });
});

it.each(['keyless-public-good.yaml', 'own-authority.yaml', 'cluster-public-key.yaml'])(
  '%s names trust material that loads',
  async (name) => {
    const [policy] = (await load(name)).sets.flatMap((set) => set.policies);
    if (policy?.state.kind !== 'ready' || policy.state.require.kind !== 'some') throw new Error('one leaf');
    expect(createMaterialLoader(createTrustStore())(policy.state.require.leaf.proof)).toMatchObject({ ok: true });
  },
);

it('keyless-public-good.yaml trusts what certs/ ships', () => {
  const written = readFileSync(join(EXAMPLES, 'keyless-public-good.yaml'), 'utf8');
  const shipped = publicGoodRoot();
  if (!shipped.ok) throw new Error(shipped.failure.message);
  const root = shipped.value.certificateAuthorities.at(-1)?.chain.at(-1);
  const data = (name: string) =>
    Buffer.from(new RegExp(`${name}: (.*)`).exec(written)?.[1] ?? '', 'base64').toString('utf8');
  expect(new X509Certificate(data('fulcioCAData')).raw).toEqual(Buffer.from(root?.der ?? []));
  expect(createPublicKey(data('rekorKeyData')).equals(shipped.value.logs[0]?.key ?? expect.fail('no log'))).toBe(true);
});
