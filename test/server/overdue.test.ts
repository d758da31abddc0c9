import { describe, expect, it } from 'vitest';
import { createOverdue, LATE } from '../../src/server/overdue.ts';

const never = new Promise<never>(() => undefined);

describe('waiting for a value', () => {
  it('gives the value that comes in time, and the error', async () => {
    const { before } = createOverdue();
    expect(await before(Date.now() + 1000, Promise.resolve(1))).toBe(1);
    await expect(before(Date.now() + 1000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('says late to each at its own time, however many wait', async () => {
    let now = 0;
    const { before } = createOverdue(() => now);
    const order: string[] = [];
    const early = before(10, never).then((value) => order.push(value === LATE ? 'early' : '?'));
    const later = before(20, never).then((value) => order.push(value === LATE ? 'later' : '?'));
    now = 10;
    await early;
    expect(order).toEqual(['early']);
    now = 20;
    await later;
    expect(order).toEqual(['early', 'later']);
  });

  it('says late for a time that is over', async () => {
    expect(await createOverdue().before(Date.now() - 1000, never)).toBe(LATE);
  });
});
