import type { ObjectProblem } from '../../compiled.ts';
import { fieldOf, isFields } from '../../structural.ts';
import { problemAt } from './problems.ts';
import { MAX_DEPTH, MAX_NODES, MAX_PATTERNS } from './schema.ts';

/** Values in a `spec`, of any kind: no policy that a person reads has a tenth of them. */
const MAX_VALUES = 20_000;
const PATTERNS: readonly string[] = ['issuerPattern', 'subjectPattern'];
/** Values within values: the deepest requirement and what a signature holds fit well. */
const MAX_LEVELS = 40;

/**
 * What is against the mere extent of a `spec`, before anybody looks at it more closely: checking costs what is there, and
 * what nests deep enough exhausts the stack.
 */
export function extentProblem(spec: unknown): ObjectProblem | undefined {
  const sum = { values: 0, patterns: 0 };
  const wrong = walk(spec, 0, sum);
  if (wrong !== undefined) return problemAt('spec', wrong);
  const require = isFields(spec) ? fieldOf(spec, 'require') : undefined;
  return nesting(require, 'spec.require', 1, { count: 0 });
}

function walk(value: unknown, level: number, sum: { values: number; patterns: number }): string | undefined {
  if (level > MAX_LEVELS) return 'nests deeper than any policy does';
  if (++sum.values > MAX_VALUES) return `holds more than ${MAX_VALUES} values`;
  if (typeof value !== 'object' || value === null) return undefined;
  // The one name of a field that a check of names would silently leave out.
  if (Object.hasOwn(value, '__proto__')) return 'has a field of the name __proto__, which means nothing';
  for (const [name, inner] of Object.entries(value)) {
    if (PATTERNS.includes(name) && ++sum.patterns > MAX_PATTERNS) return `has more than ${MAX_PATTERNS} patterns`;
    const wrong = walk(inner, level + 1, sum);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function nesting(value: unknown, path: string, depth: number, nodes: { count: number }): ObjectProblem | undefined {
  if (depth > MAX_DEPTH) return problemAt(path, `requirements nest deeper than ${MAX_DEPTH}`);
  nodes.count += 1 + itemsOf(value, 'quorum').length;
  if (nodes.count > MAX_NODES) {
    return problemAt('spec.require', `has more than ${MAX_NODES} requirements and signatures`);
  }
  for (const field of ['allOf', 'anyOf', 'atLeast'] as const) {
    for (const [i, child] of itemsOf(value, field).entries()) {
      const at = `${path}.${field}${field === 'atLeast' ? '.of' : ''}[${i}]`;
      const wrong = nesting(child, at, depth + 1, nodes);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

/** The list at a field, or at the `of` of what stands there. */
function itemsOf(value: unknown, field: string): readonly unknown[] {
  const there = isFields(value) ? fieldOf(value, field) : undefined;
  const list = isFields(there) ? fieldOf(there, 'of') : there;
  return Array.isArray(list) ? list : [];
}
