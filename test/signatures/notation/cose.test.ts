import { describe, expect, it } from 'vitest';
import * as cbor from '../../fixtures/notation/cbor-writer.ts';
import { type CoseChanges, epoch, SIGNED_AT } from '../../fixtures/notation/signer.ts';
import { envelope, integrity, root, rsaSigner, signer, wordFor } from './envelopes.ts';

const PREFIX = 'io.cncf.notary.';
const cose = (changes: CoseChanges): Promise<string> => wordFor('cose', envelope('cose', { cose: changes }));
const at = (label: Buffer, pairs: readonly cbor.Pair[]): cbor.Pair => {
  const pair = pairs.find(([written]) => written.equals(label));
  return pair ?? expect.fail('no such label');
};
/** The protected header with the value of a label replaced, or with the label taken out, or added. */
const header = (label: Buffer, value: Buffer | undefined): Promise<string> =>
  cose({
    protected: (pairs) => [
      ...pairs.filter(([written]) => !written.equals(label)),
      ...(value === undefined ? [] : [[label, value] as const]),
    ],
  });
const also = (label: Buffer, value: Buffer): Promise<string> =>
  cose({ protected: (pairs) => [...pairs, [label, value]] });
const ALG = cbor.integer(1);
const CRIT = cbor.integer(2);
const CTY = cbor.integer(3);
const X5CHAIN = cbor.integer(33);
const SIGNING_TIME = cbor.text(`${PREFIX}signingTime`);
const EXPIRY = cbor.text(`${PREFIX}expiry`);
const SCHEME = cbor.text(`${PREFIX}signingScheme`);

describe('COSE envelopes', () => {
  it('verify as notation signs them, and say what was signed [notation-ratify 23]', async () => {
    const expiry = SIGNED_AT + 1000;
    const result = await integrity('cose', envelope('cose', { expiry, timestampToken: (of) => of.subarray(0, 7) }));
    if (result.kind !== 'verified') expect.fail(result.message);
    expect(result.value).toMatchObject({
      kind: 'cose',
      algorithm: 'ES256',
      scheme: { name: 'notary.x509', signingTime: SIGNED_AT },
      expiry,
      plugin: undefined,
      unknownCritical: [],
      chain: [{ der: signer.der }, { der: root.der }],
    });
    expect(result.value.timestampToken).toEqual(result.value.signature.subarray(0, 7));
    expect(await wordFor('cose', envelope('cose', {}, rsaSigner))).toBe('verified');
  });

  it('carry attributes beside notation’s own, which need not be understood', async () => {
    expect(await also(cbor.text('colour'), cbor.map([cbor.integer(-9), cbor.tag(99, cbor.NULL)]))).toBe('verified');
    expect(await also(cbor.integer(4), cbor.bytes(Buffer.from('key')))).toBe('verified');
  });

  it('fail when the payload, the header or the signature was changed', async () => {
    const payload = (written: Buffer): Buffer => {
      const changed = Buffer.from(written);
      const place = written.indexOf('sha256:') + 8;
      changed[place] = (changed[place] ?? 0) ^ 1;
      return changed;
    };
    expect(await cose({ payload })).toBe('SIGNATURE_CORRUPT');
    const changedAt = (place: (message: Buffer) => number) =>
      cose({
        message: (message) => {
          const changed = cbor.tag(18, message);
          const index = place(changed);
          changed[index] = (changed[index] ?? 0) ^ 1;
          return changed;
        },
      });
    expect(await changedAt((message) => message.length - 1)).toBe('SIGNATURE_CORRUPT');
    const label = Buffer.concat([SIGNING_TIME, Buffer.from([0xc1, 0x1a])]);
    expect(await changedAt((message) => message.indexOf(label) + label.length + 3)).toBe('SIGNATURE_CORRUPT');
  });

  it('are refused without their tag, or as an array of other things [notation-ratify 24]', async () => {
    expect(await cose({ message: (message) => message })).toBe('SIGNATURE_MALFORMED');
    const items = (...list: readonly Buffer[]) => cose({ message: () => cbor.tag(18, cbor.array(...list)) });
    const good = [cbor.bytes(cbor.map()), cbor.map(), cbor.bytes(Buffer.from('x')), cbor.bytes(Buffer.from('y'))];
    expect(await items(...good.slice(0, 3))).toBe('SIGNATURE_MALFORMED');
    expect(await items(...good, cbor.NULL)).toBe('SIGNATURE_MALFORMED');
    // The same of a message that holds.
    const five = (message: Buffer) => Buffer.concat([Buffer.from([0x85]), message.subarray(1), cbor.NULL]);
    expect(await cose({ message: (message) => cbor.tag(18, five(message)) })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ unprotected: () => cbor.array() })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ protected: () => cbor.array() })).toBe('SIGNATURE_MALFORMED');
    expect(await items(cbor.map(), ...good.slice(1))).toBe('SIGNATURE_MALFORMED');
    expect(await items(...good.slice(0, 3), cbor.NULL)).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ message: (message) => cbor.tag(18, cbor.bytes(message)) })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ message: (message) => cbor.tag(18, cbor.tag(18, message)) })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ message: (message) => cbor.tag(55799, cbor.tag(18, message)) })).toBe('SIGNATURE_MALFORMED');
  });

  it.each([17, 61, 98])('are refused under tag %i [notation-ratify 25]', async (number) => {
    expect(await cose({ message: (message) => cbor.tag(number, message) })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with times that are not under tag 1, or not whole seconds [notation-ratify 26]', async () => {
    const seconds = cbor.integer(SIGNED_AT / 1000);
    const times = [
      seconds,
      cbor.tag(0, cbor.text('2026-06-01T11:00:00Z')),
      cbor.text('2026-06-01T11:00:00Z'),
      cbor.tag(1, cbor.text('2026-06-01T11:00:00Z')),
      cbor.tag(1, Buffer.from('fb41da8763a8000000', 'hex')),
      cbor.tag(2, seconds),
      cbor.tag(1, cbor.tag(1, seconds)),
      cbor.tag(1, Buffer.from('1bffffffffffffffff', 'hex')),
      cbor.NULL,
    ];
    expect(await header(SIGNING_TIME, cbor.tag(1, seconds))).toBe('verified');
    for (const time of times) {
      expect(await header(SIGNING_TIME, time), time.toString('hex')).toBe('SIGNATURE_MALFORMED');
      const expiring = { expiry: SIGNED_AT + 1000 };
      const protectedHeader = (pairs: readonly cbor.Pair[]): readonly cbor.Pair[] =>
        pairs.map((pair) => (pair[0].equals(EXPIRY) ? [EXPIRY, time] : pair));
      const bytes = envelope('cose', { ...expiring, cose: { protected: protectedHeader } });
      expect(await wordFor('cose', bytes), time.toString('hex')).toBe('SIGNATURE_MALFORMED');
    }
  });

  it('are refused with a label twice, in one header or in both [notation-ratify 27]', async () => {
    expect(await also(ALG, cbor.integer(-7))).toBe('SIGNATURE_MALFORMED');
    expect(await also(SCHEME, cbor.text('notary.x509'))).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ unprotected: (pairs) => [...pairs, at(X5CHAIN, pairs)] })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ unprotected: (pairs) => [...pairs, [ALG, cbor.integer(-7)]] })).toBe('SIGNATURE_MALFORMED');
    // The same label, written longer.
    expect(await also(cbor.head(0, 1, 1), cbor.integer(-7))).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with anything of indefinite length [notation-ratify 28]', async () => {
    const indefinite = (pairs: readonly cbor.Pair[]): Buffer =>
      Buffer.concat([Buffer.from([0xbf]), ...pairs.flat(), Buffer.from([0xff])]);
    expect(await cose({ protected: indefinite })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ unprotected: indefinite })).toBe('SIGNATURE_MALFORMED');
    expect(
      await cose({ payload: (written) => Buffer.concat([Buffer.from([0x5f]), written, Buffer.from([0xff])]) }),
    ).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with a byte behind the message, or behind the protected header [notation-ratify 29]', async () => {
    const behind = (bytes: Buffer) => Buffer.concat([bytes, Buffer.from([0])]);
    expect(await cose({ message: (message) => behind(cbor.tag(18, message)) })).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ protected: (pairs) => behind(cbor.map(...pairs)) })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with a chain that is no array of byte strings [notation-ratify 30]', async () => {
    const chain = (value: Buffer | undefined) =>
      cose({
        unprotected: (pairs) => [
          ...pairs.filter(([label]) => !label.equals(X5CHAIN)),
          ...(value === undefined ? [] : [[X5CHAIN, value] as const]),
        ],
      });
    const der = cbor.bytes(signer.der);
    expect(await chain(cbor.array(der))).toBe('verified');
    expect(await chain(der)).toBe('SIGNATURE_MALFORMED');
    expect(await chain(undefined)).toBe('SIGNATURE_MALFORMED');
    expect(await chain(cbor.array())).toBe('SIGNATURE_MALFORMED');
    expect(await chain(cbor.array(der, cbor.text('x')))).toBe('SIGNATURE_MALFORMED');
    expect(await chain(cbor.array(cbor.bytes(Buffer.concat([signer.der, Buffer.from([0])]))))).toBe(
      'CERTIFICATE_MALFORMED',
    );
    expect(await chain(cbor.array(...Array.from({ length: 11 }, () => der)))).toBe('LIMIT_EXCEEDED');
    // notation reads it where it is not signed only.
    const moved = { protected: (pairs: readonly cbor.Pair[]) => [...pairs, [X5CHAIN, cbor.array(der)] as const] };
    expect(await cose({ ...moved, unprotected: () => [] })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused when the header that is not signed says what is critical [notation-ratify 31]', async () => {
    const crit = [CRIT, cbor.array(SCHEME)] as const;
    expect(await cose({ unprotected: (pairs) => [...pairs, crit] })).toBe('SIGNATURE_MALFORMED');
    const moved = (pairs: readonly cbor.Pair[]) => pairs.filter(([label]) => !label.equals(CRIT));
    expect(await cose({ protected: moved, unprotected: (pairs) => [...pairs, crit] })).toBe('SIGNATURE_MALFORMED');
  });

  it('must say what is critical, all of it and nothing else [notation-ratify 4-9]', async () => {
    expect(await header(CRIT, undefined)).toBe('SIGNATURE_MALFORMED');
    expect(await header(CRIT, cbor.array())).toBe('SIGNATURE_MALFORMED');
    expect(await header(CRIT, cbor.NULL)).toBe('SIGNATURE_MALFORMED');
    for (const label of [ALG, CRIT, CTY, SCHEME, SIGNING_TIME, cbor.text('colour'), cbor.integer(7), cbor.NULL])
      expect(await header(CRIT, cbor.array(SCHEME, label)), label.toString('hex')).toBe('SIGNATURE_MALFORMED');
    expect(await also(EXPIRY, epoch(SIGNED_AT + 1000))).toBe('SIGNATURE_MALFORMED');
    expect(await also(cbor.text(`${PREFIX}verificationPlugin`), cbor.text('signer.example'))).toBe(
      'SIGNATURE_MALFORMED',
    );
    expect(await wordFor('cose', envelope('cose', { critical: { colour: 'blue' } }))).toBe(
      'CRITICAL_ATTRIBUTE_UNKNOWN',
    );
    expect(await wordFor('cose', envelope('cose', { plugin: { name: 'signer.example' } }))).toBe('PLUGIN_REQUIRED');
    const numbered = envelope('cose', {
      cose: {
        protected: (pairs) => [
          ...pairs.filter(([label]) => !label.equals(CRIT)),
          [CRIT, cbor.array(SCHEME, cbor.integer(7))],
          [cbor.integer(7), cbor.NULL],
        ],
      },
    });
    expect(await wordFor('cose', numbered)).toBe('CRITICAL_ATTRIBUTE_UNKNOWN');
  });

  it('are refused without their payload in them [notation-ratify 32]', async () => {
    for (const payload of [cbor.NULL, Buffer.from([0xf7]), cbor.text('{}'), cbor.map()])
      expect(await cose({ payload: () => payload })).toBe('SIGNATURE_MALFORMED');
    expect(await wordFor('cose', envelope('cose', { payload: Buffer.alloc(0) }))).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with an algorithm that is not the key’s own, or none of notation’s [notation-ratify 33]', async () => {
    expect(await wordFor('cose', envelope('cose', { headerAlgorithm: -7 }, rsaSigner))).toBe('ALGORITHM_UNSUPPORTED');
    expect(await wordFor('cose', envelope('cose', { algorithm: 'PS384' }, rsaSigner))).toBe('ALGORITHM_UNSUPPORTED');
    // EdDSA, RS256, HMAC, ES256K, ESP256
    for (const number of [-8, -257, 5, -47, -9, 0])
      expect(await integrity('cose', envelope('cose', { headerAlgorithm: number }))).toMatchObject({
        failed: 'format',
        code: 'ALGORITHM_UNSUPPORTED',
      });
    expect(await header(ALG, cbor.text('ES256'))).toBe('SIGNATURE_MALFORMED');
    expect(await header(ALG, undefined)).toBe('SIGNATURE_MALFORMED');
    expect(await cose({ protected: () => Buffer.alloc(0) })).toBe('SIGNATURE_MALFORMED');
  });

  it('cost nothing by nesting or by promising bytes that are not there [notation-ratify 34]', async () => {
    const start = Buffer.from('d2845a02000000', 'hex');
    expect(await wordFor('cose', start)).toBe('SIGNATURE_MALFORMED');
    expect(await wordFor('cose', Buffer.from('d284bb7fffffffffffffff', 'hex'))).toBe('SIGNATURE_MALFORMED');
    for (const byte of [0x81, 0xc1, 0xd2])
      expect(await wordFor('cose', Buffer.concat([start.subarray(0, 2), Buffer.alloc(1_000_000, byte)]))).toBe(
        'LIMIT_EXCEEDED',
      );
    const many = cbor.array(...Array.from({ length: 20_000 }, () => cbor.NULL));
    expect(await also(cbor.text('many'), many)).toBe('LIMIT_EXCEEDED');
    expect(await wordFor('cose', Buffer.alloc(1024 * 1024 + 1))).toBe('LIMIT_EXCEEDED');
  });

  it('are refused when their payload is of another type, or of none', async () => {
    expect(await header(CTY, cbor.text('application/json'))).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await header(CTY, cbor.integer(50))).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await header(CTY, undefined)).toBe('PAYLOAD_TYPE_UNEXPECTED');
  });

  it('keep the rules of their signing scheme [notation-ratify 17-21]', async () => {
    const scheme = 'notary.x509.signingAuthority';
    const word = (changes: Parameters<typeof envelope>[1]) => wordFor('cose', envelope('cose', changes));
    expect(await word({ scheme })).toBe('verified');
    expect(await word({ scheme, authenticSigningTime: 'none' })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ scheme, signingTime: SIGNED_AT })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ authenticSigningTime: SIGNED_AT })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ signingTime: 'none' })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ scheme: 'notary.x510' })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ expiry: SIGNED_AT })).toBe('SIGNATURE_MALFORMED');
    expect(await word({ expiry: SIGNED_AT + 1000 })).toBe('verified');
  });

  it('are refused with a timestamp that is no byte string', async () => {
    for (const token of [cbor.text('token'), cbor.bytes(Buffer.alloc(0)), cbor.NULL])
      expect(
        await cose({ unprotected: (pairs) => [...pairs, [cbor.text(`${PREFIX}timestampSignature`), token]] }),
      ).toBe('SIGNATURE_MALFORMED');
  });
});
