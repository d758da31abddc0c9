import { expect, it } from 'vitest';
import type { PolicySet } from '../../src/policy/policy.ts';
import type { RevocationStatus } from '../../src/trust/revocation/status.ts';
import { parseCertificate } from '../../src/trust/x509/certificate.ts';
import { type Issued, issueRoot, NOON } from '../fixtures/certificates.ts';
import { createMemoryRegistry, engineOver, requestFor, saidBy, standingClock } from '../fixtures/memory-registry.ts';
import { newTimestampAuthority, timestampToken } from '../fixtures/notation/timestamps.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';
import { pick, type Random, randomness } from '../signatures/mutators.ts';
import { attach, DAY, LAYER_TYPES, push, signatory, trustPolicy } from './notation-fixture.ts';

const SHORT = { notBefore: NOON - 10 * DAY, notAfter: NOON + 10 * DAY };
const LONG = { notBefore: NOON - 365 * DAY, notAfter: NOON + 365 * DAY };
const EXPIRY = NOON + 5 * DAY;
const MOMENTS = [
  SHORT.notBefore - 1,
  SHORT.notBefore,
  NOON,
  EXPIRY - 1,
  EXPIRY,
  SHORT.notAfter,
  SHORT.notAfter + 1,
  NOON + 400 * DAY,
];

const roots = { a: issueRoot('A'), b: issueRoot('B') };
const tsas = { a: newTimestampAuthority(), b: newTimestampAuthority() };
const tsaRoots = { a: tsas.a.above.at(-1) ?? tsas.a.above[0], b: tsas.b.above.at(-1) ?? tsas.b.above[0] };
type Letter = keyof typeof roots;

/** Who signs: under which root, if one that anybody trusts, and whether the policy's identity is his. */
const PEOPLE = [
  { by: signatory({ root: roots.a, ...SHORT }), under: 'a', isNamed: true, validity: SHORT },
  { by: signatory({ root: roots.a, unit: 'Dev' }), under: 'a', isNamed: false, validity: LONG },
  { by: signatory({ root: roots.b, ...SHORT }), under: 'b', isNamed: true, validity: SHORT },
  { by: signatory(), under: undefined, isNamed: true, validity: LONG },
] as const;

const STORES = {
  'ca:a': [roots.a],
  'ca:b': [roots.b],
  'signingAuthority:a': [roots.a],
  'signingAuthority:b': [roots.b],
  'tsa:a': [tsaRoots.a],
  'tsa:b': [tsaRoots.b],
};

/** One signature as it was made, for the oracle. */
type Made = {
  readonly who: (typeof PEOPLE)[number];
  readonly isAuthority: boolean;
  readonly expires: boolean;
  readonly stampedBy: Letter | undefined;
  /** Read as the other kind of envelope, or about something else. */
  readonly isBroken: boolean;
};

type Check = 'authenticity' | 'authenticTimestamp' | 'expiry' | 'revocation';
const CHECKS: readonly Check[] = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'];
const LEVELS = { strict: CHECKS, permissive: CHECKS.slice(0, 1), audit: [] } as const satisfies Record<
  string,
  readonly Check[]
>;

/** One policy, and what the oracle knows of it. */
type Asked = {
  readonly set: PolicySet;
  readonly trustStores: readonly string[];
  readonly isOpen: boolean;
  readonly enforced: ReadonlySet<Check>;
  readonly verifyTimestamp: 'always' | 'afterCertExpiry';
};

function anyPolicy(random: Random): Asked {
  const trustStores = [...new Set(Array.from({ length: 1 + random(3) }, () => pick(Object.keys(STORES), random)))];
  const level = pick(['strict', 'strict', 'permissive', 'audit'] as const, random);
  const enforced = new Set<Check>(LEVELS[level]);
  const override: Record<string, string> = {};
  for (const check of CHECKS.filter(() => random(4) === 0)) {
    const action = pick(['enforce', 'log'], random);
    override[check] = action;
    if (action === 'enforce') enforced.add(check);
    else enforced.delete(check);
  }
  const verifyTimestamp = pick(['always', 'afterCertExpiry'] as const, random);
  const isOpen = random(2) === 0;
  const trustedIdentities = isOpen ? ['*'] : ['x509.subject:C=US,ST=WA,O=Acme,OU=Release'];
  const signatureVerification = { level, override, verifyTimestamp };
  const set = trustPolicy(STORES, { trustStores, trustedIdentities, signatureVerification });
  return { set, trustStores, isOpen, enforced, verifyTimestamp };
}

/** Pushes images with one to three signatures each, whatever these are. */
function anyImages(memory: ReturnType<typeof createMemoryRegistry>, count: number, random: Random) {
  return Array.from({ length: count }, (_, n) => {
    const image = push(memory, 'shop/web', `image ${n}`);
    const made = Array.from({ length: 1 + random(3) }, (): Made => {
      const who = pick(PEOPLE, random);
      const kind = pick(['jws', 'cose'] as const, random);
      const isAuthority = random(3) === 0;
      const expires = random(3) === 0;
      const stampedBy = pick(['a', 'b', undefined, undefined] as const, random);
      const isMislabelled = random(6) === 0;
      const isAboutElse = random(6) === 0;
      attach(memory, image, who.by, {
        kind,
        ...(isAuthority ? { scheme: 'notary.x509.signingAuthority', authenticSigningTime: NOON - 1000 } : {}),
        ...(expires ? { expiry: EXPIRY } : {}),
        ...(stampedBy === undefined
          ? {}
          : { timestampToken: (signature) => timestampToken(signature, { authority: tsas[stampedBy] }) }),
        ...(isMislabelled ? { layerType: LAYER_TYPES[kind === 'jws' ? 'cose' : 'jws'] } : {}),
        ...(isAboutElse ? { payload: { mediaType: image.mediaType, digest: image.digest, size: 1 } } : {}),
      });
      return { who, isAuthority, expires, stampedBy, isBroken: isMislabelled || isAboutElse };
    });
    return { name: `${memory.host}/shop/web@${image.digest}`, made };
  });
}

/** What is known of the certificates below each root at the moment; what is missing is good. */
type Known = ReadonlyMap<Issued, RevocationStatus['kind']>;

/** Whether one signature lets an image in, as the reference says it (notation-ratify.md §1.8–1.11). */
function admits(
  made: Made,
  { trustStores, isOpen, enforced, verifyTimestamp }: Asked,
  known: Known,
  at: number,
): boolean {
  const { who, isAuthority, expires, stampedBy, isBroken } = made;
  const isGood = (root: Issued) => (known.get(root) ?? 'good') === 'good';
  if (isBroken) return false;
  const type = isAuthority ? 'signingAuthority' : 'ca';
  const isMember = who.under !== undefined && trustStores.includes(`${type}:${who.under}`);
  if (enforced.has('authenticity') && !(isMember && (isOpen || who.isNamed))) return false;
  if (enforced.has('expiry') && expires && at >= EXPIRY) return false;
  if (enforced.has('authenticTimestamp') && !isAuthority) {
    const isStore = trustStores.some((store) => store.startsWith('tsa:'));
    const isAsked = isStore && (verifyTimestamp === 'always' || at > who.validity.notAfter);
    const isStamped =
      stampedBy !== undefined && trustStores.includes(`tsa:${stampedBy}`) && isGood(tsaRoots[stampedBy]);
    const isValid = at >= who.validity.notBefore && at <= who.validity.notAfter;
    if (!(isAsked ? isStamped : isValid)) return false;
  }
  return !enforced.has('revocation') || who.under === undefined || isGood(roots[who.under]);
}

it('a warm engine says what a cold one says and what the reference says, whatever was asked before', async () => {
  const random = randomness(20_260_601);
  const memory = createMemoryRegistry();
  const images = anyImages(memory, 30, random);
  const policies = Array.from({ length: 50 }, () => anyPolicy(random));
  const everyRoot = [roots.a, roots.b, tsaRoots.a, tsaRoots.b];
  let known: Known = new Map();
  const byFingerprint = new Map(
    everyRoot.map((root) => {
      const parsed = parseCertificate(root.der);
      return [parsed.ok ? parsed.value.fingerprint : '', root];
    }),
  );
  const revocation = {
    check: (chain: readonly { readonly fingerprint: string }[]): Promise<RevocationStatus> => {
      const root = byFingerprint.get(chain.at(-1)?.fingerprint ?? '');
      const kind = (root === undefined ? undefined : known.get(root)) ?? 'good';
      return Promise.resolve(kind === 'good' ? { kind } : { kind, message: 'as the test says' });
    },
  };
  const clock = standingClock(NOON);
  let sets: readonly PolicySet[] = [];
  const policiesNow = () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D });
  const warm = engineOver(memory.client(), [], { clock, revocation, policies: policiesNow });
  const counts = { admitted: 0, refused: 0 };
  for (let n = 0; n < 800; n++) {
    const policy = pick(policies, random);
    const image = pick(images, random);
    const at = pick(MOMENTS, random);
    sets = [policy.set];
    clock.move(at - clock());
    known = new Map(
      everyRoot.filter(() => random(5) === 0).map((root) => [root, pick(['revoked', 'unknown'] as const, random)]),
    );
    const request = requestFor([image.name], { deadline: at + 60_000 });
    const decision = await warm.decide(request);
    const cold = engineOver(memory.client(), sets, { clock: standingClock(at), revocation });
    expect(saidBy(decision)).toEqual(saidBy(await cold.decide(request)));
    const expected = image.made.some((made) => admits(made, policy, known, at));
    expect(decision.allowed, `decision ${n}`).toBe(expected);
    counts[expected ? 'admitted' : 'refused']++;
  }
  // Neither is what nearly everything comes to.
  expect(Math.min(counts.admitted, counts.refused)).toBeGreaterThan(100);
}, 60_000);
