import type { ArtifactLayer } from '../../../src/cli/demo/artifacts.ts';
import {
  createSigner,
  type Signer,
  signatureManifest,
  signedLayer,
  simpleSigningPayload,
} from '../../../src/cli/demo/signer.ts';
import { sigTag } from '../cases/case.ts';
import { pushArtifact } from '../image.ts';
import { butHere, type Case, message, type Place, payload, policyFor, putSignatures, signedBy } from './case.ts';

/** Debian's skopeo has no sigstore in it, so containers/image is asked alone. */
function sigstoreCase(title: string, verdict: 'runs' | 'refused', arrange: Case['arrange']): Case {
  return { title, current: verdict, here: verdict, arrange };
}

/** The key that most cases want. */
export const key = createSigner();
const other = createSigner();
const rsa = createSigner('RSA-4096');

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
const ANY_TAG = { type: 'matchRepository' };

/** A requirement for sigstore signatures of the repository, whatever the tag. */
export function wants(root: object, signedIdentity: object = ANY_TAG): object {
  return { type: 'sigstoreSigned', ...root, signedIdentity };
}
/** The key in the policy itself. */
export const byKey = (signer: Signer = key): object => ({ keyData: base64(signer.publicKeyPem) });

type Said = Readonly<Record<string, unknown>>;

/** One section of registries.d for the registry, and the default. */
const storage = (place: Place, section: Said, otherwise: Said = {}): object => ({
  'a.yaml': {
    docker: { [place.host]: { lookaside: place.store.base('plain'), ...section } },
    'default-docker': otherwise,
  },
});
const ON: Said = { 'use-sigstore-attachments': true };
const OFF: Said = { 'use-sigstore-attachments': false };

/** What is attached, and what is asked for. */
export function attached(
  title: string,
  verdict: 'runs' | 'refused',
  layers: (place: Place) => readonly ArtifactLayer[],
  requirements: (place: Place) => readonly object[] = () => [wants(byKey())],
  files: (place: Place) => object = (place) => storage(place, ON),
): Case {
  return sigstoreCase(title, verdict, async (place) => {
    await attach(place, layers(place));
    return question(place, requirements(place), files(place));
  });
}

const attach = (place: Place, layers: readonly ArtifactLayer[]): Promise<void> =>
  pushArtifact(place.repository, signatureManifest(layers), sigTag(place.image.digest));

function question(place: Place, requirements: readonly object[], files: object) {
  const registriesD = Object.fromEntries(Object.entries(files));
  return { image: `${place.repository}:1`, policy: policyFor(place, ...requirements), registriesD };
}

const layer =
  (signer: Signer = key, name: (place: Place) => string = ({ repository }) => repository) =>
  (place: Place): readonly ArtifactLayer[] => [
    signedLayer(signer, simpleSigningPayload(place.image.digest, name(place))),
  ];
/** A layer by the key, for the repository as cosign names it. */
export const good = layer();
const tagged = layer(key, ({ repository }) => `${repository}:1`);

/** Whether attachments are read at all is for registries.d to say. */
const ATTACHMENTS: readonly Case[] = [
  attached('attachments on', 'runs', good),
  attached('attachments off', 'refused', good, undefined, (place) => storage(place, OFF)),
  attached('attachments not mentioned', 'refused', good, undefined, (place) => storage(place, {})),
  attached('attachments on by default', 'runs', good, undefined, (place) => storage(place, {}, ON)),
  attached('attachments on by default, off for the registry', 'refused', good, undefined, (place) =>
    storage(place, OFF, ON),
  ),
  attached('attachments off by default, on for the registry', 'runs', good, undefined, (place) =>
    storage(place, ON, OFF),
  ),
  attached('attachments on for the repository, which says no more', 'runs', good, undefined, (place) => ({
    'a.yaml': { docker: { [place.host]: { lookaside: place.store.base('plain') }, [place.repository]: ON } },
  })),
  attached('attachments off for the repository, on for the registry', 'refused', good, undefined, (place) => ({
    'a.yaml': { docker: { [place.host]: { ...ON, lookaside: place.store.base('plain') }, [place.repository]: OFF } },
  })),
  attached('attachments on for a wildcard', 'runs', good, undefined, (place) => ({
    'a.yaml': { docker: { '*.0.0.1': { ...ON, lookaside: place.store.base('plain') } } },
  })),
  attached('attachments on for another tag', 'refused', good, undefined, (place) => ({
    'a.yaml': { docker: { [`${place.repository}:2`]: ON, [place.host]: { lookaside: place.store.base('plain') } } },
  })),
];

const paths = (place: Place, ...signers: readonly Signer[]): readonly string[] =>
  signers.map(({ publicKeyPem }, index) => place.folder.write(`${place.name}.${index}.pub`, publicKeyPem));

const KEYS: readonly Case[] = [
  attached('another key', 'refused', layer(other)),
  attached('a key of RSA', 'runs', layer(rsa), () => [wants(byKey(rsa))]),
  attached('a path', 'runs', good, (place) => [wants({ keyPath: paths(place, key)[0] })]),
  attached('paths, the second', 'runs', good, (place) => [wants({ keyPaths: paths(place, other, key) })]),
  attached('keys in the policy, the second', 'runs', good, () => [
    wants({ keyDatas: [base64(other.publicKeyPem), base64(key.publicKeyPem)] }),
  ]),
  attached('keys in the policy, one cannot be loaded', 'refused', good, () => [
    wants({ keyDatas: [base64(key.publicKeyPem), base64('no key')] }),
  ]),
  attached('two requirements, one signature', 'refused', good, () => [wants(byKey()), wants(byKey(other))]),
  attached(
    'two requirements, two signatures',
    'runs',
    (place) => [...good(place), ...layer(other)(place)],
    () => [wants(byKey()), wants(byKey(other))],
  ),
  attached('the name without a tag, as the default asks', 'refused', good, () => [
    { type: 'sigstoreSigned', ...byKey() },
  ]),
  attached('the name with its tag, as the default asks', 'runs', tagged, () => [
    { type: 'sigstoreSigned', ...byKey() },
  ]),
  attached('the name without a tag, exactly', 'refused', good, () => [wants(byKey(), { type: 'matchExact' })]),
  attached('the exact repository', 'runs', good, (place) => [
    wants(byKey(), { type: 'exactRepository', dockerRepository: place.repository }),
  ]),
  attached(
    'remapped',
    'runs',
    layer(key, () => 'vendor.example/app:1'),
    (place) => [
      wants(byKey(), { type: 'remapIdentity', prefix: place.repository, signedPrefix: 'vendor.example/app' }),
    ],
  ),
  attached('an attachment that is none, beside it', 'runs', (place) => [
    { bytes: Buffer.from('a list of parts'), mediaType: 'text/plain' },
    ...good(place),
  ]),
  sigstoreCase('nothing attached', 'refused', (place) => question(place, [wants(byKey())], storage(place, ON))),
];

/** A sigstore signature as `dir:` and lookaside hold it. */
function blob({ bytes, mediaType, annotations }: ArtifactLayer): Buffer {
  const json = JSON.stringify({ mimeType: mediaType, payload: Buffer.from(bytes).toString('base64'), annotations });
  return Buffer.from(`\0sigstore-json\n${json}`);
}

/** What lies in the lookaside, beside or in place of attachments. */
function detached(
  title: string,
  verdict: 'runs' | 'refused',
  blobs: (place: Place) => readonly Uint8Array[],
  files: (place: Place) => object = (place) => storage(place, {}),
  attachedToo = false,
): Case {
  return sigstoreCase(title, verdict, async (place) => {
    putSignatures(place, ...blobs(place));
    if (attachedToo) await attach(place, good(place));
    return question(place, [wants(byKey())], files(place));
  });
}

const text = (value: string) => () => [Buffer.from(value)];

const LOOKASIDE: readonly Case[] = [
  detached('in a lookaside', 'runs', (place) => good(place).map(blob)),
  detached('in a lookaside, by another key', 'refused', (place) => layer(other)(place).map(blob)),
  detached('in a lookaside, no JSON', 'refused', text('\0sigstore-json\n{')),
  detached('in a lookaside, a type that is no signature', 'refused', (place) =>
    good(place).map((one) => blob({ ...one, mediaType: 'text/plain' })),
  ),
  detached('in a lookaside, a type that is no signature, beside a good one', 'runs', (place) =>
    good(place).flatMap((one) => [blob({ ...one, mediaType: 'text/plain' }), blob(one)]),
  ),
  detached('attached, and a page in the lookaside', 'refused', text('<html>'), (place) => storage(place, ON), true),
  detached(
    'attached, and nonsense of a known name in the lookaside',
    'refused',
    text('\0sigstore-json\n{'),
    (place) => storage(place, ON),
    true,
  ),
  detached(
    'attached, and a lookaside that fails',
    'refused',
    () => [],
    (place) => storage(place, { ...ON, lookaside: place.store.base('500') }),
    true,
  ),
  detached(
    'attached, and an empty lookaside',
    'runs',
    () => [],
    (place) => storage(place, ON),
    true,
  ),
];

/** Both kinds of signature, for one image. */
function both(
  title: string,
  verdict: 'runs' | 'refused',
  gpg: 'one' | 'stranger' | 'nobody',
  sigstore: Signer | 'nobody',
): Case {
  return sigstoreCase(title, verdict, async (place) => {
    if (gpg !== 'nobody') putSignatures(place, await message(place, payload(place), gpg));
    if (sigstore !== 'nobody') await attach(place, layer(sigstore)(place));
    return question(place, [signedBy(place.keys.one), wants(byKey())], storage(place, ON));
  });
}

const TOGETHER: readonly Case[] = [
  both('GnuPG and sigstore, signed by both', 'runs', 'one', key),
  both('GnuPG and sigstore, signed by GnuPG', 'refused', 'one', 'nobody'),
  both('GnuPG and sigstore, signed by sigstore', 'refused', 'nobody', key),
  both('GnuPG and sigstore, GnuPG by a stranger', 'refused', 'stranger', key),
  both('GnuPG and sigstore, sigstore by another key', 'refused', 'one', other),
  attached('GnuPG wanted, signed by sigstore', 'refused', good, (place) => [signedBy(place.keys.one)]),
  sigstoreCase('sigstore wanted, signed by GnuPG', 'refused', async (place) => {
    putSignatures(place, await message(place, payload(place)));
    return question(place, [wants(byKey())], storage(place, ON));
  }),
  butHere(
    'runs',
    'attachments under the `.sig` tag where GnuPG alone is asked for',
    sigstoreCase('GnuPG wanted, and attachments that cannot be read', 'refused', async (place) => {
      putSignatures(place, await message(place, payload(place)));
      const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
      const manifest = Buffer.from(JSON.stringify(index));
      const { digest } = place.image;
      await pushArtifact(place.repository, { manifest, mediaType: index.mediaType, digest, blobs: [] }, sigTag(digest));
      return question(place, [signedBy(place.keys.one)], storage(place, ON));
    }),
  ),
];

/** sigstoreSigned, and where its signatures lie (openshift-containers.md §2.3, §3.4, §4). */
export const SIGSTORE_CASES: readonly Case[] = [...ATTACHMENTS, ...KEYS, ...LOOKASIDE, ...TOGETHER];
