import { describe, expect, it } from 'vitest';
import {
  booleanTrue,
  type Der,
  element,
  objectIdentifier,
  octetString,
  sequence,
} from '../../../../src/encoding/der-writer.ts';
import {
  accuracy,
  algorithm,
  generalizedTime,
  integer,
  OID,
  type TokenOptions,
  utcTime,
} from '../../../fixtures/notation/timestamps.ts';
import { AT_NOON, ask, read, token } from './ask.ts';

/** What the token comes to in which one part of the TSTInfo is another. */
const withPart = (index: number, part: Der): Promise<string> =>
  ask(token({ info: (parts) => parts.with(index, part) }));
/** The same with parts added behind the last one. */
const withMore = (...more: readonly Der[]): Promise<string> => ask(token({ info: (parts) => [...parts, ...more] }));
const at = (time: string, of?: Partial<TokenOptions>): Promise<string> => ask(token({ time, ...of }));
const UNREADABLE = 'cannot be read';
const NO_TIME = 'names a time that cannot be read';
const NO_ACCURACY = 'has an accuracy that cannot be read';
const FALSE = element(0x01, Buffer.of(0));
const extension = (oid: string, ...critical: readonly Der[]): Der =>
  sequence(objectIdentifier(oid), ...critical, octetString(Buffer.of(5, 0)));

describe('the time of a timestamp', () => {
  it('is that which it names, without an accuracy', async () => {
    expect(await ask(token())).toBe(AT_NOON);
  });

  it.each([
    ['20260601120000.5Z', '2026-06-01T12:00:00.500Z – 2026-06-01T12:00:00.500Z'],
    ['20260601120000.123Z', '2026-06-01T12:00:00.123Z – 2026-06-01T12:00:00.123Z'],
    // What is less than a millisecond counts against the signature, whichever side it is on.
    ['20260601120000.0001Z', '2026-06-01T12:00:00.000Z – 2026-06-01T12:00:00.001Z'],
    ['20260601115959.999999999Z', '2026-06-01T11:59:59.999Z – 2026-06-01T12:00:00.000Z'],
  ])('may have a fraction: %s', async (time, window) => {
    expect(await at(time)).toBe(window);
  });

  it.each([
    '20260601120000',
    '20260601120000+0000',
    '20260601120000+0200',
    '202606011200Z',
    '20260601120000.Z',
    '20260601120000.50Z',
    '20260601120000,5Z',
    '20260601120000.0123456789Z',
    '20260631120000Z',
    '20260601250000Z',
    '20260601120060Z',
    ' 20260601120000Z',
    '20260601120000Z\n',
    '2026060112000٠Z',
    '',
  ])('cannot be read where it is written as %j', async (time) => {
    expect(await at(time)).toBe(NO_TIME);
  });

  it('must be a GeneralizedTime', async () => {
    expect(await withPart(4, utcTime('260601120000Z'))).toBe(NO_TIME);
    expect(await withPart(4, element(0x1a, Buffer.from('20260601120000Z')))).toBe(NO_TIME);
  });

  it.each([
    ['a second', accuracy(1), '2026-06-01T11:59:59.000Z – 2026-06-01T12:00:01.000Z'],
    ['milliseconds', accuracy(undefined, 250), '2026-06-01T11:59:59.750Z – 2026-06-01T12:00:00.250Z'],
    ['all three', accuracy(2, 999, 999), '2026-06-01T11:59:57.000Z – 2026-06-01T12:00:03.000Z'],
    [
      'a microsecond, which counts as a whole millisecond',
      accuracy(undefined, undefined, 1),
      '2026-06-01T11:59:59.999Z – 2026-06-01T12:00:00.001Z',
    ],
    ['nothing', accuracy(), AT_NOON],
    ['zero', accuracy(0, 0, 0), AT_NOON],
    ['68 years', accuracy(0x7fffffff), '1958-05-14T08:45:53.000Z – 2094-06-19T15:14:07.000Z'],
  ])('has an accuracy of %s to either side [notation-ratify 89]', async (_, der, window) => {
    expect(await ask(token({ accuracy: der }))).toBe(window);
  });

  it('adds up with an accuracy before it is rounded', async () => {
    expect(await at('20260601120000.0005Z', { accuracy: accuracy(undefined, undefined, 500) })).toBe(
      '2026-06-01T12:00:00.000Z – 2026-06-01T12:00:00.001Z',
    );
  });

  it.each([
    ['a thousand milliseconds', accuracy(0, 1000)],
    ['a thousand microseconds', accuracy(0, 0, 1000)],
    ['a negative number of seconds', sequence(element(0x02, Buffer.of(0xff)))],
    ['a negative number of milliseconds', sequence(element(0x80, Buffer.of(0xff)))],
    ['more seconds than four octets have', sequence(element(0x02, Buffer.of(1, 0, 0, 0, 0)))],
    ['a number that is not in its shortest form', sequence(element(0x02, Buffer.of(0, 1)))],
    ['parts out of order', sequence(element(0x80, Buffer.of(1)), integer(1))],
    ['a part twice', sequence(integer(1), integer(1))],
    ['anything else', sequence(element(0x82, Buffer.of(1)))],
    ['bytes that are no DER', element(0x30, Buffer.of(2))],
  ])('has no accuracy of %s', async (_, der) => {
    expect(await ask(token({ accuracy: der }))).toBe(NO_ACCURACY);
  });

  it("has one of a second under ETSI's policy, where it states none but zero", async () => {
    const policy = '0.4.0.2023.1.1';
    const second = '2026-06-01T11:59:59.000Z – 2026-06-01T12:00:01.000Z';
    expect(await ask(token({ policy }))).toBe(second);
    expect(await ask(token({ policy, accuracy: accuracy(0) }))).toBe(second);
    expect(await ask(token({ policy, accuracy: accuracy(0, 1) }))).toBe(
      '2026-06-01T11:59:59.999Z – 2026-06-01T12:00:00.001Z',
    );
    expect(await ask(token({ policy: '0.4.0.2023.1.2' }))).toBe(AT_NOON);
  });
});

describe('what a timestamp is over', () => {
  it.each(['sha256', 'sha384', 'sha512'] as const)('is told by %s', async (imprint) => {
    expect(await ask(token({ imprint }))).toBe(AT_NOON);
    expect(read(token({ imprint })).info.imprint.hash).toBe(imprint);
    expect(await ask(token({ imprint }), { message: Buffer.from('notatiom') })).toBe(
      'is over something else than the signature',
    );
  });

  it('is not told by SHA-1, nor by an algorithm that nobody knows [notation-ratify 83]', async () => {
    const refused = 'is over a hash that is not accepted, of the algorithm';
    expect(await ask(token({ imprint: 'sha1' }))).toBe(`${refused} ${OID.sha1}`);
    expect(await ask(token({ imprintOid: '1.2.3' }))).toBe(`${refused} 1.2.3`);
  });

  it('is not told by a hash under the name of another', async () => {
    expect(await ask(token({ imprint: 'sha256', imprintOid: OID.sha512 }))).toBe(
      'is over something else than the signature',
    );
  });

  it.each([
    ['half a hash', octetString(Buffer.alloc(16))],
    ['no hash at all', octetString(Buffer.alloc(0))],
  ])('is not %s', async (_, digest) => {
    expect(await withPart(2, sequence(algorithm(OID.sha256), digest))).toBe(
      'is over something else than the signature',
    );
  });

  it.each([
    ['a hash without its algorithm', sequence(octetString(Buffer.alloc(32)))],
    ['an algorithm without a hash', sequence(algorithm(OID.sha256))],
    ['a hash that is text', sequence(algorithm(OID.sha256), element(0x0c, Buffer.alloc(32)))],
    ['two hashes', sequence(algorithm(OID.sha256), octetString(Buffer.alloc(32)), octetString(Buffer.alloc(32)))],
    [
      'an algorithm of three parts',
      sequence(sequence(objectIdentifier(OID.sha256), element(5), element(5)), octetString(Buffer.alloc(32))),
    ],
    ['nothing', element(0x05)],
  ])('cannot be read from %s', async (_, imprint) => {
    expect(await withPart(2, imprint)).toBe('does not say what it is over');
  });
});

describe('the rest of a TSTInfo', () => {
  it('may be there: order, nonce, name of the authority, extensions that do not bind', async () => {
    const name = element(0xa0, element(0x82, Buffer.from('tsa.example')));
    const extensions = element(0xa1, extension('1.2.3'), extension('1.2.4', FALSE));
    expect(await withMore(booleanTrue, integer(9), name, extensions)).toBe(AT_NOON);
    expect(await withMore(FALSE)).toBe(AT_NOON);
    expect(await withMore(extensions)).toBe(AT_NOON);
  });

  it('binds nobody to what is not understood', async () => {
    expect(await withMore(element(0xa1, extension('1.2.3'), extension('1.2.4', booleanTrue)))).toBe(
      'has the critical extension 1.2.4, which is not understood',
    );
  });

  it.each<readonly [string, readonly Der[]]>([
    ['parts out of order', [integer(9), booleanTrue]],
    ['a part twice', [integer(9), integer(9)]],
    ['a part that nobody knows', [element(0xa2, integer(1))]],
    ['a second accuracy', [accuracy(1), accuracy(1)]],
    ['an order that is neither true nor false', [element(0x01, Buffer.of(1))]],
    ['a nonce that is not in its shortest form', [element(0x02, Buffer.of(0, 1))]],
    ['no extension among extensions', [element(0xa1)]],
    ['extensions that are none', [element(0xa1, integer(1))]],
    ['an extension without a value', [element(0xa1, sequence(objectIdentifier('1.2.3')))]],
    ['an extension that is neither critical nor not', [element(0xa1, extension('1.2.3', element(0x01, Buffer.of(7))))]],
  ])('cannot be read where there is %s', async (_, more) => {
    expect(await withMore(...more)).toBe(UNREADABLE);
  });

  it('has version 1, a policy and a serial number', async () => {
    expect(await withPart(0, integer(2))).toBe('is not of version 1');
    expect(await withPart(0, integer(0))).toBe('is not of version 1');
    expect(await withPart(0, generalizedTime('1'))).toBe(UNREADABLE);
    expect(await withPart(1, integer(1))).toBe('names no policy, or has no serial number');
    expect(await withPart(3, octetString(Buffer.of(1)))).toBe('names no policy, or has no serial number');
  });

  it('is DER, with nothing behind it and nothing before its end', async () => {
    expect(await ask(token({ info: (parts) => parts.slice(0, 4) }))).toBe(UNREADABLE);
    expect(await ask(token({ info: (parts) => Buffer.concat([sequence(...parts), Buffer.of(5, 0)]) }))).toBe(
      UNREADABLE,
    );
    expect(await ask(token({ info: () => Buffer.alloc(0) }))).toBe(UNREADABLE);
    const indefinite = (parts: readonly Der[]): Buffer =>
      Buffer.concat([Buffer.of(0x30, 0x80), ...parts, Buffer.of(0, 0)]);
    expect(await ask(token({ info: indefinite }))).toBe(UNREADABLE);
  });
});
