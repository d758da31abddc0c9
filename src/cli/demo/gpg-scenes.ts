import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { hexOf } from '../../image/digest.ts';
import { ATOMIC_SIGNATURE_TYPE } from '../../signatures/cosign/formats.ts';
import type { Artifact } from './artifacts.ts';
import { publishImage } from './publish.ts';
import type { RegistryServer } from './registry-server.ts';
import type { Scene } from './scenes.ts';
import { simpleSigningPayload } from './signer.ts';

/** Scenes of GPG signatures, and the entry of `policies:` under which they are played. */
export type GpgScenes = {
  readonly scenes: readonly Scene[];
  readonly entry: { readonly path: string; readonly scopes: readonly string[] };
};

/** Somebody who signs as `podman push --sign-by` does, with a key made on the spot. */
type GpgSigner = {
  readonly publicKeyArmored: string;
  readonly sign: (payload: Uint8Array) => Promise<Uint8Array>;
};

/**
 * Fills the registry with images of a vendor, a folder with their GPG signatures, and another with the `policy.json`, the
 * key and the `registries.d` that tell of both.
 */
export async function prepareGpgScenes(server: RegistryServer, folder: string): Promise<GpgScenes> {
  const [vendor, stranger] = await Promise.all([createGpgSigner('vendor'), createGpgSigner('stranger')]);
  const scope = `${server.host}/vendor`;
  const path = join(folder, 'containers');
  const lookaside = join(folder, 'signatures');
  await writePolicy(path, scope, lookaside, vendor);

  const signed = async (name: string, signer: GpgSigner): Promise<string> => {
    const image = publishImage(server, `vendor/${name}`, name);
    const reference = `${scope}/${name}:v1`;
    await lay(lookaside, `vendor/${name}`, image, await signer.sign(payloadFor(image, reference)));
    return reference;
  };
  const run = (title: string, name: string, image: string, expected: Scene['expected']): Scene => {
    return { title, namespace: 'default', name, images: [image], expected };
  };
  return {
    entry: { path, scopes: [scope] },
    scenes: [
      run('signed with GPG, under a policy.json', 'gpg', await signed('tool', vendor), {
        allowed: true,
        recorded: 'allowed',
      }),
      run("signed with a stranger's GPG key", 'gpg-stranger', await signed('strange', stranger), {
        allowed: false,
        code: 'SIGNATURE_MISMATCH',
        recorded: 'denied',
      }),
    ],
  };
}

async function createGpgSigner(name: string): Promise<GpgSigner> {
  const openpgp = await import('openpgp');
  const userIDs = { name, email: `${name}@example.com` };
  const { publicKey, privateKey } = await openpgp.generateKey({ userIDs, format: 'object' });
  return {
    publicKeyArmored: publicKey.armor(),
    sign: async (payload) =>
      openpgp.sign({
        message: await openpgp.createMessage({ binary: payload }),
        signingKeys: privateKey,
        format: 'binary',
      }),
  };
}

function payloadFor({ digest }: Artifact, reference: string): Uint8Array {
  return simpleSigningPayload(digest, reference, { creator: 'countersign demo' }, ATOMIC_SIGNATURE_TYPE);
}

/** Where a lookaside has the first signature of an image. */
async function lay(lookaside: string, repository: string, { digest }: Artifact, signature: Uint8Array): Promise<void> {
  const folder = join(lookaside, `${repository}@sha256=${hexOf(digest)}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'signature-1'), signature);
}

async function writePolicy(folder: string, scope: string, lookaside: string, signer: GpgSigner): Promise<void> {
  const requirement = { type: 'signedBy', keyType: 'GPGKeys', keyPath: 'vendor.asc' };
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [scope]: [requirement] } } };
  const registriesD = { docker: { [scope]: { lookaside: `file://${lookaside}` } } };
  await mkdir(folder, { recursive: true });
  await Promise.all([
    writeFile(join(folder, 'policy.json'), JSON.stringify(policy)),
    writeFile(join(folder, 'vendor.asc'), signer.publicKeyArmored),
    writeFile(join(folder, 'registries.yaml'), stringify(registriesD)),
  ]);
}
