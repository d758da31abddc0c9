import { derFromBer } from '../../../encoding/ber.ts';
import type { Checked } from '../../x509/result.ts';
import { invalidTimestamp } from './refusal.ts';
import { readSignedData, type SignedData } from './signed-data.ts';
import { readTimestampInfo, type TimestampInfo } from './timestamp-info.ts';

/** A timestamp token, read; nothing of it is verified. */
export type TimestampToken = SignedData & { readonly info: TimestampInfo };

/** id-ct-TSTInfo. */
const TIMESTAMP_INFO = '1.2.840.113549.1.9.16.1.4';

/** Tokens have some six kilobytes with their certificates. Bytes. */
const MAXIMUM_BYTES = 64 * 1024;

/**
 * Reads a timestamp token as notation keeps it beside a signature: a bare CMS message (RFC 3161 §2.4.2), without the
 * response in which it came, in DER or BER.
 * @param bytes attacker-controlled
 * @returns TIMESTAMP_INVALID
 * @see reference/notation-ratify.md §1.10; tspclient-go token.go
 */
export function readTimestampToken(bytes: Uint8Array): Checked<TimestampToken> {
  if (bytes.length > MAXIMUM_BYTES) return invalidTimestamp(`has more than ${MAXIMUM_BYTES} bytes`);
  const der = derFromBer(bytes);
  if (der === undefined) return invalidTimestamp('is no BER that can be read');
  const signed = readSignedData(der);
  if (!signed.ok) return signed;
  if (signed.value.contentType !== TIMESTAMP_INFO) return invalidTimestamp('is a CMS message about something else');
  const info = readTimestampInfo(signed.value.content);
  return info.ok ? { ok: true, value: { ...signed.value, info: info.value } } : info;
}
