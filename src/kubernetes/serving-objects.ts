import { ok } from '../codes/result.ts';
import { asObject, type JsonObject, stringAt } from '../encoding/strict-json.ts';
import type { ApiClient } from './api.ts';
import { createBackOff } from './back-off.ts';
import type { Clock } from './clock.ts';
import type { ApiResult } from './failures.ts';
import type { Target } from './resource.ts';
import { type HookPaths, pointedHooks, readHooks, WEBHOOK_CONFIGURATIONS } from './serving-hooks.ts';
import type { Hook, Pointing } from './serving-roll-over.ts';
import { type Found, filledSecret, newSecret, readSecret } from './serving-secret.ts';
import type { ServingState } from './serving-state.ts';

/** Where the objects are that the serving certificate is about. */
export type ServingPlaces = {
  readonly api: Pick<ApiClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  /** Name of the Secret. */
  readonly secret: string;
  /** Names of the ValidatingWebhookConfigurations. */
  readonly configurations: readonly string[];
  readonly paths: HookPaths;
  readonly clock: Clock;
  readonly random: () => number;
};

/** The Secret as it is now. */
export type LiveSecret = { readonly object: JsonObject | undefined; readonly found: Found };

/** The configurations as they are now; those that are not there are left out. */
export type LiveHooks = { readonly objects: readonly JsonObject[]; readonly observed: readonly Hook[] };

/** What came of an attempt to have webhooks say something; it may be too soon to say the same again. */
export type Pointed = { readonly kind: 'written' } | { readonly kind: 'too-soon'; readonly waitMs: number };

/** Reads and writes these objects, each write against the state that was read. */
export type ServingObjects = {
  readonly readSecret: (signal: AbortSignal) => Promise<ApiResult<LiveSecret>>;
  readonly readHooks: (signal: AbortSignal) => Promise<ApiResult<LiveHooks>>;
  readonly writeSecret: (
    read: LiveSecret,
    state: ServingState,
    signal: AbortSignal,
  ) => Promise<ApiResult<ServingState>>;
  /** `too-soon` where somebody else writes the same fields again and again: countersign waits longer each time. */
  readonly point: (hooks: LiveHooks, pointing: Pointing, signal: AbortSignal) => Promise<ApiResult<Pointed>>;
};

const REQUEST_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;

/** The target of the Secret that the certificate is kept in. */
export function secretTarget({ namespace, secret }: Pick<ServingPlaces, 'namespace' | 'secret'>) {
  return { group: '', version: 'v1', plural: 'secrets', namespace, name: secret } satisfies Target;
}

/** Makes what reads and writes. */
export function servingObjects(places: ServingPlaces): ServingObjects {
  const { api, clock } = places;
  const target = secretTarget(places);
  const { name, ...secrets } = target;
  const backOff = createBackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, places.random);
  let pointed: { readonly what: string; readonly at: number; readonly pause: number } | undefined;

  return {
    async readSecret(signal) {
      const got = await api.get(target, { signal, timeoutMs: REQUEST_MS });
      if (got.ok) return ok({ object: got.value, found: readSecret(got.value) });
      if (got.failure.kind !== 'absent' || !got.failure.certain) return got;
      return ok({ object: undefined, found: readSecret(undefined) });
    },
    async readHooks(signal) {
      const objects: JsonObject[] = [];
      for (const configuration of places.configurations) {
        const of = { ...WEBHOOK_CONFIGURATIONS, name: configuration };
        const got = await api.get(of, { signal, timeoutMs: REQUEST_MS });
        if (got.ok) objects.push(got.value);
        else if (got.failure.kind !== 'absent' || !got.failure.certain) return got;
      }
      return ok({ objects, observed: objects.flatMap((object) => readHooks(object, places.paths)) });
    },
    async writeSecret({ object }, state, signal) {
      const how = { signal, timeoutMs: REQUEST_MS };
      const written =
        object === undefined
          ? await api.create(secrets, newSecret(name, state), how)
          : await api.update(target, filledSecret(object, state), how);
      return written.ok ? ok(state) : written;
    },
    async point(hooks, pointing, signal) {
      const { wanted, others } = pointing;
      const what = [...wanted.authorities.map(({ id }) => id), wanted.caller, others].join(' ');
      const since = pointed === undefined ? 0 : clock.elapsed() - pointed.at;
      // What is new to say is said at once; what was said and undone, ever more slowly.
      if (pointed?.what !== what || since > 10 * LONGEST_PAUSE_MS) backOff.reset();
      else if (since < pointed.pause) return ok({ kind: 'too-soon', waitMs: pointed.pause - since });

      for (const object of hooks.objects) {
        const to = pointedHooks(object, pointing, places.paths);
        if (JSON.stringify(to) === JSON.stringify(object)) continue;
        const of = { ...WEBHOOK_CONFIGURATIONS, name: nameOf(object) };
        const written = await api.update(of, to, { signal, timeoutMs: REQUEST_MS });
        if (!written.ok) return written;
      }
      pointed = { what, at: clock.elapsed(), pause: backOff.next() };
      return ok({ kind: 'written' });
    },
  };
}

function nameOf(object: JsonObject): string {
  return stringAt(asObject(object['metadata']) ?? {}, 'name') ?? '';
}
