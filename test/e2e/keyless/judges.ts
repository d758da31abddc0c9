import { main } from '../../../src/cli/main.ts';
import type { Form } from '../../fixtures/sigstore/signatures.ts';
import type { CosignForm } from '../cosign.ts';
import type { Folder } from '../folder.ts';
import type { Opinion } from '../judges.ts';
import { run } from '../process.ts';
import { toolPath } from '../tools.ts';
import { ANN, type Asks, ISSUER } from './case.ts';

/** What both judges are given beside the image. */
export type Question = {
  readonly asks: Asks;
  readonly form: Form;
  /** Paths of trusted_root.json, and of the public key where one is asked for. */
  readonly trustedRoot: string;
  readonly keyFile: string | undefined;
};

/**
 * Asks `cosign verify` with a trusted root.
 * @param proxy where everything goes that is not on loopback; nothing should
 */
export async function askCosign(
  tool: CosignForm['tool'],
  folder: Folder,
  question: Question,
  image: string,
  proxy: string,
): Promise<Opinion> {
  const { asks, form, trustedRoot } = question;
  const args = [
    'verify',
    '--trusted-root',
    trustedRoot,
    '--offline',
    ...signerFlags(question),
    ...conditionFlags(asks),
  ];
  // Version 2 must be told what version 3 sees by itself: entries of Rekor v2 tell no time, and certificates need one.
  const untold = tool === 'cosign2' && form === 'tiles' && asks.key === undefined;
  const timestamps = asks.time === 'authorities' || untold;
  if (timestamps) args.push('--use-signed-timestamps');
  const proxies = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: '', no_proxy: '' };
  const env = { HOME: folder.path, DOCKER_CONFIG: folder.path, ...proxies };
  const { status, stdout, stderr } = await run(toolPath(tool), [...args, image], { env });
  if (status === 0) return { verdict: 'runs', text: stdout };
  // Version 2 dies of some layers, and lets in nothing by that.
  const died = tool === 'cosign2' && stderr.includes('panic: ');
  if (died || REFUSALS.test(stderr)) return { verdict: 'refused', text: stderr };
  throw new Error(`${tool} ${args.join(' ')} ${image} ended with ${status}: ${stderr}`);
}

/** What cosign says of signatures and patterns, as opposed to wrong calls and trouble, which end with the same status. */
const REFUSALS =
  /no matching (?:signatures|attestations)|no signatures found|no certificate found|error parsing regexp/;

function signerFlags({ asks: { subject = ANN, issuer = ISSUER }, keyFile }: Question): readonly string[] {
  if (keyFile !== undefined) return ['--key', keyFile];
  return [
    ...(typeof subject === 'string'
      ? ['--certificate-identity', subject]
      : ['--certificate-identity-regexp', subject.pattern]),
    ...(typeof issuer === 'string'
      ? ['--certificate-oidc-issuer', issuer]
      : ['--certificate-oidc-issuer-regexp', issuer.pattern]),
  ];
}

function conditionFlags({ log, certificateLog, annotations = {} }: Asks): readonly string[] {
  return [
    ...(log === 'ignored' ? ['--insecure-ignore-tlog'] : []),
    ...(certificateLog === 'ignored' ? ['--insecure-ignore-sct'] : []),
    ...Object.entries(annotations).map(([name, value]) => `--annotations=${name}=${value}`),
  ];
}

/** Writes the same question as an own policy for a repository, JSON being YAML, and gives the file's path. */
export function writePolicy(folder: Folder, name: string, repository: string, { asks, trustedRoot }: Question): string {
  const rooted = asks.key === undefined || asks.log !== 'ignored' || asks.time !== undefined;
  const signature = {
    ...signerOf(asks),
    ...(rooted ? { trustedRoot: { file: trustedRoot } } : {}),
    transparencyLog: asks.log === 'ignored' ? 'none' : { threshold: 1 },
    ...(asks.certificateLog === 'ignored' ? { certificateTransparency: 'none' } : {}),
    ...(asks.time === 'authorities' ? { time: { threshold: 1, by: 'authorities' } } : {}),
    ...(asks.annotations === undefined ? {} : { annotations: asks.annotations }),
  };
  const policy = {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'release' },
    spec: { images: [repository], require: { signature } },
  };
  return folder.write(`${name}.policy.json`, JSON.stringify(policy));
}

function signerOf({ key, subject = ANN, issuer = ISSUER }: Asks): object {
  if (key !== undefined) return { keys: { anyOf: [{ pem: key }] } };
  const identity = {
    ...(typeof subject === 'string' ? { subject } : { subjectPattern: subject.pattern }),
    ...(typeof issuer === 'string' ? { issuer } : { issuerPattern: issuer.pattern }),
  };
  return { keyless: { identities: [identity] } };
}

/** Asks countersign, in this process. */
export async function askCountersign(configuration: string, policy: string, image: string): Promise<Opinion> {
  const written: string[] = [];
  const keep = (text: string) => written.push(text);
  const terminal = { out: keep, error: keep, environment: {}, interactive: false, readStandardInput: async () => '' };
  const status = await main(
    ['verify', '--output', 'json', '--config', configuration, '--policy', policy, image],
    terminal,
  );
  const text = written.join('');
  if (status === 0) return { verdict: 'runs', text };
  // 3 is "could not be verified": refused as well, unless countersign itself is broken.
  if ((status === 1 || status === 3) && !text.includes('INTERNAL_ERROR')) return { verdict: 'refused', text };
  if (status === 2 && text.includes('is no pattern that countersign matches')) return { verdict: 'refused', text };
  throw new Error(`countersign verify ${image} ended with ${status}: ${text}`);
}
