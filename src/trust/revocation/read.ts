import { type DerElement, readElements, readSequence, TAG } from '../x509/der.ts';
import { readExtension } from '../x509/extensions.ts';

/** What an authority said of a certificate, or why that could not be read or relied on; the sentence is safe to show. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** Says why something is not to be relied on. */
export function unreadable(message: string): Read<never> {
  return { ok: false, message };
}

/** Extensions by their identifiers, each once. */
export type ExtensionList = ReadonlyMap<string, { readonly critical: boolean; readonly value: Uint8Array }>;

/**
 * Reads a SEQUENCE of extensions, as lists of revoked certificates, their entries and OCSP answers have it.
 * @param bytes the SEQUENCE, or undefined where there is none
 * @returns undefined where one cannot be read, or is there twice: two readers could take different ones
 */
export function readExtensionList(bytes: Uint8Array | undefined): ExtensionList | undefined {
  const list = new Map<string, { readonly critical: boolean; readonly value: Uint8Array }>();
  const elements = bytes === undefined ? [] : readSequence(bytes);
  if (elements === undefined) return undefined;
  for (const element of elements) {
    const extension = readExtension(element);
    if (extension === undefined || list.has(extension.oid)) return undefined;
    list.set(extension.oid, extension);
  }
  return list;
}

/** The elements within a SEQUENCE; undefined if it is none. */
export function partsOf(element: DerElement | undefined): readonly DerElement[] | undefined {
  return element?.tag === TAG.sequence ? readElements(element.content) : undefined;
}
