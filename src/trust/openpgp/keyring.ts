import { failed, ok, type Result } from '../../codes/result.ts';
import { looksArmored, readArmor } from '../../encoding/openpgp-armor.ts';
import { type OpenPgpPacket, PACKET_TAGS, splitPackets, writePacket } from '../../encoding/openpgp-packets.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { keyVersion, type OpenPgpKey, publicPart, readKey } from './key-packet.ts';

/** One OpenPGP certificate of a keyring: a primary key with everything that belongs to it. */
export type OpenPgpCertificate = {
  /** Of the primary key, in lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The primary key, and its subkeys behind it. */
  readonly keys: NonEmpty<OpenPgpKey>;
  /** The certificate's packets, without armor and without secrets. */
  readonly bytes: Uint8Array;
};

/** Bounds of one keyring. Those of distributions hold a few dozen keys. */
const MAXIMUM_BYTES = 1024 * 1024;
const MAXIMUM_CERTIFICATES = 1000;
/** Packets of one keyring. */
export const MAXIMUM_PACKETS = 50_000;

/** What armored keys call themselves; the last is PGP's own name for the second. */
const KEY_LABELS: ReadonlySet<string> = new Set(['PUBLIC KEY BLOCK', 'PRIVATE KEY BLOCK', 'SECRET KEY BLOCK']);

/** Packets that belong to the key before them. */
const BELONGINGS: ReadonlySet<number> = new Set([
  PACKET_TAGS.signature,
  PACKET_TAGS.userId,
  PACKET_TAGS.userAttribute,
  PACKET_TAGS.publicSubkey,
]);

/** Packets that gpg keeps in its keyrings for itself, and those that others may. */
const isPassedOver = (tag: number): boolean => tag === PACKET_TAGS.trust || tag === PACKET_TAGS.marker || tag >= 60;

/**
 * Reads a keyring as `gpg --import` does: armored or binary, with one certificate or several, in one block or several,
 * text around the blocks. Of secret keys the public part is taken. Keys of version 3 and older, and of version 5, are passed
 * over as gpg passes over those that it does not know; the rest must be sound, all of it.
 * @returns TRUST_MATERIAL_UNAVAILABLE where it holds no key, or something else
 * @see reference/openshift-containers.md §3.3
 */
export function parseKeyring(bytes: Uint8Array): Result<NonEmpty<OpenPgpCertificate>> {
  if (bytes.length > MAXIMUM_BYTES) return none(`it is larger than ${MAXIMUM_BYTES} bytes`);
  const otherwise = strangerOf(bytes);
  if (otherwise !== undefined) return none(otherwise);

  const blocks = blocksOf(bytes);
  if (!blocks.ok) return none(blocks.failure.message);
  const certificates: OpenPgpCertificate[] = [];
  const passedOver = new Set<number>();
  for (const block of blocks.value) {
    const packets = splitPackets(block, MAXIMUM_PACKETS);
    if (!packets.ok) return none(packets.failure.message);
    const groups = groupsOf(packets.value);
    if (typeof groups === 'string') return none(groups);
    for (const group of groups) {
      const version = keyVersion(group.key.body);
      if (version !== 4 && version !== 6) {
        passedOver.add(version ?? 0);
        continue;
      }
      const certificate = certificateOf(group);
      if (certificate === undefined) return none('a key in it is broken or of an unknown algorithm');
      certificates.push(certificate);
      if (certificates.length > MAXIMUM_CERTIFICATES) return none(`it holds more than ${MAXIMUM_CERTIFICATES} keys`);
    }
  }

  const [first, ...rest] = certificates;
  if (first !== undefined) return ok([first, ...rest]);
  return none(
    passedOver.size === 0 ? 'it holds no key' : `it holds only keys of version ${[...passedOver].join(', ')}`,
  );
}

/** What is recognised as something else, said by name for whoever put it there. */
function strangerOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'it is empty';
  const start = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  // A keybox begins with a header blob: its length, its type, a version, flags, and this.
  if (start.startsWith('KBXf', 8)) return 'it is a keybox of GnuPG (.kbx): export its keys with gpg --export';
  if (start.includes('-----BEGIN CERTIFICATE')) return 'it is an X.509 certificate';
  if (start.includes('-----BEGIN PUBLIC KEY')) return 'it is a public key in PEM form, as cosign writes it';
  if (start.startsWith('ssh-') || start.includes('BEGIN OPENSSH')) return 'it is a key of SSH';
  if (/^\s*</.test(start)) return 'it is a page of HTML or XML';
  return undefined;
}

/** The binary keyrings that a file holds: itself, or what its armor carries. */
function blocksOf(bytes: Uint8Array): Result<readonly Uint8Array[]> {
  if (((bytes[0] ?? 0) & 0x80) !== 0) return ok([bytes]);
  const text = Buffer.from(bytes).toString('latin1');
  if (!looksArmored(text)) return failed('TRUST_MATERIAL_UNAVAILABLE', 'it is no OpenPGP keyring');
  const armor = readArmor(text, MAXIMUM_CERTIFICATES);
  if (!armor.ok) return armor;
  const other = armor.value.find(({ label }) => !KEY_LABELS.has(label));
  return other === undefined
    ? ok(armor.value.map((block) => block.bytes))
    : failed('TRUST_MATERIAL_UNAVAILABLE', `it holds a PGP ${other.label}`);
}

/** A primary key's packet, in its public form, and what belongs to it. */
type Group = { readonly key: OpenPgpPacket; readonly belongings: OpenPgpPacket[] };

/** Packets by the key that they belong to, or why they are no keyring. */
function groupsOf(packets: readonly OpenPgpPacket[]): readonly Group[] | string {
  const groups: Group[] = [];
  for (const packet of packets) {
    if (isPassedOver(packet.tag)) continue;
    const isPublic = withoutSecret(packet);
    if (isPublic === undefined) return 'a secret key in it is broken or of an unknown algorithm';
    const group = groups.at(-1);
    if (isPublic.tag === PACKET_TAGS.publicKey) groups.push({ key: isPublic, belongings: [] });
    else if (!BELONGINGS.has(isPublic.tag)) return 'it holds something that is no key';
    else if (group === undefined) return 'it does not begin with a key';
    else group.belongings.push(isPublic);
  }
  return groups;
}

/** The public packet of a secret one; others as they are. */
function withoutSecret(packet: OpenPgpPacket): OpenPgpPacket | undefined {
  const { secretKey, secretSubkey, publicKey, publicSubkey } = PACKET_TAGS;
  if (packet.tag !== secretKey && packet.tag !== secretSubkey) return packet;
  const tag = packet.tag === secretKey ? publicKey : publicSubkey;
  const version = keyVersion(packet.body);
  // Passed over later, so that nothing is read of it; its secret goes no further either.
  if (version !== 4 && version !== 6) return { tag, body: packet.body.subarray(0, 1) };
  const body = publicPart(packet.body);
  return body === undefined ? undefined : { tag, body };
}

/** A certificate of its packets; undefined where its primary key cannot be read. */
export function certificateOf({ key, belongings }: Group): OpenPgpCertificate | undefined {
  const primary = readKey(key.body);
  if (primary === undefined) return undefined;
  // A subkey that cannot be read signs nothing; it stays among the packets, where nothing finds it.
  const subkeys = belongings
    .filter(({ tag }) => tag === PACKET_TAGS.publicSubkey)
    .flatMap(({ body }) => readKey(body) ?? []);
  const bytes = Buffer.concat([key, ...belongings].map(writePacket));
  return { fingerprint: primary.fingerprint, keys: [primary, ...subkeys], bytes };
}

function none(why: string): Result<never> {
  return failed('TRUST_MATERIAL_UNAVAILABLE', `No public keys imported: ${why}`);
}
