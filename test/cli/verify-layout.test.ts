import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Artifact, imageArtifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import {
  bundleBytes,
  bundleReferrer,
  createSigner,
  type Signer,
  signatureManifest,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import { describeVectors } from '../fixtures/vectors.ts';
import { keyPolicy } from '../fixtures/webhook.ts';
import { yaml } from '../policy/sources/folder.ts';
import { dirFiles, folderOf, instanceFiles, ociFiles } from '../registry/layout/folders.ts';
import { asDetached } from '../signatures/layout/detached.ts';
import { filesIn, inProcess, run } from './process.ts';

const SAMPLE = '192.168.64.2:5000/cosign-signed-single-sample';
const NAME = 'registry.test/shop/app';

/** What `verify --output json` says of one image. */
type Said = { readonly outcome: string; readonly code: string | null; readonly status: number | null };

async function say(args: readonly string[]): Promise<Said> {
  const { status, out, error } = await inProcess(['verify', '--output', 'json', ...args]);
  if (out === '') throw new Error(error);
  const { images } = JSON.parse(out) as {
    readonly images: readonly {
      readonly outcome: string;
      readonly policies: readonly { readonly code: string | null }[];
    }[];
  };
  return { outcome: images[0]?.outcome ?? '', code: images[0]?.policies[0]?.code ?? null, status };
}

/** A policy.json whose scopes for a transport are given, with `reject` for all else. */
async function policyJson(transport: string, scopes: Readonly<Record<string, readonly object[]>>): Promise<string> {
  const folder = await filesIn({
    'policy.json': JSON.stringify({ default: [{ type: 'reject' }], transports: { [transport]: scopes } }),
  });
  return join(folder, 'policy.json');
}

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const REJECT = [{ type: 'reject' }];

describeVectors(
  'containers-image/fixtures',
  'the folders of containers/image under a policy.json [openshift 5.1]',
  (fixtures) => {
    const file = (name: string) => join(fixtures, name);
    const image = (name: string) => `dir:${file(`dir-img-${name}`)}`;
    const under = async (requirements: readonly object[], name: string): Promise<Said> =>
      say(['--policy', await policyJson('dir', { [fixtures]: requirements }), image(name)]);

    const exactReference = (dockerReference: string) => ({ type: 'exactReference', dockerReference });
    const exactRepository = (dockerRepository: string) => ({ type: 'exactRepository', dockerRepository });
    const gpg = (key: string, signedIdentity: object = exactReference('testing/manifest:latest')) => ({
      type: 'signedBy',
      keyType: 'GPGKeys',
      keyPath: file(key),
      signedIdentity,
    });
    const sigstore = (fields: object, repository = SAMPLE) => ({
      type: 'sigstoreSigned',
      signedIdentity: exactRepository(repository),
      ...fields,
    });
    const key = (name: string) => ({ keyPath: file(name) });

    const fulcio = (subjectEmail: string) =>
      sigstore(
        {
          fulcio: { caPath: file('fulcio_v1.crt.pem'), oidcIssuer: 'https://github.com/login/oauth', subjectEmail },
          rekorPublicKeyPath: file('rekor.pub'),
        },
        '192.168.64.2:5000/cosign-signed/fulcio-rekor-1',
      );
    const pki = (subjectHostname: string) =>
      sigstore(
        {
          pki: {
            caRootsPath: file('pki_root_crts.pem'),
            caIntermediatesPath: file('pki_intermediate_crts.pem'),
            subjectHostname,
          },
        },
        'localhost:5000/test',
      );
    const logged = sigstore(
      { ...key('cosign2.pub'), rekorPublicKeyPath: file('rekor.pub') },
      '192.168.64.2:5000/cosign-signed/key-1',
    );

    const verified = { outcome: 'verified', code: null, status: 0 };
    it.each<readonly [string, string, object]>([
      ['valid', 'its key and name', gpg('public-key.gpg')],
      ['valid', 'the same key in binary form', gpg('public-key-1.gpg')],
      ['valid', 'a ring that has its key', gpg('pubring.gpg')],
      ['valid', 'its repository', gpg('public-key.gpg', exactRepository('testing/manifest'))],
      ['valid-2', 'the key of both its signatures', gpg('public-key.gpg')],
      ['mixed', 'the key of its second signature', gpg('public-key.gpg')],
      ['valid-subkey', 'the key whose subkey signed', gpg('public-key-with-subkey.gpg')],
      ['cosign-valid', 'its key', sigstore(key('cosign.pub'))],
      ['cosign-valid-2', 'its key', sigstore(key('cosign.pub'))],
      ['cosign-mixed', 'the key of its second signature', sigstore(key('cosign.pub'))],
      [
        'cosign-valid-with-tag',
        'the tag that was signed',
        { ...sigstore(key('cosign.pub')), signedIdentity: exactReference('192.168.64.2:5000/skopeo-signed:tag') },
      ],
      ['cosign-key-rekor-valid', 'its key and log', logged],
      ['cosign-fulcio-rekor-valid', 'its authority, address and log', fulcio('mitr@redhat.com')],
      ['cosign-pki-valid', 'its authority and host', pki('myhost.example.com')],
    ])('admits dir-img-%s by %s', async (name, _, requirement) => {
      expect(await under([requirement], name)).toEqual(verified);
    });

    it.each<readonly [string, string, object, Omit<Said, 'status'>, number]>([
      ['valid', 'another key', gpg('public-key-2.gpg'), { outcome: 'untrusted', code: 'SIGNATURE_MISMATCH' }, 1],
      [
        'valid',
        'another tag',
        gpg('public-key.gpg', exactReference('testing/manifest:other')),
        { outcome: 'untrusted', code: 'NAME_MISMATCH' },
        1,
      ],
      ['unsigned', 'any key', gpg('public-key.gpg'), { outcome: 'unsigned', code: 'UNSIGNED' }, 1],
      [
        'modified-manifest',
        'its key',
        gpg('public-key.gpg'),
        { outcome: 'invalid', code: 'PAYLOAD_DIGEST_MISMATCH' },
        1,
      ],
      ['no-manifest', 'its key', gpg('public-key.gpg'), { outcome: 'error', code: 'LAYOUT_UNUSABLE' }, 3],
      [
        'manifest-digest-error',
        'its key',
        gpg('public-key.gpg'),
        { outcome: 'error', code: 'MEDIA_TYPE_UNSUPPORTED' },
        3,
      ],
      [
        'valid-subkey',
        'the key of others',
        gpg('public-key.gpg'),
        { outcome: 'untrusted', code: 'SIGNATURE_MISMATCH' },
        1,
      ],
      [
        'valid',
        'a sigstore key: its signature is of another kind',
        sigstore(key('cosign.pub')),
        { outcome: 'unsigned', code: 'UNSIGNED' },
        1,
      ],
      [
        'cosign-valid',
        'another key',
        sigstore(key('cosign2.pub')),
        { outcome: 'untrusted', code: 'SIGNATURE_MISMATCH' },
        1,
      ],
      [
        'cosign-valid',
        'an OpenPGP key: its signature is of another kind',
        gpg('public-key.gpg'),
        { outcome: 'unsigned', code: 'UNSIGNED' },
        1,
      ],
      [
        'cosign-modified-manifest',
        'its key',
        sigstore(key('cosign.pub')),
        { outcome: 'invalid', code: 'PAYLOAD_DIGEST_MISMATCH' },
        1,
      ],
      ['cosign-no-manifest', 'its key', sigstore(key('cosign.pub')), { outcome: 'error', code: 'LAYOUT_UNUSABLE' }, 3],
      [
        'cosign-manifest-digest-error',
        'its key',
        sigstore(key('cosign.pub')),
        { outcome: 'error', code: 'MEDIA_TYPE_UNSUPPORTED' },
        3,
      ],
      [
        'cosign-other-attachment',
        'its key [openshift 65]',
        sigstore(key('cosign.pub')),
        { outcome: 'unsigned', code: 'UNSIGNED' },
        1,
      ],
      [
        'cosign-fulcio-rekor-valid',
        'another address',
        fulcio('other@redhat.com'),
        { outcome: 'untrusted', code: 'IDENTITY_MISMATCH' },
        1,
      ],
      [
        'cosign-pki-valid',
        'another host',
        pki('other.example.com'),
        { outcome: 'untrusted', code: 'IDENTITY_MISMATCH' },
        1,
      ],
    ])('refuses dir-img-%s by %s', async (name, _, requirement, said, status) => {
      expect(await under([requirement], name)).toEqual({ ...said, status });
    });

    it('admits by two requirements only where both hold', async () => {
      const both = (other: object) => under([gpg('public-key.gpg'), other], 'valid-2');
      expect(await both(gpg('public-key-1.gpg'))).toEqual(verified);
      expect(await both(gpg('public-key-2.gpg'))).toMatchObject({ outcome: 'untrusted', status: 1 });
      expect(await both({ type: 'reject' })).toMatchObject({ outcome: 'rejected', status: 1 });
    });

    it.each(['matchExact', 'matchRepoDigestOrExact', 'matchRepository'])(
      'has no name that %s could compare with, and one under --as',
      async (type) => {
        const requirement = gpg('public-key.gpg', { type });
        expect(await under([requirement], 'valid')).toEqual({ outcome: 'untrusted', code: 'NAME_MISMATCH', status: 1 });
        const policy = await policyJson('docker', { 'docker.io/testing': [requirement] });
        const as = (name: string) => say(['--policy', policy, '--as', name, image('valid')]);
        expect(await as('testing/manifest:latest')).toEqual(verified);
        expect(await as('testing/manifest')).toEqual(verified);
        expect(await as('testing/other:latest')).toMatchObject({ outcome: 'untrusted', code: 'NAME_MISMATCH' });
        // The scopes of folders do not name what the image is called.
        expect(await as('example.com/testing/manifest')).toMatchObject({ outcome: 'rejected' });
      },
    );
  },
);

describe('a policy.json and folders', () => {
  const image = imageArtifact('one');

  it('decides by the most specific folder, then by the transport, then by default, and never by "/"', async () => {
    const path = await folderOf(dirFiles(image));
    const parent = join(path, '..');
    const under = async (scopes: Readonly<Record<string, readonly object[]>>, transport = 'dir') =>
      (await say(['--policy', await policyJson(transport, scopes), `dir:${path}`])).outcome;
    expect(await under({ [path]: ACCEPT, [parent]: REJECT, '': REJECT })).toBe('accepted');
    expect(await under({ [path]: REJECT, [parent]: ACCEPT, '': ACCEPT })).toBe('rejected');
    expect(await under({ [parent]: ACCEPT, '': REJECT })).toBe('accepted');
    expect(await under({ '': ACCEPT })).toBe('accepted');
    expect(await under({ [`${path}x`]: ACCEPT, [path.slice(0, -1)]: ACCEPT })).toBe('rejected');
    expect(await under({ [path]: ACCEPT, '': ACCEPT }, 'oci')).toBe('rejected');
    expect(await under({ [path]: ACCEPT, '': ACCEPT }, 'docker')).toBe('rejected');
    expect(await under({ [path]: ACCEPT, '': ACCEPT }, 'DIR')).toBe('rejected');
  });

  it('decides by the real path of a folder, however it is named', async () => {
    const path = await folderOf(dirFiles(image));
    const policy = await policyJson('dir', { [path]: ACCEPT });
    expect(await say(['--policy', policy, `dir:${path}/./../${path.split('/').at(-1)}/`])).toMatchObject({ status: 0 });
  });

  it('decides on an OCI layout by its folder, whichever image in it is meant, as skopeo does', async () => {
    const path = await folderOf(ociFiles([{ artifact: image, name: 'v1' }]));
    const policy = await policyJson('oci', { [path]: ACCEPT, [`${path}:v1`]: REJECT });
    const { status, error } = await inProcess(['verify', '--policy', policy, `oci:${path}:v1`, `oci:${path}`]);
    expect(status).toBe(0);
    expect(error).toContain(`"${path}:v1" can never match an image`);
  });

  it('says in its refusal which folder it refuses, with odd characters escaped', async () => {
    const path = await folderOf({ 'a\nb/manifest.json': image.manifest });
    const policy = await policyJson('docker', { '': ACCEPT });
    const { out, status } = await inProcess(['verify', '--policy', policy, `dir:${path}/a\nb`]);
    expect(status).toBe(1);
    expect(out).toContain(`Running image dir:${path}/a\\u000ab is rejected by policy.`);
  });

  it('is a policy error where a key for a folder is not there, as it is for an image', async () => {
    const missing = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/nonexistent/key.gpg' }];
    const folder = await folderOf(dirFiles(image));
    const policy = await policyJson('dir', { [folder]: missing });
    const { status, error } = await inProcess(['verify', '--policy', policy, `dir:${folder}`]);
    expect(status).toBe(2);
    expect(error).toContain('/nonexistent/key.gpg');
  });
});

describe('verify --as', () => {
  const release = createSigner();
  const other = createSigner();
  const image = imageArtifact('one');
  const layerBy = (signer: Signer, of: Artifact = image, name = NAME) =>
    signedLayer(signer, simpleSigningPayload(of.digest, name));
  const bundle = bundleReferrer(image, bundleBytes(release, signStatement(image.digest)));

  const openShift = async (scopes: readonly string[] = ['registry.test/shop']) => {
    const folder = await filesIn({ 'policy.yaml': yaml(keyPolicy({ name: 'release', scopes, signer: release })) });
    return join(folder, 'policy.yaml');
  };
  const as = async (name: string, folder: string, policy?: string) =>
    say(['--policy', policy ?? (await openShift()), '--as', name, folder]);
  const verified = { outcome: 'verified', code: null, status: 0 };

  it('finds cosign signatures in a folder of skopeo, and judges them as in a registry', async () => {
    const folder = async (signer: Signer, of: Artifact = image, name = NAME) =>
      `dir:${await folderOf(dirFiles(image, [asDetached(layerBy(signer, of, name))]))}`;
    expect(await as(`${NAME}:v1`, await folder(release))).toEqual(verified);
    expect(await as(`${NAME}:v1`, await folder(other))).toMatchObject({ code: 'SIGNATURE_MISMATCH', status: 1 });
    expect(await as(`${NAME}:v1`, await folder(release, imageArtifact('two')))).toMatchObject({
      code: 'PAYLOAD_DIGEST_MISMATCH',
    });
    expect(await as(`${NAME}:v1`, await folder(release, image, 'registry.test/shop/other'))).toMatchObject({
      code: 'NAME_MISMATCH',
    });
    expect(await as(`${NAME}:v1`, `dir:${await folderOf(dirFiles(image))}`)).toMatchObject({ code: 'UNSIGNED' });
  });

  it('finds cosign signatures by tag and bundles in an OCI layout', async () => {
    const tagged = signatureManifest([layerBy(release)]);
    const files = ociFiles([
      { artifact: image, name: 'v1' },
      { artifact: tagged, name: signatureTag(image.digest, '') },
    ]);
    expect(await as(`${NAME}:v1`, `oci:${await folderOf(files)}`)).toEqual(verified);
    expect(await as(`${NAME}:v1`, `oci:${await folderOf(files)}:v1`)).toEqual(verified);
    expect(await as(`${NAME}:v1`, `oci:${await folderOf(files)}@${image.digest}`)).toEqual(verified);

    const annotations = { 'countersign.dev/unnamed-signatures': 'accept' };
    const unnamed = keyPolicy({ name: 'release', scopes: ['registry.test'], signer: release, annotations });
    const accepting = join(await filesIn({ 'policy.yaml': yaml(unnamed) }), 'policy.yaml');
    const bundled = `oci:${await folderOf(ociFiles([{ artifact: image }, { artifact: bundle }]))}`;
    expect(await as(`${NAME}:v1`, bundled, accepting)).toEqual(verified);
    expect(await as(`${NAME}:v1`, bundled)).toMatchObject({ code: 'NAME_ABSENT', status: 1 });
  });

  it('reads the signatures of an OCI layout under a policy.json as well', async () => {
    const tagged = signatureManifest([layerBy(release)]);
    const keyData = Buffer.from(release.publicKeyPem).toString('base64');
    const require = [{ type: 'sigstoreSigned', keyData, signedIdentity: { type: 'matchRepository' } }];
    const policy = await policyJson('docker', { 'registry.test': require });
    const sig = { artifact: tagged, name: signatureTag(image.digest, '') };
    expect(await as(`${NAME}:v1`, `oci:${await folderOf(ociFiles([{ artifact: image }, sig]))}`, policy)).toEqual(
      verified,
    );
    expect(await as(`${NAME}:v1`, `oci:${await folderOf(ociFiles([{ artifact: image }]))}`, policy)).toMatchObject({
      code: 'UNSIGNED',
    });
    const broken = ociFiles([{ artifact: image }, { ...sig, artifact: imageArtifact('no signature') }]);
    expect((await as(`${NAME}:v1`, `oci:${await folderOf(broken)}`, policy)).status).toBe(1);
  });

  it('lets every instance of an index stand for it, each with its own signatures', async () => {
    const two = imageArtifact('two');
    const index = indexArtifact([{ image }, { image: two }]);
    const signed = (of: Artifact) => [asDetached(layerBy(release, of))];
    const folder = async (...parts: readonly object[]) => `dir:${await folderOf(Object.assign({}, ...parts))}`;
    const whole = await folder(dirFiles(index), instanceFiles(image, signed(image)), instanceFiles(two, signed(two)));
    expect(await as(`${NAME}:v1`, whole)).toEqual(verified);
    const onIndex = await folder(dirFiles(index, signed(index)), instanceFiles(image), instanceFiles(two));
    expect(await as(`${NAME}:v1`, onIndex)).toEqual(verified);
    const half = await folder(dirFiles(index), instanceFiles(image, signed(image)), instanceFiles(two));
    expect(await as(`${NAME}:v1`, half)).toMatchObject({ outcome: 'unsigned', status: 1 });
    const swapped = await folder(dirFiles(index), instanceFiles(image, signed(two)), instanceFiles(two, signed(image)));
    expect(await as(`${NAME}:v1`, swapped)).toMatchObject({ outcome: 'invalid', code: 'PAYLOAD_DIGEST_MISMATCH' });
    const missing = await folder(dirFiles(index), instanceFiles(image, signed(image)));
    expect(await as(`${NAME}:v1`, missing)).toMatchObject({ outcome: 'error', status: 3 });
  });

  it('holds the folder to the digest of the name', async () => {
    const folder = `dir:${await folderOf(dirFiles(image, [asDetached(layerBy(release))]))}`;
    expect(await as(`${NAME}@${image.digest}`, folder)).toEqual(verified);
    expect(await as(`${NAME}:v1@${image.digest}`, folder)).toEqual(verified);
    expect(await as(`${NAME}@${imageArtifact('two').digest}`, folder)).toEqual({
      outcome: 'error',
      code: 'DIGEST_MISMATCH',
      status: 3,
    });
  });

  it('is a wrong call without exactly one folder, with a name that is none, and for review', async () => {
    const policy = ['--policy', await openShift()];
    const folder = `dir:${await folderOf(dirFiles(image))}`;
    for (const [args, words] of [
      [['--as', NAME], 'at least one image'],
      [['--as', NAME, 'ghcr.io/a/b'], 'exactly one folder'],
      [['--as', NAME, folder, folder], 'exactly one folder'],
      [['--as', 'UPPER CASE', folder], '--as: '],
      [['--as', '', folder], '--as: '],
    ] as const) {
      const { status, error, out } = await inProcess(['verify', ...policy, ...args]);
      expect({ status, out }, args.join()).toEqual({ status: 2, out: '' });
      expect(error).toContain(words);
    }
    expect(await inProcess(['review', ...policy, '--as', NAME, '-'])).toMatchObject({ status: 2 });
  });
});

describe('verify of a folder', () => {
  const image = imageArtifact('one');

  it('is a wrong call where no policy can name a folder, and says what to do: nothing may pass for want of a policy', async () => {
    const folder = await folderOf(dirFiles(image));
    const policies = await filesIn({
      'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: ['registry.test'], signer: createSigner() })),
    });
    const { status, error, out } = await inProcess([
      'verify',
      '--policy',
      join(policies, 'policy.yaml'),
      `dir:${folder}`,
    ]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain('nothing but a policy.json can name a folder');
    expect(error).toContain('--as IMAGE');
  });

  it('says which policies were not asked where a policy.json stands beside them', async () => {
    const folder = await folderOf(dirFiles(image));
    const policies = await filesIn({
      'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: ['registry.test'], signer: createSigner() })),
      'policy.json': JSON.stringify({ default: ACCEPT }),
    });
    const { status, error } = await inProcess(['verify', '--policy', policies, `dir:${folder}`]);
    expect(status).toBe(0);
    expect(error).toContain('not asked, since they name no folders: OpenShift image policies');
  });

  it('is a wrong call where there is no folder, whatever else is asked for', async () => {
    const policy = await policyJson('dir', { '': ACCEPT });
    for (const wrong of ['dir:/nonexistent/folder', 'dir:', 'oci:', 'oci:/nonexistent:v1', `dir:${policy}`]) {
      const { status, out } = await inProcess(['verify', '--policy', policy, 'free.example/x:1', wrong]);
      expect({ status, out }, wrong).toEqual({ status: 2, out: '' });
    }
  });

  it('prints JSON of the shape that scripts rely on, images and folders side by side', async () => {
    const folder = await folderOf(dirFiles(image, [Buffer.from('<html>')]));
    const requirement = { type: 'signedBy', keyType: 'GPGKeys', keyData: 'AAAA' };
    const policy = await policyJson('dir', { [folder]: [requirement] });
    const { out, status } = await inProcess([
      'verify',
      '--policy',
      policy,
      '-o',
      'json',
      `dir:${folder}`,
      'free.example/x:1',
    ]);
    expect(status).toBe(1);
    const said = JSON.parse(out);
    expect(Object.keys(said)).toEqual(['allowed', 'images', 'objects', 'warnings']);
    expect(said).toMatchObject({
      allowed: false,
      images: [
        { image: `dir:${folder}`, path: 'argument 1', outcome: 'error', digest: image.digest },
        { image: 'free.example/x:1', path: 'argument 2', outcome: 'rejected', digest: null },
      ],
    });
    for (const one of said.images)
      expect(Object.keys(one)).toEqual(['image', 'path', 'digest', 'outcome', 'policies', 'findings']);
  });

  it('needs no network and asks for none: not even where it may not have any', async () => {
    const signer = createSigner();
    const layer = signedLayer(signer, simpleSigningPayload(image.digest, NAME));
    const folder = await folderOf(dirFiles(image, [asDetached(layer)]));
    const policies = await filesIn({
      'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: ['127.0.0.1:5000'], signer })),
      'policy.json': JSON.stringify({ default: ACCEPT }),
    });
    const flags = ['--permission', '--allow-fs-read=*'];
    const verify = (...args: readonly string[]) => run(['verify', '-o', 'json', ...args], '', flags);
    const own = await verify('--policy', join(policies, 'policy.yaml'), '--as', `${NAME}:v1`, `dir:${folder}`);
    expect(own).toMatchObject({ status: 0 });
    expect(await verify('--policy', join(policies, 'policy.json'), `dir:${folder}`)).toMatchObject({ status: 0 });
    // The same flags keep what does ask from its answer.
    const asks = await verify('--policy', join(policies, 'policy.yaml'), '127.0.0.1:5000/app:v1');
    expect(asks).toMatchObject({ status: 3 });
  });

  it('is for the command line alone: a pod that names a folder gets no folder', async () => {
    const folder = await folderOf(dirFiles(image));
    const layout = await folderOf(ociFiles([{ artifact: image, name: 'v1' }]));
    const policies = await filesIn({
      'policy.json': JSON.stringify({
        default: REJECT,
        transports: { dir: { '': ACCEPT }, oci: { '': ACCEPT } },
      }),
    });
    const review = async (of: string) => {
      const manifest = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: { containers: [{ name: 'c', image: of }] },
      };
      return inProcess(['review', '--policy', join(policies, 'policy.json'), '-'], JSON.stringify(manifest));
    };
    expect(await review(`dir:${folder}`)).toMatchObject({
      status: 3,
      out: expect.stringContaining('REFERENCE_INVALID'),
    });
    expect(await review(`oci:${layout}:v1`)).toMatchObject({
      status: 3,
      out: expect.stringContaining('REFERENCE_INVALID'),
    });
    expect(await review('oci:v1')).toMatchObject({
      status: 1,
      out: expect.stringContaining('docker.io/library/oci:v1'),
    });
  });

  it('takes an image whose name begins so for an image where its registry is written', async () => {
    const policy = await policyJson('docker', { 'docker.io/library/oci': ACCEPT });
    expect(await say(['--policy', policy, 'docker.io/library/oci:v1'])).toMatchObject({ outcome: 'accepted' });
  });
});
