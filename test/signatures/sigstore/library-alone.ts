import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle';
import { RFC3161Timestamp, X509Certificate } from '@sigstore/core';
import { type TrustMaterial, toSignedEntity, Verifier } from '@sigstore/verify';
import type { Authority } from '../../../src/trust/sigstore/authority.ts';
import type { TrustedLog } from '../../../src/trust/sigstore/log.ts';
import { type TrustedRoot, UNNAMED_LOG } from '../../../src/trust/sigstore/trusted-root.ts';

/*
 * The oracle: what the library alone says, its own readers and its own chains included. It asks less than is asked here, so
 * whatever is accepted here it must accept too.
 */

/** What it says of a keyless bundle. */
export function libraryAccepts(bytes: Uint8Array, artifact: Uint8Array, root: TrustedRoot): boolean {
  try {
    const json: SerializedBundle = JSON.parse(Buffer.from(bytes).toString());
    new Verifier(materialOf(root)).verify(toSignedEntity(bundleFromJSON(json), Buffer.from(artifact)));
    return true;
  } catch {
    return false;
  }
}

/** What it says of a timestamp over a signature. */
export function libraryAcceptsTimestamp(der: Uint8Array, signature: Uint8Array, root: TrustedRoot): boolean {
  try {
    const publicKey = () => ({ publicKey: anyKey(root), validFor: () => true });
    const verifier = new Verifier({ ...materialOf(root), publicKey }, { tlogThreshold: 0, ctlogThreshold: 0 });
    verifier.verify({
      signature: {
        signature: Buffer.from(signature),
        compareSignature: () => true,
        compareDigest: () => true,
        compareSignedDigest: () => true,
        verifySignature: () => true,
      },
      key: { $case: 'public-key', hint: '' },
      tlogEntries: [],
      timestamps: [{ $case: 'timestamp-authority', timestamp: RFC3161Timestamp.parse(Buffer.from(der)) }],
    });
    return true;
  } catch {
    return false;
  }
}

function anyKey({ logs }: TrustedRoot) {
  const [log] = logs;
  if (log === undefined) throw new Error('a root with a log');
  return log.key;
}

const known = new WeakMap<TrustedRoot, TrustMaterial>();

function materialOf(root: TrustedRoot): TrustMaterial {
  const material = known.get(root) ?? makeMaterial(root);
  known.set(root, material);
  return material;
}

function makeMaterial(root: TrustedRoot): TrustMaterial {
  const authority = ({ chain, window }: Authority) => ({
    certChain: chain.map(({ der }) => X509Certificate.parse(Buffer.from(der))),
    validFor: { start: new Date(window.start), end: new Date(window.end) },
  });
  const log = ({ id, origins, key, window }: TrustedLog) => ({
    logID: Buffer.from(id, 'hex'),
    baseURL: origins === 'any' ? UNNAMED_LOG : origins.join(' '),
    publicKey: key,
    validFor: { start: new Date(window.start), end: new Date(window.end) },
  });
  return {
    certificateAuthorities: root.certificateAuthorities.map(authority),
    timestampAuthorities: root.timestampAuthorities.map(authority),
    tlogs: root.logs.map(log),
    ctlogs: root.certificateLogs.map(log),
    publicKey: () => {
      throw new Error('keyless only');
    },
  };
}
