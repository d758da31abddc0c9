import type { Failure } from '../../codes/result.ts';
import type { Mode } from '../../model/mode.ts';
import type { CompiledPolicy } from '../compiled.ts';
import { compileOwnObject, namedFiles } from '../dialects/countersign/compile.ts';
import { compileObject } from '../dialects/openshift/compile.ts';
import { readObject } from '../dialects/openshift/object.ts';
import type { OpenShiftDefaults } from '../dialects/openshift/settings.ts';
import { readHeader } from '../header.ts';
import { type Content, contentOf } from './content.ts';
import { readDocuments } from './documents.ts';
import { readText } from './files.ts';
import { lookup, type MaterialFile, readMaterial } from './material.ts';
import { type PolicyProblem, problem } from './problem.ts';
import { type Recognised, recognise } from './recognise.ts';

/** What a file says, as far as it can be told from itself and from the files that its policies name. */
export type FileReading = {
  readonly content: Content;
  readonly policies: readonly CompiledPolicy[];
  /** What is wrong with single objects, or with the files that they name; the objects are among the policies. */
  readonly problems: readonly PolicyProblem[];
  /** What keeps the file from being taken at its word. */
  readonly failures: readonly PolicyProblem[];
  /** Whether it could be read at all, whatever stands in it. */
  readonly isText: boolean;
  /** The files that its policies name. */
  readonly material: readonly MaterialFile[];
};

/** What reading needs to know beside the file. */
export type ReadingContext = {
  readonly defaults: OpenShiftDefaults;
  /** The mode of policies that say none. */
  readonly mode: Mode | undefined;
  /** Where absolute paths that policies name are looked up; undefined where they are taken as they are. */
  readonly root: string | undefined;
  /** The scopes that objects had before, by {@link identityOf}. */
  readonly lastScopes: ReadonlyMap<string, readonly string[]>;
};

/** Policies of all files together. */
export const MAX_OBJECTS = 10_000;

/**
 * Reads one file: its documents, what they are, the files that they name, and the policies in them.
 * @param room how many policies it may hold at most
 */
export async function readPolicyFile(path: string, room: number, context: ReadingContext): Promise<FileReading> {
  const failures: PolicyProblem[] = [];
  const fail = ({ code, message }: Failure, document?: number): void => {
    failures.push(problem(code, path, message, document === undefined ? {} : { document }));
  };

  const text = await readText(path);
  const documents = text.ok ? readDocuments(path, text.value) : text;
  if (!documents.ok) fail(documents.failure);
  else if (documents.value.length === 0) fail({ code: 'POLICY_BROKEN', message: 'it holds no policy' });

  const objects: Placed[] = [];
  for (const { number, value } of documents.ok ? documents.value : []) {
    const recognised = recognise(value);
    if (!recognised.ok) fail(recognised.failure, number);
    else
      for (const one of recognised.value) objects.push({ ...one, names: filesOf(one), file: path, document: number });
  }
  if (objects.length > room) fail({ code: 'LIMIT_EXCEEDED', message: `there are more than ${MAX_OBJECTS} policies` });

  const named = new Set(objects.flatMap(({ names }) => names));
  const material = await readMaterial(named, { policyFile: path, root: context.root });
  const refs = lookup(material);
  const compiled = objects.map((object) => ({ object, policy: compile(object, refs, context) }));
  return {
    content: contentOf(text, documents),
    policies: compiled.map(({ policy }) => policy),
    problems: compiled.flatMap(({ object, policy }) => [
      ...policy.problems.map((against) => problemAt(object, against)),
      ...object.names.flatMap((name) => problemWith(object, refs(name))),
    ]),
    failures,
    isText: text.ok,
    material,
  };
}

/** What an object is known by, wherever it is written. */
export function identityOf(
  dialect: CompiledPolicy['dialect'],
  of: { readonly kind: string; readonly namespace: string | undefined; readonly name: string },
): string {
  return JSON.stringify([dialect, of.kind, of.namespace, of.name]);
}

/** An object, where it stands, and the files that it names. */
type Placed = Recognised & { readonly file: string; readonly document: number; readonly names: readonly string[] };

function filesOf({ object, language }: Recognised): readonly string[] {
  return language.dialect === 'countersign' ? namedFiles(object) : [];
}

function compile(
  { object, kind, language, path, file, document }: Placed,
  material: (path: string) => MaterialFile['ref'],
  { defaults, mode, lastScopes }: ReadingContext,
): CompiledPolicy {
  const source = [file, `document ${document}`, ...(path === '' ? [] : [path])].join(', ');
  const before = lastScopes.get(identityOf(language.dialect, readHeader(object, kind))) ?? [];
  switch (language.dialect) {
    case 'openshift': {
      const read = readObject(object, kind, language.version);
      return compileObject(read, { source, defaults, mode, lastScopes: before });
    }
    case 'countersign':
      return compileOwnObject(object, { source, mode, lastScopes: before, material, kind });
  }
}

/** A problem of an object, placed in its document. */
function problemAt({ path, file, document }: Placed, against: CompiledPolicy['problems'][number]): PolicyProblem {
  const within = path === '' ? '' : `${path}.`;
  return problem('POLICY_BROKEN', file, within + against.text, { document, path: within + against.path });
}

function problemWith({ path, file, document }: Placed, ref: MaterialFile['ref']): readonly PolicyProblem[] {
  if (ref.kind === 'inline') return [];
  return [problem('TRUST_MATERIAL_UNAVAILABLE', file, ref.why, { document, path })];
}
