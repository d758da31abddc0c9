/** What a module names in an import, with the line on which it does. */
export type Import = { readonly specifier: string; readonly line: number };

/*
 * Imports as Biome formats them: a statement begins its line, a dynamic import names a literal. Reading them needs no
 * parser, and what is written so that this does not see it is a formatting error first.
 */
const BINDINGS = String.raw`(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\}|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+[\w$]+))?)`;
const STATEMENT = new RegExp(String.raw`^(?:import|export)\s+(?:type\s+)?${BINDINGS}\s+from\s+['"]([^'"]+)['"]`, 'gm');
const SIDE_EFFECT = /^import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** Lists what a module imports and re-exports, types included. */
export function importsOf(source: string): readonly Import[] {
  return [STATEMENT, SIDE_EFFECT, DYNAMIC].flatMap((pattern) =>
    [...source.matchAll(pattern)].map((match) => ({
      specifier: match[1] ?? '',
      line: source.slice(0, match.index).split('\n').length,
    })),
  );
}
