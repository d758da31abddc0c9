import { printable } from '../../../encoding/escape.ts';
import type { Mode } from '../../../model/mode.ts';
import type { Origin } from '../../../model/outcome.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import type { CompiledPolicy } from '../../compiled.ts';
import { scopeKey } from './chain.ts';
import type { ContainersDocument, PolicyRequirement } from './document.ts';
import { compileRequirements, type RequirementContext } from './leaf.ts';
import { filesOf } from './trust.ts';
import { documentWarnings, requirementWarnings, scopeWarnings } from './warnings.ts';

/** What compiling needs to know beside the document. */
export type ContainersContext = RequirementContext & {
  /** The file's base name, which stands for the kind of its policies: `policy.json`, `team-a.json`. */
  readonly file: string;
  /** File and document. */
  readonly source: string;
  readonly mode: Mode | undefined;
  /** The namespace that a namespaced file is for (CRI-O's `signature_policy_dir`). */
  readonly namespace: string | undefined;
};

/**
 * The transports whose scopes become policies, which are those of which images are asked; the others are only read, so
 * that a key that is missing for them is nobody's trouble.
 */
const TRANSPORTS = ['docker', 'dir', 'oci'] as const;

/** The files that a document names, where somebody may ask for what they hold. */
export function namedFiles(document: ContainersDocument): readonly string[] {
  return [...new Set(placesOf(document).flatMap(({ requirements }) => requirements.flatMap(filesOf)))];
}

/** One policy for each scope of a transport of which images are asked, and one for `default`, whose reach is `everything`. */
export function compileDocument(document: ContainersDocument, context: ContainersContext): readonly CompiledPolicy[] {
  return placesOf(document).map((place) => {
    const origin: Origin = {
      kind: context.file,
      namespace: undefined,
      name: nameOf(place),
      source: context.source,
      generation: undefined,
    };
    const messages = place.kind === 'default' ? documentWarnings(document) : warningsFor(place);
    return {
      dialect: 'containers',
      policy: {
        origin,
        mode: context.mode,
        subjectRule: context.defaults.instances === 'every' ? 'everyInstance' : 'indexOrEveryInstance',
        evidence: 'complete',
        state: { kind: 'ready', require: compileRequirements(place.requirements, context) },
      },
      holdsIn:
        context.namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', namespace: context.namespace },
      reach:
        place.kind === 'default'
          ? 'everything'
          : [{ written: place.scope, canonical: scopeKey(place.transport, place.scope) }],
      problems: [],
      warnings: [...messages, ...requirementWarnings(place.requirements)].map((message) => ({ origin, message })),
    };
  });
}

/** Where requirements stand: for a scope of a transport, or for whatever no scope names. */
type Place = { readonly requirements: NonEmpty<PolicyRequirement> } & (
  | { readonly kind: 'scope'; readonly transport: string; readonly scope: string }
  | { readonly kind: 'default' }
);

function placesOf(document: ContainersDocument): readonly Place[] {
  const scoped = TRANSPORTS.flatMap((transport) =>
    [...(document.transports.get(transport) ?? [])].map(([scope, requirements]): Place => {
      return { kind: 'scope', transport, scope, requirements };
    }),
  );
  return [...scoped, { kind: 'default', requirements: document.default }];
}

/** Scopes of `dir` and `oci` are read strictly, but for the one trap that the manual page of containers/image sets. */
function warningsFor({ transport, scope }: Extract<Place, { kind: 'scope' }>): readonly string[] {
  if (transport === 'docker') return scopeWarnings(scope);
  if (transport !== 'oci' || !scope.includes(':')) return [];
  const shown = printable(JSON.stringify(scope));
  return [
    `the scope ${shown} can never match an image: scopes of oci are folders, and which image in one is meant does not count`,
  ];
}

function nameOf(place: Place): string {
  if (place.kind === 'default') return 'default';
  if (place.scope === '') return place.transport;
  return printable(place.transport === 'docker' ? place.scope : `${place.transport}:${place.scope}`, 600);
}
