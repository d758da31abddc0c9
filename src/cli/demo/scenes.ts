import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { indexArtifact } from './artifacts.ts';
import { publish, publishImage, publishLayers, signImage, signImageWithBundle } from './publish.ts';
import type { RegistryServer } from './registry-server.ts';
import { createSigner, type Signer, signedLayer, simpleSigningPayload } from './signer.ts';

/** The decision in an audit record; `would deny` where it was allowed only because nothing is enforced. */
export type Recorded = 'allowed' | 'would deny' | 'denied';

/** One `kubectl run`, what it is about, and what must come of it. */
export type Scene = {
  readonly title: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
  readonly expected: {
    readonly allowed: boolean;
    /** The code in the message of a denial. */
    readonly code?: string;
    readonly warned?: boolean;
    /** What the audit record says. */
    readonly recorded: Recorded;
  };
};

/** The namespaces in which the demo's configuration enforces; elsewhere it only records. */
export const ENFORCED = ['default', 'team'];

const ALLOWED = { allowed: true, recorded: 'allowed' } as const;
const denied = (code: string) => ({ allowed: false, code, recorded: 'denied' }) as const;

/** Who signs in the demo. */
export type Cast = { readonly release: Signer; readonly team: Signer; readonly stranger: Signer };

/** Makes the signers. */
export function createCast(): Cast {
  return { release: createSigner('P-256'), team: createSigner('RSA-2048'), stranger: createSigner('P-256') };
}

/**
 * Fills the registry with images that are signed, unsigned, tampered with and signed by the wrong people, and says what
 * must be decided about each.
 * @param nowhere a loopback address at which nothing listens
 */
export function prepareScenes(
  server: RegistryServer,
  { release, team, stranger }: Cast,
  nowhere: string,
): readonly Scene[] {
  const at = (repository: string, tag = 'v1') => `${server.host}/${repository}:${tag}`;
  const run = (
    title: string,
    name: string,
    images: readonly string[],
    expected: Scene['expected'],
    namespace = 'default',
  ): Scene => ({
    title,
    namespace,
    name,
    images,
    expected,
  });

  const signed = publishImage(server, 'shop/web', 'web');
  signImage(server, 'shop/web', signed, release);
  signImageWithBundle(server, 'shop/api', publishImage(server, 'shop/api', 'api'), release);
  publishImage(server, 'shop/unsigned', 'unsigned');
  signImage(server, 'shop/stranger', publishImage(server, 'shop/stranger', 'stranger'), stranger);

  const tampered = publishImage(server, 'shop/tampered', 'tampered');
  const honest = signedLayer(release, simpleSigningPayload(tampered.digest, at('shop/tampered')));
  const altered = Buffer.from(honest.bytes);
  altered.write('S', altered.indexOf('shop'));
  publishLayers(server, 'shop/tampered', tampered, [{ ...honest, bytes: altered }]);

  const copied = publishImage(server, 'shop/copied', 'copied');
  publishLayers(server, 'shop/copied', copied, [
    signedLayer(release, simpleSigningPayload(signed.digest, at('shop/copied'))),
  ]);

  const arm = publishImage(server, 'shop/multi', 'arm', 'arm64');
  const amd = publishImage(server, 'shop/multi', 'amd', 'amd64');
  for (const instance of [arm, amd]) signImage(server, 'shop/multi', instance, release);
  publish(
    server,
    'shop/multi',
    indexArtifact([
      { image: arm, platform: { os: 'linux', architecture: 'arm64' } },
      { image: amd, platform: { os: 'linux', architecture: 'amd64' } },
    ]),
    'v1',
  );

  signImage(server, 'team/tool', publishImage(server, 'team/tool', 'tool'), team, at('team/tool'));
  signImage(
    server,
    'team/renamed',
    publishImage(server, 'team/renamed', 'renamed'),
    team,
    'registry.example/other/app:v1',
  );
  publishImage(server, 'lab/trial', 'trial');
  publishImage(server, 'public/anything', 'anything');

  return [
    run('signed with the release key (cosign v2)', 'web', [at('shop/web')], ALLOWED),
    run(
      'the same, by digest: nothing is fetched again',
      'web-pinned',
      [`${server.host}/shop/web@${signed.digest}`],
      ALLOWED,
    ),
    run('signed with the release key (cosign v3 bundle)', 'api', [at('shop/api')], ALLOWED),
    run('every platform of the image is signed', 'multi', [at('shop/multi')], ALLOWED),
    run('not signed', 'unsigned', [at('shop/unsigned')], denied('UNSIGNED')),
    run('signed by somebody else', 'stranger', [at('shop/stranger')], denied('SIGNATURE_MISMATCH')),
    run('signed payload altered', 'tampered', [at('shop/tampered')], denied('SIGNATURE_MISMATCH')),
    run('signature copied from another image', 'copied', [at('shop/copied')], denied('PAYLOAD_DIGEST_MISMATCH')),
    run('second container not signed', 'pair', [at('shop/web'), at('shop/unsigned')], denied('UNSIGNED')),
    run("signed with the team's RSA key, under its name", 'tool', [at('team/tool')], ALLOWED, 'team'),
    run('signed under another name', 'renamed', [at('team/renamed')], denied('NAME_MISMATCH'), 'team'),
    run(
      'not signed, in a namespace that is audited',
      'unsigned',
      [at('shop/unsigned')],
      { allowed: true, recorded: 'would deny' },
      'staging',
    ),
    run('not signed, under a policy that only warns', 'trial', [at('lab/trial')], {
      allowed: true,
      warned: true,
      recorded: 'would deny',
    }),
    run('no policy names it: admitted without a look', 'anything', [at('public/anything')], ALLOWED),
    run('no such image', 'missing', [at('shop/missing')], denied('IMAGE_NOT_FOUND')),
    run('the registry does not answer', 'nowhere', [`${nowhere}/shop/web:v1`], denied('REGISTRY_UNREACHABLE')),
  ];
}

/** Writes the demo's OpenShift policies, one file each, into a folder. */
export async function writePolicies(folder: string, registry: string, nowhere: string, cast: Cast): Promise<void> {
  const policy = (
    kind: string,
    name: string,
    scopes: readonly string[],
    signer: Signer,
    matchPolicy: string,
    metadata: object = {},
  ) => ({
    apiVersion: 'config.openshift.io/v1',
    kind,
    metadata: { name, ...metadata },
    spec: {
      scopes,
      policy: {
        rootOfTrust: {
          policyType: 'PublicKey',
          publicKey: { keyData: Buffer.from(signer.publicKeyPem).toString('base64') },
        },
        signedIdentity: { matchPolicy },
      },
    },
  });
  const documents = {
    'release.yaml': policy(
      'ClusterImagePolicy',
      'release',
      [`${registry}/shop`, `${nowhere}/shop`],
      cast.release,
      'MatchRepository',
      {
        annotations: { 'countersign.dev/unnamed-signatures': 'accept' },
      },
    ),
    'trial.yaml': policy('ClusterImagePolicy', 'trial', [`${registry}/lab`], cast.release, 'MatchRepository', {
      annotations: { 'countersign.dev/mode': 'warn' },
    }),
    'team.yaml': policy('ImagePolicy', 'tools', [`${registry}/team`], cast.team, 'MatchRepoDigestOrExact', {
      namespace: 'team',
    }),
  };
  await Promise.all(
    Object.entries(documents).map(([file, document]) => writeFile(join(folder, file), stringify(document))),
  );
}
