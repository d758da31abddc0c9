import { printable } from '../../../encoding/escape.ts';
import type { Mode } from '../../../model/mode.ts';
import type { Origin } from '../../../model/outcome.ts';
import type { Leaf, NonEmpty, SignerRule, TrustRef } from '../../../model/requirement.ts';
import { brokenState, type CompiledPolicy } from '../../compiled.ts';
import type { Policy } from '../../policy.ts';
import type { Statement, TrustPolicyDocument, TrustStoreName, Verification } from './document.ts';
import { NOT_APPLICABLE } from './rejection.ts';
import { scopeKey } from './scope.ts';
import { statementWarnings } from './warnings.ts';

/** What compiling needs to know beside the document. */
export type NotationContext = {
  /** The file's base name, which stands for the kind of its policies: `trustpolicy.json`. */
  readonly file: string;
  /** File and document. */
  readonly source: string;
  readonly mode: Mode | undefined;
  /**
   * The certificate files of a trust store; `unavailable` where there are none. Never empty: a statement whose `tsa`
   * store is gone must not read as one that names none.
   */
  readonly store: (store: TrustStoreName) => NonEmpty<TrustRef>;
};

/** Name of the policy that refuses what no statement speaks for. */
const NO_STATEMENT = 'no applicable trust policy';

/** How many signatures of an image notation tries (notation-ratify.md §1.12). */
const MAX_SIGNATURE_ATTEMPTS = 100;

/**
 * One policy for each statement; and where none speaks for every repository, one that refuses what no statement names,
 * as notation does. `*` and that one reach everything, and never both are there.
 * @see MODEL.md M7
 */
export function compileTrustPolicy(
  { statements }: TrustPolicyDocument,
  context: NotationContext,
): readonly CompiledPolicy[] {
  const compiled = statements.map((statement, i) => compileStatement(statement, i, context));
  if (statements.some(({ scopes }) => scopes === '*')) return compiled;
  const none = policyOf(NO_STATEMENT, { kind: 'ready', require: NOT_APPLICABLE }, context);
  return [...compiled, { ...none, reach: 'everything', problems: [], warnings: [] }];
}

function compileStatement(statement: Statement, number: number, context: NotationContext): CompiledPolicy {
  const { scopes, verification } = statement;
  const name = printable(statement.name, 260);
  const state = stateOf(name, verification, context);
  const at = `trustPolicies[${number}].trustedIdentities`;
  const one = policyOf(name, state, context);
  return {
    ...one,
    reach: scopes === '*' ? 'everything' : scopes.map((written) => ({ written, canonical: scopeKey(written) })),
    problems: state.kind === 'broken' ? [{ path: at, text: `${at}: ${TRUSTS_NOBODY}` }] : [],
    warnings: statementWarnings(statement).map((message) => ({ origin: one.policy.origin, message })),
  };
}

const TRUSTS_NOBODY = 'none of them is an x509.subject, so that nobody is trusted';

/** Any one signature is enough. */
function stateOf(
  name: string,
  verification: Statement['verification'],
  { file, store }: NotationContext,
): Policy['state'] {
  if (verification.kind === 'skip') return { kind: 'ready', require: { kind: 'accept' } };
  const { identities } = verification;
  switch (identities.kind) {
    case 'any':
      return { kind: 'ready', require: { kind: 'some', leaf: leafOf(name, verification, 'any', store) } };
    case 'subjects': {
      const signer = { kind: 'distinguishedNames', anyOf: identities.anyOf } as const;
      return { kind: 'ready', require: { kind: 'some', leaf: leafOf(name, verification, signer, store) } };
    }
    case 'none':
      return brokenState({ kind: file, name }, `trustedIdentities: ${TRUSTS_NOBODY}`);
  }
}

function leafOf(
  name: string,
  { levels, verifyTimestamp, stores }: Verification,
  signer: SignerRule,
  store: NotationContext['store'],
): Leaf {
  const certificatesOf = (type: TrustStoreName['type']): readonly TrustRef[] =>
    stores.filter((named) => named.type === type).flatMap(store);
  return {
    name,
    where: {
      stores: ['notation'],
      storage: 'registry',
      repository: 'own',
      tagPrefix: '',
      attempts: MAX_SIGNATURE_ATTEMPTS,
    },
    proof: {
      kind: 'notation',
      authorities: certificatesOf('ca'),
      signingAuthorities: certificatesOf('signingAuthority'),
      timestampAuthorities: certificatesOf('tsa'),
      levels,
      verifyTimestamp,
    },
    signer,
    names: { kind: 'unchecked' },
    conditions: [],
    about: 'none',
  };
}

function policyOf(
  name: string,
  state: Policy['state'],
  { file, source, mode }: NotationContext,
): Pick<CompiledPolicy, 'dialect' | 'policy' | 'holdsIn'> {
  const origin: Origin = { kind: file, namespace: undefined, name, source, generation: undefined };
  return {
    dialect: 'notation',
    policy: { origin, mode, subjectRule: 'asResolved', evidence: 'isolate', state },
    holdsIn: { kind: 'cluster' },
  };
}
