import { describe, expect, it } from 'vitest';
import { ownCopy, weightOf } from '../../src/cache/own-copy.ts';

describe('what a cache counts', () => {
  it('grows with text, and steeply beyond what honest tools write', () => {
    const small = weightOf({ text: 'x'.repeat(100) });
    expect(weightOf({ text: 'x'.repeat(200) })).toBe(small + 100);
    expect(weightOf({ text: 'x'.repeat(10_000) })).toBeGreaterThan(6 * 10_000);
  });

  it('takes a signature for the bytes that it is, and not for the numbers that JSON would write', () => {
    const weight = weightOf({ candidates: [{ bytes: new Uint8Array(700) }] });
    expect(weight).toBeGreaterThan(700);
    expect(weight).toBeLessThan(1200);
  });

  it('counts all of the memory that a short cut of it keeps alive', () => {
    expect(weightOf({ bytes: new Uint8Array(1_000_000).subarray(0, 10) })).toBeGreaterThan(1_000_000);
  });

  it('takes a Buffer for as much as any bytes, with the pool that it is cut out of', () => {
    const big = Buffer.alloc(1_000_000);
    expect(weightOf({ certificates: [big.subarray(0, 10)] })).toBeGreaterThan(1_000_000);
    expect(weightOf({ bytes: Buffer.from(new Uint8Array(700).buffer) })).toBeLessThan(1200);
  });

  it('keeps a copy that nobody else can change', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const copy = ownCopy({ bytes });
    bytes[0] = 9;
    expect([...copy.bytes]).toEqual([1, 2, 3]);
  });
});
