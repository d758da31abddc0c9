import { type BoundedCache, createBoundedCache } from '../../cache/bounded-cache.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { type Certificate, isSignedBy } from './certificate.ts';
import { sameBytes } from './der.ts';
import { ANY_USAGE, CODE_SIGNING, type Extensions, KEY_USAGE, TIME_STAMPING } from './extensions.ts';
import { constraintProblem } from './name-constraints.ts';
import { type Checked, refuse } from './result.ts';

/** A certificate that is to be traced to an authority. */
export type ChainRequest = {
  readonly leaf: Certificate;
  /** May come from whoever pushed the signature: they are only ever a way from the leaf to a root. */
  readonly intermediates: readonly Certificate[];
  /** What the policy trusts; each is an anchor, whether or not it signed itself. */
  readonly roots: NonEmpty<Certificate>;
  /** What the leaf must be for, and with it everything above it. */
  readonly purpose: 'codeSigning' | 'timeStamping';
  /**
   * Whether the leaf must say that it is for signing code, or may say nothing of what it is for (Go's rule). Who signs
   * timestamps must always be for that, and for nothing else, and say so as critical (RFC 3161 §2.3).
   */
  readonly usage: 'demanded' | 'if-stated';
};

/** A leaf with the way up to a trusted root, all of it fit for the purpose, and when all of it is valid. */
export type TrustedChain = {
  readonly certificates: NonEmpty<Certificate>;
  /** The latest beginning and the earliest end of all of its certificates; milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
};

/** Which authority signed which: facts about bytes, whoever trusts them and whenever they are valid. */
export type VerifiedEdges = BoundedCache<{ readonly verified: true }>;

/** Certificates from leaf to root. */
const MAXIMUM_LENGTH = 10;

/** Signatures checked for one leaf, so that a heap of certificates with one name does not become a heap of work. */
const MAXIMUM_SIGNATURE_CHECKS = 10;

/** Ways to a root that are compared. */
const MAXIMUM_CHAINS = 8;

/** Makes what keeps verified signatures of authorities on authorities, so that a known chain costs one check: the leaf's. */
export function createVerifiedEdges(): VerifiedEdges {
  return createBoundedCache({ entries: 4096, bytes: 2 * 1024 * 1024, lives: 'forever' });
}

/**
 * Finds a way from a leaf to a trusted root that is fit for its purpose and valid at a moment: signatures, names, key
 * usages, lengths, name constraints and critical extensions of every certificate on it, the root's included.
 * @param at milliseconds since the epoch
 * @returns CERTIFICATE_UNTRUSTED, CERTIFICATE_UNFIT, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID
 * @see RFC 5280 §6; Go's crypto/x509 for what containers/image does (reference/openshift-containers.md §4)
 */
export async function verifyChain(
  request: ChainRequest & { readonly at: number },
  edges: VerifiedEdges,
): Promise<Checked<TrustedChain>> {
  const chains = await trustedChains(request, edges);
  return chains.ok ? chainAt(chains.value, request.at) : chains;
}

/**
 * All ways to a trusted root that are fit for the purpose, whenever they may be valid.
 * @returns CERTIFICATE_UNTRUSTED where there is no way at all, CERTIFICATE_UNFIT where each has something against it
 */
export async function trustedChains(
  request: ChainRequest,
  edges: VerifiedEdges,
): Promise<Checked<NonEmpty<TrustedChain>>> {
  const found: NonEmpty<Certificate>[] = [];
  const budget = { checks: MAXIMUM_SIGNATURE_CHECKS };
  await climb([request.leaf], request, edges, budget, found);

  const fit: TrustedChain[] = [];
  let problem: string | undefined;
  for (const certificates of found) {
    const against = problemOf(certificates, request);
    if (against === undefined) fit.push(chainOf(certificates));
    else problem ??= against;
  }
  const [first, ...others] = fit;
  if (first !== undefined) return { ok: true, value: [first, ...others] };
  if (problem !== undefined) return refuse('CERTIFICATE_UNFIT', problem);
  return refuse(
    'CERTIFICATE_UNTRUSTED',
    "the signer's certificate does not lead to an authority that the policy trusts",
  );
}

/** A chain as it stands, with the time in which all of it is valid; whether it is one, and trusted, is its caller's to know. */
export function chainOf(certificates: NonEmpty<Certificate>): TrustedChain {
  return {
    certificates,
    notBefore: Math.max(...certificates.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...certificates.map(({ notAfter }) => notAfter)),
  };
}

/** Whether an issuer's key made a certificate's signature, asked of the same two certificates once. */
export async function isIssuedBy(
  certificate: Certificate,
  issuer: Certificate,
  edges: VerifiedEdges,
): Promise<boolean> {
  const key = edgeKey(certificate, issuer);
  if (edges.get(key) !== undefined) return true;
  const verified = await isSignedBy(certificate, issuer);
  if (verified) edges.set(key, { verified: true }, 16);
  return verified;
}

/** The chain that is valid at a moment, the longest-lived if several are. */
export function chainAt(chains: NonEmpty<TrustedChain>, at: number): Checked<TrustedChain> {
  const [first, ...others] = chains.toSorted((a, b) => b.notAfter - a.notAfter);
  const best = first ?? chains[0];
  const valid = [best, ...others].find(({ notBefore, notAfter }) => at >= notBefore && at <= notAfter);
  if (valid !== undefined) return { ok: true, value: valid };
  const when = validity(best);
  return chains.some(({ notBefore }) => at >= notBefore)
    ? refuse('CERTIFICATE_EXPIRED', `the signer's certificate or its authority's had expired: ${when}`)
    : refuse('CERTIFICATE_NOT_YET_VALID', `the signer's certificate or its authority's was not valid yet: ${when}`);
}

/** When a chain is valid, for people. */
function validity({ notBefore, notAfter }: Pick<TrustedChain, 'notBefore' | 'notAfter'>): string {
  return `valid from ${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`;
}

/** Goes up from the end of a path, depth first, roots before anything that came with the signature. */
async function climb(
  path: NonEmpty<Certificate>,
  request: ChainRequest,
  edges: VerifiedEdges,
  budget: { checks: number },
  found: NonEmpty<Certificate>[],
): Promise<void> {
  const last = path.at(-1) ?? path[0];
  const issuers = (certificates: readonly Certificate[]) =>
    certificates
      .filter((issuer) => sameBytes(issuer.subject, last.issuer) && !path.some((below) => isSame(below, issuer)))
      .toSorted((a, b) => rank(a, last) - rank(b, last));
  // Leaves come and go; authorities stay, and so does whoever signs timestamps.
  const comesAndGoes = path.length === 1 && request.purpose === 'codeSigning';
  // The policy and the signature often bring the same intermediate: a way is tried once.
  const known = new Set(request.roots.map(({ fingerprint }) => fingerprint));
  const intermediates = request.intermediates.filter(({ fingerprint }) => isNew(known, fingerprint));

  for (const root of issuers(request.roots)) {
    if (found.length >= MAXIMUM_CHAINS) return;
    if (await isVerified(last, root, comesAndGoes, edges, budget)) found.push([...path, root]);
  }
  // One more above would already be too long, for what ends in an intermediate is no chain.
  if (path.length + 2 > MAXIMUM_LENGTH) return;
  for (const issuer of issuers(intermediates)) {
    if (found.length >= MAXIMUM_CHAINS) return;
    if (await isVerified(last, issuer, comesAndGoes, edges, budget))
      await climb([...path, issuer], request, edges, budget, found);
  }
}

function isNew(known: Set<string>, fingerprint: string): boolean {
  const size = known.size;
  return known.add(fingerprint).size > size;
}

/** One authority under several certificates must not make a path go in circles. */
function isSame(a: Certificate, b: Certificate): boolean {
  return a.publicKey.fingerprint === b.publicKey.fingerprint && sameBytes(a.subject, b.subject);
}

/** Key identifiers say which issuer to try first. They are hints: a wrong one costs a check and proves nothing. */
function rank(issuer: Certificate, of: Certificate): number {
  const wanted = of.extensions.authorityKeyId;
  const has = issuer.extensions.subjectKeyId;
  if (wanted === undefined || has === undefined) return 1;
  return wanted === has ? 0 : 2;
}

async function isVerified(
  certificate: Certificate,
  issuer: Certificate,
  comesAndGoes: boolean,
  edges: VerifiedEdges,
  budget: { checks: number },
): Promise<boolean> {
  const key = edgeKey(certificate, issuer);
  if (!comesAndGoes && edges.get(key) !== undefined) return true;
  if (budget.checks <= 0) return false;
  budget.checks--;
  const verified = await isSignedBy(certificate, issuer);
  if (verified && !comesAndGoes) edges.set(key, { verified: true }, 16);
  return verified;
}

/** Fingerprints are over the whole certificates, so this is about these bytes and no others. */
function edgeKey(certificate: Certificate, issuer: Certificate): string {
  return `${certificate.fingerprint} ${issuer.fingerprint}`;
}

/** What stands against a chain whose signatures hold, in the order of the certificates. */
function problemOf(chain: NonEmpty<Certificate>, request: ChainRequest): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const against =
      unknownExtension(certificate) ??
      (index === 0 ? leafProblem(certificate, request) : authorityProblem(certificate, index)) ??
      usageProblem(certificate, request);
    if (against !== undefined) return against;
    const { nameConstraints } = certificate.extensions;
    if (nameConstraints === undefined) continue;
    for (const below of chain.slice(0, index)) {
      const limited = constraintProblem(nameConstraints, below.extensions.names);
      if (limited !== undefined) return limited;
    }
  }
  return undefined;
}

function unknownExtension({ extensions }: Certificate): string | undefined {
  const [oid] = extensions.unknownCritical;
  return oid === undefined ? undefined : `a certificate has the critical extension ${oid}, which is not understood`;
}

function leafProblem({ extensions }: Certificate, { purpose, usage }: ChainRequest): string | undefined {
  const { isAuthority, keyUsage, extendedKeyUsage, nameConstraints } = extensions;
  if (isAuthority) return "the signer's certificate is one of an authority, which signs certificates and no images";
  if (nameConstraints !== undefined) return "the signer's certificate limits names, as only an authority may";
  if (keyUsage !== undefined && !keyUsage.has(KEY_USAGE.digitalSignature) && !keyUsage.has(KEY_USAGE.contentCommitment))
    return "the signer's certificate is not for digital signatures";
  if (purpose === 'timeStamping') return timestamperProblem(extensions);
  if (usage === 'demanded' && extendedKeyUsage?.includes(CODE_SIGNING) !== true)
    return "the signer's certificate does not say that it is for signing code";
  return undefined;
}

/** Its one purpose must bind even those who read no extended key usages (RFC 3161 §2.3). */
function timestamperProblem({ extendedKeyUsage, extendedKeyUsageIsCritical }: Extensions): string | undefined {
  if (extendedKeyUsage?.length !== 1 || extendedKeyUsage[0] !== TIME_STAMPING)
    return "the signer's certificate is not for timestamps alone";
  return extendedKeyUsageIsCritical
    ? undefined
    : "the signer's certificate does not say as critical that it is for timestamps";
}

/** @param index how many certificates are below; those between it and the leaf are what a path length counts */
function authorityProblem({ extensions }: Certificate, index: number): string | undefined {
  const { isAuthority, pathLength, keyUsage } = extensions;
  if (!isAuthority) return "a certificate above the signer's is not one of an authority";
  if (keyUsage !== undefined && !keyUsage.has(KEY_USAGE.keyCertSign))
    return "a certificate above the signer's is not for signing certificates";
  if (pathLength !== undefined && index - 1 > pathLength) return 'the chain is longer than an authority on it allows';
  return undefined;
}

/** Extended key usages of an authority limit what it can issue for; without any it is not limited (Go's rule). */
function usageProblem(
  { extensions: { extendedKeyUsage } }: Certificate,
  { purpose }: ChainRequest,
): string | undefined {
  if (extendedKeyUsage === undefined) return undefined;
  const { oid, what } = USAGES[purpose];
  return extendedKeyUsage.includes(oid) || extendedKeyUsage.includes(ANY_USAGE)
    ? undefined
    : `a certificate of the chain is not for ${what}`;
}

const USAGES = {
  codeSigning: { oid: CODE_SIGNING, what: 'signing code' },
  timeStamping: { oid: TIME_STAMPING, what: 'timestamps' },
} as const;
