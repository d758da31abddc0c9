import { describe, expect, it } from 'vitest';
import { failure } from '../../src/codes/result.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
import type { Revocation } from '../../src/trust/revocation/revocation.ts';
import type { RevocationStatus } from '../../src/trust/revocation/status.ts';
import { cacheStatistics, createCaches } from '../../src/verifier/caches.ts';
import { NOON } from '../fixtures/certificates.ts';
import { createMemoryRegistry, engineOver, requestFor, standingClock } from '../fixtures/memory-registry.ts';
import { text } from '../fixtures/notation/cbor-writer.ts';
import { signEnvelope } from '../fixtures/notation/signer.ts';
import { attach, attachLayer, LAYER_TYPES, push, signatory, trustPolicy } from './notation-fixture.ts';

const acme = signatory();
const stranger = signatory();
const STORES = { 'ca:acme': [acme.root] };

describe('the same envelope under two media types', () => {
  it.each([
    ['the lie is listed first', ['cose', 'jws']],
    ['the lie is listed last', ['jws', 'cose']],
  ] as const)('is read as each manifest says: %s', async (_, order) => {
    const memory = createMemoryRegistry();
    const image = push(memory);
    const bytes = signEnvelope({
      kind: 'jws',
      chain: [acme.leaf.der, acme.root.der],
      key: acme.leaf.keys.privateKey,
      payload: { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length },
    });
    for (const kind of order) attachLayer(memory, image, bytes, LAYER_TYPES[kind]);
    const engine = engineOver(memory.client(), [trustPolicy(STORES, {})], { clock: standingClock(NOON) });
    const request = requestFor([`${memory.host}/shop/web@${image.digest}`]);
    const decision = await engine.decide(request);
    expect(decision.allowed).toBe(true);
    const codes = decision.subjects[0]?.policies[0]?.outcome;
    expect(codes).toMatchObject({ kind: 'verified' });
    // And one list has both: what lies is refused beside what does not.
    const findings = codes !== undefined && 'findings' in codes ? codes.findings : [];
    const kinds = findings.map((finding) => (finding.kind === 'judged' ? finding.proof.kind : finding.kind));
    expect(kinds.toSorted()).toEqual(['disproved', 'proved']);
  });
});

describe('authenticity that is only reported', () => {
  it('is said in the answer', async () => {
    const memory = createMemoryRegistry();
    const image = push(memory);
    attach(memory, image, stranger);
    const set = trustPolicy(STORES, { signatureVerification: { level: 'audit' } });
    const engine = engineOver(memory.client(), [set], { clock: standingClock(NOON) });
    const decision = await engine.decide(requestFor([`${memory.host}/shop/web@${image.digest}`]));
    expect(decision.allowed).toBe(true);
    expect(decision.subjects[0]?.headline).toBe('accepted');
    expect(decision.warnings).toEqual([expect.stringContaining('trust store')]);
  });

  it('sends no request to where a stranger’s certificate says', async () => {
    const memory = createMemoryRegistry();
    const image = push(memory);
    attach(memory, image, stranger);
    const asked: number[] = [];
    const revocation: Revocation = {
      check: (chain) => {
        asked.push(chain.length);
        return Promise.resolve({ kind: 'good' });
      },
    };
    const set = trustPolicy(STORES, { signatureVerification: { level: 'audit' } });
    const engine = engineOver(memory.client(), [set], { clock: standingClock(NOON), revocation });
    const decision = await engine.decide(requestFor([`${memory.host}/shop/web@${image.digest}`]));
    expect(decision.allowed).toBe(true);
    expect(asked).toEqual([]);
  });
});

describe('revocation that nobody can tell', () => {
  /** Answers nothing until the caller gives up. */
  const hanging: Revocation = {
    check: (_, __, signal) =>
      new Promise<RevocationStatus>((resolve) => {
        const late = (): void => resolve({ kind: 'unknown', message: 'no answer came before the deadline' });
        if (signal.aborted) late();
        else signal.addEventListener('abort', late);
      }),
  };

  it.each(['deny', 'warn', 'allow'] as const)(
    'is never loosened by onError: %s, not even where the list must be read again after the deadline [notation-ratify 96]',
    async (onError) => {
      const memory = createMemoryRegistry();
      const image = push(memory);
      attach(memory, image, acme);
      const clock = standingClock(NOON);
      const sets: readonly PolicySet[] = [trustPolicy(STORES, {})];
      let revocation: Revocation = { check: () => Promise.resolve({ kind: 'good' }) };
      const engine = engineOver(memory.client(), sets, {
        clock,
        settings: { onError },
        revocation: { check: (...asked) => revocation.check(...asked) },
      });
      const ask = (within: number) =>
        engine.decide(requestFor([`${memory.host}/shop/web@${image.digest}`], { deadline: clock() + within }));
      expect((await ask(60_000)).allowed).toBe(true);
      revocation = hanging;
      // The list is now too old to refuse by, so that it is asked for again: when there is no time left.
      clock.move(60_000);
      const decision = await ask(200);
      expect(decision.subjects[0]?.policies).toMatchObject([{ code: 'REVOCATION_UNKNOWN', admission: 'refuse' }]);
      expect(decision.allowed).toBe(false);
    },
  );

  it('does not hide behind a registry that is away when the list is read again', async () => {
    const memory = createMemoryRegistry();
    const image = push(memory);
    attach(memory, image, acme);
    const clock = standingClock(NOON);
    let status: RevocationStatus = { kind: 'good' };
    const engine = engineOver(memory.client(), [trustPolicy(STORES, {})], {
      clock,
      settings: { onError: 'allow' },
      revocation: { check: () => Promise.resolve(status) },
    });
    const ask = () =>
      engine.decide(requestFor([`${memory.host}/shop/web@${image.digest}`], { deadline: clock() + 60_000 }));
    expect((await ask()).allowed).toBe(true);
    status = { kind: 'unknown', message: 'the responder is away' };
    memory.intercept = ({ kind }) =>
      kind === 'referrers' ? failure('REGISTRY_UNREACHABLE', 'the registry is away') : undefined;
    clock.move(60_000);
    const decision = await ask();
    expect(decision.subjects[0]?.policies).toMatchObject([{ code: 'REVOCATION_UNKNOWN' }]);
    expect(decision.allowed).toBe(false);
  });
});

describe('what is kept of a signature', () => {
  it.each(['jws', 'cose'] as const)('is its certificates and not the %s envelope that they came in', async (kind) => {
    const memory = createMemoryRegistry();
    const image = push(memory);
    const padding = 'x'.repeat(500_000);
    attach(memory, image, acme, {
      kind,
      jws: { unprotected: (header) => ({ ...header, padding }) },
      cose: { unprotected: (pairs) => [...pairs, [text('padding'), text(padding)]] },
    });
    const clock = standingClock(NOON);
    const caches = createCaches({ entries: 1_000, bytes: 64 * 1024 * 1024, lives: 300_000 }, clock);
    const engine = engineOver(memory.client(), [trustPolicy(STORES, {})], { clock, caches });
    const request = requestFor([`${memory.host}/shop/web@${image.digest}`]);
    expect((await engine.decide(request)).allowed).toBe(true);
    const { proofs } = cacheStatistics(caches);
    expect(proofs).toMatchObject({ entries: 1 });
    expect(proofs.bytes).toBeGreaterThan(acme.leaf.der.length + acme.root.der.length);
    expect(proofs.bytes).toBeLessThan(10_000);
  });
});
