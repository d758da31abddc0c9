import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import { readProjectFile } from '../house/files.ts';
import { OWN_KEYS, readmeWithTable, valuesSchema } from './generated.ts';
import { documentedValues, valuesTable } from './values-table.ts';

const CHART = 'charts/countersign';
const valuesText = readProjectFile(`${CHART}/values.yaml`);
const schemaText = readProjectFile(`${CHART}/values.schema.json`);
const documented = documentedValues(valuesText);
const validate: ValidateFunction = new Ajv({ allowUnionTypes: true, allErrors: true }).compile(JSON.parse(schemaText));

/** What the schema says about values that stand beside the defaults: the paths that it refuses. */
function refusedPaths(path: string, value: unknown): readonly string[] {
  const values: unknown = parse(valuesText);
  setAt(values, path.split('.'), value);
  if (validate(values)) return [];
  return (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

describe('the schema of the values', () => {
  it('takes the values that the chart comes with', () => {
    expect(validate(parse(valuesText)), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each(documented.map(({ path }) => path))('refuses a misspelt %s, which would else be ignored', (path) => {
    expect(refusedPaths(`${path}x`, 'anything')).toEqual([parentOf(path)]);
  });

  it.each(documented.map(({ path }) => path))('refuses a %s of another type', (path) => {
    expect(refusedPaths(path, null)[0]).toBe(`/${path.replaceAll('.', '/')}`);
  });

  it.each([
    ['mode', 'enforce'],
    ['policies', { 'release.yaml': ['a list'] }],
    ['policies', { '../release.yaml': 'text' }],
    ['policies', { '.hidden': 'text, and never read' }],
    ['policyConfigMaps', ['a/../b']],
    ['config', { mode: 'deny' }],
    ['config', { tls: { selfSigned: true } }],
    ['config', { unmatched: 'refuse' }],
    ['config', { registries: { 'r.example': { plainHTTP: true } } }],
    ['tls.mode', 'self-signed'],
    ['tls.caBundle', 'LS0tLS1CRUdJTi'],
    ['tls.certManager.duration', '90d'],
    ['webhook.timeoutSeconds', 31],
    ['webhook.namespaces', 'labeled'],
    ['webhook.url', 'http://countersign.example'],
    ['webhook.url', 'https://countersign.example/?mode=deny'],
    ['image.digest', 'sha256:abc'],
    ['replicaCount', -1],
    ['preStopSeconds', 0],
    ['fullnameOverride', '1st'],
  ])('refuses %s: %j', (path, value) => {
    expect(refusedPaths(path, value)[0]).toContain(`/${path.replaceAll('.', '/')}`);
  });

  it.each([
    ['policies', { 'release.yaml': 'a: b', 'other.yaml': { apiVersion: 'v1' }, policy: '{}' }],
    ['config', { unmatched: 'deny', onError: 'warn', namespaces: { shop: { mode: 'deny' } }, deadline: '3s' }],
    ['config', { policies: ['/etc/extra', { path: '/etc/more', namespaces: ['shop'], mode: 'warn' }] }],
    ['config', { registries: { 'r.example:5000': { caFile: '/etc/ca.pem', mirrors: ['m.example/r'] } } }],
    ['webhook.url', 'https://countersign.example:8443/cluster-1'],
    ['global', { imageRegistry: 'of a chart around this one' }],
  ])('takes %s: %j', (path, value) => {
    expect(refusedPaths(path, value)).toEqual([]);
  });

  it('has each value that values.yaml documents, and no other but what Helm itself adds', () => {
    const named = documented.map(({ path }) => path.split('.', 1)[0]);
    expect(new Set(Object.keys(valuesSchema(schemaText).properties))).toEqual(new Set([...named, 'global']));
  });

  it('knows the keys of the configuration: node test/chart/generated.ts --write', () => {
    expect(JSON.parse(schemaText)).toEqual(valuesSchema(schemaText));
  });

  it('leaves out of `config` what the chart writes itself, and nothing else', () => {
    const keys = Object.keys(configurationSchema.shape);
    expect([...OWN_KEYS].filter((key) => !keys.includes(key))).toEqual([]);
    const open = keys.filter((key) => !OWN_KEYS.has(key));
    expect(valuesSchema(schemaText).properties).toHaveProperty('config.properties');
    for (const key of open) {
      // Refused for its type, or for what is missing in it, and not as a key that nobody knows.
      const refused = refusedPaths('config', { [key]: Symbol.for('no such type') });
      expect(refused[0]).toBe(`/config/${key}`);
    }
  });
});

describe('the README of the chart', () => {
  it('lists the values as they are: node test/chart/generated.ts --write', () => {
    const readme = readProjectFile(`${CHART}/README.md`);
    expect(readme).toBe(readmeWithTable(readme, valuesText));
  });

  it('would not leave out a value that nobody described', () => {
    expect(() => documentedValues('a:\n  # one\n  b: 1\n  c: 2\n')).toThrow('a.c has no comment');
  });

  it('takes a described map for one value, and one without description for a group', () => {
    const values = documentedValues(
      '# all\na: { b: 1 }\nc:\n  # first\n  d: [x|y]\n  # second,\n  # longer\n  e: ""\n',
    );
    expect(values).toEqual([
      { path: 'a', value: { b: 1 }, meaning: 'all' },
      { path: 'c.d', value: ['x|y'], meaning: 'first' },
      { path: 'c.e', value: '', meaning: 'second, longer' },
    ]);
    expect(valuesTable(values)).toContain('| `c.d` | `["x\\|y"]` | first |\n| `c.e` |  | second, longer |\n');
  });
});

describe('Chart.yaml', () => {
  const chart: unknown = parse(readProjectFile(`${CHART}/Chart.yaml`));

  it('names the version of the program that it installs', () => {
    const { version } = JSON.parse(readProjectFile('package.json'));
    expect(chart).toMatchObject({ version, appVersion: version });
  });

  it('refuses clusters without preStop sleep, which would refuse the Deployment', () => {
    expect(chart).toMatchObject({ kubeVersion: '>=1.30.0-0' });
  });
});

function parentOf(path: string): string {
  const parts = path.split('.').slice(0, -1);
  return parts.map((part) => `/${part}`).join('');
}

function setAt(object: unknown, [key, ...rest]: readonly string[], value: unknown): void {
  if (typeof object !== 'object' || object === null || key === undefined) throw new Error('no such place');
  if (rest.length === 0) Reflect.set(object, key, value);
  else setAt(Reflect.get(object, key), rest, value);
}
