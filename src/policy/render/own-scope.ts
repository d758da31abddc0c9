import type { Scope } from '../compiled.ts';
import { splitVersion } from '../dialects/countersign/globs.ts';
import { isGlob } from '../dialects/countersign/images.ts';
import { canonicalScope } from '../scope.ts';

/** The scope of a transport for all of its images. */
export const EVERYTHING = '';

/**
 * An item of `images` as a scope of a node: exactly what it names, or the narrowest scope that holds all of it where nodes
 * cannot tell it apart from more.
 *
 * `registry/**` and `registry/path/**` are scopes: that the latter holds the repository `registry/path` too only asks for
 * more signatures.
 */
export function nodeScopeOf({ written, canonical }: Scope): { readonly scope: string; readonly isExact: boolean } {
  if (!isGlob(written)) return { scope: canonical, isExact: true };
  const { name, separator } = splitVersion(written);
  const parts = name.split('/');
  const wildcard = parts.findIndex((part) => part.includes('*'));
  const plain = wildcard < 0 ? parts : parts.slice(0, wildcard);
  const isExact = separator === '' && parts.length === plain.length + 1 && parts[wildcard] === '**';
  return { scope: plain.length === 0 ? EVERYTHING : canonicalScope(plain.join('/')), isExact };
}
