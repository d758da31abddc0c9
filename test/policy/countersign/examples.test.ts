import { createPublicKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { matchSigner } from '../../../src/conditions/signers.ts';
import type { CertificateIdentity } from '../../../src/model/finding.ts';
import type { Leaf, Requirement, SigstoreRef, TrustRef } from '../../../src/model/requirement.ts';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { parseTrustedRoot, trustedRootOfPem } from '../../../src/trust/sigstore/trusted-root.ts';
import { asked, asker } from '../openshift/objects.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../../policies/countersign');
const DIGEST = `sha256:${'4f1c'.repeat(16)}`;
const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));

async function load(...names: readonly string[]): Promise<LoadedPolicies> {
  const loaded = await loadPolicies(names.map((name) => join(EXAMPLES, name)));
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

function selected({ sets }: LoadedPolicies, image: string, namespace: string): readonly string[] {
  return sets.flatMap((set) => set.select(asked(image), asker(namespace))).map(({ policy }) => policy.origin.name);
}

async function requirement(name: string): Promise<Requirement> {
  const [policy, ...more] = (await load(name)).sets.flatMap((set) => set.policies);
  if (policy?.state.kind !== 'ready' || more.length > 0) throw new Error(`${name} is not one policy that is ready`);
  return policy.state.require;
}

function leaves(require: Requirement): readonly Leaf[] {
  if (require.kind === 'some') return [require.leaf];
  return require.kind === 'quorum' ? require.of : [];
}

function textOf(ref: TrustRef): string {
  if (ref.kind !== 'inline') throw new Error(`it is ${ref.kind}`);
  return ref.text;
}

/** Reads what a leaf trusts, as it will be read when an image is decided on; how many keys and roots that were. */
function trusted({ proof }: Leaf): number {
  if (proof.kind !== 'keys' && proof.kind !== 'sigstore') return 0;
  const keys = proof.kind === 'keys' ? proof.keys : proof.signer === 'certificate' ? [] : proof.signer.keys;
  for (const key of keys) expect(createPublicKey(textOf(key)).asymmetricKeyType).toBe('ec');
  return keys.length + (proof.kind === 'sigstore' ? readRoot(proof.root) : 0);
}

function readRoot(root: SigstoreRef): number {
  if (root.kind === 'publicGood') return 1;
  const read =
    root.kind === 'trustedRoot'
      ? parseTrustedRoot(Buffer.from(textOf(root.document)))
      : trustedRootOfPem({
          certificateAuthorities: root.certificateAuthorities.map(textOf),
          logs: root.transparencyLogs.map(({ key, url }) => ({ publicKey: textOf(key), baseUrl: url })),
          certificateLogs: root.certificateLogs.map(textOf),
          timestampAuthorities: root.timestampAuthorities.map(textOf),
        });
  expect(read.ok ? '' : read.failure.message).toBe('');
  return 1;
}

describe('the ready-made policies', () => {
  it.each(files)('%s is right, without a warning, and on the list', async (name) => {
    const loaded = await load(name);
    expect(loaded.problems).toEqual([]);
    expect(loaded.warnings).toEqual([]);
    expect(readFileSync(join(EXAMPLES, 'README.md'), 'utf8')).toContain(`[${name}](${name})`);
  });

  it('can be loaded as one directory, with the trusted root that lies beside them', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'policies-'));
    for (const name of [...files, 'trusted_root.json']) await cp(join(EXAMPLES, name), join(folder.path, name));
    const loaded = await loadPolicies([folder.path]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems).toEqual([]);
    expect(loaded.value.sets.flatMap((set) => set.policies)).toHaveLength(files.length);
  });

  it.each([
    ['public-key.yaml', 1],
    ['key-with-timestamp.yaml', 2],
    ['keyless-github-actions.yaml', 1],
    ['keyless-private-sigstore.yaml', 1],
    ['two-signers.yaml', 3],
    ['namespace-public-key.yaml', 1],
    ['audit-first.yaml', 1],
    ['allow-list.yaml', 0],
    ['reject-latest.yaml', 0],
    ['countersign-image.yaml', 1],
  ])('%s trusts keys and roots that can be read, %i of them', async (name, count) => {
    const found = leaves(await requirement(name)).map(trusted);
    expect(found.reduce((sum, one) => sum + one, 0)).toBe(count);
  });

  it.each([
    ['public-key.yaml', 'registry.example.com/prod/app:1', 'default', ['release']],
    ['public-key.yaml', 'registry.example.com/dev/app:1', 'default', []],
    ['key-with-timestamp.yaml', 'registry.example.com/prod/app:1', 'default', ['release-with-time']],
    ['keyless-github-actions.yaml', 'ghcr.io/acme/team/app:1', 'default', ['built-by-github']],
    ['keyless-github-actions.yaml', 'ghcr.io/acme-evil/app:1', 'default', []],
    ['keyless-private-sigstore.yaml', 'eu.registry.example.com/app', 'default', ['built-in-house']],
    ['keyless-private-sigstore.yaml', 'registry.example.com/app', 'default', []],
    ['two-signers.yaml', 'registry.example.com/payments/app:1', 'default', ['four-eyes']],
    ['namespace-public-key.yaml', 'registry.example.com/team-a/app:1', 'team-a', ['team-a']],
    ['namespace-public-key.yaml', 'registry.example.com/team-a/app:1', 'team-b', []],
    ['audit-first.yaml', 'busybox', 'default', ['everything-audit']],
    ['allow-list.yaml', 'registry.k8s.io/pause:3', 'default', ['platform-images']],
    ['allow-list.yaml', 'registry.example.com/platform/base:3', 'default', ['platform-images']],
    ['allow-list.yaml', 'registry.example.com/platforms/base:3', 'default', []],
    ['reject-latest.yaml', 'ghcr.io/a/b', 'default', ['no-latest']],
    ['reject-latest.yaml', 'ghcr.io/a/b:1', 'default', []],
    ['reject-latest.yaml', `ghcr.io/a/b@${DIGEST}`, 'default', []],
    ['reject-latest.yaml', `ghcr.io/a/b:latest@${DIGEST}`, 'default', ['no-latest']],
    ['countersign-image.yaml', `registry.example.com/countersign@${DIGEST}`, 'countersign', ['countersign-itself']],
    ['countersign-image.yaml', 'registry.example.com/countersign-evil:1', 'countersign', []],
  ])('%s on %s in %s selects %j', async (name, image, namespace, policies) => {
    expect(selected(await load(name), image, namespace)).toEqual(policies);
  });

  it('that accept and that reject one image both count', async () => {
    const both = await load('allow-list.yaml', 'reject-latest.yaml');
    expect(selected(both, 'registry.k8s.io/pause', 'default').toSorted()).toEqual(['no-latest', 'platform-images']);
  });

  it('audit-first.yaml only records, and asks every platform', async () => {
    const [policy] = (await load('audit-first.yaml')).sets.flatMap((set) => set.policies);
    expect(policy).toMatchObject({ mode: 'audit', subjectRule: 'everyInstance' });
  });

  it('two-signers.yaml wants two different ones of three', async () => {
    expect(await requirement('two-signers.yaml')).toMatchObject({ kind: 'quorum', k: 2, of: [{}, {}, {}] });
  });

  it.each([
    ['https://github.com/example/countersign/.github/workflows/release.yaml@refs/tags/v0.1.0', 'accepted'],
    ['https://github.com/example/countersign/.github/workflows/release.yaml@refs/heads/main', 'refused'],
    ['https://github.com/example/countersign/.github/workflows/release.yaml@refs/tags/v0.1.0/../main', 'refused'],
    ['https://github.com/example/countersign/.github/workflows/other.yaml@refs/tags/v0.1.0', 'refused'],
    ['https://github.com/example/countersign-fork/.github/workflows/release.yaml@refs/tags/v0.1.0', 'refused'],
    ['https://github.com/somebody/countersign/.github/workflows/release.yaml@refs/tags/v0.1.0', 'refused'],
    ['https://githubxcom/example/countersign/.github/workflows/release.yaml@refs/tags/v0.1.0', 'refused'],
  ])(
    'countersign-image.yaml takes the release workflow of the repository for a version, and nobody else: %s',
    async (uri, kind) => {
      const [leaf] = leaves(await requirement('countersign-image.yaml'));
      if (leaf === undefined) throw new Error('no leaf');
      const issuer = 'https://token.actions.githubusercontent.com';
      const by = (vouching: string): CertificateIdentity => ({
        issuer: vouching,
        names: [{ kind: 'uri', text: uri }],
      });
      expect(matchSigner(leaf.signer, by(issuer)).kind).toBe(kind);
      expect(matchSigner(leaf.signer, by('https://issuer.example')).kind).toBe('refused');
    },
  );

  it('hold no private key', () => {
    const names = readdirSync(EXAMPLES);
    expect(names).toContain('trusted_root.json');
    for (const name of names) expect(readFileSync(join(EXAMPLES, name), 'utf8'), name).not.toContain('PRIVATE KEY');
  });
});
