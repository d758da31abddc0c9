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

/** Bytes of input that are read; the API server sends at most some 3 MiB. */
const MAXIMUM_BYTES = 8 * 1024 * 1024;

/** `countersign review`: decides about an AdmissionReview, or about what `kubectl apply` would create. */
export const review: Command = async (args, terminal) => {
  const given = readOfflineArguments(args, terminal);
  if (typeof given === 'number') return given;
  const [file, ...more] = given.operands;
  if (file === undefined || more.length > 0)
    return usageError(terminal, 'review needs one file, or - for standard input.');

  const documents = await readDocuments(file, terminal);
  if (typeof documents === 'string') {
    terminal.error(`countersign: ${documents}\n`);
    return USAGE_ERROR;
  }
  const offline = await startOffline(given, terminal);
  if (typeof offline === 'number') return offline;
  try {
    const [first, ...others] = documents;
    if (first !== undefined && others.length === 0 && first['kind'] === 'AdmissionReview') {
      return await decideReview(first, offline, given.output, terminal);
    }
    return await decideManifests(documents, given.namespace ?? 'default', offline, given.output, terminal);
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
  documents: readonly Fields[],
  namespace: string,
  offline: Offline,
  output: 'text' | 'json',
  terminal: Terminal,
): Promise<number> {
  const objects = documents.flatMap(itemsOf);
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

/** The objects of a List, however deep; anything else is itself. */
function itemsOf(document: Fields): readonly Fields[] {
  const items = document['items'];
  const kind = document['kind'];
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return [document];
  return items.filter(isFields).flatMap(itemsOf);
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

/** The documents of a file of YAML or JSON, or a sentence on why it cannot be read. */
async function readDocuments(file: string, terminal: Terminal): Promise<readonly Fields[] | string> {
  let content: string;
  try {
    content = file === '-' ? await terminal.readStandardInput() : await readFile(file, 'utf8');
  } catch {
    return `${file} cannot be read.`;
  }
  if (content.length > MAXIMUM_BYTES) return `${file} is larger than ${MAXIMUM_BYTES} bytes.`;
  const parsed = parseAllDocuments(content, { uniqueKeys: true });
  const documents: Fields[] = [];
  for (const document of parsed) {
    const [error] = document.errors;
    if (error !== undefined) return `${file}: ${error.message}`;
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null) continue;
    if (!isFields(value)) return `${file}: a document is no object.`;
    documents.push(value);
  }
  return documents.length === 0 ? `${file} holds no object.` : documents;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
