import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Artifact, imageArtifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { askWebhook } from './ask-webhook.ts';
import { createAuthority, issue } from './certificates.ts';
import { startWebhook, type Webhook } from './countersign.ts';
import { temporaryFolder } from './folder.ts';
import { pushArtifact } from './image.ts';
import { addressOf, fingerprintIn, gpgHome, type KeyName, makeKeys } from './policy-json/gpg.ts';
import { type Store, startStore } from './policy-json/store.ts';
import { type Run, run, succeed } from './process.ts';
import { type RealRegistry, startDockerRegistry } from './registries.ts';
import { describeWith, toolPath } from './tools.ts';

const POLICIES = resolve(import.meta.dirname, '../../policies/containers');
const RED_HAT = ['registry.redhat.io', 'registry.access.redhat.com'] as const;
const RED_HAT_KEY = '/etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release';

describeWith(['skopeo', 'gpg', 'docker-registry', 'openssl'], "podman's way of signing, and Red Hat's policy", () => {
  const folder = temporaryFolder();
  const gpg = gpgHome(folder, 'gpg');
  // The root of a node, below which both policies name their keys.
  const node = folder.folder('node');
  let registry: RealRegistry;
  let store: Store;
  let webhook: Webhook;
  let ca: Buffer;
  /** `localhost:PORT`, as the scope of podman's policy names the registry. */
  let host: string;

  beforeAll(async () => {
    await makeKeys(gpg, ['one', 'two', 'stranger']);
    registry = await startDockerRegistry(folder);
    store = await startStore(folder.folder('sigstore'));
    host = byName(registry.host);
    await exportKey('one', '/tmp/key.gpg');
    await exportKey('two', RED_HAT_KEY);
    writePolicies();
    const authority = await createAuthority(folder);
    ca = readFileSync(authority.certFile);
    const plain = Object.fromEntries(
      [host, registry.host, byName(store.host)].map((one) => [one, { plainHttp: true }]),
    );
    webhook = await startWebhook(folder, {
      tls: await issue(folder, authority, 'webhook', '/CN=countersign'),
      policies: [
        { path: folder.file('podman'), root: node },
        { path: join(POLICIES, 'redhat-gpg'), root: node },
      ],
      registries: plain,
      registriesConf: [folder.file('registries.conf')],
    });
  });
  afterAll(async () => {
    await webhook.stop();
    await store.close();
    await registry.stop();
    await gpg.stop();
    folder.remove();
  });

  /** `gpg --output FILE --armor --export <YOUR-EMAIL>` */
  async function exportKey(name: KeyName, path: string): Promise<void> {
    const bytes = await gpg.export(['--armor', '--export', addressOf(name)]);
    mkdirSync(dirname(join(node, path)), { recursive: true });
    writeFileSync(join(node, path), bytes);
  }

  /** What the page on podman says, with this run's ports and folder; and Red Hat's registries, found on loopback. */
  function writePolicies(): void {
    const policy = readFileSync(join(POLICIES, 'podman/policy.json'), 'utf8').replace('localhost:5000', host);
    folder.folder('podman');
    folder.folder('podman/registries.d');
    folder.write('podman/policy.json', policy);
    // skopeo knows no root.
    folder.write('skopeo.json', policy.replace('/tmp/key.gpg', join(node, 'tmp/key.gpg')));
    folder.write(
      'podman/registries.d/default.yaml',
      [
        'default-docker:',
        `  sigstore: http://${byName(store.host)}/plain # Added by us`,
        `  sigstore-staging: file://${store.folder}`,
        '',
      ].join('\n'),
    );
    const moved = RED_HAT.map((name) => `[[registry]]\nprefix = "${name}"\nlocation = "${registry.host}"\n`);
    folder.write('registries.conf', moved.join('\n'));
  }

  const admit = (image: string) => askWebhook(webhook.url, ca, image);

  function skopeo(args: readonly string[], policy: readonly string[] = ['--insecure-policy']): Promise<Run> {
    const options = [...policy, '--registries.d', folder.file('podman/registries.d')];
    return run(toolPath('skopeo'), [...options, ...args], { env: { HOME: folder.path, GNUPGHOME: gpg.home } });
  }

  /** Pushes an image under the tag `latest`, and has skopeo sign it there as `podman push --sign-by` does. */
  async function push(
    name: string,
    image: Artifact,
    by: readonly KeyName[],
    options: readonly string[] = [],
  ): Promise<void> {
    await pushArtifact(`${host}/${name}`, image, 'latest');
    const place = `docker://${host}/${name}:latest`;
    const plain = ['--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false'];
    for (const key of by) {
      const made = await skopeo(['copy', ...plain, ...options, '--sign-by', `${key}@example.com`, place, place]);
      expect(made, made.stderr).toMatchObject({ status: 0 });
    }
  }

  /** What a node with the same policy does. */
  const pull = (name: string): Promise<Run> =>
    skopeo(
      ['copy', '--src-tls-verify=false', `docker://${host}/${name}:latest`, `dir:${folder.file(`${name}.pulled`)}`],
      ['--policy', folder.file('skopeo.json')],
    );

  it('lets in what is signed by the key, from the store where the signature was put', async () => {
    await push('alpine', imageArtifact('alpine'), ['one']);
    expect(await admit(`${host}/alpine:latest`)).toMatchObject({ allowed: true });
    expect(await pull('alpine')).toMatchObject({ status: 0 });
  });

  it('refuses what is signed by another key, and names it', async () => {
    await push('wrong', imageArtifact('wrong'), ['stranger']);
    const listed = await gpg.run(['--with-colons', '--list-keys', addressOf('stranger')]);
    const refused = await admit(`${host}/wrong:latest`);
    expect(refused).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(refused.status?.message).toContain(fingerprintIn(listed).slice(-16));
    expect((await pull('wrong')).stderr).toContain('Source image rejected');
  });

  it('refuses what is not signed', async () => {
    await push('plain', imageArtifact('plain'), []);
    expect((await admit(`${host}/plain:latest`)).status?.message).toContain('[UNSIGNED]');
    expect((await pull('plain')).stderr).toContain('no signature exists');
  });

  it('refuses a signed image under a tag that was not signed, and lets it in by digest', async () => {
    const image = imageArtifact('moved');
    await push('moved', image, ['one']);
    await pushArtifact(`${host}/moved`, image, 'stable');
    expect(await admit(`${host}/moved:stable`)).toMatchObject({ allowed: false });
    expect(await admit(`${host}/moved@${image.digest}`)).toMatchObject({ allowed: true });
  });

  it('finds every signature that skopeo makes of an index and its images', async () => {
    const parts = ['amd64', 'arm64'].map((architecture) => {
      const platform = { os: 'linux', architecture };
      return { image: imageArtifact(`multi ${architecture}`, platform), platform };
    });
    const index = indexArtifact(parts);
    for (const { image } of parts) await pushArtifact(`${host}/multi`, image);
    await push('multi', index, ['one'], ['--all']);
    for (const { digest } of [index, ...parts.map(({ image }) => image)]) {
      expect(await admit(`${host}/multi@${digest}`)).toMatchObject({ allowed: true });
    }
    expect(await pull('multi')).toMatchObject({ status: 0 });
  });

  it('reads a second signature that skopeo puts beside the first', async () => {
    await push('twice', imageArtifact('twice'), ['stranger', 'one']);
    expect(await admit(`${host}/twice:latest`)).toMatchObject({ allowed: true });
    expect(await pull('twice')).toMatchObject({ status: 0 });
  });

  /** Signs a manifest alone, for any name, and puts the signature where the store has those of the repository. */
  async function signAlone(image: Artifact, name: string, path: string, by: KeyName, number = 1): Promise<void> {
    const fingerprint = fingerprintIn(await gpg.run(['--with-colons', '--list-keys', addressOf(by)]));
    const manifest = folder.write(`${by}.manifest`, image.manifest);
    const output = folder.file(`${by}.signature`);
    const args = ['standalone-sign', manifest, name, fingerprint, '--output', output];
    await succeed(toolPath('skopeo'), args, { env: { HOME: folder.path, GNUPGHOME: gpg.home } });
    store.put(`${path}@${image.digest.replace(':', '=')}/signature-${number}`, readFileSync(output));
  }

  it('takes what skopeo signs of a manifest alone', async () => {
    const image = imageArtifact('alone');
    await push('alone', image, []);
    await signAlone(image, `${host}/alone:latest`, 'alone', 'one');
    expect(await admit(`${host}/alone:latest`)).toMatchObject({ allowed: true });
  });

  it("lets in what the key of Red Hat's policy signed for its registries, and nothing else", async () => {
    const signed = imageArtifact('ubi');
    const stranger = imageArtifact('stranger');
    await pushArtifact(`${host}/ubi9/ubi`, signed, '9.4');
    await pushArtifact(`${host}/ubi9/other`, stranger, '9.4');
    await pushArtifact(`${host}/ubi9/unsigned`, imageArtifact('unsigned'), '9.4');
    for (const [index, name] of RED_HAT.entries()) {
      await signAlone(signed, `${name}/ubi9/ubi:9.4`, 'ubi9/ubi', 'two', index + 1);
      await signAlone(stranger, `${name}/ubi9/other:9.4`, 'ubi9/other', 'one', index + 1);
    }
    for (const name of RED_HAT) {
      expect(await admit(`${name}/ubi9/ubi:9.4`)).toMatchObject({ allowed: true });
      expect(await admit(`${name}/ubi9/other:9.4`)).toMatchObject({ allowed: false });
      expect((await admit(`${name}/ubi9/unsigned:9.4`)).status?.message).toContain('[UNSIGNED]');
    }
  });
});

const byName = (address: string): string => address.replace('127.0.0.1', 'localhost');
