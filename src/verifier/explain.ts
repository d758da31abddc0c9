import type { ReasonCode } from '../codes/codes.ts';
import { asSentence, printable } from '../encoding/escape.ts';
import type { Digest } from '../image/digest.ts';
import type { Finding, Location } from '../model/finding.ts';
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
      return outcome.findings.some(isAccepted)
        ? 'Accepted: the policy has it reported, and not enforced, who signed.'
        : 'Accepted by the policy without a signature.';
    case 'exempt':
      return `Exempt: ${printable(outcome.reason)}.`;
    case 'unmatched':
      return 'No policy names this image.';
    case 'unsigned':
      return unsigned(outcome, digest);
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

/**
 * Every place that was looked at is named: a mirror without the tag is a common cause, as is a lookaside that was meant
 * to be another (openshift-containers.md §6). Where a lookaside is one of them, the policy is a policy.json, and the
 * sentence is that of containers/image, which runbooks search for.
 */
function unsigned({ lookedIn, others }: Extract<Outcome, { kind: 'unsigned' }>, digest: Digest | undefined): string {
  const image = digest ?? 'the image';
  const repositories = distinct(lookedIn.map((place) => printable(place.repository))).join(', ');
  const places = distinct(lookedIn.map(placeOf).filter((place) => place !== ''));
  const where = `${repositories}${places.length === 0 ? '' : ` (looked at ${places.join(' and ')})`}`;
  return lookedIn.some(({ store }) => store === 'lookaside')
    ? `A signature was required, but no signature exists for ${image} in ${where}.${otherSignatures(others)}`
    : `No ${formatsOf(lookedIn)} signature for ${image} in ${where}.${attachments(others)}`;
}

/** Whose signatures were looked for. */
function formatsOf(lookedIn: readonly Location[]): string {
  const isNotation = ({ store }: Location): boolean => store === 'notation';
  if (lookedIn.every(isNotation)) return 'notation';
  return lookedIn.some(isNotation) ? 'cosign or notation' : 'cosign';
}

function placeOf({ store, reference }: Location): string {
  if (store === 'lookaside') return printable(reference, 600);
  return reference === 'referrers' ? reference : `tag ${printable(reference)}`;
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function attachments(count: number): string {
  if (count === 0) return '';
  return count === 1
    ? ' It carries one attachment that is not a signature.'
    : ` It carries ${count} attachments that are not signatures.`;
}

/** What lies there may be a signature of another format than the policy asks for, such as sigstore's beside OpenPGP. */
function otherSignatures(count: number): string {
  if (count === 0) return '';
  return count === 1
    ? ' One attachment or signature of another kind was found, for which the policy does not ask.'
    : ` ${count} attachments or signatures of another kind were found, for which the policy does not ask.`;
}

function sentence(message: string): string {
  const first = asSentence(printable(message, 600));
  return first.endsWith('.') || first.endsWith('…') ? first : `${first}.`;
}

function isAccepted(finding: Finding): boolean {
  return finding.kind === 'judged' && finding.verdict.kind === 'accepted';
}
