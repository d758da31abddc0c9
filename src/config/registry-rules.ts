import { canonicalPrefix } from '../image/canonical-prefix.ts';
import { isHost, isRepositoryPath } from '../image/reference.ts';

/**
 * How repositories under one name are reached, whoever says it: our configuration, `registries.conf`, or OpenShift's
 * mirror sets. Of several rules the one with the longest prefix holds, alone.
 * @see reference/openshift-containers.md §2.4, §3.4
 */
export type RegistryRule = {
  /** Canonical: `host[:port][/path]`, or `*.domain`. */
  readonly prefix: string;
  /** What stands in the prefix's place at the source itself; the same as the prefix where nothing does. */
  readonly location: string;
  /** Speak plain HTTP to the source, unless our configuration says of its host how it is reached. */
  readonly insecure: boolean;
  /** The source is never contacted; what its mirrors do not have cannot be had. */
  readonly blocked: boolean;
  /** Asked before the source, in order. */
  readonly mirrors: readonly MirrorPlace[];
};

/** A place that holds copies. */
export type MirrorPlace = {
  /** What stands in the prefix's place there: `host[:port][/path]`. */
  readonly location: string;
  readonly insecure: boolean;
  /** Whether it is asked what tags mean, what digests name, or both. */
  readonly serves: 'everything' | 'digests' | 'tags';
};

/** Longest name of a place; no repository below a longer one has a name that can be written. */
const MAX_LENGTH = 255;

/**
 * Reads the name of a place, `host[:port][/path]`: no scheme, no tag, no digest, no wildcard.
 * @returns it in canonical form, or undefined where it is none
 */
export function readLocation(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const canonical = canonicalPrefix(text);
  const slash = canonical.indexOf('/');
  if (slash < 0) return isHost(canonical) ? canonical : undefined;
  return isHost(canonical.slice(0, slash)) && isRepositoryPath(canonical.slice(slash + 1)) ? canonical : undefined;
}

/**
 * Reads the prefix of a rule: the name of a place, or `*.domain`, which stands for every host below the domain.
 * @returns it in canonical form, or undefined where it is none
 */
export function readPrefix(text: string): string | undefined {
  if (!text.startsWith('*.')) return readLocation(text);
  const domain = text.slice(2).toLowerCase();
  // A port or a path behind a wildcard is none that containers/image takes.
  return text.length <= MAX_LENGTH && isHost(domain) && !domain.includes(':') ? `*.${domain}` : undefined;
}
