/** The middle value; the mean of the two middle ones where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [above = Number.NaN, below = above] = [sorted[middle], sorted[middle - (sorted.length % 2 === 0 ? 1 : 0)]];
  return (above + below) / 2;
}

/** Least, middle and greatest of several rounds: on a machine with other work the spread is part of the figure. */
export type Spread = { readonly least: number; readonly median: number; readonly greatest: number };

/** The spread of values. */
export function spreadOf(values: readonly number[]): Spread {
  return { least: Math.min(...values), median: median(values), greatest: Math.max(...values) };
}

/** The spread of ratios, round by round: both sides of one were measured within seconds of each other. */
export function ratios(above: readonly number[], below: readonly number[]): Spread {
  return spreadOf(above.map((value, round) => value / (below[round] ?? Number.NaN)));
}
