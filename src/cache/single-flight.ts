/** Work that is shared by everybody who asks for the same key while it is under way. */
export type SingleFlight<T> = {
  /**
   * Starts the work or joins it. The work has a signal of its own, aborted once nobody waits any more, so that one
   * impatient caller does not end it for the others. A caller whose signal aborts gets `impatient()` instead.
   */
  readonly run: (
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    impatient: () => T,
  ) => Promise<T>;
  /** How many keys are under way. */
  readonly size: () => number;
};

type Flight<T> = { readonly result: Promise<T>; readonly controller: AbortController; waiting: number };

/** Makes a single flight: one lock per key, never across keys (peers.md §4.2 number 71). */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();

  const start = (key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const controller = new AbortController();
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    const flight: Flight<T> = { result: work(controller.signal).finally(land), controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  };

  return {
    run: (key, signal, work, impatient) => {
      if (signal.aborted) return Promise.resolve(impatient());
      const flight = flights.get(key) ?? start(key, work);
      flight.waiting++;
      return new Promise<T>((resolve, reject) => {
        const leave = () => {
          flight.waiting--;
          if (flight.waiting === 0) {
            flight.controller.abort();
            if (flights.get(key) === flight) flights.delete(key);
          }
          resolve(impatient());
        };
        signal.addEventListener('abort', leave, { once: true });
        flight.result.then(
          (value) => {
            signal.removeEventListener('abort', leave);
            resolve(value);
          },
          (error: unknown) => {
            signal.removeEventListener('abort', leave);
            reject(error);
          },
        );
      });
    },
    size: () => flights.size,
  };
}
