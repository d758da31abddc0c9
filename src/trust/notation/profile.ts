import type { RefusalCode } from '../../codes/codes.ts';
import { type Certificate, isSignedBy } from '../x509/certificate.ts';
import { isIssuedBy, type VerifiedEdges } from '../x509/chain.ts';
import { sameBytes } from '../x509/der.ts';
import { ANY_USAGE, CODE_SIGNING, KEY_USAGE, TIME_STAMPING } from '../x509/extensions.ts';
import { constraintProblem } from '../x509/name-constraints.ts';

/** What stands against a chain of certificates. */
export type ChainProblem = { readonly code: RefusalCode; readonly message: string };

/** Certificates from the signer's to the root; each costs a signature check before anybody trusts it. */
const MAXIMUM_LENGTH = 10;

/**
 * Names that are compared with limits on names in one chain, which honest ones do a few dozen times. Nobody trusts the
 * chain yet, and a thousand names below a thousand limits, nine times over, take seconds.
 */
const MAXIMUM_COMPARISONS = 10_000;

/**
 * Extended key usages that a signer's certificate must not have. One that states none is for anything, and code signing
 * need not be among those stated (reference/notation-ratify.md §1.7).
 *
 * Row 1 of §1.14: `anyExtendedKeyUsage` is refused, as the specification says and notation does not.
 * Row 2: `OCSPSigning` is refused, as notation does and the specification does not say.
 */
const REFUSED_USAGES: ReadonlyMap<string, string> = new Map([
  [ANY_USAGE, 'any extended key usage'],
  ['1.3.6.1.5.5.7.3.1', 'server authentication'],
  ['1.3.6.1.5.5.7.3.2', 'client authentication'],
  ['1.3.6.1.5.5.7.3.4', 'e-mail protection'],
  [TIME_STAMPING, 'timestamps'],
  ['1.3.6.1.5.5.7.3.9', 'OCSP responses'],
]);

/** Key usages that a signer's certificate must not have; content commitment is none of them (§1.7). */
const REFUSED_KEY_USAGES: ReadonlyMap<number, string> = new Map([
  [KEY_USAGE.keyEncipherment, 'enciphering keys'],
  [KEY_USAGE.dataEncipherment, 'enciphering data'],
  [KEY_USAGE.keyAgreement, 'key agreement'],
  [KEY_USAGE.keyCertSign, 'signing certificates'],
  [KEY_USAGE.cRLSign, 'signing revocation lists'],
  [KEY_USAGE.encipherOnly, 'enciphering only'],
  [KEY_USAGE.decipherOnly, 'deciphering only'],
]);

/** Sizes of RSA keys that an algorithm is defined for (§1.6); every curve that is read at all has one. */
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);

/** What chains are asked for: whether key usages must be critical (§1.7), and what an authority must be allowed. */
const RULES = {
  codeSigning: { signer: "the signer's certificate", keyUsage: 'critical', usage: CODE_SIGNING, what: 'signing code' },
  timeStamping: {
    signer: "the timestamp authority's certificate",
    keyUsage: 'present',
    usage: TIME_STAMPING,
    what: 'timestamps',
  },
} as const;

type Purpose = keyof typeof RULES;

/**
 * What stands against the chain that a notation signature brings along: complete and in order from the signer's
 * certificate to a root that signed itself, each fit for its place. Says nothing of trust and nothing of time: validity
 * need not nest, and when it counts is the policy's matter.
 *
 * Stricter than notation and its specification, which says that no other extensions count: critical extensions that are
 * not understood, names that an authority above excludes, and authorities that may not issue for signing code refuse.
 * @param chain attacker-controlled, in the order in which it came
 * @param edges which certificates were seen to have signed which
 * @param foremost what stands against it already, and comes before anything that takes verifying a signature
 * @returns undefined where nothing does; `foremost`, CERTIFICATE_CHAIN_BROKEN, CERTIFICATE_UNFIT, ALGORITHM_UNSUPPORTED
 * @see reference/notation-ratify.md §1.7
 */
export function codeSigningChainProblem(
  chain: readonly Certificate[],
  edges: VerifiedEdges,
  foremost?: ChainProblem,
): Promise<ChainProblem | undefined> {
  return chainProblem(chain, 'codeSigning', edges, foremost);
}

/**
 * The same for the chain of whoever signed a timestamp. Its key usages need not be critical, and the signer's certificate
 * is for timestamps alone and says so as critical (RFC 3161 §2.3).
 */
export function timestampingChainProblem(
  chain: readonly Certificate[],
  edges: VerifiedEdges,
): Promise<ChainProblem | undefined> {
  return chainProblem(chain, 'timeStamping', edges);
}

/** Everything that costs nothing first, then the signatures. */
async function chainProblem(
  chain: readonly Certificate[],
  purpose: Purpose,
  edges: VerifiedEdges,
  foremost?: ChainProblem,
): Promise<ChainProblem | undefined> {
  const [leaf, ...authorities] = chain;
  if (leaf === undefined) return broken('there is no certificate');
  if (chain.length > MAXIMUM_LENGTH) return broken(`it has more than ${MAXIMUM_LENGTH} certificates`);
  const names = nameProblem(chain);
  if (names !== undefined) return names;

  const against =
    leafProblem(leaf, purpose) ??
    firstOf(authorities, (authority, index) => authorityProblem(authority, index, purpose)) ??
    comparisonsProblem(chain) ??
    firstOf(authorities, (authority, index) => constraintsProblem(authority, chain.slice(0, index + 1))) ??
    firstOf(chain, unknownExtensionProblem);
  return against ?? foremost ?? (await signatureProblem(chain, edges));
}

/** Names are compared as the bytes that they are. */
function nameProblem(chain: readonly Certificate[]): ChainProblem | undefined {
  for (const [index, certificate] of chain.entries()) {
    const above = chain[index + 1];
    if (above === undefined && !isSelfIssued(certificate))
      return broken('it does not end in a root that signed itself');
    if (above !== undefined && !sameBytes(certificate.issuer, above.subject))
      return broken(`certificate ${index + 1} names another issuer than certificate ${index + 2}`);
  }
  return undefined;
}

function leafProblem({ extensions, publicKey }: Certificate, purpose: Purpose): ChainProblem | undefined {
  const { signer, keyUsage: rule } = RULES[purpose];
  const { isAuthority, keyUsage, keyUsageIsCritical, nameConstraints } = extensions;
  if (isAuthority) return unfit(`${signer} is one of an authority, which signs certificates alone`);
  if (nameConstraints !== undefined) return unfit(`${signer} limits names, as only an authority may`);
  if (keyUsage === undefined) return unfit(`${signer} does not say what its key is for`);
  if (rule === 'critical' && !keyUsageIsCritical)
    return unfit(`${signer} does not say as critical what its key is for`);
  if (!keyUsage.has(KEY_USAGE.digitalSignature)) return unfit(`${signer} is not for digital signatures`);
  for (const [bit, what] of REFUSED_KEY_USAGES) if (keyUsage.has(bit)) return unfit(`${signer} is for ${what}`);
  return usageProblem(extensions, purpose) ?? keyProblem(publicKey, signer);
}

function usageProblem(
  { extendedKeyUsage, extendedKeyUsageIsCritical }: Certificate['extensions'],
  purpose: Purpose,
): ChainProblem | undefined {
  const { signer } = RULES[purpose];
  if (purpose === 'codeSigning') {
    const refused = extendedKeyUsage?.find((usage) => REFUSED_USAGES.has(usage));
    return refused === undefined ? undefined : unfit(`${signer} is for ${REFUSED_USAGES.get(refused) ?? refused}`);
  }
  if (extendedKeyUsage?.length !== 1 || extendedKeyUsage[0] !== TIME_STAMPING)
    return unfit(`${signer} is not for timestamps alone`);
  return extendedKeyUsageIsCritical ? undefined : unfit(`${signer} does not say as critical that it is for timestamps`);
}

/** RSA of 2048, 3072 or 4096 bits, or ECDSA on P-256, P-384 or P-521: the six algorithms of §1.6, and nothing else. */
function keyProblem({ algorithm }: Certificate['publicKey'], signer: string): ChainProblem | undefined {
  if (algorithm.kind === 'ecdsa') return undefined;
  if (algorithm.kind === 'rsa' && RSA_BITS.has(algorithm.bits)) return undefined;
  const key = algorithm.kind === 'rsa' ? `an RSA key of ${algorithm.bits} bits` : 'an Ed25519 key';
  return { code: 'ALGORITHM_UNSUPPORTED', message: `${signer} has ${key}, which no algorithm of notation is for` };
}

/**
 * Row 3 of §1.14: basic constraints must be critical, as the specification says and notation does not ask.
 * @param index of the authority among those above the signer: as many more authorities stand below it
 */
function authorityProblem({ extensions }: Certificate, index: number, purpose: Purpose): ChainProblem | undefined {
  const { isAuthority, constraintsAreCritical, pathLength, keyUsage, keyUsageIsCritical, extendedKeyUsage } =
    extensions;
  const { keyUsage: rule, usage, what } = RULES[purpose];
  const who = `certificate ${index + 2} of the chain`;
  if (!isAuthority) return unfit(`${who} is not one of an authority`);
  if (!constraintsAreCritical) return unfit(`${who} does not say as critical that it is an authority's`);
  if (pathLength !== undefined && pathLength < index) return unfit(`the chain is longer than ${who} allows`);
  if (keyUsage === undefined) return unfit(`${who} does not say what its key is for`);
  if (rule === 'critical' && !keyUsageIsCritical) return unfit(`${who} does not say as critical what its key is for`);
  if (!keyUsage.has(KEY_USAGE.keyCertSign)) return unfit(`${who} is not for signing certificates`);
  // An authority for web servers, say, that somebody else was given, must not become one for signing code.
  const isLimited = extendedKeyUsage !== undefined && !extendedKeyUsage.includes(ANY_USAGE);
  if (isLimited && !extendedKeyUsage.includes(usage)) return unfit(`${who} may not issue certificates for ${what}`);
  return undefined;
}

function comparisonsProblem(chain: readonly Certificate[]): ChainProblem | undefined {
  let names = 0;
  let comparisons = 0;
  for (const { extensions } of chain) {
    const { permitted = [], excluded = [] } = extensions.nameConstraints ?? {};
    comparisons += names * (permitted.length + excluded.length);
    names += 1 + extensions.names.length;
  }
  return comparisons > MAXIMUM_COMPARISONS ? unfit('the chain limits more names than are compared') : undefined;
}

function constraintsProblem({ extensions }: Certificate, below: readonly Certificate[]): ChainProblem | undefined {
  const { nameConstraints } = extensions;
  if (nameConstraints === undefined) return undefined;
  const against = firstOf(below, (certificate) => constraintProblem(nameConstraints, certificate.extensions.names));
  return against === undefined ? undefined : unfit(against);
}

/** A critical extension binds those too who do not understand it (RFC 5280 §4.2), whatever notation says. */
function unknownExtensionProblem({ extensions }: Certificate): ChainProblem | undefined {
  const [oid] = extensions.unknownCritical;
  return oid === undefined
    ? undefined
    : unfit(`a certificate has the critical extension ${oid}, which is not understood`);
}

/** Each certificate is signed by the next one and the root by itself; none below the root is. */
async function signatureProblem(
  chain: readonly Certificate[],
  edges: VerifiedEdges,
): Promise<ChainProblem | undefined> {
  // From the root down: what a trusted authority did not sign is found out at once, however much a stranger hung below it.
  for (const [index, certificate] of [...chain.entries()].toReversed()) {
    const above = chain[index + 1];
    if (!(await isIssuedBy(certificate, above ?? certificate, edges)))
      return above === undefined
        ? broken('it does not end in a root that signed itself')
        : broken(`certificate ${index + 1} is not signed by certificate ${index + 2}`);
    if (above !== undefined && isSelfIssued(certificate) && (await isSignedBy(certificate, certificate)))
      return broken(`certificate ${index + 1} signed itself, and yet is followed by others`);
  }
  return undefined;
}

function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return sameBytes(issuer, subject);
}

function firstOf<T, R>(items: readonly T[], ask: (item: T, index: number) => R | undefined): R | undefined {
  for (const [index, item] of items.entries()) {
    const answer = ask(item, index);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function broken(why: string): ChainProblem {
  return { code: 'CERTIFICATE_CHAIN_BROKEN', message: `the chain of certificates cannot be followed: ${why}` };
}

function unfit(message: string): ChainProblem {
  return { code: 'CERTIFICATE_UNFIT', message };
}
