import { failed, ok, type Result } from '../codes/result.ts';
import { decodeBase64 } from './base64.ts';

/** One block of armor: what it says it is, such as `PUBLIC KEY BLOCK`, and its bytes. */
export type ArmoredBlock = { readonly label: string; readonly bytes: Uint8Array };

const BEGIN = '-----BEGIN PGP ';
const END = '-----END PGP ';
const DASHES = '-----';

/** Whether text holds a line with which OpenPGP's armor begins. */
export function looksArmored(text: string): boolean {
  return text.startsWith(BEGIN) || text.includes(`\n${BEGIN}`);
}

/**
 * Reads OpenPGP's ASCII armor, in linear time: every block, with whatever text stands around them. Headers are passed
 * over; a checksum need not be there, and holds where it is.
 * @param text attacker-controlled, as far as messages go
 * @returns RESPONSE_MALFORMED, also where there is no block; LIMIT_EXCEEDED
 * @see RFC 9580 §6
 */
export function readArmor(text: string, maximumBlocks: number): Result<readonly [ArmoredBlock, ...ArmoredBlock[]]> {
  const blocks: ArmoredBlock[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;

  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (open === undefined) {
      const label = labelOf(line, BEGIN);
      if (label !== undefined) open = { label, lines: [] };
      continue;
    }
    if (!line.startsWith(DASHES)) {
      open.lines.push(line);
      continue;
    }
    if (labelOf(line, END) !== open.label) return malformed('a block does not end as it began');
    if (blocks.length >= maximumBlocks) return failed('LIMIT_EXCEEDED', `it holds more than ${maximumBlocks} blocks`);
    const bytes = readLines(open.lines);
    if (!bytes.ok) return bytes;
    blocks.push({ label: open.label, bytes: bytes.value });
    open = undefined;
  }

  if (open !== undefined) return malformed('a block does not end');
  const [first, ...rest] = blocks;
  return first === undefined ? malformed('it holds no block') : ok([first, ...rest]);
}

/** The lines of a block: headers, an empty line, base64, and the checksum. */
function readLines(lines: readonly string[]): Result<Uint8Array> {
  const empty = lines.indexOf('');
  if (empty < 0) return malformed('no empty line stands before its base64');
  const body = lines.slice(empty + 1).filter((line) => line !== '');
  // No line of base64 begins so: a sign of equality only ends it.
  const last = body.at(-1);
  const sum = last?.startsWith('=') === true && last.length === 5 ? last.slice(1) : undefined;
  const bytes = decodeBase64((sum === undefined ? body : body.slice(0, -1)).join(''));
  if (!bytes.ok || bytes.value.length === 0) return malformed('a block is not base64');
  if (sum === undefined) return bytes;
  const written = decodeBase64(sum);
  return written.ok && Buffer.from(written.value).readUIntBE(0, 3) === checksumOf(bytes.value)
    ? bytes
    : malformed('a checksum does not hold');
}

function labelOf(line: string, opening: string): string | undefined {
  if (!line.startsWith(opening) || !line.endsWith(DASHES)) return undefined;
  const label = line.slice(opening.length, -DASHES.length);
  return /^[A-Z0-9 ]{1,64}$/.test(label) ? label : undefined;
}

/** CRC-24 as armor has it: it tells what was damaged, and protects from nobody. */
function checksumOf(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

function malformed(what: string): Result<never> {
  return failed('RESPONSE_MALFORMED', `the armor cannot be read: ${what}`);
}
