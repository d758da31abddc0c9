import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { type Admitted, admit } from '../admission/admit.ts';
import { answeredReview, respondMalformed } from '../admission/respond.ts';
import { type AdmissionRequest, parseReview } from '../admission/review.ts';
import { workloadKinds } from '../admission/workloads.ts';
import { exitStatus } from '../audit/exit-status.ts';
import { jsonOutput } from '../audit/json.ts';
import { textOutput } from '../audit/text.ts';
import { type Command, type Terminal, USAGE_ERROR, usageError } from './command.ts';
import { type Offline, readOfflineArguments, startOffline } from './offline.ts';

type Fields = Readonly<Record<string, unknown>>;

type Input =
  | { readonly kind: 'review'; readonly review: Fields }
  | { readonly kind: 'objects'; readonly objects: readonly Fields[] };

/** Something that is still to be looked into, and what the list around it says it is. */
type Waiting = { readonly value: unknown; readonly typed: Fields };

/** Bytes of input that are read; the API server sends at most some 3 MiB. */
const MAXIMUM_BYTES = 8 * 1024 * 1024;

/** `countersign review`: decides about an AdmissionReview, or about what `kubectl apply` would create. */
export const review: Command = async (args, terminal) => {
  const given = readOfflineArguments(args, terminal);
  if (typeof given === 'number') return given;
  if (given.as !== undefined) return usageError(terminal, '--as is for verify, with an image in a folder.');
  const [file, ...more] = given.operands;
  if (file === undefined || more.length > 0)
    return usageError(terminal, 'review needs one file, or - for standard input.');

  const input = await readInput(file, terminal);
  if (typeof input === 'string') {
    terminal.error(`countersign: ${file}: ${input}\n`);
    return USAGE_ERROR;
  }
  const offline = await startOffline(given, terminal);
  if (typeof offline === 'number') return offline;
  try {
    if (input.kind === 'review') return await decideReview(input.review, offline, given.output, terminal);
    return await decideManifests(input.objects, given.namespace ?? 'default', offline, given.output, terminal);
  } finally {
    await offline.verifier.close();
  }
};

async function decideReview(
  document: Fields,
  offline: Offline,
  output: 'text' | 'json',
  terminal: Terminal,
): Promise<number> {
  const request = parseReview(document);
  if (!request.ok) {
    if (output === 'json') terminal.out(`${JSON.stringify(respondMalformed(request.failure).body)}\n`);
    terminal.error(`countersign: the AdmissionReview is malformed: ${request.failure.message}\n`);
    return USAGE_ERROR;
  }
  const admitted = await decide(request.value, offline);
  if (output === 'json') terminal.out(`${JSON.stringify(answeredReview(admitted.response), null, 2)}\n`);
  else terminal.out(textOutput([admitted.decision], { colour: terminal.interactive }));
  return exitStatus([admitted.decision]);
}

async function decideManifests(
  objects: readonly Fields[],
  namespace: string,
  offline: Offline,
  output: 'text' | 'json',
  terminal: Terminal,
): Promise<number> {
  const admitted = await Promise.all(
    objects.map((object, index) => decide(creationOf(object, index, namespace), offline)),
  );
  const decisions = admitted.map(({ decision }) => decision);
  if (output === 'json') terminal.out(`${JSON.stringify(jsonOutput(decisions), null, 2)}\n`);
  else terminal.out(textOutput(decisions, { colour: terminal.interactive, titles: objects.map(titleOf) }));
  return exitStatus(decisions);
}

function decide(request: AdmissionRequest, { configuration, verifier }: Offline): Promise<Admitted> {
  const time = Date.now();
  return admit(request, {
    verifier,
    workloads: workloadKinds(configuration.workloads),
    serverMode: configuration.mode,
    namespaceModes: configuration.namespaces,
    readsBeyondImages: false,
    deadline: time + configuration.deadline,
    time,
  });
}

/** What an object is called in the output: `Deployment shop/web`. */
function titleOf(object: Fields): string {
  const metadata = isFields(object['metadata']) ? object['metadata'] : {};
  const namespace = textOf(metadata['namespace']);
  const name = textOf(metadata['name']) || textOf(metadata['generateName']);
  return `${textOf(object['kind'])} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

/** The request that creating this object would cause. */
function creationOf(object: Fields, index: number, namespace: string): AdmissionRequest {
  const metadata = isFields(object['metadata']) ? object['metadata'] : {};
  const [group, version] = splitApiVersion(textOf(object['apiVersion']));
  const kind = textOf(object['kind']);
  return {
    uid: `manifest-${index + 1}`,
    operation: 'CREATE',
    kind: { group, version, kind },
    resource: { group, version, resource: `${kind.toLowerCase()}s` },
    subResource: '',
    namespace: textOf(metadata['namespace']) || namespace,
    name: textOf(metadata['name']),
    user: { name: '', groups: [] },
    dryRun: true,
    object,
    oldObject: undefined,
  };
}

function splitApiVersion(apiVersion: string): readonly [string, string] {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** What is to be decided about, or a sentence on why it cannot be read. */
async function readInput(file: string, terminal: Terminal): Promise<Input | string> {
  let content: string;
  try {
    content = file === '-' ? await terminal.readStandardInput() : await readFile(file, 'utf8');
  } catch {
    return 'it cannot be read.';
  }
  if (content.length > MAXIMUM_BYTES) return `it is larger than ${MAXIMUM_BYTES} bytes.`;
  const documents = readDocuments(content);
  if (typeof documents === 'string') return documents;
  const [first, ...others] = documents;
  if (first === undefined) return 'it holds no object.';
  if (isFields(first) && others.length === 0 && first['kind'] === 'AdmissionReview') {
    return { kind: 'review', review: first };
  }
  return objectsOf(documents);
}

function readDocuments(content: string): readonly unknown[] | string {
  try {
    const documents: unknown[] = [];
    for (const document of parseAllDocuments(content, { uniqueKeys: true })) {
      const [error] = document.errors;
      if (error !== undefined) return error.message;
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      if (value !== null) documents.push(value);
    }
    return documents;
  } catch {
    // The library throws on aliases that unfold too far, and on nesting that exhausts the stack.
    return 'the YAML nests too deep or unfolds too far.';
  }
}

/**
 * The objects of documents, those in lists one by one. What could not be told to carry no images is an error: a build
 * must not pass because nobody looked.
 */
function objectsOf(documents: readonly unknown[]): Input | string {
  const objects: Fields[] = [];
  const open = documents.map((value): Waiting => ({ value, typed: {} })).toReversed();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!isFields(next.value)) return 'it holds something that is no object.';
    const object = { ...next.typed, ...next.value };
    const { apiVersion, kind, items } = object;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || kind === '') {
      return 'it holds an object without apiVersion and kind.';
    }
    if (kind === 'AdmissionReview') return 'an AdmissionReview has to stand alone.';
    if (!kind.endsWith('List') || !Array.isArray(items)) {
      objects.push(object);
      continue;
    }
    // The items of a typed list, as the API server sends it, do not say what they are.
    const typed = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    for (const value of items.toReversed()) open.push({ value, typed });
  }
  return { kind: 'objects', objects };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
