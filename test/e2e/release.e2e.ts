import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readProjectFile } from '../house/files.ts';
import { type Checkout, checkout, type Release } from '../release/checkout.ts';
import { COSIGN_FORMS, type CosignKey, generateKey } from './cosign.ts';
import { ADMITTED, REFUSED, verify, writeConfiguration, writePolicies } from './countersign.ts';
import { temporaryFolder } from './folder.ts';
import { type PushedImage, pushImage } from './image.ts';
import { run } from './process.ts';
import { type RealRegistry, startReferrersRegistry } from './registries.ts';
import { describeWith, toolPath } from './tools.ts';

const VERSION: string = JSON.parse(readProjectFile('package.json')).version;

/**
 * In the place of an engine, which is on few machines: what it is told to build it does not build, and what it is told to
 * push is there already. It keeps what it was told.
 */
const ENGINE = `#!/bin/sh
printf '%s\\n' "$*" >> "$ENGINE_LOG"
while [ $# -gt 0 ]; do
  if [ "$1" = --digestfile ]; then printf %s "$ENGINE_DIGEST" > "$2"; fi
  shift
done
`;

describeWith(['helm', 'cosign3', 'registry'], 'a release, with everything but an engine', () => {
  const folder = temporaryFolder();
  const { flags } = COSIGN_FORMS.find(({ title }) => title === 'cosign v3, bundle') ?? { flags: () => [] };
  let registry: RealRegistry;
  let key: CosignKey;
  let image: PushedImage;
  let there: Checkout;
  let ran: Release;

  const engineLog = folder.file('engine.log');
  const release = (...args: readonly string[]): Release => {
    const names = ['--image', image.repository, '--charts', `oci://${registry.host}/charts`, '--plain-http'];
    const source = ['--source', 'https://git.example/countersign', '--key', key.privateFile];
    return there.release([...names, ...source, ...args, VERSION, '--', ...flags(folder)], {
      PATH: [folder.file('bin'), process.env['PATH'] ?? ''].join(delimiter),
      COSIGN_PASSWORD: '',
      ENGINE_LOG: engineLog,
      ENGINE_DIGEST: image.digest,
    });
  };
  const cosign = (...args: readonly string[]) => run(toolPath('cosign3'), args, { env: { COSIGN_PASSWORD: '' } });

  beforeAll(async () => {
    registry = await startReferrersRegistry(folder);
    image = await pushImage(`${registry.host}/countersign`);
    key = await generateKey('cosign3', folder, 'release');
    mkdirSync(folder.file('bin'));
    symlinkSync(toolPath('helm'), folder.file('bin/helm'));
    symlinkSync(toolPath('cosign3'), folder.file('bin/cosign'));
    for (const [name, text] of [
      ['buildah', ENGINE],
      ['docker', '#!/bin/sh\nexit 1\n'],
    ] as const) {
      writeFileSync(folder.file(`bin/${name}`), text);
      chmodSync(folder.file(`bin/${name}`), 0o755);
    }
    there = checkout((path) => {
      const pinned = readProjectFile('Dockerfile').replaceAll(/^(FROM [^\s@]+)/gm, `$1@sha256:${'4f1c'.repeat(16)}`);
      writeFileSync(join(path, 'Dockerfile'), pinned);
    });
  });
  afterAll(async () => {
    there.remove();
    await registry.stop();
    folder.remove();
  });

  it('is refused without the tag of its version, before anything is built', () => {
    expect(release()).toMatchObject({ status: 1, stderr: expect.stringContaining(`has not the tag v${VERSION}`) });
    expect(there.files()).toEqual([]);
  });

  it('builds from the commit alone, pushes, and says by which digests', () => {
    there.git('tag', `v${VERSION}`);
    ran = release();
    expect(ran).toMatchObject({ status: 0 });
    const [build, push] = readFileSync(engineLog, 'utf8').split('\n');
    expect(build).toMatch(/^build --pull --timestamp [0-9]+ --tag \S+ \S+$/);
    expect(build).not.toContain(there.path);
    expect(push).toContain(`docker://${image.repository}:${VERSION}`);
    expect(ran.stdout).toContain(`image ${image.repository}@${image.digest}\n`);
    expect(there.files()).toEqual([
      'SHA256SUMS',
      'SHA256SUMS.sigstore.json',
      `countersign-${VERSION}.tgz`,
      'provenance.slsa.json',
      'sbom.cdx.json',
    ]);
  });

  it('signs the image, so that countersign admits it, and no other key’s policy does', async () => {
    const configuration = writeConfiguration(folder, 'config.yaml', {
      registries: { [registry.host]: { plainHttp: true } },
    });
    const other = await generateKey('cosign3', folder, 'other');
    const ask = (name: string, publicPem: string) => {
      const policy = { name, scope: image.repository, publicPem, unnamed: true };
      return verify(
        configuration,
        writePolicies(folder, `${name}.yaml`, [policy]),
        `${image.repository}@${image.digest}`,
      );
    };
    expect(await ask('release', key.publicPem)).toMatchObject(ADMITTED);
    expect(await ask('other', other.publicPem)).toMatchObject(REFUSED);
  });

  it('signs the chart, and attests of both where they come from, of the image what is in it', async () => {
    const chart = /^chart (\S+)$/m.exec(ran.stdout)?.[1] ?? '';
    const trust = ['--key', key.publicFile, '--insecure-ignore-tlog=true', '--allow-http-registry'];
    expect(await cosign('verify', ...trust, chart)).toMatchObject({ status: 0 });
    const reference = `${image.repository}@${image.digest}`;
    for (const [type, subject] of [
      ['slsaprovenance1', reference],
      ['slsaprovenance1', chart],
      ['cyclonedx', reference],
    ] as const) {
      const { status, stdout, stderr } = await cosign('verify-attestation', ...trust, '--type', type, subject);
      expect(status, stderr).toBe(0);
      const envelope: { payload: string } = JSON.parse(stdout);
      expect(atob(envelope.payload)).toContain(type === 'cyclonedx' ? '"bomFormat":"CycloneDX"' : there.commit);
    }
    expect(await cosign('verify-attestation', ...trust, '--type', 'cyclonedx', chart)).not.toMatchObject({ status: 0 });
  });

  it('signs the sums of the files', async () => {
    const sums = join(there.path, 'dist/release/SHA256SUMS');
    const trust = ['--key', key.publicFile, '--insecure-ignore-tlog=true', '--bundle', `${sums}.sigstore.json`];
    expect(await cosign('verify-blob', ...trust, sums)).toMatchObject({ status: 0 });
    writeFileSync(sums, `${readFileSync(sums, 'utf8')}\n`);
    expect(await cosign('verify-blob', ...trust, sums)).not.toMatchObject({ status: 0 });
  });

  it('is refused where a base image has no digest', () => {
    writeFileSync(join(there.path, 'Dockerfile'), readProjectFile('Dockerfile').replaceAll(/@sha256:\w+/g, ''));
    there.git('commit', '--quiet', '--all', '--message', 'by tag alone');
    there.git('tag', '--force', `v${VERSION}`);
    expect(release()).toMatchObject({ status: 1, stderr: expect.stringContaining('base image without a digest') });
  });
});
