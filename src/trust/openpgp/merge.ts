import { type OpenPgpPacket, PACKET_TAGS, splitPackets } from '../../encoding/openpgp-packets.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { certificateOf, MAXIMUM_PACKETS, type OpenPgpCertificate } from './keyring.ts';

/** A key or user id with the signatures behind it, each once. */
type Part = { readonly packet: OpenPgpPacket; readonly signatures: Map<string, OpenPgpPacket> };

/**
 * Certificates of one primary key as one, as `gpg --import` makes them: an export of old beside a newer one must not bring
 * back what the newer one revokes, or the time that it took from a key. Every other certificate stays the object that it is.
 */
export function mergeCertificates(certificates: NonEmpty<OpenPgpCertificate>): NonEmpty<OpenPgpCertificate> {
  const byKey = new Map<string, NonEmpty<OpenPgpCertificate>>();
  for (const certificate of certificates) {
    const same = byKey.get(certificate.fingerprint);
    byKey.set(certificate.fingerprint, same === undefined ? [certificate] : [...same, certificate]);
  }
  const [first, ...rest] = [...byKey.values()].map(merged);
  return first === undefined ? certificates : [first, ...rest];
}

function merged([first, ...others]: NonEmpty<OpenPgpCertificate>): OpenPgpCertificate {
  if (others.length === 0) return first;
  const parts = new Map<string, Part>();
  for (const { bytes } of [first, ...others]) {
    // They were written from packets that had been read.
    const packets = splitPackets(bytes, MAXIMUM_PACKETS);
    let part: Part | undefined;
    for (const packet of packets.ok ? packets.value : []) {
      if (packet.tag === PACKET_TAGS.signature) {
        part?.signatures.set(nameOf(packet), packet);
        continue;
      }
      part = parts.get(nameOf(packet)) ?? { packet, signatures: new Map() };
      parts.set(nameOf(packet), part);
    }
  }
  const [primary, ...behind] = [...parts.values()];
  if (primary === undefined) return first;
  // The first subkey ends the user ids.
  const isSubkey = ({ packet: { tag } }: Part): boolean => tag === PACKET_TAGS.publicSubkey;
  const inOrder = [...behind.filter((part) => !isSubkey(part)), ...behind.filter(isSubkey)];
  const belongings = [
    ...primary.signatures.values(),
    ...inOrder.flatMap(({ packet, signatures }) => [packet, ...signatures.values()]),
  ];
  return certificateOf({ key: primary.packet, belongings }) ?? first;
}

function nameOf({ tag, body }: OpenPgpPacket): string {
  return `${tag} ${Buffer.from(body).toString('base64')}`;
}
