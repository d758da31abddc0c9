import type { Result } from '../../codes/result.ts';
import { fieldOf, isFields } from '../structural.ts';
import type { PolicyDocument } from './documents.ts';
import { isTrustedRoot, recognise } from './recognise.ts';

/**
 * What stands in a listed file, before anybody asks whether a policy names it: policies, or what was meant as such; what
 * policies name as a file; or something that does not say what it is.
 */
export type Content = 'policies' | 'pem' | 'trustedRoot' | 'unknown';

/**
 * Tells by its content what a file is. In case of doubt it is policies: what is taken for a key is not applied as a
 * policy, and nobody may make a policy vanish by naming its file as a key.
 */
export function contentOf(text: Result<string>, documents: Result<readonly PolicyDocument[]>): Content {
  if (!text.ok) return 'unknown';
  // A policy with a slip of the pen parses as nothing, and says this all the same.
  if (text.value.includes('apiVersion')) return 'policies';
  const values = documents.ok ? documents.value.map(({ value }) => value) : [];
  if (values.some(isPolicy)) return 'policies';
  if (values.length === 1 && values.every(isTrustedRoot)) return 'trustedRoot';
  return hasPem(text.value) ? 'pem' : 'unknown';
}

/** A policy of any dialect that countersign reads or knows, or an object of any API. */
function isPolicy(value: unknown): boolean {
  if (!isFields(value)) return false;
  if (fieldOf(value, 'apiVersion') !== undefined || fieldOf(value, 'kind') !== undefined) return true;
  const recognised = recognise(value);
  return recognised.ok || recognised.failure.code === 'FEATURE_NOT_SUPPORTED';
}

/** A block's first line, wherever it stands: tools write what a certificate says before it. */
function hasPem(text: string): boolean {
  return text.startsWith('-----BEGIN ') || text.includes('\n-----BEGIN ');
}
