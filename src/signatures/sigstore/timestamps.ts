import { RFC3161Timestamp } from '@sigstore/core';
import type { NonEmpty } from '../../model/requirement.ts';
import type { PublicKey } from '../../trust/public-key.ts';
import type { TimestampAuthority } from '../../trust/sigstore/authority.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { within } from '../../trust/sigstore/validity-window.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { chainAt, trustedChains } from '../../trust/x509/chain.ts';
import { contentOf, countElements, TAG } from '../../trust/x509/der.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';

/** A timestamp, read; nothing of it is verified. */
export type ReadTimestamp = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Whom it names as its signer: a certificate's serial number and its issuer, hexadecimal. */
  readonly signer: { readonly serial: string; readonly issuer: string };
  readonly token: RFC3161Timestamp;
};

/** Timestamps are some kilobytes with their certificates; bytes. */
const MAXIMUM_BYTES = 32 * 1024;

/**
 * One with four certificates has some 800 elements. The library's reader takes microseconds for each, and more for an octet
 * string with no DER in it.
 */
const MAXIMUM_ELEMENTS = 2048;

/**
 * Reads RFC 3161 responses. Only those that say "granted" are timestamps (RFC 3161 §2.4.2), which the library does not ask.
 * @param ders attacker-controlled
 */
export function readTimestamps(ders: readonly Uint8Array[]): Verified<readonly ReadTimestamp[]> {
  const read: ReadTimestamp[] = [];
  for (const der of ders) {
    const count = der.length > MAXIMUM_BYTES ? undefined : countElements(der, MAXIMUM_ELEMENTS);
    if (count === undefined || count > MAXIMUM_ELEMENTS) return invalid('cannot be read');
    const timestamp = readTimestamp(der);
    if (timestamp === undefined) return invalid('cannot be read');
    read.push(timestamp);
  }
  return verified(read);
}

/** Reads every part that is asked for later, since the library throws where one is missing. */
function readTimestamp(der: Uint8Array): ReadTimestamp | undefined {
  try {
    const token = RFC3161Timestamp.parse(Buffer.from(der));
    if (token.status !== 0n && token.status !== 1n) return undefined;
    const at = token.signingTime.getTime();
    const signer = { serial: token.signerSerialNumber.toString('hex'), issuer: token.signerIssuer.toString('hex') };
    return Number.isNaN(at) ? undefined : { at, signer, token };
  } catch {
    return undefined;
  }
}

/**
 * What stands against the timestamps of a signature: each must be of an authority that is trusted for its time, and over
 * these bytes; and none may be there twice.
 *
 * The library asks the same of the signature, and less of the authority: it passes over extended key usages, and over critical
 * extensions above the signer, and traces the authority to its root anew with every timestamp.
 * @param signature what they must be over: the raw bytes, of an envelope's signature too
 * @see RFC 3161 §2.3, §2.4.2; sigstore client specification §4.2
 * @returns the refusal, or undefined where all hold
 */
export async function timestampProblem(
  timestamps: readonly ReadTimestamp[],
  signature: Uint8Array,
  root: TrustedRoot,
): Promise<RefusedBundle | undefined> {
  const distinct = new Set(timestamps.map(({ at, signer: { serial, issuer } }) => `${at} ${serial} ${issuer}`));
  if (distinct.size < timestamps.length) return invalid('is there twice');
  for (const timestamp of timestamps) {
    const problem = await problemOf(timestamp, Buffer.from(signature), root);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Several authorities may have one signer, with other windows or other roots above it: one that holds is enough. */
async function problemOf(
  timestamp: ReadTimestamp,
  signature: Buffer,
  root: TrustedRoot,
): Promise<RefusedBundle | undefined> {
  let problem = 'is by nobody who is trusted';
  for (const authority of root.timestampAuthorities) {
    // Certificates in the token are not looked at: its signer is trusted because the root has him.
    if (!isNamed(timestamp, authority.chain[0])) continue;
    const against = await authorityProblem(authority, root, timestamp.at);
    if (against === undefined && isSigned(timestamp, signature, authority)) return undefined;
    problem = against ?? 'is over something else, or does not verify';
  }
  return invalid(problem);
}

function isNamed({ signer }: ReadTimestamp, { serial, issuer }: Certificate): boolean {
  const name = contentOf(issuer, TAG.sequence);
  return name !== undefined && hexOf(serial) === signer.serial && hexOf(name) === signer.issuer;
}

async function authorityProblem(
  { chain, window }: TimestampAuthority,
  root: TrustedRoot,
  at: number,
): Promise<string | undefined> {
  if (!within(window, at)) return 'is of a time for which its authority is not trusted';
  const [leaf, ...above] = chain;
  const anchor = above.at(-1);
  if (anchor === undefined) return 'is by a certificate with no authority above it';
  const roots: NonEmpty<Certificate> = [anchor];
  const intermediates = above.slice(0, -1);
  const chains = await trustedChains(
    { leaf, intermediates, roots, purpose: 'timeStamping', usage: 'demanded' },
    root.edges,
  );
  const valid = chains.ok ? chainAt(chains.value, at) : chains;
  return valid.ok ? undefined : `is by an authority that does not hold: ${valid.message}`;
}

/** Message imprint, signed attributes and signature; hashes SHA-256, SHA-384 and SHA-512 alone. */
function isSigned({ token }: ReadTimestamp, signature: Buffer, { chain: [signer], key }: TimestampAuthority): boolean {
  try {
    if (!HASHES[signer.publicKey.algorithm.kind].has(token.signatureAlgorithm)) return false;
    token.verify(signature, key);
    return true;
  } catch {
    return false;
  }
}

/**
 * Hashes of a signature as the library names them. It names those of ECDSA alone: for RSA it has no name, and verifies with
 * SHA-256; Ed25519 has no choice.
 */
const HASHES: Readonly<Record<PublicKey['algorithm']['kind'], ReadonlySet<string | undefined>>> = {
  ecdsa: new Set(['sha256', 'sha384', 'sha512']),
  rsa: new Set([undefined]),
  ed25519: new Set([undefined]),
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function invalid(what: string): RefusedBundle {
  return refused('time', 'TIMESTAMP_INVALID', `a timestamp of the signature ${what}`);
}
