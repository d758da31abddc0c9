import { deflateRawSync } from 'node:zlib';

/** A packet in the new format with its whole length first. */
export function packet(tag: number, body: Uint8Array): Buffer {
  const length = Buffer.alloc(5);
  length[0] = 0xff;
  length.writeUInt32BE(body.length, 1);
  return Buffer.concat([Buffer.from([0xc0 | tag]), length, body]);
}

/** A packet in the new format whose first 512 bytes stand in a part of their own. */
export function packetInParts(tag: number, body: Uint8Array): Buffer {
  const rest = body.subarray(512);
  const length = Buffer.alloc(5);
  length[0] = 0xff;
  length.writeUInt32BE(rest.length, 1);
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xe0 | 9]), body.subarray(0, 512), length, rest]);
}

/** The body of a literal packet that holds a text. */
export function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x62, 0, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** A packet of compressed data (ZIP) around others. */
export function compressed(packets: Uint8Array): Buffer {
  return packet(8, Buffer.concat([Buffer.from([1]), deflateRawSync(packets)]));
}

export const LITERAL = 11;
export const MARKER = packet(10, Buffer.from('PGP'));
