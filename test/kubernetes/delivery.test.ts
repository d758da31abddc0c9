import { describe, expect, it } from 'vitest';
import { createDelivery } from '../../src/kubernetes/delivery.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { createTestClock } from './test-clock.ts';

function delivering(handler: (value: number) => void | Promise<void>) {
  const clock = createTestClock();
  const delivery = createDelivery(handler, { name: 'test', clock, random: () => 0.5, logger: silentLogger });
  return { clock, delivery };
}

describe('a value that could not be put in force', () => {
  it('is not tried again once a newer one came', () => {
    const taken: number[] = [];
    const { clock, delivery } = delivering((value) => {
      if (value === 1) throw new Error('a defect');
      taken.push(value);
    });
    delivery.hand(1);
    expect([delivery.undelivered(), delivery.errors()]).toEqual([true, 1]);
    delivery.hand(2);
    clock.pass(600_000);
    expect(taken).toEqual([2]);
    expect([delivery.undelivered(), delivery.errors()]).toEqual([false, 1]);
  });

  it('does not come back over a newer one when its handler fails late', async () => {
    const taken: number[] = [];
    const first = Promise.withResolvers<void>();
    const { clock, delivery } = delivering((value) => {
      taken.push(value);
      return value === 1 ? first.promise : undefined;
    });
    delivery.hand(1);
    delivery.hand(2);
    first.reject(new Error('late'));
    await first.promise.catch(() => undefined);
    clock.pass(600_000);
    expect(taken).toEqual([1, 2]);
    expect([delivery.undelivered(), delivery.errors()]).toEqual([false, 1]);
  });

  it('is tried ever less often, at least once a minute, until it is closed', () => {
    let tries = 0;
    const { clock, delivery } = delivering(() => {
      tries++;
      throw new Error('a defect');
    });
    delivery.hand(1);
    clock.pass(600_000);
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(25);
    delivery.close();
    const before = tries;
    clock.pass(600_000);
    expect(tries).toBe(before);
  });
});
