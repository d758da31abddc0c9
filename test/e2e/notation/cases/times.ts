import { admitted, type Case, inBothForms, refused } from '../case.ts';
import { attachForged, sign, signerBelowAcme } from '../sign.ts';
import { inHours } from '../signers.ts';

const EXPIRED = /digital signature has expired/;
const TOO_LATE = /verification time is after certificate/;

/** Expiry, and when certificates are valid, without timestamps (notation-ratify.md §1.10). */
export const TIME_CASES: readonly Case[] = [
  ...inBothForms((format) =>
    admitted('a signature that expires tomorrow [notation-ratify 22]', async (place) => {
      await sign(place, { format, expiry: '24h' });
      return {};
    }),
  ),
  ...inBothForms((format) =>
    refused(
      'a signature that expired an hour ago [notation-ratify 22]',
      EXPIRED,
      'SIGNATURE_EXPIRED',
      async (place) => {
        await sign(place, { format, at: inHours(-3), until: inHours(-1) });
        return {};
      },
    ),
  ),
  refused(
    'a signature that expires before anybody asks [notation-ratify 22]',
    EXPIRED,
    'SIGNATURE_EXPIRED',
    async (place) => {
      await sign(place, { expiry: '3s' });
      return { notBefore: Date.now() + 3_500 };
    },
  ),
  ...inBothForms((format) =>
    refused(
      'an expiry at the moment of signing [notation-ratify 21]',
      /expiry cannot be equal or before/,
      'SIGNATURE_MALFORMED',
      async (place) => {
        await attachForged(place, format, { signingTime: inHours(-1), expiry: inHours(-1) });
        return {};
      },
    ),
  ),
  refused(
    'an expiry before the moment of signing, both to come [notation-ratify 21]',
    /expiry cannot be equal or before/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      await attachForged(place, 'jws', { signingTime: inHours(5), expiry: inHours(4) });
      return {};
    },
  ),
  admitted('a moment of signing in the future, by the word of the signer', async (place) => {
    await attachForged(place, 'jws', { signingTime: inHours(24) });
    return {};
  }),
  admitted('a moment of signing before the certificate was valid, by the word of the signer', async (place) => {
    await attachForged(place, 'jws', { signingTime: inHours(-24 * 365) });
    return {};
  }),
  ...inBothForms((format) =>
    refused(
      'a certificate that has expired since [notation-ratify 51]',
      TOO_LATE,
      'CERTIFICATE_EXPIRED',
      async (place) => {
        const signer = signerBelowAcme(place, { notAfter: inHours(-1) });
        await sign(place, { format, at: inHours(-2) }, signer);
        return {};
      },
    ),
  ),
  refused(
    'a certificate that is not valid yet',
    /verification time is before certificate/,
    'CERTIFICATE_NOT_YET_VALID',
    async (place) => {
      const signer = signerBelowAcme(place, { notBefore: inHours(24) });
      await sign(place, { at: inHours(25) }, signer);
      return {};
    },
  ),
];
