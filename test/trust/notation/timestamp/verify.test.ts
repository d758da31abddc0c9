import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Der, element, objectIdentifier, octetString, sequence } from '../../../../src/encoding/der-writer.ts';
import { validityProblem } from '../../../../src/trust/notation/timestamp/time-window.ts';
import {
  authority,
  type CertificateOptions,
  extendedUsage,
  extension,
  issue,
  issueIntermediate,
  issueRoot,
  NOON,
  newKeys,
  usage,
} from '../../../fixtures/certificates.ts';
import {
  accuracy,
  attribute,
  certificateIdOf,
  generalizedTime,
  integer,
  issuerAndSerial,
  newTimestampAuthority,
  OID,
  type SignerOptions,
  timestamping,
  timestampToken,
  utcTime,
} from '../../../fixtures/notation/timestamps.ts';
import { AT_NOON, ask, intermediate, MESSAGE, parsed, root, token, tsa, verified } from './ask.ts';

const DOES_NOT_VERIFY = 'does not verify with the certificate of its signer';
const DOES_NOT_LEAD = 'does not lead to an authority that the policy trusts';
const UNREADABLE_ID = 'says by which certificate it is signed in a way that cannot be read';
const NO_CERTIFICATE = "does not hold its signer's certificate";
const SECOND = 1000;

const signedBy = (...signers: readonly SignerOptions[]): Promise<string> => ask(token({ signers }));
const rsa = newTimestampAuthority({ leaf: { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) } });
const byRsa = (signer: SignerOptions): Promise<string> =>
  ask(timestampToken(MESSAGE, { authority: rsa, signers: [signer] }), { roots: rsa.above.slice(-1).map(parsed) });

describe('the signature of a timestamp', () => {
  it.each(['sha256', 'sha384', 'sha512'] as const)('is ECDSA, RSA or RSA-PSS with %s', async (hash) => {
    const withRsa = { sha256: OID.sha256WithRsa, sha384: OID.sha384WithRsa, sha512: OID.sha512WithRsa }[hash];
    expect(await signedBy({ hash })).toBe(AT_NOON);
    expect(await byRsa({ hash })).toBe(AT_NOON);
    expect(await byRsa({ hash, signatureOid: withRsa })).toBe(AT_NOON);
    expect(await byRsa({ hash, padding: 'pss' })).toBe(AT_NOON);
  });

  it.each(['P-384', 'P-521'])('may be by a key on %s', async (namedCurve) => {
    const other = newTimestampAuthority({ leaf: { keys: generateKeyPairSync('ec', { namedCurve }) } });
    const bytes = timestampToken(MESSAGE, { authority: other, signers: [{ hash: 'sha512' }] });
    expect(await ask(bytes, { roots: other.above.slice(-1).map(parsed) })).toBe(AT_NOON);
  });

  it('is not by SHA-1, wherever that is named', async () => {
    expect(await signedBy({ hash: 'sha1' })).toBe(`has a digest that is not accepted, of the algorithm ${OID.sha1}`);
    expect(await byRsa({ hash: 'sha1', digestOid: OID.sha256 })).toBe('is signed with another content');
    for (const signatureOid of ['1.2.840.10045.4.1', '1.2.840.113549.1.1.5', '1.3.101.112', OID.sha256])
      expect(await signedBy({ signatureOid })).toBe(`is signed with algorithm ${signatureOid}, which is not accepted`);
  });

  it('is not RSA-PSS with another salt, or another hash than the digest', async () => {
    for (const saltLength of [0, 20, 64]) expect(await byRsa({ padding: 'pss', saltLength })).toBe(DOES_NOT_VERIFY);
    expect(await byRsa({ padding: 'pss', signatureOid: OID.rsa })).toBe(DOES_NOT_VERIFY);
    expect(await byRsa({ signatureOid: OID.rsaPss })).toBe(DOES_NOT_VERIFY);
  });

  it('is not of another algorithm than its key is for', async () => {
    expect(await signedBy({ signatureOid: OID.sha256WithRsa })).toBe(DOES_NOT_VERIFY);
    expect(await byRsa({ signatureOid: OID.ecdsaWithSha256 })).toBe(DOES_NOT_VERIFY);
    expect(await signedBy({ signatureOid: OID.ecdsaWithSha384 })).toBe(DOES_NOT_VERIFY);
  });

  it('is by no other key, and over nothing else', async () => {
    expect(await signedBy({ key: newKeys().privateKey })).toBe(DOES_NOT_VERIFY);
    expect(await signedBy({ signed: MESSAGE })).toBe(DOES_NOT_VERIFY);
    expect(await signedBy({ signature: (good) => good.subarray(1) })).toBe(DOES_NOT_VERIFY);
    expect(await signedBy({ signature: () => Buffer.alloc(0) })).toBe(DOES_NOT_VERIFY);
    expect(await byRsa({ signature: (good) => Buffer.alloc(good.length) })).toBe(DOES_NOT_VERIFY);
  });

  it('is of version 1, with issuer and serial number', async () => {
    for (const version of [0, 2, 3])
      expect(await signedBy({ version })).toBe('has a signature of another version than 1');
    expect(await signedBy({ id: [] })).toBe('has a signature that cannot be read');
    expect(await signedBy({ id: [octetString(Buffer.alloc(20))] })).toBe('has a signature that cannot be read');
    expect(await signedBy({ id: [...issuerAndSerial(tsa.leaf.der), integer(1)] })).toBe(
      'has a signature that cannot be read',
    );
  });

  it('may have unsigned attributes, from which nothing is taken', async () => {
    const id = attribute(OID.signingCertificateV2, certificateIdOf(root.der));
    expect(await signedBy({ unsigned: [id, attribute(OID.signingTime, utcTime('990101000000Z'))] })).toBe(AT_NOON);
    expect(
      await signedBy({
        certificateId: 'none',
        unsigned: [attribute(OID.signingCertificateV2, certificateIdOf(tsa.leaf.der))],
      }),
    ).toBe('does not say by which certificate it is signed');
  });

  it('may not have unsigned attributes that are none', async () => {
    expect(await signedBy({ unsigned: [integer(1)] })).toBe('has a signature that cannot be read');
  });

  it('of one of several is enough, wherever it stands [notation-ratify 88]', async () => {
    const bad: SignerOptions = { signature: () => Buffer.alloc(64) };
    expect(await signedBy(bad, {})).toBe(AT_NOON);
    expect(await signedBy({}, bad)).toBe(AT_NOON);
    expect(await signedBy(bad, { version: 3 }, { certificateId: 'none' }, {})).toBe(AT_NOON);
    expect(await signedBy(bad, { certificateId: 'none' })).toBe('does not say by which certificate it is signed');
    expect(await signedBy({ certificateId: 'none' }, bad)).toBe(DOES_NOT_VERIFY);
  });
});

describe('the signed attributes of a timestamp', () => {
  const changed = (attributes: (good: readonly Der[]) => readonly Der[]): Promise<string> => signedBy({ attributes });
  const without = (oid: string) => (good: readonly Der[]) =>
    good.filter((der) => !Buffer.from(der).includes(Buffer.from(objectIdentifier(oid))));

  it('are signed in their order as DER has it, in whatever order they come', async () => {
    expect(await changed((good) => good.toReversed())).toBe(AT_NOON);
    const long = attribute('1.2.3', octetString(Buffer.alloc(300)));
    expect(await changed((good) => [long, ...good])).toBe(AT_NOON);
  });

  it('must be there: the type of the content, and its digest', async () => {
    expect(await changed(() => [])).toBe('does not say by which certificate it is signed');
    expect(await changed(without(OID.contentType))).toBe('is signed as something else');
    expect(await changed(without(OID.messageDigest))).toBe('is signed with another content');
  });

  it.each<readonly [string, Der, string]>([
    [
      'another type',
      attribute(OID.contentType, objectIdentifier('1.2.840.113549.1.7.1')),
      'is signed as something else',
    ],
    ['a type that is none', attribute(OID.contentType, octetString(Buffer.alloc(1))), 'is signed as something else'],
    ['no type', attribute(OID.contentType), 'is signed as something else'],
    [
      'two types',
      attribute(OID.contentType, objectIdentifier(OID.timestampInfo), objectIdentifier(OID.timestampInfo)),
      'is signed as something else',
    ],
    ['another digest', attribute(OID.messageDigest, octetString(Buffer.alloc(32))), 'is signed with another content'],
    ['a digest that is none', attribute(OID.messageDigest, integer(1)), 'is signed with another content'],
  ])('must not name %s', async (_, wrong, outcome) => {
    const oid = outcome.includes('content') ? OID.messageDigest : OID.contentType;
    expect(await changed((good) => [...without(oid)(good), wrong])).toBe(outcome);
    // Nor beside the right one: two readers could take different ones.
    expect(await changed((good) => [...good, wrong])).toBe(outcome);
    expect(await changed((good) => [wrong, ...good])).toBe(outcome);
  });

  it.each<readonly [string, Der]>([
    ['an attribute that is none', integer(1)],
    ['an attribute without values', sequence(objectIdentifier('1.2.3'))],
    ['values that are no set', sequence(objectIdentifier('1.2.3'), sequence())],
    ['three parts', sequence(objectIdentifier('1.2.3'), element(0x31), element(0x31))],
  ])('cannot be read with %s', async (_, wrong) => {
    expect(await changed((good) => [...good, wrong])).toBe('has a signature that cannot be read');
  });

  it('may name a time of signing at which the chain was valid, and no other', async () => {
    const at = (...values: readonly Der[]) => changed((good) => [...good, attribute(OID.signingTime, ...values)]);
    expect(await at(utcTime('260601115959Z'))).toBe(AT_NOON);
    expect(await at(generalizedTime('20260601115959Z'))).toBe(AT_NOON);
    const outside = 'is signed at a time when a certificate of its authority was not valid';
    expect(await at(utcTime('200101000000Z'))).toBe(outside);
    expect(await at(utcTime('300101000000Z'))).toBe(outside);
    for (const values of [
      [],
      [integer(1)],
      [utcTime('2606011159Z')],
      [utcTime('260601115959Z'), utcTime('260601115959Z')],
    ])
      expect(await at(...values)).toBe('is signed at a time that cannot be read');
  });
});

describe('the certificate that a signer names', () => {
  const named = (certificateId: Der | 'none'): Promise<string> => signedBy({ certificateId });
  const { leaf } = tsa;
  const name = issuerAndSerial(leaf.der);

  it.each(['sha256', 'sha384', 'sha512'] as const)('is known by its %s', async (hash) => {
    expect(await named(certificateIdOf(leaf.der, { hash }))).toBe(AT_NOON);
    expect(await named(certificateIdOf(leaf.der, { hash, name }))).toBe(AT_NOON);
    expect(await named(certificateIdOf(intermediate.der, { hash }))).toBe(
      'is signed by another certificate than it says',
    );
    expect(await named(certificateIdOf(intermediate.der, { hash, name }))).toBe(
      'is signed by another certificate than it says',
    );
  });

  it('is not known by SHA-1, nor by the older attribute [notation-ratify 86]', async () => {
    expect(await named(certificateIdOf(leaf.der, { hash: 'sha1' }))).toBe(
      `names its certificate by a hash that is not accepted, of the algorithm ${OID.sha1}`,
    );
    const old = (good: readonly Der[]) => [
      ...good,
      attribute(OID.signingCertificate, sequence(sequence(sequence(octetString(Buffer.alloc(20)))))),
    ];
    expect(await signedBy({ attributes: old })).toBe(AT_NOON);
    expect(await signedBy({ certificateId: 'none', attributes: old })).toBe(
      'does not say by which certificate it is signed',
    );
  });

  it('may be followed by those above it, and by policies', async () => {
    const further = [sequence(octetString(Buffer.alloc(32)))];
    expect(await named(certificateIdOf(leaf.der, { further }))).toBe(AT_NOON);
    expect(await named(certificateIdOf(leaf.der, { further: [integer(1)] }))).toBe(UNREADABLE_ID);
    const [certs] = [sequence(sequence(octetString(Buffer.alloc(32))))];
    expect(await named(sequence(certs, sequence()))).toBe('is signed by another certificate than it says');
    expect(await named(sequence(certs, integer(1)))).toBe(UNREADABLE_ID);
    expect(await named(sequence(certs, sequence(), sequence()))).toBe(UNREADABLE_ID);
  });

  it('is the one that the signer says, signed and unsigned [notation-ratify 87]', async () => {
    const other = issuerAndSerial(intermediate.der);
    expect(await named(certificateIdOf(leaf.der, { name: other }))).toBe(
      'names two certificates as that of its signer',
    );
    expect(await signedBy({ id: other })).toBe('is signed by another certificate than it says');
    expect(await signedBy({ id: other, certificateId: certificateIdOf(leaf.der, { name }) })).toBe(
      'names two certificates as that of its signer',
    );
    expect(await signedBy({ id: [name[0], integer(2)] })).toBe(NO_CERTIFICATE);
    expect(await signedBy({ id: [sequence(), name[1]] })).toBe(NO_CERTIFICATE);
  });

  it('is by the same key under another certificate not the same', async () => {
    const { keys, subject } = leaf;
    const twin = issue(intermediate, { subject, keys, extensions: timestamping(), notAfter: NOON + 60 * SECOND });
    const certificates = [twin.der, intermediate.der];
    expect(await ask(token({ certificates }))).toBe('is signed by another certificate than it says');
    expect(await ask(token({ certificates, signers: [{ certificateId: certificateIdOf(twin.der) }] }))).toBe(AT_NOON);
  });

  it.each<readonly [string, Der]>([
    ['nothing', sequence()],
    ['no certificate', sequence(sequence())],
    ['a certificate without a hash', sequence(sequence(sequence()))],
    ['an algorithm without a hash', sequence(sequence(sequence(sequence(objectIdentifier(OID.sha256)))))],
    ['an algorithm that is none', sequence(sequence(sequence(sequence(), octetString(Buffer.alloc(32)))))],
    ['a hash that is none', sequence(sequence(sequence(integer(1))))],
    ['more behind the name', sequence(sequence(sequence(octetString(Buffer.alloc(32)), sequence(), sequence())))],
    ['a name of another kind', certificateIdOf(leaf.der, { name, tag: 0xa5 })],
    ['an empty name', sequence(sequence(sequence(octetString(Buffer.alloc(32)), sequence())))],
    ['a name without an issuer', certificateIdOf(leaf.der, { name: [Buffer.alloc(0), name[1]] })],
    ['a name without a serial number', certificateIdOf(leaf.der, { name: [name[0], octetString(Buffer.of(1))] })],
    ['a name with two issuers', certificateIdOf(leaf.der, { name: [Buffer.concat([name[0], name[0]]), name[1]] })],
    ['no list at all', octetString(Buffer.alloc(32))],
  ])('cannot be read from %s', async (_, id) => {
    expect(await named(id)).toBe(UNREADABLE_ID);
  });

  it('is named once', async () => {
    const twice = (good: readonly Der[]) => [...good, attribute(OID.signingCertificateV2, certificateIdOf(leaf.der))];
    expect(await signedBy({ attributes: twice })).toBe(UNREADABLE_ID);
    const both = [certificateIdOf(leaf.der), certificateIdOf(leaf.der)];
    expect(
      await signedBy({
        certificateId: 'none',
        attributes: (good) => [...good, attribute(OID.signingCertificateV2, ...both)],
      }),
    ).toBe(UNREADABLE_ID);
  });
});

describe('the chain of a timestamp', () => {
  /** What a good token comes to when its signer has another certificate. */
  const withLeaf = (leaf: CertificateOptions): Promise<string> =>
    ask(timestampToken(MESSAGE, { authority: newTimestampAuthority({ root, intermediate, leaf }) }));
  const eku = (...oids: readonly string[]): Der =>
    extension('2.5.29.37', sequence(...oids.map(objectIdentifier)), 'critical');

  it('comes with the time, so that whoever asks of revocations has it', async () => {
    const result = await verified(token());
    if (!result.ok) return expect.fail(result.message);
    expect(result.value.chain.certificates.map(({ der }) => der)).toEqual(
      [tsa.leaf, intermediate, root].map(({ der }) => der),
    );
  });

  it('ends in a root that the policy trusts for timestamps, however many there are [notation-ratify 84]', async () => {
    const others = [issueRoot('other'), issueRoot('timestamp root')].map(parsed);
    expect(await ask(token(), { roots: others })).toContain(DOES_NOT_LEAD);
    expect(await ask(token(), { roots: [...others, parsed(root)] })).toBe(AT_NOON);
    expect(await ask(token(), { roots: [] })).toContain('trusts nobody for timestamps');
    expect(await ask(token({ certificates: [tsa.leaf.der, intermediate.der, root.der] }), { roots: others })).toContain(
      DOES_NOT_LEAD,
    );
  });

  it('does not end in an authority between, or in the signer, though the policy has them', async () => {
    expect(await ask(token(), { roots: [parsed(intermediate)] })).toContain(
      'does not end in a root that signed itself',
    );
    expect(await ask(token(), { roots: [parsed(tsa.leaf)] })).toContain(DOES_NOT_LEAD);
    const alone = issue('self', { subject: 'alone', extensions: timestamping() });
    const bytes = timestampToken(MESSAGE, { authority: { leaf: alone, above: [alone] }, certificates: [alone.der] });
    expect(await ask(bytes, { roots: [parsed(alone)] })).toContain(DOES_NOT_LEAD);
  });

  it.each<readonly [string, readonly Der[], string]>([
    ['no extended key usage', [usage(0)], 'not for timestamps alone'],
    [
      'one that is not critical [notation-ratify 85]',
      [usage(0), extendedUsage(OID.timeStamping)],
      'does not say as critical',
    ],
    [
      'a second one [notation-ratify 85]',
      [usage(0), eku(OID.timeStamping, OID.codeSigning)],
      'not for timestamps alone',
    ],
    ['another one', [usage(0), eku(OID.codeSigning)], 'not for timestamps alone'],
    ['any', [usage(0), eku('2.5.29.37.0')], 'not for timestamps alone'],
    ['no key usage', [eku(OID.timeStamping)], 'does not say what its key is for'],
    ['another key usage', [usage(1), eku(OID.timeStamping)], 'is not for digital signatures'],
    ['that of an authority', [usage(0), eku(OID.timeStamping), authority()], 'of an authority'],
    [
      'an unknown critical extension',
      [...timestamping(), extension('1.2.3', integer(1), 'critical')],
      'not understood',
    ],
  ])('does not begin with a certificate of %s', async (_, extensions, problem) => {
    expect(await withLeaf({ extensions })).toContain(problem);
  });

  it('does not begin with a key that notation has no algorithm for', async () => {
    const keys = generateKeyPairSync('rsa', { modulusLength: 2056 });
    expect(await withLeaf({ keys })).toContain('has an RSA key of 2056 bits');
  });

  it('is of authorities all the way, as long as they allow, and for timestamps', async () => {
    const below = (between: ReturnType<typeof issue>): Promise<string> =>
      ask(timestampToken(MESSAGE, { authority: newTimestampAuthority({ root, intermediate: between }) }));
    const between = (...extensions: readonly Der[]) => issueIntermediate(root, 'between', { extensions });
    expect(await below(between(authority(), usage(5)))).toBe(AT_NOON);
    expect(await below(between(authority(), usage(5), extendedUsage(OID.timeStamping)))).toBe(AT_NOON);
    expect(await below(between(usage(5)))).toContain('not one of an authority');
    expect(await below(between(authority(), usage(0)))).toContain('not for signing certificates');
    expect(await below(between(authority()))).toContain('does not say what its key is for');
    expect(await below(between(authority(), usage(5), extendedUsage(OID.codeSigning)))).toContain('not for timestamps');
    const narrow = issueRoot('narrow', { extensions: [authority(0), usage(5)] });
    const bytes = timestampToken(MESSAGE, { authority: newTimestampAuthority({ root: narrow }) });
    expect(await ask(bytes, { roots: [parsed(narrow)] })).toContain('longer than an authority on it allows');
  });

  it('is valid at the time of the timestamp, whatever the time is now', async () => {
    const day = (year: number): number => Date.parse(`${year}-01-01T00:00:00Z`);
    const leaf = { notBefore: day(2010), notAfter: day(2011) };
    const at = (time: string) =>
      ask(timestampToken(MESSAGE, { authority: newTimestampAuthority({ root, intermediate, leaf }), time }));
    expect(await at('20100101000000Z')).toBe('2010-01-01T00:00:00.000Z – 2010-01-01T00:00:00.000Z');
    expect(await at('20110101000000Z')).toBe('2011-01-01T00:00:00.000Z – 2011-01-01T00:00:00.000Z');
    expect(await at('20091231235959.999999999Z')).toContain('was not valid yet');
    expect(await at('20110101000000.000000001Z')).toContain('had expired');
  });

  it('need not be valid in all of its accuracy, which is for the chain that signed the image', async () => {
    const leaf = { notBefore: NOON, notAfter: NOON };
    const bytes = timestampToken(MESSAGE, {
      authority: newTimestampAuthority({ root, intermediate, leaf }),
      accuracy: accuracy(1),
    });
    expect(await ask(bytes)).toBe('2026-06-01T11:59:59.000Z – 2026-06-01T12:00:01.000Z');
  });

  it('is valid in the root as well', async () => {
    const old = issueRoot('timestamp root', { keys: root.keys, notBefore: NOON - 9 * SECOND, notAfter: NOON - SECOND });
    expect(await ask(token(), { roots: [parsed(old)] })).toContain('had expired');
    expect(await ask(token(), { roots: [parsed(old), parsed(root)] })).toBe(AT_NOON);
  });
});

describe('the window of a timestamp', () => {
  it.each([
    ['ends with the certificate', NOON - 3600 * SECOND, NOON + SECOND, undefined],
    [
      'ends after it, since the accuracy counts [notation-ratify 89]',
      NOON - 3600 * SECOND,
      NOON,
      'CERTIFICATE_EXPIRED',
    ],
    ['begins with the certificate', NOON - SECOND, NOON + 3600 * SECOND, undefined],
    ['begins before it', NOON, NOON + 3600 * SECOND, 'CERTIFICATE_NOT_YET_VALID'],
  ])("%s of the image's signer", async (_, notBefore, notAfter, code) => {
    const result = await verified(token({ accuracy: accuracy(1) }));
    if (!result.ok) return expect.fail(result.message);
    const signer = parsed(issue(issueRoot(), { notBefore, notAfter }));
    expect(validityProblem(result.value.window, [signer])?.code).toBe(code);
  });
});
