import type * as openpgp from 'openpgp';
import { failed, ok, type Result } from '../../codes/result.ts';
import type { OpenPgpCertificate } from './keyring.ts';

/** The openpgp library. Only its types are known before it is loaded. */
export type OpenPgpLibrary = typeof openpgp;

/**
 * Loads the openpgp library, at the first signature that needs it: most policies never do (DESIGN.md §6).
 * @returns FEATURE_NOT_SUPPORTED where it is not installed beside countersign
 */
export async function openPgpLibrary(): Promise<Result<OpenPgpLibrary>> {
  const library = await import('openpgp').catch(() => undefined);
  return library === undefined
    ? failed('FEATURE_NOT_SUPPORTED', 'OpenPGP signatures are not verified: the openpgp package is not installed')
    : ok(library);
}

/**
 * What the library may accept, all of it said here: its own defaults change between versions.
 * @param weakAlgorithms what gpg still takes: SHA-1 and RIPEMD-160, RSA below 2048 bits, DSA. MD5 it refuses as well
 */
export function configFor({ config, enums }: OpenPgpLibrary, weakAlgorithms: 'refuse' | 'accept'): openpgp.Config {
  const { hash, publicKey, curve } = enums;
  const isLax = weakAlgorithms === 'accept';
  return {
    ...config,
    // Subkeys and third parties' signatures of kinds that are not known say nothing about the others in a certificate.
    ignoreUnsupportedPackets: true,
    ignoreMalformedPackets: false,
    enableParsingV5Entities: false,
    // RFC 9580 §5.2.3.29: a key whose flags are not said may do what its algorithm can. So do keys of last century.
    allowMissingKeyFlags: true,
    allowInsecureVerificationWithReformattedKeys: false,
    additionalAllowedPackets: [],
    knownNotations: [],
    minRSABits: isLax ? 1024 : 2048,
    // A key's own signatures of old are by SHA-1, those of distributions among them: nobody else can choose what they are over.
    rejectHashAlgorithms: new Set(isLax ? [hash.md5] : [hash.md5, hash.ripemd]),
    rejectMessageHashAlgorithms: new Set(isLax ? [hash.md5] : [hash.md5, hash.ripemd, hash.sha1]),
    rejectPublicKeyAlgorithms: new Set(isLax ? [publicKey.elgamal] : [publicKey.elgamal, publicKey.dsa]),
    rejectCurves: new Set([curve.secp256k1]),
  };
}

/** Certificates as the library reads them, once each: they stay the same objects as long as their keyring does. */
const READ = new WeakMap<OpenPgpCertificate, Promise<openpgp.Key | undefined>>();

/** A certificate as the library reads it; undefined where it cannot. */
export function libraryKey(library: OpenPgpLibrary, certificate: OpenPgpCertificate): Promise<openpgp.Key | undefined> {
  const known = READ.get(certificate);
  if (known !== undefined) return known;
  const read = library
    .readKey({ binaryKey: certificate.bytes, config: configFor(library, 'refuse') })
    .catch(() => undefined);
  READ.set(certificate, read);
  return read;
}
