import { printable } from '../encoding/escape.ts';
import { canonicalPrefix } from '../image/canonical-prefix.ts';
import {
  effectiveTag,
  formatReference,
  type ImageReference,
  parseReference,
  parseRepository,
  repositoryName,
} from '../image/reference.ts';
import type { Claims } from '../model/finding.ts';
import type { NamedRule, NamesRule } from '../model/requirement.ts';

/** Whether the name inside a signature is one that the rule lets stand for the image. */
export type NameMatch =
  | { readonly kind: 'accepted'; readonly warning: string | undefined }
  | { readonly kind: 'refused'; readonly code: 'NAME_ABSENT' | 'NAME_MISMATCH'; readonly message: string };

const ACCEPTED: NameMatch = { kind: 'accepted', warning: undefined };

/**
 * Compares the name that was signed with the name that was asked for (the logical one, not the mirror's).
 *
 * The asked name is judged as CRI-O judges it: in its digest form where a digest was written, with `:latest` where
 * neither tag nor digest was. A signed name that is no docker reference never matches; a missing one is a refusal under
 * every rule that compares (MODEL.md M10).
 * @param signed attacker-controlled until the signature was verified; its text is escaped in messages
 * @see reference/openshift-containers.md §2.4
 */
export function matchName(rule: NamesRule, asked: ImageReference, signed: Claims['name']): NameMatch {
  if (rule.kind === 'unchecked') return ACCEPTED;
  if (signed.kind === 'unnamed') {
    if (rule.kind !== 'ifNamed') return absent(asked);
    return { kind: 'accepted', warning: 'the signature carries no image name; the policy accepts such signatures' };
  }
  const named = rule.kind === 'ifNamed' ? rule.rule : rule;

  const parsed = parseReference(signed.text);
  if (!parsed.ok) return { kind: 'refused', code: 'NAME_MISMATCH', message: notAReference(signed.text) };
  if (compares(named, judged(asked), parsed.value)) return ACCEPTED;
  return { kind: 'refused', code: 'NAME_MISMATCH', message: mismatch(named, judged(asked), signed.text) };
}

/** The form in which a runtime judges names: a digest sheds the tag, a name alone gets `:latest`. */
function judged(asked: ImageReference): ImageReference {
  if (asked.digest !== undefined) return { ...asked, tag: undefined };
  return { ...asked, tag: effectiveTag(asked) };
}

function compares(rule: NamedRule, asked: ImageReference, signed: ImageReference): boolean {
  switch (rule.kind) {
    case 'matchExact':
      return matchesExactly(asked, signed);
    case 'matchRepoDigestOrExact':
      return matchesRepoDigestOrExact(asked, signed);
    case 'matchRepository':
      return repositoryName(asked.repository) === repositoryName(signed.repository);
    case 'exactReference': {
      const wanted = parseReference(rule.reference);
      return wanted.ok && matchesExactly(wanted.value, signed);
    }
    case 'exactRepository': {
      // A tag in the policy's repository is accepted and ignored, as the reference implementation does.
      const wanted = parseReference(rule.repository);
      return wanted.ok && repositoryName(wanted.value.repository) === repositoryName(signed.repository);
    }
    case 'remapIdentity': {
      const remapped = remap(asked, canonicalPrefix(rule.prefix), canonicalPrefix(rule.signedPrefix));
      return remapped !== undefined && matchesRepoDigestOrExact(remapped, signed);
    }
    case 'remapRepository': {
      const remapped = remap(asked, canonicalPrefix(rule.prefix), canonicalPrefix(rule.signedPrefix));
      return remapped !== undefined && repositoryName(remapped.repository) === repositoryName(signed.repository);
    }
  }
}

/** Both sides say a tag or digest, and the same. */
function matchesExactly(a: ImageReference, b: ImageReference): boolean {
  return !isNameOnly(a) && !isNameOnly(b) && formatReference(a) === formatReference(b);
}

/** An image asked for by digest needs the same repository, one asked for by tag the same reference. */
function matchesRepoDigestOrExact(asked: ImageReference, signed: ImageReference): boolean {
  if (isNameOnly(signed)) return false;
  if (asked.tag !== undefined) return formatReference(asked) === formatReference(signed);
  return asked.digest !== undefined && repositoryName(asked.repository) === repositoryName(signed.repository);
}

/**
 * The asked reference with its prefix replaced; as it was where the prefix does not match whole components; undefined
 * where the result is no canonical reference (a short name would otherwise be completed to another image).
 */
function remap(asked: ImageReference, prefix: string, signedPrefix: string): ImageReference | undefined {
  const name = repositoryName(asked.repository);
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return asked;
  const text = signedPrefix + formatReference(asked).slice(prefix.length);
  const parsed = parseReference(text);
  return parsed.ok && formatReference(parsed.value) === text ? parsed.value : undefined;
}

function isNameOnly(reference: ImageReference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

function absent(asked: ImageReference): NameMatch {
  const message = `the signature carries no image name, and the policy compares it with ${formatReference(judged(asked))}`;
  return { kind: 'refused', code: 'NAME_ABSENT', message };
}

function notAReference(signed: string): string {
  return `the signed name "${printable(signed)}" is no image reference`;
}

function mismatch(rule: NamedRule, asked: ImageReference, signed: string): string {
  return `the signature is for "${printable(signed)}", and the policy wants ${wanted(rule, asked)}${hint(rule, signed)}`;
}

function wanted(rule: NamedRule, asked: ImageReference): string {
  switch (rule.kind) {
    case 'matchExact':
      return formatReference(asked);
    case 'matchRepoDigestOrExact':
      return asked.tag === undefined
        ? `a tag or digest of ${repositoryName(asked.repository)}`
        : formatReference(asked);
    case 'matchRepository':
      return `the repository ${repositoryName(asked.repository)}`;
    case 'exactReference':
      return printable(rule.reference);
    case 'exactRepository':
      return `the repository ${printable(rule.repository)}`;
    case 'remapIdentity':
      return `${formatReference(asked)} with "${printable(rule.prefix)}" replaced by "${printable(rule.signedPrefix)}"`;
    case 'remapRepository':
      return `the repository ${repositoryName(asked.repository)} with "${printable(rule.prefix)}" replaced by "${printable(rule.signedPrefix)}"`;
  }
}

/** cosign signs a bare repository name unless told otherwise, which is the most common reason for a mismatch. */
function hint(rule: NamedRule, signed: string): string {
  if (REPOSITORY_RULES.has(rule.kind) || !parseRepository(signed).ok) return '';
  return ' (a name without tag or digest never matches: sign with cosign sign --sign-container-identity NAME:TAG, or use MatchRepository)';
}

/** The rules that never look at a tag or digest. */
const REPOSITORY_RULES: ReadonlySet<NamedRule['kind']> = new Set([
  'matchRepository',
  'exactRepository',
  'remapRepository',
]);
