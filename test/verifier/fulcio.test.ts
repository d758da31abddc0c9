import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/cli/demo/artifacts.ts';
import { publishImage, publishLayers, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import type { Der } from '../../src/encoding/der-writer.ts';
import type { Policy } from '../../src/policy/policy.ts';
import {
  alternativeNames,
  CODE_SIGNING,
  dns,
  email,
  extendedUsage,
  extension,
  issue,
  issueIntermediate,
  issueRoot,
  issuerV1,
  issuerV2,
  leafExtensions,
  NOON,
  newKeys,
  otherName,
  uri,
  usage,
} from '../fixtures/certificates.ts';
import { everywhere } from '../fixtures/keys.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import {
  ann,
  certifiedLayer,
  certifiedPolicy,
  codeAt,
  codeOf,
  entryFor,
  fulcioProof,
  fulcioSubject,
  intermediate,
  type LayerOptions,
  otherRekor,
  publicPem,
  root,
  sayAt,
} from '../signatures/certified.ts';
import { REPOSITORY } from '../signatures/fixture.ts';

let world: World;
let image: Artifact;
beforeEach(async () => {
  world = await startWorld();
  image = publishImage(world.server, REPOSITORY, 'hello');
});
afterEach(() => world.close());

const policy = certifiedPolicy(fulcioProof(), fulcioSubject());

/** What a policy says of the image with one layer made so. */
function say(options: LayerOptions = {}, by: Policy = policy) {
  publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, options)]);
  return codeAt(world, image, by);
}

/** A leaf with other names or another issuer. */
const leafWith = (...extensions: readonly Der[]) =>
  issue(intermediate, { extensions: [usage(0), extendedUsage(CODE_SIGNING), ...extensions] });
const names = alternativeNames(email('ann@example.com'));
const ISSUER = 'https://issuer.example';

describe('a signature by a short-lived certificate with a log entry', () => {
  it('admits long after the certificate has expired, since the log saw it in time', async () => {
    expect(await say()).toBe('verified');
    expect(await codeAt(world, image, policy, NOON + 30 * 24 * 3600 * 1000)).toBe('verified');
  });

  it('shows who signed, when and in which log', async () => {
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image)]);
    const engine = world.engine([everywhere(policy)], {}, { clock: () => NOON });
    const outcome = await sayAt(engine, world, image, NOON);
    expect(outcome).toMatchObject({
      kind: 'verified',
      findings: [
        {
          proof: {
            signer: {
              display: `ann@example.com (${ISSUER})`,
              identity: { issuer: ISSUER, names: [{ kind: 'email', text: 'ann@example.com' }] },
            },
            times: [{ at: NOON }],
            log: [{ index: 7, at: NOON }],
          },
        },
      ],
    });
  });

  it.each([
    ['one second before it begins', { notBefore: NOON + 1000 }, 'CERTIFICATE_NOT_YET_VALID'],
    ['when it begins', { notBefore: NOON }, 'verified'],
    ['when it ends', { notAfter: NOON }, 'verified'],
    ['one second after it ended', { notAfter: NOON - 1000 }, 'CERTIFICATE_EXPIRED'],
  ])('logged %s [openshift 71]', async (_when, validity, expected) => {
    expect(await say({ leaf: issue(intermediate, { extensions: leafExtensions(), ...validity }) })).toBe(expected);
  });

  it('needs its intermediates, attached or among the roots [openshift 72]', async () => {
    expect(await say({ chain: '' })).toBe('CERTIFICATE_UNTRUSTED');
    const both = certifiedPolicy(fulcioProof([root.pem + intermediate.pem]), fulcioSubject());
    expect(await say({ chain: '' }, both)).toBe('verified');
    expect(await say({ chain: '' }, certifiedPolicy(fulcioProof([intermediate.pem]), fulcioSubject()))).toBe(
      'verified',
    );
  });

  it('takes the last certificate of the chain for the root and never uses it', async () => {
    expect(await say({ chain: intermediate.pem })).toBe('CERTIFICATE_UNTRUSTED');
    expect(await say({ chain: intermediate.pem + intermediate.pem })).toBe('verified');
    const own = issueRoot('own');
    const leaf = issue(own, { extensions: leafExtensions() });
    expect(await say({ leaf, chain: own.pem + own.pem })).toBe('CERTIFICATE_UNTRUSTED');
    expect(await say({ leaf, chain: own.pem + root.pem })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it.each<[string, readonly Der[], string]>([
    ['v1 only', [names, issuerV1(ISSUER)], 'verified'],
    ['v2 only', [names, issuerV2(ISSUER)], 'verified'],
    ['both and equal', [names, issuerV1(ISSUER), issuerV2(ISSUER)], 'verified'],
    ['both and different', [names, issuerV1(ISSUER), issuerV2('https://other.example')], 'CERTIFICATE_MALFORMED'],
    ['twice', [names, issuerV1(ISSUER), issuerV1(ISSUER)], 'CERTIFICATE_MALFORMED'],
    ['v2 twice', [names, issuerV2(ISSUER), issuerV2(ISSUER)], 'CERTIFICATE_MALFORMED'],
    ['v2 not a string', [names, extension('1.3.6.1.4.1.57264.1.8', Buffer.from([5, 0]))], 'CERTIFICATE_MALFORMED'],
    [
      'v2 with more behind it',
      [names, extension('1.3.6.1.4.1.57264.1.8', Buffer.from([0x0c, 1, 0x61, 0]))],
      'CERTIFICATE_MALFORMED',
    ],
    ['missing', [names], 'IDENTITY_MISMATCH'],
    ['another', [names, issuerV1('https://other.example')], 'IDENTITY_MISMATCH'],
    ['one that begins alike', [names, issuerV1(`${ISSUER}/evil`)], 'IDENTITY_MISMATCH'],
  ])('with the issuer %s [openshift 73]', async (_what, extensions, expected) => {
    expect(await say({ leaf: leafWith(...extensions) })).toBe(expected);
  });

  it.each<[string, readonly Der[], string]>([
    ['several addresses with the right one', [email('x@example.com'), email('ann@example.com')], 'verified'],
    ['other addresses', [email('x@example.com')], 'IDENTITY_MISMATCH'],
    ['an address that only differs in case', [email('Ann@example.com')], 'IDENTITY_MISMATCH'],
    ['an otherName only', [otherName('ann@example.com')], 'IDENTITY_MISMATCH'],
    ['the address as a URI', [uri('ann@example.com')], 'IDENTITY_MISMATCH'],
    ['the address as a DNS name', [dns('ann@example.com')], 'IDENTITY_MISMATCH'],
    ['the address and more', [email('ann@example.com.evil.example')], 'IDENTITY_MISMATCH'],
    ['the address before a NUL', [email('ann@example.com\0.evil.example')], 'CERTIFICATE_MALFORMED'],
  ])('with %s [openshift 74]', async (_what, alternatives, expected) => {
    expect(await say({ leaf: leafWith(alternativeNames(...alternatives), issuerV1(ISSUER)) })).toBe(expected);
  });

  it('with no name at all', async () => {
    expect(await say({ leaf: leafWith(issuerV1(ISSUER)) })).toBe('IDENTITY_MISMATCH');
  });

  it('refuses an unknown critical extension, and not an unknown one [openshift 75]', async () => {
    const odd = (critical: 'critical' | 'optional') =>
      leafWith(names, issuerV1(ISSUER), extension('1.2.3.4', Buffer.from([5, 0]), critical));
    expect(await say({ leaf: odd('critical') })).toBe('CERTIFICATE_UNFIT');
    expect(await say({ leaf: odd('optional') })).toBe('verified');
  });

  it('refuses two leaf certificates, or none [openshift 76]', async () => {
    expect(await say({ certificate: ann.pem + ann.pem })).toBe('CERTIFICATE_MALFORMED');
    expect(await say({ certificate: ann.pem + intermediate.pem })).toBe('CERTIFICATE_MALFORMED');
    expect(await say({ certificate: '' })).toBe('CERTIFICATE_MISSING');
    expect(await say({ certificate: 'ann@example.com' })).toBe('CERTIFICATE_MALFORMED');
  });

  it('refuses a raw public key where the certificate belongs [GHSA-fx35-mq7g-6g98]', async () => {
    expect(await say({ certificate: publicPem(ann.keys.publicKey) })).toBe('CERTIFICATE_MALFORMED');
    const pem = publicPem(ann.keys.publicKey).replaceAll('PUBLIC KEY', 'CERTIFICATE');
    expect(await say({ certificate: pem })).toBe('CERTIFICATE_MALFORMED');
  });

  it('refuses a certificate that is not for signing code, and one of another authority', async () => {
    const bare = issue(intermediate, { extensions: [usage(0), names, issuerV1(ISSUER)] });
    expect(await say({ leaf: bare })).toBe('CERTIFICATE_UNFIT');
    const theirs = issueIntermediate(issueRoot(), 'intermediate');
    const leaf = issue(theirs, { extensions: leafExtensions() });
    expect(await say({ leaf, chain: theirs.pem + root.pem })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('refuses a signature by another key than the certificate’s', async () => {
    const keys = newKeys();
    const entry: LayerOptions['entry'] = ({ payload, signature }) => entryFor(payload, signature, ann.pem);
    expect(await say({ leaf: { ...ann, keys }, certificate: ann.pem, entry })).toBe('SIGNATURE_CORRUPT');
  });

  it('refuses a signature about another image', async () => {
    const other = publishImage(world.server, REPOSITORY, 'other', 'v2');
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(other)]);
    expect(await codeAt(world, image, policy)).toBe('PAYLOAD_DIGEST_MISMATCH');
  });

  it('refuses without an entry, with one of another log, certificate, payload or signature [CVE-2022-23649]', async () => {
    expect(await say({ entry: 'none' })).toBe('LOG_ENTRY_MISSING');
    expect(await say({ entry: { log: otherRekor.privateKey } })).toBe('LOG_ENTRY_INVALID');
    const twin = issue(intermediate, { extensions: leafExtensions(), keys: ann.keys });
    expect(await say({ entry: ({ payload, signature }) => entryFor(payload, signature, twin.pem) })).toBe(
      'LOG_ENTRY_MISMATCH',
    );
    expect(await say({ entry: ({ signature }) => entryFor(Buffer.from('x'), signature, ann.pem) })).toBe(
      'LOG_ENTRY_MISMATCH',
    );
    expect(await say({ entry: ({ payload }) => entryFor(payload, 'AAAA', ann.pem) })).toBe('LOG_ENTRY_MISMATCH');
  });

  it('is not moved in time by an entry that was made for another of Ann’s signatures [GHSA-whqx-f9j3-ch6m, CVE-2022-36056]', async () => {
    const late = issue(intermediate, { extensions: leafExtensions(), notBefore: NOON - 60_000, notAfter: NOON - 1000 });
    const early: LayerOptions['entry'] = ({ signature }) =>
      entryFor(Buffer.from('another'), signature, late.pem, { at: NOON - 30_000 });
    expect(await say({ leaf: late })).toBe('CERTIFICATE_EXPIRED');
    expect(await say({ leaf: late, entry: early })).toBe('LOG_ENTRY_MISMATCH');
  });

  it('refuses a bundle that a bare key signed, and lets a layer beside it count', async () => {
    signImageWithBundle(world.server, REPOSITORY, image, createSigner());
    expect(await codeAt(world, image, policy)).toBe('CERTIFICATE_MISSING');
    expect(await say()).toBe('verified');
  });

  it('refuses a bare key’s signature, whoever made it', async () => {
    expect(await say({ certificate: '', chain: '' })).toBe('CERTIFICATE_MISSING');
  });

  it.each<[string, Policy]>([
    ['a root that is a key', certifiedPolicy(fulcioProof([publicPem(root.keys.publicKey)]), fulcioSubject())],
    ['a root that is broken beside a good one', certifiedPolicy(fulcioProof([root.pem, 'x']), fulcioSubject())],
    ['a log that is a certificate', certifiedPolicy(fulcioProof([root.pem], [root.pem]), fulcioSubject())],
    [
      'a log with an RSA key',
      certifiedPolicy(fulcioProof([root.pem], [createSigner('RSA-2048').publicKeyPem]), fulcioSubject()),
    ],
    [
      'a log with an Ed25519 key',
      certifiedPolicy(fulcioProof([root.pem], [createSigner('Ed25519').publicKeyPem]), fulcioSubject()),
    ],
  ])('cannot judge by %s, and looks for no signature', async (_what, by) => {
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image)]);
    expect(await codeAt(world, image, by)).toBe('TRUST_MATERIAL_UNAVAILABLE');
    expect(world.server.requests.filter(({ path }) => /\.sig|referrers/.test(path))).toEqual([]);
    expect(await codeAt(world, image, policy)).toBe('verified');
    expect(world.server.requests.some(({ path }) => /\.sig/.test(path))).toBe(true);
  });

  it('accepts nobody where the policy names nobody', async () => {
    const nobody = [
      certifiedPolicy(fulcioProof(), 'any'),
      certifiedPolicy(fulcioProof(), { kind: 'identities', anyOf: [{ issuer: 'any', subject: 'any' }] }),
    ];
    for (const by of nobody) expect(await say({}, by)).toBe('POLICY_BROKEN');
  });

  it('is a fact of its roots, its log and its subject: no policy answers for another, warm or cold', async () => {
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image)]);
    const others: readonly [Policy, string][] = [
      [certifiedPolicy(fulcioProof([issueRoot().pem]), fulcioSubject()), 'CERTIFICATE_UNTRUSTED'],
      [
        certifiedPolicy(fulcioProof([root.pem], [publicPem(otherRekor.publicKey)]), fulcioSubject()),
        'LOG_ENTRY_INVALID',
      ],
      [certifiedPolicy(fulcioProof(), fulcioSubject('bob@example.com')), 'IDENTITY_MISMATCH'],
      [certifiedPolicy(fulcioProof(), fulcioSubject('ann@example.com', 'https://other.example')), 'IDENTITY_MISMATCH'],
      [policy, 'verified'],
    ];
    let current = policy;
    const set = { name: 'test', policies: [], select: () => [{ policy: current, scope: '*', state: current.state }] };
    const engine = world.engine([set], {}, { clock: () => NOON });
    for (const [by, expected] of [...others, ...others.toReversed()]) {
      current = by;
      expect(codeOf(await sayAt(engine, world, image, NOON))).toBe(expected);
    }
  });

  it('is not repainted by junk beside it: an expired signer stays expired', async () => {
    const expired = certifiedLayer(image, {
      leaf: issue(intermediate, { extensions: leafExtensions(), notAfter: NOON - 1000 }),
    });
    const own = issueRoot('own');
    const junk = certifiedLayer(image, { leaf: issue(own, { extensions: leafExtensions() }), chain: own.pem });
    publishLayers(world.server, REPOSITORY, image, [junk, expired, { ...junk, bytes: Buffer.from('x') }]);
    expect(await codeAt(world, image, policy)).toBe('CERTIFICATE_EXPIRED');
    publishLayers(world.server, REPOSITORY, image, [junk, certifiedLayer(image)]);
    expect(await codeAt(world, image, policy)).toBe('verified');
  });
});
