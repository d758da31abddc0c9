import {
  type Authority,
  authoritiesOf,
  callerOf,
  type Leaf,
  type Life,
  type ServingState,
  signerOf,
} from './serving-state.ts';

/** What one webhook of a configuration says, as far as the serving certificate is concerned. */
export type Hook = {
  /** The authorities in its caBundle, by their `id`. */
  readonly trusts: readonly string[];
  /** Whether something in its caBundle cannot be read. */
  readonly garbled: boolean;
  /** The segment that its path ends with; undefined where there is none, or the path is not what it should be. */
  readonly caller: string | undefined;
  /** Whether its path is countersign's to write. */
  readonly takesCaller: boolean;
};

/** What every webhook should say. */
export type Wanted = { readonly authorities: readonly Authority[]; readonly caller: string };

/** What every webhook is made to say; other authorities in its caBundle stay, or go. */
export type Pointing = { readonly wanted: Wanted; readonly others: 'stay' | 'go' };

/** One step of the way, each a single write; whoever does it looks again before the next. */
export type Action =
  /** Has every webhook say what it should. */
  | ({ readonly kind: 'point' } & Pointing)
  /** Issues a new leaf by the authority that signed the one before. */
  | { readonly kind: 'renew' }
  /** Makes the authority and the segment that follow. */
  | { readonly kind: 'announce' }
  /** Writes down since when every webhook says what it should, or that not all do any more. */
  | { readonly kind: 'settle'; readonly since: number | undefined }
  /** Issues a leaf by the authority that follows, and has webhooks call the segment that follows. */
  | { readonly kind: 'swap' }
  /** Drops the old authority and the old segment. */
  | { readonly kind: 'finish' };

/** How long things take. */
export type Rules = {
  /** Names that the leaf should have. */
  readonly names: readonly string[];
  /** Milliseconds in which every replica and every API server has surely seen what was written. */
  readonly settleMs: number;
};

/** Makes what is random; in tests, what is not. */
export type Maker = {
  readonly authority: (now: number) => Authority;
  readonly leaf: (authority: Authority, now: number) => Leaf;
  readonly caller: () => string;
};

/**
 * What is to be done, in this order. The way from one authority to the next (reference/ecosystem.md §4.2):
 *
 * 1. `announce`: the next authority and segment are in the Secret, so every replica believes both segments;
 * 2. `point`: every webhook trusts both authorities; `settle` writes down since when, and a while goes by;
 * 3. `swap`: replicas serve a leaf of the next authority, webhooks call the next segment; `point`, `settle`, a while;
 * 4. `finish`: the old ones are dropped from the Secret; `settle`, a while; `point` drops the old authority everywhere.
 *
 * At each moment whoever is behind by less than `settleMs` fits whoever is ahead. The steps can be repeated, and left off
 * anywhere: all that is known stands in the Secret and in the webhooks. An authority that is not ours goes as the old one
 * does: replicas of before, with a certificate from elsewhere, may still be serving.
 * @param observed what the webhooks say now; undefined where that is not known. Empty where there are none.
 */
export function nextActions(
  state: ServingState,
  now: number,
  observed: readonly Hook[] | undefined,
  rules: Rules,
): readonly Action[] {
  const { next, leaf, since } = state;
  const wanted: Wanted = { authorities: authoritiesOf(state), caller: callerOf(state) };
  const isPublished = observed?.every((hook) => says(hook, wanted)) ?? false;
  const before: Action[] = [];
  if (observed !== undefined && !isPublished) {
    // A time that runs although webhooks say something else must be stopped before they are put right.
    if (since !== undefined) before.push({ kind: 'settle', since: undefined });
    before.push({ kind: 'point', wanted, others: 'stay' });
  }

  const isSwapped = next !== undefined && signerOf(state).id === next.authority.id;
  if (next === undefined && isDue(state.ca, now)) return [...before, { kind: 'announce' }];
  // Nobody can verify by an authority that has expired, so there is nobody to wait for.
  if (next !== undefined && now >= state.ca.notAfter) return [...before, { kind: isSwapped ? 'finish' : 'swap' }];
  if (isDue(leaf, now) || !isSameSet(leaf.names, rules.names)) return [...before, { kind: 'renew' }];
  if (!isPublished) return before;

  if (next === undefined && !observed?.some((hook) => trustsOthers(hook, wanted))) {
    return since === undefined ? [] : [{ kind: 'settle', since: undefined }];
  }
  // A time to come was written by a clock that went wrong: it is taken for now, not waited for.
  if (since === undefined || since > now) return [{ kind: 'settle', since: now }];
  if (now - since < rules.settleMs) return [];
  return next === undefined ? [{ kind: 'point', wanted, others: 'go' }] : [{ kind: isSwapped ? 'finish' : 'swap' }];
}

/** What the state becomes by an action; `point` changes the webhooks and not the state. */
export function acted(state: ServingState, action: Action, maker: Maker, now: number): ServingState {
  switch (action.kind) {
    case 'point':
      return state;
    case 'renew':
      return { ...state, leaf: maker.leaf(signerOf(state), now) };
    case 'announce':
      return announced(state, maker, now);
    case 'settle':
      return { ...state, since: action.since };
    case 'swap':
      return state.next === undefined
        ? state
        : { ...state, leaf: maker.leaf(state.next.authority, now), since: undefined };
    case 'finish':
      return state.next === undefined
        ? state
        : { ...state, ca: state.next.authority, caller: state.next.caller, next: undefined, since: undefined };
  }
}

/** A state that rests on nothing before it. */
export function fresh(maker: Maker, now: number): ServingState {
  const ca = maker.authority(now);
  return { ca, caller: maker.caller(), next: undefined, leaf: maker.leaf(ca, now), since: undefined };
}

/**
 * What is put back where the Secret is gone, empty or unreadable: what is served, and another authority to follow it.
 * Whoever deletes the Secret wants new keys, or did not mean to; both get what they want, and no handshake fails.
 */
export function restored(memory: ServingState, maker: Maker, now: number): ServingState {
  return memory.next === undefined ? announced(memory, maker, now) : { ...memory, since: undefined };
}

/**
 * What is put where a state came into the Secret that webhooks do not trust (a backup, a replica that began anew): what
 * is served, and then theirs, by the usual way. Amid a roll-over theirs is dropped: there cannot be three authorities.
 */
export function adopted(memory: ServingState, found: ServingState): ServingState {
  if (memory.next !== undefined) return { ...memory, since: undefined };
  return { ...memory, next: { authority: signerOf(found), caller: callerOf(found) }, since: undefined };
}

/** Whether a webhook that can verify what `from` serves could not verify what `to` serves. */
export function breaks(observed: readonly Hook[] | undefined, from: ServingState, to: ServingState): boolean {
  const before = signerOf(from).id;
  const after = signerOf(to).id;
  return observed?.some(({ trusts }) => trusts.includes(before) && !trusts.includes(after)) ?? false;
}

/**
 * Whether a replica that serves `from` may serve `to`. `later`: once this has been the answer for half the time that a
 * roll-over waits. What was announced comes at once; an authority from nowhere (a backup, a Secret that was deleted and
 * made again) only when every API server has surely seen webhooks that trust it, and the leader has had its say.
 */
export function welcome(observed: readonly Hook[] | undefined, from: ServingState, to: ServingState) {
  if (breaks(observed, from, to)) return 'no';
  const before = signerOf(from).id;
  const after = signerOf(to).id;
  if (authoritiesOf(from).some(({ id }) => id === after)) return 'now';
  if (observed === undefined) return 'no';
  return observed.some(({ trusts }) => trusts.includes(before)) ? 'later' : 'now';
}

/** Whether all webhooks can verify what is served. */
export function isTrusted(observed: readonly Hook[], state: ServingState): boolean {
  return observed.every(({ trusts }) => trusts.includes(signerOf(state).id));
}

function announced(state: ServingState, maker: Maker, now: number): ServingState {
  return { ...state, next: { authority: maker.authority(now), caller: maker.caller() }, since: undefined };
}

function says({ trusts, garbled, takesCaller, caller }: Hook, wanted: Wanted): boolean {
  if (garbled || wanted.authorities.some(({ id }) => !trusts.includes(id))) return false;
  return !takesCaller || caller === wanted.caller;
}

function trustsOthers({ trusts }: Hook, { authorities }: Wanted): boolean {
  return trusts.some((id) => authorities.every((authority) => authority.id !== id));
}

/** Two thirds of a life are over, or it has not begun. */
function isDue({ notBefore, notAfter }: Life, now: number): boolean {
  return now < notBefore || now >= notBefore + ((notAfter - notBefore) * 2) / 3;
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const set = new Set(others);
  return new Set(some).size === set.size && some.every((each) => set.has(each));
}
