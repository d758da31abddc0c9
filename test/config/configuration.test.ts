import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  defaultConfiguration,
  type Environment,
  loadConfiguration,
  parseConfiguration,
} from '../../src/config/configuration.ts';
import { configurationSchema } from '../../src/config/schema.ts';

function read(text: string, environment: Environment = {}) {
  const parsed = parseConfiguration(text, 'config.yaml', environment);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

function refusal(text: string): string {
  const parsed = parseConfiguration(text, 'config.yaml');
  if (parsed.ok) throw new Error('was accepted');
  expect(parsed.failure.code).toBe('CONFIGURATION_INVALID');
  return parsed.failure.message;
}

describe('the configuration', () => {
  it('has the documented defaults', () => {
    expect(read('')).toEqual({
      listen: { host: '0.0.0.0', port: 8443 },
      metrics: { host: '0.0.0.0', port: 8080 },
      policies: [],
      kubernetes: { watch: false, lease: 'countersign', pullSecrets: { fromPods: false, names: [] } },
      mode: 'deny',
      unmatched: 'allow',
      onError: 'deny',
      requireDigest: 'warn',
      deadline: 4500,
      namespaces: new Map(),
      workloads: [],
      unnamedSignatures: 'refuse',
      instances: 'indexOrEvery',
      weakOpenPgp: 'refuse',
      registries: {},
      registriesConf: [],
      proxy: { https: undefined, http: undefined, noProxy: [] },
      cache: { entries: 10_000, bytes: 33_554_432, ttl: 300_000 },
      audit: { output: 'stdout' },
      limits: { bodyBytes: 8_388_608, bytesInFlight: 67_108_864, concurrency: 512 },
      drainSeconds: 8,
      logLevel: 'info',
    });
    expect(defaultConfiguration({})).toEqual(read('{}'));
  });

  it('is read as written', () => {
    const configuration = read(`
listen: { host: "::", port: 443 }
tls: { certFile: /tls/tls.crt, keyFile: /tls/tls.key }
policies: [/policies, { path: /more, root: /host, namespaces: [a], scopes: [ghcr.io/acme], mode: warn }]
namespaces: { payments: { mode: deny } }
workloads: [{ group: argoproj.io, kind: Rollout, path: spec.template }]
deadline: 2.5s
cache: { ttl: 60 }
registries: { "registry.internal:5000": { plainHttp: true } }
`);
    expect(configuration).toMatchObject({
      listen: { host: '::', port: 443 },
      tls: { certFile: '/tls/tls.crt', keyFile: '/tls/tls.key' },
      policies: [
        { path: '/policies' },
        { path: '/more', root: '/host', namespaces: ['a'], scopes: ['ghcr.io/acme'], mode: 'warn' },
      ],
      workloads: [{ group: 'argoproj.io', kind: 'Rollout', path: 'spec.template' }],
      deadline: 2500,
      cache: { entries: 10_000, ttl: 60_000 },
      registries: { 'registry.internal:5000': { plainHttp: true } },
    });
    expect(configuration.namespaces).toEqual(new Map([['payments', 'deny']]));
    expect(read('tls: { selfSigned: true }').tls).toEqual({ selfSigned: true });
    expect(read('tls: { managed: { paths: { deny: /validate/deny } } }').tls).toEqual({
      managed: {
        secret: 'countersign-tls',
        service: 'countersign',
        webhookConfigurations: ['countersign'],
        names: [],
        paths: new Map([['deny', '/validate/deny']]),
      },
    });
  });

  it.each([
    ['nonsense: 1', 'config.yaml: nonsense: unknown key'],
    ['cache: { size: 1 }', 'config.yaml: cache.size: unknown key'],
    ['policies: [{ path: /a, paths: /b }]', 'config.yaml: policies.0.paths: unknown key'],
    ['policies: [1]', 'config.yaml: policies.0: expected a path'],
    ['policies: [{ path: /a, namespaces: [] }]', 'config.yaml: policies.0'],
    ['mode: enforce', 'config.yaml: mode: invalid option: expected one of "audit"|"warn"|"deny"'],
    ['onError: true', 'config.yaml: onError: invalid option'],
    ['listen: { port: 70000 }', 'config.yaml: listen.port: too big'],
    ['listen: { port: "8443" }', 'config.yaml: listen.port: expected number, received string'],
    ['deadline: soon', 'config.yaml: deadline: expected seconds'],
    ['deadline: 31', 'config.yaml: deadline: must be from 100ms to 30s'],
    ['deadline: -1', 'config.yaml: deadline: expected seconds'],
    ['drainSeconds: 9', 'config.yaml: drainSeconds: too big'],
    ['tls: { certFile: /a }', 'config.yaml: tls: give certFile and keyFile, or selfSigned: true, and not both'],
    ['tls: { certFile: /a, keyFile: /b, selfSigned: true }', 'and not both'],
    ['tls: { selfSigned: false }', 'config.yaml: tls.selfSigned'],
    ['tls: { managed: {}, selfSigned: true }', 'or managed alone'],
    ['tls: { managed: {}, certFile: /a, keyFile: /b }', 'or managed alone'],
    ['tls: { managed: { secret: A/b } }', 'config.yaml: tls.managed.secret: must be the name of an object'],
    ['tls: { managed: { names: ["::1"] } }', 'config.yaml: tls.managed.names.0'],
    ['tls: { managed: { webhookConfigurations: [] } }', 'config.yaml: tls.managed.webhookConfigurations'],
    ['tls: { managed: { paths: { a: /mutate } } }', 'config.yaml: tls.managed.paths.a: must be /validate or below it'],
    ['kubernetes: { namespace: A }', 'config.yaml: kubernetes.namespace: must be the name of an object'],
    ['namespaces: { a: deny }', 'config.yaml: namespaces.a: expected object'],
    ['registries: { "HTTPS://x": {} }', 'config.yaml: registries'],
    ['limits: { bytesInFlight: 4096 }', 'config.yaml: limits.bytesInFlight: must not be less than limits.bodyBytes'],
    ['mode: deny\nmode: audit', 'Map keys must be unique at line 2'],
    ['a: [', 'config.yaml: '],
    ['[]', 'config.yaml: expected object, received array'],
    ['a: &a [*a, *a]\nmode: *b', 'config.yaml: '],
  ])('refuses %o', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it('names every mistake at once', () => {
    expect(refusal('mode: x\ncache: { entries: 0, foo: 1 }\nbar: 2').split('\n')).toHaveLength(4);
  });

  it('never repeats a value, which may be a secret', () => {
    const message = refusal(
      'registries: { a.example: { credentials: { username: u, password: 12345678 } } }\nproxy: { https: 87654321 }',
    );
    expect(message).not.toContain('12345678');
    expect(message).not.toContain('87654321');
  });

  it('takes from the environment the proxies that it does not name', () => {
    const environment = {
      HTTPS_PROXY: 'http://p:1',
      http_proxy: 'http://p:2',
      HTTP_PROXY: 'http://p:3',
      NO_PROXY: 'localhost, .internal,',
    };
    expect(read('', environment).proxy).toEqual({
      https: 'http://p:1',
      http: 'http://p:2',
      noProxy: ['localhost', '.internal'],
    });
    expect(read('proxy: { https: "", noProxy: [a] }', environment).proxy).toEqual({
      https: undefined,
      http: 'http://p:2',
      noProxy: ['a'],
    });
    expect(read('proxy: { https: "http://q", noProxy: "a,b" }', {}).proxy).toEqual({
      https: 'http://q',
      http: undefined,
      noProxy: ['a', 'b'],
    });
  });

  it('does not know what no namespace is called', () => {
    expect(read('namespaces: { a: { mode: warn } }').namespaces.get('constructor')).toBeUndefined();
  });

  it('is read from its file, and says so where there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-config-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'config.yaml');
    await writeFile(file, 'mode: warn');
    expect(await loadConfiguration(file, {})).toMatchObject({ ok: true, value: { mode: 'warn' } });
    const missing = await loadConfiguration(join(folder, 'other.yaml'), {});
    expect(missing).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('other.yaml: cannot be read') },
    });
  });
});

describe("pods' pull secrets", () => {
  const read = (text: string) => parseConfiguration(text, 'test.yaml');
  const fromPods = 'kubernetes: { pullSecrets: { fromPods: true } }';

  it.each([
    ['the path segment that a managed certificate comes with', 'tls: { managed: {} }'],
    ['client certificates', 'callers: { caFile: /ca.pem, names: [kube-apiserver] }'],
  ])('count where the API server is known by %s', (_, known) => {
    expect(read(`${fromPods}\n${known}`)).toMatchObject({ ok: true });
  });

  it.each(['', 'tls: { selfSigned: true }', 'tls: { certFile: a, keyFile: b }'])(
    'are refused where nobody could tell it from whoever forges a review (%s)',
    (tls) => {
      expect(read(`${fromPods}\n${tls}`)).toMatchObject({
        ok: false,
        failure: { problems: [{ path: 'kubernetes.pullSecrets.fromPods' }] },
      });
    },
  );

  it.each([
    ['callers: { caFile: /ca.pem }', 'callers.names'],
    ['callers: { caFile: /ca.pem, names: [] }', 'callers.names'],
    ["callers: { caFile: /ca.pem, names: [''] }", 'callers.names.0'],
    ['kubernetes: { pullSecrets: { names: [../other] } }', 'kubernetes.pullSecrets.names.0'],
    ['kubernetes: { pullSecrets: { names: [other/secret] } }', 'kubernetes.pullSecrets.names.0'],
    [`kubernetes: { pullSecrets: { names: [${'a,'.repeat(33)}] } }`, 'kubernetes.pullSecrets.names'],
    ['kubernetes: { pullSecrets: { fromPods: yes please } }', 'kubernetes.pullSecrets.fromPods'],
  ])('and callers are read strictly: %s', (text, path) => {
    const came = read(text);
    expect(came.ok ? [] : came.failure.problems.map((problem) => problem.path)).toEqual([path]);
  });
});

describe('docs/configuration.md', () => {
  /** Every key of a schema, as the page writes it: `a.b`, `a[].b`, `a.NAME.b`. */
  function keysOf(schema: unknown, prefix: string): readonly string[] {
    const { def } = schema as { readonly def: Record<string, unknown> & { readonly type: string } };
    const under = (inner: unknown, path: string) => keysOf(inner, path);
    switch (def.type) {
      case 'object':
        return Object.entries(def['shape'] as object).flatMap(([key, value]) => {
          const path = prefix === '' ? key : `${prefix}.${key}`;
          const below = under(value, path);
          return below.length === 0 ? [path] : below;
        });
      case 'optional':
      case 'default':
      case 'prefault':
        return under(def['innerType'], prefix);
      case 'pipe':
        return under(def['in'], prefix);
      case 'array':
        return under(def['element'], `${prefix}[]`);
      case 'record':
        return under(def['valueType'], `${prefix}.${prefix === 'registries' ? 'HOST' : 'NAME'}`);
      case 'union':
        // Which of several forms of credentials is told in one line.
        return prefix.endsWith('.credentials')
          ? []
          : (def['options'] as readonly unknown[]).flatMap((option) => under(option, prefix));
      default:
        return [];
    }
  }

  it('names every key, and no other', async () => {
    const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const keys = keysOf(configurationSchema, '');
    expect(keys).toContain('policies[].namespaces');
    expect(keys).toContain('registries.HOST.caFile');
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    const documented = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    );
    expect(keys.filter((key) => !documented.includes(key))).toEqual([]);
    const headings = ['policies', 'workloads', 'registries'];
    expect(documented.filter((key) => !keys.includes(key) && !headings.includes(key))).toEqual([]);
  });
});
