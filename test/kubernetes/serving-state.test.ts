import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMaker, LIFETIMES } from '../../src/kubernetes/serving-maker.ts';
import { acted, fresh } from '../../src/kubernetes/serving-roll-over.ts';
import { parseServing, SECRET_KEYS, type ServingState, writeServing } from '../../src/kubernetes/serving-state.ts';

const maker = createMaker(['a.svc', '127.0.0.1'], LIFETIMES);
const now = Date.UTC(2026, 10, 22);
const steady = fresh(maker, now);
const rolling: ServingState = { ...acted(steady, { kind: 'announce' }, maker, now), since: now };

const base64 = (text: string) => Buffer.from(text).toString('base64');
const dataOf = (state: ServingState): Record<string, string> =>
  Object.fromEntries(
    Object.entries(writeServing(state)).flatMap(([key, text]) => (text === undefined ? [] : [[key, base64(text)]])),
  );

describe('what stands in the Secret', () => {
  it.each([
    ['with all well', steady],
    ['in a roll-over', rolling],
    ['after the swap', acted(rolling, { kind: 'swap' }, maker, now)],
  ])('is read as it was written, %s', (_when, state) => {
    expect(parseServing(dataOf(state))).toEqual({ ok: true, value: state });
  });

  it('gives nothing of itself away in what is said about it, and never throws, however it is mixed up', () => {
    const other = fresh(maker, now);
    const strange = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const pieces = [
      ...[...Object.values(dataOf(rolling)), ...Object.values(dataOf(other))],
      ...[
        base64(strange),
        base64(rsa),
        '',
        'no base64',
        base64('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      ],
    ];
    const mixed = fc.dictionary(fc.constantFrom(...SECRET_KEYS), fc.constantFrom(...pieces));
    fc.assert(
      fc.property(mixed, fc.boolean(), (changes, complete) => {
        const read = parseServing(complete ? { ...dataOf(rolling), ...changes } : changes);
        if (read.ok) expect(parseServing(dataOf(read.value))).toEqual(read);
        else {
          expect(read.failure.code).toBe('CERTIFICATE_UNUSABLE');
          expect(read.failure.message).not.toMatch(/BEGIN|[0-9a-f]{48}/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('brings no second certificate into a caBundle', () => {
    const other = fresh(maker, now);
    const data = { ...dataOf(steady), 'ca.crt': base64(steady.ca.certificatePem + other.ca.certificatePem) };
    expect(parseServing(data)).toEqual({ ok: true, value: steady });
  });

  it('is refused where the leaf is of an authority that is not there', () => {
    const other = fresh(maker, now);
    const data = {
      ...dataOf(steady),
      'tls.crt': base64(other.leaf.certificatePem),
      'tls.key': base64(other.leaf.privateKeyPem),
    };
    expect(parseServing(data)).toMatchObject({ ok: false, failure: { message: expect.stringContaining('tls.crt') } });
  });
});

describe('what is made', () => {
  it('never outlives the authority that signs it', () => {
    const late = maker.leaf(steady.ca, steady.ca.notAfter - 1000);
    expect(late.notAfter).toBe(steady.ca.notAfter);
  });

  it('has names and addresses by which it is found to be up to date', () => {
    expect(steady.leaf.names).toEqual(['a.svc', '127.0.0.1']);
  });
});
