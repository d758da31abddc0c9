import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One case of sigstore-conformance's `bundle-verify`, as its README lays them out. */
export type ConformanceCase = {
  readonly name: string;
  readonly holds: boolean;
  readonly bundle: string;
  readonly artifact: string;
  readonly trustedRoot: string;
  /** Where the case brings its own root. */
  readonly ownRoot: boolean;
  readonly key: string | undefined;
  readonly identity: { readonly issuer: string; readonly subject: string };
};

const IDENTITY =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';
const ISSUER = 'https://token.actions.githubusercontent.com';

/** Lists the cases below the folder of all vectors. */
export function conformanceCases(vectors: string): readonly ConformanceCase[] {
  const folder = join(vectors, 'sigstore-conformance/bundle-verify');
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'bundle.sigstore.json')))
    .map((name) => {
      const own = (file: string) => {
        const path = join(folder, name, file);
        return existsSync(path) ? path : undefined;
      };
      const text = (file: string, otherwise: string) => {
        const path = own(file);
        return path === undefined ? otherwise : readFileSync(path, 'utf8').trim();
      };
      return {
        name,
        holds: !name.endsWith('_fail'),
        bundle: join(folder, name, 'bundle.sigstore.json'),
        artifact: own('artifact') ?? join(folder, '../a.txt'),
        trustedRoot: own('trusted_root.json') ?? join(vectors, 'sigstore-root/trusted_root.json'),
        ownRoot: own('trusted_root.json') !== undefined,
        key: own('key.pub'),
        identity: { issuer: text('issuer', ISSUER), subject: text('identity', IDENTITY) },
      };
    });
}

/** How each case that must fail is refused here. The suite asks only that it is. */
export const REFUSED_AS: Readonly<Record<string, string>> = {
  'bundle-empty-certificate-chain_fail': 'SIGNATURE_MALFORMED',
  'bundle-from-wrong-instance_fail': 'LOG_ENTRY_MISSING',
  'bundle-invalid-base64-signature_fail': 'SIGNATURE_MALFORMED',
  'bundle-malformed-json_fail': 'SIGNATURE_MALFORMED',
  'bundle-negative-log-index_fail': 'SIGNATURE_MALFORMED',
  'bundle-unknown-version_fail': 'SIGNATURE_MALFORMED',
  'bundle-with-root-cert_fail': 'CERTIFICATE_UNTRUSTED',
  'checkpoint-bad-keyhint_fail': 'LOG_ENTRY_INVALID',
  'checkpoint-wrong-roothash_fail': 'LOG_ENTRY_INVALID',
  'dsse-invalid-sig_fail': 'SIGNATURE_MISMATCH',
  'dsse-mismatch-envelope_fail': 'LOG_ENTRY_MISMATCH',
  'dsse-mismatch-sig_fail': 'LOG_ENTRY_MISMATCH',
  'inclusion-proof-corrupted-hash_fail': 'LOG_ENTRY_INVALID',
  'incorrect-public-key_fail': 'LOG_ENTRY_MISMATCH',
  'integrated-time-in-future_fail': 'CERTIFICATE_EXPIRED',
  'intoto-expired-certificate_fail': 'CERTIFICATE_NOT_YET_VALID',
  'intoto-log-entry-mismatch_fail': 'LOG_ENTRY_MISMATCH',
  'intoto-missing-inclusion-proof_fail': 'SIGNATURE_MALFORMED',
  'intoto-set-outside-signing-cert-validity_fail': 'CERTIFICATE_EXPIRED',
  'intoto-tsa-timestamp-outside-cert-validity_fail': 'CERTIFICATE_EXPIRED',
  'invalid-checkpoint-signature_fail': 'LOG_ENTRY_INVALID',
  'invalid-ct-key_fail': 'CERTIFICATE_NOT_LOGGED',
  'invalid-inclusion-proof_fail': 'SIGNATURE_MALFORMED',
  'managed-key-no-key_fail': 'CERTIFICATE_MISSING',
  'managed-key-wrong-key_fail': 'TRUST_MATERIAL_UNAVAILABLE',
  'message-digest-mismatch_fail': 'PAYLOAD_DIGEST_MISMATCH',
  'rekor2-checkpoint-missing-log-signature_fail': 'LOG_ENTRY_INVALID',
  'rekor2-checkpoint-missing-origin_fail': 'LOG_ENTRY_INVALID',
  'rekor2-checkpoint-missing-root-hash_fail': 'LOG_ENTRY_INVALID',
  'rekor2-checkpoint-missing-size_fail': 'LOG_ENTRY_INVALID',
  'rekor2-checkpoint-no-matching-signature_fail': 'LOG_ENTRY_INVALID',
  'rekor2-dsse-invalid-sig_fail': 'SIGNATURE_MISMATCH',
  'rekor2-dsse-mismatch-envelope_fail': 'LOG_ENTRY_MISMATCH',
  'rekor2-dsse-mismatch-sig_fail': 'LOG_ENTRY_MISMATCH',
  'rekor2-no-inclusion-proof_fail': 'SIGNATURE_MALFORMED',
  'rekor2-no-timestamp_fail': 'TIME_UNPROVEN',
  'rekor2-timestamp-outside-trust-root-tsa-validity_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-outside-tsa-cert-validity_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-payload-mismatch_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-with-incorrect-time_fail': 'SIGNATURE_MALFORMED',
  'set-invalid-signature_fail': 'LOG_ENTRY_INVALID',
  'signature-mismatch_fail': 'SIGNATURE_MISMATCH',
  'trust-root-tlog-missing-validity-start_fail': 'TRUST_MATERIAL_UNAVAILABLE',
  'wrong-hashedrekord-artifact_fail': 'LOG_ENTRY_MISMATCH',
  'wrong-hashedrekord-cert-and-sig_fail': 'LOG_ENTRY_MISMATCH',
  'wrong-hashedrekord-entry_fail': 'LOG_ENTRY_MISMATCH',
  'wrong-material_fail': 'PAYLOAD_DIGEST_MISMATCH',
};
