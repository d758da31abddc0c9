import { admitted, type Case, inBothForms, type Place, refused } from '../case.ts';
import { attachForged, sign, signerBelowAcme } from '../sign.ts';
import { inHours } from '../signers.ts';

const SCHEME = 'notary.x509.signingAuthority';
/** A policy that trusts the bench's root as the one of signing authorities. */
const asAuthority = ({ acme }: Place) => ({
  statement: { trustStores: ['signingAuthority:acme'] },
  stores: { 'signingAuthority/acme/root.pem': acme.pem },
});

/** Signatures whose time a signing authority vouches for (notation-ratify.md §1.4, §1.10). */
export const AUTHORITY_CASES: readonly Case[] = [
  ...inBothForms((format) =>
    admitted('a signing authority that the policy trusts as such', async (place) => {
      await sign(place, { format, scheme: SCHEME, at: inHours(-1) });
      return asAuthority(place);
    }),
  ),
  ...inBothForms((format) =>
    refused(
      'a signing authority that is trusted as a signer alone [notation-ratify 55]',
      /trusted certificate/,
      'CERTIFICATE_UNTRUSTED',
      async (place) => {
        await sign(place, { format, scheme: SCHEME, at: inHours(-1) });
        return {};
      },
    ),
  ),
  refused(
    'a signer who is trusted as a signing authority alone [notation-ratify 55]',
    /trusted certificate/,
    'CERTIFICATE_UNTRUSTED',
    async (place) => {
      await sign(place);
      return asAuthority(place);
    },
  ),
  admitted('stores of both types, and a signing authority', async (place) => {
    await sign(place, { scheme: SCHEME, at: inHours(-1) });
    return {
      statement: { trustStores: ['ca:acme', 'signingAuthority:acme'] },
      stores: { 'ca/acme/root.pem': place.other.pem, 'signingAuthority/acme/root.pem': place.acme.pem },
    };
  }),
  ...inBothForms((format) =>
    admitted('a certificate that has expired, and was valid when the authority says', async (place) => {
      await sign(place, { format, scheme: SCHEME, at: inHours(-2) }, signerBelowAcme(place, { notAfter: inHours(-1) }));
      return asAuthority(place);
    }),
  ),
  refused(
    'a certificate that is valid, and was not when the authority says',
    /was not valid when the digital signature was produced/,
    'CERTIFICATE_NOT_YET_VALID',
    async (place) => {
      await attachForged(place, 'jws', {
        scheme: SCHEME,
        signingTime: 'none',
        authenticSigningTime: inHours(-24 * 30),
      });
      return asAuthority(place);
    },
  ),
  refused(
    'an expired signature by a signing authority',
    /digital signature has expired/,
    'SIGNATURE_EXPIRED',
    async (place) => {
      await sign(place, { scheme: SCHEME, at: inHours(-3), until: inHours(-1) });
      return asAuthority(place);
    },
  ),
  admitted('a policy of timestamps, and a signing authority, of whom none is asked', async (place) => {
    await sign(place, { scheme: SCHEME, at: inHours(-1) });
    return {
      statement: { trustStores: ['signingAuthority:acme', 'tsa:timestamps'] },
      stores: {
        'signingAuthority/acme/root.pem': place.acme.pem,
        'tsa/timestamps/root.pem': place.timestamps.root.pem,
      },
    };
  }),
];
