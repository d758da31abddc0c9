import {
  BY_CERTIFICATE,
  type Check,
  type CheckName,
  type LogEntry,
  type Proof,
  type Signer,
  UNRESERVED,
} from '../../model/finding.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { PublicKey } from '../../trust/public-key.ts';
import type { BundleRule, SigningKeys } from '../../trust/sigstore/bundle-rule.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { signerOf } from '../../trust/x509/identity.ts';
import { readBundle, type SigstoreBundle } from './bundle.ts';
import { readCertificates, signerChain } from './chain.ts';
import { claimsOf, type SignedArtifact, signatureProblem } from './content.ts';
import { inclusionProblem } from './library.ts';
import type { LoggedSigner } from './log-body.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';
import { ruleProblem } from './rule.ts';
import { promiseProblem } from './sct.ts';
import { claimedTimes } from './times.ts';
import { readTimestamps, timestampProblem } from './timestamps.ts';
import { type KnownEntry, knownEntries, windowProblem } from './transparency.ts';

/** What a bundle proves; the same facts as of any other signature. */
export type ProvedBundle = Extract<Proof, { readonly kind: 'proved' }>;

/** Who claims to have signed: his key, and the certificates that came with it. */
type Claimant =
  | { readonly kind: 'certificates'; readonly key: PublicKey; readonly certificates: NonEmpty<Certificate> }
  | { readonly kind: 'key'; readonly key: PublicKey };

/**
 * Verifies a sigstore bundle, version 0.1 to 0.3, as the sigstore client specification asks (§4.2 to §4.6): signature, what is
 * signed, log entries, times, the signer's certificate at each of them. All of it is verified, and all of it is about this
 * signature, this signer and this artifact.
 *
 * Who may sign is not asked here: that is judged per policy, from the signer that comes back (MODEL.md M1).
 * @param bytes attacker-controlled
 * @param now milliseconds since the epoch; counts only where nobody witnessed a time
 * @throws never; what makes a reader stumble is a refusal
 */
export async function verifyBundle(
  bytes: Uint8Array,
  artifact: SignedArtifact,
  root: TrustedRoot,
  rule: BundleRule,
  now: number,
): Promise<ProvedBundle | RefusedBundle> {
  const bundle = readBundle(bytes);
  return bundle.kind === 'refused' ? bundle : verifyContents(bundle.value, artifact, root, rule, now);
}

/**
 * Verifies what a bundle holds, wherever it was read: legacy cosign layers carry the same in annotations.
 * @throws never; what makes a reader stumble is a refusal
 */
export async function verifyContents(
  bundle: SigstoreBundle,
  artifact: SignedArtifact,
  root: TrustedRoot,
  rule: BundleRule,
  now: number,
): Promise<ProvedBundle | RefusedBundle> {
  try {
    return await prove(bundle, artifact, root, rule, now);
  } catch {
    return refused('format', 'SIGNATURE_MALFORMED', 'the signature holds something that cannot be read');
  }
}

async function prove(
  bundle: SigstoreBundle,
  artifact: SignedArtifact,
  root: TrustedRoot,
  rule: BundleRule,
  now: number,
): Promise<ProvedBundle | RefusedBundle> {
  const broken = ruleProblem(rule);
  if (broken !== undefined) return broken;
  const { content } = bundle;
  const claimant = await claimantOf(bundle, artifact, rule);
  if (claimant.kind === 'refused') return claimant;

  const logged = loggedSigner(claimant.value);
  const entries = knownEntries(bundle.entries, root, rule.transparency, content, logged);
  if (entries.kind === 'refused') return entries;
  const timestamps = readTimestamps(bundle.timestamps);
  if (timestamps.kind === 'refused') return timestamps;
  const times = claimedTimes(entries.value, timestamps.value, rule.time);
  if (times.kind === 'refused') return times;
  const moments = times.value.map(({ at }) => at);
  const closed = windowProblem(entries.value, moments, now);
  if (closed !== undefined) return closed;

  const signer = await signerAt(claimant.value, root, rule, moments);
  if (signer.kind === 'refused') return signer;
  const untimely = await timestampProblem(timestamps.value, content.signature, root);
  if (untimely !== undefined) return untimely;
  const [entry, ...others] = entries.value;
  const unlogged = entry === undefined ? undefined : inclusionProblem([entry, ...others], content.signature, root);
  if (unlogged !== undefined) return unlogged;
  const claims = claimsOf(content, artifact);
  if (claims.kind === 'refused') return claims;

  return {
    kind: 'proved',
    signer: signer.value,
    claims: claims.value,
    times: times.value.map(({ at, by }) => ({ at, by })),
    log: entries.value.map(logEntry),
    checks: CHECKED.map((check): Check => ({ check, result: { kind: 'passed' } })),
    timedBy: BY_CERTIFICATE,
    ...UNRESERVED,
    notBefore: 'always',
    notAfter: restsOnNow(entries.value, moments),
  };
}

const CHECKED: readonly CheckName[] = ['format', 'signature', 'payload', 'digest', 'transparency', 'time', 'signer'];

/** Whoever signed the content: the holder of the bundle's certificate, or of the first key of the rule that verifies it. */
async function claimantOf(
  { signer, content }: SigstoreBundle,
  artifact: SignedArtifact,
  rule: BundleRule,
): Promise<Verified<Claimant>> {
  if (rule.signer !== 'certificate') {
    if (signer.kind !== 'key')
      return refused(
        'signature',
        'SIGNATURE_MISMATCH',
        'the bundle is signed with a certificate, not with a key that is asked for',
      );
    return keyThatSigned(content, artifact, rule.signer);
  }
  if (signer.kind === 'key')
    return refused('signer', 'CERTIFICATE_MISSING', 'the bundle is signed with a bare key and has no certificate');
  const certificates = readCertificates(signer.chain);
  if (certificates.kind === 'refused') return certificates;
  const key = certificates.value[0].publicKey;
  const unsigned = await signatureProblem(content, artifact, key, 'usual');
  return unsigned ?? verified({ kind: 'certificates', key, certificates: certificates.value });
}

async function keyThatSigned(
  content: SigstoreBundle['content'],
  artifact: SignedArtifact,
  { keys: { keys }, hash }: SigningKeys,
): Promise<Verified<Claimant>> {
  const [first, ...others] = keys;
  const problem = await signatureProblem(content, artifact, first, hash);
  if (problem === undefined) return verified({ kind: 'key', key: first });
  for (const key of others) {
    if ((await signatureProblem(content, artifact, key, hash)) === undefined) return verified({ kind: 'key', key });
  }
  return problem;
}

function loggedSigner(claimant: Claimant): LoggedSigner {
  const { algorithm } = claimant.key;
  return claimant.kind === 'certificates'
    ? { kind: 'certificate', sha256: claimant.certificates[0].fingerprint, algorithm }
    : { kind: 'key', sha256: claimant.key.fingerprint.slice('sha256:'.length), algorithm };
}

/** The signer, with his certificate's chain and its promises of certificate logs verified. */
async function signerAt(
  claimant: Claimant,
  root: TrustedRoot,
  rule: BundleRule,
  moments: readonly number[],
): Promise<Verified<Signer>> {
  if (claimant.kind === 'key') {
    const { fingerprint } = claimant.key;
    return verified({ display: `key ${fingerprint}`, ids: [fingerprint], identity: 'none' });
  }
  const chain = await signerChain(claimant.certificates, root, moments);
  if (chain.kind === 'refused') return chain;
  const [leaf, issuer] = chain.value.certificates;
  if (issuer === undefined)
    return refused('signer', 'CERTIFICATE_UNTRUSTED', "the signer's certificate has no authority above it");
  const problem =
    rule.certificateTransparency === 'none'
      ? undefined
      : promiseProblem(leaf, issuer, root.certificateLogs, rule.certificateTransparency);
  return problem ?? verified(signerOf(chain.value));
}

/** The index that was verified: a proof's, or where there is none the promise's. */
function logEntry({ entry, log }: KnownEntry): LogEntry {
  return {
    log: log.baseUrl,
    index: entry.promise === undefined ? (entry.proof?.index ?? entry.index) : entry.index,
    at: entry.promise === undefined || entry.integratedTime === undefined ? undefined : entry.integratedTime * 1000,
  };
}

/** Without a witnessed time an entry counts for now, and no longer than its log is trusted. */
function restsOnNow(entries: readonly KnownEntry[], moments: readonly number[]): number | 'forever' {
  const ends = moments.length > 0 ? [] : entries.map(({ log }) => log.window.end);
  const end = Math.min(...ends);
  return Number.isFinite(end) && !Number.isNaN(new Date(end + 1).getTime()) ? end : 'forever';
}
