/**
 * Keeps the number of values of a label bounded: the first `most` distinct ones are kept, later ones read `other`.
 * Hosts and policy names are written by tenants, and a time series lives as long as the process.
 */
export function boundedLabels(most: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= most) return 'other';
    seen.add(value);
    return value;
  };
}
