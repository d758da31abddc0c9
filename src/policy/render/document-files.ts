import { stringify } from 'yaml';
import { ok, type Result } from '../../codes/result.ts';
import type { StorageSection } from '../../image/signature-storage.ts';
import type { ContainersDocument } from '../dialects/containers/document.ts';
import type { RegistriesD } from '../dialects/containers/registries-d.ts';
import { inByteOrder } from './go-json.ts';
import { type NodeFile, PATHS, policyFile } from './node-files.ts';

/**
 * A `policy.json` and files of `registries.d` in one form, whoever wrote them: what they say and no more, in an order that
 * does not change.
 * @returns POLICY_BROKEN
 */
export function renderDocuments(
  document: ContainersDocument | undefined,
  storage: readonly { readonly file: string; readonly document: RegistriesD }[],
): Result<readonly NodeFile[]> {
  const policy = document === undefined ? undefined : policyFile(PATHS.policy, document);
  if (policy?.ok === false) return policy;
  const sections = storage.map(({ file, document: section }) => ({
    path: `${PATHS.registriesD}/${file}`,
    text: registriesYaml(section),
  }));
  return ok([...(policy === undefined ? [] : [policy.value]), ...sections]);
}

function registriesYaml({ docker, otherwise }: RegistriesD): string {
  const sections = inByteOrder(Object.entries(docker)).map(([scope, section]) => [scope, fieldsOf(section)] as const);
  const document = new Map<string, unknown>();
  if (otherwise !== undefined) document.set('default-docker', fieldsOf(otherwise));
  if (sections.length > 0) document.set('docker', new Map(sections));
  return stringify(document, { lineWidth: 0 });
}

function fieldsOf({ lookaside, attachments }: StorageSection): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  if (lookaside !== undefined) fields.set('lookaside', lookaside);
  if (attachments !== undefined) fields.set('use-sigstore-attachments', attachments);
  return fields;
}
