import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publish, publishImage, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import type { ErrorCode } from '../../src/codes/codes.ts';
import { failed, ok } from '../../src/codes/result.ts';
import { type Credential, credentialId, NO_CREDENTIALS } from '../../src/config/credentials.ts';
import type { AskForCredentials } from '../../src/verifier/access.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, requestFor, standingClock, wordsOf } from '../fixtures/memory-registry.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';

const signer = createSigner();
const signed = everywhere(policyOf(signedBy(signer)));
const TEAM_A: Credential = { kind: 'basic', username: 'a', password: '1' };
const TEAM_B: Credential = { kind: 'basic', username: 'b', password: '2' };

/** Someone who has one credential, and who counts how often that was asked for. */
function holder(credential?: Credential) {
  const asked: AbortSignal[] = [];
  const source = {
    id: () => credentialId(credential),
    candidates: () => Promise.resolve(ok(credential === undefined ? [] : [credential])),
  };
  const credentials: AskForCredentials = (signal) => {
    asked.push(signal);
    return Promise.resolve(ok(source));
  };
  return { asked, credentials };
}

/** A registry with nothing public: `a/…` opens to team A, `b/…` to team B, `both/…` to either. */
function privateRegistry() {
  const memory = createMemoryRegistry();
  const opened = new Map([
    [credentialId(TEAM_A), ['a/', 'both/']],
    [credentialId(TEAM_B), ['b/', 'both/']],
  ]);
  memory.opens = (credential, path) => opened.get(credential)?.some((prefix) => path.startsWith(prefix)) === true;
  const image = publishImage(memory.server, 'a/app', 'hello', 'v1');
  for (const path of ['b/app', 'both/app']) publish(memory.server, path, image, 'v1');
  for (const path of ['a/app', 'b/app', 'both/app']) {
    signImage(memory.server, path, image, signer);
    signImageWithBundle(memory.server, path, image, signer);
  }
  return { memory, image, client: () => memory.client('anonymous', () => false) };
}

const ALL = ['registry.test/a/app', 'registry.test/b/app', 'registry.test/both/app'];
const CLOSED = 'error REGISTRY_UNAUTHORISED';

describe("a namespace's credential never answers for another namespace", () => {
  const people = { a: holder(TEAM_A), b: holder(TEAM_B), other: holder(), nobody: undefined } as const;
  const right: Readonly<Record<keyof typeof people, readonly string[]>> = {
    a: ['verified', CLOSED, 'verified'],
    b: [CLOSED, 'verified', 'verified'],
    other: [CLOSED, CLOSED, CLOSED],
    nobody: [CLOSED, CLOSED, CLOSED],
  };
  const names = ['a', 'b', 'other', 'nobody'] as const;
  type Step = { readonly who: keyof typeof people; readonly by: 'tag' | 'digest'; readonly mode: 'deny' | 'audit' };
  const step: fc.Arbitrary<Step> = fc.record({
    who: fc.constantFrom(...names),
    by: fc.constantFrom('tag' as const, 'digest' as const),
    mode: fc.constantFrom('deny' as const, 'audit' as const),
  });

  it('whoever asked before, at once or in turn, by tag or digest, in audit or deny mode', async () => {
    const { image, client } = privateRegistry();
    const decide = async (engine: ReturnType<typeof engineOver>, { who, by, mode }: Step) => {
      const images = ALL.map((name) => (by === 'tag' ? `${name}:v1` : `${name}@${image.digest}`));
      const decision = await engine.decide(
        requestFor(images, { mode: { server: mode, namespace: undefined }, credentials: people[who]?.credentials }),
      );
      return { who, by, mode, said: wordsOf(decision) };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { maxLength: 5 }), async (rounds) => {
        const engine = engineOver(client(), [signed]);
        for (const round of rounds) {
          const answers = await Promise.all(round.map((one) => decide(engine, one)));
          expect(answers).toEqual(round.map((one) => ({ ...one, said: right[one.who] })));
        }
      }),
      { seed: 20260601, numRuns: 60 },
    );
  });

  it('who joins a look-up that is under way joins those of the same credential alone', async () => {
    const { memory, client } = privateRegistry();
    const gate = Promise.withResolvers<undefined>();
    memory.intercept = () => gate.promise;
    const engine = engineOver(client(), [signed]);
    const ask = (who: keyof typeof people) =>
      engine.decide(requestFor(['registry.test/both/app:v1'], { credentials: people[who]?.credentials }));
    const asked = (['a', 'a', 'b', 'other', 'nobody'] as const).map(ask);
    await new Promise((resolve) => setImmediate(resolve));
    // One HEAD each for a, b and the two that have nothing, who are as one.
    expect(memory.calls.map(({ text }) => text)).toEqual(Array.from({ length: 3 }, () => 'head both/app v1'));
    gate.resolve(undefined);
    expect((await Promise.all(asked)).flatMap(wordsOf)).toEqual(['verified', 'verified', 'verified', CLOSED, CLOSED]);
  });

  it('what was proved is a fact, but whether it is there is asked for under the own credential', async () => {
    const { memory, client, image } = privateRegistry();
    const engine = engineOver(client(), [signed]);
    const ask = (who: keyof typeof people) =>
      engine.decide(requestFor([`registry.test/both/app@${image.digest}`], { credentials: people[who]?.credentials }));
    await ask('a');
    memory.calls.length = 0;
    expect(wordsOf(await ask('b'))).toEqual(['verified']);
    const kinds = new Set(memory.calls.map(({ kind }) => kind));
    expect(kinds.has('manifest') && kinds.has('referrers')).toBe(true);
    expect(kinds.has('blob')).toBe(false);
    memory.calls.length = 0;
    expect(wordsOf(await ask('b'))).toEqual(['verified']);
    expect(memory.calls).toEqual([]);
  });

  it('nor do signatures that are kept in a repository that only some may read', async () => {
    const { memory, image } = privateRegistry();
    publish(memory.server, 'open/app', image, 'v1');
    const where = { ...keyLeaf([signer]).where, repository: { host: 'registry.test', path: 'a/app' } };
    const elsewhere = everywhere(policyOf({ kind: 'some', leaf: keyLeaf([signer], { where }) }));
    const client = memory.client('anonymous', (path) => path === 'open/app');
    const engine = engineOver(client, [elsewhere]);
    for (const round of ['cold', 'warm']) {
      const asked = (['nobody', 'a', 'b', 'other'] as const).map((who) =>
        engine.decide(requestFor(['registry.test/open/app:v1'], { credentials: people[who]?.credentials })),
      );
      const said = (await Promise.all(asked)).flatMap(wordsOf);
      expect({ round, said }).toEqual({ round, said: [CLOSED, 'verified', CLOSED, CLOSED] });
    }
  });

  it('nor do bytes that another may not fetch, kept or on their way', async () => {
    const { memory, image, client } = privateRegistry();
    // Team B may list what there is, and fetch none of it.
    const { opens } = memory;
    memory.opens = (credential, path, kind) =>
      opens(credential, path, kind) && !(kind === 'blob' && credential === credentialId(TEAM_B));
    const sets = [signed];
    const engine = engineOver(client(), [], { policies: () => ({ sets, exemptions: [], storage: NO_REGISTRIES_D }) });
    const ask = (who: keyof typeof people) =>
      engine.decide(requestFor([`${ALL[2]}@${image.digest}`], { credentials: people[who]?.credentials }));
    const together = await Promise.all([ask('a'), ask('b')]);
    expect(together.flatMap(wordsOf)).toEqual(['verified', CLOSED]);

    // What has to be proved anew takes the bytes again.
    sets[0] = everywhere(policyOf({ kind: 'some', leaf: keyLeaf([signer, createSigner()]) }));
    expect(wordsOf(await ask('a'))).toEqual(['verified']);
    sets[0] = everywhere(policyOf({ kind: 'some', leaf: keyLeaf([createSigner(), signer]) }));
    expect(wordsOf(await ask('b'))).toEqual([CLOSED]);
  });

  it('a credential that is taken away takes with it what was read under it', async () => {
    const { client } = privateRegistry();
    const engine = engineOver(client(), [signed]);
    const ask = (who: keyof typeof people) =>
      engine.decide(requestFor(['registry.test/a/app:v1'], { credentials: people[who]?.credentials }));
    expect(wordsOf(await ask('a'))).toEqual(['verified']);
    expect(wordsOf(await ask('other'))).toEqual([CLOSED]);
  });
});

describe('credentials are asked for', () => {
  it.each([
    ['no image', []],
    ['an image that is none', ['a b']],
    ['an empty image', ['']],
  ])('never for %s', async (_, images) => {
    const someone = holder(TEAM_A);
    await engineOver(privateRegistry().client(), [signed]).decide(requestFor(images, someone));
    expect(someone.asked).toEqual([]);
  });

  it.each([
    ['that no policy names', []],
    ['that a policy accepts as it is', [everywhere(policyOf({ kind: 'accept' }))]],
    ['that a policy refuses as it is', [everywhere(policyOf({ kind: 'reject', says: 'no' }))]],
    [
      'whose policy is broken',
      [
        everywhere(
          policyOf({ kind: 'accept' }, { state: { kind: 'broken', failure: failed('POLICY_BROKEN', 'x').failure } }),
        ),
      ],
    ],
  ])('never for an image %s (DESIGN.md §4.4)', async (_, sets) => {
    const someone = holder(TEAM_A);
    const { memory, client } = privateRegistry();
    await engineOver(client(), sets).decide(requestFor([`${ALL[0]}:v1`], someone));
    expect(someone.asked).toEqual([]);
    expect(memory.calls).toEqual([]);
  });

  it('never where an exemption lifts every policy', async () => {
    const someone = holder(TEAM_A);
    const exemptions = [
      { origin: origin('e'), applies: () => true, from: () => true, reason: 'known', until: 'never' as const },
    ];
    const policies = () => ({ sets: [signed], exemptions, storage: NO_REGISTRIES_D });
    const engine = engineOver(privateRegistry().client(), [], { policies });
    expect((await engine.decide(requestFor([`${ALL[0]}:v1`], someone))).allowed).toBe(true);
    expect(someone.asked).toEqual([]);
  });

  it('once for all images and policies of a request, and again for the next one', async () => {
    const someone = holder(TEAM_A);
    const two = everywhere(policyOf(signedBy(signer)), policyOf(signedBy(signer), { origin: origin('second') }));
    const engine = engineOver(privateRegistry().client(), [two]);
    const images = ALL.map((name) => `${name}:v1`);
    await engine.decide(requestFor(images, someone));
    expect(someone.asked).toHaveLength(1);
    await engine.decide(requestFor(images, someone));
    expect(someone.asked).toHaveLength(2);
  });
});

describe('credentials that cannot be had', () => {
  const denied = { ...requestFor([`${ALL[0]}:v1`]) };
  const failing =
    (code: ErrorCode): AskForCredentials =>
    () =>
      Promise.resolve(failed(code, 'no secret today'));

  it.each([
    ['CLUSTER_UNREACHABLE', 'unavailable'],
    ['CLUSTER_UNAVAILABLE', 'unavailable'],
    ['CLUSTER_FORBIDDEN', 'unauthorised'],
    ['CLUSTER_ANSWER_UNUSABLE', 'content'],
    ['CLUSTER_REQUEST_REFUSED', 'configuration'],
    ['LIMIT_EXCEEDED', 'content'],
    ['REGISTRY_CREDENTIAL_UNUSABLE', 'configuration'],
  ] as const)(
    'fail the look-up with their own code %s, never as unsigned, and without a request',
    async (code, kind) => {
      const { memory, client } = privateRegistry();
      for (const onError of ['deny', 'warn', 'allow'] as const) {
        const engine = engineOver(client(), [signed], { settings: { onError } });
        const decision = await engine.decide({ ...denied, credentials: failing(code) });
        expect(wordsOf(decision)).toEqual([`error ${code}`]);
        // The operator may loosen what is unavailable, and nothing else (MODEL.md M6).
        expect({ onError, allowed: decision.allowed }).toEqual({
          onError,
          allowed: kind === 'unavailable' && onError !== 'deny',
        });
      }
      expect(memory.calls).toEqual([]);
    },
  );

  it('fail even where everybody may read the image: what else they open is not known', async () => {
    const { memory } = privateRegistry();
    const engine = engineOver(memory.client(), [signed]);
    const decision = await engine.decide({ ...denied, credentials: failing('CLUSTER_UNREACHABLE') });
    expect(wordsOf(decision)).toEqual(['error CLUSTER_UNREACHABLE']);
    expect(wordsOf(await engine.decide(denied))).toEqual(['verified']);
  });

  it('in time end with the deadline, which the one who is asked is told of', async () => {
    const engine = engineOver(privateRegistry().client(), [signed], { clock: Date.now });
    let told: AbortSignal | undefined;
    const credentials: AskForCredentials = (signal) => {
      told = signal;
      return new Promise(() => undefined);
    };
    const decision = await engine.decide({ ...denied, deadline: Date.now() + 50, credentials });
    expect(wordsOf(decision)).toEqual(['error DEADLINE_EXCEEDED']);
    expect(told?.aborted).toBe(true);
  });

  it('are not asked for after the deadline', async () => {
    const someone = holder(TEAM_A);
    const clock = standingClock();
    const engine = engineOver(privateRegistry().client(), [signed], { clock });
    const decision = await engine.decide({ ...denied, ...someone, deadline: clock() - 1 });
    expect(wordsOf(decision)).toEqual(['error DEADLINE_EXCEEDED']);
    expect(someone.asked).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a defect');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a defect'))],
  ])('because who is asked %s are a defect, and refuse', async (_, credentials: AskForCredentials) => {
    const defects: unknown[] = [];
    const engine = engineOver(privateRegistry().client(), [signed], { onDefect: (error) => defects.push(error) });
    const images = ALL.map((name) => `${name}:v1`);
    const decision = await engine.decide({ ...denied, ...requestFor(images), credentials });
    expect(decision.allowed).toBe(false);
    expect(new Set(wordsOf(decision))).toEqual(new Set(['error INTERNAL_ERROR']));
    expect(defects).toHaveLength(3);
  });

  it('none at all are as good as not asking: what is public stays one entry for everybody', async () => {
    const { memory } = privateRegistry();
    const engine = engineOver(memory.client(), [signed]);
    expect(wordsOf(await engine.decide(denied))).toEqual(['verified']);
    memory.calls.length = 0;
    const credentials: AskForCredentials = () => Promise.resolve(ok(NO_CREDENTIALS));
    const digest = (await engine.decide(denied)).subjects[0]?.digest;
    memory.calls.length = 0;
    await engine.decide({ ...denied, ...requestFor([`${ALL[0]}@${digest}`]), credentials });
    expect(memory.calls.map(({ text }) => text)).toEqual([]);
  });
});
