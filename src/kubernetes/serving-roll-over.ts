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
  /** The authorities in its caBundle, by their `id`; empty where there is none that can be read. */
  readonly trusts: readonly string[];
  /** The segment that its path ends with; undefined where there is none, or the path is not what it should be. */
  readonly caller: string | undefined;
  /** Whether its path is countersign's to write. */
  readonly takesCaller: boolean;
};

/** What every webhook should say. */
export type Wanted = { readonly authorities: readonly Authority[]; readonly caller: string };

/** One step of the way, each a single write; whoever does it looks again before the next. */
export type Action =
  /** Has every webhook say what it should. */
  | { readonly kind: 'point'; readonly wanted: Wanted }
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
 * 4. `finish`: the old ones are dropped from the Secret; `point` drops the old authority from the webhooks.
 *
 * At each moment whoever is behind by less than `settleMs` fits whoever is ahead. The steps can be repeated, and left off
 * anywhere: all that is known stands in the Secret and in the webhooks.
 * @param observed what the webhooks say now; undefined where that is not known. Empty where there are none.
 */
export function nextActions(
  state: ServingState,
  now: number,
  observed: readonly Hook[] | undefined,
  rules: Rules,
): readonly Action[] {
  const wanted: Wanted = { authorities: authoritiesOf(state), caller: callerOf(state) };
  const published = observed?.every((hook) => says(hook, wanted)) ?? false;
  const { next, leaf, since } = state;
  // A clock that runs although webhooks say something else must be stopped before they are put right.
  const unsettled: readonly Action[] =
    next !== undefined && since !== undefined && observed !== undefined && !published
      ? [{ kind: 'settle', since: undefined }]
      : [];
  const pointed: readonly Action[] = observed === undefined || published ? [] : [{ kind: 'point', wanted }];
  const before = [...unsettled, ...pointed];
  const isLeafDue = isDue(leaf, now) || !isSameSet(leaf.names, rules.names);

  if (next === undefined) {
    if (isDue(state.ca, now)) return [...before, { kind: 'announce' }];
    return isLeafDue ? [...before, { kind: 'renew' }] : before;
  }
  const isSwapped = signerOf(state).id === next.authority.id;
  // Nobody can verify by an authority that has expired, so there is nobody to wait for.
  if (now >= state.ca.notAfter) return [...before, { kind: isSwapped ? 'finish' : 'swap' }];
  if (isLeafDue) return [...before, { kind: 'renew' }];
  if (!published) return before;
  // A time to come was written by a clock that went wrong: it is taken for now, not waited for.
  if (since === undefined || since > now) return [{ kind: 'settle', since: now }];
  return now - since < rules.settleMs ? [] : [{ kind: isSwapped ? 'finish' : 'swap' }];
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

/** Whether all webhooks can verify what is served. */
export function isTrusted(observed: readonly Hook[], state: ServingState): boolean {
  return observed.every(({ trusts }) => trusts.includes(signerOf(state).id));
}

function announced(state: ServingState, maker: Maker, now: number): ServingState {
  return { ...state, next: { authority: maker.authority(now), caller: maker.caller() }, since: undefined };
}

function says(hook: Hook, { authorities, caller }: Wanted): boolean {
  const ids = authorities.map(({ id }) => id);
  return isSameSet(hook.trusts, ids) && (!hook.takesCaller || hook.caller === caller);
}

/** Two thirds of a life are over, or it has not begun. */
function isDue({ notBefore, notAfter }: Life, now: number): boolean {
  return now < notBefore || now >= notBefore + ((notAfter - notBefore) * 2) / 3;
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const set = new Set(others);
  return new Set(some).size === set.size && some.every((each) => set.has(each));
}
