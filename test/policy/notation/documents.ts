import type { TrustRef } from '../../../src/model/requirement.ts';
import { type CompiledPolicy, type Member, type Narrowing, NOT_NARROWED } from '../../../src/policy/compiled.ts';
import { compileTrustPolicy, type NotationContext } from '../../../src/policy/dialects/notation/compile.ts';
import type { TrustPolicyDocument } from '../../../src/policy/dialects/notation/document.ts';
import { readTrustPolicy } from '../../../src/policy/dialects/notation/read.ts';
import { storePath } from '../../../src/policy/dialects/notation/stores.ts';

/** An identity that is whole, as `x509.subject:` has it. */
export const SUBJECT = 'x509.subject: C=US, ST=WA, O=acme';

/** A statement as it is written: strict, for one repository, by the store `ca:acme`, unless it says otherwise. */
export function statement(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    name: 'acme',
    registryScopes: ['example.com/app'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
    ...fields,
  };
}

/** A statement that verifies nothing. */
export function skipping(name: string, ...registryScopes: readonly string[]): Readonly<Record<string, unknown>> {
  return { name, registryScopes, signatureVerification: { level: 'skip' } };
}

/** A document of statements as text. */
export function withStatements(...trustPolicies: readonly unknown[]): string {
  return JSON.stringify({ version: '1.0', trustPolicies });
}

/** A document of one statement that skips verification, for each name and its scopes. */
export function withScopes(scopes: Readonly<Record<string, readonly string[]>>): string {
  return withStatements(...Object.entries(scopes).map(([name, repositories]) => skipping(name, ...repositories)));
}

/** The document that a text is. */
export function document(text: string): TrustPolicyDocument {
  const read = readTrustPolicy(text);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

/** Why a text is none; undefined where it is one. */
export function refusal(text: string): string | undefined {
  const read = readTrustPolicy(text);
  if (read.ok) return undefined;
  const { code, message } = read.failure;
  return code === 'POLICY_BROKEN' ? message : `${code}, which is no code of a document: ${message}`;
}

/** Two files of a store, which hold their own names. */
function filesOf(store: Parameters<NotationContext['store']>[0]): readonly [TrustRef, TrustRef] {
  const path = storePath(store);
  return [
    { kind: 'inline', text: `${path}/a.pem` },
    { kind: 'inline', text: `${path}/b.pem` },
  ];
}

/** The policies of a text. */
export function compiled(text: string, context: Partial<NotationContext> = {}): readonly CompiledPolicy[] {
  return compileTrustPolicy(document(text), {
    file: 'trustpolicy.json',
    source: '/etc/notation/trustpolicy.json',
    mode: undefined,
    store: filesOf,
    ...context,
  });
}

/** The same as members of a set. */
export function members(policies: readonly CompiledPolicy[], narrowing: Partial<Narrowing> = {}): readonly Member[] {
  // A set does not ask for the dialect of its own members.
  return policies.map((policy) => ({
    compiled: policy,
    narrowing: { ...NOT_NARROWED, ...narrowing },
  }));
}
