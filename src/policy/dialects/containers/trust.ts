import { isUtf8 } from 'node:buffer';
import { printable } from '../../../encoding/escape.ts';
import type { NonEmpty, TrustRef } from '../../../model/requirement.ts';
import type { Material, PolicyRequirement, SigstoreRoot } from './document.ts';

/** Gives the text or bytes of a file that the document names. */
export type ReadFile = (path: string) => TrustRef;

/** A keyring. It may be armored text or binary; what it is, is told when it is loaded. */
export function keyring(material: Material, read: ReadFile): TrustRef {
  if (material.kind === 'path') return read(material.path);
  const { bytes } = material;
  if (bytes.length === 0) return { kind: 'unavailable', why: 'No public keys imported: keyData is empty' };
  return isUtf8(bytes)
    ? { kind: 'inline', text: Buffer.from(bytes).toString('utf8') }
    : { kind: 'binary', base64: Buffer.from(bytes).toString('base64') };
}

/** A key or certificates of sigstore, which are PEM: what is no text is none of them. */
export function pem(material: Material, read: ReadFile): TrustRef {
  if (material.kind === 'data') {
    const { bytes } = material;
    if (bytes.length > 0 && isUtf8(bytes)) return { kind: 'inline', text: Buffer.from(bytes).toString('utf8') };
    const what = bytes.length === 0 ? 'is empty' : 'is no text';
    return { kind: 'unavailable', why: `the data of a key or certificate ${what}, and so no PEM` };
  }
  const ref = read(material.path);
  if (ref.kind !== 'binary') return ref;
  return { kind: 'unavailable', why: `the file "${printable(material.path)}" is no text, and so no PEM` };
}

/** The same for several, none of which is left out. */
export function pems([first, ...rest]: NonEmpty<Material>, read: ReadFile): NonEmpty<TrustRef> {
  return [pem(first, read), ...rest.map((one) => pem(one, read))];
}

/** The files that a requirement reads when it is asked; one that rejects whatever it is asked reads none. */
export function filesOf(requirement: PolicyRequirement): readonly string[] {
  return materialsOf(requirement).flatMap((material) => (material.kind === 'path' ? [material.path] : []));
}

function materialsOf(requirement: PolicyRequirement): readonly Material[] {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
    case 'reject':
    case 'signedBaseLayer':
      return [];
    case 'signedBy':
      return requirement.keyType === 'GPGKeys' ? requirement.keys : [];
    case 'sigstoreSigned':
      return materialsOfRoot(requirement.root);
  }
}

function materialsOfRoot(root: SigstoreRoot): readonly Material[] {
  switch (root.kind) {
    case 'keys':
      return [...root.keys, ...(root.rekorKeys ?? [])];
    case 'fulcio':
      return [root.ca, ...root.rekorKeys];
    case 'pki':
      return root.intermediates === undefined ? [root.roots] : [root.roots, root.intermediates];
  }
}
