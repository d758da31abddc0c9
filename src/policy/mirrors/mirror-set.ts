import { failed, type Result } from '../../codes/result.ts';
import type { RegistryRule } from '../../config/registry-rules.ts';
import type { Fields } from '../structural.ts';

/** Kinds by which OpenShift says where images are mirrored. */
export type MirrorSetKind = 'ImageDigestMirrorSet' | 'ImageTagMirrorSet' | 'ImageContentSourcePolicy';

/** One such object after reading. */
export type MirrorSet = {
  readonly kind: MirrorSetKind;
  readonly name: string;
  readonly mirrors: readonly {
    /** The prefix that is mirrored, as written. */
    readonly source: string;
    readonly places: readonly string[];
    readonly neverContactSource: boolean;
  }[];
};

/** The kind that an object is of, where it is one of these in a version that is read. */
export function mirrorSetKind(_apiVersion: string, _kind: string): MirrorSetKind | undefined {
  return undefined;
}

/**
 * Reads an object.
 * @returns POLICY_BROKEN
 */
export function readMirrorSet(_object: Fields, kind: MirrorSetKind): Result<MirrorSet> {
  return failed('FEATURE_NOT_SUPPORTED', `this version does not read ${kind}`);
}

/** What all mirror sets together say, as machine-config-operator merges them into `registries.conf`. */
export function rulesOf(_sets: readonly MirrorSet[]): readonly RegistryRule[] {
  return [];
}
