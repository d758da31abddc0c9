import type { Decision } from '../model/decision.ts';
import { type ImageRecord, imageRecord, shortened } from './record.ts';

/** The API server keeps annotations in its audit log, and in memory for as long as the request lives. */
const MAX_IMAGES = 20;
const MAX_VALUE = 1_024;

/**
 * The facts of the audit record as audit annotations, so that the API server's own audit log has them. Keys are bare:
 * the API server puts the webhook's name and a slash before them, and drops what then has two (DESIGN.md §5).
 */
export function auditAnnotations(decision: Decision): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {
    decision: decision.allowed ? 'allowed' : 'denied',
    mode: decision.mode,
  };
  if (decision.subjects.some((subject) => subject.wouldDeny)) annotations['would-deny'] = 'true';
  for (const [index, subject] of decision.subjects.slice(0, MAX_IMAGES).entries()) {
    const image = imageRecord(subject);
    annotations[`image-${index}`] = valueOf(image);
  }
  const omitted = decision.subjects.length - MAX_IMAGES;
  if (omitted > 0) annotations['images-omitted'] = String(omitted);
  return annotations;
}

function valueOf(image: ImageRecord): string {
  const whole = JSON.stringify(image);
  if (fits(whole)) return whole;
  const short = JSON.stringify(shortened(image, MAX_VALUE));
  if (fits(short)) return short;
  return JSON.stringify({ path: image.path.slice(0, 200), digest: image.digest, outcome: image.outcome });
}

function fits(value: string): boolean {
  return Buffer.byteLength(value) <= MAX_VALUE;
}
