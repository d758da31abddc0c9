import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Folder } from './folder.ts';
import { succeed } from './process.ts';
import { LOGIN } from './registries.ts';
import { type Tool, toolPath } from './tools.ts';

/** A cosign key pair: paths of its two files, and the public key's text. */
export type CosignKey = { readonly privateFile: string; readonly publicFile: string; readonly publicPem: string };

/** A released cosign and one of the forms in which it writes signatures, with the flags that keep it off the network. */
export type CosignForm = {
  readonly title: string;
  readonly tool: Tool & ('cosign2' | 'cosign3');
  /** Whether a signature of this form says the image's name. */
  readonly named: boolean;
  readonly flags: (folder: Folder) => readonly string[];
};

/** The forms in the field. An empty signing configuration is how cosign v3 is told to write to no log. */
export const COSIGN_FORMS: readonly CosignForm[] = [
  { title: 'cosign v2, tag', tool: 'cosign2', named: true, flags: () => ['--tlog-upload=false'] },
  {
    title: 'cosign v2, referrer of OCI 1.1',
    tool: 'cosign2',
    named: true,
    flags: () => ['--tlog-upload=false', '--registry-referrers-mode=oci-1-1'],
  },
  {
    title: 'cosign v3, tag',
    tool: 'cosign3',
    named: true,
    flags: () => ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'],
  },
  {
    title: 'cosign v3, bundle',
    tool: 'cosign3',
    named: false,
    flags: (folder) => ['--signing-config', folder.write('no-services.json', NO_SERVICES)],
  },
];

const NO_SERVICES = JSON.stringify({
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  rekorTlogConfig: {},
  tsaConfig: {},
});

/** Has cosign make its usual key pair, ECDSA on P-256. */
export async function generateKey(tool: CosignForm['tool'], folder: Folder, name: string): Promise<CosignKey> {
  await succeed(toolPath(tool), ['generate-key-pair', '--output-key-prefix', name], settings(folder));
  return keyAt(folder, name);
}

/** Has cosign import an RSA or Ed25519 key. */
export async function importKey(
  tool: CosignForm['tool'],
  folder: Folder,
  name: string,
  kind: 'ed25519' | 2048 | 3072 | 4096,
): Promise<CosignKey> {
  const pair =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: kind });
  const plain = folder.write(`${name}.pem`, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const args = ['import-key-pair', '--key', plain, '--output-key-prefix', name, '--yes'];
  await succeed(toolPath(tool), args, settings(folder));
  return keyAt(folder, name);
}

/** What is signed beside the image that is named. */
export type SignOptions = {
  readonly recursive?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly login?: boolean;
  /** The name to sign for, instead of the repository. */
  readonly identity?: string;
};

/** Signs an image, given by digest as cosign demands. */
export async function sign(
  form: CosignForm,
  folder: Folder,
  key: CosignKey,
  image: { readonly repository: string; readonly digest: string },
  options: SignOptions = {},
): Promise<void> {
  const annotations = Object.entries(options.annotations ?? {}).map(
    ([name, value]) => `--annotations=${name}=${value}`,
  );
  const login = options.login ? [`--registry-username=${LOGIN.username}`, `--registry-password=${LOGIN.password}`] : [];
  const args = ['sign', '--yes', '--key', key.privateFile, ...form.flags(folder), ...annotations, ...login];
  const recursive = options.recursive ? ['--recursive'] : [];
  const identity = options.identity === undefined ? [] : ['--sign-container-identity', options.identity];
  await succeed(
    toolPath(form.tool),
    [...args, ...recursive, ...identity, `${image.repository}@${image.digest}`],
    settings(folder),
  );
}

/** The payload that cosign would sign for an image. */
export async function payloadOf(folder: Folder, reference: string): Promise<string> {
  return succeed(toolPath('cosign2'), ['generate', reference], settings(folder));
}

/** Has cosign attach a signature that another tool made. */
export async function attach(folder: Folder, reference: string, payload: string, signature: Buffer): Promise<void> {
  const files = {
    payload: folder.write('attached.payload', payload),
    signature: folder.write('attached.sig', signature.toString('base64')),
  };
  const args = ['attach', 'signature', '--payload', files.payload, '--signature', files.signature, reference];
  await succeed(toolPath('cosign2'), args, settings(folder));
}

/** Where cosign keeps its things, and what it must not ask for. */
export function settings(folder: Folder) {
  const env = { COSIGN_PASSWORD: '', COSIGN_EXPERIMENTAL: '1', HOME: folder.path, DOCKER_CONFIG: folder.path };
  return { cwd: folder.path, env };
}

function keyAt(folder: Folder, name: string): CosignKey {
  const publicFile = folder.file(`${name}.pub`);
  return { privateFile: folder.file(`${name}.key`), publicFile, publicPem: readFileSync(publicFile, 'utf8') };
}
