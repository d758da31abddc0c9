import { inflateRawSync, inflateSync } from 'node:zlib';
import { failed, ok, type Result } from '../../codes/result.ts';
import { looksArmored, readArmor } from '../../encoding/openpgp-armor.ts';
import { type OpenPgpPacket, PACKET_TAGS, splitPackets } from '../../encoding/openpgp-packets.ts';

/** A message that carries its payload and one signature over it. */
export type SignedMessage = {
  /** The literal packet's data: what is signed, and all that is. */
  readonly payload: Uint8Array;
  /** The body of the signature packet. */
  readonly signature: Uint8Array;
};

/**
 * Bytes of a payload, which has a few hundred. Whoever may put signatures where they are looked for can name the policy's
 * key in them, and to hash a megabyte of line ends as text takes a tenth of a second.
 */
const MAXIMUM_PAYLOAD = 16 * 1024;

/** What a message decompresses to at most: a payload, a signature, and what announces them. */
const MAXIMUM_DECOMPRESSED = 32 * 1024;

/** Packets that are told apart; an honest message has three. */
const MAXIMUM_PACKETS = 64;

/**
 * A signature by RSA of 4096 bits with its subpackets takes less than one kilobyte, and four with its key beside it. Of
 * more bytes thousands of subpackets can be made, which take longer to read than the signature to verify.
 */
const MAXIMUM_SIGNATURE = 8 * 1024;

/** Ways of compression (RFC 9580 §9.4). */
const ZIP = 1;
const ZLIB = 2;

/** What a literal packet says that it holds: bytes, or text in one of two ways; `b`, `t`, `u`. */
const LITERAL_FORMATS: ReadonlySet<number> = new Set([0x62, 0x74, 0x75]);

const { signature: SIGNATURE, onePassSignature: ONE_PASS, compressed: COMPRESSED, literal: LITERAL } = PACKET_TAGS;
const ENCRYPTED: ReadonlySet<number> = new Set([
  PACKET_TAGS.encryptedSessionKey,
  PACKET_TAGS.symmetricSessionKey,
  PACKET_TAGS.encrypted,
  PACKET_TAGS.protectedData,
  PACKET_TAGS.encryptedAead,
]);

/**
 * Takes a signed message apart: a one-pass packet, the literal and the signature, or in the old form the signature and
 * the literal; compressed once or not at all, and nothing else beside, within or behind them. What else gpg reads is in
 * no signature that a tool writes, and has been the way to show one text and verify another (CVE-2025-47934 and its kin).
 * @param bytes attacker-controlled; armored only where the registry's own interface gave them
 * @returns RESPONSE_MALFORMED, in the manner of gpg where it says something; LIMIT_EXCEEDED
 * @see reference/openshift-containers.md §3.3
 */
export function readSignedMessage(bytes: Uint8Array): Result<SignedMessage> {
  const binary = withoutArmor(bytes);
  if (!binary.ok) return binary;
  const outer = splitPackets(binary.value, MAXIMUM_PACKETS);
  if (!outer.ok) return outer;
  const [first] = outer.value;
  if (first?.tag !== COMPRESSED) return readShape(outer.value);

  if (outer.value.length > 1) return malformed('more follows after the compressed data');
  const inner = decompress(first.body);
  if (!inner.ok) return inner;
  const packets = splitPackets(inner.value, MAXIMUM_PACKETS);
  return packets.ok ? readShape(packets.value) : packets;
}

function withoutArmor(bytes: Uint8Array): Result<Uint8Array> {
  if (((bytes[0] ?? 0) & 0x80) !== 0) return ok(bytes);
  const text = Buffer.from(bytes).toString('latin1');
  if (!looksArmored(text)) return malformed('it is no OpenPGP message');
  if (text.includes('-----BEGIN PGP SIGNED MESSAGE')) return malformed('it is clear-signed');
  const armor = readArmor(text, 1);
  if (!armor.ok) return armor;
  const [block] = armor.value;
  return block.label === 'MESSAGE' ? ok(block.bytes) : malformed(`it is a PGP ${block.label}`);
}

function decompress(body: Uint8Array): Result<Uint8Array> {
  const [algorithm] = body;
  if (algorithm !== ZIP && algorithm !== ZLIB) return malformed('it is compressed in another way than ZIP and ZLIB');
  const inflate = algorithm === ZIP ? inflateRawSync : inflateSync;
  const data = body.subarray(1);
  try {
    const inflated: unknown = inflate(data, { maxOutputLength: MAXIMUM_DECOMPRESSED, info: true });
    if (!isInflated(inflated)) return failed('INTERNAL_ERROR', 'decompression gave no account of itself');
    return inflated.engine.bytesWritten === data.length
      ? ok(inflated.buffer)
      : malformed('more follows after the compressed data');
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    return isTooLarge
      ? failed('LIMIT_EXCEEDED', `it decompresses to more than ${MAXIMUM_DECOMPRESSED} bytes`)
      : malformed('its compressed data is broken');
  }
}

/** What Node gives when it is asked how much it read. Its types do not say so. */
function isInflated(
  value: unknown,
): value is { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'buffer' in value &&
    value.buffer instanceof Uint8Array &&
    'engine' in value &&
    typeof value.engine === 'object' &&
    value.engine !== null &&
    'bytesWritten' in value.engine
  );
}

function readShape(packets: readonly OpenPgpPacket[]): Result<SignedMessage> {
  const [first, second, third] = packets;
  const tags = packets.map(({ tag }) => tag).join();
  if (tags === `${ONE_PASS},${LITERAL},${SIGNATURE}` && first && second && third)
    return announces(first.body, third.body) ? assemble(second, third) : malformed('it announces another signature');
  if (tags === `${SIGNATURE},${LITERAL}` && first && second) return assemble(second, first);
  return malformed(otherShape(packets));
}

/** What a message is that has not the form of a signed one. */
function otherShape(packets: readonly OpenPgpPacket[]): string {
  const count = (tag: number): number => packets.filter((packet) => packet.tag === tag).length;
  if (packets.some(({ tag }) => ENCRYPTED.has(tag))) return 'it is encrypted';
  if (count(COMPRESSED) > 0) return 'it is compressed twice';
  const signatures = Math.max(count(SIGNATURE), count(ONE_PASS));
  // In the words of containers/image, which people look for.
  if (signatures > 1) return `Unexpected GPG signature count ${signatures}`;
  if (count(LITERAL) > 1) return 'it carries more than one payload';
  if (signatures === 0) return 'it carries no signature: Unexpected GPG signature count 0';
  if (count(LITERAL) === 0) return 'it is a detached signature, without its payload';
  return 'its packets are not those of a signed message, in their order';
}

/** Whether the one-pass packet says of the signature what it is: type, hash, algorithm, and that no other follows. */
function announces(onePass: Uint8Array, signature: Uint8Array): boolean {
  const [version = 0, type, hash, algorithm] = onePass;
  if (onePass.at(-1) !== 1) return false;
  if (version === 3 && signature[0] === 3)
    return type === signature[2] && algorithm === signature[15] && hash === signature[16];
  // Version 6 announces version 6 (RFC 9580 §5.4).
  if ((version === 6) !== (signature[0] === 6)) return false;
  return type === signature[1] && algorithm === signature[2] && hash === signature[3];
}

function assemble(literal: OpenPgpPacket, { body: signature }: OpenPgpPacket): Result<SignedMessage> {
  if (signature.length > MAXIMUM_SIGNATURE)
    return failed('LIMIT_EXCEEDED', `its signature takes more than ${MAXIMUM_SIGNATURE} bytes`);
  const [format = 0, nameLength = 0] = literal.body;
  // Format, the length of a name and the name, a date: none of them is signed, and none of them is read.
  const start = 2 + nameLength + 4;
  if (!LITERAL_FORMATS.has(format) || start > literal.body.length) return malformed('its payload cannot be read');
  const payload = literal.body.subarray(start);
  if (payload.length > MAXIMUM_PAYLOAD)
    return failed('LIMIT_EXCEEDED', `its payload takes more than ${MAXIMUM_PAYLOAD} bytes`);
  return ok({ payload, signature });
}

function malformed(why: string): Result<never> {
  return failed('RESPONSE_MALFORMED', why);
}
