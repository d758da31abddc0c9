import type {
  EllipticCurveName,
  Key,
  PublicKeyPacket,
  PublicSubkeyPacket,
  SecretKeyPacket,
  SecretSubkeyPacket,
  Subkey,
} from 'openpgp';
import type { RefusalCode } from '../../codes/codes.ts';
import { printable } from '../../encoding/escape.ts';
import { bitsOf, KEY_ALGORITHMS, type OpenPgpKey } from './key-packet.ts';
import type { OpenPgpCertificate } from './keyring.ts';
import { configFor, libraryKey, type OpenPgpLibrary } from './library.ts';
import { isRevoked } from './revocation.ts';

/** A key that may sign, as long as it is in date. */
export type SigningKey = {
  readonly packet: PublicKeyPacket | PublicSubkeyPacket | SecretKeyPacket | SecretSubkeyPacket;
  /** When the later of the primary key and the subkey was made; milliseconds. */
  readonly notBefore: number;
  /** The last moment of the earlier of their ends; milliseconds. */
  readonly notAfter: number | 'forever';
};

/** A value, or the code and sentence of why a key does not count. */
export type OrUnfit<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** Below so many bits RSA counts as weak. */
const USUAL_RSA_BITS = 2048;

/** Curves on which the library verifies by itself under Node; for Brainpool's it wants a package more. */
const CURVES: ReadonlySet<EllipticCurveName> = new Set([
  'nistP256',
  'nistP384',
  'nistP521',
  'ed25519Legacy',
  'curve25519Legacy',
]);

/** Each key's standing, which does not depend on the time: what a certificate says never changes. */
const STANDINGS = new WeakMap<OpenPgpKey, Map<string, Promise<OrUnfit<SigningKey>>>>();

/**
 * Whether a key of a certificate may sign: bound to its primary key, made for signing, not revoked, of an algorithm that
 * counts. At which time it may is part of the answer, and judged on every decision.
 * @param key one of the certificate's
 * @returns KEY_REVOKED, KEY_UNFIT, ALGORITHM_WEAK, ALGORITHM_UNSUPPORTED
 * @see reference/openshift-containers.md §3.3, §7
 */
export function signingKey(
  library: OpenPgpLibrary,
  certificate: OpenPgpCertificate,
  key: OpenPgpKey,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<OrUnfit<SigningKey>> {
  const standings = STANDINGS.get(key) ?? new Map<string, Promise<OrUnfit<SigningKey>>>();
  STANDINGS.set(key, standings);
  const known = standings.get(weakAlgorithms);
  if (known !== undefined) return known;
  const found = standing(library, certificate, key, weakAlgorithms);
  standings.set(weakAlgorithms, found);
  return found;
}

async function standing(
  library: OpenPgpLibrary,
  certificate: OpenPgpCertificate,
  key: OpenPgpKey,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<OrUnfit<SigningKey>> {
  const owner = await libraryKey(library, certificate);
  if (owner === undefined) return unfit('its certificate cannot be read');
  const [primary] = certificate.keys;
  const subkey = key === primary ? undefined : owner.subkeys.find((each) => each.getFingerprint() === key.fingerprint);
  if (owner.getFingerprint() !== primary.fingerprint || (key !== primary && subkey === undefined))
    return unfit('its certificate cannot be read');
  const strange = [owner.keyPacket, subkey?.keyPacket]
    .map((packet) => packet?.getAlgorithmInfo().curve)
    .find((curve) => curve !== undefined && !CURVES.has(curve));
  if (strange !== undefined)
    return { ok: false, code: 'ALGORITHM_UNSUPPORTED', message: `keys on the curve ${strange} are not supported` };
  try {
    if (await isRevoked(library, certificate, owner, subkey))
      return {
        ok: false,
        code: 'KEY_REVOKED',
        message: `${subkey === undefined ? 'it' : 'it or its primary key'} was revoked`,
      };
    const weakness = weakAlgorithms === 'accept' ? undefined : (weaknessOf(key) ?? weaknessOf(primary));
    if (weakness !== undefined) return { ok: false, code: 'ALGORITHM_WEAK', message: weakness };
    return await bound(library, owner, subkey, key, weakAlgorithms);
  } catch (error) {
    // What the library throws here is about the certificate, which the policy trusts; it may quote a user id.
    return unfit(printable(error instanceof Error ? error.message : 'it cannot be used'));
  }
}

/** The key, where all signatures hold by which it is what it is. @throws what the library does */
async function bound(
  library: OpenPgpLibrary,
  owner: Key,
  subkey: Subkey | undefined,
  { fingerprint }: OpenPgpKey,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<OrUnfit<SigningKey>> {
  const config = configFor(library, weakAlgorithms);
  // Without a date: a key that expires goes on being what it is. The times are taken from the same signatures below.
  const signer = await owner.getSigningKey((subkey ?? owner).getKeyID(), null, undefined, config);
  if (signer.getFingerprint() !== fingerprint) return unfit('another key of its certificate bears its key id');
  const ends = [await owner.getExpirationTime(undefined, config)];
  const starts = [owner.getCreationTime().getTime()];
  if (subkey !== undefined) {
    ends.push(await endOf(library, owner, subkey, weakAlgorithms));
    starts.push(subkey.getCreationTime().getTime());
  }
  if (ends.includes(null)) return unfit('nothing says until when it is valid');
  const end = Math.min(
    ...ends.map((each) => (each === null ? Number.NaN : each instanceof Date ? each.getTime() : each)),
  );
  return {
    ok: true,
    value: {
      packet: subkey?.keyPacket ?? owner.keyPacket,
      notBefore: Math.max(...starts),
      // At the second of its end a key has expired.
      notAfter: end === Number.POSITIVE_INFINITY ? 'forever' : end - 1,
    },
  };
}

/** When a subkey ends, by the latest of its bindings that hold: the library's own answer leaves out those before today. */
async function endOf(
  library: OpenPgpLibrary,
  owner: Key,
  subkey: Subkey,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<Date | number | null> {
  const config = configFor(library, weakAlgorithms);
  const data = { key: owner.keyPacket, bind: subkey.keyPacket };
  const made = (at: Date | null): number => at?.getTime() ?? Number.NEGATIVE_INFINITY;
  for (const binding of subkey.bindingSignatures.toSorted((a, b) => made(b.created) - made(a.created))) {
    const holds = await binding
      .verify(owner.keyPacket, library.enums.signature.subkeyBinding, data, binding.created ?? undefined, false, config)
      .then(() => true)
      .catch(() => false);
    if (!holds) continue;
    const { keyExpirationTime: lifetime } = binding;
    const end =
      lifetime === null || lifetime === 0
        ? Number.POSITIVE_INFINITY
        : subkey.getCreationTime().getTime() + lifetime * 1000;
    return Math.min(end, Number(binding.getExpirationTime()));
  }
  return null;
}

/** What is weak about a key, or undefined. */
function weaknessOf({ algorithm, rsa }: OpenPgpKey): string | undefined {
  if (algorithm === KEY_ALGORITHMS.dsa) return 'it is a DSA key';
  const bits = rsa === undefined ? USUAL_RSA_BITS : bitsOf(rsa.modulus);
  return bits < USUAL_RSA_BITS ? `it is an RSA key of ${bits} bits` : undefined;
}

function unfit(message: string): OrUnfit<never> {
  return { ok: false, code: 'KEY_UNFIT', message };
}
