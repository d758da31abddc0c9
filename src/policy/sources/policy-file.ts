import { basename, dirname } from 'node:path';
import type { Failure } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { Mode } from '../../model/mode.ts';
import type { CompiledPolicy } from '../compiled.ts';
import type { PolicyDefaults } from '../defaults.ts';
import { compileDocument, namedFiles as filesOfDocument } from '../dialects/containers/compile.ts';
import type { ContainersDocument } from '../dialects/containers/document.ts';
import { readPolicyJson } from '../dialects/containers/read.ts';
import { type RegistriesD, readRegistriesD } from '../dialects/containers/registries-d.ts';
import { compileOwnObject, namedFiles } from '../dialects/countersign/compile.ts';
import { compileTrustPolicy } from '../dialects/notation/compile.ts';
import type { TrustPolicyDocument } from '../dialects/notation/document.ts';
import { readTrustPolicy } from '../dialects/notation/read.ts';
import { storePath, storesOf } from '../dialects/notation/stores.ts';
import { compileObject } from '../dialects/openshift/compile.ts';
import { readObject } from '../dialects/openshift/object.ts';
import { isLabel } from '../dns-name.ts';
import { readHeader } from '../header.ts';
import { type MirrorSet, readMirrorSet } from '../mirrors/mirror-set.ts';
import { type Content, contentOf } from './content.ts';
import { readDocuments } from './documents.ts';
import type { EntryRules } from './entry.ts';
import { readText } from './files.ts';
import { lookup, type MaterialFile, readMaterial, unavailable } from './material.ts';
import { type PolicyProblem, problem } from './problem.ts';
import { type Recognised, type RecognisedPolicy, recognise } from './recognise.ts';
import { type FoundStores, findStores } from './trust-stores.ts';

/** What a file says, as far as it can be told from itself and from the files that its policies name. */
export type FileReading = {
  readonly content: Content;
  readonly policies: readonly CompiledPolicy[];
  /** What it says of where signatures are kept. */
  readonly storage: readonly RegistriesD[];
  /** What it says of where images are mirrored. */
  readonly mirrors: readonly MirrorSet[];
  /** What is wrong with single objects, or with the files that they name; the objects are among the policies. */
  readonly problems: readonly PolicyProblem[];
  /** What keeps the file from being taken at its word. */
  readonly failures: readonly PolicyProblem[];
  /** The namespace that it is for, where it stands among namespaced files. */
  readonly namespace: string | undefined;
  /** Whether it could be read at all, whatever stands in it. */
  readonly isText: boolean;
  /** The files that its policies name. */
  readonly material: readonly MaterialFile[];
};

/** What reading needs to know beside the file. */
export type ReadingContext = {
  readonly defaults: PolicyDefaults;
  /** The mode of policies that say none. */
  readonly mode: Mode | undefined;
  readonly holds: EntryRules['holds'];
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
  else if (documents.value.length === 0 && !mayBeEmpty(path)) {
    fail({ code: 'POLICY_BROKEN', message: 'it holds no policy' });
  }
  const namespace = context.holds === 'namespaced' ? namespaceOf(path) : undefined;
  if (context.holds === 'namespaced' && namespace === undefined) {
    fail({ code: 'POLICY_BROKEN', message: 'its name is not that of a namespace, with .json behind it' });
  }

  const base = { policyFile: path, root: context.root };
  const sources: Source[] = [];
  const folders: MaterialFile[] = [];
  const storage: RegistriesD[] = [];
  const mirrors: MirrorSet[] = [];
  const take = async (one: Recognised, number: number): Promise<Failure | undefined> => {
    if (context.holds === 'namespaced' && one.is !== 'policyJson') {
      return { code: 'POLICY_BROKEN', message: 'only a policy.json can stand for one in a namespace' };
    }
    switch (one.is) {
      case 'policy':
        sources.push({
          kind: 'object',
          written: one,
          path: one.path,
          file: path,
          document: number,
          names: filesOf(one),
        });
        return undefined;
      case 'policyJson': {
        // YAML would have read what no reader of policy.json does.
        const document = readPolicyJson(text.ok ? text.value : '');
        if (!document.ok) return document.failure;
        const names = filesOfDocument(document.value);
        sources.push({
          kind: 'document',
          written: document.value,
          namespace,
          path: '',
          file: path,
          document: number,
          names,
        });
        return undefined;
      }
      case 'trustPolicy': {
        const document = readTrustPolicy(text.ok ? text.value : '');
        if (!document.ok) return document.failure;
        const named = storesOf(document.value);
        // Looked at before it is listed what is in them: what comes or goes in between changes the next look.
        folders.push(...(await readMaterial(new Set(named.map(storePath)), base)));
        const stores = await findStores(named, path);
        sources.push({
          kind: 'trustPolicy',
          written: document.value,
          stores,
          path: '',
          file: path,
          document: number,
          names: stores.files,
        });
        return undefined;
      }
      case 'registriesD': {
        const section = readRegistriesD(one.value);
        if (section.ok) storage.push(section.value);
        return section.ok ? undefined : section.failure;
      }
      case 'mirrorSet': {
        const set = readMirrorSet(one.object, one.kind);
        if (set.ok) mirrors.push(set.value);
        return set.ok ? undefined : set.failure;
      }
    }
  };
  for (const { number, value } of documents.ok ? documents.value : []) {
    const recognised = recognise(value);
    if (!recognised.ok) fail(recognised.failure, number);
    for (const one of recognised.ok ? recognised.value : []) {
      const wrong = await take(one, number);
      if (wrong !== undefined) fail(wrong, number);
    }
  }
  if (sources.length > room) fail({ code: 'LIMIT_EXCEEDED', message: `there are more than ${MAX_OBJECTS} policies` });

  const material = [...folders, ...(await readMaterial(new Set(sources.flatMap(({ names }) => names)), base))];
  const refs = lookup(material);
  const refsOf = (source: Source) => (source.kind === 'object' ? (name: string) => asText(name, refs(name)) : refs);
  const compiled = sources.map((source) => ({ source, policies: compile(source, refsOf(source), context) }));
  return {
    content: contentOf(text, documents),
    policies: compiled.flatMap(({ policies }) => policies),
    storage,
    mirrors,
    problems: compiled.flatMap(({ source, policies }) => [
      ...policies.flatMap(({ problems }) => problems.map((against) => problemAt(source, against))),
      ...source.names.flatMap((name) => problemWith(source, refsOf(source)(name))),
      ...(source.kind === 'trustPolicy' ? source.stores.missing.flatMap((ref) => problemWith(source, ref)) : []),
    ]),
    failures,
    namespace,
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

/** What policies are compiled from, where it stands, and the files that it names. */
type Source = {
  readonly file: string;
  readonly document: number;
  readonly path: string;
  readonly names: readonly string[];
} & (
  | { readonly kind: 'object'; readonly written: RecognisedPolicy }
  | { readonly kind: 'document'; readonly written: ContainersDocument; readonly namespace: string | undefined }
  | { readonly kind: 'trustPolicy'; readonly written: TrustPolicyDocument; readonly stores: FoundStores }
);

function filesOf({ object, language }: RecognisedPolicy): readonly string[] {
  return language.dialect === 'countersign' ? namedFiles(object) : [];
}

/** Keys and certificates of objects are PEM, and trusted roots JSON: what is no text is none of them. */
function asText(name: string, ref: MaterialFile['ref']): MaterialFile['ref'] {
  return ref.kind === 'binary' ? unavailable(name, 'it is not valid UTF-8') : ref;
}

/** Files of `registries.d` may say nothing at all, as those that are shipped with comments alone do. */
function mayBeEmpty(path: string): boolean {
  return basename(dirname(path)) === 'registries.d';
}

/** The namespace that a file of a `namespaced` directory is for. */
function namespaceOf(path: string): string | undefined {
  const name = basename(path);
  const namespace = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
  return isLabel(namespace) && namespace === namespace.toLowerCase() ? namespace : undefined;
}

function compile(
  source: Source,
  material: (path: string) => MaterialFile['ref'],
  { defaults, mode, lastScopes }: ReadingContext,
): readonly CompiledPolicy[] {
  const { file, document, path } = source;
  const place = [file, `document ${document}`, ...(path === '' ? [] : [path])].join(', ');
  if (source.kind === 'document') {
    const { written, namespace } = source;
    const name = printable(basename(file), 260);
    return compileDocument(written, { file: name, source: file, defaults, mode, material, namespace });
  }
  if (source.kind === 'trustPolicy') {
    const { written, stores } = source;
    const name = printable(basename(file), 260);
    return compileTrustPolicy(written, {
      file: name,
      source: file,
      mode,
      store: (store) => stores.store(store, material),
    });
  }
  const { object, kind, language } = source.written;
  const before = lastScopes.get(identityOf(language.dialect, readHeader(object, kind))) ?? [];
  switch (language.dialect) {
    case 'openshift': {
      const read = readObject(object, kind, language.version);
      return [compileObject(read, { source: place, defaults, mode, lastScopes: before })];
    }
    case 'countersign':
      return [compileOwnObject(object, { source: place, mode, lastScopes: before, material, kind })];
  }
}

/** A problem of an object, placed in its document. */
function problemAt({ path, file, document }: Source, against: CompiledPolicy['problems'][number]): PolicyProblem {
  const within = path === '' ? '' : `${path}.`;
  return problem('POLICY_BROKEN', file, within + against.text, { document, path: within + against.path });
}

function problemWith({ path, file, document }: Source, ref: MaterialFile['ref']): readonly PolicyProblem[] {
  if (ref.kind !== 'unavailable') return [];
  return [problem('TRUST_MATERIAL_UNAVAILABLE', file, ref.why, { document, path })];
}
