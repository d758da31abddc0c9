import { type Failure, failure, failureClass, type Lookup, type Result } from '../codes/result.ts';
import { repositoryName } from '../image/reference.ts';
import type { Endpoint, Endpoints } from './endpoints.ts';
import type { RequestContext } from './registry.ts';

/**
 * What is asked of places. A tag means what a place says it means, so that is asked only where tags may be; what a digest
 * names is checked against it wherever it comes from, and so is whatever is said about a digest by who signs it.
 */
export type Question = 'tag' | 'content' | 'signatures';

/**
 * Asks each place in turn: an answer ends it, trouble is remembered, and only agreement on nothing is `absent`.
 * @param isAnswer whether what was found ends it; of what does not the last is returned where nothing else was found
 * @returns REGISTRY_BLOCKED where nobody has it who may be asked; signatures only where nobody may be asked at all, since
 *   a copy without signatures is unsigned
 */
export async function askPlaces<T>(
  places: Result<Endpoints>,
  question: Question,
  context: RequestContext,
  ask: (endpoint: Endpoint) => Promise<Lookup<T>>,
  isAnswer: (value: T) => boolean = () => true,
): Promise<Lookup<T>> {
  if (!places.ok) return { kind: 'failed', failure: places.failure };
  const { endpoints, blockedBy } = places.value;
  const fit = once(endpoints.filter(({ serves }) => question !== 'tag' || serves !== 'digests'));
  const troubles: Failure[] = [];
  let empty: Lookup<T> = { kind: 'absent' };
  for (const endpoint of fit) {
    if (context.isWanted?.(endpoint.location) === false) continue;
    const lookup = await ask(endpoint);
    if (lookup.kind === 'found' && isAnswer(lookup.value)) return lookup;
    if (lookup.kind === 'found') empty = lookup;
    if (lookup.kind === 'failed') troubles.push(inPlace(endpoint, lookup.failure));
  }
  const worst = gravest(troubles);
  if (worst !== undefined) return { kind: 'failed', failure: worst };
  if (blockedBy === undefined || (question === 'signatures' && fit.length > 0)) return empty;
  const whoElse = fit.length === 0 ? 'there is no mirror to ask instead' : 'none of its mirrors has it';
  return { kind: 'failed', failure: failure('REGISTRY_BLOCKED', `${blockedBy} is blocked, and ${whoElse}`) };
}

/** Each place once: rules may name the source as its own mirror. */
function once(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const placeOf = ({ base, location }: Endpoint) => `${base.origin} ${repositoryName(location)}`;
  return [...new Map(endpoints.map((endpoint) => [placeOf(endpoint), endpoint])).values()];
}

function inPlace(endpoint: Endpoint, beneath: Failure): Failure {
  return failure(beneath.code, `${repositoryName(endpoint.location)}: ${beneath.message}`, beneath.cause);
}

/** The failure that `onError` loosens least, so that an unreachable mirror hides nothing; the last of equals. */
function gravest(troubles: readonly Failure[]): Failure | undefined {
  return troubles.findLast((trouble) => failureClass(trouble) !== 'unavailable') ?? troubles.at(-1);
}
