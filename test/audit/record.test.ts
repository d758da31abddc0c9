import { describe, expect, it } from 'vitest';
import { auditLine, auditRecord, type Note, type ReviewFacts } from '../../src/audit/record.ts';
import { acceptedFinding, decision, expectToMeetSchema, OUTCOMES, origin, said, subject } from './fixture.ts';

const WRITER = { instance: 'countersign-0', version: '0.1.0' };
const FACTS: ReviewFacts = {
  time: Date.UTC(2026, 10, 22),
  uid: 'u-1',
  operation: 'CREATE',
  kind: 'Pod',
  namespace: 'shop',
  name: 'web',
  user: 'jane',
  dryRun: false,
  note: undefined,
};

describe('an audit record', () => {
  it('has the documented fields and nothing else', () => {
    const record = auditRecord(FACTS, decision([subject([said('verified')])]), WRITER);
    expect(record).toEqual({
      time: '2026-11-22T00:00:00.000Z',
      uid: 'u-1',
      operation: 'CREATE',
      kind: 'Pod',
      namespace: 'shop',
      name: 'web',
      user: 'jane',
      dryRun: false,
      decision: 'allowed',
      wouldDeny: false,
      mode: 'deny',
      ms: 1.235,
      images: [
        {
          image: 'ghcr.io/acme/app:1.2',
          path: 'spec.containers[0].image',
          digest: expect.stringMatching(/^sha256:/),
          outcome: 'verified',
          policies: [
            { policy: 'ClusterImagePolicy/release', generation: 3, mode: 'deny', outcome: 'verified', code: null },
          ],
          signers: ['key sha256:aa'],
        },
      ],
      cache: { hits: 1, misses: 1 },
      requests: 2,
      instance: 'countersign-0',
      version: '0.1.0',
    });
    expectToMeetSchema(record);
  });

  it.each(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])('meets its schema for %s', (kind) => {
    const lax = said(kind, { mode: 'audit', policy: { ...origin('p', 'ns'), generation: undefined } });
    expectToMeetSchema(auditRecord(FACTS, decision([subject([said(kind), lax], { digest: undefined })]), WRITER));
  });

  it.each([
    'deleted',
    'unchanged',
    'not-a-workload',
    'no-images',
    'malformed',
    'malformed-review',
    'mirror-pod',
  ] satisfies Note[])('meets its schema with the note %s', (note) => {
    const record = auditRecord({ ...FACTS, note, namespace: undefined, name: '' }, decision([]), WRITER);
    expect(record).toMatchObject({ note, namespace: '' });
    expectToMeetSchema(record);
  });

  it('names each signer once, and only those that were accepted', () => {
    const findings = [acceptedFinding('alice'), acceptedFinding('bob'), acceptedFinding('alice')] as const;
    const record = auditRecord(
      FACTS,
      decision([subject([said('verified', { outcome: { kind: 'verified', findings } }), said('untrusted')])]),
      WRITER,
    );
    expect(record.images[0]?.signers).toEqual(['alice', 'bob']);
  });

  it('is one line, whatever stands in it', () => {
    const hostile = 'a\n{"decision":"allowed"}\r\u2028\u202e\u0000';
    const line = auditLine(
      auditRecord(
        { ...FACTS, name: hostile, user: hostile, namespace: hostile },
        decision([subject([said('unsigned', { policy: origin(hostile) })], { image: hostile })]),
        WRITER,
      ),
    );
    expect(line.slice(0, -1)).not.toMatch(/[\n\r\u2028\u202e\u0000]/);
    expectToMeetSchema(JSON.parse(line));
  });
});

describe('a record that would be too long', () => {
  const policies = Array.from({ length: 60 }, (_, p) =>
    said('verified', { policy: origin(`policy-${p}-${'x'.repeat(200)}`) }),
  );
  const many = (count: number, image: string, each = 5) =>
    Array.from({ length: count }, (_, i) =>
      subject(policies.slice(0, each), { image, path: `spec.containers[${i}].image` }),
    );

  it('keeps every image as long as it can, and cuts from the last one', () => {
    const record = auditRecord(FACTS, decision(many(31, 'ghcr.io/acme/app:1.2')), WRITER);
    expect(Buffer.byteLength(auditLine(record))).toBeLessThanOrEqual(12 * 1024);
    expect(record.truncated).toBe(true);
    expect(record.images).toHaveLength(31);
    expect(record.images[0]?.policies).toHaveLength(5);
    expect(record.images[30]?.policies).toHaveLength(0);
    expect(record.images[30]?.digest).toMatch(/^sha256:/);
    expectToMeetSchema(record);
  });

  it.each([1, 31, 128, 1_000])('stays within 12 KiB for %d images of the longest kind', (count) => {
    const facts = {
      ...FACTS,
      name: '💥'.repeat(500),
      user: '"'.repeat(500),
      uid: 'ü'.repeat(500),
      kind: '\\'.repeat(500),
    };
    const record = auditRecord(facts, decision(many(count, '💥"'.repeat(400), 60)), WRITER);
    expect(Buffer.byteLength(auditLine(record))).toBeLessThanOrEqual(12 * 1024);
    expect(record.truncated).toBe(true);
    expect(record.images.length).toBeGreaterThan(0);
    expectToMeetSchema(record);
  });

  it('is not called cut where nothing is missing', () => {
    expect(auditRecord(FACTS, decision(many(10, 'a', 1)), WRITER).truncated).toBeUndefined();
  });
});
