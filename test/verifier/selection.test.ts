import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { failure } from '../../src/codes/result.ts';
import { repositoryName } from '../../src/image/reference.ts';
import type { Unmatched } from '../../src/model/outcome.ts';
import type { Exemption } from '../../src/policy/exemption.ts';
import type { Policy, PolicySet } from '../../src/policy/policy.ts';
import { everywhere, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, requestFor, standingClock, wordsOf } from '../fixtures/memory-registry.ts';
import { NO_REGISTRIES_D } from '../fixtures/storage.ts';

const signer = createSigner();
const memory = createMemoryRegistry();
const image = publishImage(memory.server, 'acme/app', 'unsigned');
const name = `registry.test/acme/app@${image.digest}`;
const good = publishImage(memory.server, 'acme/good', 'signed');
signImage(memory.server, 'acme/good', good, signer);
const goodName = `registry.test/acme/good@${good.digest}`;

/** A policy of the cluster, or of a namespace. */
const policy = (title: string, namespace?: string, changes: Partial<Policy> = {}) =>
  policyOf(signedBy(signer), { origin: origin(title, namespace), ...changes });
const accepts = (title: string, namespace?: string) =>
  policyOf({ kind: 'accept' }, { origin: origin(title, namespace) });

/** A set in which each policy reaches one repository. */
function reaching(reach: Readonly<Record<string, Policy>>): PolicySet {
  return {
    name: 'reaching',
    policies: Object.values(reach),
    select: (asked) =>
      Object.entries(reach).flatMap(([scope, each]) =>
        asked.kind === 'image' && repositoryName(asked.reference.repository) === scope
          ? [{ policy: each, scope, state: each.state }]
          : [],
      ),
  };
}

describe('an image that no policy names [peers 27]', () => {
  it.each<[Unmatched, boolean, number, boolean]>([
    ['allow', true, 0, false],
    ['warn', true, 1, false],
    ['deny', false, 0, true],
  ])('under unmatched: %s is allowed: %s', async (unmatched, allowed, warnings, wouldDeny) => {
    const engine = engineOver(memory.client(), [reaching({ 'registry.test/acme/other': policy('other') })], {
      settings: { unmatched },
    });
    memory.calls.length = 0;
    const decision = await engine.decide(requestFor([name]));
    expect(decision.allowed).toBe(allowed);
    expect(decision.warnings).toHaveLength(warnings);
    expect(decision.subjects[0]).toMatchObject({ headline: 'unmatched', wouldDeny });
    expect(memory.calls).toEqual([]);
  });

  it('is refused under unmatched: deny beside one that is named, and recorded alone in audit mode', async () => {
    const engine = engineOver(memory.client(), [reaching({ 'registry.test/acme/good': policy('good') })], {
      settings: { unmatched: 'deny' },
    });
    const decision = await engine.decide(requestFor([goodName, name]));
    expect(decision.allowed).toBe(false);
    expect(decision.subjects.map(({ headline }) => headline)).toEqual(['verified', 'unmatched']);
    const audit = await engine.decide(requestFor([name], { mode: { server: 'audit', namespace: undefined } }));
    expect(audit).toMatchObject({ allowed: true, warnings: [], subjects: [{ wouldDeny: true }] });
  });
});

describe('unmatched: deny is not lifted by what a tenant writes (MODEL.md M7)', () => {
  const settings = { unmatched: 'deny' } as const;
  it.each([
    ['a policy that accepts', accepts('mine', 'team')],
    ['a policy that the image meets', policy('mine', 'team')],
  ])('%s', async (_, tenant) => {
    const decision = await engineOver(memory.client(), [everywhere(tenant)], { settings }).decide(
      requestFor([goodName]),
    );
    expect(decision.allowed).toBe(false);
    expect(decision.subjects[0]?.policies.map(({ policy: { name } }) => name)).toEqual(['mine', 'unmatched']);
  });

  it('and is by what the cluster writes', async () => {
    for (const cluster of [accepts('ours'), policy('ours')])
      expect(
        (await engineOver(memory.client(), [everywhere(cluster)], { settings }).decide(requestFor([goodName]))).allowed,
      ).toBe(true);
  });

  it('and a tenant’s policy adds to the cluster’s and never replaces it (rule 12)', async () => {
    const sets = [everywhere(policy('ours')), everywhere(accepts('mine', 'team'))];
    expect((await engineOver(memory.client(), sets).decide(requestFor([name]))).allowed).toBe(false);
    const narrower = [everywhere(accepts('ours')), everywhere(policy('mine', 'team'))];
    expect((await engineOver(memory.client(), narrower).decide(requestFor([name]))).allowed).toBe(false);
  });
});

describe('a broken policy (MODEL.md M8)', () => {
  const broken = policy('broken', undefined, {
    state: { kind: 'broken', failure: failure('POLICY_BROKEN', 'its scopes cannot be read') },
  });
  const sets = [reaching({ 'registry.test/acme/app': broken, 'registry.test/acme/good': policy('good') })];

  it.each(['deny', 'warn', 'allow'] as const)(
    'refuses its reach, whatever onError says (%s), and leaves others alone',
    async (onError) => {
      const engine = engineOver(memory.client(), sets, { settings: { onError, unmatched: 'deny' } });
      memory.calls.length = 0;
      const refused = await engine.decide(requestFor([name]));
      expect(refused.allowed).toBe(false);
      expect(wordsOf(refused)).toEqual(['error POLICY_BROKEN']);
      expect(memory.calls).toEqual([]);
      expect(wordsOf(await engine.decide(requestFor([goodName])))).toEqual(['verified']);
    },
  );

  it('is not outweighed by another that passes', async () => {
    const engine = engineOver(memory.client(), [everywhere(policy('good'), broken)]);
    expect(wordsOf(await engine.decide(requestFor([goodName])))).toEqual(['verified', 'error POLICY_BROKEN']);
    expect((await engine.decide(requestFor([goodName]))).allowed).toBe(false);
  });
});

describe('an exemption (MODEL.md M12)', () => {
  const clock = standingClock();
  const exempt = (names: readonly string[], changes: Partial<Exemption> = {}): Exemption => ({
    origin: origin('exemption'),
    applies: () => true,
    from: (of) => names.includes(of.name),
    reason: 'migration until June',
    until: 'never',
    ...changes,
  });
  const engineWith = (sets: readonly PolicySet[], exemptions: readonly Exemption[], unmatched: Unmatched = 'allow') =>
    engineOver(memory.client(), [], {
      policies: () => ({ sets, exemptions, storage: NO_REGISTRIES_D }),
      clock,
      settings: { unmatched },
    });

  it('lifts the policy that it names, is recorded with its reason, and costs no request', async () => {
    memory.calls.length = 0;
    const decision = await engineWith([everywhere(policy('a'))], [exempt(['a'])]).decide(requestFor([name]));
    expect(decision).toMatchObject({ allowed: true, subjects: [{ headline: 'exempt', wouldDeny: false }] });
    expect(decision.subjects[0]?.policies[0]).toMatchObject({
      policy: { name: 'a' },
      outcome: { kind: 'exempt', reason: 'migration until June', by: { name: 'exemption' } },
    });
    expect(memory.calls).toEqual([]);
  });

  it('lifts no other policy, and one that names another changes nothing [peers 58]', async () => {
    const sets = [everywhere(policy('a'), policy('b'))];
    const decision = await engineWith(sets, [exempt(['a'])]).decide(requestFor([name]));
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision).toSorted()).toEqual(['exempt', 'unsigned UNSIGNED']);
    expect((await engineWith(sets, [exempt(['elsewhere'])]).decide(requestFor([name]))).allowed).toBe(false);
    expect((await engineWith(sets, [exempt([])]).decide(requestFor([name]))).allowed).toBe(false);
  });

  it('two that lift one policy each do not add up to a third [CVE-2024-48921 class, GHSA-gg4x-fgg2-h9w9]', async () => {
    const sets = [everywhere(policy('a'), policy('b'), policy('c'))];
    expect((await engineWith(sets, [exempt(['a']), exempt(['b'])]).decide(requestFor([name]))).allowed).toBe(false);
  });

  it('does not apply to a neighbour in the same pod [peers 35]', async () => {
    const only = exempt(['a'], {
      applies: (asked) => asked.kind === 'image' && asked.reference.repository.path === 'acme/app',
    });
    const other = publishImage(memory.server, 'acme/neighbour', 'unsigned too');
    const decision = await engineWith([everywhere(policy('a'))], [only]).decide(
      requestFor([name, `registry.test/acme/neighbour@${other.digest}`]),
    );
    expect(decision.allowed).toBe(false);
    expect(decision.subjects.map(({ headline }) => headline)).toEqual(['exempt', 'unsigned']);
  });

  it('ends when it says so: just before it lifts, from that moment on the policy is in force', async () => {
    const until = clock() + 1_000;
    const engine = engineWith([everywhere(policy('a'))], [exempt(['a'], { until })]);
    clock.move(999);
    expect((await engine.decide(requestFor([name]))).allowed).toBe(true);
    clock.move(1);
    expect(wordsOf(await engine.decide(requestFor([name])))).toEqual(['unsigned UNSIGNED']);
  });

  it('that has ended does not hide one that has not', async () => {
    const ended = exempt(['a'], { until: clock(), reason: 'ended' });
    const decision = await engineWith([everywhere(policy('a'))], [ended, exempt(['a'])]).decide(requestFor([name]));
    expect(decision.allowed).toBe(true);
    expect(decision.subjects[0]?.policies[0]?.reason).toContain('migration');
  });

  it('lifts a broken policy, if it names it', async () => {
    const state = { kind: 'broken', failure: failure('POLICY_BROKEN', 'broken') } as const;
    const sets = [everywhere(policy('a', undefined, { state }))];
    expect((await engineWith(sets, [exempt(['a'])]).decide(requestFor([name]))).allowed).toBe(true);
    expect((await engineWith(sets, [exempt(['b'])]).decide(requestFor([name]))).allowed).toBe(false);
  });

  it('from a tenant’s policy does not lift unmatched: deny, and from the cluster’s does', async () => {
    const tenant = await engineWith([everywhere(policy('mine', 'team'))], [exempt(['mine'])], 'deny').decide(
      requestFor([name]),
    );
    expect(tenant.allowed).toBe(false);
    expect(wordsOf(tenant)).toEqual(['exempt', 'unmatched UNMATCHED']);
    const cluster = await engineWith([everywhere(policy('ours'))], [exempt(['ours'])], 'deny').decide(
      requestFor([name]),
    );
    expect(cluster.allowed).toBe(true);
  });
});

describe('references [peers 30]', () => {
  const moved = createMemoryRegistry();
  const signed = publishImage(moved.server, 'acme/app', 'signed', 'good');
  signImage(moved.server, 'acme/app', signed, signer);
  const unsignedImage = publishImage(moved.server, 'acme/app', 'unsigned', 'bad');
  const engine = engineOver(moved.client(), [everywhere(policy('release'))]);
  it.each([
    ['tag only, signed', ':good', true],
    ['tag only, unsigned', ':bad', false],
    ['digest only, signed', `@${signed.digest}`, true],
    ['digest only, unsigned', `@${unsignedImage.digest}`, false],
    ['tag and digest that agree', `:good@${signed.digest}`, true],
    ['a good digest beside a bad tag', `:bad@${signed.digest}`, true],
    ['a bad digest beside a good tag', `:good@${unsignedImage.digest}`, false],
    ['a digest that is nowhere beside a good tag', `:good@sha256:${'0'.repeat(64)}`, false],
    ['a digest of another algorithm beside a good tag', `:good@sha512:${'0'.repeat(128)}`, false],
  ])('%s: the digest decides', async (_, suffix, allowed) => {
    expect((await engine.decide(requestFor([`registry.test/acme/app${suffix}`]))).allowed).toBe(allowed);
  });

  it.each([
    '',
    ' ',
    ':',
    '@',
    'UPPER/app',
    'a/../b',
    'registry.test/acme/app:',
    'registry.test/acme/app@sha256:12',
    '\u0000',
    'x'.repeat(10_000),
  ])('that are none are refused and decide nothing else: %j [peers 32]', async (text) => {
    const decision = await engine.decide(requestFor([text, 'registry.test/acme/app:good']));
    expect(decision.allowed).toBe(false);
    expect(decision.subjects.map(({ headline }) => headline)).toEqual(['error', 'verified']);
    expect(decision.subjects[0]?.image.length).toBeLessThan(600);
  });
});
