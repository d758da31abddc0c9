import { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;
type Node = Schema | boolean;

/** A page taken apart: what a person wrote, and what is made from the schema below it. */
export type Page = { readonly written: string; readonly generated: string };

/** The line between them. */
const MARK =
  '<!-- From here on made from src/policy/dialects/countersign/schema.ts: node test/house/policy-reference.ts --write -->';

/** Takes a page apart at the mark; one without it has nothing generated. */
export function parsePage(markdown: string): Page {
  const at = markdown.indexOf(MARK);
  if (at < 0) return { written: markdown, generated: '' };
  return { written: markdown.slice(0, at), generated: markdown.slice(at) };
}

/** Puts a page together. */
export function renderPage(page: Page): string {
  return `${page.written.trimEnd()}\n\n${page.generated}`;
}

/**
 * A reference page of a schema: a section for each object that has a name, in the order in which a reader meets them, with a
 * row for each field, those of objects without a name in the row of what holds them.
 */
export function renderReference(schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, { io: 'input' });
  const definitions = new Map(Object.entries(root.$defs ?? {}));
  const first = nameOf(root);
  const names = first === undefined ? [] : [first];
  // The list grows while it is walked: each section names those that follow.
  for (const name of names) {
    for (const named of namedIn(resolve({ $ref: `#/$defs/${name}` }, definitions))) {
      if (!names.includes(named)) names.push(named);
    }
  }
  const sections = names.map((name) => section(name, resolve({ $ref: `#/$defs/${name}` }, definitions), definitions));
  return `${[MARK, '## Every field', ...sections].join('\n\n')}\n`;
}

function section(name: string, schema: Schema, definitions: ReadonlyMap<string, Node>): string {
  const rows = rowsOf(schema, '', definitions);
  const rules = rulesOf(schema).map((rule) => `- ${rule}`);
  const table = ['| field | value | default | meaning |', '|---|---|---|---|', ...rows];
  return [`### ${name}`, described(schema), ...(rules.length === 0 ? [] : [rules.join('\n')]), table.join('\n')].join(
    '\n\n',
  );
}

function rowsOf(schema: Schema, prefix: string, definitions: ReadonlyMap<string, Node>): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, node]) => {
    const there = asSchema(node);
    const path = `${prefix}${field}`;
    const isRequired = schema.required?.includes(field) === true;
    const inline = inlineObject(there);
    const otherwise = there.default === undefined ? '' : `\`${JSON.stringify(there.default).replaceAll('"', '')}\``;
    const named = nameOf(there);
    const meaning = [described(resolve(there, definitions)), ...(named === undefined ? rulesOf(there) : [])].join(' ');
    const row = `| \`${path}\` | ${valueOf(there)} | ${isRequired ? 'required' : otherwise} | ${meaning} |`;
    return [row, ...(inline === undefined ? [] : rowsOf(inline, `${path}.`, definitions))];
  });
}

/** An object that has no section of its own, or the one of several values that is one. */
function inlineObject(schema: Schema): Schema | undefined {
  if (schema.properties !== undefined) return schema;
  return schema.anyOf?.map(asSchema).find((one) => one.properties !== undefined);
}

function valueOf(schema: Schema): string {
  const named = nameOf(schema);
  if (named !== undefined) return `[${named}](#${named.toLowerCase()})`;
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => valueOf(asSchema(one))).join(' or ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ');
  const { type, minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  if (type === 'array') return `list of ${minItems} to ${maxItems}: ${valueOf(asSchema(schema.items))}`;
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'string') return `text of ${minLength} to ${maxLength} characters`;
  if (schema.properties !== undefined) return Object.keys(schema.properties).length === 0 ? '`{}`' : 'object';
  if (type === 'object') return `texts by name: ${valueOf(asSchema(schema.additionalProperties))}`;
  throw new Error(`the page cannot say what ${JSON.stringify(schema)} is`);
}

/** Names of sections that a schema leads to, in the order in which they stand in it. */
function namedIn(schema: Schema): readonly string[] {
  const named = nameOf(schema);
  if (named !== undefined) return [named];
  const inner = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), schema.items ?? []].flat();
  return inner.flatMap((node) => namedIn(asSchema(node)));
}

/** What a reference comes to, however many lead there; what is said on the way goes before what is said at its end. */
function resolve(schema: Schema, definitions: ReadonlyMap<string, Node>): Schema {
  const { $ref, ...here } = schema;
  if ($ref === undefined) return schema;
  const target = definitions.get($ref.slice($ref.lastIndexOf('/') + 1));
  if (target === undefined) throw new Error(`nothing is called ${$ref}`);
  return { ...resolve(asSchema(target), definitions), ...here };
}

function nameOf({ $ref }: Schema): string | undefined {
  return $ref?.slice($ref.lastIndexOf('/') + 1);
}

function asSchema(node: Node | Node[] | undefined): Schema {
  if (node === undefined || typeof node === 'boolean' || Array.isArray(node)) {
    throw new Error('the schema says nothing of something');
  }
  return node;
}

function rulesOf(schema: Schema): readonly string[] {
  const rules: unknown = schema['rules'];
  return Array.isArray(rules) ? rules.map(String) : [];
}

/** A field or an object that nobody described would be a gap on the page. */
function described({ description, ...schema }: Schema): string {
  if (description === undefined) throw new Error(`nobody described ${JSON.stringify(schema)}`);
  return description;
}
