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
import type { AskedName } from '../model/subject.ts';

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
 * every rule that compares (MODEL.md M10). An image in a folder was asked for without a name: rules that compare with it
 * refuse, those that name what must be signed do not ask for it.
 * @param signed attacker-controlled until the signature was verified; its text is escaped in messages
 * @see reference/openshift-containers.md §2.4
 */
export function matchName(rule: NamesRule, asked: AskedName, signed: Claims['name']): NameMatch {
  if (rule.kind === 'unchecked') return ACCEPTED;
  if (signed.kind === 'unnamed') {
    if (rule.kind !== 'ifNamed') return absent(rule, asked);
    return { kind: 'accepted', warning: 'the signature carries no image name; the policy accepts such signatures' };
  }
  const named = rule.kind === 'ifNamed' ? rule.rule : rule;

  const parsed = parseReference(signed.text);
  if (!parsed.ok) return { kind: 'refused', code: 'NAME_MISMATCH', message: notAReference(signed.text) };
  if (named.kind === 'exactReference' || named.kind === 'exactRepository')
    return isFixed(named, parsed.value) ? ACCEPTED : mismatch(named, fixed(named), signed.text);
  if (asked === 'none') return { kind: 'refused', code: 'NAME_MISMATCH', message: nothingToCompare(signed.text) };
  if (compares(named, judged(asked), parsed.value)) return ACCEPTED;
  return mismatch(named, wanted(named, judged(asked)), signed.text);
}

/** Rules that say themselves which name must be signed. */
type FixedRule = Extract<NamedRule, { kind: 'exactReference' | 'exactRepository' }>;

/** Rules that compare with the name that was asked for. */
type ComparingRule = Exclude<NamedRule, FixedRule>;

function isFixed(rule: FixedRule, signed: ImageReference): boolean {
  const name = parseReference(rule.kind === 'exactReference' ? rule.reference : rule.repository);
  if (!name.ok) return false;
  if (rule.kind === 'exactReference') return matchesExactly(name.value, signed);
  // A tag in the policy's repository is accepted and ignored, as the reference implementation does.
  return repositoryName(name.value.repository) === repositoryName(signed.repository);
}

/** The form in which a runtime judges names: a digest sheds the tag, a name alone gets `:latest`. */
function judged(asked: ImageReference): ImageReference {
  if (asked.digest !== undefined) return { ...asked, tag: undefined };
  return { ...asked, tag: effectiveTag(asked) };
}

function compares(rule: ComparingRule, asked: ImageReference, signed: ImageReference): boolean {
  switch (rule.kind) {
    case 'matchExact':
      return matchesExactly(asked, signed);
    case 'matchRepoDigestOrExact':
      return matchesRepoDigestOrExact(asked, signed);
    case 'matchRepository':
      return repositoryName(asked.repository) === repositoryName(signed.repository);
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

function absent(rule: NamedRule, asked: AskedName): NameMatch {
  const name =
    rule.kind === 'exactReference' || rule.kind === 'exactRepository'
      ? fixed(rule)
      : asked === 'none'
        ? 'the name that was asked for'
        : formatReference(judged(asked));
  const message = `the signature carries no image name, and the policy compares it with ${name}`;
  return { kind: 'refused', code: 'NAME_ABSENT', message };
}

function notAReference(signed: string): string {
  return `the signed name "${printable(signed)}" is no image reference`;
}

function nothingToCompare(signed: string): string {
  return `the signature is for "${printable(signed)}", and the policy compares it with the name that was asked for: an image in a folder has none`;
}

function mismatch(rule: NamedRule, name: string, signed: string): NameMatch {
  const message = `the signature is for "${printable(signed)}", and the policy wants ${name}${hint(rule, signed)}`;
  return { kind: 'refused', code: 'NAME_MISMATCH', message };
}

function fixed(rule: FixedRule): string {
  return rule.kind === 'exactReference' ? printable(rule.reference) : `the repository ${printable(rule.repository)}`;
}

function wanted(rule: ComparingRule, asked: ImageReference): string {
  switch (rule.kind) {
    case 'matchExact':
      return formatReference(asked);
    case 'matchRepoDigestOrExact':
      return asked.tag === undefined
        ? `a tag or digest of ${repositoryName(asked.repository)}`
        : formatReference(asked);
    case 'matchRepository':
      return `the repository ${repositoryName(asked.repository)}`;
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
