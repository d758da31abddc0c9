import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { COSIGN_FORMS, type CosignKey, generateKey, sign } from '../cosign.ts';
import { type Folder, temporaryFolder } from '../folder.ts';
import { type PushedImage, pushImage } from '../image.ts';
import { type RealRegistry, startDockerRegistry, startReferrersRegistry } from '../registries.ts';
import { bundle, type Installation, install, installCrds } from './installation.ts';

/** A cluster in which countersign is installed, and images to try it with. */
export type World = {
  readonly plane: ControlPlane;
  readonly folder: Folder;
  readonly registry: RealRegistry;
  readonly key: CosignKey;
  /** What it was installed with. */
  readonly values: ReturnType<typeof valuesFor>;
  readonly installation: Installation;
  /** The bundle that pods run. */
  readonly app: string;
  /** References by digest, of signed images that differ. */
  readonly signed: readonly [string, string];
  /** A reference by tag. */
  readonly unsigned: string;
  readonly unsignedDigest: string;
  /** In a registry that asks for a login. */
  readonly privateImages: { readonly host: string; readonly signed: string; readonly unsigned: string };
  readonly stop: () => Promise<void>;
};

const form = COSIGN_FORMS.find(({ title }) => title === 'cosign v3, tag');
if (form === undefined) throw new Error('cosign v3 writes tags no more');

/** What the world needs of real tools. */
export const WORLD_TOOLS = [
  ...[
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kubectl',
    'helm',
    'openssl',
    'registry',
    'docker-registry',
    'cosign3',
  ],
] as const;

/**
 * Starts everything and waits until the API server asks countersign.
 * @param crds a folder with definitions of kinds that are there before countersign is, as on OpenShift
 */
export async function startWorld(crds: string | undefined): Promise<World> {
  const folder = temporaryFolder();
  const closing: (() => unknown)[] = [folder.remove];
  const stop = async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  };
  try {
    const [plane, registry, closed, app, key] = await Promise.all([
      startControlPlane(folder, { controllers: true }).then((started) => {
        closing.push(started.stop);
        return started;
      }),
      startReferrersRegistry(folder).then((started) => {
        closing.push(() => started.stop());
        return started;
      }),
      startDockerRegistry(folder, { login: true }).then((started) => {
        closing.push(() => started.stop());
        return started;
      }),
      bundle(folder),
      generateKey('cosign3', folder, 'key'),
    ]);
    const images = await Promise.all(
      ['signed', 'other', 'unsigned'].map((name) => pushImage(`${registry.host}/acme/${name}`)),
    );
    const [signed, other, unsigned] = images;
    if (signed === undefined || other === undefined || unsigned === undefined) throw new Error('three were pushed');
    for (const image of [signed, other]) await signImage(folder, key, image);
    const login = { login: true };
    const closedSigned = await pushImage(`${closed.host}/acme/signed`, login);
    const closedUnsigned = await pushImage(`${closed.host}/acme/unsigned`, login);
    await signImage(folder, key, closedSigned, login);

    if (crds !== undefined) await installCrds(plane, crds);
    const values = valuesFor([registry.host, closed.host], key);
    const installation = await install({ plane, folder }, app, values);
    closing.push(installation.stop);
    return {
      ...{ plane, folder, registry, key, values, installation, app, stop },
      signed: [byDigest(signed), byDigest(other)],
      unsigned: unsigned.reference,
      unsignedDigest: unsigned.digest,
      privateImages: { host: closed.host, signed: byDigest(closedSigned), unsigned: byDigest(closedUnsigned) },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Signs an image with a key, by a tag beside it. */
export function signImage(
  folder: Folder,
  key: CosignKey,
  image: PushedImage,
  options: { readonly login?: boolean } = {},
): Promise<void> {
  return sign(form ?? never(), folder, key, image, options);
}

/** The image by its digest. */
export const byDigest = ({ repository, digest }: PushedImage): string => `${repository}@${digest}`;

/** What a platform team writes: images below a path of its registries carry a signature by the key. */
export function valuesFor(hosts: readonly string[], key: CosignKey) {
  const policy = {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'release' },
    spec: {
      images: hosts.map((host) => `${host}/acme`),
      require: { signature: { keys: { anyOf: [{ pem: key.publicPem }] } } },
    },
  };
  return {
    policies: { 'release.yaml': policy },
    config: { registries: Object.fromEntries(hosts.map((host) => [host, { plainHttp: true }])), drainSeconds: 2 },
    pullSecrets: { fromPods: true },
    preStopSeconds: 1,
    // What countersign does not know as a workload, to see that it does not mind.
    webhook: {
      extraRules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['roles'],
        },
      ],
    },
  };
}

function never(): never {
  throw new Error('unreachable');
}
