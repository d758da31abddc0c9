import { type CompiledPolicy, type Member, type Narrowing, NOT_NARROWED } from '../../../src/policy/compiled.ts';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { type ContainersContext, compileDocument } from '../../../src/policy/dialects/containers/compile.ts';
import type { ContainersDocument } from '../../../src/policy/dialects/containers/document.ts';
import { readPolicyJson } from '../../../src/policy/dialects/containers/read.ts';

/** A requirement that always passes, and one that never does. */
export const ACCEPT = { type: 'insecureAcceptAnything' } as const;
export const REJECT = { type: 'reject' } as const;

/** Base64 of a text. */
export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A document with one requirement for one repository, and `reject` for all else. */
export function withRequirement(requirement: unknown): string {
  return JSON.stringify({ default: [REJECT], transports: { docker: { 'example.com/app': [requirement] } } });
}

/** A document with scopes of the `docker` transport. */
export function withScopes(docker: Readonly<Record<string, unknown>>, otherwise: unknown = [REJECT]): string {
  return JSON.stringify({ default: otherwise, transports: { docker } });
}

/** The document that a text is. */
export function document(text: string): ContainersDocument {
  const read = readPolicyJson(text);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

/** Why a text is none; undefined where it is one. */
export function refusal(text: string): string | undefined {
  const read = readPolicyJson(text);
  if (read.ok) return undefined;
  const { code, message } = read.failure;
  return code === 'POLICY_BROKEN' ? message : `${code}, which is no code of a document: ${message}`;
}

/** The policies of a text. Files hold their own name. */
export function compiled(text: string, context: Partial<ContainersContext> = {}): readonly CompiledPolicy[] {
  return compileDocument(document(text), {
    file: 'policy.json',
    source: '/etc/containers/policy.json',
    defaults: POLICY_DEFAULTS,
    mode: undefined,
    material: (path) => ({ kind: 'inline', text: path }),
    namespace: undefined,
    ...context,
  });
}

/** The same as members of a set. */
export function members(policies: readonly CompiledPolicy[], narrowing: Partial<Narrowing> = {}): readonly Member[] {
  return policies.map((policy) => ({ compiled: policy, narrowing: { ...NOT_NARROWED, ...narrowing } }));
}
