import { createHash } from 'node:crypto';
import { readMpi, uintAt } from '../../encoding/openpgp-packets.ts';

/** One key of a certificate, the primary one or a subkey. */
export type OpenPgpKey = {
  /** In lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The eight bytes by which signatures name it, in lower-case hexadecimal. */
  readonly keyId: string;
  readonly algorithm: number;
  /** RSA's modulus and exponent; undefined of other keys. */
  readonly rsa: { readonly modulus: Uint8Array; readonly exponent: Uint8Array } | undefined;
  /** The body of the public key's packet. */
  readonly body: Uint8Array;
};

/** Public-key algorithms by their numbers (RFC 9580 §9.1). */
export const KEY_ALGORITHMS = {
  rsa: 1,
  rsaEncryptOnly: 2,
  rsaSignOnly: 3,
  elgamal: 16,
  dsa: 17,
  ecdh: 18,
  ecdsa: 19,
  eddsaLegacy: 22,
  x25519: 25,
  x448: 26,
  ed25519: 27,
  ed448: 28,
} as const;

/** Numbers without a curve, and keys of one length. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  [KEY_ALGORITHMS.rsa, 2],
  [KEY_ALGORITHMS.rsaEncryptOnly, 2],
  [KEY_ALGORITHMS.rsaSignOnly, 2],
  [KEY_ALGORITHMS.elgamal, 3],
  [KEY_ALGORITHMS.dsa, 4],
]);
const OCTETS: ReadonlyMap<number, number> = new Map([
  [KEY_ALGORITHMS.x25519, 32],
  [KEY_ALGORITHMS.x448, 56],
  [KEY_ALGORITHMS.ed25519, 32],
  [KEY_ALGORITHMS.ed448, 57],
]);
const ON_CURVES: ReadonlySet<number> = new Set([KEY_ALGORITHMS.ecdh, KEY_ALGORITHMS.ecdsa, KEY_ALGORITHMS.eddsaLegacy]);
const RSA: ReadonlySet<number> = new Set([KEY_ALGORITHMS.rsa, KEY_ALGORITHMS.rsaSignOnly]);

/** What a key packet's body begins with: version, time of creation, algorithm. */
const HEAD = 6;

/** Fingerprints of version 4 are over a length of two bytes. */
const MAXIMUM_LENGTH = 0xffff;

/** The version that a key packet says it has, or undefined where it is empty. */
export function keyVersion(body: Uint8Array): number | undefined {
  return body[0];
}

/**
 * Reads the body of a public key's packet, of version 4 or 6. What cannot be a key of its algorithm is not asked here;
 * a key that is broken verifies nothing.
 * @returns undefined for other versions and for what is too short
 */
export function readKey(body: Uint8Array): OpenPgpKey | undefined {
  const version = keyVersion(body);
  if ((version !== 4 && version !== 6) || body.length < HEAD || body.length > MAXIMUM_LENGTH) return undefined;
  const fingerprint = fingerprintOf(body, version);
  const algorithm = body[5] ?? 0;
  return {
    fingerprint,
    keyId: version === 4 ? fingerprint.slice(-16) : fingerprint.slice(0, 16),
    algorithm,
    rsa: RSA.has(algorithm) ? readRsa(body, materialAt(version)) : undefined,
    body,
  };
}

/**
 * The public part of a secret key's packet: all before what says how the secret is protected.
 * @returns undefined where the algorithm is not known, or the packet is too short
 */
export function publicPart(body: Uint8Array): Uint8Array | undefined {
  const version = keyVersion(body);
  if (version === 6) {
    const end = HEAD + 4 + (body.length < HEAD + 4 ? Number.POSITIVE_INFINITY : uintAt(body, HEAD, 4));
    return end > body.length ? undefined : body.subarray(0, end);
  }
  if (version !== 4 || body.length < HEAD) return undefined;
  const end = materialEnd(body, body[5] ?? 0);
  return end === undefined || end > body.length ? undefined : body.subarray(0, end);
}

/** How many bits a number has. */
export function bitsOf(number: Uint8Array): number {
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first) * 8 - Math.clz32(number[first] ?? 0) + 24;
}

/** SHA-1 of a key of version 4, SHA-256 of one of version 6, each over a header of its own (RFC 9580 §5.5.4). */
function fingerprintOf(body: Uint8Array, version: 4 | 6): string {
  const header = Buffer.alloc(version === 4 ? 3 : 5);
  header[0] = version === 4 ? 0x99 : 0x9b;
  header.writeUIntBE(body.length, 1, header.length - 1);
  return createHash(version === 4 ? 'sha1' : 'sha256')
    .update(header)
    .update(body)
    .digest('hex');
}

const materialAt = (version: 4 | 6): number => (version === 4 ? HEAD : HEAD + 4);

function readRsa(body: Uint8Array, at: number): OpenPgpKey['rsa'] {
  const modulus = readMpi(body, at);
  const exponent = modulus === undefined ? undefined : readMpi(body, modulus.end);
  return modulus === undefined || exponent === undefined
    ? undefined
    : { modulus: modulus.value, exponent: exponent.value };
}

/** Where the public numbers of a key of version 4 end. */
function materialEnd(body: Uint8Array, algorithm: number): number | undefined {
  const octets = OCTETS.get(algorithm);
  if (octets !== undefined) return HEAD + octets;
  const numbers = NUMBERS.get(algorithm);
  if (numbers !== undefined) return afterNumbers(body, HEAD, numbers);
  if (!ON_CURVES.has(algorithm)) return undefined;
  const point = afterNumbers(body, HEAD + 1 + (body[HEAD] ?? 0), 1);
  // Behind the point of a key for encryption stands how the shared secret is derived, with its length.
  return point === undefined || algorithm !== KEY_ALGORITHMS.ecdh ? point : point + 1 + (body[point] ?? 0);
}

function afterNumbers(body: Uint8Array, from: number, count: number): number | undefined {
  let at = from;
  for (let i = 0; i < count; i++) {
    const number = readMpi(body, at);
    if (number === undefined) return undefined;
    at = number.end;
  }
  return at;
}
