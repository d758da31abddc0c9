import { expect } from 'vitest';
import { type Artifact, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish } from '../../src/cli/demo/publish.ts';
import { type Der, utf8String } from '../../src/encoding/der-writer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Json } from '../admission/fixture.ts';
import {
  type CertificateOptions,
  CODE_SIGNING,
  distinguishedName,
  extendedUsage,
  type Issued,
  issue,
  issueRoot,
  NOON,
  usage,
} from '../fixtures/certificates.ts';
import { type SigningOptions, signEnvelope } from '../fixtures/notation/signer.ts';
import type { MisbehavingRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { type Answered, registryFor, type Stage, stage } from '../fixtures/webhook.ts';

const YEAR = 365 * 24 * 3600 * 1000;
const NOTATION_TYPE = 'application/vnd.cncf.notary.signature';

/** The media types of layers with envelopes. */
const LAYER_TYPES = { jws: 'application/jose+json', cose: 'application/cose' } as const;

/** Who signs: a certificate, and those above it up to the root. */
export type NotationSigner = {
  readonly leaf: Issued;
  /** Leaf first. */
  readonly chain: readonly Issued[];
  readonly root: Issued;
};

/** A subject that has what notation's identities must name, and an organisational unit. */
function subjectOf(unit: string, organisation = 'Acme'): Der {
  return distinguishedName(
    ['2.5.4.6', utf8String('US')],
    ['2.5.4.8', utf8String('WA')],
    ['2.5.4.10', utf8String(organisation)],
    ['2.5.4.11', utf8String(unit)],
  );
}

/** Somebody with a certificate right below a root, valid for years. */
export function notationSigner(options: CertificateOptions & { readonly root?: Issued } = {}): NotationSigner {
  const { root = issueRoot('notation root'), ...more } = options;
  const leaf = issue(root, {
    notBefore: NOON - 20 * YEAR,
    notAfter: NOON + 20 * YEAR,
    name: subjectOf('Release'),
    extensions: [usage(0), extendedUsage(CODE_SIGNING)],
    ...more,
  });
  return { leaf, chain: [leaf, root], root };
}

/** A signature as it is made, and how its manifest is written. */
export type Signed = Partial<SigningOptions> & {
  /** The manifest's form: with an artifact type, or with the config's type as notation wrote it first. */
  readonly form?: 'current' | 'legacy';
  /** Changes the manifest that is about to be attached. */
  readonly manifest?: (manifest: Json) => Json;
};

/** What a test says of its world; everything else is as it usually is. */
export type NotationSettings = {
  /** Statements of the trust policy; what one does not say is as in {@link statementOf}. */
  readonly statements?: readonly Json[];
  /** Files of trust stores, `ca/acme/root.pem`; HOST in statements stands for the registry. */
  readonly stores?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly configuration?: Json;
  readonly registry?: MisbehavingRegistry;
};

/** A registry, and the webhook under a trust policy document. */
export type NotationWorld = Stage & {
  /** `HOST/shop/web:v1`. */
  readonly at: (rest: string) => string;
  /** Pushes an image that nobody signed. */
  readonly push: (repository: string, text?: string, tag?: string) => Artifact;
  /** Attaches a signature of an artifact. */
  readonly attach: (repository: string, image: Artifact, by: NotationSigner, how?: Signed) => void;
  /** Pushes an image and signs it. */
  readonly signed: (repository: string, by: NotationSigner, how?: Signed) => Artifact;
};

/** A statement as it is written: strict, for every repository, by the store `ca:acme`, unless it says otherwise. */
export function statementOf(fields: Json = {}): Json {
  return {
    name: 'acme',
    registryScopes: ['*'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
    ...fields,
  };
}

/** Builds one; everything goes with the test. */
export async function notationWorld(settings: NotationSettings = {}): Promise<NotationWorld> {
  const { statements = [{}], stores = {}, files = {}, configuration, registry = await registryFor() } = settings;
  const document = JSON.stringify({ version: '1.0', trustPolicies: statements.map((one) => statementOf(one)) });
  const staged = await stage(
    registry,
    {
      'trustpolicy.json': document.replaceAll('HOST', registry.host),
      ...Object.fromEntries(Object.entries(stores).map(([path, pem]) => [`truststore/x509/${path}`, pem])),
      ...files,
    },
    configuration,
  );
  const push: NotationWorld['push'] = (repository, text = repository, tag = 'v1') =>
    publish(registry, repository, imageArtifact(text), tag);
  const attach: NotationWorld['attach'] = (repository, image, by, how) => {
    attachSignature(registry, repository, image, by, how);
  };
  return {
    ...staged,
    at: (rest) => `${registry.host}/${rest}`,
    push,
    attach,
    signed: (repository, by, how) => {
      const image = push(repository);
      attach(repository, image, by, how);
      return image;
    },
  };
}

/** Signs an artifact as notation does and attaches the signature; where there is no referrers API, by the fallback tag. */
export function attachSignature(
  registry: MisbehavingRegistry,
  repository: string,
  image: Artifact,
  by: NotationSigner,
  { form = 'current', manifest = (same) => same, ...how }: Signed = {},
): void {
  const { kind = 'jws' } = how;
  const bytes = signEnvelope({
    kind,
    chain: by.chain.map(({ der }) => der),
    key: by.leaf.keys.privateKey,
    payload: descriptorOf(image),
    ...how,
  });
  const layer = registry.pushBlob(repository, bytes, LAYER_TYPES[kind]);
  registry.attachReferrer(repository, manifest(manifestOf(image, layer, form)));
}

/** What a signature is about. */
export function descriptorOf({
  mediaType,
  digest,
  manifest,
}: Artifact): Extract<SigningOptions['payload'], { size: number }> {
  return { mediaType, digest, size: manifest.length };
}

function manifestOf(
  image: Artifact,
  { mediaType, digest, size }: { mediaType: string; digest: string; size: number },
  form: 'current' | 'legacy',
): Json {
  const config = { digest: digestOf(Buffer.from('{}')), size: 2 };
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPES.ociManifest,
    ...(form === 'current'
      ? { artifactType: NOTATION_TYPE, config: { mediaType: 'application/vnd.oci.empty.v1+json', ...config } }
      : { config: { mediaType: NOTATION_TYPE, ...config } }),
    layers: [{ mediaType, digest, size }],
    subject: descriptorOf(image),
    annotations: { 'io.cncf.notary.x509chain.thumbprint#S256': '[]' },
  };
}

/** Checks a denial by one statement: the words around it, and the record. */
export function expectRefused(answer: Answered, word: string, code: string, statement = 'acme'): void {
  expect(answer, answer.message).toMatchObject({
    allowed: false,
    code: 403,
    record: { decision: 'denied', wouldDeny: true },
  });
  expect(answer.message).toContain(` refused by trustpolicy.json "${statement}": ${word}. `);
  expect(answer.message).toMatch(new RegExp(`\\[${code}\\]$`));
  const said = answer.record.images.flatMap(({ policies }) => policies);
  const expected = { policy: `trustpolicy.json/${statement}`, mode: 'deny', outcome: word, code };
  expect(said).toContainEqual(expect.objectContaining(expected));
}

/** Checks an admission that the policy has only reported: nothing of who signed, and what stands against it as warnings. */
export function expectAccepted(answer: Answered, ...warnings: readonly string[]): void {
  expect(answer, answer.message).toMatchObject({ allowed: true, message: '', record: { wouldDeny: false } });
  for (const { outcome } of answer.record.images) expect(outcome).toBe('accepted');
  expect(answer.warnings).toEqual(warnings.map((warning) => expect.stringContaining(warning)));
}
