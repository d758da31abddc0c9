import { expect } from 'vitest';
import { readTimestampToken, type TimestampToken } from '../../../../src/trust/notation/timestamp/token.ts';
import { type VerifiedTimestamp, verifyTimestamp } from '../../../../src/trust/notation/timestamp/verify.ts';
import { type Certificate, parseCertificate } from '../../../../src/trust/x509/certificate.ts';
import { createVerifiedEdges } from '../../../../src/trust/x509/chain.ts';
import type { Checked } from '../../../../src/trust/x509/result.ts';
import type { Issued } from '../../../fixtures/certificates.ts';
import { newTimestampAuthority, type TokenOptions, timestampToken } from '../../../fixtures/notation/timestamps.ts';

/** What is timestamped here, and in the vectors of tspclient-go. */
export const MESSAGE = Buffer.from('notation');

/** Who makes timestamps here; its root is what is trusted. */
export const tsa = newTimestampAuthority();
export const [intermediate, root] = [tsa.above[0], tsa.above.at(-1) ?? tsa.above[0]];

/** A good token over the message, or one with something changed. */
export const token = (changes: Partial<TokenOptions> = {}): Buffer =>
  timestampToken(MESSAGE, { authority: tsa, ...changes });

/** Whom to trust, and what the token is to be over. */
export type Asked = { readonly roots?: readonly Certificate[]; readonly message?: Uint8Array };

/** A certificate of the tests' own making, read. */
export function parsed({ der }: Pick<Issued, 'der'>): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return certificate.value;
}

/** A token that can be read. */
export function read(bytes: Uint8Array): TimestampToken {
  const token = readTimestampToken(bytes);
  if (!token.ok) return expect.fail(token.message);
  return token.value;
}

/** What a token comes to when it is read and verified. */
export async function verified(bytes: Uint8Array, { roots, message }: Asked = {}): Promise<Checked<VerifiedTimestamp>> {
  const token = readTimestampToken(bytes);
  if (!token.ok) return token;
  return verifyTimestamp(token.value, message ?? MESSAGE, roots ?? [parsed(root)], createVerifiedEdges());
}

/** The same in words: when it was there, or what stands against it after "the signature's timestamp". */
export async function ask(bytes: Uint8Array, asked: Asked = {}): Promise<string> {
  const result = await verified(bytes, asked);
  if (result.ok) return [result.value.window.from, result.value.window.to].map(iso).join(' – ');
  expect(result.code).toBe('TIMESTAMP_INVALID');
  expect(result.message).toMatch(/^the signature's timestamp /);
  return result.message.slice("the signature's timestamp ".length);
}

const iso = (at: number): string => new Date(at).toISOString();

/** What a good token of noon comes to. */
export const AT_NOON = '2026-06-01T12:00:00.000Z – 2026-06-01T12:00:00.000Z';
