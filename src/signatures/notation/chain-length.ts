import type { RefusedBundle } from '../sigstore/result.ts';
import { malformedEnvelope, oversizedEnvelope } from './parts.ts';

/** Signer, root and eight between them: each certificate costs time before anything is verified. */
const MAXIMUM_CERTIFICATES = 10;

/** What is wrong with a chain of so many certificates, asked before any of them is decoded. */
export function chainLengthProblem(certificates: number): RefusedBundle | undefined {
  if (certificates === 0) return malformedEnvelope('its chain of certificates is empty');
  return certificates > MAXIMUM_CERTIFICATES
    ? oversizedEnvelope(`it holds more than ${MAXIMUM_CERTIFICATES} certificates`)
    : undefined;
}
