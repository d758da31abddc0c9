import { type DerElement, oidText, readElements, TAG } from '../../x509/der.ts';

/** The elements of a SEQUENCE that was read already; undefined where it is none. */
export function sequenceOf(element: DerElement | undefined): readonly DerElement[] | undefined {
  return element?.tag === TAG.sequence ? readElements(element.content) : undefined;
}

/** An OBJECT IDENTIFIER in its dotted form. */
export function oidOf(element: DerElement | undefined): string | undefined {
  return element?.tag === TAG.oid ? oidText(element.content) : undefined;
}

/**
 * The optional elements at the end of a list, by their tags.
 * @param tags in the order in which they may come, each once
 * @returns undefined where anything else is there, or one is out of order
 */
export function optionalParts(
  elements: readonly DerElement[],
  tags: readonly number[],
): ReadonlyMap<number, DerElement> | undefined {
  const parts = new Map<number, DerElement>();
  let next = 0;
  for (const element of elements) {
    const at = tags.indexOf(element.tag, next);
    if (at < 0) return undefined;
    parts.set(element.tag, element);
    next = at + 1;
  }
  return parts;
}
