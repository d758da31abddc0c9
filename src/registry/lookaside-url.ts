import { fileURLToPath } from 'node:url';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { type Digest, hexOf } from '../image/digest.ts';
import type { Repository } from '../image/reference.ts';
import { basic } from './tokens.ts';

/** Where the signatures of one digest lie: a folder of files or of URLs. */
export type SignatureFolder = {
  /** For people: without credentials and without a query, which may hold some too. */
  readonly shown: string;
} & (
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'http'; readonly url: URL; readonly authorization: string | undefined }
);

/**
 * The folder of a digest below a lookaside: the repository's path without its host, then the digest. The base is taken as
 * it is written, so that a slash at its end makes two.
 * @param lookaside as `registries.d` has it; whoever wrote it is trusted, but may have erred
 * @returns LOOKASIDE_UNUSABLE where it is no URL of file, http or https
 * @see reference/openshift-containers.md §3.4
 */
export function signatureFolder(lookaside: string, { path }: Repository, digest: Digest): Result<SignatureFolder> {
  const base = URL.parse(lookaside);
  if (base === null) return unusable(lookaside, 'is no URL');
  const below = `/${path}@sha256=${hexOf(digest)}`;
  switch (base.protocol) {
    case 'file:':
      return fileFolder(lookaside, base, below);
    case 'http:':
    case 'https:':
      return httpFolder(lookaside, base, below);
    default:
      return unusable(lookaside, 'is no URL of file, http or https');
  }
}

/** The path of one signature in a folder of files. */
export function signatureFile(folder: SignatureFolder & { readonly kind: 'file' }, number: number): string {
  return `${folder.path}/signature-${number}`;
}

/** The URL of one signature in a folder of URLs; a query of the base stays. */
export function signatureUrl(folder: SignatureFolder & { readonly kind: 'http' }, number: number): URL {
  const url = new URL(folder.url);
  url.pathname = `${url.pathname}/signature-${number}`;
  return url;
}

function fileFolder(lookaside: string, base: URL, below: string): Result<SignatureFolder> {
  // `file:name` would mean a place that depends on who reads it.
  if (!lookaside.toLowerCase().startsWith('file://') || base.host !== '') {
    return unusable(lookaside, 'names no path on this machine: write file:///PATH');
  }
  try {
    const path = `${fileURLToPath(base)}${below}`;
    return ok({ kind: 'file', path, shown: printable(`file://${path}`, 1_000) });
  } catch (error) {
    // An encoded slash, or half of an encoded character.
    if (error instanceof TypeError || error instanceof URIError) return unusable(lookaside, 'names no path');
    throw error;
  }
}

function httpFolder(lookaside: string, base: URL, below: string): Result<SignatureFolder> {
  const user = decoded(base.username);
  const password = decoded(base.password);
  if (user === undefined || password === undefined) return unusable(lookaside, 'has malformed credentials');
  const url = new URL(base);
  url.username = '';
  url.password = '';
  url.hash = '';
  url.pathname = `${hasPath(lookaside) ? base.pathname : ''}${below}`;
  const authorization = user === '' && password === '' ? undefined : basic(user, password);
  return ok({ kind: 'http', url, authorization, shown: printable(`${url.origin}${url.pathname}`, 1_000) });
}

/** Whether anything was written behind the host: URL makes a slash of nothing. */
function hasPath(text: string): boolean {
  for (const character of text.slice(text.indexOf('//') + 2)) {
    if (character === '/' || character === '\\') return true;
    if (character === '?' || character === '#') return false;
  }
  return false;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Named without what stands before an `@`, wherever that is: nobody knows the parts of what is no URL. */
function unusable(lookaside: string, why: string): Result<never> {
  const at = lookaside.lastIndexOf('@');
  const scheme = lookaside.indexOf('://');
  const start = scheme < 0 ? '' : lookaside.slice(0, scheme + 3);
  const shown = at < 0 ? lookaside : `${at > start.length ? start : ''}…${lookaside.slice(at)}`;
  return failed('LOOKASIDE_UNUSABLE', `the lookaside ${printable(shown)} ${why}`);
}
