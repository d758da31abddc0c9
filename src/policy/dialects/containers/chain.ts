import type { AskedImage, AskedLayout } from '../../../model/subject.ts';
import { canonicalScope, scopeChains } from '../../scope.ts';

/**
 * The form in which a scope is kept and looked up. Scopes of `docker` are in the form of {@link canonicalScope}; those of
 * other transports begin with the transport in upper case, which no scope of `docker` does in that form, whatever
 * somebody writes there.
 */
export function scopeKey(transport: string, scope: string): string {
  return transport === 'docker' ? canonicalScope(scope) : `${transport.toUpperCase()}:${scope}`;
}

/** The keys under which a subject is looked up, by its transport; each chain by itself must find what decides. */
export function chainsOf(asked: AskedImage | AskedLayout): readonly (readonly string[])[] {
  if (asked.kind === 'image') return dockerChains(asked);
  return [directoryChain(asked.layout.transport, asked.layout.path)];
}

/**
 * The keys under which an image of the `docker` transport is looked up, most specific first, `""` last; `default` stands
 * behind all. One chain for each form of the reference, tag and digest.
 * @see reference/openshift-containers.md §2.2
 */
function dockerChains({ reference }: AskedImage): readonly (readonly string[])[] {
  return scopeChains(reference).map((chain) => [...chain, scopeKey('docker', '')]);
}

/**
 * The keys under which a layout on disk is looked up: its directory, each directory above it except `/`, then `""`. Which
 * image of an OCI layout is meant does not count: with and without its name it may be the same.
 * @param directory absolute, without symbolic links
 */
function directoryChain(transport: 'dir' | 'oci', directory: string): readonly string[] {
  const scopes: string[] = [];
  for (let rest = directory; rest.lastIndexOf('/') >= 0 && rest !== '/'; ) {
    scopes.push(rest);
    rest = rest.slice(0, rest.lastIndexOf('/'));
  }
  return [...scopes, ''].map((scope) => scopeKey(transport, scope));
}
