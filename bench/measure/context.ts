import type { Child } from '../processes/child.ts';
import type { LoadAsk } from '../processes/load.ts';
import type { Registry, Workplace } from '../servers.ts';

/** What every measurement needs. */
export type Context = {
  readonly workplace: Workplace;
  readonly registry: Registry;
  readonly load: Child<LoadAsk>;
  /** What is measured: the bundle, or `src/cli/main.ts`. */
  readonly program: string;
  /** Fewer and shorter rounds. */
  readonly quick: boolean;
  /** Numbers of images that nobody has asked about yet. */
  readonly fresh: (count: number) => number;
  /** Says what is being measured. */
  readonly progress: (text: string) => void;
};

/** Gives out image numbers. */
export function freshNumbers(): Context['fresh'] {
  let next = 0;
  return (count) => {
    const from = next;
    next += count;
    return from;
  };
}
