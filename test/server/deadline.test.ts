import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';
import { deadlineOf } from '../../src/server/deadline.ts';

describe('durations', () => {
  it.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['1h2m3.004s', 3_723_004],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['100μs', 0.1],
    ['1000000ns', 1],
    ['0', 0],
    ['0s', 0],
  ])('%s are %d ms', (text, milliseconds) => expect(parseDuration(text)).toBeCloseTo(milliseconds, 9));

  it.each([
    '',
    ' ',
    '10',
    's',
    '-1s',
    '+1s',
    '1 s',
    '1s ',
    '1..5s',
    '.s',
    '1e3s',
    '1S',
    'Infinity',
    '٣s',
    '1d',
    '1sm',
    'constructor',
    '1constructor',
    '9'.repeat(50) + 's',
  ])('%o are none', (text) => expect(parseDuration(text)).toBeUndefined());

  it('are read back as Go writes them', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999), (hours, minutes, seconds, milliseconds) => {
        const text = `${hours}h${minutes}m${seconds}.${String(milliseconds).padStart(3, '0')}s`;
        expect(parseDuration(text)).toBeCloseTo(((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds, 3);
      }),
    );
  });
});

describe('deadlines', () => {
  it.each([
    ['10s', 9600],
    ['1s', 600],
    ['500ms', 250],
    ['30s', 29_600],
    ['1m30s', 29_600],
    ['99999h', 29_600],
    [undefined, 4500],
    ['', 4500],
    ['0s', 4500],
    ['soon', 4500],
    ['-5s', 4500],
  ])('?timeout=%s leaves %d ms', (timeout, left) =>
    expect(deadlineOf(timeout, 1_000_000, 4500)).toBe(1_000_000 + left),
  );

  it('lie between now and the longest webhook timeout, whatever the query says', () => {
    const durations = fc
      .tuple(fc.double({ noNaN: true }), fc.constantFrom('ns', 'us', 'µs', 'ms', 's', 'm', 'h', ''))
      .map(([n, unit]) => `${n}${unit}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), durations, fc.anything()), (timeout) => {
        const left = deadlineOf(timeout, 0, 4500);
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThanOrEqual(29_600);
      }),
    );
  });
});
