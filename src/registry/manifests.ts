import { failed, failure, type Lookup, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { type Descriptor, MANIFEST_TYPES } from '../image/descriptor.ts';
import { type Digest, digestOf, isDigest } from '../image/digest.ts';
import { checkManifestType } from '../image/manifest.ts';
import { isTag } from '../image/reference.ts';
import type { Endpoint } from './endpoints.ts';
import type { Answer } from './exchange.ts';
import type { FetchedManifest, NamedTag, RequestContext } from './registry.ts';
import { type Session, statusFailure } from './session.ts';

const MANIFEST_TYPE_LIST: readonly string[] = Object.values(MANIFEST_TYPES);
const ACCEPT = MANIFEST_TYPE_LIST.join(', ');
const NO_ANNOTATIONS: Readonly<Record<string, string>> = Object.freeze({});

/** What registries and file servers say where they do not know what they serve; then the manifest itself must say it. */
const UNSPECIFIC_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/octet-stream', 'text/plain']);

/**
 * Reads a manifest with one GET. By digest the bytes are checked against it; by tag the digest is computed from the
 * bytes, and a Docker-Content-Digest that says otherwise is a contradiction.
 */
export async function readManifest(
  session: Session,
  endpoint: Endpoint,
  which: Digest | NamedTag,
  maxBytes: number,
  context: RequestContext,
): Promise<Lookup<FetchedManifest>> {
  if (typeof which !== 'string' && !isTag(which.tag)) return notATag(which.tag);
  const path = manifestPath(endpoint, typeof which === 'string' ? which : which.tag);
  const bound = Math.min(maxBytes, context.maxManifestBytes ?? maxBytes);
  const read = { method: 'GET', path, accept: ACCEPT, maxBytes: bound, purpose: 'manifest' } as const;
  const answer = await session.read(endpoint, read, context);
  if (!answer.ok) return { kind: 'failed', failure: answer.failure };
  if (answer.value.status === 404) return { kind: 'absent' };
  const checked = checkManifest(answer.value, typeof which === 'string' ? which : undefined);
  if (!checked.ok) return { kind: 'failed', failure: checked.failure };
  const fetched = { descriptor: checked.value, bytes: answer.value.body, location: endpoint.location };
  return { kind: 'found', value: fetched };
}

/** Resolves a tag with one HEAD, and where that says too little with one GET. */
export async function resolveTagAt(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  maxBytes: number,
  context: RequestContext,
): Promise<Lookup<Descriptor>> {
  if (!isTag(tag)) return notATag(tag);
  const read = {
    method: 'HEAD',
    path: manifestPath(endpoint, tag),
    accept: ACCEPT,
    maxBytes,
    purpose: 'manifest-head',
  } as const;
  const answer = await session.read(endpoint, read, context);
  if (!answer.ok) return { kind: 'failed', failure: answer.failure };
  const { status } = answer.value;
  if (status === 404) return { kind: 'absent' };
  if (status === 429 || status >= 500) return { kind: 'failed', failure: statusFailure(answer.value) };
  const described = status === 200 ? describedBy(answer.value) : undefined;
  if (described !== undefined) return { kind: 'found', value: described };

  const fetched = await readManifest(session, endpoint, { tag }, maxBytes, context);
  return fetched.kind === 'found' ? { kind: 'found', value: fetched.value.descriptor } : fetched;
}

/** The media type of an answer without its parameters, in lower case; undefined for none. */
export function mediaTypeOf(answer: Answer): string | undefined {
  const type = answer.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  return type === '' ? undefined : type;
}

function notATag(text: string): Lookup<never> {
  return { kind: 'failed', failure: failure('REFERENCE_INVALID', `${printable(text)} is not a tag`) };
}

/** Path of a manifest below the endpoint's base. */
function manifestPath({ location }: Endpoint, reference: string): string {
  return `/v2/${location.path}/manifests/${reference}`;
}

function checkManifest(answer: Answer, expected: Digest | undefined): Result<Descriptor> {
  if (answer.status !== 200) return { ok: false, failure: statusFailure(answer) };
  const host = printable(answer.url.host);
  const stated = mediaTypeOf(answer);
  const unspecific = stated === undefined || UNSPECIFIC_TYPES.has(stated);
  if (!unspecific && !MANIFEST_TYPE_LIST.includes(stated)) {
    const shown = printable(stated, 100);
    return stated.startsWith('application/vnd.')
      ? failed('MEDIA_TYPE_UNSUPPORTED', `${host} answered with a manifest of type ${shown}`)
      : failed('RESPONSE_MALFORMED', `${host} answered with ${shown} instead of a manifest`);
  }

  const digest = digestOf(answer.body);
  if (expected !== undefined && digest !== expected) {
    return failed('DIGEST_MISMATCH', `${host} sent ${digest} instead of ${expected}`);
  }
  const header = answer.header('docker-content-digest');
  if (expected === undefined && header !== undefined && header !== digest) {
    return failed('DIGEST_MISMATCH', `${host} sent ${digest} and called it ${printable(header, 100)}`);
  }
  const type = checkManifestType(answer.body, unspecific ? undefined : stated);
  if (!type.ok) return failed(type.failure.code, `${host} sent a manifest that is none: ${type.failure.message}`);
  return ok({ mediaType: type.value, digest, size: answer.body.length, annotations: NO_ANNOTATIONS });
}

/** What the headers of a HEAD say, if they say everything. */
function describedBy(answer: Answer): Descriptor | undefined {
  const digest = answer.header('docker-content-digest');
  const mediaType = mediaTypeOf(answer);
  const length = answer.header('content-length');
  if (digest === undefined || !isDigest(digest)) return undefined;
  if (mediaType === undefined || !MANIFEST_TYPE_LIST.includes(mediaType)) return undefined;
  if (length === undefined || !/^[0-9]{1,15}$/.test(length)) return undefined;
  return { mediaType, digest, size: Number(length), annotations: NO_ANNOTATIONS };
}
