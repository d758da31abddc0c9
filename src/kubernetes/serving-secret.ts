import { asObject, type JsonObject, type JsonValue } from '../encoding/strict-json.ts';
import { parseServing, SECRET_KEYS, type ServingState, writeServing } from './serving-state.ts';

/** What stands in the Secret. */
export type Found =
  /** It is not there, or there is nothing in it, as where a chart makes it for the process to fill. */
  | { readonly kind: 'nothing' }
  /** It was countersign's, and cannot be read. */
  | { readonly kind: 'garbled'; readonly reason: string }
  /** Something else, that somebody else may need: it is never written over. */
  | { readonly kind: 'foreign'; readonly reason: string }
  | { readonly kind: 'state'; readonly state: ServingState };

/** Says that a Secret is countersign's to write. */
const OURS = 'countersign.dev/serving-certificate';

/** Reads a Secret; undefined for none. */
export function readSecret(secret: JsonObject | undefined): Found {
  const data = asObject(secret?.['data']) ?? {};
  if (secret === undefined || Object.values(data).every((value) => value === '')) return { kind: 'nothing' };
  const read = parseServing(data);
  if (read.ok) return { kind: 'state', state: read.value };
  const annotations = asObject(asObject(secret['metadata'])?.['annotations']) ?? {};
  const kind = annotations[OURS] === undefined ? 'foreign' : 'garbled';
  return { kind, reason: read.failure.message };
}

/** The Secret with a state in it, and everything else in it as it is; its resourceVersion makes a change in between a conflict. */
export function filledSecret(secret: JsonObject, state: ServingState): JsonObject {
  const metadata = asObject(secret['metadata']) ?? {};
  const annotations = asObject(metadata['annotations']) ?? {};
  return {
    ...secret,
    metadata: { ...metadata, annotations: { ...annotations, [OURS]: 'managed' } },
    data: { ...without(asObject(secret['data']) ?? {}), ...encoded(state) },
  };
}

/** A new Secret with a state in it. */
export function newSecret(name: string, state: ServingState): JsonObject {
  const labels = { 'app.kubernetes.io/name': 'countersign', 'app.kubernetes.io/managed-by': 'countersign' };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name, labels, annotations: { [OURS]: 'managed' } },
    data: encoded(state),
  };
}

function without(data: JsonObject): JsonObject {
  const ours: ReadonlySet<string> = new Set(SECRET_KEYS);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !ours.has(key)));
}

function encoded(state: ServingState): Record<string, JsonValue> {
  const data: Record<string, JsonValue> = {};
  for (const [key, text] of Object.entries(writeServing(state))) {
    if (text !== undefined) data[key] = Buffer.from(text).toString('base64');
  }
  return data;
}
