import { printable } from '../../../encoding/escape.ts';
import { formatLayout } from '../../../image/layout-reference.ts';
import { effectiveTag, formatReference } from '../../../image/reference.ts';
import type { Requirement } from '../../../model/requirement.ts';
import type { AskedImage, AskedLayout } from '../../../model/subject.ts';

/** What `reject` compiles to, before anybody knows which image it refuses. */
export const REJECTED: Requirement = { kind: 'reject', says: 'Running this image is rejected by policy.' };

/** The same requirement with the image's name in whatever rejects it, as containers/image says it. */
export function naming(requirement: Requirement, asked: AskedImage | AskedLayout): Requirement {
  if (requirement === REJECTED)
    return { kind: 'reject', says: `Running image ${printable(nameIn(asked), 600)} is rejected by policy.` };
  if (requirement.kind !== 'allOf' || !requirement.of.includes(REJECTED)) return requirement;
  const [first, ...rest] = requirement.of;
  return { kind: 'allOf', of: [naming(first, asked), ...rest.map((one) => naming(one, asked))] };
}

/** As skopeo writes it, transport first. */
function nameIn(asked: AskedImage | AskedLayout): string {
  if (asked.kind === 'layout') return formatLayout(asked.layout);
  const { reference } = asked;
  return `docker://${formatReference({ ...reference, tag: effectiveTag(reference) })}`;
}
