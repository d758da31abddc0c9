import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { utf8String } from '../../../src/encoding/der-writer.ts';
import {
  type CertificateOptions,
  CODE_SIGNING,
  distinguishedName,
  extendedUsage,
  type Issued,
  issue,
  usage,
} from '../../fixtures/certificates.ts';
import type { Folder } from '../folder.ts';

/** Whoever signs images: a key, and the certificates from its own up to the root's, in files too. */
export type Signer = {
  readonly chain: readonly Uint8Array[];
  readonly key: KeyObject;
  readonly keyFile: string;
  readonly chainFile: string;
};

/** The kinds of keys that notation signs with. */
export const KEY_KINDS = ['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384', 'p521'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

const HOUR = 3_600_000;
/** The moment from which the suite counts: certificates must be valid by a real clock. */
const NOW = Date.now();

/** A moment so many hours from now, in milliseconds. */
export const inHours = (hours: number): number => Math.floor((NOW + hours * HOUR) / 1000) * 1000;
/** The same for files and arguments. */
export const rfc3339 = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z');

/** A subject of the kind that notation's identities can name. */
export function subject(attributes: Readonly<Partial<Record<keyof typeof ATTRIBUTES, string>>>) {
  return distinguishedName(
    ...Object.entries(attributes).flatMap(([name, text]) =>
      isAttribute(name) ? [[ATTRIBUTES[name], utf8String(text)] as const] : [],
    ),
  );
}

const ATTRIBUTES = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  street: '2.5.4.9',
} as const;
const isAttribute = (name: string): name is keyof typeof ATTRIBUTES => Object.hasOwn(ATTRIBUTES, name);

/** The subject of every signer that a case does not describe otherwise. */
export const ACME = { C: 'US', ST: 'WA', O: 'Acme', CN: 'release' } as const;

/** A certificate to sign images with, valid for a month unless something else is said. */
export function leafOf(issuer: Issued | 'self', options: CertificateOptions = {}): Issued {
  return issue(issuer, {
    name: subject(ACME),
    notBefore: inHours(-48),
    notAfter: inHours(30 * 24),
    extensions: [usage(0), extendedUsage(CODE_SIGNING)],
    ...options,
  });
}

/** The certificates of a chain as a signer, with files under a name. */
export function signerOf(folder: Folder, name: string, chain: readonly [Issued, ...Issued[]]): Signer {
  const [leaf] = chain;
  const key = leaf.keys.privateKey;
  return {
    chain: chain.map(({ der }) => der),
    key,
    keyFile: folder.write(`${name}.key`, key.export({ type: 'pkcs8', format: 'pem' })),
    chainFile: folder.write(`${name}.crt`, chain.map(({ pem }) => pem).join('')),
  };
}

/** Makes a signer of each kind of key; the larger ones of RSA take seconds. */
export async function signersBelow(folder: Folder, issuer: Issued): Promise<Readonly<Record<KeyKind, Signer>>> {
  const make = async (kind: KeyKind, keys: Promise<Issued['keys']>): Promise<Signer> =>
    signerOf(folder, kind, [leafOf(issuer, { keys: await keys }), issuer]);
  const [rsa2048, rsa3072, rsa4096, p256, p384, p521] = await Promise.all([
    make('rsa2048', newKeyPair('rsa', { modulusLength: 2048 })),
    make('rsa3072', newKeyPair('rsa', { modulusLength: 3072 })),
    make('rsa4096', newKeyPair('rsa', { modulusLength: 4096 })),
    make('p256', newKeyPair('ec', { namedCurve: 'P-256' })),
    make('p384', newKeyPair('ec', { namedCurve: 'P-384' })),
    make('p521', newKeyPair('ec', { namedCurve: 'P-521' })),
  ]);
  return { rsa2048, rsa3072, rsa4096, p256, p384, p521 };
}

const newKeyPair = promisify(generateKeyPair);
