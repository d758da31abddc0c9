import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCertificate } from '../../src/trust/x509/certificate.ts';
import type { Json } from '../admission/fixture.ts';
import { CODE_SIGNING, extendedUsage, type Issued, NOON, usage } from '../fixtures/certificates.ts';
import { newTimestampAuthority, timestampToken } from '../fixtures/notation/timestamps.ts';
import { HOUR, lists, type Party, writeList } from '../fixtures/revocation.ts';
import {
  type Answer,
  type AuthorityServer,
  hang,
  redirect,
  startAuthorityServer,
} from '../fixtures/revocation-server.ts';
import { type Answered, expectVerified, registryFor } from '../fixtures/webhook.ts';
import { expectRefused, notationSigner, notationWorld, type Signed } from './notation-world.ts';

const acme = notationSigner();
const lapsed = notationSigner({ root: acme.root, notAfter: NOON + 60_000 });
const authority = newTimestampAuthority();
const otherAuthority = newTimestampAuthority();
const stores = {
  'ca/acme/root.pem': acme.root.pem,
  'tsa/acme/root.pem': authority.above.at(-1)?.pem ?? '',
};
const by = (of: typeof authority, time?: string): Signed => ({
  timestampToken: (signature) => timestampToken(signature, { authority: of, ...(time === undefined ? {} : { time }) }),
});

/** The words of a refusal: the outcome, and what is said of it. */
const wordsOf = ({ message }: Answered): string =>
  /refused by trustpolicy.json "acme": (.*)$/.exec(message)?.[1] ?? message;

describe('a statement with a store of timestamp authorities', () => {
  const rule = (signatureVerification: Json): Json => ({ signatureVerification, trustStores: ['ca:acme', 'tsa:acme'] });
  const ALWAYS = rule({ level: 'strict' });
  const LATER = rule({ level: 'strict', verifyTimestamp: 'afterCertExpiry' });

  it.each<[what: string, statement: Json, signer: typeof acme, how: Signed, says: string]>([
    ['lets in what has expired and was timestamped before [notation-ratify 79]', ALWAYS, lapsed, by(authority), ''],
    [
      'lets in what has expired and was timestamped before, by COSE',
      ALWAYS,
      lapsed,
      { kind: 'cose', ...by(authority) },
      '',
    ],
    [
      'refuses what has no timestamp [notation-ratify 82]',
      ALWAYS,
      acme,
      {},
      'invalid. The signature carries no timestamp, and the policy asks for one. Sign the image again with a witness of the time whom the policy trusts: a transparency log or a timestamp authority. [TIME_UNPROVEN]',
    ],
    ['lets in what has none and needs none yet [notation-ratify 82]', LATER, acme, {}, ''],
    [
      'refuses what has none and needs one now [notation-ratify 82]',
      LATER,
      lapsed,
      {},
      "invalid. The signer's certificate or its authority's expired at 2026-06-01T12:01:00.000Z. Sign the image again with a certificate that is in date. [CERTIFICATE_EXPIRED]",
    ],
    [
      'refuses another authority’s [notation-ratify 84]',
      ALWAYS,
      acme,
      by(otherAuthority),
      "invalid. The signature's timestamp is by an authority that does not hold: the signer's certificate does not lead to an authority that the policy trusts. Sign the image again with a timestamp authority that the policy trusts, or without a timestamp. [TIMESTAMP_INVALID]",
    ],
    [
      'refuses one of after the certificate’s end [notation-ratify 80]',
      ALWAYS,
      lapsed,
      by(authority, '20260601130000Z'),
      "invalid. The signer's certificate had expired at 2026-06-01T13:00:00.000Z: it is valid from 2006-06-06T12:00:00.000Z to 2026-06-01T12:01:00.000Z. Sign the image again with a certificate that is in date. [CERTIFICATE_EXPIRED]",
    ],
    [
      'refuses one over other bytes [notation-ratify 83]',
      ALWAYS,
      acme,
      { timestampToken: () => timestampToken(Buffer.from('other bytes'), { authority }) },
      "invalid. The signature's timestamp is over something else than the signature. Sign the image again with a timestamp authority that the policy trusts, or without a timestamp. [TIMESTAMP_INVALID]",
    ],
    [
      'refuses what is no timestamp',
      ALWAYS,
      acme,
      { timestampToken: () => Buffer.from('a stamp') },
      "invalid. The signature's timestamp is no BER that can be read. Sign the image again with a timestamp authority that the policy trusts, or without a timestamp. [TIMESTAMP_INVALID]",
    ],
  ])('%s', async (_, statement, signer, how, says) => {
    const { run, at, signed } = await notationWorld({ statements: [statement], stores });
    signed('shop/web', signer, how);
    const answer = await run([at('shop/web:v1')]);
    if (says === '') expectVerified(answer);
    else expect(wordsOf(answer)).toBe(says);
  });

  it('does not say it of stores that it does not name [notation-ratify 79]', async () => {
    const { run, at, signed } = await notationWorld({ stores });
    signed('shop/web', lapsed, by(authority));
    expectRefused(await run([at('shop/web:v1')]), 'invalid', 'CERTIFICATE_EXPIRED');
  });
});

/** The authority of the tests as whoever signs lists. */
function partyOf({ der, keys }: Issued): Party {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return { certificate: certificate.value, privateKey: keys.privateKey };
}

/** A list that holds today, whatever day it is. */
function listOf(...revoked: readonly Issued[]): Uint8Array {
  const now = Date.now();
  const entries = revoked.map((one) => ({ of: partyOf(one), at: now - HOUR }));
  return writeList(partyOf(acme.root), { revoked: entries, thisUpdate: now - HOUR, nextUpdate: now + HOUR });
}

describe('whether a certificate was revoked', () => {
  /** An image by a signer whose certificate names a list at an authority's web server. */
  async function world(
    answer: Answer | undefined,
    settings: { statement?: Json; configuration?: Json; isNamed?: false } = {},
  ) {
    const server: AuthorityServer = await startAuthorityServer();
    onTestFinished(() => server.close());
    const registry = await registryFor();
    const plain = { plainHttp: true };
    const made = await notationWorld({
      statements: [settings.statement ?? {}],
      stores,
      registry,
      configuration: {
        registries: { [registry.host]: plain, ...(settings.isNamed === false ? {} : { [server.host]: plain }) },
        ...settings.configuration,
      },
    });
    const signer = notationSigner({
      root: acme.root,
      extensions: [usage(0), extendedUsage(CODE_SIGNING), lists(server.url('list'))],
    });
    if (answer !== undefined) server.answers.set('list', answer);
    const { digest } = made.signed('shop/web', signer);
    return { ...made, server, signer, image: made.at(`shop/web@${digest}`) };
  }

  it('is asked once, and then known', async () => {
    const { run, image, server } = await world(listOf());
    for (const _ of [1, 2, 3]) expectVerified(await run([image]));
    expect(server.requests).toHaveLength(1);
  });

  it('refuses if it was, and names it', async () => {
    const { run, image, server, signer } = await world(undefined);
    server.answers.set('list', listOf(signer.leaf));
    const answer = await run([image]);
    expectRefused(answer, 'invalid', 'CERTIFICATE_REVOKED');
    expect(answer.message).toContain('Certificate 1 of the chain was revoked on ');
    expect(answer.message).toContain(`, says the list ${server.url('list')}. `);
  });

  it.each<[what: string, answer: Answer | undefined]>([
    ['there is no list', undefined],
    ['something else is there', Buffer.from('<html>')],
    ['nobody answers', hang],
    ['it leads to where nobody may ask', redirect('http://169.254.169.254/latest')],
  ])('refuses if nobody says it, because %s, also under onError: allow', async (_, given) => {
    const { run, image } = await world(given, { configuration: { onError: 'allow', deadline: '2s' } });
    expectRefused(await run([image]), 'error', 'REVOCATION_UNKNOWN');
  });

  it('sends no request to a loopback address that is not configured [notation-ratify 99]', async () => {
    const { run, image, server } = await world(listOf(), { isNamed: false });
    expectRefused(await run([image]), 'error', 'REVOCATION_UNKNOWN');
    expect(server.requests).toEqual([]);
  });

  it('is a warning where it is only reported, and is not asked where it is skipped', async () => {
    const reported = await world(undefined, { statement: { signatureVerification: { level: 'permissive' } } });
    const answer = await reported.run([reported.image]);
    expectVerified(answer);
    expect(answer.warnings).toEqual([expect.stringContaining('is revoked is not known')]);
    const skipped = await world(undefined, {
      statement: { signatureVerification: { level: 'strict', override: { revocation: 'skip' } } },
    });
    const quiet = await skipped.run([skipped.image]);
    expectVerified(quiet);
    expect([quiet.warnings, skipped.server.requests]).toEqual([[], []]);
  });

  it('is not asked of a stranger, whose certificate may name anybody', async () => {
    const { run, at, server, push, attach } = await world(listOf());
    const image = push('shop/evil', 'evil');
    const stranger = notationSigner({ extensions: [usage(0), lists(server.url('list'))] });
    attach('shop/evil', image, stranger);
    expectRefused(await run([at('shop/evil:v1')]), 'untrusted', 'CERTIFICATE_UNTRUSTED');
    expect(server.requests).toEqual([]);
  });
});
