import { posix } from 'node:path';
import { importsOf } from './imports.ts';

/**
 * The floors of the house (DESIGN.md §2), lowest first. A folder imports from folders in earlier rows only; folders of
 * one row are siblings and do not know each other.
 *
 * Floor 1 has an order of its own, since reading an image reference takes a reason code and a strict reader:
 * codes, then encoding, then image, then the four that may use those.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ['codes'],
  ['encoding'],
  ['image'],
  ['cache', 'http', 'config', 'telemetry'],
  ['model', 'registry', 'kubernetes'],
  ['trust', 'conditions'],
  ['policy', 'signatures'],
  ['verifier', 'audit'],
  ['admission'],
  ['server'],
  ['cli'],
];

type Edge = { readonly from: string; readonly to: string; readonly line: number };

/**
 * Checks the imports of all modules: down only, never sideways, never in circles, never out of `src`, and with the
 * file's real ending, because Node runs these files as they are.
 * @param modules path from the repository's root, to text
 * @returns a sentence for each violation
 */
export function floorViolations(modules: ReadonlyMap<string, string>): readonly string[] {
  const edges = [...modules].flatMap(([from, source]) =>
    importsOf(source)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, line }): Edge => ({ from, to: posix.join(posix.dirname(from), specifier), line })),
  );
  const endings = edges.filter(({ to }) => !/\.(?:ts|json)$/.test(to));
  const homeless = [...modules.keys()].filter((path) => inSrc(path) && rowOf(path) < 0);
  return [
    ...endings.map((edge) => `${place(edge)} imports ${edge.to}, which does not end with .ts`),
    ...homeless.map((path) => `${path} is in no folder of the house`),
    ...edges.filter(({ from }) => inSrc(from)).flatMap((edge) => faultOf(edge) ?? []),
    ...circles(edges),
  ];
}

function faultOf(edge: Edge): string | undefined {
  if (!inSrc(edge.to))
    return edge.to.endsWith('.json') ? undefined : `${place(edge)} imports ${edge.to}, outside of src`;
  if (folderOf(edge.from) === folderOf(edge.to)) return undefined;

  const from = rowOf(edge.from);
  const to = rowOf(edge.to);
  if (from < 0 || to < 0 || to < from) return undefined;
  return `${place(edge)} imports ${edge.to}, ${to === from ? 'its sibling' : 'a higher floor'}`;
}

/** Each circle once, beginning with its first file by name. */
function circles(edges: readonly Edge[]): readonly string[] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found = new Set<string>();

  const walk = (file: string, path: readonly string[]): void => {
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) found.add(turned(path.slice(seenAt)).join(' → '));
    if (seenAt >= 0 || done.has(file)) return;
    for (const { to } of targets.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) walk(file, []);
  return [...found].map((circle) => `imports go in a circle: ${circle}`);
}

function turned(circle: readonly string[]): readonly string[] {
  const first = circle.indexOf(circle.toSorted()[0] ?? '');
  const round = [...circle.slice(first), ...circle.slice(0, first)];
  return [...round, round[0] ?? ''];
}

const place = (edge: Edge): string => `${edge.from}:${edge.line}`;
const inSrc = (path: string): boolean => path.startsWith('src/');
const folderOf = (path: string): string => path.split('/')[1] ?? '';
const rowOf = (path: string): number => FLOORS.findIndex((row) => row.includes(folderOf(path)));
