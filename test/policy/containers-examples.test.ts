import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { createSigner, signedLayer, simpleSigningPayload as sigstorePayload } from '../../src/cli/demo/signer.ts';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { PolicyEntry } from '../../src/policy/sources/entry.ts';
import { loadPolicies } from '../../src/policy/sources/load.ts';
import { ANNOTATIONS } from '../../src/signatures/cosign/formats.ts';
import type { Json } from '../admission/fixture.ts';
import { createOpenPgpSigner, type OpenPgpSigner, simpleSigningPayload } from '../fixtures/openpgp/signer.ts';
import { expectVerified, registryFor, stage } from '../fixtures/webhook.ts';
import { entryFor, otherRekor, publicPem, rekor } from '../signatures/certified.ts';
import { expectRefused, folderOf } from '../webhook/containers-world.ts';
import { type Folder, folder } from './sources/folder.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../policies/containers');
const README = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
const names = readdirSync(EXAMPLES).filter((name) => name !== 'README.md');

/** Examples whose images are signed under a name with a tag, which cosign does not do by itself. */
const SIGSTORE = new Set(['openshift-release', 'redhat-sigstore']);

const GPG_KEY = 'etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release';
const SIGSTORE_KEY = 'etc/pki/sigstore/SIGSTORE-redhat-release3';
const REKOR_KEY = 'etc/pki/sigstore/REKOR-signing-key';

/** Whose keys stand in for those that nobody but a vendor can sign with. */
const gpg = createOpenPgpSigner({ kind: 'RSA-3072', userId: 'Vendor <security@vendor.example>' });
const team = createOpenPgpSigner({ userId: 'Team <team-a@example.com>' });
const stranger = createOpenPgpSigner();
const sigstore = createSigner('RSA-4096');
const strange = createSigner('RSA-4096');

const KEYS = {
  [GPG_KEY]: gpg.publicKeyArmored,
  [SIGSTORE_KEY]: sigstore.publicKeyPem,
  [REKOR_KEY]: publicPem(rekor.publicKey),
  'tmp/key.gpg': gpg.publicKeyArmored,
  'etc/pki/containers/release.asc': gpg.publicKeyArmored,
  'etc/pki/containers/team-a.asc': team.publicKeyArmored,
};

/** The entry of an example, as the README of the examples has it. */
function entryOf(name: string, root: string, at = join(EXAMPLES, name)): Exclude<PolicyEntry, string> {
  return existsSync(join(at, 'namespaces'))
    ? { path: join(at, 'cluster'), root, namespaced: join(at, 'namespaces') }
    : { path: at, root };
}

async function keyFolder(): Promise<Folder> {
  const made = await folder();
  onTestFinished(() => made[Symbol.asyncDispose]());
  await made.write(KEYS);
  return made;
}

describe('the ready-made policies', () => {
  it('are all in the README', () => {
    expect(names).toHaveLength(5);
    for (const name of names) expect(README).toContain(`[${name}](${name})`);
  });

  it.each(names)('%s is right, and all that is odd is that the vendor does not sign as cosign does', async (name) => {
    const loaded = await loadPolicies([entryOf(name, (await keyFolder()).path)]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems).toEqual([]);
    const hints = loaded.value.warnings.map(({ message }) => message.slice(0, 'signatures that cosign makes'.length));
    expect(new Set(hints)).toEqual(new Set(SIGSTORE.has(name) ? ['signatures that cosign makes'] : []));
    expect(loaded.value.storage.ok).toBe(true);
  });

  it.each(names)('%s says which key is missing, and nothing else is wrong', async (name) => {
    await using nothing = await folder();
    const loaded = await loadPolicies([entryOf(name, nothing.path)]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    const { problems } = loaded.value;
    expect(problems.length).toBeGreaterThan(0);
    for (const { code, reason } of problems) {
      expect(code).toBe('TRUST_MATERIAL_UNAVAILABLE');
      expect(Object.keys(KEYS).some((key) => reason.includes(`"/${key}"`))).toBe(true);
    }
  });

  it('and the one in docs/containers.md load as they are written', async () => {
    const page = readFileSync(resolve(EXAMPLES, '../../docs/containers.md'), 'utf8');
    const block = (language: string) => new RegExp(`\`\`\`${language}\n([^\`]+)\`\`\``).exec(page)?.[1] ?? '';
    await using there = await folder();
    await there.write({
      'policy.json': block('json'),
      'registries.d/registry.example.com.yaml': block('yaml'),
      'release.asc': gpg.publicKeyArmored,
    });
    const loaded = await loadPolicies([there.path]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect([loaded.value.problems, loaded.value.warnings]).toEqual([[], []]);
    const scopes = loaded.value.sets.flatMap((set) => set.policies).map(({ origin }) => origin.name);
    expect(scopes).toEqual(['registry.example.com/shop', 'registry.k8s.io', 'default']);
    expect(loaded.value.storage).toMatchObject({ value: { sections: { 'registry.example.com': {} } } });
  });

  it('hold no key of anybody', () => {
    const files = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.length).toBeGreaterThan(10);
    for (const { parentPath, name } of files)
      expect(readFileSync(join(parentPath, name), 'utf8')).not.toContain('BEGIN ');
  });
});

/**
 * The hosts that the examples name, all of them one server behind a proxy: whatever is asked is asked of the name in the
 * policy, over TLS, and answered here.
 */
async function internet() {
  const ca = createCertificateAuthority();
  const hosts = ['registry.redhat.io', 'registry.access.redhat.com', 'access.redhat.com', 'quay.io'];
  const dnsNames = [...hosts, 'registry.example.com', 'signatures.example.com'];
  const files = new Map<string, Uint8Array>();
  const registry = await registryFor({
    tls: issueServerCertificate(ca, { dnsNames }),
    fault: ({ path, headers }, _request, response) => {
      if (path.startsWith('/v2/')) return false;
      const bytes = files.get(`${headers.host ?? ''}${path}`);
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      return true;
    },
  });
  const proxy = createServer();
  proxy.on('connect', (_request, socket) => {
    const upstream = connect(registry.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
  });
  const address = proxy.address();
  const https = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const caFolder = await keyFolder();
  await caFolder.write({ 'internet.pem': ca.certificatePem });
  const configuration: Json = { proxy: { https }, extraCaFile: `${caFolder.path}/internet.pem` };
  /** Lays a GPG signature where a lookaside has it. */
  const lay = (base: string, repository: string, digest: Digest, by: OpenPgpSigner, reference: string) =>
    files.set(
      `${base}${folderOf(repository, digest)}/signature-1`,
      by.sign(simpleSigningPayload({ digest, reference })),
    );
  return { registry, configuration, lay };
}

/** The webhook under one example, with our keys below its root. */
async function under(name: string) {
  const world = await internet();
  const entry = entryOf(name, (await keyFolder()).path);
  const configuration = { ...world.configuration, policies: [entry] };
  return { ...world, ...(await stage(world.registry, { 'unused.yaml': '' }, configuration)) };
}

describe('redhat-gpg', () => {
  it.each([
    ['registry.redhat.io', 'registry.redhat.io/containers/sigstore'],
    ['registry.access.redhat.com', 'access.redhat.com/webassets/docker/content/sigstore'],
  ])('takes what the vendor signed of %s, read from its lookaside, and nothing else', async (host, base) => {
    const { run, registry, lay } = await under('redhat-gpg');
    const image = (repository: string) => `${host}/${repository}:v1`;
    const push = (repository: string) => publishImage(registry, repository, repository).digest;
    lay(base, 'ubi9/ubi', push('ubi9/ubi'), gpg, image('ubi9/ubi'));
    lay(base, 'ubi9/fake', push('ubi9/fake'), stranger, image('ubi9/fake'));
    lay(base, 'ubi9/old', push('ubi9/old'), gpg, `${host}/ubi9/old:v0`);
    push('ubi9/bare');

    expectVerified(await run([image('ubi9/ubi')]));
    expectRefused(await run([image('ubi9/fake')]), host, 'untrusted', 'SIGNATURE_MISMATCH');
    expectRefused(await run([image('ubi9/old')]), host, 'untrusted', 'NAME_MISMATCH');
    expectRefused(await run([image('ubi9/bare')]), host, 'unsigned', 'UNSIGNED');
    expect(await run(['quay.io/somebody/else:1'])).toMatchObject({ allowed: true, requests: 0 });
  });
});

/** Signs with the vendor's sigstore key under the `.sig` tag; with an entry of a log where one is given. */
function attach(
  registry: Awaited<ReturnType<typeof registryFor>>,
  repository: string,
  reference: string,
  by = sigstore,
  log?: typeof rekor,
): Digest {
  const image = publishImage(registry, repository, repository);
  const payload = sigstorePayload(image.digest, reference, {});
  const layer = signedLayer(by, payload);
  const signature = layer.annotations?.[ANNOTATIONS.signature] ?? '';
  const entry =
    log === undefined
      ? {}
      : { [ANNOTATIONS.rekorBundle]: entryFor(payload, signature, by.publicKeyPem, { log: log.privateKey }) };
  publishLayers(registry, repository, image, [{ ...layer, annotations: { ...layer.annotations, ...entry } }]);
  return image.digest;
}

describe('redhat-sigstore', () => {
  it.each(['registry.redhat.io', 'registry.access.redhat.com'])(
    'takes what the vendor signed of %s and its log knows, and nothing else',
    async (host) => {
      const { run, registry } = await under('redhat-sigstore');
      const image = (repository: string) => `${host}/${repository}:v1`;
      attach(registry, 'ubi9/ubi', image('ubi9/ubi'), sigstore, rekor);
      attach(registry, 'ubi9/fake', image('ubi9/fake'), strange, rekor);
      attach(registry, 'ubi9/unlogged', image('ubi9/unlogged'), sigstore);
      attach(registry, 'ubi9/elsewhere', image('ubi9/elsewhere'), sigstore, otherRekor);
      publishImage(registry, 'ubi9/bare', 'bare');

      expectVerified(await run([image('ubi9/ubi')]));
      expectRefused(await run([image('ubi9/fake')]), host, 'untrusted', 'SIGNATURE_MISMATCH');
      expectRefused(await run([image('ubi9/unlogged')]), host, 'invalid', 'LOG_ENTRY_MISSING');
      expectRefused(await run([image('ubi9/elsewhere')]), host, 'invalid', 'LOG_ENTRY_INVALID');
      expectRefused(await run([image('ubi9/bare')]), host, 'unsigned', 'UNSIGNED');
    },
  );
});

describe('openshift-release', () => {
  it.each(['ocp-release', 'ocp-v4.0-art-dev', 'ocp-v5.0-art-dev'])(
    'takes releases in %s that are signed',
    async (name) => {
      const { run, registry } = await under('openshift-release');
      const repository = `openshift-release-dev/${name}`;
      const scope = `quay.io/${repository}`;
      const digest = attach(registry, repository, `${scope}:4.21.0`);
      expectVerified(await run([`${scope}@${digest}`]));
      const bare = publishImage(registry, repository, 'bare', 'bare').digest;
      expectRefused(await run([`${scope}@${bare}`]), scope, 'unsigned', 'UNSIGNED');
    },
  );

  it('leaves the other repositories there alone', async () => {
    const { run } = await under('openshift-release');
    expect(await run(['quay.io/openshift-release-dev/other:1'])).toMatchObject({ allowed: true, requests: 0 });
  });
});

describe('podman', () => {
  it('takes what was pushed with --sign-by, in the words of the example but for the ports', async () => {
    const registry = await registryFor();
    const files = new Map<string, Uint8Array>();
    const web = await registryFor({
      fault: ({ path }, _request, response) => {
        const bytes = files.get(path);
        response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
        return true;
      },
    });
    const host = `localhost:${registry.port}`;
    const copy = await keyFolder();
    await cp(join(EXAMPLES, 'podman'), join(copy.path, 'podman'), { recursive: true });
    for (const file of ['podman/policy.json', 'podman/registries.d/default.yaml']) {
      const text = readFileSync(join(copy.path, file), 'utf8');
      const placed = text.replace('localhost:5000', host).replace('localhost:8000', `localhost:${web.port}`);
      expect(placed).not.toBe(text);
      await copy.write({ [file]: placed });
    }
    const { run } = await stage(
      registry,
      { 'unused.yaml': '' },
      {
        policies: [entryOf('podman', copy.path, join(copy.path, 'podman'))],
        registries: { [host]: { plainHttp: true } },
      },
    );
    const { digest } = publishImage(registry, 'alpine', 'alpine', 'latest');
    const sign = (by: OpenPgpSigner) =>
      files.set(
        `/alpine@${digest.replace(':', '=')}/signature-1`,
        by.sign(simpleSigningPayload({ digest, reference: `${host}/alpine:latest` })),
      );
    sign(gpg);
    expectVerified(await run([`${host}/alpine`]));
    expect(web.seen()).toContain(`GET /alpine@${digest.replace(':', '=')}/signature-1`);

    const other = publishImage(registry, 'wrong', 'wrong', 'latest').digest;
    const wrong = simpleSigningPayload({ digest: other, reference: `${host}/wrong:latest` });
    files.set(`/wrong@${other.replace(':', '=')}/signature-1`, stranger.sign(wrong));
    expectRefused(await run([`${host}/wrong`]), host, 'untrusted', 'SIGNATURE_MISMATCH');
  });
});

describe('namespaced', () => {
  const lookaside = 'signatures.example.com/containers';

  it('gives a namespace a policy of its own, which no other namespace has', async () => {
    const { run, registry, lay } = await under('namespaced');
    const host = 'registry.example.com';
    const push = (repository: string) => publishImage(registry, repository, repository).digest;
    lay(lookaside, 'prod/app', push('prod/app'), gpg, `${host}/prod/app:v1`);
    lay(lookaside, 'team-a/app', push('team-a/app'), team, `${host}/team-a/app:v0`);
    lay(lookaside, 'team-a/fake', push('team-a/fake'), gpg, `${host}/team-a/fake:v1`);

    for (const namespace of ['team-a', 'team-b']) expectVerified(await run([`${host}/prod/app:v1`], namespace));
    expectVerified(await run([`${host}/team-a/app:v1`], 'team-a'));
    expectRefused(await run([`${host}/team-a/app:v1`], 'team-b'), 'default', 'rejected', 'REJECTED_BY_POLICY');
    const fake = await run([`${host}/team-a/fake:v1`], 'team-a');
    expect(fake.message).toContain('refused by team-a.json "registry.example.com/team-a": untrusted. ');
    expect(await run(['registry.k8s.io/pause:3'], 'team-b')).toMatchObject({ allowed: true, requests: 0 });
    expect((await run(['busybox'], 'team-a')).message).toContain('refused by team-a.json "default": rejected. ');
  });
});
