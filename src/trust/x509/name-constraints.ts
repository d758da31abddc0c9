import type { SubjectName } from '../../model/finding.ts';
import type { NameConstraints } from './general-names.ts';

/**
 * What stands against names under the constraints of an authority above them, or undefined where nothing does.
 *
 * E-mail addresses, DNS names and URIs are compared. A constraint on any other kind cannot be judged here, so it refuses,
 * save one on addresses where the certificate has none.
 * @see RFC 5280 §4.2.1.10
 */
export function constraintProblem(constraints: NameConstraints, names: readonly SubjectName[]): string | undefined {
  const all = [...(constraints.permitted ?? []), ...constraints.excluded];
  for (const constraint of all) {
    const isJudged = constraint.kind === 'email' || constraint.kind === 'dns' || constraint.kind === 'uri';
    const isIdle = constraint.kind === 'ip' && !names.some(({ kind }) => kind === 'ip');
    if (!isJudged && !isIdle) return 'an authority limits names in a way that cannot be judged';
  }
  for (const name of names) {
    if (name.kind !== 'email' && name.kind !== 'dns' && name.kind !== 'uri') continue;
    const { kind, text } = name;
    const permitted = textsOf(constraints.permitted ?? [], kind);
    const excluded = textsOf(constraints.excluded, kind);
    if (permitted.length === 0 && excluded.length === 0) continue;
    const host = hostOf(kind, text);
    if (host === undefined) return 'a name is not one that its authority could have limited';
    if (excluded.some((constraint) => isWithin(kind, text, host, constraint) || mayCover(kind, host, constraint)))
      return 'an authority above the certificate excludes one of its names';
    if (permitted.length > 0 && !permitted.some((constraint) => isWithin(kind, text, host, constraint)))
      return 'an authority above the certificate does not permit one of its names';
  }
  return undefined;
}

type Kind = 'email' | 'dns' | 'uri';

function textsOf(names: readonly SubjectName[], kind: Kind): readonly string[] {
  return names.flatMap((name) => (name.kind === kind ? [name.text] : []));
}

/** The host that a name is about, in lower case. A URI whose authority is an address has none (RFC 5280 §4.2.1.10). */
function hostOf(kind: Kind, text: string): string | undefined {
  if (kind === 'dns') return asHost(text);
  if (kind === 'email') {
    const at = text.lastIndexOf('@');
    return at > 0 ? asHost(text.slice(at + 1)) : undefined;
  }
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || /^[0-9.]+$/.test(url.hostname)) return undefined;
  return asHost(url.hostname);
}

function asHost(text: string): string | undefined {
  const host = text.toLowerCase();
  return /^[a-z0-9_*-][a-z0-9_.*-]{0,254}$/.test(host) && !host.endsWith('.') ? host : undefined;
}

function isWithin(kind: Kind, text: string, host: string, constraint: string): boolean {
  const limit = constraint.toLowerCase();
  if (kind === 'email' && limit.includes('@')) {
    // The part before the @ is compared as it stands: only its owner knows whether case matters there.
    const at = constraint.lastIndexOf('@');
    return text.slice(0, text.lastIndexOf('@')) === constraint.slice(0, at) && host === limit.slice(at + 1);
  }
  if (limit.startsWith('.')) return host.endsWith(limit);
  // For DNS names a constraint covers what is below it too; for hosts of addresses and URIs it is exact.
  if (kind === 'dns') return limit === '' || host === limit || host.endsWith(`.${limit}`);
  return limit !== '' && host === limit;
}

/** Whether a wildcard name could stand for something that is excluded. */
function mayCover(kind: Kind, host: string, constraint: string): boolean {
  return kind === 'dns' && host.startsWith('*.') && constraint.toLowerCase().endsWith(host.slice(1));
}
