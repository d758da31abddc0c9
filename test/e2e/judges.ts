import { main } from '../../src/cli/main.ts';
import { type CosignForm, settings } from './cosign.ts';
import type { Folder } from './folder.ts';
import { run } from './process.ts';
import { toolPath } from './tools.ts';

/** An image policy of OpenShift with a public key, from which the files of both judges are written. */
export type KeyPolicy = {
  readonly scopes: readonly string[];
  readonly publicPem: string;
  /** `signedIdentity` as the custom resource spells it. */
  readonly names?: NamePolicy;
  /** Whether signatures without a name count, which only countersign can be told. */
  readonly unnamed?: boolean;
};

/** `policy.signedIdentity` of the custom resource. */
export type NamePolicy =
  | { readonly matchPolicy: 'MatchRepoDigestOrExact' | 'MatchRepository' }
  | { readonly matchPolicy: 'ExactRepository'; readonly exactRepository: { readonly repository: string } }
  | {
      readonly matchPolicy: 'RemapIdentity';
      readonly remapIdentity: { readonly prefix: string; readonly signedPrefix: string };
    };

/** What a judge said about an image. */
export type Opinion = { readonly verdict: Verdict; readonly text: string };
export type Verdict = 'runs' | 'refused';

/** Paths of what was written from one list of policies. */
export type PolicyFiles = {
  readonly clusterImagePolicies: string;
  readonly policyJson: string;
  readonly registriesD: string;
};

/**
 * Writes the policies as the cluster knows them, and as machine-config-operator renders them for a node.
 * @see reference/openshift-containers.md §1.4, §1.5, §1.6
 */
export function writePolicyFiles(folder: Folder, name: string, policies: readonly KeyPolicy[]): PolicyFiles {
  const documents = policies.map((policy, index) => JSON.stringify(clusterImagePolicy(policy, `p${index}`)));
  const registriesD = folder.folder(`${name}.registries.d`);
  folder.write(`${name}.registries.d/sigstore.yaml`, JSON.stringify(registries(policies)));
  return {
    clusterImagePolicies: folder.write(`${name}.yaml`, documents.join('\n---\n')),
    policyJson: folder.write(`${name}.json`, JSON.stringify(nodePolicy(policies))),
    registriesD,
  };
}

/** Asks countersign, in this process. */
export async function askCountersign(configuration: string, files: PolicyFiles, image: string): Promise<Opinion> {
  const { status, text } = await verifyHere(['--config', configuration, '--policy', files.clusterImagePolicies, image]);
  // 3 is "could not be verified": refused, like what containers/image calls an error.
  if (status === 0) return { verdict: 'runs', text };
  if (status === 1 || status === 3) return { verdict: 'refused', text };
  throw new Error(`countersign verify ${image} ended with ${status}: ${text}`);
}

/** Runs `countersign verify --output json` in this process. @returns its status and all that it wrote */
export async function verifyHere(args: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const written: string[] = [];
  const keep = (text: string) => written.push(text);
  const terminal = { out: keep, error: keep, environment: {}, interactive: false, readStandardInput: async () => '' };
  const status = await main(['verify', '--output', 'json', ...args], terminal);
  return { status, text: written.join('') };
}

/** Asks containers/image, the library behind skopeo, podman and CRI-O. */
export async function askContainersImage(folder: Folder, files: PolicyFiles, image: string): Promise<Opinion> {
  const registries = ['-registries-conf', '/dev/null', '-registries.d', files.registriesD];
  const args = ['-policy', files.policyJson, ...registries, image];
  const { status, stdout, stderr } = await run(toolPath('containers-image'), args, { env: { HOME: folder.path } });
  if (status === 0) return { verdict: 'runs', text: stdout };
  if (status === 1) return { verdict: 'refused', text: stdout };
  throw new Error(`containers-image ${args.join(' ')} ended with ${status}: ${stderr}`);
}

/** Writes the roots that {@link askCosign} hands in: none, and a file of them keeps cosign from asking for the public ones. */
export function writeTrustedRoot(folder: Folder): void {
  folder.write(ROOTS, JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }));
}

/** Asks `cosign verify` with a public key and no log. */
export async function askCosign(
  tool: CosignForm['tool'],
  folder: Folder,
  publicFile: string,
  image: string,
): Promise<Opinion> {
  const args = ['verify', '--key', publicFile, '--insecure-ignore-tlog', '--trusted-root', folder.file(ROOTS), image];
  const { status, stdout, stderr } = await run(toolPath(tool), args, settings(folder));
  if (status === 0) return { verdict: 'runs', text: stdout };
  if (COSIGN_REFUSALS.test(stderr)) return { verdict: 'refused', text: stderr };
  throw new Error(`${tool} ${args.join(' ')} ended with ${status}: ${stderr}`);
}

const ROOTS = 'trusted-root.json';
/** What cosign says of images and keys, as opposed to wrong calls and trouble, which end with the same status. */
const COSIGN_REFUSALS = /no matching (?:signatures|attestations)|no signatures found|pem to public key/;

function clusterImagePolicy({ scopes, publicPem, names, unnamed }: KeyPolicy, name: string) {
  const publicKey = { keyData: base64(publicPem) };
  return {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name, annotations: unnamed ? { 'countersign.dev/unnamed-signatures': 'accept' } : {} },
    spec: { scopes, policy: { rootOfTrust: { policyType: 'PublicKey', publicKey }, signedIdentity: names } },
  };
}

/** Requirements of the same scope are appended: all of them must be met. */
function nodePolicy(policies: readonly KeyPolicy[]) {
  const docker: Record<string, object[]> = {};
  for (const { scopes, publicPem, names } of policies) {
    const requirement = { type: 'sigstoreSigned', keyData: base64(publicPem), signedIdentity: signedIdentity(names) };
    for (const scope of scopes) docker[scope] = [...(docker[scope] ?? []), requirement];
  }
  return { default: [{ type: 'insecureAcceptAnything' }], transports: { docker } };
}

function signedIdentity(names: NamePolicy | undefined): object {
  switch (names?.matchPolicy) {
    case undefined:
    case 'MatchRepoDigestOrExact':
      return { type: 'matchRepoDigestOrExact' };
    case 'MatchRepository':
      return { type: 'matchRepository' };
    case 'ExactRepository':
      return { type: 'exactRepository', dockerRepository: names.exactRepository.repository };
    case 'RemapIdentity':
      return { type: 'remapIdentity', ...names.remapIdentity };
  }
}

function registries(policies: readonly KeyPolicy[]) {
  const scopes = policies.flatMap((policy) => policy.scopes);
  return { docker: Object.fromEntries(scopes.map((scope) => [scope, { 'use-sigstore-attachments': true }])) };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
