import { describe, expect, it } from 'vitest';
import { type Der, element, objectIdentifier, octetString, sequence } from '../../../../src/encoding/der-writer.ts';
import { readTimestampToken } from '../../../../src/trust/notation/timestamp/token.ts';
import { berOf, longLength, treeOf } from '../../../fixtures/ber.ts';
import { issue, issueRoot } from '../../../fixtures/certificates.ts';
import { integer, OID, timestampToken } from '../../../fixtures/notation/timestamps.ts';
import { SEED } from '../../../signatures/mutation-count.ts';
import { randomness } from '../../../signatures/mutators.ts';
import { AT_NOON, ask, intermediate, MESSAGE, root, token, tsa } from './ask.ts';

const UNREADABLE = 'cannot be read';
const NO_CONTENT = 'has no content that can be read';
const NO_MESSAGE = 'is no signed CMS message';
const NO_SIGNATURE = 'has a signature that cannot be read';
const NO_BER = 'is no BER that can be read';

/** What the token comes to in which the parts of SignedData are others. */
const withData = (signedData: (parts: readonly Der[]) => readonly Der[]): Promise<string> => ask(token({ signedData }));
/** Its parts by where they stand. */
const [VERSION, DIGESTS, CONTENT, CERTIFICATES, SIGNERS] = [0, 1, 2, 3, 4];
const withPart = (index: number, part: Der): Promise<string> => withData((parts) => parts.with(index, part));
const wrapped = (...parts: readonly Der[]): Buffer => Buffer.from(sequence(...parts));

describe('a timestamp token', () => {
  it('verifies as DER and in whatever form of BER it comes', async () => {
    expect(await ask(token())).toBe(AT_NOON);
    const random = randomness(SEED);
    for (let i = 0; i < 50; i++) expect(await ask(berOf(treeOf(token()), random))).toBe(AT_NOON);
  });

  it('does not verify where the TSTInfo in it is BER, which must be DER', async () => {
    const info = (parts: readonly Der[]): Buffer => longLength(0x30, Buffer.concat(parts), 4);
    expect(await ask(token({ info }))).toBe(UNREADABLE);
  });

  it('does not hold up whoever gets more than 64 KiB', async () => {
    const padded = (bytes: number): Buffer =>
      token({
        signers: [{ unsigned: [sequence(objectIdentifier('1.2.3'), element(0x31, octetString(Buffer.alloc(bytes))))] }],
      });
    // A signature by ECDSA has a byte or two more or less each time, so the token of the right size is looked for.
    const ofSize = (bytes: number): Buffer => {
      for (;;) {
        const made = padded(60_000 + bytes - padded(60_000).length);
        if (made.length === bytes) return made;
      }
    };
    expect(await ask(ofSize(65_536))).toBe(AT_NOON);
    expect(await ask(ofSize(65_537))).toBe('has more than 65536 bytes');
  });

  it.each([
    ['nothing', Buffer.alloc(0), NO_BER],
    ['text', Buffer.from('not a timestamp'), NO_BER],
    ['half a token', token().subarray(0, 400), NO_BER],
    ['a byte behind it', Buffer.concat([token(), Buffer.of(0)]), NO_BER],
    ['a response around it', wrapped(sequence(integer(0)), token()), NO_MESSAGE],
    ['an empty list', wrapped(), NO_MESSAGE],
    [
      'another type of message',
      wrapped(objectIdentifier('1.2.840.113549.1.7.1'), element(0xa0, octetString(MESSAGE))),
      NO_MESSAGE,
    ],
    ['a message without anything in it', wrapped(objectIdentifier(OID.signedData)), NO_MESSAGE],
    [
      'a message of something else',
      wrapped(objectIdentifier(OID.signedData), element(0xa0, octetString(MESSAGE))),
      NO_MESSAGE,
    ],
    [
      'two messages',
      wrapped(objectIdentifier(OID.signedData), element(0xa0, sequence()), element(0xa0, sequence())),
      NO_MESSAGE,
    ],
    ['an empty message', wrapped(objectIdentifier(OID.signedData), element(0xa0, sequence())), UNREADABLE],
    ['a certificate', Buffer.from(root.der), NO_MESSAGE],
  ])('is not %s', async (_, bytes, outcome) => {
    expect(await ask(bytes)).toBe(outcome);
  });

  it('has version 3', async () => {
    for (const version of [0, 1, 2, 4, 5]) {
      expect(await ask(token({ version }))).toBe('is a CMS message of another version than 3');
    }
    expect(await withPart(VERSION, octetString(Buffer.of(3)))).toBe(UNREADABLE);
  });

  it('is about a TSTInfo, as it says itself', async () => {
    for (const contentType of ['1.2.840.113549.1.7.1', '1.2.840.113549.1.9.16.1.5']) {
      expect(await ask(token({ contentType }))).toBe('is a CMS message about something else');
    }
  });

  it.each([
    ['no content', sequence(objectIdentifier(OID.timestampInfo))],
    ['content without a type', sequence(element(0xa0, octetString(MESSAGE)))],
    [
      'two contents',
      sequence(objectIdentifier(OID.timestampInfo), element(0xa0, octetString(MESSAGE), octetString(MESSAGE))),
    ],
    ['content that is not wrapped', sequence(objectIdentifier(OID.timestampInfo), octetString(MESSAGE))],
    ['content of another type', sequence(objectIdentifier(OID.timestampInfo), element(0xa0, element(0x0c, MESSAGE)))],
    [
      'more behind its content',
      sequence(objectIdentifier(OID.timestampInfo), element(0xa0, octetString(MESSAGE)), integer(1)),
    ],
  ])('cannot be read with %s', async (_, content) => {
    expect(await withPart(CONTENT, content)).toBe(NO_CONTENT);
  });

  it('has its parts in their order, each once', async () => {
    expect(await withPart(DIGESTS, sequence())).toBe(UNREADABLE);
    expect(await withPart(DIGESTS, element(0x31, integer(1)))).toBe(UNREADABLE);
    expect(await withPart(DIGESTS, element(0x31))).toBe(AT_NOON);
    expect(await withData((parts) => [...parts, integer(1)])).toBe(UNREADABLE);
    expect(await withData((parts) => [...parts, element(0x31)])).toBe(UNREADABLE);
    expect(
      await withData((parts) =>
        parts.with(CERTIFICATES, parts[SIGNERS] ?? sequence()).with(SIGNERS, parts[CERTIFICATES] ?? sequence()),
      ),
    ).toBe(UNREADABLE);
  });

  it('may bring revocation lists, which are not looked at', async () => {
    expect(await withData((parts) => parts.toSpliced(SIGNERS, 0, element(0xa1, sequence(integer(1)))))).toBe(AT_NOON);
  });

  it('must be signed, and by no more than four', async () => {
    expect(await withPart(SIGNERS, element(0x31))).toBe('is signed by nobody');
    expect(await withData((parts) => parts.slice(0, SIGNERS))).toBe(
      'has signatures that cannot be read, or too many of them',
    );
    expect(await ask(token({ signers: [{}, {}, {}, {}] }))).toBe(AT_NOON);
    expect(await ask(token({ signers: [{}, {}, {}, {}, {}] }))).toBe(
      'has signatures that cannot be read, or too many of them',
    );
    expect(await withPart(SIGNERS, element(0x31, integer(1)))).toBe(NO_SIGNATURE);
    expect(await withPart(SIGNERS, element(0x31, Buffer.of(0x30)))).toBe(NO_BER);
  });
});

describe('the certificates of a token', () => {
  const withCertificates = (...certificates: readonly Uint8Array[]): Promise<string> => ask(token({ certificates }));
  const other = issueRoot('other').der;

  it('may be in any order, with others among them', async () => {
    expect(await withCertificates(root.der, other, intermediate.der, tsa.leaf.der)).toBe(AT_NOON);
    expect(await withCertificates(tsa.leaf.der, tsa.leaf.der, intermediate.der, intermediate.der)).toBe(AT_NOON);
  });

  it("must have the signer's, and those up to a trusted root [notation-ratify 84]", async () => {
    expect(await withCertificates()).toBe("does not hold its signer's certificate");
    expect(await withCertificates(intermediate.der, root.der)).toBe("does not hold its signer's certificate");
    expect(await withCertificates(tsa.leaf.der, root.der)).toContain('does not lead to an authority');
  });

  it('refuse the token where one is none, as in notation', async () => {
    const broken = Buffer.from(other);
    broken[broken.indexOf(Buffer.of(0xa0, 3, 2, 1, 2)) + 4] = 1;
    expect(await withCertificates(tsa.leaf.der, intermediate.der, broken)).toContain(
      'has a certificate that cannot be used',
    );
    expect(await withCertificates(tsa.leaf.der, intermediate.der, sequence(integer(1)))).toContain(
      'has a certificate that cannot be used',
    );
    expect(await withCertificates(tsa.leaf.der, intermediate.der, element(0xa1, integer(1)))).toContain(
      'has a certificate that cannot be used',
    );
  });

  it('may be signed by SHA-1 where they are on no way to the root', async () => {
    const sha1 = sequence(objectIdentifier('1.2.840.10045.4.1'));
    const old = issue('self', { subject: 'old', algorithm: sha1 }).der;
    expect(await withCertificates(old, tsa.leaf.der, intermediate.der)).toBe(AT_NOON);
    const weak = issue(root, { subject: 'weak', algorithm: sha1 });
    const below = issue(weak, { subject: 'below' });
    const authority = { leaf: below, above: [weak, root] } as const;
    expect(await ask(timestampToken(MESSAGE, { authority }))).toContain('does not lead to an authority');
  });

  it('are no more than sixteen', async () => {
    const many = (count: number) => [tsa.leaf.der, intermediate.der, ...Array.from({ length: count - 2 }, () => other)];
    expect(await withCertificates(...many(16))).toBe(AT_NOON);
    expect(await withCertificates(...many(17))).toBe('has certificates that cannot be read, or too many of them');
  });
});

describe('tokens that are made to be slow to read', () => {
  it.each<readonly [string, Buffer]>([
    ['lists in lists', Buffer.alloc(65_536, Buffer.of(0x30, 0x80))],
    ['octet strings in pieces of pieces', Buffer.alloc(65_536, Buffer.of(0x24, 0x80))],
    ['tiny elements', Buffer.from(sequence(Buffer.alloc(65_000, Buffer.of(5, 0))))],
    ['certificates', token({ certificates: Array.from({ length: 80 }, () => tsa.leaf.der) })],
    ['signers', token({ signers: Array.from({ length: 100 }, () => ({})) })],
  ])('%s are refused at once', (_, bomb) => {
    const before = process.threadCpuUsage();
    expect(readTimestampToken(bomb).ok).toBe(false);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(100);
  });
});
