import { basename } from 'node:path';
import { type Failure, failure, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { canonicalPrefix } from '../../image/canonical-prefix.ts';
import type { CompiledPolicy } from '../compiled.ts';
import type { ContainersDocument } from '../dialects/containers/document.ts';
import { readPolicyJson } from '../dialects/containers/read.ts';
import { type RegistriesD, readRegistriesD } from '../dialects/containers/registries-d.ts';
import { compileOwnObject, namedFiles } from '../dialects/countersign/compile.ts';
import { readObject } from '../dialects/openshift/object.ts';
import { type MirrorSet, readMirrorSet } from '../mirrors/mirror-set.ts';
import { contentOf } from '../sources/content.ts';
import { readDocuments } from '../sources/documents.ts';
import { listFiles, readText } from '../sources/files.ts';
import { lookup, readMaterial } from '../sources/material.ts';
import { describeProblem, problem } from '../sources/problem.ts';
import { type Recognised, recognise } from '../sources/recognise.ts';
import { fieldOf, isFields } from '../structural.ts';
import { type ImageRegistries, isImageConfiguration, readImageRegistries } from './image-registries.ts';
import type { ValidPolicy } from './scope-policies.ts';

/** Everything that was given, by what it is. */
export type RenderInputs = {
  readonly openShift: readonly ValidPolicy[];
  readonly own: readonly CompiledPolicy[];
  readonly images: readonly ImageRegistries[];
  readonly mirrors: readonly MirrorSet[];
  readonly documents: readonly { readonly file: string; readonly document: ContainersDocument }[];
  readonly storage: readonly { readonly file: string; readonly document: RegistriesD }[];
};

type Gathered = {
  readonly openShift: ValidPolicy[];
  readonly own: CompiledPolicy[];
  readonly images: ImageRegistries[];
  readonly mirrors: MirrorSet[];
  readonly documents: { readonly file: string; readonly document: ContainersDocument }[];
  readonly storage: { readonly file: string; readonly document: RegistriesD }[];
  readonly problems: string[];
};

/**
 * Reads what is to be rendered: files, and directories recursively. Unlike a server, which goes on with what it can read,
 * this takes everything or nothing.
 * @returns every problem, a line each
 */
export async function readInputs(paths: readonly string[]): Promise<Result<RenderInputs, readonly string[]>> {
  const all: Gathered = { openShift: [], own: [], images: [], mirrors: [], documents: [], storage: [], problems: [] };
  for (const path of paths) {
    const listed = await listFiles(path);
    if (!listed.ok) all.problems.push(describeProblem(problem(listed.failure.code, path, listed.failure.message)));
    for (const file of listed.ok ? listed.value.files : []) await readFile(file.path, file.path === path, all);
  }
  return all.problems.length === 0 ? { ok: true, value: all } : { ok: false, failure: all.problems };
}

async function readFile(file: string, isNamed: boolean, all: Gathered): Promise<void> {
  const text = await readText(file);
  const documents = text.ok ? readDocuments(file, text.value) : text;
  // Keys that policies of a directory name lie beside them.
  const content = contentOf(text, documents);
  if (!isNamed && (content === 'pem' || content === 'trustedRoot')) return;
  const say = ({ code, message }: Failure, document?: number): void => {
    all.problems.push(describeProblem(problem(code, file, message, document === undefined ? {} : { document })));
  };
  if (!documents.ok) return say(documents.failure);
  if (documents.value.length === 0) return say(failure('POLICY_BROKEN', 'it holds no policy'));
  for (const { number, value } of documents.value) {
    for (const { item, path } of unfolded(value)) {
      for (const wrong of await take(item, path, { file, text: text.ok ? text.value : '' }, all)) {
        say({ ...wrong, message: path === '' ? wrong.message : `${path}: ${wrong.message}` }, number);
      }
    }
  }
}

/** The items of a list, of which one may be OpenShift's `Image`, which no reader of policies knows. */
function unfolded(value: unknown): readonly { readonly item: unknown; readonly path: string }[] {
  const isList = isFields(value) && fieldOf(value, 'apiVersion') === 'v1' && fieldOf(value, 'kind') === 'List';
  const items: unknown = isList ? fieldOf(value, 'items') : undefined;
  if (!Array.isArray(items)) return [{ item: value, path: '' }];
  const list: readonly unknown[] = items;
  return list.map((item, i) => ({ item, path: `items[${i}]` }));
}

type Origin = { readonly file: string; readonly text: string };

async function take(item: unknown, path: string, origin: Origin, all: Gathered): Promise<readonly Failure[]> {
  if (isFields(item) && isImageConfiguration(fieldOf(item, 'apiVersion'), fieldOf(item, 'kind'))) {
    const image = readImageRegistries(item);
    if (image.ok) all.images.push(image.value);
    return image.ok ? [] : [image.failure];
  }
  const recognised = recognise(item, path);
  if (!recognised.ok) return [recognised.failure];
  const failures: Failure[] = [];
  for (const one of recognised.value) failures.push(...(await keep(one, origin, all)));
  return failures;
}

async function keep(one: Recognised, { file, text }: Origin, all: Gathered): Promise<readonly Failure[]> {
  switch (one.is) {
    case 'policy':
      return one.language.dialect === 'countersign' ? keepOwn(one, file, all) : keepOpenShift(one, all);
    case 'policyJson': {
      const document = readPolicyJson(text);
      if (document.ok) all.documents.push({ file, document: document.value });
      return document.ok ? [] : [document.failure];
    }
    case 'registriesD': {
      const document = readRegistriesD(one.value);
      if (document.ok) all.storage.push({ file: basename(file), document: document.value });
      return document.ok ? [] : [document.failure];
    }
    case 'trustPolicy':
      return [
        failure('FEATURE_NOT_SUPPORTED', 'nodes verify no notation signatures: a trust policy cannot be rendered'),
      ];
    case 'mirrorSet': {
      const set = readMirrorSet(one.object, one.kind);
      if (!set.ok) return [set.failure];
      all.mirrors.push(set.value);
      return otherSpellings(one.object).map((name) =>
        failure(
          'POLICY_BROKEN',
          `${printable(name)}: nodes compare names as they are written: write ${canonicalPrefix(name)}`,
        ),
      );
    }
  }
}

type RecognisedPolicy = Extract<Recognised, { is: 'policy' }>;

function keepOpenShift({ object, kind, language }: RecognisedPolicy, all: Gathered): readonly Failure[] {
  const read = readObject(object, kind, language.dialect === 'openshift' ? language.version : 'v1');
  if (read.kind === 'valid') all.openShift.push(read);
  return read.kind === 'valid' ? [] : read.problems.map(({ text }) => failure('POLICY_BROKEN', text));
}

async function keepOwn({ object, kind }: RecognisedPolicy, file: string, all: Gathered): Promise<readonly Failure[]> {
  const files = await readMaterial(new Set(namedFiles(object)), { policyFile: file, root: undefined });
  const compiled = compileOwnObject(object, {
    source: file,
    mode: undefined,
    lastScopes: [],
    material: lookup(files),
    kind,
  });
  all.own.push(compiled);
  return [
    ...compiled.problems.map(({ text }) => failure('POLICY_BROKEN', text)),
    ...files.flatMap(({ ref }) => (ref.kind === 'unavailable' ? [failure('TRUST_MATERIAL_UNAVAILABLE', ref.why)] : [])),
  ];
}

/** Names in a mirror set that a node takes for others than we do: hosts in capitals, Docker Hub's old name. */
function otherSpellings(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.flatMap((item) => (typeof item === 'string' ? [item] : otherSpellings(item))).filter(isSpeltOtherwise);
  }
  if (!isFields(value)) return [];
  const source = fieldOf(value, 'source');
  const below = ['spec', 'imageDigestMirrors', 'imageTagMirrors', 'repositoryDigestMirrors', 'mirrors'];
  const own = typeof source === 'string' && isSpeltOtherwise(source) ? [source] : [];
  return [...own, ...below.flatMap((field) => otherSpellings(fieldOf(value, field)))];
}

function isSpeltOtherwise(name: string): boolean {
  return canonicalPrefix(name) !== name;
}
