import { z } from 'zod';
import { failed, ok, type Result } from '../../codes/result.ts';
import type { RegistryRule } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import type { Fields } from '../structural.ts';
import { canonicalName } from './canonical-name.ts';
import { operatorNests } from './nesting.ts';
import { entryFor, registryEntries, sourcesOf } from './registry-entries.ts';

/** `spec.registrySources` of OpenShift's `Image` object `cluster`. */
export type ImageRegistries = {
  readonly insecure: readonly string[];
  readonly blocked: readonly string[];
  readonly allowed: readonly string[];
};

/** No such object, or one that says nothing. */
export const NO_REGISTRIES: ImageRegistries = { insecure: [], blocked: [], allowed: [] };

/** What the object means for a node. */
export type RegistryVerdicts = {
  /** For `registries.conf`: never contacted. */
  readonly blocked: readonly string[];
  /** For `policy.json`: rejected. */
  readonly rejected: readonly string[];
  /** For `policy.json`: accepted, and everything else rejected. */
  readonly allowed: readonly string[];
  readonly notes: readonly string[];
};

/** Whether an object is OpenShift's configuration of images. */
export function isImageConfiguration(apiVersion: unknown, kind: unknown): boolean {
  return apiVersion === 'config.openshift.io/v1' && kind === 'Image';
}

const names = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);

/** The rest of its spec is for imports and for the build system. */
const Image = z.object({
  spec: z
    .object({
      registrySources: z
        .strictObject({
          insecureRegistries: names,
          blockedRegistries: names,
          allowedRegistries: names,
          containerRuntimeSearchRegistries: names,
        })
        .optional(),
    })
    .nullish(),
});

/**
 * Reads OpenShift's `Image` object.
 * @returns POLICY_BROKEN
 */
export function readImageRegistries(object: Fields): Result<ImageRegistries> {
  const image = Image.safeParse(object);
  if (!image.success) {
    const [issue] = image.error.issues;
    return failed('POLICY_BROKEN', `${printable(issue?.path.join('.') ?? '')}: ${printable(issue?.message ?? '')}`);
  }
  const sources = image.data.spec?.registrySources;
  if (sources === undefined) return ok(NO_REGISTRIES);
  const { insecureRegistries: insecure, blockedRegistries: blocked, allowedRegistries: allowed } = sources;
  for (const [field, list] of Object.entries({ insecure, blocked, allowed })) {
    const wrong = list.find((scope) => !isRegistriesScope(scope));
    if (wrong !== undefined) {
      return failed('POLICY_BROKEN', `invalid entry for ${field} registries ${printable(JSON.stringify(wrong))}`);
    }
  }
  return ok({ insecure, blocked, allowed });
}

/**
 * Which registries are rejected and which alone are accepted. The repository of the cluster's own images cannot be
 * blocked, unless they are mirrored where nothing is blocked.
 * @param releaseImage reference of the release image that the cluster runs; needed where something is blocked
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §1.4
 */
export function registryVerdicts(
  registries: ImageRegistries,
  mirrors: readonly RegistryRule[],
  releaseImage: string | undefined,
): Result<RegistryVerdicts> {
  const { blocked, allowed } = registries;
  if (blocked.length === 0) return ok({ blocked: [], rejected: [], allowed, notes: [] });
  const payload = payloadOf(releaseImage);
  if (!payload.ok) return payload;

  const kept: string[] = [];
  const rejected: string[] = [];
  const needed: string[] = [];
  const notes: string[] = [];
  for (const registry of blocked) {
    if (!operatorNests(payload.value, registry)) {
      kept.push(registry);
      rejected.push(registry);
      continue;
    }
    const isMirrored = hasOpenMirror(payload.value, registries, mirrors);
    if (!isMirrored.ok) return isMirrored;
    if (!isMirrored.value) {
      notes.push(`Image: ${printable(registry)} is not blocked, since the cluster's own images come from there`);
      continue;
    }
    // The repository's own name stays accepted: its mirrors are reached under it.
    kept.push(registry);
    if (registry !== payload.value) rejected.push(registry);
    needed.push(payload.value);
  }
  const everything = [...needed, ...allowed];
  const isPayloadAlone = everything.length === 1 && everything[0] === payload.value;
  if (everything.length > 0 && rejected.length > 0 && !isPayloadAlone) {
    return failed('POLICY_BROKEN', 'only one of allowedRegistries and blockedRegistries can be set');
  }
  return ok({ blocked: kept, rejected, allowed: everything, notes });
}

/** The repository of a release image, as it is written. */
function payloadOf(releaseImage: string | undefined): Result<string> {
  if (releaseImage === undefined) {
    return failed('POLICY_BROKEN', 'blockedRegistries need --release-image, since that one cannot be blocked');
  }
  const name = canonicalName(releaseImage);
  if (name !== undefined) return ok(name);
  return failed('POLICY_BROKEN', `the release image ${printable(releaseImage)} is no full image reference`);
}

/** Whether a digest in the repository can be had anywhere that is not blocked: mirrors of tags do not count. */
function hasOpenMirror(
  payload: string,
  { insecure, blocked }: ImageRegistries,
  mirrors: readonly RegistryRule[],
): Result<boolean> {
  const forDigests = mirrors.map((rule) => ({
    ...rule,
    mirrors: rule.mirrors.filter(({ serves }) => serves !== 'tags'),
  }));
  const entries = registryEntries(forDigests, { insecure, blocked });
  if (!entries.ok) return entries;
  const entry = entryFor(payload, entries.value);
  const sources = entry === undefined ? ok([]) : sourcesOf(payload, entry);
  if (!sources.ok) return sources;
  return ok(sources.value.some((name) => !blocked.some((registry) => operatorNests(name, registry))));
}

/** A wildcard stands in front of a domain, and nowhere else. */
function isRegistriesScope(scope: string): boolean {
  if (scope === '') return false;
  return !scope.includes('*') || (scope.startsWith('*.') && !/[/@:*]/.test(scope.slice(2)));
}
