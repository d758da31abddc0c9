import { createHmac, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type JwsChanges, SIGNED_AT } from '../../fixtures/notation/signer.ts';
import { envelope, integrity, root, rsaSigner, signer, TARGET, wordFor } from './envelopes.ts';

const PREFIX = 'io.cncf.notary.';
const jws = (changes: JwsChanges): Promise<string> => wordFor('jws', envelope('jws', { jws: changes }));
const header = (change: Record<string, unknown>): Promise<string> =>
  jws({ protected: (good) => ({ ...good, ...change }) });
const without = (name: string): Promise<string> =>
  jws({ protected: (good) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name)) });
const minimal = [`${PREFIX}signingScheme`];
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');

describe('JWS envelopes', () => {
  it('verify as notation signs them, and say what was signed [notation-ratify 1]', async () => {
    const expiry = SIGNED_AT + 1000;
    const result = await integrity('jws', envelope('jws', { expiry, timestampToken: (of) => of.subarray(0, 7) }));
    expect(result).toMatchObject({
      kind: 'verified',
      value: {
        kind: 'jws',
        algorithm: 'ES256',
        scheme: { name: 'notary.x509', signingTime: SIGNED_AT },
        expiry,
        plugin: undefined,
        unknownCritical: [],
        chain: [{ der: signer.der }, { der: root.der }],
      },
    });
    if (result.kind !== 'verified') expect.fail(result.message);
    expect(result.value.timestampToken).toEqual(result.value.signature.subarray(0, 7));
  });

  it('carry attributes beside notation’s own, which need not be understood', async () => {
    expect(await wordFor('jws', envelope('jws', { optional: { colour: 'blue' } }))).toBe('verified');
  });

  it('are refused with padding, line ends, another alphabet, or bits behind the end in their base64url [notation-ratify 2]', async () => {
    const changed = (name: string, change: (text: string) => string) =>
      jws({ envelope: (good) => ({ ...good, [name]: change(String(good[name])) }) });
    for (const name of ['payload', 'protected', 'signature']) {
      expect(await changed(name, (text) => `${text}=`)).toBe('SIGNATURE_MALFORMED');
      expect(await changed(name, (text) => `${text}\n`)).toBe('SIGNATURE_MALFORMED');
      expect(await changed(name, (text) => `+${text.slice(1)}`)).toBe('SIGNATURE_MALFORMED');
    }
    // 64 bytes leave four bits behind the last digit, which must not be set.
    expect(await changed('signature', (text) => `${text.slice(0, -1)}Z`)).toBe('SIGNATURE_MALFORMED');
    // The signature is over the text, so padding that was signed must be refused by its form.
    expect(await jws({ payload: (text) => `${text}==` })).toBe('SIGNATURE_MALFORMED');
  });

  it('fail when a byte of the payload, the header or the signature was changed [notation-ratify 3]', async () => {
    const flipped = (name: string) =>
      jws({
        envelope: (good) => {
          const bytes = Buffer.from(String(good[name]), 'base64url');
          // In the payload's digest; in the header's time of signing.
          const at = Math.max(bytes.indexOf('sha256:') + 8, bytes.indexOf('2026') + 3, 5);
          bytes[at] = (bytes[at] ?? 0) ^ 1;
          return { ...good, [name]: bytes.toString('base64url') };
        },
      });
    expect(await flipped('payload')).toBe('SIGNATURE_CORRUPT');
    expect(await flipped('protected')).toBe('SIGNATURE_CORRUPT');
    expect(await flipped('signature')).toBe('SIGNATURE_CORRUPT');
  });

  it('fail by the certificate of another than the signer', async () => {
    expect(await jws({ unprotected: (good) => ({ ...good, x5c: [base64(root.der)] }) })).toBe('SIGNATURE_CORRUPT');
  });

  it.each(['none', 'HS256', 'RS256', 'EdDSA', 'es256', 'ES256K', ''])(
    'are refused with the algorithm "%s" [notation-ratify 10]',
    async (alg) => {
      const bytes = envelope('jws', { headerAlgorithm: alg });
      expect(await integrity('jws', bytes)).toMatchObject({ failed: 'format', code: 'ALGORITHM_UNSUPPORTED' });
    },
  );

  it('are refused without an algorithm, or with one that is no text [notation-ratify 10]', async () => {
    expect(await without('alg')).toBe('SIGNATURE_MALFORMED');
    expect(await header({ alg: null })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ alg: ['ES256'] })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused where the certificate’s bytes were used as a secret [notation-ratify 10]', async () => {
    const forged = await jws({
      envelope: () => {
        const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const protectedHeader = encoded({
          alg: 'HS256',
          cty: 'application/vnd.cncf.notary.payload.v1+json',
          crit: minimal,
          [`${PREFIX}signingScheme`]: 'notary.x509',
          [`${PREFIX}signingTime`]: '2026-06-01T11:00:00Z',
        });
        const payload = encoded({ targetArtifact: TARGET });
        const signature = createHmac('sha256', signer.der).update(`${protectedHeader}.${payload}`).digest('base64url');
        return { payload, protected: protectedHeader, header: { x5c: [base64(signer.der)] }, signature };
      },
    });
    expect(forged).toBe('ALGORITHM_UNSUPPORTED');
  });

  it('are refused with an algorithm that is not the key’s own [notation-ratify 11]', async () => {
    const byRsa = (algorithm: 'PS256' | 'PS384' | 'PS512') => wordFor('jws', envelope('jws', { algorithm }, rsaSigner));
    expect(await byRsa('PS256')).toBe('verified');
    expect(await byRsa('PS384')).toBe('ALGORITHM_UNSUPPORTED');
    expect(await byRsa('PS512')).toBe('ALGORITHM_UNSUPPORTED');
    // The header says otherwise than what was signed with.
    expect(await wordFor('jws', envelope('jws', { headerAlgorithm: 'ES256' }, rsaSigner))).toBe(
      'ALGORITHM_UNSUPPORTED',
    );
    expect(await header({ alg: 'ES384' })).toBe('ALGORITHM_UNSUPPORTED');
  });

  it('are refused when their payload is of another type, or of none [notation-ratify 12]', async () => {
    expect(await header({ cty: 'application/vnd.cncf.notary.payload.v2+json' })).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await header({ cty: 'Application/vnd.cncf.notary.payload.v1+json' })).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await header({ cty: null })).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await without('cty')).toBe('PAYLOAD_TYPE_UNEXPECTED');
  });

  it('are refused with a chain in their protected header, alone or too [notation-ratify 13]', async () => {
    const x5c = [base64(signer.der), base64(root.der)];
    const moved = { protected: (good: object) => ({ ...good, x5c }) };
    expect(await jws({ ...moved, unprotected: () => ({}) })).toBe('SIGNATURE_MALFORMED');
    expect(await jws(moved)).toBe('SIGNATURE_MALFORMED');
  });

  it.each([
    ['empty', [], 'SIGNATURE_MALFORMED'],
    ['a text', base64(signer.der), 'SIGNATURE_MALFORMED'],
    ['null', null, 'SIGNATURE_MALFORMED'],
    ['not base64', ['%'], 'SIGNATURE_MALFORMED'],
    ['base64url', [Buffer.from(signer.der).toString('base64url').replaceAll('A', '-')], 'SIGNATURE_MALFORMED'],
    ['not all texts', [base64(signer.der), 1], 'SIGNATURE_MALFORMED'],
    ['an empty text', [''], 'CERTIFICATE_MALFORMED'],
    ['DER with a byte behind it', [base64(Buffer.concat([signer.der, Buffer.from([0])]))], 'CERTIFICATE_MALFORMED'],
    [
      'a good certificate and one with a byte behind it',
      [base64(signer.der), base64(Buffer.concat([root.der, Buffer.from([0])]))],
      'CERTIFICATE_MALFORMED',
    ],
    ['longer than is read', Array.from({ length: 11 }, () => base64(signer.der)), 'LIMIT_EXCEEDED'],
  ])('are refused where x5c is %s [notation-ratify 14]', async (_, x5c, code) => {
    expect(await jws({ unprotected: (good) => ({ ...good, x5c }) })).toBe(code);
  });

  it('are read with as many certificates as are allowed', async () => {
    const chain = [signer.der, ...Array.from({ length: 9 }, () => root.der)];
    expect(await wordFor('jws', envelope('jws', { chain }))).toBe('verified');
  });

  it('are refused as compact or general JWS, or with members of their own [notation-ratify 15]', async () => {
    const texts = (good: Record<string, unknown>) => ['protected', 'payload', 'signature'].map((name) => good[name]);
    expect(await jws({ envelope: (good) => texts(good).join('.') })).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ envelope: ({ payload, ...one }) => ({ payload, signatures: [one] }) })).toBe(
      'SIGNATURE_MALFORMED',
    );
    expect(await jws({ envelope: (good) => ({ ...good, signatures: [] }) })).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ envelope: (good) => [good] })).toBe('SIGNATURE_MALFORMED');
    expect(
      await jws({ envelope: ({ payload, protected: text, signature }) => ({ payload, protected: text, signature }) }),
    ).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ unprotected: () => [] })).toBe('SIGNATURE_MALFORMED');
    for (const name of ['payload', 'protected', 'signature'])
      expect(await jws({ envelope: (good) => ({ ...good, [name]: null }) })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with a name twice, on any level [notation-ratify 16]', async () => {
    const twice = (good: object) => JSON.stringify(good).replace('{', '{"alg":"ES256",');
    expect(await jws({ protected: twice })).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ protected: (good) => twice(good).replace('"alg"', '"\\u0061lg"') })).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ envelope: (good) => JSON.stringify(good).replace('{', '{"payload":"",') })).toBe(
      'SIGNATURE_MALFORMED',
    );
  });

  it('are refused with one of their names in other letters, which Go reads as the name [notation-ratify 16]', async () => {
    for (const name of ['Alg', 'CRIT', 'Cty', `${PREFIX}Expiry`, `${PREFIX}verificationPlugin`.toUpperCase()])
      expect(await header({ [name]: '2026-06-01T10:00:00Z' }), name).toBe('SIGNATURE_MALFORMED');
    // The long s and the Kelvin sign fold to plain letters.
    expect(await header({ [`${PREFIX}\u017figningTime`]: '' })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with both times, or with that of the other scheme [notation-ratify 17]', async () => {
    for (const scheme of ['notary.x509', 'notary.x509.signingAuthority'])
      expect(
        await wordFor('jws', envelope('jws', { scheme, signingTime: SIGNED_AT, authenticSigningTime: SIGNED_AT })),
      ).toBe('SIGNATURE_MALFORMED');
    const other = envelope('jws', { signingTime: 'none', authenticSigningTime: SIGNED_AT });
    expect(await wordFor('jws', other)).toBe('SIGNATURE_MALFORMED');
    expect(await header({ [`${PREFIX}authenticSigningTime`]: null })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused without the time that their scheme wants [notation-ratify 18]', async () => {
    const scheme = 'notary.x509.signingAuthority';
    expect(await integrity('jws', envelope('jws', { scheme }))).toMatchObject({
      value: { scheme: { name: scheme, authenticSigningTime: SIGNED_AT } },
    });
    expect(await wordFor('jws', envelope('jws', { scheme, authenticSigningTime: 'none' }))).toBe('SIGNATURE_MALFORMED');
    expect(await wordFor('jws', envelope('jws', { signingTime: 'none' }))).toBe('SIGNATURE_MALFORMED');
  });

  it.each(['notary.x510', 'Notary.x509', '', 'notary.x509.signingauthority'])(
    'are refused with the scheme "%s" [notation-ratify 19]',
    async (scheme) => {
      expect(await wordFor('jws', envelope('jws', { scheme }))).toBe('SIGNATURE_MALFORMED');
    },
  );

  it('are refused without a scheme [notation-ratify 19]', async () => {
    expect(await without(minimal[0] ?? '')).toBe('SIGNATURE_MALFORMED');
    expect(await header({ [minimal[0] ?? '']: null })).toBe('SIGNATURE_MALFORMED');
  });

  it('take times with an offset, and nothing that is not RFC 3339 [notation-ratify 20]', async () => {
    const result = await integrity(
      'jws',
      envelope('jws', {
        jws: { protected: (good) => ({ ...good, [`${PREFIX}signingTime`]: '2026-06-01T19:00:00+08:00' }) },
      }),
    );
    expect(result).toMatchObject({ value: { scheme: { signingTime: SIGNED_AT } } });
    for (const time of ['2026-06-01', '2026-06-01 11:00:00Z', '1780311600', 1780311600, '', null])
      expect(await header({ [`${PREFIX}signingTime`]: time }), String(time)).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused when they expire before or as they are signed [notation-ratify 21]', async () => {
    const withExpiry = (expiry: number, scheme: string) => wordFor('jws', envelope('jws', { expiry, scheme }));
    for (const scheme of ['notary.x509', 'notary.x509.signingAuthority']) {
      expect(await withExpiry(SIGNED_AT, scheme)).toBe('SIGNATURE_MALFORMED');
      expect(await withExpiry(SIGNED_AT - 1000, scheme)).toBe('SIGNATURE_MALFORMED');
      expect(await withExpiry(SIGNED_AT + 1, scheme)).toBe('verified');
    }
    const expiry = { crit: [...minimal, `${PREFIX}expiry`], [`${PREFIX}expiry`]: 'never' };
    expect(await header(expiry)).toBe('SIGNATURE_MALFORMED');
    expect(await header({ ...expiry, [`${PREFIX}expiry`]: null })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused without a payload or a signature', async () => {
    expect(await wordFor('jws', envelope('jws', { payload: Buffer.alloc(0) }))).toBe('SIGNATURE_MALFORMED');
    expect(await jws({ envelope: (good) => ({ ...good, signature: '' }) })).toBe('SIGNATURE_MALFORMED');
  });

  it('are refused with a timestamp that is empty or no base64', async () => {
    for (const token of ['', '%', 1, null])
      expect(await jws({ unprotected: (good) => ({ ...good, [`${PREFIX}timestampSignature`]: token }) })).toBe(
        'SIGNATURE_MALFORMED',
      );
  });

  it('are refused by RSA-PSS with a salt of another length than the hash has [notation-ratify §1.14, 13]', async () => {
    for (const saltLength of [0, 20, 64])
      expect(await wordFor('jws', envelope('jws', { saltLength }, rsaSigner))).toBe('SIGNATURE_CORRUPT');
  });

  it('are refused by PKCS #1 v1.5, and by ECDSA in DER', async () => {
    for (const by of [rsaSigner, signer]) {
      const bytes = envelope(
        'jws',
        {
          jws: {
            envelope: (good) => {
              const signed = Buffer.from(`${String(good['protected'])}.${String(good['payload'])}`);
              return { ...good, signature: sign('sha256', signed, by.keys.privateKey).toString('base64url') };
            },
          },
        },
        by,
      );
      expect(await wordFor('jws', bytes)).toBe('SIGNATURE_CORRUPT');
    }
  });

  it('are not read beyond a size, a depth, a number of values or of escapes', async () => {
    expect(await wordFor('jws', Buffer.alloc(1024 * 1024 + 1, 0x20))).toBe('LIMIT_EXCEEDED');
    expect(await wordFor('jws', Buffer.from('['.repeat(1000)))).toBe('LIMIT_EXCEEDED');
    expect(await wordFor('jws', Buffer.from(`[${'0,'.repeat(20_000)}0]`))).toBe('LIMIT_EXCEEDED');
    expect(await wordFor('jws', Buffer.from(`"${'\\n'.repeat(70_000)}"`))).toBe('LIMIT_EXCEEDED');
    expect(await header({ deep: JSON.parse('['.repeat(20) + ']'.repeat(20)) })).toBe('LIMIT_EXCEEDED');
  });
});
