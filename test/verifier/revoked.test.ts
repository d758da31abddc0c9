import { describe, expect, it } from 'vitest';
import { BY_CERTIFICATE, type Finding, type RevocableChain } from '../../src/model/finding.ts';
import type { Leaf, NotationLevels } from '../../src/model/requirement.ts';
import type { RevocationStatus } from '../../src/trust/revocation/status.ts';
import { unlessRevoked } from '../../src/verifier/revoked.ts';
import { acceptedFinding, DIGEST, refusedFinding } from '../audit/fixture.ts';

const STRICT: NotationLevels = {
  authenticity: 'enforce',
  authenticTimestamp: 'enforce',
  expiry: 'enforce',
  revocation: 'enforce',
};
const SIGNER: RevocableChain = { of: 'signer', certificates: [], signedAt: undefined, from: 'always' };
const TIMESTAMP: RevocableChain = { ...SIGNER, of: 'timestamp' };
const REVOKED: RevocationStatus = { kind: 'revoked', message: 'certificate 1 was revoked' };
const UNKNOWN: RevocationStatus = { kind: 'unknown', message: 'nobody answers' };
const NOW = 1_000;

function leafOf(levels: Partial<NotationLevels>): Leaf {
  const none = { authorities: [], signingAuthorities: [], timestampAuthorities: [] };
  return {
    name: 'test',
    where: { stores: ['notation'], storage: 'registry', repository: 'own', tagPrefix: '', attempts: 1 },
    proof: { kind: 'notation', ...none, levels: { ...STRICT, ...levels }, verifyTimestamp: 'always' },
    signer: 'any',
    names: { kind: 'unchecked' },
    conditions: [],
    about: 'none',
  };
}

type Judged = Extract<Finding, { kind: 'judged' }>;

function found(revocable: readonly RevocableChain[]): Judged {
  const finding = acceptedFinding();
  if (finding.kind !== 'judged') throw new Error('the fixture is a judged finding');
  return {
    ...finding,
    proof: {
      kind: 'proved',
      signer: { display: 'CN=a', ids: ['a'], identity: { subject: [] } },
      claims: { digest: DIGEST, name: { kind: 'unnamed' }, predicateType: undefined, annotations: {} },
      times: [],
      log: [],
      checks: [],
      reservations: [],
      revocable,
      timedBy: BY_CERTIFICATE,
      notBefore: 'always',
      notAfter: 'forever',
    },
  };
}

/** What becomes of an accepted finding, and which chains were asked about. */
async function asked(revocable: readonly RevocableChain[], levels: Partial<NotationLevels>, says: RevocationStatus) {
  const chains: string[] = [];
  const ask = (chain: RevocableChain): Promise<RevocationStatus> => {
    chains.push(chain.of);
    return Promise.resolve(says);
  };
  const { verdict } = await unlessRevoked(found(revocable), leafOf(levels), ask, NOW);
  return { verdict, chains };
}

describe('a signature whose certificate may be revoked', () => {
  it.each([
    ['enforce', REVOKED, { kind: 'refused', check: 'signer', code: 'CERTIFICATE_REVOKED' }],
    ['enforce', UNKNOWN, { kind: 'undecided', code: 'REVOCATION_UNKNOWN' }],
    ['enforce', { kind: 'good' }, { kind: 'accepted', warnings: [] }],
    ['log', REVOKED, { kind: 'accepted', warnings: ['certificate 1 was revoked'] }],
    ['log', UNKNOWN, { kind: 'accepted', warnings: ['nobody answers'] }],
  ] as const)('under %s, where it is said to be %j [notation-ratify 91]', async (revocation, says, verdict) => {
    expect((await asked([SIGNER], { revocation }, says)).verdict).toMatchObject(verdict);
  });

  it('is not asked about where the policy skips it', async () => {
    expect(await asked([SIGNER], { revocation: 'skip' }, REVOKED)).toMatchObject({
      verdict: { kind: 'accepted' },
      chains: [],
    });
  });

  it.each(['log', 'skip'] as const)(
    'and rests on a timestamp: whoever made that counts although revocation is to be %s [notation-ratify 90]',
    async (revocation) => {
      expect((await asked([TIMESTAMP], { revocation }, REVOKED)).verdict).toMatchObject({
        kind: 'refused',
        code: 'CERTIFICATE_REVOKED',
      });
      expect((await asked([TIMESTAMP], { revocation, authenticTimestamp: 'log' }, REVOKED)).verdict).toMatchObject({
        kind: 'accepted',
        warnings: ['certificate 1 was revoked'],
      });
    },
  );

  it('is not asked about whom it does not rest on yet', async () => {
    expect((await asked([{ ...TIMESTAMP, from: NOW + 1 }], {}, REVOKED)).chains).toEqual([]);
    expect((await asked([{ ...TIMESTAMP, from: NOW }], {}, REVOKED)).chains).toEqual(['timestamp']);
  });

  it('is not asked about where it is refused already: that would cost a request and change nothing', async () => {
    const refused = refusedFinding();
    if (refused.kind !== 'judged') throw new Error('the fixture is a judged finding');
    const ask = () => Promise.reject(new Error('nobody is to be asked'));
    expect(await unlessRevoked(refused, leafOf({}), ask, NOW)).toBe(refused);
  });
});
