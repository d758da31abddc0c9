import type { ReasonCode } from '../codes/codes.ts';
import { asSentence, printable } from '../encoding/escape.ts';
import type { Digest } from '../image/digest.ts';
import type { Location } from '../model/finding.ts';
import type { Outcome } from '../model/outcome.ts';

/** The code that explains an outcome, where there is one. */
export function codeOf(outcome: Outcome): ReasonCode | undefined {
  switch (outcome.kind) {
    case 'verified':
    case 'accepted':
    case 'exempt':
      return undefined;
    case 'unmatched':
      return 'UNMATCHED';
    case 'unsigned':
    case 'untrusted':
    case 'invalid':
    case 'rejected':
      return outcome.code;
    case 'error':
      return outcome.failure.code;
  }
}

/**
 * One sentence for the person who is blocked: what was looked for and what was found (STYLE.md). Text from outside is
 * escaped here, once.
 */
export function explain(outcome: Outcome, digest: Digest | undefined): string {
  switch (outcome.kind) {
    case 'verified':
      return `Signed by ${printable(signers(outcome))}.`;
    case 'accepted':
      return 'Accepted by the policy without a signature.';
    case 'exempt':
      return `Exempt: ${printable(outcome.reason)}.`;
    case 'unmatched':
      return 'No policy names this image.';
    case 'unsigned':
      return `No cosign signature for ${digest ?? 'the image'} in ${looked(outcome.lookedIn)}.${attachments(outcome.others)}`;
    case 'untrusted':
    case 'invalid':
    case 'rejected':
      return sentence(outcome.message);
    case 'error':
      return sentence(outcome.failure.message);
  }
}

function signers(outcome: Extract<Outcome, { kind: 'verified' }>): string {
  const displays = outcome.findings.flatMap((finding) =>
    finding.kind === 'judged' && finding.verdict.kind === 'accepted' && finding.proof.kind === 'proved'
      ? [finding.proof.signer.display]
      : [],
  );
  return [...new Set(displays)].join(', ');
}

/** The exact tag is named: a mirror without it is a common cause (openshift-containers.md §6). */
function looked(places: readonly Location[]): string {
  const repositories = [...new Set(places.map((place) => place.repository))].map((name) => printable(name)).join(', ');
  const references = [
    ...new Set(
      places.map((place) => (place.reference === 'referrers' ? 'referrers' : `tag ${printable(place.reference)}`)),
    ),
  ];
  return `${repositories} (looked at ${references.join(' and ')})`;
}

function attachments(count: number): string {
  if (count === 0) return '';
  return count === 1
    ? ' It carries one attachment that is not a signature.'
    : ` It carries ${count} attachments that are not signatures.`;
}

function sentence(message: string): string {
  const first = asSentence(printable(message, 600));
  return first.endsWith('.') || first.endsWith('…') ? first : `${first}.`;
}
