import type { ImageReference } from '../../../image/reference.ts';
import { effectiveTag, repositoryName } from '../../../image/reference.ts';

/** A glob, taken apart: what the repository's name must look like, and what its tag or digest must, where it names one. */
export type Glob = {
  readonly name: Pattern;
  readonly version: { readonly kind: 'tag' | 'digest'; readonly pattern: Pattern } | 'any';
};

/** Characters by their codes, and the two wildcards. */
type Pattern = readonly number[];

/** Any characters of one path component, none included. */
const WITHIN = -1;
/** Any characters whatever, none included. */
const ACROSS = -2;
const SLASH = 0x2f;

const DOCKER_HUB = 'docker.io/';

/**
 * Reads a glob: `*` stands for any characters within one path component, `**` for any characters whatever, none included
 * in both cases. What stands in front of its first slash is a registry, which does not tell case apart.
 */
export function readGlob(text: string): Glob {
  const { name, separator, version } = splitVersion(text);
  const slash = name.indexOf('/');
  const host = slash < 0 ? name : name.slice(0, slash);
  const pattern = compile(host.toLowerCase() + name.slice(host.length));
  if (separator === '') return { name: pattern, version: 'any' };
  if (separator === ':') return { name: pattern, version: { kind: 'tag', pattern: compile(version) } };
  return { name: pattern, version: { kind: 'digest', pattern: compile(version.toLowerCase()) } };
}

/** Where a name ends and its tag or digest begins: a colon in front of a slash belongs to a port. */
export function splitVersion(text: string): {
  readonly name: string;
  readonly separator: '' | ':' | '@';
  readonly version: string;
} {
  const at = text.indexOf('@');
  if (at >= 0) return { name: text.slice(0, at), separator: '@', version: text.slice(at + 1) };
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1);
  if (colon < 0) return { name: text, separator: '', version: '' };
  return { name: text.slice(0, colon), separator: ':', version: text.slice(colon + 1) };
}

/**
 * Whether an image is one that the glob names. Docker Hub's images are tried under both names of their registry; of a
 * reference with tag and digest either will do; a reference with neither is one to `latest`.
 */
export function matchesGlob({ name, version }: Glob, reference: ImageReference): boolean {
  if (version !== 'any') {
    const written = version.kind === 'tag' ? effectiveTag(reference) : reference.digest;
    if (written === undefined || !matches(version.pattern, written)) return false;
  }
  const repository = repositoryName(reference.repository);
  return matches(name, repository) || (repository.startsWith(DOCKER_HUB) && matches(name, `index.${repository}`));
}

function compile(text: string): Pattern {
  const pattern: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '*') pattern.push(text.charCodeAt(i));
    else if (text[i + 1] !== '*') pattern.push(WITHIN);
    else {
      pattern.push(ACROSS);
      while (text[i + 1] === '*') i++;
    }
  }
  return pattern;
}

/**
 * Walks the text once and keeps every place in the pattern that what was read so far can lead to. So the work is at most
 * the product of both lengths, however the wildcards stand; usually the first characters leave no place to go on from.
 */
function matches(pattern: Pattern, text: string): boolean {
  let places = reach(pattern, []);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const next: number[] = [];
    for (const place of places) {
      const wanted = pattern[place];
      if (wanted === ACROSS || (wanted === WITHIN && code !== SLASH)) add(next, place, pattern);
      else if (wanted === code) add(next, place + 1, pattern);
    }
    if (next.length === 0) return false;
    places = next;
  }
  return places.includes(pattern.length);
}

function reach(pattern: Pattern, places: number[]): number[] {
  add(places, 0, pattern);
  return places;
}

/** Places come in rising order, so that one which is there already is among the last. A wildcard may stand for nothing. */
function add(places: number[], place: number, pattern: Pattern): void {
  for (let at = place; ; at++) {
    const last = places.at(-1);
    if (last === undefined || last < at) places.push(at);
    const token = pattern[at];
    if (token !== WITHIN && token !== ACROSS) return;
  }
}
