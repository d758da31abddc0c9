import { failed, ok, type Result } from '../codes/result.ts';
import { decodeBase64 } from './base64.ts';

/** One PEM block: what it says it is, and its bytes. */
export type PemBlock = {
  readonly label: string;
  readonly der: Uint8Array;
};

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const DASHES = '-----';

/**
 * Reads PEM blocks (RFC 7468, without headers: an encrypted key is refused) in linear time.
 * @param text attacker-controlled
 * @param options `junk: 'refused'` (default) allows only blank lines outside of blocks; `'ignored'` skips anything there,
 *   as Go's pem.Decode does. `maxBlocks` (default 100) bounds their number.
 * @returns RESPONSE_MALFORMED, also where there is no block; LIMIT_EXCEEDED
 */
export function readPem(
  text: string,
  options: { readonly junk?: 'refused' | 'ignored'; readonly maxBlocks?: number } = {},
): Result<readonly [PemBlock, ...PemBlock[]]> {
  const maxBlocks = options.maxBlocks ?? 100;
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;

  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (open === undefined) {
      const label = labelOf(line, BEGIN);
      if (label !== undefined) open = { label, lines: [] };
      else if (line !== '' && options.junk !== 'ignored') return malformed('it holds something outside of its blocks');
      continue;
    }
    if (!line.startsWith(DASHES)) {
      open.lines.push(line);
      continue;
    }
    if (labelOf(line, END) !== open.label) return malformed('a block does not end as it began');
    const der = decodeBase64(open.lines.join(''));
    if (!der.ok) return malformed('a block is not base64');
    if (der.value.length === 0) return malformed('a block is empty');
    if (blocks.length >= maxBlocks) return failed('LIMIT_EXCEEDED', `the PEM holds more than ${maxBlocks} blocks`);
    blocks.push({ label: open.label, der: der.value });
    open = undefined;
  }

  if (open !== undefined) return malformed('a block does not end');
  const [first, ...rest] = blocks;
  return first === undefined ? malformed('it holds no block') : ok([first, ...rest]);
}

/** Writes one PEM block, 64 characters a line. */
export function writePem(label: string, der: Uint8Array): string {
  const text = Buffer.from(der).toString('base64');
  const lines: string[] = [];
  for (let i = 0; i < text.length; i += 64) lines.push(text.slice(i, i + 64));
  return `${BEGIN}${label}${DASHES}\n${lines.join('\n')}\n${END}${label}${DASHES}\n`;
}

function labelOf(line: string, opening: string): string | undefined {
  if (!line.startsWith(opening) || !line.endsWith(DASHES)) return undefined;
  const label = line.slice(opening.length, -DASHES.length);
  return /^[A-Z0-9 ]{1,64}$/.test(label) ? label : undefined;
}

function malformed(what: string): Result<never> {
  return failed('RESPONSE_MALFORMED', `the PEM cannot be read: ${what}`);
}
