import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { compileOwnObject } from '../../src/policy/dialects/countersign/compile.ts';
import { spec } from '../../src/policy/dialects/countersign/schema.ts';
import { isFields } from '../../src/policy/structural.ts';
import { readProjectFile } from './files.ts';
import { parsePage, renderPage, renderReference } from './reference.ts';

const markdown = readProjectFile('docs/policies.md');

describe('docs/policies.md', () => {
  it('lists every field as the schema has it: node test/house/policy-reference.ts --write', () => {
    expect(renderPage({ ...parsePage(markdown), generated: renderReference(spec) })).toBe(markdown);
  });

  it('would be found out of date by a field, a bound, a default, a rule and a description', () => {
    const field = (max: number, description: string) => z.string().min(1).max(max).optional().meta({ description });
    const page = (schema: z.ZodType) => renderReference(schema);
    const object = (shape: z.core.$ZodLooseShape, ...rules: readonly string[]) =>
      z.strictObject(shape).meta({ id: 'Reference', description: 'An object.', rules });
    const before = page(object({ a: field(2, 'A.') }));
    const changed = [
      object({ a: field(2, 'A.'), b: field(2, 'B.') }),
      object({ a: field(3, 'A.') }),
      object({ a: z.string().min(1).max(2).default('x').meta({ description: 'A.' }) }),
      object({ a: field(2, 'A.') }, 'A rule.'),
      object({ a: field(2, 'Another.') }),
    ].map(page);
    expect(new Set([before, ...changed]).size).toBe(6);
    expect(() => page(object({ a: z.string() }))).toThrow('nobody described');
  });

  it('shows policies that are right', () => {
    const blocks = markdown
      .split('```yaml\n')
      .slice(1)
      .map((rest) => rest.split('```')[0] ?? '');
    expect(blocks.length).toBeGreaterThan(1);
    for (const block of blocks) {
      for (const document of parseAllDocuments(block)) {
        const object: unknown = document.toJS();
        if (!isFields(object)) throw new Error(block);
        const { problems, warnings } = compileOwnObject(object, {
          source: 'docs/policies.md',
          mode: undefined,
          lastScopes: [],
          material: (path) => ({ kind: 'inline', text: path }),
          kind: object['kind'] === 'ImagePolicy' ? 'ImagePolicy' : 'ClusterImagePolicy',
        });
        expect({ problems, warnings }, block).toEqual({ problems: [], warnings: [] });
      }
    }
  });
});
