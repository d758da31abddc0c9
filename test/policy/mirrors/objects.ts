import type { MirrorSet, MirrorSetKind } from '../../../src/policy/mirrors/mirror-set.ts';
import { MIRROR_SET_KINDS, readMirrorSet } from '../../../src/policy/mirrors/mirror-set.ts';

/** One entry of a mirror set, as it is written. */
export type Mirrored = {
  readonly source: string;
  readonly mirrors?: readonly string[] | null;
  readonly mirrorSourcePolicy?: string;
};

const FIELDS = {
  ImageDigestMirrorSet: 'imageDigestMirrors',
  ImageTagMirrorSet: 'imageTagMirrors',
  ImageContentSourcePolicy: 'repositoryDigestMirrors',
} as const;

/** A mirror set as it stands in a file or in the cluster. */
export function mirrorSet(kind: MirrorSetKind, name: string, ...mirrors: readonly Mirrored[]) {
  const [of] = MIRROR_SET_KINDS.filter((one) => one.kind === kind);
  return {
    apiVersion: `${of?.group}/${of?.version}`,
    kind,
    metadata: { name },
    spec: { [FIELDS[kind]]: mirrors },
  };
}

/** The same after reading. */
export function readSet(kind: MirrorSetKind, name: string, ...mirrors: readonly Mirrored[]): MirrorSet {
  const read = readMirrorSet(mirrorSet(kind, name, ...mirrors), kind);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}
