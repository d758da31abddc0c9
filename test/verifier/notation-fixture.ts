import { type Artifact, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish } from '../../src/cli/demo/publish.ts';
import { type Der, utf8String } from '../../src/encoding/der-writer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { TrustRef } from '../../src/model/requirement.ts';
import { NOT_NARROWED } from '../../src/policy/compiled.ts';
import { compileTrustPolicy } from '../../src/policy/dialects/notation/compile.ts';
import { readTrustPolicyValue } from '../../src/policy/dialects/notation/read.ts';
import { notationSet } from '../../src/policy/dialects/notation/set.ts';
import { storePath } from '../../src/policy/dialects/notation/stores.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
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
import type { MemoryRegistry } from '../fixtures/memory-registry.ts';
import { type SigningOptions, signEnvelope } from '../fixtures/notation/signer.ts';

/** The fixtures' day, from which everything here is counted; milliseconds. */
export const DAY = 24 * 3_600_000;

const NOTATION_TYPE = 'application/vnd.cncf.notary.signature';

/** Media types of layers with envelopes. */
export const LAYER_TYPES = { jws: 'application/jose+json', cose: 'application/cose' } as const;

/** Somebody with a certificate right below a root, valid for a year around the fixtures' day. */
export type Signatory = { readonly leaf: Issued; readonly root: Issued };

/** Makes one; `extensions` stand beside those of every signer. */
export function signatory(options: CertificateOptions & { readonly root?: Issued; readonly unit?: string } = {}) {
  const { root = issueRoot('notation root'), unit = 'Release', extensions = [], ...more } = options;
  const leaf = issue(root, {
    notBefore: NOON - 365 * DAY,
    notAfter: NOON + 365 * DAY,
    name: subjectOf(unit),
    ...more,
    extensions: [usage(0), extendedUsage(CODE_SIGNING), ...extensions],
  });
  return { leaf, root } satisfies Signatory;
}

function subjectOf(unit: string): Der {
  return distinguishedName(
    ['2.5.4.6', utf8String('US')],
    ['2.5.4.8', utf8String('WA')],
    ['2.5.4.10', utf8String('Acme')],
    ['2.5.4.11', utf8String(unit)],
  );
}

/** Certificates of stores by `type:name`; what is missing holds nothing that can be used. */
export type Stores = Readonly<Record<string, readonly Issued[]>>;

/** The policies of a document; a statement says what is not as usual: strict, everywhere, by `ca:acme`. */
export function trustPolicy(stores: Stores, ...statements: readonly Readonly<Record<string, unknown>>[]): PolicySet {
  const trustPolicies = statements.map((fields) => ({
    name: 'acme',
    registryScopes: ['*'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
    ...fields,
  }));
  const document = readTrustPolicyValue({ version: '1.0', trustPolicies });
  if (!document.ok) throw new Error(document.failure.message);
  const compiled = compileTrustPolicy(document.value, {
    file: 'trustpolicy.json',
    source: '/etc/notation/trustpolicy.json',
    mode: undefined,
    store: (store) => {
      const [first, ...rest] = (stores[`${store.type}:${store.name}`] ?? []).map(
        ({ pem }): TrustRef => ({ kind: 'inline', text: pem }),
      );
      return first === undefined ? [{ kind: 'unavailable', why: `${storePath(store)} is gone` }] : [first, ...rest];
    },
  });
  return notationSet(compiled.map((policy) => ({ compiled: policy, narrowing: NOT_NARROWED })));
}

/** How a signature is made, and how its manifest is written. */
export type How = Partial<SigningOptions> & {
  /** The layer's media type, where it is to lie. */
  readonly layerType?: string;
};

/** Pushes an image that nobody signed. */
export const push = (memory: MemoryRegistry, repository = 'shop/web', text = repository): Artifact =>
  publish(memory.server, repository, imageArtifact(text), 'v1');

/** Attaches a signature of an artifact. */
export function attach(memory: MemoryRegistry, image: Artifact, by: Signatory, how: How = {}): void {
  const { kind = 'jws', layerType = LAYER_TYPES[kind], ...more } = how;
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
  const bytes = signEnvelope({
    kind,
    chain: [by.leaf.der, by.root.der],
    key: by.leaf.keys.privateKey,
    payload: subject,
    ...more,
  });
  attachLayer(memory, image, bytes, layerType);
}

/** Attaches any bytes as a signature. */
export function attachLayer(memory: MemoryRegistry, image: Artifact, bytes: Uint8Array, mediaType: string): void {
  const layer = memory.server.pushBlob('shop/web', bytes, mediaType);
  memory.server.attachReferrer('shop/web', {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPES.ociManifest,
    artifactType: NOTATION_TYPE,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [{ mediaType, digest: layer.digest, size: layer.size }],
    subject: { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length },
  });
}
