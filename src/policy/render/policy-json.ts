import type { NonEmpty } from '../../model/requirement.ts';
import type {
  ContainersDocument,
  Material,
  PolicyRequirement,
  SignedIdentity,
  SigstoreRoot,
} from '../dialects/containers/document.ts';
import { goJson, inByteOrder, type JsonTree } from './go-json.ts';

/**
 * Writes a `policy.json` as containers/image writes its own type: fields in the order of that type, maps by their keys, the
 * signed identity always there. Lists of one key come out as a single one.
 * @see reference/openshift-containers.md §1.5, §2.3
 */
export function policyJson({ default: otherwise, transports }: ContainersDocument): string {
  const scopes = inByteOrder(transports).map(
    ([transport, byScope]) =>
      [transport, map(inByteOrder(byScope).map(([scope, all]) => [scope, all.map(requirement)]))] as const,
  );
  return goJson(
    map([
      ['default', otherwise.map(requirement)],
      ['transports', map(scopes)],
    ]),
  );
}

type Field = readonly [string, JsonTree];

function map(fields: readonly Field[]): ReadonlyMap<string, JsonTree> {
  return new Map(fields);
}

function requirement(written: PolicyRequirement): JsonTree {
  const type: Field = ['type', written.type];
  switch (written.type) {
    case 'insecureAcceptAnything':
    case 'reject':
      return map([type]);
    case 'signedBy':
      return map([
        type,
        ['keyType', written.keyType],
        ...keyringFields(written.keys),
        ['signedIdentity', identity(written.signedIdentity)],
      ]);
    case 'signedBaseLayer':
      return map([type, ['baseLayerIdentity', identity(written.baseLayerIdentity)]]);
    case 'sigstoreSigned':
      return map([type, ...rootFields(written.root), ['signedIdentity', identity(written.signedIdentity)]]);
  }
}

function rootFields(root: SigstoreRoot): readonly Field[] {
  switch (root.kind) {
    case 'keys':
      return [...keyFields('key', root.keys), ...rekorFields(root.rekorKeys)];
    case 'fulcio': {
      const fulcio = map([
        certificates('ca', root.ca),
        ['oidcIssuer', root.oidcIssuer],
        ['subjectEmail', root.subjectEmail],
      ]);
      return [['fulcio', fulcio], ...rekorFields(root.rekorKeys)];
    }
    case 'pki': {
      const { roots, intermediates, subjectEmail, subjectHostname } = root;
      const pki = map([
        certificates('caRoots', roots),
        ...(intermediates === undefined ? [] : [certificates('caIntermediates', intermediates)]),
        ...optional('subjectEmail', subjectEmail),
        ...optional('subjectHostname', subjectHostname),
      ]);
      return [['pki', pki]];
    }
  }
}

function rekorFields(keys: NonEmpty<Material> | undefined): readonly Field[] {
  return keys === undefined ? [] : keyFields('rekorPublicKey', keys);
}

/** One key stands under `…Path` or `…Data`, several under `…Paths` or `…Datas`. */
function keyFields(prefix: string, keys: NonEmpty<Material>): readonly Field[] {
  return [...listed(`${prefix}Path`, paths(keys)), ...listed(`${prefix}Data`, datas(keys))];
}

function listed(field: string, [first, ...rest]: readonly string[]): readonly Field[] {
  if (first === undefined) return [];
  return rest.length === 0 ? [[field, first]] : [[`${field}s`, [first, ...rest]]];
}

/** OpenPGP keys: one keyring as it is, or files; no file at all is allowed, and accepts nothing. */
function keyringFields(keys: readonly Material[]): readonly Field[] {
  const [data] = datas(keys);
  if (data !== undefined) return [['keyData', data]];
  const [path, ...more] = paths(keys);
  return path !== undefined && more.length === 0 ? [['keyPath', path]] : [['keyPaths', paths(keys)]];
}

function certificates(prefix: string, material: Material): Field {
  const [path] = paths([material]);
  return path === undefined ? [`${prefix}Data`, datas([material]).join('')] : [`${prefix}Path`, path];
}

function paths(materials: readonly Material[]): readonly string[] {
  return materials.flatMap((one) => (one.kind === 'path' ? [one.path] : []));
}

function datas(materials: readonly Material[]): readonly string[] {
  return materials.flatMap((one) => (one.kind === 'data' ? [Buffer.from(one.bytes).toString('base64')] : []));
}

function optional(field: string, text: string | undefined): readonly Field[] {
  return text === undefined ? [] : [[field, text]];
}

function identity(rule: SignedIdentity): JsonTree {
  const type: Field = ['type', rule.kind];
  switch (rule.kind) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      return map([type]);
    case 'exactReference':
      return map([type, ['dockerReference', rule.reference]]);
    case 'exactRepository':
      return map([type, ['dockerRepository', rule.repository]]);
    case 'remapIdentity':
      return map([type, ['prefix', rule.prefix], ['signedPrefix', rule.signedPrefix]]);
  }
}
