import { type Der, objectIdentifier, sequence } from '../../../src/encoding/der-writer.ts';
import {
  alternativeNames,
  authority,
  CODE_SIGNING,
  email,
  extendedUsage,
  extension,
  SERVER_AUTH,
  usage,
} from '../../fixtures/certificates.ts';
import { around, MINUTE, YEAR } from '../../fixtures/sigstore/instance.ts';
import { keysOf } from '../../fixtures/sigstore/keys.ts';
import { ANN, BOTH, type Case, each, ISSUERS, leaf, one, SIGSTORE } from './case.ts';

const { at, root } = SIGSTORE;
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const names = alternativeNames(email(ANN));
const withExtensions = (...extensions: readonly Der[]) => ({
  leaf: leaf({ extensions: [...extensions, names, ...ISSUERS] }),
});
const purpose = (...oids: readonly string[]) => withExtensions(usage(0), extendedUsage(...oids));
const unknown = (critical: 'critical' | 'optional') => extension('1.2.3.4', Buffer.from([5, 0]), critical);
const old = around(at, YEAR);
const EKU = 'a keyless certificate without extended key usage, or with any usage';
const UNFIT = "a keyless signer's certificate that is an authority's, or has no key usage for signatures";
const TEXT = 'more than one certificate, or text outside of PEM blocks, in the annotations of a keyless layer';
const ED25519 = 'keyless layers by a key of Ed25519';
const RSA = '`DSSE` signatures with P-384, P-521 or RSA keys';

/** Which certificates count. */
export const CERTIFICATE_CASES: readonly Case[] = [
  ...each('a certificate that had expired', 'refused', () => ({
    leaf: leaf({ notBefore: at - 10 * MINUTE, notAfter: at - 1000 }),
  })),
  ...each('a certificate that was not valid yet', 'refused', () => ({
    leaf: leaf({ notBefore: at + 1000, notAfter: at + 10 * MINUTE }),
  })),
  ...each('a certificate in its first second', 'runs', () => ({
    leaf: leaf({ notBefore: at, notAfter: at + 10 * MINUTE }),
  })),
  ...each('a certificate in its last second', 'runs', () => ({
    leaf: leaf({ notBefore: at - 10 * MINUTE, notAfter: at }),
  })),
  ...each('a certificate that is valid still', 'runs', () => ({ leaf: leaf(old) })),

  ...each('for servers', 'refused', purpose(SERVER_AUTH)),
  ...each('for clients and timestamps', 'refused', purpose('1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.8'), { forms: BOTH }),
  ...each('for code and servers', 'runs', purpose(CODE_SIGNING, SERVER_AUTH), { forms: BOTH }),
  ...each('for anything', 'runs', purpose('2.5.29.37.0'), { forms: BOTH, here: 'refused', differs: EKU }),
  ...each('for no purpose in particular', 'runs', withExtensions(usage(0)), {
    forms: BOTH,
    here: 'refused',
    differs: EKU,
  }),
  ...each(
    'for code, as a critical extension',
    'runs',
    withExtensions(usage(0), extension('2.5.29.37', sequence(objectIdentifier(CODE_SIGNING)), 'critical')),
    { forms: BOTH },
  ),
  ...each('without key usage', 'runs', withExtensions(extendedUsage(CODE_SIGNING)), {
    forms: BOTH,
    here: 'refused',
    differs: UNFIT,
  }),
  ...each('a key for encryption', 'runs', withExtensions(usage(2), extendedUsage(CODE_SIGNING)), {
    forms: BOTH,
    here: 'refused',
    differs: UNFIT,
  }),
  ...each('an authority as signer', 'runs', withExtensions(authority(), usage(0, 5), extendedUsage(CODE_SIGNING)), {
    forms: BOTH,
    here: 'refused',
    differs: UNFIT,
  }),
  ...each(
    'an unknown critical extension',
    'refused',
    withExtensions(usage(0), extendedUsage(CODE_SIGNING), unknown('critical')),
    { forms: BOTH },
  ),
  ...each('an unknown extension', 'runs', withExtensions(usage(0), extendedUsage(CODE_SIGNING), unknown('optional')), {
    forms: BOTH,
  }),
  ...each('a certificate of version 1 with extensions', 'refused', () => ({ leaf: leaf({ version: 0 }) }), {
    forms: BOTH,
  }),

  ...each('a key of P-384', 'runs', () => ({ leaf: leaf({ keys: keysOf('P-384') }) })),
  ...each('a key of P-384 with SHA-384', { layer: 'refused', bundle: 'runs', tiles: 'runs' }, () => ({
    leaf: leaf({ keys: keysOf('P-384') }),
    hash: 'sha384',
  })),
  ...each('a key of P-521', 'runs', () => ({ leaf: leaf({ keys: keysOf('P-521') }) })),
  ...each('a key of P-521 with SHA-512', { layer: 'refused', bundle: 'runs', tiles: 'runs' }, () => ({
    leaf: leaf({ keys: keysOf('P-521') }),
    hash: 'sha512',
  })),
  ...each('a key of P-256 with SHA-512', 'refused', () => ({ hash: 'sha512' })),
  ...each(
    'a key of Ed25519',
    { layer: 'refused', bundle: 'runs', tiles: 'runs' },
    () => ({ leaf: leaf({ keys: keysOf('Ed25519') }) }),
    { here: 'runs', differs: ED25519 },
  ),
  ...each('a key of RSA with 2048 bits', 'runs', () => ({ leaf: leaf({ keys: keysOf('RSA-2048') }) })),
  ...each('a key of RSA with 4096 bits', 'runs', () => ({ leaf: leaf({ keys: keysOf('RSA-4096') }) })),
  one('layer', 'a key of RSA with SHA-512', 'refused', () => ({
    leaf: leaf({ keys: keysOf('RSA-2048') }),
    hash: 'sha512',
  })),
  ...each(
    'a key of RSA with SHA-512',
    'refused',
    () => ({ leaf: leaf({ keys: keysOf('RSA-2048') }), hash: 'sha512' }),
    { forms: ['bundle', 'tiles'], here: 'runs', differs: RSA },
  ),

  one('layer', 'no certificate', 'refused', { finish: (json) => (json['dev.sigstore.cosign/certificate'] = '') }),
  one(
    'layer',
    'two certificates',
    'runs',
    { finish: (json) => (json['dev.sigstore.cosign/certificate'] += root.pem) },
    { here: 'refused', differs: TEXT },
  ),
  one(
    'layer',
    'text before the certificate',
    'runs',
    {
      finish: (json) => (json['dev.sigstore.cosign/certificate'] = `hello\n${json['dev.sigstore.cosign/certificate']}`),
    },
    { here: 'refused', differs: TEXT },
  ),
  one('layer', 'a key for a certificate', 'refused', {
    finish: (json) =>
      (json['dev.sigstore.cosign/certificate'] = keysOf('P-256').publicKey.export({ type: 'spki', format: 'pem' })),
  }),
  one('bundle', 'a key for a certificate', 'refused', {
    finish: (json) => {
      const { certificate: _, ...material } = json.verificationMaterial;
      json.verificationMaterial = { ...material, publicKey: { hint: 'x' } };
    },
  }),
  one('bundle', 'a certificate with bytes behind it', 'refused', {
    finish: (json) => {
      const { certificate } = json.verificationMaterial;
      certificate.rawBytes = base64(Buffer.concat([Buffer.from(certificate.rawBytes, 'base64'), Buffer.from([0])]));
    },
  }),
];
