import type { RefusalCode } from '../../../codes/codes.ts';
import type { Certificate } from '../../x509/certificate.ts';

/** A stretch of time, both ends within it; milliseconds since the epoch. */
export type TimeWindow = { readonly from: number; readonly to: number };

/**
 * What stands against a signature of some moment within the window, since every certificate of its signer's chain, the root
 * included, must be valid in the whole of it. The same is asked of the time of verification and of the time that a signing
 * authority vouches for, whose windows are one moment long.
 * @returns undefined where nothing does; CERTIFICATE_NOT_YET_VALID, CERTIFICATE_EXPIRED
 * @see reference/notation-ratify.md §1.10; notation-go verifier/verifier.go, verifyTimestamp
 */
export function validityProblem(
  window: TimeWindow,
  chain: readonly Certificate[],
): { readonly code: RefusalCode; readonly message: string } | undefined {
  for (const [index, { notBefore, notAfter }] of chain.entries()) {
    const isEarly = window.from < notBefore;
    if (!isEarly && window.to <= notAfter) continue;
    const which = index === 0 ? "the signer's certificate" : `certificate ${index + 1} of the signer's chain`;
    const when = `${shown(window)}: it is valid from ${date(notBefore)} to ${date(notAfter)}`;
    return isEarly
      ? { code: 'CERTIFICATE_NOT_YET_VALID', message: `${which} was not valid yet at ${when}` }
      : { code: 'CERTIFICATE_EXPIRED', message: `${which} had expired at ${when}` };
  }
  return undefined;
}

/** A window for people. */
function shown({ from, to }: TimeWindow): string {
  return from === to ? date(from) : `some time from ${date(from)} to ${date(to)}`;
}

const date = (at: number): string => new Date(at).toISOString();
