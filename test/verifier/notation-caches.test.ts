import { describe, expect, it } from 'vitest';
import { type Artifact, emptyConfigArtifact, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { attach, publish } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { utf8String } from '../../src/encoding/der-writer.ts';
import type { Leaf, NotationLevels, ProofRule, TrustRef } from '../../src/model/requirement.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
import type { Revocation } from '../../src/trust/revocation/revocation.ts';
import {
  CODE_SIGNING,
  distinguishedName,
  extendedUsage,
  type Issued,
  issue,
  issueRoot,
  NOON,
  usage,
} from '../fixtures/certificates.ts';
import { everywhere, keyLeaf, origin, policyOf } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, requestFor, standingClock, wordsOf } from '../fixtures/memory-registry.ts';
import { SIGNED_AT, type SigningOptions, signEnvelope } from '../fixtures/notation/signer.ts';
import { newTimestampAuthority, timestampToken } from '../fixtures/notation/timestamps.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';

const DAY = 24 * 3_600_000;
const root = issueRoot('trusted');
const otherRoot = issueRoot('other');
const authority = newTimestampAuthority();
const otherAuthority = newTimestampAuthority();

const signerBelow = (above: Issued, notAfter = NOON + 300 * DAY): readonly [Issued, Issued] => [
  issue(above, {
    name: distinguishedName(
      ['2.5.4.6', utf8String('US')],
      ['2.5.4.8', utf8String('WA')],
      ['2.5.4.10', utf8String('Acme')],
      ['2.5.4.3', utf8String('signer')],
    ),
    notBefore: NOON - 300 * DAY,
    notAfter,
    extensions: [usage(0), extendedUsage(CODE_SIGNING)],
  }),
  above,
];
const trusted = signerBelow(root);

/** One image and its signature, which the stronger rule of a pair refuses and the weaker does not. */
type Made = { readonly by?: readonly [Issued, Issued] } & Partial<SigningOptions>;

const SIGNATURES = {
  plain: {},
  untrusted: { by: signerBelow(otherRoot) },
  expired: { expiry: SIGNED_AT + 1000 },
  lapsed: { by: signerBelow(root, SIGNED_AT + 60_000) },
  authority: { scheme: 'notary.x509.signingAuthority' },
  stamped: {
    timestampToken: (signature: Uint8Array) => timestampToken(signature, { authority }),
  },
} as const satisfies Readonly<Record<string, Made>>;

const store = (...certificates: readonly Issued[]): readonly TrustRef[] =>
  certificates.map(({ pem }) => ({ kind: 'inline', text: pem }));

const STRICT: NotationLevels = {
  authenticity: 'enforce',
  authenticTimestamp: 'enforce',
  expiry: 'enforce',
  revocation: 'enforce',
};
const PROOF = {
  kind: 'notation',
  authorities: store(root),
  signingAuthorities: [],
  timestampAuthorities: [],
  levels: STRICT,
  verifyTimestamp: 'always',
} as const satisfies ProofRule;

const LEAF: Leaf = {
  name: 'notation',
  where: { stores: ['notation'], storage: 'registry', repository: 'own', tagPrefix: '', attempts: 100 },
  proof: PROOF,
  signer: 'any',
  names: { kind: 'unchecked' },
  conditions: [],
  about: 'none',
};

const proof = (changes: Partial<Extract<ProofRule, { kind: 'notation' }>>): Leaf => ({
  ...LEAF,
  proof: { ...PROOF, ...changes },
});
const levels = (changes: Partial<NotationLevels>): Leaf => proof({ levels: { ...STRICT, ...changes } });
const named = (value: string): Leaf => ({
  ...LEAF,
  signer: { kind: 'distinguishedNames', anyOf: [[{ type: 'CN', value }]] },
});
const tsa = (of: typeof authority): readonly TrustRef[] => store(of.above[1] ?? of.above[0]);

type Pair = [field: string, of: keyof typeof SIGNATURES, weak: Leaf, strong: Leaf, revoked?: true];

/** Each pair differs in exactly one field. The first admits the image, the second does not. */
const PAIRS: readonly Pair[] = [
  ['proof.levels.authenticity', 'untrusted', levels({ authenticity: 'log' }), LEAF],
  ['proof.levels.authenticTimestamp', 'lapsed', levels({ authenticTimestamp: 'log' }), LEAF],
  ['proof.levels.expiry', 'expired', levels({ expiry: 'log' }), LEAF],
  ['proof.levels.revocation: log', 'plain', levels({ revocation: 'log' }), LEAF, true],
  ['proof.levels.revocation: skip', 'plain', levels({ revocation: 'skip' }), LEAF, true],
  ['proof.authorities: another root', 'plain', LEAF, proof({ authorities: store(otherRoot) })],
  ['proof.authorities: none', 'plain', LEAF, proof({ authorities: [] })],
  [
    'proof.authorities: one more that is none',
    'plain',
    LEAF,
    proof({ authorities: [...store(root), { kind: 'inline', text: 'none' }] }),
  ],
  [
    'proof.authorities: one more that must not be there',
    'plain',
    LEAF,
    proof({ authorities: store(root, trusted[0]) }),
  ],
  [
    'proof.authorities: gone',
    'plain',
    LEAF,
    proof({ authorities: [{ kind: 'unavailable', why: 'the file is gone' }] }),
  ],
  ['proof.signingAuthorities', 'authority', proof({ signingAuthorities: store(root) }), LEAF],
  [
    'proof.authorities and signingAuthorities in each other’s place',
    'plain',
    LEAF,
    proof({ authorities: [], signingAuthorities: store(root) }),
  ],
  [
    'proof.timestampAuthorities: one, and there is no timestamp',
    'plain',
    LEAF,
    proof({ timestampAuthorities: tsa(authority) }),
  ],
  [
    'proof.timestampAuthorities: another',
    'stamped',
    proof({ timestampAuthorities: tsa(authority) }),
    proof({ timestampAuthorities: tsa(otherAuthority) }),
  ],
  [
    'proof.verifyTimestamp',
    'plain',
    proof({ timestampAuthorities: tsa(authority), verifyTimestamp: 'afterCertExpiry' }),
    proof({ timestampAuthorities: tsa(authority) }),
  ],
  ['proof.kind', 'plain', LEAF, { ...LEAF, proof: keyLeaf([createSigner()]).proof }],
  ['signer: somebody else', 'plain', named('signer'), named('somebody')],
  ['signer: anybody or somebody', 'plain', LEAF, named('somebody')],
  [
    'signer: of another kind',
    'plain',
    LEAF,
    { ...LEAF, signer: { kind: 'identities', anyOf: [{ issuer: 'any', subject: 'any' }] } },
  ],
  ['names', 'plain', LEAF, { ...LEAF, names: { kind: 'matchRepository' } }],
  ['conditions', 'plain', LEAF, { ...LEAF, conditions: [{ kind: 'annotation', name: 'release', value: 'yes' }] }],
  ['about', 'plain', LEAF, { ...LEAF, about: { kind: 'accept' } }],
  ['where.stores', 'plain', LEAF, { ...LEAF, where: { ...LEAF.where, stores: ['sigstore-bundle'] } }],
  [
    'where.repository',
    'plain',
    LEAF,
    { ...LEAF, where: { ...LEAF.where, repository: { host: 'registry.test', path: 'acme/signatures' } } },
  ],
];

describe('a weaker rule of notation never answers for a stronger one (MODEL.md §3.2)', () => {
  const memory = createMemoryRegistry();
  const images = new Map<string, Artifact>();
  for (const [name, made] of Object.entries<Made>(SIGNATURES)) {
    const { by = trusted, ...how } = made;
    const image = publish(memory.server, 'acme/app', imageArtifact(name), name);
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
    const chain = by.map(({ der }) => der);
    const bytes = signEnvelope({ kind: 'jws', chain, key: by[0].keys.privateKey, payload: subject, ...how });
    const layer = { bytes, mediaType: 'application/jose+json' };
    const artifactType = 'application/vnd.cncf.notary.signature';
    attach(memory.server, 'acme/app', emptyConfigArtifact([layer], { artifactType, subject }));
    images.set(name, image);
  }
  const revoking: Revocation = {
    check: () => Promise.resolve({ kind: 'revoked', message: 'the certificate was revoked' }),
  };

  it.each<Pair>(PAIRS)('differing in %s alone, in both orders, warm', async (_, of, weakLeaf, strongLeaf, revoked) => {
    const weak = everywhere(policyOf({ kind: 'some', leaf: weakLeaf }, { origin: origin('weak') }));
    const strong = everywhere(policyOf({ kind: 'some', leaf: strongLeaf }, { origin: origin('strong') }));
    const asked = requestFor([`registry.test/acme/app@${images.get(of)?.digest ?? ''}`]);
    for (const order of [
      [weak, strong, weak, strong],
      [strong, weak, strong, weak],
    ]) {
      let sets: readonly PolicySet[] = [];
      const engine = engineOver(memory.client(), [], {
        clock: standingClock(NOON),
        policies: () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D }),
        ...(revoked === true && { revocation: revoking }),
      });
      for (const set of order) {
        sets = [set];
        const { allowed } = await engine.decide(asked);
        expect({ policy: set.policies[0]?.origin.name, allowed }).toEqual({
          policy: set === weak ? 'weak' : 'strong',
          allowed: set === weak,
        });
      }
      sets = [weak, strong];
      expect((await engine.decide(asked)).allowed).toBe(false);
    }
  });

  it('and what is authentic for one policy is verified there, and only accepted where that is not enforced', async () => {
    const strict = everywhere(policyOf({ kind: 'some', leaf: LEAF }));
    const audit = everywhere(policyOf({ kind: 'some', leaf: levels({ authenticity: 'log' }) }));
    const asked = requestFor([`registry.test/acme/app@${images.get('plain')?.digest ?? ''}`]);
    for (const sets of [
      [strict, audit],
      [audit, strict],
    ]) {
      const engine = engineOver(memory.client(), sets, { clock: standingClock(NOON) });
      const words = sets.map((set) => (set === strict ? 'verified' : 'accepted'));
      for (const _round of ['cold', 'warm']) expect(wordsOf(await engine.decide(asked))).toEqual(words);
    }
  });

  it('nor does a proof outlive the moment at which a certificate or the signature expires', async () => {
    const made = NOON + 60_000;
    const by = signerBelow(root, made + 60_000);
    const short = createMemoryRegistry();
    for (const [name, how] of [
      ['signature', { by: trusted, expiry: made }],
      ['certificate', { by, expiry: undefined }],
    ] as const) {
      const image = publish(short.server, 'acme/app', imageArtifact(name), name);
      const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
      const bytes = signEnvelope({
        kind: 'cose',
        chain: how.by.map(({ der }) => der),
        key: how.by[0].keys.privateKey,
        payload: subject,
        ...(how.expiry === undefined ? {} : { expiry: how.expiry }),
      });
      const layer = { bytes, mediaType: 'application/cose' };
      const artifactType = 'application/vnd.cncf.notary.signature';
      attach(short.server, 'acme/app', emptyConfigArtifact([layer], { artifactType, subject }));
    }
    const clock = standingClock(NOON);
    const engine = engineOver(short.client(), [everywhere(policyOf({ kind: 'some', leaf: LEAF }))], { clock });
    const says = async () =>
      wordsOf(
        await engine.decide(requestFor(['registry.test/acme/app:signature', 'registry.test/acme/app:certificate'])),
      );
    expect(await says()).toEqual(['verified', 'verified']);
    clock.move(60_000 - 1);
    expect(await says()).toEqual(['verified', 'verified']);
    clock.move(1);
    expect(await says()).toEqual(['invalid SIGNATURE_EXPIRED', 'verified']);
    clock.move(60_000);
    expect(await says()).toEqual(['invalid SIGNATURE_EXPIRED', 'verified']);
    clock.move(1);
    expect(await says()).toEqual(['invalid SIGNATURE_EXPIRED', 'invalid CERTIFICATE_EXPIRED']);
    clock.move(-60_001);
    expect(await says()).toEqual(['invalid SIGNATURE_EXPIRED', 'verified']);
  });
});
