import { generateKeyPairSync } from 'node:crypto';
import { objectIdentifier, sequence } from '../../../../src/encoding/der-writer.ts';
import {
  alternativeNames,
  authority,
  type CertificateOptions,
  CODE_SIGNING,
  dns,
  extendedUsage,
  extension,
  type Issued,
  issueIntermediate,
  nameConstraints,
  SERVER_AUTH,
  usage,
  usageBits,
} from '../../../fixtures/certificates.ts';
import { admitted, type Case, type Place, refused, stricter } from '../case.ts';
import { attachForged, below, byChain } from '../sign.ts';
import { leafOf } from '../signers.ts';

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ANY_USAGE = '2.5.29.37.0';

const OPTIONAL_USAGE = (...bits: readonly number[]) => extension('2.5.29.15', usageBits(...bits));
const UNKNOWN_CRITICAL = extension('1.3.6.1.4.1.99999.1', sequence(objectIdentifier('1.2.3')), 'critical');
const AUTHORITY_NOT_CRITICAL = extension('2.5.29.19', Buffer.from('30030101ff', 'hex'));

/** A leaf below the bench's root with other extensions. */
const leafWith =
  (...extensions: NonNullable<CertificateOptions['extensions']>) =>
  (place: Place) =>
    byChain(place, [leafOf(place.acme, { extensions }), place.acme]);

/** A leaf with another key. */
const keyed = (keys: () => Issued['keys'], algorithm: 'PS256' | 'ES256') => async (place: Place) => {
  const leaf = leafOf(place.acme, { keys: keys() });
  const key = leaf.keys.privateKey;
  await attachForged(place, 'jws', { chain: [leaf.der, place.acme.der], key, algorithm });
  return {};
};

const EKU = /extended key usage must not contain/;
const SIGNS = [usage(0), extendedUsage(CODE_SIGNING)] as const;

/** The profile of certificates that sign (notation-ratify.md §1.7). */
export const CERTIFICATE_CASES: readonly Case[] = [
  refused(
    'a leaf that may sign certificates [notation-ratify 43]',
    /Digital Signature/,
    'CERTIFICATE_UNFIT',
    leafWith(usage(0, 5)),
  ),
  refused('a leaf that may sign revocation lists', /Digital Signature/, 'CERTIFICATE_UNFIT', leafWith(usage(0, 6))),
  ...(
    [
      ['encipher keys', 2],
      ['encipher data', 3],
      ['agree on keys', 4],
    ] as const
  ).map(([what, bit]) =>
    refused(`a leaf that may ${what}`, /Digital Signature/, 'CERTIFICATE_UNFIT', leafWith(usage(0, bit))),
  ),
  admitted('a leaf that may commit to contents', leafWith(usage(0, 1))),
  refused('a leaf that may not sign', /Digital Signature/, 'CERTIFICATE_UNFIT', leafWith(usage(1))),
  refused(
    'a leaf whose usage is not critical [notation-ratify 44]',
    /must be marked critical/,
    'CERTIFICATE_UNFIT',
    leafWith(OPTIONAL_USAGE(0)),
  ),
  refused(
    'a leaf without usage [notation-ratify 44]',
    /key usage extension must be present/,
    'CERTIFICATE_UNFIT',
    leafWith(extendedUsage(CODE_SIGNING)),
  ),
  refused(
    'a leaf that is an authority',
    /ca field must be set to false/,
    'CERTIFICATE_UNFIT',
    leafWith(usage(0), authority()),
  ),
  ...(
    [
      ['servers', SERVER_AUTH],
      ['clients', CLIENT_AUTH],
      ['mail', EMAIL_PROTECTION],
      ['timestamps', TIME_STAMPING],
      ['answers of OCSP', OCSP_SIGNING],
    ] as const
  ).map(([what, oid]) =>
    refused(
      `a leaf for ${what} [notation-ratify 45]`,
      EKU,
      'CERTIFICATE_UNFIT',
      leafWith(usage(0), extendedUsage(CODE_SIGNING, oid)),
    ),
  ),
  stricter(
    'a leaf for any usage [notation-ratify 45]',
    'CERTIFICATE_UNFIT',
    "a signer's certificate for any usage (`anyExtendedKeyUsage`)",
    leafWith(usage(0), extendedUsage(ANY_USAGE)),
  ),
  admitted('a leaf without extended usage [notation-ratify 46]', leafWith(usage(0))),
  admitted('a leaf for code [notation-ratify 46]', leafWith(...SIGNS)),
  admitted('a leaf for something that nobody knows', leafWith(usage(0), extendedUsage('1.3.6.1.4.1.99999.2'))),
  refused(
    'an authority below one that allows none [notation-ratify 47]',
    /path length/,
    'CERTIFICATE_UNFIT',
    (place) => {
      const upper = issueIntermediate(place.acme, 'upper');
      const lower = issueIntermediate(upper, 'lower');
      return byChain(place, [leafOf(lower), lower, upper, place.acme]);
    },
  ),
  refused(
    'an intermediate that is no authority [notation-ratify 48]',
    /ca field|is not issued by|invalid certificates/,
    'CERTIFICATE_UNFIT',
    below({ extensions: [usage(0)] }),
  ),
  refused(
    'an intermediate without usage',
    /key usage extension must be present/,
    'CERTIFICATE_UNFIT',
    below({ extensions: [authority(0)] }),
  ),
  refused(
    'an intermediate whose usage is not critical',
    /must be marked critical/,
    'CERTIFICATE_UNFIT',
    below({ extensions: [authority(0), OPTIONAL_USAGE(5)] }),
  ),
  refused(
    'an intermediate that may not sign certificates',
    /is not issued by/,
    'CERTIFICATE_UNFIT',
    below({ extensions: [authority(0), usage(6)] }),
  ),
  stricter(
    'an intermediate that is an authority, and does not say so as critical',
    'CERTIFICATE_UNFIT',
    'an authority whose basic constraints are not critical',
    below({ extensions: [AUTHORITY_NOT_CRITICAL, usage(5)] }),
  ),
  stricter(
    'an intermediate for servers',
    'CERTIFICATE_UNFIT',
    'an authority that may issue only for other usages than code',
    below({ extensions: [authority(0), usage(5), extendedUsage(SERVER_AUTH)] }),
  ),
  stricter(
    'a name that the intermediate must not vouch for',
    'CERTIFICATE_UNFIT',
    'name constraints of an authority',
    (place) => {
      const limits = nameConstraints([], [dns('acme.example')]);
      const middle = issueIntermediate(place.acme, 'middle', { extensions: [authority(0), usage(5), limits] });
      const names = alternativeNames(dns('build.acme.example'));
      return byChain(place, [leafOf(middle, { extensions: [...SIGNS, names] }), middle, place.acme]);
    },
  ),
  stricter(
    'a leaf with a critical extension that nobody knows',
    'CERTIFICATE_UNFIT',
    'critical extensions of certificates that nobody knows',
    leafWith(...SIGNS, UNKNOWN_CRITICAL),
  ),
  stricter(
    'an intermediate with a critical extension that nobody knows',
    'CERTIFICATE_UNFIT',
    'critical extensions of certificates that nobody knows',
    below({ extensions: [authority(0), usage(5), UNKNOWN_CRITICAL] }),
  ),
  refused(
    'a key of RSA with 1024 bits [notation-ratify 49]',
    /rsa key size 1024 bits is not supported/,
    'ALGORITHM',
    keyed(() => generateKeyPairSync('rsa', { modulusLength: 1024 }), 'PS256'),
  ),
  refused(
    'a key of RSA with 2560 bits [notation-ratify 49]',
    /rsa key size 2560 bits is not supported/,
    'ALGORITHM',
    keyed(() => generateKeyPairSync('rsa', { modulusLength: 2560 }), 'PS256'),
  ),
  refused(
    'a key of P-224 [notation-ratify 49]',
    /verification error/,
    'ALGORITHM',
    keyed(() => generateKeyPairSync('ec', { namedCurve: 'secp224r1' }), 'ES256'),
  ),
];
