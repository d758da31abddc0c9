import { CODE_SIGNING, extendedUsage, usage } from '../../../fixtures/certificates.ts';
import { admitted, type Case, type Place, type Question, refused, stricter } from '../case.ts';
import { attachForged, byChain, sign } from '../sign.ts';
import { inHours, leafOf } from '../signers.ts';

const AUDIT = { signatureVerification: { level: 'audit' } } as const;
const at = (level: 'audit' | 'permissive', question: Question, members: object = {}): Question => ({
  ...question,
  statement: { ...question.statement, ...members, signatureVerification: { level } },
});
const UNUSABLE = 'trust stores that cannot be used, where the check that needs them is only logged';

const signed = (question: (place: Place) => Question) => async (place: Place) => {
  await sign(place);
  return question(place);
};
/** Both stores of a policy that asks for timestamps, the second of something that is no root. */
const spoiltTimestamps = (place: Place): Question => ({
  statement: { trustStores: ['ca:acme', 'tsa:timestamps'] },
  stores: { 'ca/acme/root.pem': place.acme.pem, 'tsa/timestamps/readme.md': 'Our roots.' },
});

/** What is refused although the level only logs, and what is not (notation-ratify.md §1.8, §1.9). */
export const LOOSENED_CASES: readonly Case[] = [
  refused(
    "a signer's certificate that is for servers, at the level audit",
    /extended key usage must not contain/,
    'CERTIFICATE_UNFIT',
    async (place) => {
      const extensions = [usage(0), extendedUsage('1.3.6.1.5.5.7.3.1')];
      return at('audit', await byChain(place, [leafOf(place.acme, { extensions }), place.acme]));
    },
  ),
  refused('a chain that is broken, at the level audit', /is not issued by/, 'CERTIFICATE_CHAIN_BROKEN', async (place) =>
    at('audit', await byChain(place, [leafOf(place.acme), place.other])),
  ),
  refused(
    'a plugin that is not installed, at the level audit',
    /locating the verification plugin/,
    'PLUGIN_REQUIRED',
    async (place) => {
      await sign(place, { plugin: 'com.example.plugin' });
      return { statement: AUDIT };
    },
  ),
  refused(
    'a timestamp store of something else',
    /failed to load tsa trust store/,
    'TRUST_MATERIAL_UNAVAILABLE',
    async (place) => {
      await sign(place, { timestamps: place.timestamps });
      return spoiltTimestamps(place);
    },
  ),
  stricter(
    'a timestamp store of something else, at the level permissive',
    'TRUST_MATERIAL_UNAVAILABLE',
    UNUSABLE,
    async (place) => {
      await sign(place, { timestamps: place.timestamps });
      return at('permissive', spoiltTimestamps(place));
    },
  ),
  stricter(
    'a store of something else, at the level audit',
    'TRUST_MATERIAL_UNAVAILABLE',
    UNUSABLE,
    signed(() => ({ statement: AUDIT, stores: { 'ca/acme/readme.md': 'Our roots.' } })),
  ),
  {
    ...stricter(
      'a store that is not there, at the level audit',
      'truststore',
      UNUSABLE,
      signed(() => ({ statement: AUDIT, stores: {} })),
    ),
    here: 'unreadable',
  },
  admitted(
    'only a store of signing authorities, at the level audit',
    signed(({ acme }) => ({
      statement: { ...AUDIT, trustStores: ['signingAuthority:acme'] },
      stores: { 'signingAuthority/acme/root.pem': acme.pem },
    })),
  ),
  admitted('a timestamp that is none, where it counts only after expiry', async (place) => {
    await attachForged(place, 'jws', { timestampToken: () => Buffer.from('no timestamp') });
    return {
      statement: {
        trustStores: ['ca:acme', 'tsa:timestamps'],
        signatureVerification: { level: 'strict', verifyTimestamp: 'afterCertExpiry' },
      },
      stores: { 'ca/acme/root.pem': place.acme.pem, 'tsa/timestamps/root.pem': place.timestamps.root.pem },
    };
  }),
  admitted('an expired certificate and a timestamp that is none, at the level permissive', async (place) => {
    const leaf = leafOf(place.acme, { notAfter: inHours(-1), extensions: [usage(0), extendedUsage(CODE_SIGNING)] });
    await attachForged(place, 'cose', {
      chain: [leaf.der, place.acme.der],
      key: leaf.keys.privateKey,
      timestampToken: () => Buffer.from('no timestamp'),
    });
    return {
      statement: { trustStores: ['ca:acme', 'tsa:timestamps'], signatureVerification: { level: 'permissive' } },
      stores: { 'ca/acme/root.pem': place.acme.pem, 'tsa/timestamps/root.pem': place.timestamps.root.pem },
    };
  }),
  admitted(
    'a trust store that is named twice',
    signed(() => ({ statement: { trustStores: ['ca:acme', 'ca:acme'] } })),
  ),
];
