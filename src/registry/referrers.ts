import { createBoundedCache } from '../cache/bounded-cache.ts';
import { type Failure, failed, failure, type Lookup, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { asArray, asObject, parseStrictJson, stringAt } from '../encoding/strict-json.ts';
import { type Descriptor, isIndexType, MANIFEST_TYPES } from '../image/descriptor.ts';
import { type Digest, hexOf } from '../image/digest.ts';
import { type ImageIndex, parseImageIndex } from '../image/manifest.ts';
import type { Endpoint } from './endpoints.ts';
import type { Answer, Wire } from './exchange.ts';
import { mediaTypeOf, readManifest } from './manifests.ts';
import type { ReferrersList, RequestContext } from './registry.ts';
import { type Session, statusFailure } from './session.ts';

/** Lists what refers to a digest at one endpoint, as whoever the session is for. */
export type Referrers = (
  session: Session,
  endpoint: Endpoint,
  digest: Digest,
  context: RequestContext,
) => Promise<Lookup<ReferrersList>>;

/** What one page of the API came to. `no-api` is only said of the first one. */
type Page = { readonly kind: 'page'; readonly index: ImageIndex; readonly next: URL | undefined } | NoApi;

/** `lasting` where a status says so. A page of another kind may come from whatever stands in front of the registry. */
type NoApi = { readonly kind: 'no-api'; readonly lasting: boolean };

/** Statuses that say that the registry has no such API (DESIGN.md §4.3); 404 with NAME_UNKNOWN is told apart. */
const NO_API: ReadonlySet<number> = new Set([400, 404, 405, 406, 501]);

/**
 * Makes the list of referrers: the API with all its pages (distribution specification, "Listing Referrers"), or where
 * there is none the fallback tag. Where the API answers, the fallback tag is not read: clients no longer keep it.
 */
export function createReferrers(wire: Wire): Referrers {
  // A hint that saves a request; it dies soon, so that a registry that learns the API is seen.
  const withoutApi = createBoundedCache<{ readonly known: true }>(
    { entries: 2_000, bytes: 1024 * 1024, lives: wire.limits.referrersHintMs },
    wire.clock.now,
  );

  return async (session, endpoint, digest, context) => {
    // By who asks: a registry may answer 404 to whoever it shows nothing, and that is not to hide the API from others.
    const place = `${endpoint.location.path} ${session.accessId(endpoint)}`;
    if (withoutApi.get(place) === undefined) {
      const listed = await listByApi(wire, session, endpoint, digest, context);
      if (!listed.ok) return { kind: 'failed', failure: listed.failure };
      if (!('kind' in listed.value)) {
        return { kind: 'found', value: { descriptors: listed.value, source: 'api', location: endpoint.location } };
      }
      if (listed.value.lasting) withoutApi.set(place, { known: true }, 0);
    }
    return listByFallbackTag(wire, session, endpoint, digest, context);
  };
}

async function listByApi(
  wire: Wire,
  session: Session,
  endpoint: Endpoint,
  digest: Digest,
  context: RequestContext,
): Promise<Result<readonly Descriptor[] | NoApi>> {
  const { limits } = wire;
  const descriptors: Descriptor[] = [];
  let path = `/v2/${endpoint.location.path}/referrers/${digest}`;
  let search = '';
  let bytes = 0;
  for (let pages = 0; pages < limits.referrersPages; pages++) {
    const read = {
      method: 'GET',
      path,
      search,
      accept: MANIFEST_TYPES.ociIndex,
      maxBytes: limits.manifestBytes,
      purpose: 'referrers',
    } as const;
    const answer = await session.read(endpoint, read, context);
    if (!answer.ok) return answer;
    bytes += answer.value.body.length;
    if (bytes > limits.referrersBytes)
      return tooMany(endpoint, `more than ${limits.referrersBytes} bytes of referrers`);

    const page = readPage(answer.value, endpoint, pages === 0 ? 'first' : 'later');
    if (!page.ok) return page;
    if (page.value.kind === 'no-api') return ok(page.value);
    descriptors.push(...page.value.index.manifests);
    if (descriptors.length > limits.referrers) return tooMany(endpoint, `more than ${limits.referrers} referrers`);
    if (page.value.next === undefined) return ok(descriptors);
    path = page.value.next.pathname;
    search = page.value.next.search;
  }
  return tooMany(endpoint, `more than ${limits.referrersPages} pages of referrers`);
}

async function listByFallbackTag(
  wire: Wire,
  session: Session,
  endpoint: Endpoint,
  digest: Digest,
  context: RequestContext,
): Promise<Lookup<ReferrersList>> {
  const tag = `sha256-${hexOf(digest)}`;
  const manifest = await readManifest(session, endpoint, { tag }, wire.limits.manifestBytes, context);
  const list = (descriptors: readonly Descriptor[]): Lookup<ReferrersList> => ({
    kind: 'found',
    value: { descriptors, source: 'fallback', location: endpoint.location },
  });
  if (manifest.kind === 'failed') return manifest;
  if (manifest.kind === 'absent') return list([]);

  const { descriptor, bytes } = manifest.value;
  const host = endpoint.base.host;
  if (!isIndexType(descriptor.mediaType)) {
    return { kind: 'failed', failure: failure('RESPONSE_MALFORMED', `the fallback tag ${tag} at ${host} is no index`) };
  }
  const index = parseImageIndex(bytes, descriptor.mediaType);
  if (!index.ok) return { kind: 'failed', failure: malformedList(host, index.failure) };
  if (index.value.manifests.length > wire.limits.referrers) {
    const refusal = tooMany(endpoint, `more than ${wire.limits.referrers} referrers`);
    return { kind: 'failed', failure: refusal.failure };
  }
  return list(index.value.manifests);
}

function readPage(answer: Answer, endpoint: Endpoint, position: 'first' | 'later'): Result<Page> {
  const host = printable(answer.url.host);
  if (answer.status !== 200) {
    if (position === 'later' || !NO_API.has(answer.status)) return { ok: false, failure: statusFailure(answer) };
    return answer.status === 404 && isNameUnknown(answer.body)
      ? failed('IMAGE_NOT_FOUND', `${host} says that it has no repository ${endpoint.location.path}`)
      : ok({ kind: 'no-api', lasting: true });
  }
  if (mediaTypeOf(answer) !== MANIFEST_TYPES.ociIndex) {
    return position === 'first'
      ? ok({ kind: 'no-api', lasting: false })
      : failed('RESPONSE_MALFORMED', `${host} answered a later page of referrers with something else`);
  }
  const index = parseImageIndex(answer.body, MANIFEST_TYPES.ociIndex);
  if (!index.ok) return { ok: false, failure: malformedList(host, index.failure) };
  const next = nextPage(answer, endpoint);
  return next.ok ? ok({ kind: 'page', index: index.value, next: next.value }) : next;
}

/** Whether an error body says that the whole repository is unknown (distribution specification, "Error Codes"). */
function isNameUnknown(body: Uint8Array): boolean {
  const json = parseStrictJson(body);
  const errors = json.ok ? asArray(asObject(json.value)?.['errors']) : undefined;
  return (errors ?? []).some((each) => {
    const error = asObject(each);
    return error !== undefined && stringAt(error, 'code') === 'NAME_UNKNOWN';
  });
}

/** The next page from `Link: <…>; rel="next"` (RFC 8288), read by hand. Another origin is refused. */
function nextPage(answer: Answer, endpoint: Endpoint): Result<URL | undefined> {
  const header = answer.header('link');
  if (header === undefined) return ok(undefined);
  const open = header.indexOf('<');
  const close = header.indexOf('>', open);
  if (open < 0 || close < 0) return failed('RESPONSE_MALFORMED', `${endpoint.base.host} sent a malformed Link header`);
  const parameters = header
    .slice(close + 1, close + 200)
    .toLowerCase()
    .replaceAll(' ', '')
    .replaceAll('"', '');
  if (!parameters.startsWith(';rel=next')) return ok(undefined);

  const target = URL.parse(header.slice(open + 1, close), answer.url);
  if (target === null || target.origin !== endpoint.base.origin || target.username !== '') {
    return failed('REDIRECT_REFUSED', `${endpoint.base.host} continues its list of referrers at another place`);
  }
  return ok(target);
}

function malformedList(host: string, beneath: Failure): Failure {
  return failure(beneath.code, `the list of referrers from ${host} cannot be read: ${beneath.message}`, beneath);
}

function tooMany(endpoint: Endpoint, what: string): { readonly ok: false; readonly failure: Failure } {
  return failed('LIMIT_EXCEEDED', `${endpoint.base.host} lists ${what}`);
}
