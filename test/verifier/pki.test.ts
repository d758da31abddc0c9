import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/cli/demo/artifacts.ts';
import { publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import type { SignerRule } from '../../src/model/requirement.ts';
import {
  alternativeNames,
  authority,
  dns,
  email,
  extension,
  type Issued,
  issue,
  issueIntermediate,
  issueRoot,
  NOON,
  newKeys,
  otherName,
  usage,
} from '../fixtures/certificates.ts';
import { everywhere } from '../fixtures/keys.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import {
  certifiedLayer,
  certifiedPolicy,
  codeAt,
  codeOf,
  intermediate,
  pkiProof,
  root,
  sayAt,
} from '../signatures/certified.ts';
import { REPOSITORY } from '../signatures/fixture.ts';

const DAY = 24 * 3600 * 1000;
const bothNames = alternativeNames(email('ops@example.com'), dns('host.example.com'));
const LONG = { notBefore: NOON - DAY, notAfter: NOON + DAY };
const leaf = issue(intermediate, { extensions: [usage(0), bothNames], ...LONG });

let world: World;
let image: Artifact;
beforeEach(async () => {
  world = await startWorld();
  image = publishImage(world.server, REPOSITORY, 'hello');
});
afterEach(() => world.close());

const exactly = (text: string | undefined) =>
  text === undefined ? ('any' as const) : ({ kind: 'exact', text } as const);
const subject = (mail?: string, host?: string): SignerRule => ({
  kind: 'subject',
  email: exactly(mail),
  hostname: exactly(host),
});
const ops = subject('ops@example.com');

type Options = {
  readonly of?: Issued;
  readonly signer?: SignerRule;
  readonly between?: string | undefined;
  readonly chain?: string;
  readonly at?: number;
};

function say({ of = leaf, signer = ops, between = intermediate.pem, chain = '', at = NOON }: Options = {}) {
  publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf: of, chain, entry: 'none' })]);
  return codeAt(world, image, certifiedPolicy(pkiProof(root.pem, between), signer), at);
}

describe('a signature by a long-lived certificate', () => {
  it('needs its intermediates in the policy or attached [openshift 77]', async () => {
    expect(await say()).toBe('verified');
    publishLayers(world.server, REPOSITORY, image, [
      certifiedLayer(image, { leaf, chain: intermediate.pem + root.pem, entry: 'none' }),
    ]);
    expect(await codeAt(world, image, certifiedPolicy(pkiProof(root.pem), ops))).toBe('verified');
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf, chain: '', entry: 'none' })]);
    expect(await codeAt(world, image, certifiedPolicy(pkiProof(root.pem), ops))).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('needs the address, the host, or both, as the policy says [openshift 78] [openshift 93]', async () => {
    expect(await say({ signer: subject('ops@example.com', 'host.example.com') })).toBe('verified');
    expect(await say({ signer: subject(undefined, 'host.example.com') })).toBe('verified');
    expect(await say({ signer: subject('ops@example.com') })).toBe('verified');
    expect(await say({ signer: subject('ops@example.com', 'other.example.com') })).toBe('IDENTITY_MISMATCH');
    expect(await say({ signer: subject('x@example.com', 'host.example.com') })).toBe('IDENTITY_MISMATCH');
    expect(await say({ signer: subject() })).toBe('POLICY_BROKEN');
    const onlyMail = issue(intermediate, { extensions: [alternativeNames(email('ops@example.com'))], ...LONG });
    expect(await say({ of: onlyMail, signer: subject('ops@example.com', 'host.example.com') })).toBe(
      'IDENTITY_MISMATCH',
    );
    expect(await say({ of: onlyMail })).toBe('verified');
  });

  it('never takes the subject’s common name for a host or an address', async () => {
    const named = issue(intermediate, { subject: 'host.example.com', ...LONG });
    expect(await say({ of: named, signer: subject(undefined, 'host.example.com') })).toBe('IDENTITY_MISMATCH');
  });

  it('refuses an otherName-only critical alternative name [openshift 74]', async () => {
    const other = issue(intermediate, { extensions: [alternativeNames(otherName('ops@example.com'))], ...LONG });
    expect(await say({ of: other })).toBe('IDENTITY_MISMATCH');
  });

  it('refuses an unknown critical extension [openshift 75]', async () => {
    const odd = extension('1.2.3.4', Buffer.from([5, 0]), 'critical');
    expect(await say({ of: issue(intermediate, { extensions: [bothNames, odd], ...LONG }) })).toBe('CERTIFICATE_UNFIT');
  });

  it('holds only while its chain is valid, and a proof that is kept expires with it', async () => {
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf, chain: '', entry: 'none' })]);
    let now = NOON;
    const policy = certifiedPolicy(pkiProof(root.pem, intermediate.pem), ops);
    const engine = world.engine([everywhere(policy)], {}, { clock: () => now });
    const moments: readonly [number, string][] = [
      [NOON, 'verified'],
      [NOON + DAY, 'verified'],
      [NOON + DAY + 1, 'CERTIFICATE_EXPIRED'],
      [NOON - DAY - 1, 'CERTIFICATE_NOT_YET_VALID'],
      [NOON - DAY, 'verified'],
      [NOON, 'verified'],
    ];
    for (const [moment, expected] of [...moments, ...moments.toReversed()]) {
      now = moment;
      expect([moment - NOON, codeOf(await sayAt(engine, world, image, moment))]).toEqual([moment - NOON, expected]);
    }
  });

  it('goes on by another chain of the same certificate once one has expired', async () => {
    const keys = newKeys();
    const old = issueIntermediate(root, 'twice', { keys, notAfter: NOON });
    const renewed = issueIntermediate(root, 'twice', { keys, notBefore: NOON - 1000, notAfter: NOON + DAY });
    const below = issue(old, { extensions: [bothNames], ...LONG });
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf: below, chain: '', entry: 'none' })]);
    let now = NOON - DAY / 2;
    const policy = certifiedPolicy(pkiProof(root.pem, old.pem + renewed.pem), ops);
    const engine = world.engine([everywhere(policy)], {}, { clock: () => now });
    expect(codeOf(await sayAt(engine, world, image, now))).toBe('verified');
    now = NOON + 1000;
    expect(codeOf(await sayAt(engine, world, image, now))).toBe('verified');
    now = NOON + DAY + 1;
    expect(codeOf(await sayAt(engine, world, image, now))).toBe('CERTIFICATE_EXPIRED');
  });

  it('is not helped by a log entry: only the present counts', async () => {
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf, chain: '' })]);
    const policy = certifiedPolicy(pkiProof(root.pem, intermediate.pem), ops);
    expect(await codeAt(world, image, policy, NOON + 2 * DAY)).toBe('CERTIFICATE_EXPIRED');
  });

  it('refuses a root or an intermediate of the policy as a signer', async () => {
    const ca = issueIntermediate(root, 'ca', { extensions: [authority(), bothNames] });
    expect(await say({ of: ca })).toBe('CERTIFICATE_UNFIT');
    const self = issueRoot('self', { extensions: [authority(), bothNames] });
    publishLayers(world.server, REPOSITORY, image, [certifiedLayer(image, { leaf: self, chain: '', entry: 'none' })]);
    expect(await codeAt(world, image, certifiedPolicy(pkiProof(self.pem), ops))).toBe('CERTIFICATE_UNTRUSTED');
  });
});
