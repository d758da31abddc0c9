import { type Fields, fieldOf, isFields } from '../../structural.ts';

/** How deep and how far an object is looked through; what lies beyond is in no valid policy. */
const MAX_LEVELS = 40;
const MAX_VALUES = 20_000;

/**
 * The paths under `file` that an object names, each once, in the order in which they stand there: whoever reads policies
 * reads them before. Works on invalid objects too, of which it may name fewer or more than they mean.
 */
export function namedFiles(object: Fields): readonly string[] {
  const found = new Set<string>();
  const spec = fieldOf(object, 'spec');
  if (isFields(spec)) collect(fieldOf(spec, 'require'), 0, { values: 0 }, found);
  return [...found];
}

function collect(value: unknown, level: number, sum: { values: number }, found: Set<string>): void {
  if (typeof value !== 'object' || value === null || level > MAX_LEVELS || ++sum.values > MAX_VALUES) return;
  for (const [name, inner] of Object.entries(value)) {
    // The names under annotations are anybody's.
    if (name === 'annotations') continue;
    if (name === 'file' && typeof inner === 'string' && inner !== '') found.add(inner);
    else collect(inner, level + 1, sum, found);
  }
}
