import { LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { failed, ok, type Result } from '../../codes/result.ts';
import { parseStrictJson } from '../../encoding/strict-json.ts';

/** One document of a file, counted from 1. */
export type PolicyDocument = { readonly number: number; readonly value: unknown };

/** Aliases may stand for at most so many nodes, so that a few lines cannot unfold into a great many. */
const MAX_ALIASES = 100;

/**
 * Reads a file's documents: strict JSON where the name says so, YAML 1.2 otherwise. Refused are duplicate keys, tags of
 * one's own, keys that are no text, and aliases that unfold into too much; documents that are empty are left out.
 * @returns POLICY_BROKEN with line and column
 */
export function readDocuments(path: string, text: string): Result<readonly PolicyDocument[]> {
  if (path.toLowerCase().endsWith('.json')) {
    const json = parseStrictJson(text);
    return json.ok ? ok([{ number: 1, value: json.value }]) : failed('POLICY_BROKEN', json.failure.message);
  }
  try {
    return readYaml(text);
  } catch (error) {
    // The library throws on aliases that unfold too far, and on nesting that exhausts the stack.
    return failed('POLICY_BROKEN', 'the YAML nests too deep or unfolds too far', error);
  }
}

function readYaml(text: string): Result<readonly PolicyDocument[]> {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'silent',
  });
  const documents: PolicyDocument[] = [];
  for (const [i, document] of parsed.entries()) {
    const [wrong] = [...document.errors, ...document.warnings];
    if (wrong !== undefined) return failed('POLICY_BROKEN', whereAndWhat(wrong, lines));
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value !== null && value !== undefined) documents.push({ number: i + 1, value });
  }
  return ok(documents);
}

function whereAndWhat(error: YAMLError, lines: LineCounter): string {
  const { line, col } = lines.linePos(error.pos[0]);
  return `the YAML is wrong at line ${line}, column ${col}: ${error.message}`;
}
