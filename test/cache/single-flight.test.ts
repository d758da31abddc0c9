import { describe, expect, it } from 'vitest';
import { createSingleFlight } from '../../src/cache/single-flight.ts';
import { eventually } from '../fixtures/memory-registry.ts';

/** Work that ends when it is told to, and remembers whether it was aborted. */
function held() {
  const works: { readonly signal: AbortSignal; readonly end: (text: string) => void; readonly fail: () => void }[] = [];
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      works.push({ signal, end: resolve, fail: () => reject(new Error('no')) });
    });
  return { works, work };
}

const patient = () => new AbortController().signal;
const late = () => 'late';

describe('a single flight', () => {
  it('does the work once for everybody who asks while it is under way, and anew for those who come later [peers 71]', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    const waiting = Array.from({ length: 100 }, () => flight.run('a', patient(), work, late));
    expect(works).toHaveLength(1);
    works[0]?.end('done');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
    expect(flight.size()).toBe(0);

    const next = flight.run('a', patient(), work, late);
    expect(works).toHaveLength(2);
    works[1]?.end('again');
    expect(await next).toBe('again');
  });

  it('never lets one key wait for another [peers 71]', async () => {
    const flight = createSingleFlight<string>();
    const a = held();
    const b = held();
    void flight.run('a', patient(), a.work, late);
    const second = flight.run('b', patient(), b.work, late);
    b.works[0]?.end('b');
    expect(await second).toBe('b');
    expect(flight.size()).toBe(1);
    a.works[0]?.end('a');
  });

  it('goes on for a patient second although the first gives up', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    const impatient = new AbortController();
    const first = flight.run('a', impatient.signal, work, late);
    const second = flight.run('a', patient(), work, late);
    impatient.abort();
    expect(await first).toBe('late');
    expect(works[0]?.signal.aborted).toBe(false);
    works[0]?.end('done');
    expect(await second).toBe('done');
    expect(works).toHaveLength(1);
  });

  it('ends the work once the last one has left, and starts anew for whoever comes then', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    const callers = [new AbortController(), new AbortController()];
    const waiting = callers.map(({ signal }) => flight.run('a', signal, work, late));
    callers[0]?.abort();
    expect(works[0]?.signal.aborted).toBe(false);
    callers[1]?.abort();
    expect(works[0]?.signal.aborted).toBe(true);
    expect(await Promise.all(waiting)).toEqual(['late', 'late']);

    const next = flight.run('a', patient(), work, late);
    expect(works).toHaveLength(2);
    // The abandoned work ends after all: it must neither answer nor end the flight that took its place.
    works[0]?.end('old');
    await eventually(() => true);
    expect(flight.size()).toBe(1);
    works[1]?.end('new');
    expect(await next).toBe('new');
  });

  it('tells a caller who is late already, and starts nothing for it', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    expect(await flight.run('a', AbortSignal.abort(), work, late)).toBe('late');
    expect(works).toEqual([]);
  });

  it('hands an exception to everybody and keeps none for the next [peers 69]', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    const waiting = [flight.run('a', patient(), work, late), flight.run('a', patient(), work, late)];
    works[0]?.fail();
    for (const result of await Promise.allSettled(waiting)) expect(result.status).toBe('rejected');
    const next = flight.run('a', patient(), work, late);
    works[1]?.end('fine');
    expect(await next).toBe('fine');
  });

  it('leaves no unhandled rejection behind where abandoned work fails', async () => {
    const flight = createSingleFlight<string>();
    const { works, work } = held();
    const caller = new AbortController();
    const waiting = flight.run('a', caller.signal, work, late);
    caller.abort();
    works[0]?.fail();
    expect(await waiting).toBe('late');
    expect(flight.size()).toBe(0);
  });
});
