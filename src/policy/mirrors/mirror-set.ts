import { z } from 'zod';
import { failed, ok, type Result } from '../../codes/result.ts';
import { readLocation, readPrefix } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import type { Fields } from '../structural.ts';

/** Kinds by which OpenShift says where images are mirrored. */
export type MirrorSetKind = 'ImageDigestMirrorSet' | 'ImageTagMirrorSet' | 'ImageContentSourcePolicy';

/** One such object after reading; every name in canonical form. */
export type MirrorSet = {
  readonly kind: MirrorSetKind;
  readonly name: string;
  readonly mirrors: readonly {
    /** The prefix that is mirrored. */
    readonly source: string;
    /** In order of preference. */
    readonly places: readonly string[];
    readonly neverContactSource: boolean;
  }[];
};

/** Each kind with where it lives and the field of `spec` that has its mirrors. */
export const MIRROR_SET_KINDS: readonly {
  readonly kind: MirrorSetKind;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}[] = [
  { kind: 'ImageDigestMirrorSet', group: 'config.openshift.io', version: 'v1', plural: 'imagedigestmirrorsets' },
  { kind: 'ImageTagMirrorSet', group: 'config.openshift.io', version: 'v1', plural: 'imagetagmirrorsets' },
  // Deprecated since OpenShift 4.13, and still there where clusters are old.
  {
    kind: 'ImageContentSourcePolicy',
    group: 'operator.openshift.io',
    version: 'v1alpha1',
    plural: 'imagecontentsourcepolicies',
  },
];

/** The kind that an object is of, where it is one of these in a version that is read. */
export function mirrorSetKind(apiVersion: string, kind: string): MirrorSetKind | undefined {
  return MIRROR_SET_KINDS.find((one) => one.kind === kind && `${one.group}/${one.version}` === apiVersion)?.kind;
}

/**
 * Reads an object.
 * @param unknown what to do about fields that are not known: those of files are slips of the pen, those of a cluster are its
 *   API server's, which prunes what it does not know
 * @returns POLICY_BROKEN
 */
export function readMirrorSet(
  object: Fields,
  kind: MirrorSetKind,
  unknown: 'refused' | 'ignored' = 'refused',
): Result<MirrorSet> {
  const metadata = Named.safeParse(object);
  if (!metadata.success) return broken(kind, '', 'it has no metadata.name');
  const { name } = metadata.data.metadata;
  const spec = specOf(kind, unknown).safeParse(object);
  if (!spec.success) return broken(kind, name, spec.error.issues.flatMap(messagesOf).join('; '));

  const mirrors: MirrorSet['mirrors'][number][] = [];
  for (const [i, one] of spec.data.entries()) {
    const at = `spec.${FIELDS[kind]}[${i}]`;
    const source = readPrefix(one.source);
    if (source === undefined) {
      return broken(kind, name, `${at}.source: ${printable(one.source)} is neither HOST[:PORT][/PATH] nor *.DOMAIN`);
    }
    const places: string[] = [];
    for (const written of one.mirrors) {
      const place = readLocation(written);
      if (place === undefined) {
        return broken(kind, name, `${at}.mirrors: ${printable(written)} is not HOST[:PORT][/PATH]`);
      }
      places.push(place);
    }
    mirrors.push({ source, places, neverContactSource: one.mirrorSourcePolicy === 'NeverContactSource' });
  }
  return ok({ kind, name, mirrors });
}

const FIELDS = {
  ImageDigestMirrorSet: 'imageDigestMirrors',
  ImageTagMirrorSet: 'imageTagMirrors',
  ImageContentSourcePolicy: 'repositoryDigestMirrors',
} as const;

const Named = z.object({ metadata: z.object({ name: z.string().min(1) }) });

/** Go writes a list that is not set as null. */
const list = <T extends z.ZodType>(items: T) =>
  z
    .array(items)
    .nullish()
    .transform((all) => all ?? []);

/** The mirrors in a spec of this kind. */
function specOf(kind: MirrorSetKind, unknown: 'refused' | 'ignored') {
  const shape = unknown === 'refused' ? z.strictObject : z.object;
  const plain = { source: z.string(), mirrors: list(z.string()) };
  const policy = z.enum(['', 'NeverContactSource', 'AllowContactingSource']).optional();
  switch (kind) {
    case 'ImageDigestMirrorSet': {
      const mirrors = shape({ ...plain, mirrorSourcePolicy: policy });
      return z
        .object({ spec: shape({ imageDigestMirrors: list(mirrors) }) })
        .transform(({ spec }) => spec.imageDigestMirrors);
    }
    case 'ImageTagMirrorSet': {
      const mirrors = shape({ ...plain, mirrorSourcePolicy: policy });
      return z
        .object({ spec: shape({ imageTagMirrors: list(mirrors) }) })
        .transform(({ spec }) => spec.imageTagMirrors);
    }
    case 'ImageContentSourcePolicy': {
      // It knows no policy for the source, which is always asked in the end.
      const mirrors = shape(plain).transform((one) => ({ ...one, mirrorSourcePolicy: undefined }));
      return z
        .object({ spec: shape({ repositoryDigestMirrors: list(mirrors) }) })
        .transform(({ spec }) => spec.repositoryDigestMirrors);
    }
  }
}

function messagesOf(issue: z.core.$ZodIssue): readonly string[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  const at = printable(path.slice(1));
  if (issue.code !== 'unrecognized_keys') return [`${at}: ${issue.message.replace('Invalid input: ', '')}`];
  return issue.keys.map((key) => `${at}.${printable(key)}: unknown field`);
}

function broken(kind: MirrorSetKind, name: string, what: string): Result<never> {
  const which = name === '' ? kind : `${kind} "${printable(name, 260)}"`;
  return failed('POLICY_BROKEN', `the ${which} cannot be read: ${printable(what, 2000)}`);
}
