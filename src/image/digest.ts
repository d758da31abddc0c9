import { createHash } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';

declare const digestBrand: unique symbol;

/** A sha256 digest in its one canonical form, `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly [digestBrand]: true };

const PREFIX = 'sha256:';
const LENGTH = PREFIX.length + 64;

/** Whether the text is a sha256 digest in canonical form. */
export function isDigest(text: string): text is Digest {
  if (text.length !== LENGTH || !text.startsWith(PREFIX)) return false;
  for (let i = PREFIX.length; i < LENGTH; i++) {
    const c = text.charCodeAt(i);
    const hexadecimal = (c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66);
    if (!hexadecimal) return false;
  }
  return true;
}

/**
 * Reads a digest. Only sha256 is verified for (DESIGN.md §4.1), so any other algorithm is refused by name.
 * @param text attacker-controlled
 */
export function parseDigest(text: string): Result<Digest> {
  if (isDigest(text)) return ok(text);
  if (text.startsWith(PREFIX))
    return failed('REFERENCE_INVALID', 'a sha256 digest has 64 lower-case hexadecimal digits');
  return failed('DIGEST_ALGORITHM_UNSUPPORTED', 'only sha256 digests are supported');
}

/** Digest of the bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  const text = PREFIX + createHash('sha256').update(bytes).digest('hex');
  if (!isDigest(text)) throw new TypeError('sha256 did not give 64 hexadecimal digits');
  return text;
}

/** The 64 hexadecimal digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(PREFIX.length);
}
