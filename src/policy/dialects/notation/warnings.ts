import { printable } from '../../../encoding/escape.ts';
import { shown } from '../containers/fields.ts';
import type { Statement, Verification } from './document.ts';
import { neverMatches } from './scope.ts';

/** What a statement does that its author may not think. */
export function statementWarnings({ scopes, verification }: Statement): readonly string[] {
  return [
    ...(scopes === '*' ? [] : scopes.flatMap(scopeWarnings)),
    ...(verification.kind === 'skip' ? skipWarnings(scopes) : verificationWarnings(verification)),
  ];
}

function scopeWarnings(scope: string): readonly string[] {
  const why = neverMatches(scope);
  return why === undefined ? [] : [`the scope ${shown(scope)} can never match an image: ${printable(why)}`];
}

/** The specification forbids it, and notation reads it. */
function skipWarnings(scopes: Statement['scopes']): readonly string[] {
  if (scopes !== '*') return [];
  return ['the level skip with the scope "*" lets in every image that no other statement names, signed or not'];
}

function verificationWarnings({ levels, stores, identities }: Verification): readonly string[] {
  const warnings: string[] = [];
  if (levels.authenticity === 'log') {
    warnings.push('authenticity is only reported: images are let in with a signature by anybody');
  }
  if (stores.every(({ type }) => type === 'tsa')) {
    warnings.push('trust stores of the type tsa are for timestamps: without another, no signer is trusted');
  }
  const passedOver = identities.kind === 'any' ? [] : identities.passedOver;
  return [
    ...warnings,
    ...passedOver.map((one) => `the trusted identity ${shown(one)} is passed over: its kind is not x509.subject`),
  ];
}
