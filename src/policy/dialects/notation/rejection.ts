import { printable } from '../../../encoding/escape.ts';
import { formatLayout } from '../../../image/layout-reference.ts';
import { effectiveTag, formatReference } from '../../../image/reference.ts';
import type { Requirement } from '../../../model/requirement.ts';
import type { AskedImage, AskedLayout } from '../../../model/subject.ts';

/** What refuses an image that no statement speaks for, before anybody knows which image it is. */
export const NOT_APPLICABLE = {
  kind: 'reject',
  says: 'the artifact has no applicable oci trust policy statement',
} as const satisfies Requirement;

/** The same with the image's name in it, beginning as notation's own sentence does. */
export function notApplicableTo(asked: AskedImage | AskedLayout): Extract<Requirement, { kind: 'reject' }> {
  const name = printable(nameOf(asked), 600);
  return {
    kind: 'reject',
    says: `artifact "${name}" has no applicable oci trust policy statement: none has its repository, or "*", in its registryScopes.`,
  };
}

function nameOf(asked: AskedImage | AskedLayout): string {
  if (asked.kind === 'layout') return formatLayout(asked.layout);
  return formatReference({ ...asked.reference, tag: effectiveTag(asked.reference) });
}
