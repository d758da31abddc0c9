import type { JwsChanges } from '../../../fixtures/notation/signer.ts';
import { admitted, type Case, type Place, refused, stricter } from '../case.ts';
import { attachForged, sign, signerBelowAcme } from '../sign.ts';
import { inHours, rfc3339 } from '../signers.ts';

type Json = Record<string, unknown>;

const changed = (jws: JwsChanges) => async (place: Place) => {
  await attachForged(place, 'jws', { jws });
  return {};
};
const header = (change: (header: Json) => Json | string) => changed({ protected: change });
const without = (name: string) => (from: Json) =>
  Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));
const critical =
  (...names: readonly string[]) =>
  (from: Json) => ({
    ...from,
    crit: [...(Array.isArray(from['crit']) ? from['crit'] : []), ...names],
  });

const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const AUTHENTIC_TIME = 'io.cncf.notary.authenticSigningTime';
const EXPIRY = 'io.cncf.notary.expiry';
const LOOSE_JWS =
  'JSON of a JWS envelope with members that nobody knows at its top, that stand twice, or that are written in other letters';

/** What is wrong with a JWS, signed by a trusted key all the same (notation-ratify.md §1.4, §4.6). */
export const JWS_CASES: readonly Case[] = [
  refused(
    'a payload with padding [notation-ratify 2]',
    /illegal base64/,
    'SIGNATURE_MALFORMED',
    changed({ payload: (text) => `${text}=` }),
  ),
  refused(
    'a signature with padding',
    /illegal base64/,
    'SIGNATURE_MALFORMED',
    changed({ envelope: (all) => ({ ...all, signature: `${String(all['signature'])}=` }) }),
  ),
  refused(
    'a payload that was changed [notation-ratify 3]',
    /signature is invalid/,
    'SIGNATURE_CORRUPT',
    changed({ envelope: ({ payload, ...all }) => ({ ...all, payload: otherwise(String(payload)) }) }),
  ),
  refused(
    'a signature that was changed',
    /signature is invalid/,
    'SIGNATURE_CORRUPT',
    changed({ envelope: ({ signature, ...all }) => ({ ...all, signature: otherwise(String(signature)) }) }),
  ),
  {
    ...refused(
      'a payload that was changed, at the level audit [notation-ratify 3]',
      /signature is invalid/,
      'SIGNATURE_CORRUPT',
      async (place) => {
        await attachForged(place, 'jws', {
          jws: { envelope: ({ payload, ...all }) => ({ ...all, payload: otherwise(String(payload)) }) },
        });
        return { statement: { signatureVerification: { level: 'audit' } } };
      },
    ),
  },
  refused(
    'no list of what is critical [notation-ratify 4]',
    /missing \\"crit\\" header/,
    'SIGNATURE_MALFORMED',
    header(without('crit')),
  ),
  refused(
    'an empty list of what is critical [notation-ratify 5]',
    /missing \\"crit\\" header/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, crit: [] })),
  ),
  refused(
    'the algorithm among what is critical [notation-ratify 6]',
    /marked critical but not present/,
    'SIGNATURE_MALFORMED',
    header(critical('alg')),
  ),
  refused(
    'something absent among what is critical [notation-ratify 7]',
    /marked critical but not present/,
    'SIGNATURE_MALFORMED',
    header(critical('acme')),
  ),
  refused(
    'the scheme twice among what is critical',
    /marked critical but not present/,
    'SIGNATURE_MALFORMED',
    header(critical(SCHEME)),
  ),
  refused(
    'an expiry that is not critical [notation-ratify 8]',
    /not marked as critical/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, [EXPIRY]: rfc3339(inHours(5)) })),
  ),
  refused(
    'a scheme that is not critical',
    /not marked as critical/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, crit: ['acme'], acme: 'yes' })),
  ),
  stricter(
    'a critical attribute that nobody knows [notation-ratify 9]',
    'CRITICAL_ATTRIBUTE_UNKNOWN',
    'critical attributes that nobody knows, in a signature without a plugin',
    async (place) => {
      await sign(place, { critical: { 'com.example.review': 'passed' } });
      return {};
    },
  ),
  admitted('a further attribute that is not critical', async (place) => {
    await attachForged(place, 'jws', { optional: { 'com.example.review': 'passed' } });
    return {};
  }),
  refused(
    'a plugin that is not installed [notation-ratify 9]',
    /locating the verification plugin/,
    'PLUGIN_REQUIRED',
    async (place) => {
      await sign(place, { plugin: 'com.example.plugin' });
      return {};
    },
  ),
  ...['none', 'HS256', 'RS256', 'EdDSA', 'ES256K'].map((alg) =>
    refused(
      `the algorithm ${alg} [notation-ratify 10]`,
      /algorithm|signing method/i,
      'ALGORITHM_UNSUPPORTED',
      header((all) => ({ ...all, alg })),
    ),
  ),
  refused(
    'an algorithm for another kind of key [notation-ratify 11]',
    /signature is invalid/,
    'ALGORITHM_UNSUPPORTED',
    header((all) => ({ ...all, alg: 'ES384' })),
  ),
  refused(
    'PS384 by a key of 2048 bits [notation-ratify 11]',
    /mismatch between signature algorithm/,
    'ALGORITHM_UNSUPPORTED',
    async (place) => {
      const { chain, key } = place.signers.rsa2048;
      await attachForged(place, 'jws', { chain, key, algorithm: 'PS384' });
      return {};
    },
  ),
  stricter(
    'a salt of another length than the hash',
    'SIGNATURE_CORRUPT',
    'the salt of RSA-PSS in JWS envelopes',
    async (place) => {
      const { chain, key } = place.signers.rsa2048;
      await attachForged(place, 'jws', { chain, key, saltLength: 20 });
      return {};
    },
  ),
  refused('another content type [notation-ratify 12]', /content type/, 'TYPE', async (place) => {
    await attachForged(place, 'jws', { contentType: 'application/json' });
    return {};
  }),
  refused('no content type [notation-ratify 12]', /content type/, 'TYPE', header(without('cty'))),
  refused(
    'the chain of certificates in the signed header [notation-ratify 13]',
    /certificate chain is not present/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      const x5c = place.signers.p256.chain.map((der) => Buffer.from(der).toString('base64'));
      await attachForged(place, 'jws', { jws: { protected: (all) => ({ ...all, x5c }), unprotected: without('x5c') } });
      return {};
    },
  ),
  refused(
    'no certificate [notation-ratify 14]',
    /certificate chain is not present/,
    'SIGNATURE_MALFORMED',
    changed({ unprotected: (all) => ({ ...all, x5c: [] }) }),
  ),
  refused(
    'certificates that are no base64 [notation-ratify 14]',
    /illegal base64/,
    'SIGNATURE_MALFORMED',
    changed({ unprotected: (all) => ({ ...all, x5c: ['*'] }) }),
  ),
  refused(
    'certificates with bytes behind them [notation-ratify 14]',
    /trailing data|malformed/,
    'MALFORMED',
    async (place) => {
      const x5c = place.signers.p256.chain.map((der) => Buffer.concat([der, Buffer.from([0])]).toString('base64'));
      await attachForged(place, 'jws', { jws: { unprotected: (all) => ({ ...all, x5c }) } });
      return {};
    },
  ),
  refused(
    'the compact form [notation-ratify 15]',
    /invalid character/,
    'SIGNATURE_MALFORMED',
    changed({ envelope: (all) => `${String(all['protected'])}.${String(all['payload'])}.${String(all['signature'])}` }),
  ),
  refused(
    'the form of several signatures [notation-ratify 15]',
    /certificate chain is not present/,
    'SIGNATURE_MALFORMED',
    changed({ envelope: ({ payload, ...one }) => ({ payload, signatures: [one] }) }),
  ),
  stricter(
    'a member at the top that nobody knows',
    'SIGNATURE_MALFORMED',
    LOOSE_JWS,
    changed({ envelope: (all) => ({ ...all, more: 1 }) }),
  ),
  stricter(
    'a member at the top in capitals',
    'SIGNATURE_MALFORMED',
    LOOSE_JWS,
    changed({ envelope: ({ payload, ...all }) => ({ ...all, Payload: payload }) }),
  ),
  stricter(
    'a payload that stands twice',
    'SIGNATURE_MALFORMED',
    LOOSE_JWS,
    changed({ envelope: (all) => `{"payload":"e30",${JSON.stringify(all).slice(1)}` }),
  ),
  stricter(
    'a scheme that stands twice [notation-ratify 16]',
    'SIGNATURE_MALFORMED',
    LOOSE_JWS,
    header((all) => `{"${SCHEME}":"notary.x509.signingAuthority",${JSON.stringify(all).slice(1)}`),
  ),
  refused(
    'both times of signing [notation-ratify 17]',
    /must not be present/,
    'SIGNATURE_MALFORMED',
    header((all) => critical(AUTHENTIC_TIME)({ ...all, [AUTHENTIC_TIME]: rfc3339(inHours(-1)) })),
  ),
  refused(
    'the scheme of signing authorities without its time [notation-ratify 18]',
    /must not be present|must be present/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, [SCHEME]: 'notary.x509.signingAuthority' })),
  ),
  refused(
    'a scheme that nobody knows [notation-ratify 19]',
    /unsupported SigningScheme/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, [SCHEME]: 'notary.x509.other' })),
  ),
  refused(
    'no scheme',
    /unsupported SigningScheme|not marked|not present/,
    'SIGNATURE_MALFORMED',
    header(without(SCHEME)),
  ),
  admitted(
    'a time of signing with an offset [notation-ratify 20]',
    header((all) => ({ ...all, [TIME]: '2026-06-01T12:00:00+08:00' })),
  ),
  admitted(
    'a time of signing with a fraction',
    header((all) => ({ ...all, [TIME]: '2026-06-01T12:00:00.25Z' })),
  ),
  refused(
    'a time of signing in another form [notation-ratify 20]',
    /cannot parse|parsing time/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, [TIME]: 'Mon, 01 Jun 2026 12:00:00 GMT' })),
  ),
  refused('no time of signing', /signing.?time/i, 'SIGNATURE_MALFORMED', header(without(TIME))),
  refused(
    'a time of signing that is a number',
    /input is not a JSON string/,
    'SIGNATURE_MALFORMED',
    header((all) => ({ ...all, [TIME]: 1_780_000_000 })),
  ),
  refused(
    'the chain in another order [notation-ratify 39]',
    /signature is invalid/,
    'SIGNATURE_CORRUPT',
    async (place) => {
      const { chain, key } = signerBelowAcme(place);
      await attachForged(place, 'jws', { chain: chain.toReversed(), key });
      return {};
    },
  ),
];

/** Another text of the same length and alphabet. */
function otherwise(text: string): string {
  return (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
}
