import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { mergeRegistriesD } from '../dialects/containers/registries-d.ts';
import { isLabel } from '../dns-name.ts';
import { rulesOf } from '../mirrors/merge.ts';
import { renderDocuments } from './document-files.ts';
import { NO_REGISTRIES } from './image-registries.ts';
import type { RenderInputs } from './inputs.ts';
import { renderOpenShift } from './openshift-files.ts';
import { type OwnRendering, renderOwn } from './own-files.ts';

/** What the caller may choose. */
export type RenderChoices = {
  /** The text of the `policy.json` that files start from. */
  readonly base: string | undefined;
  /** The release image that the cluster runs. */
  readonly releaseImage: string | undefined;
  /** Whether what a node cannot check is rejected there, instead of writing nothing at all. */
  readonly isPartial: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/**
 * Writes what was given as files of a node: one dialect at a time, since each has its own precedence.
 * @returns no files where something would be lost that decides; POLICY_BROKEN
 */
export function render(inputs: RenderInputs, choices: RenderChoices): Result<OwnRendering> {
  const dialect = dialectOf(inputs);
  if (!dialect.ok) return dialect;
  const { base, releaseImage, isPartial, now } = choices;
  const mirrors = rulesOf(inputs.mirrors);
  switch (dialect.value) {
    case 'openshift': {
      const [registries = NO_REGISTRIES] = inputs.images;
      const rendering = renderOpenShift({ policies: inputs.openShift, registries, mirrors, base, releaseImage });
      return rendering.ok ? ok({ ...rendering.value, losses: [] }) : rendering;
    }
    case 'countersign':
      return renderOwn({ policies: inputs.own, mirrors, base, isPartial, now });
    case 'containers': {
      if (base !== undefined || isPartial) {
        return failed(
          'POLICY_BROKEN',
          'a policy.json is written as it is: --base and --partial are for policies that are objects',
        );
      }
      const merged = mergeRegistriesD(inputs.storage);
      if (!merged.ok) return merged;
      const files = renderDocuments(inputs.documents[0]?.document, inputs.storage);
      return files.ok ? ok({ files: files.value, notes: [], losses: [] }) : files;
    }
  }
}

type Dialect = 'openshift' | 'countersign' | 'containers';

function dialectOf(inputs: RenderInputs): Result<Dialect> {
  const { openShift, own, images, mirrors, documents, storage } = inputs;
  const there: Dialect[] = [];
  if (openShift.length + images.length > 0) there.push('openshift');
  if (own.length > 0) there.push('countersign');
  if (documents.length + storage.length > 0) there.push('containers');
  const [dialect, other] = there;
  if (dialect === undefined) return failed('POLICY_BROKEN', 'there is no policy');
  if (other !== undefined) {
    return failed(
      'POLICY_BROKEN',
      `policies of one dialect are rendered at a time, and these are ${there.map((one) => TITLES[one]).join(' and ')}`,
    );
  }
  if (dialect === 'containers' && mirrors.length > 0) {
    return failed('POLICY_BROKEN', 'mirror sets are read beside policies that are objects, and not beside policy.json');
  }
  if (images.length > 1) return failed('POLICY_BROKEN', 'there is more than one Image, and a cluster has one');
  if (documents.length > 1) {
    return failed(
      'POLICY_BROKEN',
      `a node has one policy.json: ${documents.map(({ file }) => printable(file)).join(', ')}`,
    );
  }
  const strange = namespacesOf(inputs).find((name) => !isLabel(name) || name !== name.toLowerCase());
  // A namespace names a file, and no file of another place.
  if (strange !== undefined) return failed('POLICY_BROKEN', `${printable(strange)} is no name of a namespace`);
  const twice = repeated([...namesOf(inputs), ...storage.map(({ file }) => file)]);
  return twice === undefined ? ok(dialect) : failed('POLICY_BROKEN', `${printable(twice, 600)} is there twice`);
}

const TITLES = {
  openshift: 'OpenShift’s objects',
  countersign: 'countersign’s own',
  containers: 'policy.json or registries.d',
} as const satisfies Record<Dialect, string>;

function namespacesOf({ openShift, own }: RenderInputs): readonly string[] {
  const all = [...openShift.map(({ header }) => header.namespace), ...own.map(({ policy }) => policy.origin.namespace)];
  return all.filter((namespace) => namespace !== undefined);
}

/** A cluster has one object of a kind and name, and two of them would both be written. */
function namesOf({ openShift, own, mirrors }: RenderInputs): readonly string[] {
  const titles = [...openShift.map(({ header }) => header), ...own.map(({ policy }) => policy.origin)];
  return [
    ...titles.map(({ kind, namespace, name }) =>
      [kind, ...(namespace === undefined ? [] : [namespace]), name].join(' '),
    ),
    ...mirrors.map(({ kind, name }) => `${kind} ${name}`),
  ];
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, i) => names.indexOf(name) !== i);
}
