import { signStatement, simpleSigningPayload } from '../../../src/cli/demo/signer.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { around, YEAR } from '../../fixtures/sigstore/instance.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import { type Attached, attached, type Case, each, leaf, one, SIGSTORE, type Target } from './case.ts';

const OTHER = digestOf(Buffer.from('another image'));
const { at } = SIGSTORE;
const PREDICATE = 'any DSSE bundle by the right key, such as an SBOM';
const STRICT = 'unknown members, duplicate keys or a missing `optional` in a simple-signing payload';
const TYPE = 'a simple-signing payload of another `type`, or of none';
const CAPITALS = 'a digest in capitals in a statement, for cosign v2';
const UNKNOWN = 'members of a bundle that nobody knows';
const UNTYPED = 'a statement without `_type`';
const ANNOTATED = 'annotations of a statement, for cosign v2';
const VERSION = 'bundles of versions 0.1 and 0.2 that refer to an image';

const says = (
  title: string,
  cosign: Case['cosign'],
  claims: (target: Target) => Uint8Array,
  extra: Partial<Case> = {},
) => one('layer', title, cosign, (target) => ({ claims: claims(target) }), extra);
const states = (
  title: string,
  cosign: Case['cosign'],
  claims: (target: Target) => Uint8Array,
  extra: Partial<Case> = {},
) => each(title, cosign, (target) => ({ claims: claims(target) }), { forms: ['bundle', 'tiles'], ...extra });
const statement = (change: (json: Json) => void) => (target: Target) => {
  const json = JSON.parse(Buffer.from(signStatement(target.digest)).toString());
  change(json);
  return Buffer.from(JSON.stringify(json));
};
const payload =
  (from: string, to: string) =>
  ({ digest, repository }: Target) => {
    const text = Buffer.from(simpleSigningPayload(digest, repository)).toString();
    if (!text.includes(from)) throw new Error(`a payload does not hold ${from}`);
    return Buffer.from(text.replace(from, to));
  };
const finished = (title: string, cosign: Case['cosign'], finish: (json: Json) => void, extra: Partial<Case> = {}) =>
  one('bundle', title, cosign, { finish }, extra);
const version = (json: Json, text: string, chain = true) => {
  json.mediaType = `application/vnd.dev.sigstore.bundle+json;version=${text}`;
  if (!chain) return;
  const { certificate, ...material } = json.verificationMaterial;
  json.verificationMaterial = { ...material, x509CertificateChain: { certificates: [certificate] } };
};

/** What a signature says, and how it is written. */
export const CLAIM_CASES: readonly Case[] = [
  says('a layer for another image', 'refused', ({ repository }) => simpleSigningPayload(OTHER, repository)),
  says('a layer for another repository', 'runs', ({ digest }) => simpleSigningPayload(digest, 'elsewhere.example/app')),
  says('a layer for no repository', 'runs', ({ digest }) => simpleSigningPayload(digest, '')),
  says(
    'a layer with annotations',
    'runs',
    ({ digest, repository }) => simpleSigningPayload(digest, repository, { env: 'prod' }),
    { asks: { annotations: { env: 'prod' } } },
  ),
  says(
    'a layer with another annotation',
    'refused',
    ({ digest, repository }) => simpleSigningPayload(digest, repository, { env: 'dev' }),
    { asks: { annotations: { env: 'prod' } } },
  ),
  says(
    'a layer without the annotation',
    'refused',
    ({ digest, repository }) => simpleSigningPayload(digest, repository),
    { asks: { annotations: { env: 'prod' } } },
  ),
  says('a layer of another type', 'runs', payload('cosign container image', 'atomic container'), {
    here: 'refused',
    differs: TYPE,
  }),
  says('a layer with a member that nobody knows', 'runs', payload('{"critical"', '{"more":1,"critical"'), {
    here: 'refused',
    differs: STRICT,
  }),
  says('a layer with the digest twice', 'refused', (target) =>
    payload(
      '"docker-manifest-digest":',
      `"docker-manifest-digest":"${target.digest}","docker-manifest-digest":`,
    )({ ...target, digest: OTHER }),
  ),
  says('a layer that is no JSON', 'refused', () => Buffer.from('hello')),
  one('layer', 'a layer with a changed signature', 'refused', {
    signature: (bytes) => {
      bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
      return bytes;
    },
  }),
  one('layer', 'a layer without signature', 'refused', {
    finish: (json) => delete json['dev.cosignproject.cosign/signature'],
  }),
  one('layer', 'a layer with an empty signature', 'refused', {
    finish: (json) => (json['dev.cosignproject.cosign/signature'] = ''),
  }),

  ...states('a statement about another image', 'refused', () => signStatement(OTHER)),
  ...states(
    'a statement about two images, one of them this',
    'runs',
    statement((json) => json.subject.unshift({ digest: { sha256: OTHER.slice(7) } })),
  ),
  ...states(
    'a statement about nothing',
    'refused',
    statement((json) => (json.subject = [])),
  ),
  ...states(
    'a statement with the digest in capitals',
    'refused',
    statement((json) => (json.subject[0].digest.sha256 = json.subject[0].digest.sha256.toUpperCase())),
    { cosign2: 'runs', differs: CAPITALS },
  ),
  ...states(
    'a statement with the digest under another name',
    'refused',
    statement((json) => (json.subject[0].digest = { sha512: json.subject[0].digest.sha256 })),
  ),
  ...states(
    'a statement without predicate',
    'runs',
    statement((json) => delete json.predicate),
  ),
  ...states(
    'a statement of the older version',
    'runs',
    statement((json) => (json._type = 'https://in-toto.io/Statement/v0.1')),
  ),
  ...states(
    'a statement of no type',
    'runs',
    statement((json) => delete json._type),
    { here: 'refused', differs: UNTYPED },
  ),
  ...states('an SBOM', 'runs', ({ digest }) => signStatement(digest, 'https://spdx.dev/Document'), {
    here: 'refused',
    differs: PREDICATE,
  }),
  ...states('a statement that is no JSON', 'refused', () => Buffer.from('hello')),
  ...states(
    "a statement with a subject's annotations",
    'runs',
    statement((json) => (json.subject[0].annotations = { env: 'prod' })),
    { asks: { annotations: { env: 'prod' } } },
  ),
  ...states(
    'a statement with other annotations',
    'refused',
    statement((json) => (json.subject[0].annotations = { env: 'dev' })),
    { asks: { annotations: { env: 'prod' } }, cosign2: 'runs', differs: ANNOTATED },
  ),
  ...states(
    'a statement without annotations',
    'refused',
    statement(() => undefined),
    { asks: { annotations: { env: 'prod' } }, cosign2: 'runs', differs: ANNOTATED },
  ),

  finished('a changed signature', 'refused', (json) => {
    const [first] = json.dsseEnvelope.signatures;
    first.sig = first.sig.replace(/^.{8}/, 'MEUCIQCA');
  }),
  finished('two signatures', 'refused', (json) => json.dsseEnvelope.signatures.push(json.dsseEnvelope.signatures[0])),
  finished('no signature in the envelope', 'refused', (json) => (json.dsseEnvelope.signatures = [])),
  finished('another payload type', 'refused', (json) => (json.dsseEnvelope.payloadType = 'application/json')),
  finished(
    'another payload',
    'refused',
    (json) => (json.dsseEnvelope.payload = Buffer.from(signStatement(OTHER)).toString('base64')),
  ),
  finished('a message instead of an envelope', 'refused', (json) => {
    const [{ sig: signature }] = json.dsseEnvelope.signatures;
    json.messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: OTHER }, signature };
    delete json.dsseEnvelope;
  }),
  finished('no media type', 'refused', (json) => delete json.mediaType),
  finished(
    'a media type of the future',
    'refused',
    (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle.v0.9+json'),
  ),
  finished('version 0.3 in its older spelling', 'runs', (json) => version(json, '0.3', false)),
  finished('version 0.2', 'refused', (json) => version(json, '0.2'), { here: 'runs', differs: VERSION }),
  finished('version 0.1', 'refused', (json) => version(json, '0.1'), { here: 'runs', differs: VERSION }),
  finished('a member that nobody knows', 'refused', (json) => (json.more = 1), { here: 'runs', differs: UNKNOWN }),
  {
    title: 'a good bundle of another image',
    form: 'bundle',
    cosign: 'refused',
    attach: (target): readonly Attached[] => [attached('bundle', { ...target, digest: OTHER })],
  },
  {
    title: 'a good layer of another image',
    form: 'layer',
    cosign: 'refused',
    attach: (target): readonly Attached[] => [attached('layer', { ...target, digest: OTHER })],
  },
  one('bundle', 'an index of the log that was used before', 'runs', { leaf: leaf(around(at, YEAR)) }),
];
