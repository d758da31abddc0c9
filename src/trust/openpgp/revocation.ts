import type { enums, Key, SignaturePacket, Subkey } from 'openpgp';
import { PACKET_TAGS, splitPackets } from '../../encoding/openpgp-packets.ts';
import type { OpenPgpCertificate } from './keyring.ts';
import { configFor, type OpenPgpLibrary } from './library.ts';

/** Types of signatures that revoke a primary key, and a subkey (RFC 9580 §5.2.1). */
const KEY_REVOCATION = 0x20;
const SUBKEY_REVOCATION = 0x28;

/** More packets than any keyring was read with. */
const MAXIMUM_PACKETS = 100_000;

/** What the library throws for a revocation that its key did not make. Whatever else it throws, the revocation counts. */
const FORGED: readonly string[] = ['Signed digest did not match', 'Signature verification failed'];

/**
 * Whether a certificate's owner has revoked its primary key, or the subkey that signed. For gpg a revoked key's signatures
 * count no longer, whatever the reason and whenever they were made (openshift-containers.md §3.3).
 *
 * Not left to the library, which ignores a revocation that it cannot verify: here one that cannot be read counts, and only
 * one that somebody else made does not.
 */
export async function isRevoked(
  library: OpenPgpLibrary,
  certificate: OpenPgpCertificate,
  key: Key,
  subkey: Subkey | undefined,
): Promise<boolean> {
  const written = revocationsIn(certificate, key.getKeyID().toHex(), subkey?.getFingerprint());
  if (written.ofKey !== key.revocationSignatures.length) return true;
  const { keyRevocation, subkeyRevocation } = library.enums.signature;
  const primary = key.keyPacket;
  const signatures = key.toPacketList().filter((packet) => packet instanceof library.SignaturePacket);
  const revokers = new Set(signatures.flatMap((signature) => revokerOf(signature) ?? []));
  const lax = { ...configFor(library, 'accept'), rejectHashAlgorithms: new Set<never>() };

  const revokes = async (revocation: SignaturePacket, type: enums.signature, data: object): Promise<boolean> => {
    // Somebody else's revokes nothing, unless the owner named him for it; whether he did it then is not verified.
    if (!revocation.issuerKeyID.equals(key.getKeyID())) return revokers.has(revocation.issuerKeyID.toHex());
    try {
      await revocation.verify(primary, type, data, revocation.created ?? undefined, false, lax);
      return true;
    } catch (error) {
      return !(error instanceof Error && FORGED.includes(error.message));
    }
  };

  for (const revocation of key.revocationSignatures) {
    if (await revokes(revocation, keyRevocation, { key: primary })) return true;
  }
  if (subkey === undefined) return false;
  if (written.ofSubkey !== subkey.revocationSignatures.length) return true;
  for (const revocation of subkey.revocationSignatures) {
    if (await revokes(revocation, subkeyRevocation, { key: primary, bind: subkey.keyPacket })) return true;
  }
  return false;
}

/** The key id of somebody whom the owner allows to revoke the key. */
function revokerOf({ revocationKeyFingerprint }: SignaturePacket): string | undefined {
  return revocationKeyFingerprint === null
    ? undefined
    : Buffer.from(revocationKeyFingerprint.subarray(-8)).toString('hex');
}

/** How many revocations stand in a certificate's packets: the library leaves out those that it cannot read. */
function revocationsIn(
  { bytes, keys }: OpenPgpCertificate,
  primaryId: string,
  subkey: string | undefined,
): { readonly ofKey: number; readonly ofSubkey: number } {
  const packets = splitPackets(bytes, MAXIMUM_PACKETS);
  const wanted = keys.find(({ fingerprint }) => fingerprint === subkey)?.body;
  let ofKey = 0;
  let ofSubkey = 0;
  let isBelow = false;
  for (const { tag, body } of packets.ok ? packets.value : []) {
    if (tag === PACKET_TAGS.publicSubkey) isBelow = wanted !== undefined && Buffer.from(body).equals(wanted);
    if (tag !== PACKET_TAGS.signature) continue;
    const type = revocationType(body, primaryId);
    if (type === KEY_REVOCATION) ofKey++;
    if (type === SUBKEY_REVOCATION && isBelow) ofSubkey++;
  }
  return { ofKey, ofSubkey };
}

/** The type of a signature. One of version 3 says in a fixed place whose it is, so that others' are passed over. */
function revocationType(body: Uint8Array, primaryId: string): number | undefined {
  const [version = 0, second] = body;
  if (version > 3) return second;
  return Buffer.from(body.subarray(7, 15)).toString('hex') === primaryId ? body[2] : undefined;
}
