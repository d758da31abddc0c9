import { generateKeyPairSync, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import type { Signer } from '../../../src/cli/demo/signer.ts';
import type { Verdict } from '../judges.ts';
import { byTag, type Case, goodLayer, pushLayers } from './case.ts';

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
type Scheme = { readonly hash: string | null; readonly options?: Omit<SignKeyObjectInput, 'key'> };

const SHA256: Scheme = { hash: 'sha256' };
const curve = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number) => () => generateKeyPairSync('rsa', { modulusLength });
const BOUNDS = 'RSA keys below 2048 or above 4096 bits, other curves than P-256, P-384, P-521';

const SCHEMES: readonly (readonly [string, Verdict, () => Pair, Scheme, differs?: string])[] = [
  ['P-256', 'runs', curve('P-256'), SHA256],
  ['P-384 with SHA-256', 'runs', curve('P-384'), SHA256],
  ['P-384 with SHA-384', 'refused', curve('P-384'), { hash: 'sha384' }],
  ['P-521 with SHA-256', 'runs', curve('P-521'), SHA256],
  ['P-521 with SHA-512', 'refused', curve('P-521'), { hash: 'sha512' }],
  ['P-256 with SHA-1', 'refused', curve('P-256'), { hash: 'sha1' }],
  [
    'P-256 with the signature as two bare numbers',
    'runs',
    curve('P-256'),
    { hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
    'an ECDSA signature that is two bare numbers (IEEE P1363) instead of ASN.1',
  ],
  ['P-224', 'runs', curve('secp224r1'), SHA256, BOUNDS],
  ['secp256k1', 'refused', curve('secp256k1'), SHA256],
  ['RSA 1024', 'runs', rsa(1024), SHA256, BOUNDS],
  ['RSA 2048', 'runs', rsa(2048), SHA256],
  ['RSA 3072', 'runs', rsa(3072), SHA256],
  ['RSA 4096', 'runs', rsa(4096), SHA256],
  ['RSA 2048 with SHA-512', 'refused', rsa(2048), { hash: 'sha512' }],
  ['RSA 2048 with PSS', 'refused', rsa(2048), { hash: 'sha256', options: { padding: 6 } }],
  [
    'RSA 2048 that is for PSS alone',
    'refused',
    () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256' }),
    SHA256,
  ],
  ['Ed25519', 'runs', () => generateKeyPairSync('ed25519'), { hash: null }],
  ['Ed448', 'refused', () => generateKeyPairSync('ed448'), { hash: null }],
];

/** Every kind of key, with its own signature and, where that runs, with the signature of another key. */
export const KEY_CASES: readonly Case[] = SCHEMES.flatMap(([title, verdict, pair, scheme, differs]) => {
  const signed = (wrong: boolean) => async (bench: Parameters<Case['arrange']>[0]) => {
    const signer = signerOf(pair(), scheme);
    await pushLayers(bench, [goodLayer(bench, signer)]);
    return byTag(bench, wrong ? signerOf(pair(), scheme) : signer);
  };
  const right = { title, verdict, ...(differs === undefined ? {} : { differs }), arrange: signed(false) };
  const wrong = { title: `${title}, by another such key`, verdict: 'refused', arrange: signed(true) } as const;
  return verdict === 'runs' ? [right, wrong] : [right];
});

function signerOf({ publicKey, privateKey }: Pair, { hash, options }: Scheme): Signer {
  return {
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }),
    sign: (data) => sign(hash, data, { key: privateKey, ...options }),
    keyHint: '',
  };
}
