/**
 * What of the chart comes from elsewhere: the table of README.md from values.yaml, and the schema of the value `config`
 * from the schema of the configuration file. `node test/chart/generated.ts --write` brings both up to date.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { configurationSchema } from '../../src/config/schema.ts';
import { ROOT, readProjectFile } from '../house/files.ts';
import { documentedValues, valuesTable } from './values-table.ts';

const README = 'charts/countersign/README.md';
const SCHEMA = 'charts/countersign/values.schema.json';
const BEGIN = '<!-- values: begin -->\n';
const END = '<!-- values: end -->\n';

/** Keys of the configuration that the chart writes itself, from values of their own. */
export const OWN_KEYS: ReadonlySet<string> = new Set(['tls', 'listen', 'metrics', 'mode', 'kubernetes']);

/** README.md with the table that values.yaml makes. */
export function readmeWithTable(readme: string, values: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${README} has no place for the table`);
  return `${readme.slice(0, begin + BEGIN.length)}\n${valuesTable(documentedValues(values))}\n${readme.slice(end)}`;
}

/**
 * The schema of the value `config`: every key of the configuration that the chart does not write itself. Helm so refuses
 * what would keep a pod from starting.
 */
function configSchema(): unknown {
  const { properties = {} } = z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-7' });
  const open = Object.entries(properties).filter(([key]) => !OWN_KEYS.has(key));
  const schema = { type: 'object', additionalProperties: false, properties: Object.fromEntries(open) };
  // A default in the schema of values means nothing to Helm, and says nothing that docs/configuration.md does not.
  return JSON.parse(JSON.stringify(schema, (key, value) => (key === 'default' ? undefined : value)));
}

/** The schema of the chart's values, with the part that comes from the configuration. */
export function valuesSchema(text: string): { readonly properties: object } {
  const schema = JSON.parse(text);
  return { ...schema, properties: { ...schema.properties, config: configSchema() } };
}

if (import.meta.main && process.argv.includes('--write')) {
  const readme = readmeWithTable(readProjectFile(README), readProjectFile('charts/countersign/values.yaml'));
  writeFileSync(resolve(ROOT, README), readme);
  writeFileSync(resolve(ROOT, SCHEMA), `${JSON.stringify(valuesSchema(readProjectFile(SCHEMA)), null, 2)}\n`);
  process.stdout.write(`wrote ${README} and ${SCHEMA}; biome check --write charts formats the latter\n`);
}
