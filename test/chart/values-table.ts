import { isMap, isPair, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** One value of the chart, as values.yaml documents it. */
export type ChartValue = {
  /** Dotted path. */
  readonly path: string;
  readonly value: unknown;
  /** The comment above it, in one line. */
  readonly meaning: string;
};

/**
 * The values that values.yaml documents. A key with a comment above it is a value, whatever is in it; a key without one
 * is a group, whose keys are looked at.
 * @throws where something has neither comment nor keys: a value that nobody would find
 */
export function documentedValues(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return valuesOf(contents, '');
}

function valuesOf(map: YAMLMap, prefix: string): readonly ChartValue[] {
  return map.items.flatMap((pair, index) => {
    const path = `${prefix}${keyOf(pair)}`;
    // The parser gives a comment above the first key of a group to the group.
    const comment = commentOf(pair) ?? (index === 0 ? map.commentBefore : undefined);
    if (comment) return [{ path, value: plain(pair.value), meaning: comment.replace(/\s*\n\s*/g, ' ').trim() }];
    if (!isMap(pair.value)) throw new Error(`${path} has no comment`);
    return valuesOf(pair.value, `${path}.`);
  });
}

/** The values as a table of Markdown. */
export function valuesTable(values: readonly ChartValue[]): string {
  const rows = values.map(({ path, value, meaning }) => {
    const shown = value === '' ? '' : `\`${JSON.stringify(value).replaceAll('|', '\\|')}\``;
    return `| \`${path}\` | ${shown} | ${meaning.replaceAll('|', '\\|')} |\n`;
  });
  return `| value | default | meaning |\n|---|---|---|\n${rows.join('')}`;
}

const keyOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : '');

const commentOf = (pair: Pair): string | null | undefined => (isScalar(pair.key) ? pair.key.commentBefore : undefined);

function plain(node: unknown): unknown {
  if (isScalar(node)) return node.value;
  return typeof node === 'object' && node !== null && 'toJSON' in node && !isPair(node)
    ? JSON.parse(JSON.stringify(node))
    : node;
}
