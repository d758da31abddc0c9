import { createHash } from 'node:crypto';
import { asObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { bytesAt } from '../../trust/sigstore/fields.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { parsePromise } from '../rekor/entry.ts';
import type { SigstoreBundle } from '../sigstore/bundle.ts';
import type { BundleEntry } from '../sigstore/bundle-entry.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import { readAttachedCertificates } from './certificate-annotations.ts';
import { ANNOTATIONS } from './formats.ts';

/** A timestamp with its certificates is some kilobytes; characters of the annotation. */
const MAXIMUM_TIMESTAMP_TEXT = 64 * 1024;

/**
 * Reads what a legacy cosign layer carries in annotations as what a bundle would carry: one log entry with a promise and no
 * proof, one timestamp, and for a certificate's holder the certificate with those between it and a root.
 *
 * A key's holder is known without a certificate, so that annotation is not read for one.
 * @param signature decoded already
 * @param annotations attacker-controlled
 * @see reference/tekton-sigstorejs.md §B.5; reference/sigstore-policy-controller.md §2.1
 */
export function layerContents(
  payload: Uint8Array,
  signature: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  signedBy: 'certificate' | 'key',
): Verified<SigstoreBundle> {
  const signer = signedBy === 'key' ? verified(BARE_KEY) : readSigner(annotations);
  if (signer.kind === 'refused') return signer;
  const entries = readEntries(annotations[ANNOTATIONS.rekorBundle] ?? '');
  if (entries.kind === 'refused') return entries;
  const timestamps = readTimestamps(annotations[ANNOTATIONS.timestamp] ?? '');
  if (timestamps.kind === 'refused') return timestamps;
  const digest = createHash('sha256').update(payload).digest();
  return verified({
    content: { kind: 'message', signature, algorithm: 'sha256', digest },
    signer: signer.value,
    entries: entries.value,
    timestamps: timestamps.value,
  });
}

const BARE_KEY: SigstoreBundle['signer'] = { kind: 'key', hint: '' };

function readSigner(annotations: Readonly<Record<string, string>>): Verified<SigstoreBundle['signer']> {
  const attached = readAttachedCertificates(annotations);
  if (!attached.ok) return refused('signer', attached.code, attached.message);
  const { leaf, intermediates } = attached.value;
  const chain: NonEmpty<Certificate> = [leaf, ...intermediates.filter((certificate) => !isSelfIssued(certificate))];
  const [first, ...others] = chain;
  return verified({ kind: 'certificates', chain: [first.der, ...others.map(({ der }) => der)] });
}

/** Tools write the root behind the chain, and sometimes again before it. It is trusted because the policy has it, or not at all. */
function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return Buffer.compare(issuer, subject) === 0;
}

function readEntries(annotation: string): Verified<readonly BundleEntry[]> {
  if (annotation.trim() === '') return verified([]);
  const promised = parsePromise(annotation);
  if (!promised.ok) return refused('transparency', promised.code, promised.message);
  const { body, index, integratedTime, logId, signature } = promised.value;
  const json = parseStrictJson(body, { maxDepth: 16, maxValues: 256 });
  const object = json.ok ? asObject(json.value) : undefined;
  const kind = stringAt(object ?? {}, 'kind');
  const version = stringAt(object ?? {}, 'apiVersion');
  // What the log signed is made again from these parts, so the id must be written as everybody writes it.
  if (kind === undefined || version === undefined || !/^[0-9a-f]{64}$/.test(logId))
    return refused('transparency', 'LOG_ENTRY_INVALID', 'the transparency log entry names no log, kind and version');
  return verified([{ logId, index, kind, version, body, integratedTime, promise: signature, proof: undefined }]);
}

/** `{"SignedRFC3161Timestamp": base64 of the response}`; nothing or an empty text where there is none. */
function readTimestamps(annotation: string): Verified<readonly Uint8Array[]> {
  if (annotation.trim() === '') return verified([]);
  const json =
    annotation.length > MAXIMUM_TIMESTAMP_TEXT ? undefined : parseStrictJson(annotation, { maxDepth: 4, maxValues: 8 });
  const der = json?.ok === true ? bytesAt(asObject(json.value), 'SignedRFC3161Timestamp') : undefined;
  return der === undefined
    ? refused('time', 'TIMESTAMP_INVALID', "the signature's timestamp cannot be read")
    : verified([der]);
}
