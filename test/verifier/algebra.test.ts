import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure, failureClass } from '../../src/codes/result.ts';
import { digestOf } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { BY_CERTIFICATE, type Proof, UNRESERVED } from '../../src/model/finding.ts';
import type { EachRule, Leaf, NonEmpty, Requirement } from '../../src/model/requirement.ts';
import { decidedWithoutEvidence, evaluate } from '../../src/verifier/evaluate.ts';
import { judge } from '../../src/verifier/judge.ts';
import { gravest } from '../../src/verifier/node-value.ts';
import { outcomeOf } from '../../src/verifier/outcome.ts';
import { origin } from '../fixtures/keys.ts';
import {
  accepted,
  annotated,
  JUNK,
  leafCalled,
  lookingAt,
  OUTAGE,
  refused,
  some,
  type Thing,
  unread,
} from './algebra-fixture.ts';

type World = Readonly<Record<string, readonly Thing[]>>;

/** What a requirement comes to in a world. */
const valueOf = async (requirement: Requirement, world: World, evidence: 'isolate' | 'complete' = 'isolate') =>
  (await evaluate(requirement, lookingAt(world, evidence))).kind;

/** Three leaves, each in one of the three states. */
const P = [accepted()];
const F = [refused];
const E = [unread()];
const of = (...names: readonly [string, ...string[]]): NonEmpty<Requirement> => {
  const [first, ...rest] = names;
  return [some(first), ...rest.map(some)];
};

describe('some(leaf) [MODEL M3]', () => {
  const rows: readonly (readonly [string, readonly Thing[], string, string])[] = [
    ['nothing at all', [], 'fail', 'fail'],
    ['an accepted finding', P, 'pass', 'pass'],
    ['only refused findings', [refused, refused], 'fail', 'fail'],
    ['something unread', E, 'error', 'error'],
    ['something unread beside refused findings', [refused, unread()], 'error', 'error'],
    ['something unread beside an accepted finding', [unread(), accepted()], 'pass', 'error'],
    ['junk beside an accepted finding', [unread(JUNK), accepted()], 'pass', 'error'],
    ['an accepted finding beside refused ones', [refused, accepted(), refused], 'pass', 'pass'],
  ];
  it.each(rows)('over %s', async (_what, things, isolate, complete) => {
    expect(await valueOf(some('a'), { a: things }, 'isolate')).toBe(isolate);
    expect(await valueOf(some('a'), { a: things }, 'complete')).toBe(complete);
  });
});

describe('allOf and anyOf [MODEL M3]', () => {
  const rows: readonly (readonly [readonly Thing[], readonly Thing[], string, string])[] = [
    [P, P, 'pass', 'pass'],
    [P, F, 'fail', 'pass'],
    [P, E, 'error', 'pass'],
    [F, F, 'fail', 'fail'],
    [F, E, 'fail', 'error'],
    [E, E, 'error', 'error'],
  ];
  it.each(rows)('row %#: a definite fail beats an error in allOf, a pass beats it in anyOf', async (a, b, all, any) => {
    for (const world of [
      { a, b },
      { a: b, b: a },
    ]) {
      expect(await valueOf({ kind: 'allOf', of: of('a', 'b') }, world)).toBe(all);
      expect(await valueOf({ kind: 'anyOf', of: of('a', 'b') }, world)).toBe(any);
    }
  });

  it('evaluates every child that evidence can change, so that the decision shows all that was seen', async () => {
    const look = lookingAt({ a: F, b: P, c: E });
    const value = await evaluate({ kind: 'allOf', of: of('a', 'b', 'c') }, look);
    expect(look.needs).toHaveLength(3);
    expect(value.seen.findings).toHaveLength(3);
  });
});

describe('kOf [MODEL M3]', () => {
  const states = { P, F, E } as const;
  const rows = (['P', 'F', 'E'] as const).flatMap((a) =>
    (['P', 'F', 'E'] as const).flatMap((b) => (['P', 'F', 'E'] as const).map((c) => [a, b, c] as const)),
  );
  it.each(rows)('of %s, %s and %s passes at k passes and fails once errors cannot help', async (a, b, c) => {
    const letters = [a, b, c];
    const passes = letters.filter((letter) => letter === 'P').length;
    const errors = letters.filter((letter) => letter === 'E').length;
    for (const k of [1, 2, 3]) {
      const wanted = passes >= k ? 'pass' : passes + errors < k ? 'fail' : 'error';
      const requirement: Requirement = { kind: 'kOf', k, of: of('a', 'b', 'c') };
      expect(await valueOf(requirement, { a: states[a], b: states[b], c: states[c] })).toBe(wanted);
    }
  });

  it('lets one signer meet several of its children, unlike quorum [MODEL M11]', async () => {
    const world = { a: [accepted('alice')], b: [accepted('alice')] };
    expect(await valueOf({ kind: 'kOf', k: 2, of: of('a', 'b') }, world)).toBe('pass');
  });
});

describe('a requirement that asks for nothing [MODEL §3.3, d104fc40]', () => {
  const nothing = [] as unknown as NonEmpty<never>;
  const asking: readonly (readonly [string, Requirement])[] = [
    ['allOf []', { kind: 'allOf', of: nothing }],
    ['anyOf []', { kind: 'anyOf', of: nothing }],
    ['kOf 0', { kind: 'kOf', k: 0, of: of('a') }],
    ['kOf -1', { kind: 'kOf', k: -1, of: of('a') }],
    ['kOf NaN', { kind: 'kOf', k: Number.NaN, of: of('a') }],
    ['kOf more than there are', { kind: 'kOf', k: 2, of: of('a') }],
    ['kOf of nothing', { kind: 'kOf', k: 1, of: nothing }],
    ['quorum 0', { kind: 'quorum', k: 0, of: [leafCalled('a')] }],
    ['quorum NaN', { kind: 'quorum', k: Number.NaN, of: [leafCalled('a')] }],
    ['quorum more than there are', { kind: 'quorum', k: 2, of: [leafCalled('a')] }],
    ['quorum of nothing', { kind: 'quorum', k: 1, of: nothing }],
    ['each of nothing', { kind: 'each', verifiers: nothing, rules: {}, otherwise: 'any' }],
    ['when accept', { kind: 'when', child: { kind: 'accept' }, body: annotated('a', 'b') }],
    ['when of an empty allOf', { kind: 'when', child: { kind: 'allOf', of: nothing }, body: annotated('a', 'b') }],
  ];
  it.each(asking)('never passes, whatever was signed: %s', async (_what, requirement) => {
    const value = await evaluate(requirement, lookingAt({ a: [accepted('alice'), accepted('bob')] }));
    expect(value.kind).not.toBe('pass');
    expect(['error', 'rejected', 'untrusted', 'invalid']).toContain(outcomeOf(value, origin('p')).kind);
  });

  it('does not pass by standing beside something that does', async () => {
    for (const [, requirement] of asking) {
      expect(await valueOf({ kind: 'allOf', of: [requirement, some('a')] }, { a: P })).not.toBe('pass');
      expect(await valueOf({ kind: 'anyOf', of: [requirement, some('b')] }, { b: F })).not.toBe('pass');
    }
  });

  it('is an error that onError cannot loosen', async () => {
    const value = await evaluate({ kind: 'kOf', k: 0, of: of('a') }, lookingAt({ a: P }));
    expect(value.kind === 'error' && failureClass(value.failure)).toBe('configuration');
  });
});

describe('accept and reject', () => {
  it('are decided without a look [DESIGN §4.4]', async () => {
    const look = lookingAt({});
    const accept: Requirement = { kind: 'accept' };
    const reject: Requirement = { kind: 'reject', says: 'no' };
    expect((await evaluate(accept, look)).kind).toBe('pass');
    expect((await evaluate(reject, look)).kind).toBe('fail');
    expect((await evaluate({ kind: 'anyOf', of: [some('a'), accept] }, look)).kind).toBe('pass');
    expect((await evaluate({ kind: 'allOf', of: [some('a'), reject] }, look)).kind).toBe('fail');
    expect(look.needs).toEqual([]);
  });

  it('do not lift what else must hold: allOf [accept, some] is asked, and kOf counts accept once', async () => {
    const accept: Requirement = { kind: 'accept' };
    expect(await valueOf({ kind: 'allOf', of: [accept, some('a')] }, { a: F })).toBe('fail');
    expect(await valueOf({ kind: 'allOf', of: [accept, some('a')] }, { a: E })).toBe('error');
    expect(await valueOf({ kind: 'kOf', k: 2, of: [accept, some('a'), some('b')] }, { a: F, b: F })).toBe('fail');
    expect(await valueOf({ kind: 'kOf', k: 2, of: [accept, some('a'), some('b')] }, { a: F, b: P })).toBe('pass');
  });

  it('that are nested in anything are decided as they are evaluated', async () => {
    await fc.assert(
      fc.asyncProperty(requirements(), worlds(), async (requirement, world) => {
        const early = decidedWithoutEvidence(requirement);
        if (early !== undefined) expect((await evaluate(requirement, lookingAt(world))).kind).toBe(early.kind);
      }),
      { numRuns: 300, seed: 11 },
    );
  });
});

describe('each [MODEL M3, §2.4]', () => {
  const each = (
    rules: Readonly<Record<string, EachRule>>,
    otherwise: EachRule,
    ...types: readonly (readonly [string, ...string[]])[]
  ): Requirement => {
    const [first = ['sbom'] as const, ...rest] = types;
    const verifier = (of: NonEmpty<string>, i: number) => ({ types: of, leaf: leafCalled(`v${i}`) });
    return {
      kind: 'each',
      verifiers: [verifier(first, 0), ...rest.map((of, i) => verifier(of, i + 1))],
      rules,
      otherwise,
    };
  };
  const yes = (type = 'sbom', id?: string): Thing => ({ kind: 'accepted', type, ...(id === undefined ? {} : { id }) });
  const no = (type = 'sbom', id?: string): Thing => ({ kind: 'refused', type, ...(id === undefined ? {} : { id }) });

  const rows: readonly (readonly [string, readonly Thing[], string, string])[] = [
    ['no report', [], 'fail', 'fail'],
    ['one success', [yes()], 'pass', 'pass'],
    ['two successes', [yes(), yes()], 'pass', 'pass'],
    ['one failure', [no()], 'fail', 'fail'],
    ['a success and a failure', [yes(), no()], 'pass', 'fail'],
    ['only reports of a type that nobody verifies', [yes('licence')], 'fail', 'fail'],
    ['a success beside a type that nobody verifies', [yes(), no('licence')], 'pass', 'pass'],
    ['something unread', [unread()], 'error', 'error'],
    ['a success and something unread', [yes(), unread()], 'error', 'error'],
    ['a failure and something unread', [no(), unread()], 'error', 'fail'],
  ];
  it.each(rows)('over %s', async (_what, things, any, all) => {
    expect(await valueOf(each({}, 'any'), { v0: things })).toBe(any);
    expect(await valueOf(each({}, 'all'), { v0: things })).toBe(all);
  });

  it('wants a success of every type that is named, even if none of it is there', async () => {
    const named = each({ sbom: 'any', scan: 'any' }, 'any', ['sbom', 'scan']);
    expect(await valueOf(named, { v0: [yes('sbom')] })).toBe('fail');
    expect(await valueOf(named, { v0: [yes('sbom'), no('scan')] })).toBe('fail');
    expect(await valueOf(named, { v0: [yes('sbom'), yes('scan')] })).toBe('pass');
    expect(await valueOf(named, { v0: [yes('sbom'), unread()] })).toBe('error');
  });

  it('applies the rule of a type where it has one, and no rule that an object inherits', async () => {
    const requirement = each({ scan: 'all' }, 'any', ['scan', 'sbom', 'constructor']);
    expect(await valueOf(requirement, { v0: [yes('scan'), no('scan')] })).toBe('fail');
    expect(await valueOf(requirement, { v0: [yes('scan'), yes('sbom'), no('sbom')] })).toBe('pass');
    expect(await valueOf(requirement, { v0: [yes('scan'), no('constructor')] })).toBe('fail');
  });

  it('takes one report for an artifact, from the first verifier that knows its type', async () => {
    const two = each({}, 'any', ['sbom'], ['sbom', 'scan']);
    expect(await valueOf(two, { v0: [no('sbom', 'x')], v1: [yes('sbom', 'x')] })).toBe('fail');
    expect(await valueOf(two, { v0: [yes('sbom', 'x')], v1: [no('sbom', 'x')] })).toBe('pass');
    expect(await valueOf(two, { v0: [no('scan', 'x')], v1: [yes('scan', 'x')] })).toBe('pass');
  });

  it('asks for complete evidence of every verifier', async () => {
    const look = lookingAt({});
    await evaluate(each({}, 'all', ['sbom'], ['scan']), look);
    expect(look.needs).toEqual(['complete', 'complete']);
  });
});

describe('when [MODEL M3, §2.5]', () => {
  const prod = annotated('env', 'prod');
  const when = (child: Requirement): Requirement => ({ kind: 'when', child, body: prod });
  const inProd: Thing = { kind: 'accepted', annotations: { env: 'prod' } };
  const inDev: Thing = { kind: 'accepted', annotations: { env: 'dev' } };

  const rows: readonly (readonly [string, readonly Thing[], string])[] = [
    ['a finding that meets the body', [inProd], 'pass'],
    ['a finding that does not', [inDev], 'fail'],
    ['one that does and one that does not', [inProd, inDev], 'fail'],
    ['one that does and a refused one', [inProd, refused], 'pass'],
    ['only refused ones', [refused], 'fail'],
    ['nothing', [], 'fail'],
    ['something unread', [unread()], 'error'],
    ['a finding that meets the body and something unread', [inProd, unread()], 'error'],
  ];
  it.each(rows)('over %s', async (_what, things, wanted) => {
    expect(await valueOf(when(some('a')), { a: things })).toBe(wanted);
  });

  it.each([
    ['anyOf', { kind: 'anyOf', of: of('a', 'b') }],
    ['kOf 1', { kind: 'kOf', k: 1, of: of('a', 'b') }],
    ['quorum 1', { kind: 'quorum', k: 1, of: [leafCalled('a'), leafCalled('b')] }],
    ['anyOf in allOf', { kind: 'allOf', of: [{ kind: 'anyOf', of: of('a', 'b') }] }],
  ] satisfies [string, Requirement][])(
    'does not ask the body of what is left when a branch of %s could not be read: that is an error',
    async (_what, child) => {
      expect(await valueOf(when(child), { a: [inProd], b: [inDev] })).toBe('fail');
      expect(await valueOf(when(child), { a: [inProd], b: [unread()] })).toBe('error');
      expect(await valueOf(when(child), { a: [inProd], b: [refused] })).toBe('pass');
    },
  );

  it('asks for complete evidence below it, however deep', async () => {
    const look = lookingAt({ a: [inProd], b: [inProd] });
    await evaluate(when({ kind: 'allOf', of: [some('a'), when(some('b'))] }), look);
    expect(look.needs).toEqual(['complete', 'complete']);
  });

  it('is an error where its body cannot be evaluated by this version, and never a pass', async () => {
    const cel: Requirement = {
      kind: 'when',
      child: some('a'),
      body: { kind: 'cel', expression: 'true', reads: ['statement'] },
    };
    expect(await valueOf(cel, { a: [inProd] })).toBe('error');
  });
});

describe('a leaf that asks for what this version does not verify', () => {
  const proof: Proof = {
    kind: 'proved',
    signer: { display: 'alice', ids: ['alice'], identity: 'none' },
    claims: {
      digest: digestOf(Buffer.from('x')),
      name: { kind: 'unnamed' },
      predicateType: undefined,
      annotations: {},
    },
    times: [],
    log: [],
    checks: [],
    timedBy: BY_CERTIFICATE,
    ...UNRESERVED,
    notBefore: 'always',
    notAfter: 'forever',
  };
  const reference = parseReference('registry.example/app:v1');
  const asked = reference.ok ? reference.value : expect.fail('a reference');
  const verdictOn = (changes: Partial<Leaf>, of: Proof = proof) =>
    judge({ ...leafCalled('a'), ...changes }, of, asked, 1_000);

  const asking: readonly (readonly [string, Partial<Leaf>, 'POLICY_BROKEN' | 'FEATURE_NOT_SUPPORTED'])[] = [
    ['signatures of the artifact itself', { about: some('b') }, 'FEATURE_NOT_SUPPORTED'],
    ['anything of the artifact itself, even nothing', { about: { kind: 'accept' } }, 'FEATURE_NOT_SUPPORTED'],
    ['an identity', { signer: { kind: 'identities', anyOf: [{ issuer: 'any', subject: 'any' }] } }, 'POLICY_BROKEN'],
    ['a subject', { signer: { kind: 'subject', email: 'any', hostname: 'any' } }, 'POLICY_BROKEN'],
    [
      'a CEL condition',
      { conditions: [{ kind: 'cel', expression: 'true', reads: ['statement'] }] },
      'FEATURE_NOT_SUPPORTED',
    ],
  ];
  it.each(asking)('is undecided and never accepted: %s', (_what, changes, code) => {
    expect(verdictOn({})).toMatchObject({ kind: 'accepted' });
    expect(verdictOn(changes)).toMatchObject({ kind: 'undecided', code });
  });

  it('is not met by a proof whose time has run out', () => {
    expect(verdictOn({}, { ...proof, notAfter: 1_000 })).toMatchObject({ kind: 'accepted' });
    expect(verdictOn({}, { ...proof, notAfter: 999 })).toMatchObject({ kind: 'refused', code: 'CERTIFICATE_EXPIRED' });
    expect(verdictOn({}, { ...proof, notBefore: 1_000 })).toMatchObject({ kind: 'accepted' });
    expect(verdictOn({}, { ...proof, notBefore: 1_001 })).toMatchObject({
      kind: 'refused',
      code: 'CERTIFICATE_NOT_YET_VALID',
    });
    expect(verdictOn({}, { ...proof, notAfter: Number.NaN })).toMatchObject({ kind: 'refused' });
  });
});

describe('the failure that stands for several [MODEL §3.4]', () => {
  it('is one that onError cannot loosen, wherever it stands', async () => {
    expect(gravest([OUTAGE, JUNK])).toBe(JUNK);
    expect(gravest([JUNK, OUTAGE])).toBe(JUNK);
    expect(gravest([OUTAGE])).toBe(OUTAGE);
    for (const requirement of [
      { kind: 'allOf', of: of('a', 'b') },
      { kind: 'anyOf', of: of('a', 'b') },
      { kind: 'quorum', k: 1, of: [leafCalled('a'), leafCalled('b')] },
    ] satisfies Requirement[]) {
      for (const world of [
        { a: [unread(OUTAGE)], b: [unread(JUNK)] },
        { a: [unread(JUNK)], b: [unread(OUTAGE)] },
      ]) {
        const value = await evaluate(requirement, lookingAt(world));
        expect(value).toMatchObject({ kind: 'error', failure: JUNK });
      }
    }
    const value = await evaluate(some('a'), lookingAt({ a: [unread(OUTAGE), unread(JUNK)] }));
    expect(value).toMatchObject({ kind: 'error', failure: JUNK });
  });

  it('is never loosened because an outage stands beside a broken part of the requirement', async () => {
    const broken: Requirement = { kind: 'kOf', k: 0, of: of('a') };
    for (const kind of ['allOf', 'anyOf'] as const) {
      const value = await evaluate({ kind, of: [some('a'), broken] }, lookingAt({ a: [unread(OUTAGE)] }));
      expect(value).toMatchObject({ kind: 'error', failure: { code: 'POLICY_BROKEN' } });
    }
  });

  it('lets a definite refusal stand beside an outage where all must pass, so that onError cannot rescue it', async () => {
    const value = await evaluate({ kind: 'allOf', of: of('a', 'b') }, lookingAt({ a: E, b: F }));
    expect(outcomeOf(value, origin('p'))).toMatchObject({ kind: 'untrusted' });
  });
});

const NAMES = ['a', 'b', 'c', 'd'] as const;
const TYPES = ['sbom', 'scan'] as const;

/** Any leaf of the four. */
const leaves = (): fc.Arbitrary<Leaf> => fc.constantFrom(...NAMES).map(leafCalled);

function nonEmpty<T>(of: fc.Arbitrary<T>): fc.Arbitrary<NonEmpty<T>> {
  return fc.tuple(of, fc.array(of, { maxLength: 2 })).map(([first, rest]): NonEmpty<T> => [first, ...rest]);
}

/** Any requirement, with nonsense such as `k: 0` in it; without `accept` where that is asked. */
function requirements(accept: 'with accept' | 'without accept' = 'with accept'): fc.Arbitrary<Requirement> {
  const { tree } = fc.letrec<{ tree: Requirement }>((tie) => {
    const k = fc.integer({ min: -1, max: 4 });
    const statics: fc.Arbitrary<Requirement>[] = [fc.constant({ kind: 'reject', says: 'no' })];
    if (accept === 'with accept') statics.push(fc.constant({ kind: 'accept' }));
    return {
      tree: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        leaves().map((leaf): Requirement => ({ kind: 'some', leaf })),
        ...statics,
        nonEmpty(tie('tree')).map((of): Requirement => ({ kind: 'allOf', of })),
        nonEmpty(tie('tree')).map((of): Requirement => ({ kind: 'anyOf', of })),
        fc.tuple(k, nonEmpty(tie('tree'))).map(([k, of]): Requirement => ({ kind: 'kOf', k, of })),
        fc.tuple(k, nonEmpty(leaves())).map(([k, of]): Requirement => ({ kind: 'quorum', k, of })),
        fc
          .tuple(
            nonEmpty(fc.record({ types: nonEmpty(fc.constantFrom(...TYPES)), leaf: leaves() })),
            fc.constantFrom<EachRule>('any', 'all'),
          )
          .map(
            ([verifiers, rule]): Requirement => ({ kind: 'each', verifiers, rules: { sbom: rule }, otherwise: 'any' }),
          ),
        tie('tree').map((child): Requirement => ({ kind: 'when', child, body: annotated('env', 'prod') })),
      ),
    };
  });
  return tree;
}

const failures = () =>
  fc.constantFrom(OUTAGE, JUNK, failure('DEADLINE_EXCEEDED', 'late'), failure('TRUST_MATERIAL_UNAVAILABLE', 'no key'));

/** Any thing; with no trusted signature where that is asked. */
function things(trust: 'trusted too' | 'untrusted'): fc.Arbitrary<Thing> {
  const type = fc.constantFrom(...TYPES);
  const id = fc.constantFrom('x', 'y', 'z');
  const refusals: fc.Arbitrary<Thing>[] = [
    fc.record({ kind: fc.constant('refused' as const), type, id }),
    failures().map(unread),
  ];
  if (trust === 'trusted too') {
    const by = nonEmpty(fc.constantFrom('alice', 'bob', 'carol'));
    const annotations = fc.constantFrom({ env: 'prod' }, { env: 'dev' });
    refusals.push(fc.record({ kind: fc.constant('accepted' as const), type, id, by, annotations }));
  }
  return fc.oneof(...refusals);
}

const worlds = (trust: 'trusted too' | 'untrusted' = 'trusted too'): fc.Arbitrary<World> => {
  const place = fc.array(things(trust), { maxLength: 3 });
  return fc.record({ a: place, b: place, c: place, d: place });
};

const evidenceRules = () => fc.constantFrom('isolate' as const, 'complete' as const);

describe('any requirement over any world', () => {
  it('without accept never passes where nobody trusted signed [MODEL §3.3]', async () => {
    await fc.assert(
      fc.asyncProperty(
        requirements('without accept'),
        worlds('untrusted'),
        evidenceRules(),
        async (requirement, world, rule) => {
          const value = await evaluate(requirement, lookingAt(world, rule));
          expect(value.kind).not.toBe('pass');
          expect(['verified', 'accepted']).not.toContain(outcomeOf(value, origin('p')).kind);
        },
      ),
      { numRuns: 2_000, seed: 1 },
    );
  });

  it('comes to what the table of MODEL M3 says, node by node', async () => {
    await fc.assert(
      fc.asyncProperty(requirements(), worlds(), evidenceRules(), async (requirement, world, rule) => {
        expect(await valueOf(requirement, world, rule)).toBe(byTheTable(requirement, world, rule === 'complete'));
      }),
      { numRuns: 2_000, seed: 2 },
    );
  });

  it('does not pass with a fault where it does not pass without [MODEL §3.4, fault monotone]', async () => {
    await fc.assert(
      fc.asyncProperty(
        requirements(),
        worlds(),
        evidenceRules(),
        fc.constantFrom(...NAMES),
        fc.nat(2),
        failures(),
        async (requirement, world, rule, where, which, why) => {
          const faulty = {
            ...world,
            [where]: world[where]?.map((thing, i) => (i === which ? unread(why) : thing)) ?? [],
          };
          if ((await valueOf(requirement, faulty, rule)) !== 'pass') return;
          expect(await valueOf(requirement, world, rule)).toBe('pass');
        },
      ),
      { numRuns: 2_000, seed: 3 },
    );
  });

  it('does not pass on one signature more that nobody trusts', async () => {
    await fc.assert(
      fc.asyncProperty(
        requirements(),
        worlds(),
        fc.constantFrom(...NAMES),
        things('untrusted'),
        async (requirement, world, where, thing) => {
          const more = { ...world, [where]: [...(world[where] ?? []), thing] };
          if ((await valueOf(requirement, more)) === 'pass') expect(await valueOf(requirement, world)).toBe('pass');
        },
      ),
      { numRuns: 2_000, seed: 4 },
    );
  });
});

type Kind = 'pass' | 'fail' | 'error';

/** The table of MODEL.md M3, written down a second time and as plainly as it stands there. */
function byTheTable(requirement: Requirement, world: World, complete: boolean): Kind {
  const at = (leaf: Leaf) => world[leaf.name] ?? [];
  const holes = (list: readonly Thing[]) => list.some((thing) => thing.kind === 'unread');
  const leaf = (of: Leaf): Kind => {
    const list = at(of);
    if (complete && holes(list)) return 'error';
    if (list.some((thing) => thing.kind === 'accepted')) return 'pass';
    return holes(list) ? 'error' : 'fail';
  };
  const count = (k: number, n: number, values: readonly Kind[]): Kind => {
    if (k < 1 || k > n) return 'error';
    const passes = values.filter((value) => value === 'pass').length;
    const errors = values.filter((value) => value === 'error').length;
    return passes >= k ? 'pass' : passes + errors < k ? 'fail' : 'error';
  };
  switch (requirement.kind) {
    case 'accept':
      return 'pass';
    case 'reject':
      return 'fail';
    case 'some':
      return leaf(requirement.leaf);
    case 'allOf':
      return count(
        requirement.of.length,
        requirement.of.length,
        requirement.of.map((child) => byTheTable(child, world, complete)),
      );
    case 'anyOf':
      return count(
        1,
        requirement.of.length,
        requirement.of.map((child) => byTheTable(child, world, complete)),
      );
    case 'kOf':
      return count(
        requirement.k,
        requirement.of.length,
        requirement.of.map((child) => byTheTable(child, world, complete)),
      );
    case 'quorum': {
      if (requirement.k < 1 || requirement.k > requirement.of.length) return 'error';
      const values = requirement.of.map(leaf);
      const signers = requirement.of.map((of, i) =>
        values[i] === 'pass'
          ? at(of).flatMap((thing) => (thing.kind === 'accepted' ? [thing.by ?? ['alice']] : []))
          : [],
      );
      const matched = mostMatched(signers);
      const errors = values.filter((value) => value === 'error').length;
      return matched >= requirement.k ? 'pass' : matched + errors < requirement.k ? 'fail' : 'error';
    }
    case 'each': {
      const reports = new Map<string, { readonly type: string; readonly good: boolean }>();
      for (const { types, leaf } of requirement.verifiers) {
        for (const thing of at(leaf)) {
          if (thing.kind === 'unread' || thing.type === undefined || thing.id === undefined) continue;
          if (types.some((type) => type === thing.type) && !reports.has(thing.id))
            reports.set(thing.id, { type: thing.type, good: thing.kind === 'accepted' });
        }
      }
      const unreadable = requirement.verifiers.some(({ leaf }) => holes(at(leaf)));
      const list = [...reports.values()];
      for (const type of new Set(list.map((report) => report.type))) {
        const mine = list.filter((report) => report.type === type);
        const rule = requirement.rules[type] ?? requirement.otherwise;
        if (rule === 'all' && mine.some((report) => !report.good)) return 'fail';
        if (rule === 'any' && !unreadable && mine.every((report) => !report.good)) return 'fail';
      }
      if (unreadable) return 'error';
      if (list.length === 0) return 'fail';
      const named = Object.keys(requirement.rules);
      return named.every((type) => list.some((report) => report.type === type && report.good)) ? 'pass' : 'fail';
    }
    case 'when': {
      const child = byTheTable(requirement.child, world, true);
      if (child !== 'pass') return child;
      const below = leavesBelow(requirement.child);
      // A static pass is decided without a look, and then there is nothing that the body could be asked of.
      if (decidedWithoutEvidence(requirement.child) !== undefined) return 'error';
      const value = acceptedBelow(requirement.child, world);
      if (value.some((thing) => thing.annotations?.['env'] !== 'prod'))
        return below.some((of) => holes(at(of))) ? 'error' : 'fail';
      return value.length === 0 || below.some((of) => holes(at(of))) ? 'error' : 'pass';
    }
  }
}

function leavesBelow(requirement: Requirement): readonly Leaf[] {
  if (decidedWithoutEvidence(requirement) !== undefined) return [];
  switch (requirement.kind) {
    case 'accept':
    case 'reject':
      return [];
    case 'some':
      return [requirement.leaf];
    case 'allOf':
    case 'anyOf':
    case 'kOf':
      return requirement.of.flatMap(leavesBelow);
    case 'quorum':
      return requirement.of;
    case 'each':
      return requirement.verifiers.map(({ leaf }) => leaf);
    case 'when':
      return leavesBelow(requirement.child);
  }
}

/** What a passing requirement accepted, where nothing is unread. */
function acceptedBelow(requirement: Requirement, world: World): readonly Extract<Thing, { kind: 'accepted' }>[] {
  const at = (leaf: Leaf) => (world[leaf.name] ?? []).filter((thing) => thing.kind === 'accepted');
  if (decidedWithoutEvidence(requirement) !== undefined || byTheTable(requirement, world, true) !== 'pass') return [];
  switch (requirement.kind) {
    case 'accept':
    case 'reject':
      return [];
    case 'some':
      return at(requirement.leaf);
    case 'allOf':
    case 'anyOf':
    case 'kOf':
      return requirement.of.flatMap((child) => acceptedBelow(child, world));
    case 'quorum':
      return requirement.of.flatMap(at);
    case 'each': {
      const taken = new Set<string>();
      return requirement.verifiers.flatMap(({ types, leaf }) =>
        (world[leaf.name] ?? []).flatMap((thing) => {
          if (thing.kind === 'unread' || !types.some((type) => type === thing.type) || taken.has(thing.id ?? ''))
            return [];
          taken.add(thing.id ?? '');
          return thing.kind === 'accepted' ? [thing] : [];
        }),
      );
    }
    case 'when':
      return acceptedBelow(requirement.child, world);
  }
}

/** The most leaves that can each have a signer of their own, by trying everything. */
function mostMatched(leaves: readonly (readonly (readonly string[])[])[]): number {
  const all = leaves.flat();
  const same = (a: readonly string[], b: readonly string[]): boolean => {
    const group = new Set(a);
    for (let grown = true; grown; ) {
      grown = false;
      for (const ids of all) {
        if (!ids.some((id) => group.has(id)) || ids.every((id) => group.has(id))) continue;
        for (const id of ids) group.add(id);
        grown = true;
      }
    }
    return b.some((id) => group.has(id));
  };
  const place = (at: number, used: readonly (readonly string[])[]): number => {
    if (at === leaves.length) return used.length;
    const options = (leaves[at] ?? []).filter((signer) => !used.some((other) => same(other, signer)));
    return Math.max(place(at + 1, used), ...options.map((signer) => place(at + 1, [...used, signer])));
  };
  return place(0, []);
}
