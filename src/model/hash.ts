import { createHash } from 'node:crypto';

const known = new WeakMap<object, string>();

/**
 * Hash of a value of the model, by content: two rules that say the same have the same hash, and a change of any field
 * changes it. Kept by identity, because rules are compiled once and asked on every decision.
 */
export function hashOf(value: object): string {
  const kept = known.get(value);
  if (kept !== undefined) return kept;
  const hash = createHash('sha256').update(canonical(value)).digest('hex');
  known.set(value, hash);
  return hash;
}

/** JSON with sorted keys. `undefined` members are written, so that leaving one out is a change too. */
function canonical(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}
