import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { createSigner, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import { keyPolicy, registryFor } from '../fixtures/webhook.ts';
import { written as own } from '../policy/countersign/objects.ts';
import { yaml } from '../policy/sources/folder.ts';
import { filesIn, inProcess, run } from './process.ts';

const release = createSigner();
const other = createSigner();
const POLICY = yaml(keyPolicy({ signer: release, scopes: ['first.example/team/app'] }));
const BY_RELEASE = { keys: { anyOf: [{ pem: release.publicKeyPem }] } };

async function desk(files: Readonly<Record<string, string>> = { 'policy.yaml': POLICY }) {
  const folder = await filesIn(files);
  return { folder, policy: join(folder, 'policy.yaml'), out: join(folder, 'out') };
}

describe('render', () => {
  it('prints the files of a node under their paths', async () => {
    const { policy } = await desk();
    const { status, out, error } = await inProcess(['render', '--policy', policy]);
    expect({ status, error }).toEqual({ status: 0, error: '' });
    const [, first = '', second = ''] = out.split(/^==> .* <==\n/m);
    expect(JSON.parse(first).transports.docker).toHaveProperty(['first.example/team/app']);
    expect(second).toBe('docker:\n  first.example/team/app:\n    use-sigstore-attachments: true\n');
    expect(out.match(/^==> .* <==$/gm)).toEqual([
      '==> /etc/containers/policy.json <==',
      '==> /etc/containers/registries.d/sigstore-registries.yaml <==',
    ]);
  });

  it('writes them below a directory, says which, and replaces what an earlier run wrote', async () => {
    const { folder, policy, out } = await desk();
    for (const scope of ['first.example/team/app', 'second.example/team/app']) {
      await writeFile(policy, POLICY.replaceAll('first.example/team/app', scope));
      const ran = await run(['render', '--policy', policy, '--output', out]);
      const written = ['containers/policy.json', 'containers/registries.d/sigstore-registries.yaml'];
      expect(ran).toEqual({ status: 0, error: '', out: written.map((name) => `${join(out, 'etc', name)}\n`).join('') });
      const text = await readFile(join(out, 'etc/containers/policy.json'), 'utf8');
      expect(text.endsWith('}')).toBe(true);
      expect(Object.keys(JSON.parse(text).transports.docker)).toEqual([scope]);
    }
    expect(await readdir(join(folder, 'out/etc/containers'))).toEqual(['policy.json', 'registries.d']);
  });

  it('tells of a namespace’s file that is left there, since nodes go on reading it', async () => {
    const wide = yaml(keyPolicy({ signer: release, scopes: ['first.example/team/app'] }));
    const namespaced = yaml(keyPolicy({ signer: other, namespace: 'team-a', scopes: ['second.example'] }));
    const { policy, out } = await desk({ 'policy.yaml': `${wide}\n---\n${namespaced}` });
    expect((await inProcess(['render', '-p', policy, '-o', out])).error).toBe('');
    await writeFile(policy, wide);
    const { status, error } = await inProcess(['render', '-p', policy, '-o', out]);
    expect(status).toBe(0);
    expect(error).toContain(`${join(out, 'etc/crio/policies/team-a.json')} is not of this rendering`);
  });

  it('makes one MachineConfig for each role, and worker where none is named', async () => {
    const { policy, out } = await desk();
    const worker = await inProcess(['render', '--policy', policy, '--format', 'machineconfig']);
    expect(worker.out).toContain('name: 51-worker-image-signatures');
    const roles = ['--role', 'master', '--role', 'infra', '--role', 'master'];
    const both = await inProcess(['render', '--policy', policy, '--format', 'machineconfig', ...roles]);
    expect(parseAllDocuments(both.out).map((document) => document.getIn(['metadata', 'name']))).toEqual([
      '51-master-image-signatures',
      '51-infra-image-signatures',
    ]);
    const files = await inProcess([
      'render',
      '-p',
      policy,
      '-o',
      out,
      '-f',
      'butane',
      '--role',
      'master',
      '--role',
      'worker',
    ]);
    expect(files.status).toBe(0);
    expect(await readdir(out)).toEqual(['51-master-image-signatures.bu', '51-worker-image-signatures.bu']);
  });

  it.each([
    [[], 'at least one --policy'],
    [['--policy', 'x', 'y'], 'y'],
    [['--policy', 'x', '--format', 'yaml'], '--format is'],
    [['--policy', 'x', '--role', 'worker'], '--role is for'],
    [['--policy', 'x', '--format', 'butane', '--role', 'Worker'], 'name of a pool'],
    [['--policy', 'x', '--format', 'butane', '--role', '../x'], 'name of a pool'],
    [['--policy', 'x', '--format', 'butane', '--role', 'a', '--role', 'b'], 'for one role'],
    [['--policies', 'x'], '--policies'],
    [['--policy', '/nonexistent/policy.yaml'], 'ENOENT'],
  ])('ends with 2 and says why: %j', async (args, says) => {
    const { status, out, error } = await inProcess(['render', ...args]);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(error).toContain(says);
  });

  it('ends with 2 where the base or the output cannot be used', async () => {
    const { policy } = await desk();
    expect(await inProcess(['render', '-p', policy, '--base', '/nonexistent/policy.json'])).toMatchObject({
      status: 2,
      out: '',
    });
    expect(await inProcess(['render', '-p', policy, '-o', policy])).toMatchObject({ status: 2, out: '' });
  });

  it('ends with 2 and prints nothing where an object is broken', async () => {
    const { policy } = await desk({ 'policy.yaml': yaml({ scopes: ['busybox'] }) });
    const { status, out, error } = await inProcess(['render', '-p', policy]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain('spec.scopes[0]');
  });

  it('starts from a base, and takes the release image for what must not be blocked', async () => {
    const image = {
      apiVersion: 'config.openshift.io/v1',
      kind: 'Image',
      metadata: { name: 'cluster' },
      spec: { registrySources: { blockedRegistries: ['first.example', 'release.example'] } },
    };
    const base = { default: [{ type: 'insecureAcceptAnything' }], transports: { dir: { '': [{ type: 'reject' }] } } };
    const { policy, folder } = await desk({ 'policy.yaml': JSON.stringify(image), 'base.json': JSON.stringify(base) });
    const options = ['--base', join(folder, 'base.json'), '--release-image', 'release.example/a/b:v1'];
    const { status, out, error } = await inProcess(['render', '-p', policy, ...options]);
    expect(status).toBe(0);
    expect(error).toBe("note: Image: release.example is not blocked, since the cluster's own images come from there\n");
    const { transports } = JSON.parse(out.slice(out.indexOf('\n')));
    expect(Object.keys(transports)).toEqual(['atomic', 'dir', 'docker']);
    expect(Object.keys(transports.docker)).toEqual(['first.example']);
  });

  it('lists what nodes cannot check and writes nothing, or has them reject it where that is asked for', async () => {
    const policy = own({ images: ['first.example'], signature: { ...BY_RELEASE, annotations: { a: 'b' } } });
    const { folder, out } = await desk({ 'policy.yaml': JSON.stringify(policy) });
    const args = ['render', '-p', join(folder, 'policy.yaml')];
    const refused = await inProcess([...args, '--output', out]);
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.error).toContain(
      'lost: ClusterImagePolicy policy: nodes do not look at the annotations of signatures',
    );
    await expect(readdir(out)).rejects.toThrow('ENOENT');
    const partial = await inProcess([...args, '--partial']);
    expect(partial.status).toBe(0);
    expect(partial.error).toContain('Nodes reject every image of what was lost.');
    expect(partial.out).toContain('"type": "reject"');
  });
});

describe('what was rendered, read again', () => {
  /** A registry with images that were signed by nobody, by either, by both, and under another name. */
  async function images() {
    const registry = await registryFor();
    const make = (repository: string, ...signers: readonly (typeof release)[]): string => {
      const image = publishImage(registry, repository, repository);
      const name = `${registry.host}/${repository}`;
      const layers = signers.map((signer) => signedLayer(signer, simpleSigningPayload(image.digest, name)));
      if (layers.length > 0) publishLayers(registry, repository, image, layers);
      return `${registry.host}/${repository}:v1`;
    };
    return {
      host: registry.host,
      all: [
        make('team/unsigned'),
        make('team/released', release),
        make('team/other', other),
        make('team/both', release, other),
        make('team/deep/unsigned'),
        make('team/deep/other', other),
        make('team/deep/both', release, other),
        make('free/unsigned'),
      ],
    };
  }

  async function verdicts(entry: object, namespace: string, host: string, all: readonly string[]) {
    const config = { policies: [entry], registries: { [host]: { plainHttp: true } }, requireDigest: 'off' };
    const folder = await filesIn({ 'config.yaml': JSON.stringify(config) });
    const said: Record<string, number | null> = {};
    for (const image of all) {
      const args = ['verify', '--config', join(folder, 'config.yaml'), '--namespace', namespace, image];
      said[image] = (await inProcess(args)).status;
    }
    return said;
  }

  it.each([
    [
      'OpenShift’s objects',
      (host: string) =>
        yaml(
          keyPolicy({ name: 'wide', signer: release, scopes: [`${host}/team`] }),
          keyPolicy({ name: 'deep', signer: release, scopes: [`${host}/team/deep`] }),
          keyPolicy({ name: 'deep-too', signer: other, scopes: [`${host}/team/deep`] }),
          keyPolicy({ name: 'own', namespace: 'team-a', signer: other, scopes: [host, `${host}/team/deep`] }),
        ),
    ],
    [
      'countersign’s own',
      (host: string) =>
        [
          own({ name: 'wide', images: [`${host}/team`], signature: BY_RELEASE }),
          own({
            name: 'deep',
            images: [`${host}/team/deep`],
            signature: { keys: { anyOf: [{ pem: other.publicKeyPem }] }, names: { match: 'repository' } },
          }),
          own({
            name: 'own',
            namespace: 'team-a',
            images: [host],
            signature: { keys: { anyOf: [{ pem: other.publicKeyPem }] } },
          }),
        ]
          .map((policy) => JSON.stringify(policy))
          .join('\n---\n'),
    ],
  ])('decides as %s do, in a namespace with policies of its own and in one without', async (_, policies) => {
    const { host, all } = await images();
    const { policy, out } = await desk({ 'policy.yaml': policies(host) });
    expect((await inProcess(['render', '-p', policy, '-o', out])).status).toBe(0);
    const rendered = { path: join(out, 'etc/containers'), namespaced: join(out, 'etc/crio/policies') };
    for (const namespace of ['team-a', 'team-b']) {
      const before = await verdicts({ path: policy }, namespace, host, all);
      expect(new Set(Object.values(before)), namespace).toEqual(new Set([0, 1]));
      expect(await verdicts(rendered, namespace, host, all), namespace).toEqual(before);
    }
  });
});
