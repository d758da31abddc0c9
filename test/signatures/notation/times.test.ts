import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochTime, parseRfc3339 } from '../../../src/signatures/notation/times.ts';

const AT = Date.parse('2026-06-01T11:00:00Z');

describe('times of notation', () => {
  it('are read with Z or with any offset [notation-ratify 20]', () => {
    expect(parseRfc3339('2026-06-01T11:00:00Z')).toBe(AT);
    expect(parseRfc3339('2026-06-01T19:00:00+08:00')).toBe(AT);
    expect(parseRfc3339('2026-06-01T03:00:00-08:00')).toBe(AT);
    expect(parseRfc3339('2026-06-02T10:59:00+23:59')).toBe(AT);
    expect(parseRfc3339('2026-06-01T11:00:00-00:00')).toBe(AT);
    expect(parseRfc3339('2024-02-29T00:00:00Z')).toBe(Date.parse('2024-02-29T00:00:00Z'));
    expect(parseRfc3339('0001-01-01T00:00:00Z')).toBe(Date.parse('0001-01-01T00:00:00Z'));
  });

  it('never end later for what is finer than a millisecond', () => {
    expect(parseRfc3339('2026-06-01T11:00:00.5Z')).toBe(AT + 500);
    expect(parseRfc3339('2026-06-01T11:00:00.001999999Z')).toBe(AT + 1);
    expect(parseRfc3339('2026-06-01T11:00:00.9999+00:00')).toBe(AT + 999);
  });

  it.each([
    '',
    '2026-06-01',
    '2026-06-01T11:00Z',
    '2026-06-01T11:00:00',
    '2026-06-01t11:00:00z',
    '2026-06-01 11:00:00Z',
    ' 2026-06-01T11:00:00Z',
    '2026-06-01T11:00:00Z\n',
    '2026-06-31T11:00:00Z',
    '2025-02-29T11:00:00Z',
    '2026-13-01T11:00:00Z',
    '2026-06-01T24:00:00Z',
    '2026-06-01T11:60:00Z',
    '2026-06-01T11:00:60Z',
    '2026-06-01T11:00:00.Z',
    '2026-06-01T11:00:00,5Z',
    '2026-06-01T11:00:00.1234567890Z',
    '2026-06-01T11:00:00+8:00',
    '2026-06-01T11:00:00+0800',
    '2026-06-01T11:00:00+24:00',
    '2026-06-01T11:00:00+08:60',
    '+002026-06-01T11:00:00Z',
    '20260-06-01T11:00:00Z',
    '1780311600',
  ])('are not read from %j [notation-ratify 20]', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });

  it('are read as they were written, whatever the moment and the offset', () => {
    const moments = fc.integer({ min: 0, max: Date.parse('9990-01-01T00:00:00Z') });
    fc.assert(
      fc.property(moments, fc.integer({ min: -1439, max: 1439 }), (at, offset) => {
        const local = new Date(at + offset * 60_000).toISOString().slice(0, -1);
        const two = (number: number): string => String(number).padStart(2, '0');
        const minutes = Math.abs(offset);
        const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
        expect(parseRfc3339(local + zone)).toBe(at);
      }),
    );
  });

  it('are read from seconds, as far as dates go', () => {
    expect(epochTime(1n)).toBe(1000);
    expect(epochTime(-1n)).toBe(-1000);
    expect(epochTime(8_640_000_000_000n)).toBe(8_640_000_000_000_000);
    expect(epochTime(8_640_000_000_001n)).toBeUndefined();
    expect(epochTime(-8_640_000_000_001n)).toBeUndefined();
    expect(epochTime(2n ** 64n)).toBeUndefined();
  });
});
