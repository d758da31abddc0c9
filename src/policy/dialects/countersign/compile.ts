import { printable } from '../../../encoding/escape.ts';
import type { Mode } from '../../../model/mode.ts';
import type { Origin } from '../../../model/outcome.ts';
import type { Requirement } from '../../../model/requirement.ts';
import { brokenState, type CompiledPolicy, type ObjectProblem } from '../../compiled.ts';
import { headerProblems, type ImagePolicyKind, readHeader, strayFields } from '../../header.ts';
import type { SubjectRule } from '../../policy.ts';
import { type Fields, fieldOf, isFields } from '../../structural.ts';
import { worthTelling } from '../../worth-telling.ts';
import { trustsAnybody } from './anybody.ts';
import { extentProblem } from './extent.ts';
import { imageProblem, ownScopes } from './images.ts';
import { leafOf, type MaterialOf, mapAll } from './leaf.ts';
import { readMode } from './mode.ts';
import { problemAt, problemsOf } from './problems.ts';
import { MAX_IMAGE, type OwnSpec, spec as schema, type WrittenRequirement } from './schema.ts';

export { namedFiles } from './named-files.ts';

/** What compiling needs to know beside the object. */
export type OwnContext = {
  /** File and document, or the object's UID. */
  readonly source: string;
  /** The mode of a policy that says none. */
  readonly mode: Mode | undefined;
  /** The items of `images` that the same object had when it was last valid. */
  readonly lastScopes: readonly string[];
  /** What a path under `file` came to. */
  readonly material: MaterialOf;
  readonly kind: ImagePolicyKind;
};

/**
 * Compiles one of countersign's own policies. An invalid one becomes a broken policy that refuses its reach: the images
 * that could be told and those it had before, or else everything (MODEL.md M8).
 *
 * Trust material is taken as it stands: one that does not load is an error of its signature, not a broken policy.
 */
export function compileOwnObject(object: Fields, context: OwnContext): CompiledPolicy {
  const header = readHeader(object, context.kind);
  const origin: Origin = {
    kind: header.kind,
    namespace: header.namespace,
    name: header.name === '' ? '(unnamed)' : printable(header.name, 260),
    source: context.source,
    generation: header.generation,
  };
  const written = fieldOf(object, 'spec');
  const own = readMode(object, header.annotations);
  const read = readSpec(written);
  const problems = [
    ...headerProblems(object, header),
    ...namespaceProblem(object, context.kind),
    ...own.problems,
    ...strayFields(object),
    ...(read.kind === 'invalid' ? read.problems : []),
  ];
  const common = {
    origin,
    // Where the policy's own word on its mode cannot be read, nobody else's stands in for it: it is enforced.
    mode: own.mode === 'unclear' ? undefined : (own.mode ?? context.mode),
    subjectRule: read.kind === 'valid' ? SUBJECT_RULES[read.spec.instances] : 'indexOrEveryInstance',
    evidence: 'isolate',
  } as const;
  const holdsIn: CompiledPolicy['holdsIn'] =
    header.namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', namespace: header.namespace };

  if (read.kind === 'valid' && problems.length === 0) {
    const require = requirementOf(read.spec.require, origin.name, context.material);
    return {
      dialect: 'countersign',
      policy: { ...common, state: { kind: 'ready', require } },
      holdsIn,
      reach: ownScopes(read.spec.images),
      problems: [],
      warnings: [...own.warnings, ...new Set(trustsAnybody(require))].map((message) => ({ origin, message })),
    };
  }

  const told = worthTelling(problems);
  const reach = ownScopes([...goodImages(written), ...context.lastScopes]);
  return {
    dialect: 'countersign',
    policy: { ...common, state: brokenState(origin, told.map(({ text }) => text).join('; ')) },
    holdsIn,
    reach: reach.length === 0 ? 'everything' : reach,
    problems: told,
    warnings: [],
  };
}

const SUBJECT_RULES = {
  asWritten: 'asResolved',
  indexOrEvery: 'indexOrEveryInstance',
  every: 'everyInstance',
} as const satisfies Record<OwnSpec['instances'], SubjectRule>;

type ReadSpec =
  | { readonly kind: 'valid'; readonly spec: OwnSpec }
  | { readonly kind: 'invalid'; readonly problems: readonly ObjectProblem[] };

function readSpec(written: unknown): ReadSpec {
  if (written === undefined) return { kind: 'invalid', problems: [problemAt('spec', 'is required')] };
  const tooMuch = extentProblem(written);
  if (tooMuch !== undefined) return { kind: 'invalid', problems: [tooMuch] };
  const parsed = schema.safeParse(written);
  if (parsed.success) return { kind: 'valid', spec: parsed.data };
  return { kind: 'invalid', problems: problemsOf(parsed.error, written) };
}

/** Whoever writes a namespace means that namespace, and would have written a policy for the whole cluster. */
function namespaceProblem(object: Fields, kind: ImagePolicyKind): readonly ObjectProblem[] {
  const metadata = fieldOf(object, 'metadata');
  if (kind === 'ImagePolicy' || !isFields(metadata) || fieldOf(metadata, 'namespace') === undefined) return [];
  return [
    problemAt('metadata.namespace', 'a ClusterImagePolicy holds everywhere: write an ImagePolicy for one namespace'),
  ];
}

/** The items that could be told although the object is invalid. */
function goodImages(written: unknown): readonly string[] {
  const images = isFields(written) ? fieldOf(written, 'images') : undefined;
  if (!Array.isArray(images)) return [];
  const items: readonly unknown[] = images;
  return items
    .filter((item) => typeof item === 'string')
    .filter((item) => item !== '' && item.length <= MAX_IMAGE && imageProblem(item) === undefined);
}

function requirementOf(written: WrittenRequirement, name: string, material: MaterialOf): Requirement {
  const inner = (one: WrittenRequirement): Requirement => requirementOf(one, name, material);
  switch (written.kind) {
    case 'signature':
      return { kind: 'some', leaf: leafOf(written.signature, name, material) };
    case 'allOf':
    case 'anyOf':
      return { kind: written.kind, of: mapAll(written.of, inner) };
    case 'atLeast':
      return { kind: 'kOf', k: written.count, of: mapAll(written.of, inner) };
    case 'quorum':
      return { kind: 'quorum', k: written.count, of: mapAll(written.of, (one) => leafOf(one, name, material)) };
    case 'accept':
      return { kind: 'accept' };
    case 'reject':
      return { kind: 'reject', says: printable(written.message, 1024) };
  }
}
