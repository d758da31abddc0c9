import { createPublicKey, verify } from 'node:crypto';
import type { SignaturePacket } from 'openpgp';
import { PACKET_TAGS, readMpi, uintAt, writePacket } from '../../encoding/openpgp-packets.ts';
import type { OpenPgpKey } from '../../trust/openpgp/key-packet.ts';
import { configFor, type OpenPgpLibrary } from '../../trust/openpgp/library.ts';
import type { SigningKey } from '../../trust/openpgp/signing-key.ts';

/** A signature as it is written, before anything of it is believed. */
export type MessageSignature = {
  /** The key that it names, in lower-case hexadecimal. */
  readonly keyId: string;
  readonly hash: number;
  /** Milliseconds. */
  readonly created: number;
  /** The last moment at which it counts, in milliseconds. */
  readonly notAfter: number | 'forever';
  /** Whether it holds over the payload, whenever it was made. Never throws. */
  readonly verifies: (payload: Uint8Array, key: OpenPgpKey, signing: SigningKey) => Promise<boolean>;
};

/** Of version 3: over bytes and not over text, the length of what is hashed, and where the numbers begin. */
const BINARY = 0x00;
const HASHED_LENGTH = 5;
const NUMBERS_AT = 19;

/** Hashes of signatures of version 3, by their numbers (RFC 9580 §9.5) and as Node calls them. */
const OLD_HASHES: ReadonlyMap<number, string> = new Map([
  [2, 'sha1'],
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
  [11, 'sha224'],
]);
const RSA = 1;

/**
 * Reads the body of a signature packet over a message.
 *
 * Signatures over text count as those over bytes do: gpg takes both, and they differ in line ends alone, which JSON does
 * not heed. Those of version 3 are read here, since the library does not know them.
 * @param body attacker-controlled, of a few kilobytes
 * @param weakAlgorithms which hashes the library lets pass
 * @returns what is wrong with it, as the end of a sentence
 */
export async function readMessageSignature(
  library: OpenPgpLibrary,
  body: Uint8Array,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<MessageSignature | string> {
  const [version] = body;
  if (version === 3) return readOld(body);
  if (version !== 4 && version !== 6) return `its version is ${version ?? 'missing'}`;
  const config = { ...configFor(library, weakAlgorithms), ignoreUnsupportedPackets: false };
  const read = await library
    .readSignature({ binarySignature: writePacket({ tag: PACKET_TAGS.signature, body }), config })
    .catch(() => undefined);
  const [packet, other] = read?.packets ?? [];
  if (packet === undefined || other !== undefined) return 'it is broken or of an unknown kind';
  const { created, hashAlgorithm, signatureType } = packet;
  if (created === null || hashAlgorithm === null) return 'it does not say when it was made';
  const { binary, text } = library.enums.signature;
  if (signatureType !== binary && signatureType !== text) return 'it is no signature of a document';
  const end = Number(packet.getExpirationTime());
  return {
    keyId: packet.issuerKeyID.toHex(),
    hash: hashAlgorithm,
    created: created.getTime(),
    notAfter: end === Number.POSITIVE_INFINITY ? 'forever' : end - 1,
    verifies: (payload, _key, signing) => holds(library, packet, payload, signing, weakAlgorithms),
  };
}

async function holds(
  library: OpenPgpLibrary,
  packet: SignaturePacket,
  payload: Uint8Array,
  signing: SigningKey,
  weakAlgorithms: 'refuse' | 'accept',
): Promise<boolean> {
  const { signatureType, created } = packet;
  try {
    const [literal] = (await library.createMessage({ binary: payload, format: 'binary' })).packets;
    if (literal === undefined || signatureType === null || created === null) return false;
    // As of the time when it was made: how old it may be is judged on every decision, and not by the library's clock.
    await packet.verify(signing.packet, signatureType, literal, created, true, configFor(library, weakAlgorithms));
    return true;
  } catch {
    return false;
  }
}

/** A signature of version 3 (RFC 4880 §5.2.2), as PGP 2 wrote it and gpg still reads: by RSA, over bytes. */
function readOld(body: Uint8Array): MessageSignature | string {
  if (body.length < NUMBERS_AT || body[1] !== HASHED_LENGTH) return 'it is broken';
  const [type, algorithm, hash] = [body[2], body[15], body[16] ?? 0];
  if (type !== BINARY) return 'it is of version 3 and not over bytes';
  if (algorithm !== RSA) return 'it is of version 3 and not by RSA';
  const number = readMpi(body, NUMBERS_AT);
  if (number === undefined || number.end !== body.length) return 'it is broken';
  const hashed = body.subarray(2, 2 + HASHED_LENGTH);
  return {
    keyId: Buffer.from(body.subarray(7, 15)).toString('hex'),
    hash,
    created: uintAt(body, 3, 4) * 1000,
    notAfter: 'forever',
    verifies: (payload, key) => Promise.resolve(holdsOld(Buffer.concat([payload, hashed]), hash, number.value, key)),
  };
}

function holdsOld(data: Uint8Array, hash: number, signature: Uint8Array, { rsa }: OpenPgpKey): boolean {
  const name = OLD_HASHES.get(hash);
  if (rsa === undefined || name === undefined || signature.length > rsa.modulus.length) return false;
  // OpenPGP leaves out leading zeros, which PKCS #1 wants.
  const padded = Buffer.concat([Buffer.alloc(rsa.modulus.length - signature.length), signature]);
  try {
    const text = (number: Uint8Array): string => Buffer.from(number).toString('base64url');
    const key = createPublicKey({
      key: { kty: 'RSA', n: text(rsa.modulus), e: text(rsa.exponent) },
      format: 'jwk',
    });
    return verify(name, data, key, padded);
  } catch {
    return false;
  }
}
