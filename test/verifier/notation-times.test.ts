import { describe, expect, it } from 'vitest';
import type { PolicySet } from '../../src/policy/policy.ts';
import type { Revocation } from '../../src/trust/revocation/revocation.ts';
import type { RevocationStatus } from '../../src/trust/revocation/status.ts';
import type { Certificate } from '../../src/trust/x509/certificate.ts';
import type { Verifier } from '../../src/verifier/request.ts';
import { issueRoot, NOON } from '../fixtures/certificates.ts';
import { createMemoryRegistry, engineOver, requestFor, saidBy, standingClock } from '../fixtures/memory-registry.ts';
import { newTimestampAuthority, timestampToken } from '../fixtures/notation/timestamps.ts';
import {
  attach,
  DAY,
  type How,
  push,
  type Signatory,
  type Stores,
  signatory,
  trustPolicy,
} from './notation-fixture.ts';

const NOT_BEFORE = NOON - 30 * DAY;
const NOT_AFTER = NOON + 30 * DAY;
const root = issueRoot('notation root');
const acme = signatory({ root, notBefore: NOT_BEFORE, notAfter: NOT_AFTER });
const tsa = newTimestampAuthority();
const [, tsaRoot = tsa.above[0]] = tsa.above;
const STORES: Stores = { 'ca:acme': [root], 'signingAuthority:acme': [root], 'tsa:acme': [tsaRoot] };
const stamped: How = { timestampToken: (signature) => timestampToken(signature, { authority: tsa }) };
const TIMED = { trustStores: ['ca:acme', 'tsa:acme'] };

/** Levels as a statement writes them, with when timestamps are asked for. */
const verifying = (level: string, verifyTimestamp: string, override: object = {}) => ({
  signatureVerification: { level, verifyTimestamp, override },
});

type Case = {
  readonly what: string;
  readonly statement: Readonly<Record<string, unknown>>;
  readonly how?: How;
  readonly by?: Signatory;
  /** What is said at each moment, in the order of time: `verified`, or a code. */
  readonly said: readonly (readonly [at: number, said: string, warnings?: number])[];
};

const CASES: readonly Case[] = [
  {
    what: 'a certificate without a timestamp, from its first moment to its last, both included',
    statement: {},
    said: [
      [NOT_BEFORE - 1, 'CERTIFICATE_NOT_YET_VALID'],
      [NOT_BEFORE, 'verified'],
      [NOT_AFTER, 'verified'],
      [NOT_AFTER + 1, 'CERTIFICATE_EXPIRED'],
    ],
  },
  {
    what: 'an expiry, which is the first moment at which the signature counts no more [notation-ratify 22]',
    statement: {},
    how: { expiry: NOON + 5 * DAY },
    said: [
      [NOON + 5 * DAY - 1, 'verified'],
      [NOON + 5 * DAY, 'SIGNATURE_EXPIRED'],
      [NOT_AFTER + 1, 'SIGNATURE_EXPIRED'],
    ],
  },
  {
    what: 'an expiry that is only reported, from the same moment on',
    statement: verifying('permissive', 'always'),
    how: { expiry: NOON + 5 * DAY },
    said: [
      [NOON + 5 * DAY - 1, 'verified', 0],
      [NOON + 5 * DAY, 'verified', 1],
      [NOT_AFTER, 'verified', 1],
      [NOT_AFTER + 1, 'verified', 2],
    ],
  },
  {
    what: 'an expiry behind that of the certificate, which counts for itself',
    statement: {},
    how: { expiry: NOT_AFTER + DAY },
    said: [
      [NOT_AFTER, 'verified'],
      [NOT_AFTER + 1, 'CERTIFICATE_EXPIRED'],
    ],
  },
  {
    what: 'an expiry although a timestamp says when it was made',
    statement: TIMED,
    how: { ...stamped, expiry: NOT_AFTER + DAY },
    said: [
      [NOT_AFTER + DAY - 1, 'verified'],
      [NOT_AFTER + DAY, 'SIGNATURE_EXPIRED'],
    ],
  },
  {
    what: 'a timestamp, which outlives the certificate',
    statement: TIMED,
    how: stamped,
    said: [
      [NOT_AFTER, 'verified'],
      [NOT_AFTER + 1, 'verified'],
      [NOT_AFTER + 4000 * DAY, 'verified'],
    ],
  },
  {
    what: 'no timestamp where the policy asks for one, whenever that is',
    statement: TIMED,
    said: [
      [NOON, 'TIME_UNPROVEN'],
      [NOT_AFTER + 1, 'TIME_UNPROVEN'],
    ],
  },
  {
    what: 'no timestamp where one is asked for only once the certificate has expired',
    statement: { ...TIMED, ...verifying('strict', 'afterCertExpiry') },
    said: [
      [NOT_BEFORE - 1, 'CERTIFICATE_NOT_YET_VALID'],
      [NOT_BEFORE, 'verified'],
      [NOT_AFTER, 'verified'],
      [NOT_AFTER + 1, 'CERTIFICATE_EXPIRED'],
    ],
  },
  {
    what: 'a timestamp that is asked for only then',
    statement: { ...TIMED, ...verifying('strict', 'afterCertExpiry') },
    how: stamped,
    said: [
      [NOT_BEFORE - 1, 'CERTIFICATE_NOT_YET_VALID'],
      [NOT_BEFORE, 'verified'],
      [NOT_AFTER + 1, 'verified'],
    ],
  },
  {
    what: 'a signing authority’s word for the time, which outlives the certificate',
    statement: { trustStores: ['signingAuthority:acme', 'ca:acme'] },
    how: { scheme: 'notary.x509.signingAuthority', authenticSigningTime: NOON },
    said: [
      [NOT_AFTER, 'verified'],
      [NOT_AFTER + 1, 'verified'],
    ],
  },
  {
    what: 'a signing authority’s word for a time at which its certificate had expired',
    statement: { trustStores: ['signingAuthority:acme'] },
    how: { scheme: 'notary.x509.signingAuthority', authenticSigningTime: NOT_AFTER + 1000 },
    said: [
      [NOON, 'CERTIFICATE_EXPIRED'],
      [NOT_AFTER, 'CERTIFICATE_EXPIRED'],
    ],
  },
  {
    what: 'a signing authority that is trusted as an ordinary signer alone',
    statement: { trustStores: ['ca:acme'] },
    how: { scheme: 'notary.x509.signingAuthority', authenticSigningTime: NOON },
    said: [[NOON, 'CERTIFICATE_UNTRUSTED']],
  },
  {
    what: 'an ordinary signer who is trusted as a signing authority alone',
    statement: { trustStores: ['signingAuthority:acme'] },
    said: [[NOON, 'CERTIFICATE_UNTRUSTED']],
  },
];

const said = async (engine: Verifier, image: string, at: number) => {
  const decision = await engine.decide(requestFor([image], { deadline: at + 60_000 }));
  const [policy] = decision.subjects[0]?.policies ?? [];
  expect(decision.allowed).toBe(policy?.admission === 'admit');
  return {
    word: policy?.code ?? policy?.outcome.kind ?? 'nothing',
    warnings: decision.warnings.length,
    all: saidBy(decision),
  };
};

describe('at the edges of time, decided is', () => {
  it.each(CASES.map((one) => [one.what, one] as const))(
    '%s',
    async (_, { statement, how, by = acme, said: moments }) => {
      const memory = createMemoryRegistry();
      const image = push(memory);
      attach(memory, image, by, how);
      const name = `${memory.host}/shop/web@${image.digest}`;
      const set = trustPolicy(STORES, statement);
      // Forwards and backwards: what was kept at one moment must not answer at another.
      for (const order of [moments, moments.toReversed()]) {
        const clock = standingClock(NOON);
        const warm = engineOver(memory.client(), [set], { clock });
        for (const [at, word, warnings] of order) {
          clock.move(at - clock());
          const cold = engineOver(memory.client(), [set], { clock: standingClock(at) });
          const expected = await said(cold, name, at);
          expect(expected.word, new Date(at).toISOString()).toBe(word);
          if (warnings !== undefined) expect(expected.warnings).toBe(warnings);
          expect((await said(warm, name, at)).all).toEqual(expected.all);
          expect((await said(warm, name, at)).all).toEqual(expected.all);
        }
      }
    },
  );
});

describe('a timestamp authority whose certificate is revoked', () => {
  const REVOKED: RevocationStatus = { kind: 'revoked', message: 'certificate 1 of the chain was revoked' };

  async function asked(statement: Readonly<Record<string, unknown>>, at: number, status: RevocationStatus) {
    const memory = createMemoryRegistry();
    const image = push(memory);
    attach(memory, image, acme, stamped);
    const subjects: string[] = [];
    const revocation: Revocation = {
      check: (chain: readonly Certificate[]) => {
        const isTimestamp = chain.length === 3;
        subjects.push(isTimestamp ? 'timestamp' : 'signer');
        return Promise.resolve(isTimestamp ? status : { kind: 'good' });
      },
    };
    const sets: readonly PolicySet[] = [trustPolicy(STORES, { ...TIMED, ...statement })];
    const engine = engineOver(memory.client(), sets, {
      clock: standingClock(at),
      revocation,
      settings: { onError: 'allow' },
    });
    const { word, warnings } = await said(engine, `${memory.host}/shop/web@${image.digest}`, at);
    return { word, warnings, subjects };
  }

  it('refuses, also where revocation of signers is skipped [notation-ratify 89]', async () => {
    for (const override of [{}, { revocation: 'log' }, { revocation: 'skip' }]) {
      const strict = await asked(verifying('strict', 'always', override), NOON, REVOKED);
      expect(strict.word).toBe('CERTIFICATE_REVOKED');
    }
  });

  it('refuses where that cannot be told, whatever onError says', async () => {
    const unknown: RevocationStatus = { kind: 'unknown', message: 'nobody answers' };
    expect((await asked(verifying('strict', 'always'), NOON, unknown)).word).toBe('REVOCATION_UNKNOWN');
  });

  it('is not asked before the timestamp is needed, and refuses from then on', async () => {
    const early = await asked(verifying('strict', 'afterCertExpiry'), NOT_AFTER, REVOKED);
    expect(early).toEqual({ word: 'verified', warnings: 0, subjects: ['signer'] });
    const late = await asked(verifying('strict', 'afterCertExpiry'), NOT_AFTER + 1, REVOKED);
    expect(late.word).toBe('CERTIFICATE_REVOKED');
  });

  it('is reported where timestamps are only reported', async () => {
    const logged = await asked(verifying('strict', 'always', { authenticTimestamp: 'log' }), NOON, REVOKED);
    expect(logged).toEqual({ word: 'verified', warnings: 1, subjects: ['signer', 'timestamp'] });
  });
});
