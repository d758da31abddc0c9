import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { ContainersDocument, PolicyRequirement } from '../dialects/containers/document.ts';
import { readPolicyJson } from '../dialects/containers/read.ts';
import { byBytes } from './go-json.ts';
import { policyJson } from './policy-json.ts';

/** A file on a node: its absolute path there, and the whole of it. */
export type NodeFile = { readonly path: string; readonly text: string };

/** Files, and what their reader should know of how they came about. */
export type Rendering = { readonly files: readonly NodeFile[]; readonly notes: readonly string[] };

/** Where containers/image and CRI-O look. */
export const PATHS = {
  policy: '/etc/containers/policy.json',
  attachments: '/etc/containers/registries.d/sigstore-registries.yaml',
  registriesD: '/etc/containers/registries.d',
  namespaces: '/etc/crio/policies',
} as const;

/** Scopes of the `docker` transport with what they demand. */
export type DockerScopes = ReadonlyMap<string, NonEmpty<PolicyRequirement>>;

/**
 * What a rendering starts from, and what stands on a node of OpenShift where nobody configured anything, byte for byte.
 * @see reference/openshift-containers.md §1.5
 */
export const BASE_POLICY = `{
    "default": [
        {
            "type": "insecureAcceptAnything"
        }
    ],
    "transports":
        {
            "docker-daemon":
                {
                    "": [{"type":"insecureAcceptAnything"}]
                }
        }
}`;

/**
 * Reads the file that a rendering starts from. What machine-config-operator would throw away of it must not be there: a
 * file that lost its scopes would be laxer than both.
 * @returns POLICY_BROKEN
 */
export function readBase(text: string): Result<ContainersDocument> {
  const base = readPolicyJson(text);
  if (!base.ok) return base;
  const lost = ['docker', 'atomic'].find((transport) => base.value.transports.has(transport));
  if (lost === undefined) return base;
  return failed(
    'POLICY_BROKEN',
    `the base has scopes of the transport ${lost}, which the rendered ones would take the place of: leave them out`,
  );
}

/** The file of one namespace. */
export function namespacePath(namespace: string): string {
  return `${PATHS.namespaces}/${namespace}.json`;
}

/**
 * Writes a document, and reads it back as a node would: what a node cannot read stops every image there, so it is not
 * handed out.
 * @returns POLICY_BROKEN
 */
export function policyFile(path: string, document: ContainersDocument): Result<NodeFile> {
  const text = policyJson(document);
  const read = readPolicyJson(text);
  if (read.ok) return ok({ path, text });
  return failed('POLICY_BROKEN', `${path}: no node could read it: ${printable(read.failure.message, 1000)}`);
}

/** Files in the order of their paths. */
export function inPathOrder(files: readonly NodeFile[]): readonly NodeFile[] {
  return files.toSorted((a, b) => byBytes(a.path, b.path));
}
