import type { Failure } from '../../codes/result.ts';
import type { Mode } from '../../model/mode.ts';
import type { CompiledPolicy } from '../compiled.ts';
import { compileObject } from '../dialects/openshift/compile.ts';
import { readObject } from '../dialects/openshift/object.ts';
import type { OpenShiftDefaults } from '../dialects/openshift/settings.ts';
import { readDocuments } from './documents.ts';
import { readText } from './files.ts';
import { type PolicyProblem, problem } from './problem.ts';
import { type Recognised, recognise } from './recognise.ts';

/** What a file says, as far as it can be told. */
export type FileReading = {
  readonly policies: readonly CompiledPolicy[];
  /** What is wrong with single objects; they are among the policies, broken. */
  readonly problems: readonly PolicyProblem[];
  /** What keeps the file from being taken at its word. */
  readonly failures: readonly PolicyProblem[];
  /** Whether it could be read at all, whatever stands in it. */
  readonly isText: boolean;
};

/** What reading needs to know beside the file. */
export type ReadingContext = {
  readonly defaults: OpenShiftDefaults;
  /** The mode of policies that say none. */
  readonly mode: Mode | undefined;
  /** The scopes that objects had before, by {@link identityOf}. */
  readonly lastScopes: ReadonlyMap<string, readonly string[]>;
};

/** Policies of all files together. */
export const MAX_OBJECTS = 10_000;

/**
 * Reads one file: its documents, what they are, and the policies in them.
 * @param room how many policies it may hold at most
 */
export async function readPolicyFile(path: string, room: number, context: ReadingContext): Promise<FileReading> {
  const policies: CompiledPolicy[] = [];
  const problems: PolicyProblem[] = [];
  const failures: PolicyProblem[] = [];
  const fail = ({ code, message }: Failure, document?: number): void => {
    failures.push(problem(code, path, message, document === undefined ? {} : { document }));
  };

  const text = await readText(path);
  const documents = text.ok ? readDocuments(path, text.value) : text;
  if (!documents.ok) fail(documents.failure);
  else if (documents.value.length === 0) fail({ code: 'POLICY_BROKEN', message: 'it holds no policy' });

  for (const { number, value } of documents.ok ? documents.value : []) {
    const recognised = recognise(value);
    if (!recognised.ok) fail(recognised.failure, number);
    for (const one of recognised.ok ? recognised.value : []) {
      const compiled = compile(one, path, number, context);
      policies.push(compiled);
      problems.push(...compiled.problems.map((against) => problemAt(one.path, against, path, number)));
    }
  }
  if (policies.length > room) fail({ code: 'LIMIT_EXCEEDED', message: `there are more than ${MAX_OBJECTS} policies` });
  return { policies, problems, failures, isText: text.ok };
}

/** What an object is known by, wherever it is written. */
export function identityOf(of: {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
}): string {
  return JSON.stringify([of.kind, of.namespace, of.name]);
}

function compile(
  { object, kind, version, path }: Recognised,
  file: string,
  document: number,
  { defaults, mode, lastScopes }: ReadingContext,
): CompiledPolicy {
  const read = readObject(object, kind, version);
  const source = [file, `document ${document}`, ...(path === '' ? [] : [path])].join(', ');
  return compileObject(read, { source, defaults, mode, lastScopes: lastScopes.get(identityOf(read.header)) ?? [] });
}

/** A problem of an object, placed in its document. */
function problemAt(
  place: string,
  against: CompiledPolicy['problems'][number],
  file: string,
  document: number,
): PolicyProblem {
  const within = place === '' ? '' : `${place}.`;
  return problem('POLICY_BROKEN', file, within + against.text, { document, path: within + against.path });
}
