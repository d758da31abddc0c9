import type { ServerResponse } from 'node:http';
import { admitted, type Case, type Place, type Question, refused, wider } from '../case.ts';
import type { Behaviour } from '../front.ts';
import { sign } from '../sign.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const INDEX_TYPE = { 'content-type': 'application/vnd.oci.image.index.v1+json' };
const errors = (code: string) => JSON.stringify({ errors: [{ code, message: code }] });

/** Signs, and asks through the front, which answers some requests itself. */
const behind =
  (behaviour: (place: Place) => Behaviour) =>
  async (place: Place): Promise<Question> => {
    await sign(place);
    const path = place.repository.slice(place.repository.indexOf('/') + 1);
    place.front.behave(path, behaviour(place));
    return { image: `${place.front.host}/${path}:1` };
  };

/** What is answered wherever a path begins so. */
const answer = (start: string, status: number, headers: Readonly<Record<string, string>>, body: string) =>
  behind(() => (path, response) => {
    if (!path.startsWith(start)) return false;
    response.writeHead(status, headers).end(body);
    return true;
  });

const referrers = (status: number, headers: Readonly<Record<string, string>>, body: string) =>
  answer('/referrers/', status, headers, body);

/** A list in pages, the signature on the last. */
const paged = (pages: number) => (place: Place) => (path: string, response: ServerResponse) => {
  if (!path.startsWith('/referrers/')) return false;
  const page = Number(/[?&]page=(\d+)/.exec(path)?.[1] ?? '1');
  const next = `/v2/${place.repository.slice(place.repository.indexOf('/') + 1)}/referrers/${place.image.digest}?page=${page + 1}`;
  const headers = { ...INDEX_TYPE, ...(page < pages ? { link: `<${next}>; rel="next"` } : {}) };
  const list = async () => (page < pages ? [] : await signaturesOf(place));
  list().then(
    (manifests) => response.writeHead(200, headers).end(JSON.stringify({ schemaVersion: 2, manifests })),
    () => response.destroy(),
  );
  return true;
};

/** What the tag of referrers lists in the registry behind the front. */
async function signaturesOf({ repository, image }: Place): Promise<unknown> {
  const slash = repository.indexOf('/');
  const tag = image.digest.replace(':', '-');
  const url = `http://${repository.slice(0, slash)}/v2/${repository.slice(slash + 1)}/manifests/${tag}`;
  const response = await fetch(url, { headers: { accept: INDEX_TYPE['content-type'] } });
  const index: unknown = await response.json();
  return typeof index === 'object' && index !== null && 'manifests' in index ? index.manifests : undefined;
}

/** What registries say where they should list referrers (notation-ratify.md §1.2). */
export const REGISTRY_CASES: readonly Case[] = [
  admitted('referrers: 404 [notation-ratify 100]', referrers(404, JSON_TYPE, errors('NOT_FOUND'))),
  admitted(
    'referrers: 404 with a page [notation-ratify 100]',
    referrers(404, { 'content-type': 'text/html' }, '<html/>'),
  ),
  refused(
    'referrers: 404, and the repository is said not to exist [notation-ratify 101]',
    /name unknown|NAME_UNKNOWN/i,
    'NOT_FOUND',
    referrers(404, JSON_TYPE, errors('NAME_UNKNOWN')),
  ),
  admitted(
    'referrers: 200 with a page [notation-ratify 102]',
    referrers(200, { 'content-type': 'text/html' }, '<html>Welcome!</html>'),
  ),
  refused(
    'referrers: an empty list [notation-ratify 103]',
    /no signature is associated/,
    'UNSIGNED',
    referrers(200, INDEX_TYPE, '{"schemaVersion":2,"manifests":[]}'),
  ),
  refused(
    'neither referrers nor a tag for them [notation-ratify 103]',
    /no signature is associated/,
    'UNSIGNED',
    () => ({}),
  ),
  refused('referrers: 500', /500/, 'REGISTRY_UNAVAILABLE', referrers(500, JSON_TYPE, errors('UNKNOWN'))),
  refused(
    'referrers: 401',
    /401|unauthorized/i,
    'REGISTRY_UNAUTHORISED',
    referrers(401, JSON_TYPE, errors('UNAUTHORIZED')),
  ),
  refused('referrers: 403', /403|denied/i, 'REGISTRY_UNAUTHORISED', referrers(403, JSON_TYPE, errors('DENIED'))),
  refused(
    'referrers: no JSON',
    /invalid character|failed to decode|EOF/,
    'RESPONSE_MALFORMED',
    referrers(200, INDEX_TYPE, 'manifests: []'),
  ),
  admitted('referrers on three pages, the signature on the last [notation-ratify 104]', behind(paged(3))),
  wider(
    'referrers: 400',
    /400/,
    'what a registry says that has no referrers API',
    referrers(400, JSON_TYPE, errors('UNSUPPORTED')),
  ),
  wider(
    'referrers: 405',
    /405/,
    'what a registry says that has no referrers API',
    referrers(405, JSON_TYPE, errors('UNSUPPORTED')),
  ),
  refused(
    'the list under the tag: 500',
    /500/,
    'REGISTRY_UNAVAILABLE',
    answer('/manifests/sha256-', 500, JSON_TYPE, errors('UNKNOWN')),
  ),
  refused(
    'the list under the tag: 403',
    /403|denied/i,
    'REGISTRY_UNAUTHORISED',
    answer('/manifests/sha256-', 403, JSON_TYPE, errors('DENIED')),
  ),
  refused(
    'the list under the tag: a page',
    /unknown response Content-Length/,
    'RESPONSE_MALFORMED',
    answer('/manifests/sha256-', 200, { 'content-type': 'text/html' }, '<html/>'),
  ),
  refused('envelopes: 500', /500/, 'REGISTRY_UNAVAILABLE', behindEnvelopes(500)),
  refused('envelopes: 404', /404|not found/i, 'RESPONSE_MALFORMED', behindEnvelopes(404)),
  refused(
    'envelopes: other bytes [notation-ratify 109]',
    /expected content size/,
    'DIGEST_MISMATCH',
    behindEnvelopes(200),
  ),
];

/** Blobs that are asked for are signatures: nobody needs an image's own. */
function behindEnvelopes(status: number) {
  return answer('/blobs/', status, { 'content-type': 'application/octet-stream' }, 'other bytes');
}
