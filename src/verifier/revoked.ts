import type { Finding, RevocableChain, Verdict } from '../model/finding.ts';
import type { Leaf } from '../model/requirement.ts';
import type { RevocationStatus } from '../trust/revocation/status.ts';

/** Asks whether any certificate of a chain was revoked, now. */
export type AskRevocation = (chain: RevocableChain) => Promise<RevocationStatus>;

type Judged = Extract<Finding, { kind: 'judged' }>;

/** What a level says of revoked certificates. */
type Action = 'enforce' | 'log' | 'skip';

/**
 * Asks of a finding that a leaf accepted whether its certificates were revoked, as far as the leaf wants that asked. It is
 * last because it takes the network, and it is no part of the proof: what is revoked meanwhile refuses at once (MODEL.md M2).
 * @param now milliseconds since the epoch
 * @see reference/notation-ratify.md §1.11
 */
export async function unlessRevoked(finding: Judged, leaf: Leaf, ask: AskRevocation, now: number): Promise<Judged> {
  const { proof, verdict } = finding;
  if (proof.kind !== 'proved' || verdict.kind !== 'accepted') return finding;
  const warnings: string[] = [];
  for (const chain of proof.revocable) {
    const action = actionFor(chain, leaf);
    if (action === 'skip' || (chain.from !== 'always' && now < chain.from)) continue;
    const status = await ask(chain);
    if (status.kind === 'good') continue;
    if (action === 'enforce') return { ...finding, verdict: refusalFor(status) };
    warnings.push(status.message);
  }
  return warnings.length === 0
    ? finding
    : { ...finding, verdict: { ...verdict, warnings: [...verdict.warnings, ...warnings] } };
}

/** Whoever vouches for a time counts as much as that time does; of signers the policy says it. */
function actionFor({ of }: RevocableChain, { proof }: Leaf): Action {
  if (proof.kind !== 'notation') return 'enforce';
  return of === 'timestamp' ? proof.levels.authenticTimestamp : proof.levels.revocation;
}

function refusalFor(status: Exclude<RevocationStatus, { kind: 'good' }>): Verdict {
  return status.kind === 'revoked'
    ? { kind: 'refused', check: 'signer', code: 'CERTIFICATE_REVOKED', message: status.message }
    : { kind: 'undecided', code: 'REVOCATION_UNKNOWN', message: status.message };
}
