import { CODE_SIGNING, extendedUsage, usage } from '../../../fixtures/certificates.ts';
import { type Case, type Place, type Verdict } from '../case.ts';
import type { Answers } from '../revocation.ts';
import { sign, signerBelowAcme } from '../sign.ts';
import { ACME, inHours, leafOf, subject } from '../signers.ts';

type Failure = {
  readonly title: string;
  /** What notation says of it where it is enforced, and the code under which countersign refuses. */
  readonly because: RegExp;
  readonly code: string;
  readonly check: 'authenticity' | 'authenticTimestamp' | 'expiry' | 'revocation';
  readonly arrange: (place: Place) => Promise<object>;
};

const EXTENSIONS = [usage(0), extendedUsage(CODE_SIGNING)];

/** Signs with a certificate about which the responder says something. */
const answered = (answers: Answers) => async (place: Place) => {
  const issuer = place.acme;
  const sources = await place.revocation.answerFor(issuer, answers);
  await sign(place, {}, signerBelowAcme(place, { extensions: [...EXTENSIONS, sources.ocsp] }));
  return {};
};

const FAILURES: readonly Failure[] = [
  {
    title: 'a signer whom nobody trusts',
    because: /does not contain any trusted certificate/,
    code: 'CERTIFICATE_UNTRUSTED',
    check: 'authenticity',
    arrange: async (place) => {
      await sign(place, {}, place.signer([leafOf(place.other), place.other]));
      return {};
    },
  },
  {
    title: 'a signer of another name',
    because: /does not match the X.509 trusted identities/,
    code: 'IDENTITY_MISMATCH',
    check: 'authenticity',
    arrange: async (place) => {
      await sign(place, {}, signerBelowAcme(place, { name: subject({ ...ACME, O: 'Umbrella' }) }));
      return { trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme'] };
    },
  },
  {
    title: 'an expired signature',
    because: /digital signature has expired/,
    code: 'SIGNATURE_EXPIRED',
    check: 'expiry',
    arrange: async (place) => {
      await sign(place, { at: inHours(-3), until: inHours(-1) });
      return {};
    },
  },
  {
    title: 'an expired certificate',
    because: /verification time is after certificate/,
    code: 'CERTIFICATE_EXPIRED',
    check: 'authenticTimestamp',
    arrange: async (place) => {
      await sign(place, { at: inHours(-2) }, signerBelowAcme(place, { notAfter: inHours(-1) }));
      return {};
    },
  },
  {
    title: 'a revoked certificate',
    because: /is revoked/,
    code: 'CERTIFICATE_REVOKED',
    check: 'revocation',
    arrange: answered({ ocsp: 'revoked' }),
  },
  {
    title: 'a certificate of which nobody can be asked',
    because: /revocation status is unknown/,
    code: 'REVOCATION_UNKNOWN',
    check: 'revocation',
    arrange: answered({ ocsp: 'status 500' }),
  },
];

/** What each level does about each failure (notation-ratify.md §1.8). */
const ENFORCED: Readonly<Record<'strict' | 'permissive' | 'audit', readonly Failure['check'][]>> = {
  strict: ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'],
  permissive: ['authenticity'],
  audit: [],
};

function levelCase(failure: Failure, verification: object, title: string, isEnforced: boolean): Case {
  const verdict: Verdict = isEnforced ? 'refused' : 'runs';
  return {
    title: `${failure.title}, ${title}`,
    on: 'fallback',
    there: verdict,
    here: verdict,
    ...(isEnforced ? { because: failure.because, code: failure.code } : {}),
    arrange: async (place) => ({
      statement: { signatureVerification: verification, ...(await failure.arrange(place)) },
    }),
  };
}

/** Every failure at every level, and with every override that changes what is done about it. */
export const LEVEL_CASES: readonly Case[] = [
  ...FAILURES.flatMap((failure) =>
    (['strict', 'permissive', 'audit'] as const).map((level) =>
      levelCase(failure, { level }, `at the level ${level}`, ENFORCED[level].includes(failure.check)),
    ),
  ),
  ...FAILURES.map((failure) =>
    levelCase(
      failure,
      { level: 'strict', override: { [failure.check]: 'log' } },
      `at the level strict, where ${failure.check} is only logged [notation-ratify 74]`,
      false,
    ),
  ),
  ...FAILURES.map((failure) =>
    levelCase(
      failure,
      { level: 'audit', override: { [failure.check]: 'enforce' } },
      `at the level audit, where ${failure.check} is enforced [notation-ratify 74]`,
      true,
    ),
  ),
  ...FAILURES.filter(({ check }) => check === 'revocation').map((failure) =>
    levelCase(
      failure,
      { level: 'strict', override: { revocation: 'skip' } },
      'at the level strict, where revocation is skipped [notation-ratify 74]',
      false,
    ),
  ),
  {
    title: 'an image without signatures, at the level audit',
    on: 'fallback',
    there: 'refused',
    here: 'refused',
    because: /no signature is associated with/,
    code: 'UNSIGNED',
    arrange: () => ({ statement: { signatureVerification: { level: 'audit' } } }),
  },
  {
    title: 'an image without signatures, at the level skip',
    on: 'fallback',
    there: 'runs',
    here: 'runs',
    arrange: () => ({
      statement: { signatureVerification: { level: 'skip' }, trustStores: [], trustedIdentities: [] },
    }),
  },
];
