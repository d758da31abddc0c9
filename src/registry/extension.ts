import { createBoundedCache } from '../cache/bounded-cache.ts';
import { createSingleFlight } from '../cache/single-flight.ts';
import { failed, failure, type Lookup, ok, type Result } from '../codes/result.ts';
import { decodeBase64 } from '../encoding/base64.ts';
import { printable } from '../encoding/escape.ts';
import { asArray, asObject, type JsonValue, parseStrictJson, stringAt } from '../encoding/strict-json.ts';
import type { Digest } from '../image/digest.ts';
import type { Endpoint } from './endpoints.ts';
import { type Answer, follow, type Wire } from './exchange.ts';
import type { DetachedSignatures, RequestContext } from './registry.ts';
import { type Session, statusFailure } from './session.ts';

/** Signatures that a registry serves itself, as OpenShift's does (`X-Registry-Supports-Signatures`). */
export type SignatureExtension = {
  /**
   * Whether the registry says that it serves them; then they are nowhere else. One ping tells for all of its
   * repositories, and is remembered.
   * @returns what the ping failed with, since nobody knows then where signatures are
   */
  readonly isServed: (endpoint: Endpoint, context: RequestContext) => Promise<Result<boolean>>;
  /** Lists them. Any answer but 200 is trouble, 404 too: whoever says that it serves signatures has a list, if empty. */
  readonly list: (
    session: Session,
    endpoint: Endpoint,
    digest: Digest,
    maximum: number,
    context: RequestContext,
  ) => Promise<Lookup<DetachedSignatures>>;
};

const HEADER = 'x-registry-supports-signatures';

/** Bytes of what stands beside the header, which nobody reads. */
const PING_BYTES = 65_536;
/** Values in a list: many times those of as many signatures as are read. */
const LIST_VALUES = 10_000;
const PING_LIVES_MS = 600_000;

/**
 * Makes the extension's client.
 *
 * The ping goes out without a credential and counts with a 401 too, as in containers/image: so its answer is of the registry
 * and not of who asks, and registries that show `/v2/` to nobody without an account can be asked all the same.
 * @see reference/openshift-containers.md §3.5
 */
export function createSignatureExtension(wire: Wire): SignatureExtension {
  const known = createBoundedCache<{ readonly served: boolean }>(
    { entries: 2_000, bytes: 1024 * 1024, lives: PING_LIVES_MS },
    wire.clock.now,
  );
  const flights = createSingleFlight<Result<boolean>>();

  async function ping({ base }: Endpoint, context: RequestContext): Promise<Result<boolean>> {
    const url = new URL(base);
    url.pathname = '/v2/';
    const headers = { 'user-agent': 'countersign' };
    const answer = await follow(wire, { method: 'GET', url, headers, maxBytes: PING_BYTES, purpose: 'ping' }, context);
    if (!answer.ok) return answer;
    const { status } = answer.value;
    if (status !== 200 && status !== 401) return { ok: false, failure: statusFailure(answer.value) };
    const served = answer.value.header(HEADER) === '1';
    known.set(base.origin, { served }, 0);
    return ok(served);
  }

  return {
    async isServed(endpoint, context) {
      const before = known.get(endpoint.base.origin);
      if (before !== undefined) return ok(before.served);
      const pinged = await flights.run(
        endpoint.base.origin,
        context.signal,
        (signal) => ping(endpoint, { ...context, signal }),
        () => failed('REGISTRY_DEADLINE', `${endpoint.base.host} did not answer in time`),
      );
      if (pinged.ok) return pinged;
      const { code, message, cause } = pinged.failure;
      return failed(code, `whether it serves signatures is not known: ${message}`, cause);
    },
    async list(session, endpoint, digest, maximum, context) {
      const { location, base } = endpoint;
      const path = `/extensions/v2/${location.path}/signatures/${digest}`;
      const maxBytes = wire.limits.extensionBytes;
      const read = { method: 'GET', path, accept: 'application/json', maxBytes, purpose: 'extension' } as const;
      const answer = await session.read(endpoint, read, context);
      const list = answer.ok ? readList(answer.value, maximum) : answer;
      if (!list.ok) {
        // It may have stopped serving them.
        known.delete(base.origin);
        return { kind: 'failed', failure: list.failure };
      }
      const place = `${base.origin}${path}`;
      const signatures = list.value.map((bytes, index) => ({ name: `${place}#${index + 1}`, bytes }));
      return { kind: 'found', value: { location, source: 'extension', place, signatures } };
    },
  };
}

function readList(answer: Answer, maximum: number): Result<readonly Uint8Array[]> {
  if (answer.status !== 200) return { ok: false, failure: statusFailure(answer) };
  const host = printable(answer.url.host);
  const json = parseStrictJson(answer.body, { maxValues: LIST_VALUES });
  if (!json.ok) {
    const { code, message } = json.failure;
    return failed(code, `the list of signatures from ${host} cannot be read: ${message}`);
  }
  const listed = asObject(json.value)?.['signatures'];
  // The registry is written in Go, where an empty list may be written as null.
  const entries = listed === null ? [] : asArray(listed);
  if (entries === undefined) return malformed(host, 'it holds no list');
  const signatures: Uint8Array[] = [];
  for (const entry of entries) {
    const signature = readEntry(entry);
    if (signature === 'malformed') return malformed(host, 'an entry of it is malformed');
    if (signature === 'other') continue;
    if (signatures.length >= maximum) return failed('LIMIT_EXCEEDED', `${host} lists more than ${maximum} signatures`);
    signatures.push(signature);
  }
  return ok(signatures);
}

/** One entry's bytes; `other` for a version or a type of signature that is none of ours. */
function readEntry(entry: JsonValue): Uint8Array | 'other' | 'malformed' {
  const object = asObject(entry);
  if (object === undefined) return 'malformed';
  if (object['schemaVersion'] !== 2 || object['type'] !== 'atomic') return 'other';
  const content = stringAt(object, 'content');
  const bytes = content === undefined ? undefined : decodeBase64(content, { newlines: 'ignored' });
  return bytes?.ok === true ? bytes.value : 'malformed';
}

function malformed(host: string, why: string): Result<never> {
  return { ok: false, failure: failure('RESPONSE_MALFORMED', `the list of signatures from ${host}: ${why}`) };
}
