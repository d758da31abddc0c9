import type { Result } from '../codes/result.ts';
import type { SignatureStorage } from '../image/signature-storage.ts';
import type { Origin } from '../model/outcome.ts';
import type { Asked, Asker } from '../model/subject.ts';
import type { Exemption } from '../policy/exemption.ts';
import type { PolicySet, Selected } from '../policy/policy.ts';

/** The policies in force: replaced as a whole when one changes. */
export type Policies = {
  readonly sets: readonly PolicySet[];
  readonly exemptions: readonly Exemption[];
  /** What `registries.d` says of where signatures are kept, or why that cannot be told. */
  readonly storage: Result<SignatureStorage>;
};

/** What selection came to: each policy that applies, and whether an exemption lifts it. */
export type Selection = {
  readonly required: readonly Selected[];
  readonly lifted: readonly { readonly selected: Selected; readonly by: Origin; readonly reason: string }[];
  /** No set answered, or only policies that a tenant wrote: those never lift `unmatched` (MODEL.md M7). */
  readonly unmatchedByCluster: boolean;
};

/** Selects policies for one image. Pure, and before any request (DESIGN.md §4.4). */
export function selectPolicies(policies: Policies, asked: Asked, asker: Asker, now: number): Selection {
  const selected = policies.sets.flatMap((set) => set.select(asked, asker));
  const applying = policies.exemptions.filter(
    (exemption) => (exemption.until === 'never' || now < exemption.until) && exemption.applies(asked, asker),
  );
  const required: Selected[] = [];
  const lifted: Selection['lifted'][number][] = [];
  for (const one of selected) {
    const exemption = applying.find((candidate) => candidate.from(one.policy.origin));
    if (exemption === undefined) required.push(one);
    else lifted.push({ selected: one, by: exemption.origin, reason: exemption.reason });
  }
  return { required, lifted, unmatchedByCluster: selected.every((one) => one.policy.origin.namespace !== undefined) };
}
