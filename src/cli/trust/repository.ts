import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import type { Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { TufRepository } from './tuf-refresh.ts';

const PUBLIC_GOOD = 'https://tuf-repo-cdn.sigstore.dev';

/** A root.json has some kilobytes; the library itself reads no larger one from a repository; bytes. */
const MAXIMUM_ROOT_BYTES = 512_000;

/** A repository to refresh from, and the name of the folder that keeps its metadata apart from other repositories'. */
export type ChosenRepository = TufRepository & { readonly host: string; readonly folder: string };

/**
 * The repository that a call means: a private one with its root, or that of the public-good instance, whose root the package
 * @sigstore/tuf carries. Another root means another cache: what was known of the repository before it was made anew
 * says nothing about it.
 * @returns what is wrong with the call
 */
export async function chooseRepository(
  mirror: string | undefined,
  rootPath: string | undefined,
): Promise<Result<ChosenRepository, string>> {
  if (mirror === undefined) {
    if (rootPath !== undefined) return wrong('--root goes with --mirror: the public-good instance’s root is built in.');
    const initialRoot = Buffer.from(seeds[PUBLIC_GOOD]['root.json'], 'base64');
    return chosen(new URL(PUBLIC_GOOD), initialRoot, '');
  }
  const url = URL.parse(mirror);
  if (url === null || !['https:', 'http:'].includes(url.protocol) || `${url.search}${url.hash}` !== '')
    return wrong('--mirror is an https or http URL without query and fragment.');
  if (url.username !== '' || url.password !== '')
    return wrong('--mirror holds a user or a password, which is not used.');
  if (rootPath === undefined)
    return wrong('--mirror needs --root FILE, the root.json that the repository is verified from.');
  const root = await readRoot(rootPath);
  if (root === undefined)
    return wrong(`--root ${printable(rootPath)} cannot be read, or is too large for a root.json.`);
  return chosen(url, root, `-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
}

function chosen(url: URL, initialRoot: Uint8Array, suffix: string): Result<ChosenRepository, string> {
  const address = url.href.replace(/\/$/, '');
  const name = encodeURIComponent(`${url.host}${url.pathname.replace(/\/$/, '')}`).slice(0, 200);
  return { ok: true, value: { url: address, host: url.host, folder: `${name}${suffix}`, initialRoot } };
}

async function readRoot(path: string): Promise<Uint8Array | undefined> {
  try {
    return (await stat(path)).size > MAXIMUM_ROOT_BYTES ? undefined : await readFile(path);
  } catch {
    return undefined;
  }
}

function wrong(message: string): { readonly ok: false; readonly failure: string } {
  return { ok: false, failure: message };
}
