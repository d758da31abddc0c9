import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/**
 * Writes OpenShift policies into a folder: one that names every image of the registry, and as many others as are asked
 * for that name repositories of the same registry which nobody asks about.
 */
export async function writePolicies(folder: string, host: string, publicKeyPem: string, count: number): Promise<void> {
  const keyData = Buffer.from(publicKeyPem).toString('base64');
  const documents = [policy('release', host, keyData)];
  for (let other = 1; other < count; other++) documents.push(policy(`team-${other}`, `${host}/team-${other}`, keyData));
  await writeFile(join(folder, 'policies.yaml'), documents.map((document) => stringify(document)).join('---\n'));
}

function policy(name: string, scope: string, keyData: string): object {
  return {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    // Bundles carry no image name; OpenShift policies take them only where they say so.
    metadata: { name, annotations: { 'countersign.dev/unnamed-signatures': 'accept' } },
    spec: {
      scopes: [scope],
      policy: {
        rootOfTrust: { policyType: 'PublicKey', publicKey: { keyData } },
        signedIdentity: { matchPolicy: 'MatchRepository' },
      },
    },
  };
}
