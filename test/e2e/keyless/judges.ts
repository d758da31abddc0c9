import type { Form } from '../../fixtures/sigstore/signatures.ts';
import type { CosignForm } from '../cosign.ts';
import type { Folder } from '../folder.ts';
import type { Opinion } from '../judges.ts';
import { run } from '../process.ts';
import { toolPath } from '../tools.ts';
import { ANN, type Asks, ISSUER } from './case.ts';

/** What both judges are given beside the image. */
export type Question = { readonly asks: Asks; readonly form: Form; readonly trustedRoot: string };

/**
 * Asks `cosign verify` with a trusted root.
 * @param proxy where everything goes that is not on loopback; nothing should
 */
export async function askCosign(
  tool: CosignForm['tool'],
  folder: Folder,
  { asks, form, trustedRoot }: Question,
  image: string,
  proxy: string,
): Promise<Opinion> {
  const args = ['verify', '--trusted-root', trustedRoot, '--offline', ...flagsOf(asks)];
  // Version 2 must be told what version 3 sees by itself: entries of Rekor v2 tell no time.
  const timestamps = asks.time === 'authorities' || (tool === 'cosign2' && form === 'tiles');
  if (timestamps) args.push('--use-signed-timestamps');
  const env = { HOME: folder.path, DOCKER_CONFIG: folder.path, HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: '' };
  const { status, stdout, stderr } = await run(toolPath(tool), [...args, image], { env });
  if (status === 0) return { verdict: 'runs', text: stdout };
  if (REFUSALS.test(stderr)) return { verdict: 'refused', text: stderr };
  throw new Error(`${tool} ${args.join(' ')} ${image} ended with ${status}: ${stderr}`);
}

/**
 * What cosign says of signatures and patterns, as opposed to wrong calls and trouble, which end with the same status. Version 2
 * dies of some layers, and lets in nothing by that.
 */
const REFUSALS =
  /no matching (?:signatures|attestations)|no signatures found|no certificate found|error parsing regexp|^panic: /m;

function flagsOf(asks: Asks): readonly string[] {
  const { subject = ANN, issuer = ISSUER, annotations = {} } = asks;
  return [
    ...(typeof subject === 'string'
      ? ['--certificate-identity', subject]
      : ['--certificate-identity-regexp', subject.pattern]),
    ...(typeof issuer === 'string'
      ? ['--certificate-oidc-issuer', issuer]
      : ['--certificate-oidc-issuer-regexp', issuer.pattern]),
    ...(asks.log === 'ignored' ? ['--insecure-ignore-tlog'] : []),
    ...(asks.certificateLog === 'ignored' ? ['--insecure-ignore-sct'] : []),
    ...Object.entries(annotations).map(([name, value]) => `--annotations=${name}=${value}`),
  ];
}
