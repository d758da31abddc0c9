import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadRegistriesConf } from '../../src/config/registries-conf.ts';
import type { RegistryRule } from '../../src/config/registry-rules.ts';

/** Files that go with the test. */
async function files(texts: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'registries-conf-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function load(...texts: readonly string[]) {
  const folder = await files(Object.fromEntries(texts.map((text, i) => [`${i}.conf`, text])));
  return loadRegistriesConf([folder]);
}

async function rules(...texts: readonly string[]): Promise<readonly RegistryRule[]> {
  const loaded = await load(...texts);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value.rules;
}

async function refusal(text: string): Promise<string> {
  const folder = await files({ 'node.conf': text });
  const loaded = await loadRegistriesConf([join(folder, 'node.conf')]);
  if (loaded.ok) throw new Error('was accepted');
  expect(loaded.failure.code).toBe('CONFIGURATION_INVALID');
  return loaded.failure.message.replaceAll(`${folder}/`, '');
}

const PLAIN = { insecure: false, blocked: false, mirrors: [] };
const everywhere = (location: string) => ({ location, insecure: false, serves: 'everything' });

describe('registries.conf', () => {
  it('says where a prefix is, which mirrors go before it, and what each of them serves', async () => {
    expect(
      await rules(`
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"
credential-helpers = ["containers-auth.json"]

[[registry]]
prefix = "vendor.example/product"
location = "store.internal:5000/vendor"
insecure = true

[[registry.mirror]]
location = "near.internal/vendor"

[[registry.mirror]]
location = "far.internal"
insecure = true
pull-from-mirror = "digest-only"

[[registry.mirror]]
location = "tags.internal"
pull-from-mirror = "tag-only"

[[registry.mirror]]
location = "all.internal"
pull-from-mirror = "all"
`),
    ).toEqual([
      {
        prefix: 'vendor.example/product',
        location: 'store.internal:5000/vendor',
        insecure: true,
        blocked: false,
        mirrors: [
          everywhere('near.internal/vendor'),
          { location: 'far.internal', insecure: true, serves: 'digests' },
          { location: 'tags.internal', insecure: false, serves: 'tags' },
          everywhere('all.internal'),
        ],
      },
    ]);
  });

  it('takes the location as the prefix where there is none', async () => {
    expect(await rules('[[registry]]\nlocation = "one.example/team"\nblocked = true')).toEqual([
      { ...PLAIN, prefix: 'one.example/team', location: 'one.example/team', blocked: true },
    ]);
  });

  it('knows wildcards, with a location of their own or without any', async () => {
    expect(
      await rules(`
[[registry]]
prefix = "*.example.com"
blocked = true
[[registry]]
prefix = "*.other.example"
location = "one.internal/all"
`),
    ).toEqual([
      { ...PLAIN, prefix: '*.example.com', location: '*.example.com', blocked: true },
      { ...PLAIN, prefix: '*.other.example', location: 'one.internal/all' },
    ]);
  });

  it('keeps every mirror to digests with mirror-by-digest-only', async () => {
    const [rule] = await rules(
      '[[registry]]\nlocation = "a.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b.example"',
    );
    expect(rule?.mirrors).toEqual([{ location: 'b.example', insecure: false, serves: 'digests' }]);
  });

  it('compares hosts as names do: without case, and Docker Hub under its one name', async () => {
    const found = await rules(
      '[[registry]]\nprefix = "Example.COM/a"\nlocation = "INDEX.docker.io/library//"\n[[registry]]\nprefix = "*.UPPER.example"',
    );
    expect(found).toEqual([
      { ...PLAIN, prefix: 'example.com/a', location: 'docker.io/library' },
      { ...PLAIN, prefix: '*.upper.example', location: '*.upper.example' },
    ]);
  });

  it('takes the first of tables with one prefix in one file, and says so', async () => {
    const loaded = await load(`
[[registry]]
location = "a.example"
[[registry.mirror]]
location = "first.example"
[[registry]]
location = "a.example"
[[registry.mirror]]
location = "second.example"
`);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.rules).toMatchObject([{ mirrors: [{ location: 'first.example' }] }]);
    expect(loaded.value.warnings).toEqual([
      expect.stringMatching(/0\.conf: the prefix a\.example is written more than once/),
    ]);
  });

  it('lets a later file of a directory replace a table, whole, and leave the others', async () => {
    const found = await rules(
      '[[registry]]\nlocation = "a.example"\nblocked = true\n[[registry.mirror]]\nlocation = "m.example"\n[[registry]]\nlocation = "b.example"\ninsecure = true',
      '[[registry]]\nprefix = "A.example"\nlocation = "c.example"',
    );
    expect(found).toEqual([
      { ...PLAIN, prefix: 'a.example', location: 'c.example' },
      { ...PLAIN, prefix: 'b.example', location: 'b.example', insecure: true },
    ]);
  });

  it('reads of a directory what ends in .conf, once, by name, and files in the order in which they are given', async () => {
    const table = (location: string) => `[[registry]]\nprefix = "a.example"\nlocation = "${location}"`;
    const folder = await files({
      'main.conf': table('main.example'),
      'd/10.conf': table('ten.example'),
      'd/9.conf': table('nine.example'),
      'd/note.txt': 'no TOML',
      'd/.hidden.conf': 'no TOML',
      'd/below.conf/x.conf': 'no TOML',
      'd/..data/10.conf': 'no TOML',
    });
    const under = async (...paths: readonly string[]) => {
      const loaded = await loadRegistriesConf(paths.map((path) => join(folder, path)));
      return loaded.ok ? loaded.value.rules.map(({ location }) => location) : loaded.failure.message;
    };
    expect(await under('main.conf', 'd')).toEqual(['nine.example']);
    expect(await under('d', 'main.conf')).toEqual(['main.example']);
    await mkdir(join(folder, 'empty'));
    expect(await under('empty')).toEqual([]);
    await symlink(join(folder, 'd/10.conf'), join(folder, 'empty/linked.conf'));
    expect(await under('empty')).toEqual(['ten.example']);
  });

  it('is nothing where nothing is configured', async () => {
    expect(await loadRegistriesConf([])).toEqual({ ok: true, value: { rules: [], warnings: [] } });
  });

  it.each([
    ['what is no TOML', '[[registry]]\nlocation = ', 'node.conf: line 2, column '],
    ['a key that is written twice', 'short-name-mode = "disabled"\nshort-name-mode = "disabled"', 'node.conf: line 2'],
    ['a name that would reach into our objects', '[aliases]\n__proto__ = "a"', 'node.conf: line 2'],
    ['version 1', '[registries.search]\nregistries = ["quay.io"]', 'node.conf: it is in version 1 of the format'],
    ['version 1 beside version 2', '[registries.block]\nregistries = []\n[[registry]]\nlocation = "a"', 'version 1'],
    [
      'a misspelt key, which would block nothing',
      '[[registry]]\nlocation = "a.example"\n[[registry]]\nlocation = "b.example"\nblokced = true',
      'node.conf: [[registry]] 2: blokced: unknown key',
    ],
    ['a misspelt table', '[[registries]]\nlocation = "a.example"', 'node.conf: registries: unknown key'],
    ['an unknown table', '[[mirrors]]\nlocation = "a.example"', 'node.conf: mirrors: unknown key'],
    [
      'a misspelt key of a mirror',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\n[[registry.mirror]]\nlocation = "c.example"\nmirror-by-digest-only = true',
      'node.conf: [[registry]] 1: [[registry.mirror]] 2: mirror-by-digest-only: unknown key',
    ],
    [
      'a mirror that is told by a query what it mirrors',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\nnamespace-proxy = "a.example"',
      'namespace-proxy: mirrors that are told by a query which registry is meant are not supported',
    ],
    [
      'pull-from-mirror of a source',
      '[[registry]]\nlocation = "a.example"\npull-from-mirror = "all"',
      'it is for mirrors alone',
    ],
    [
      'pull-from-mirror beside mirror-by-digest-only',
      '[[registry]]\nlocation = "a.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b.example"\npull-from-mirror = "all"',
      '[[registry.mirror]] 1: pull-from-mirror cannot stand beside mirror-by-digest-only',
    ],
    [
      'another word for pull-from-mirror',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\npull-from-mirror = "digests"',
      'pull-from-mirror: expected one of',
    ],
    ['a text for a boolean', '[[registry]]\nlocation = "a.example"\nblocked = "yes"', 'blocked: expected boolean'],
    ['a table for tables', '[registry]\nlocation = "a.example"', 'registry: expected array'],
    [
      'neither prefix nor location',
      '[[registry]]\nblocked = true',
      '[[registry]] 1: it has neither prefix nor location',
    ],
    [
      'a prefix without a location',
      '[[registry]]\nprefix = "a.example"',
      'location: it is missing, which only a prefix',
    ],
    [
      'a mirror without a location',
      '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true',
      'location: it is missing',
    ],
    ['a scheme', '[[registry]]\nlocation = "https://a.example"', 'location: https://a.example is not HOST'],
    ['a tag', '[[registry]]\nlocation = "a.example/b:v1"', 'a.example/b:v1 is not HOST'],
    [
      'a digest',
      `[[registry]]\nprefix = "a.example/b@sha256:${'0'.repeat(64)}"\nlocation = "c.example"`,
      'prefix: a.example/b@',
    ],
    ['a path in capitals', '[[registry]]\nlocation = "a.example/Team"', 'a.example/Team is not HOST'],
    [
      'a way out of the path',
      '[[registry]]\nprefix = "a.example"\nlocation = "b.example/../c"',
      'b.example/../c is not HOST',
    ],
    ['a wildcard with a port', '[[registry]]\nprefix = "*.a.example:5000"', '*.a.example:5000 is not HOST'],
    ['a wildcard with a path', '[[registry]]\nprefix = "*.a.example/b"', '*.a.example/b is not HOST'],
    ['a wildcard inside', '[[registry]]\nprefix = "a.*.example"\nlocation = "b.example"', 'a.*.example is not HOST'],
    ['everything at once', '[[registry]]\nprefix = "*"\nlocation = "b.example"', 'prefix: * is not HOST'],
    ['a wildcard as a location', '[[registry]]\nlocation = "*.a.example"', 'location: *.a.example is not HOST'],
    [
      'one place that is blocked under one prefix alone',
      '[[registry]]\nlocation = "a.example"\nblocked = true\n[[registry]]\nprefix = "b.example"\nlocation = "a.example/"',
      '[[registry]] 2: blocked: another table says otherwise of a.example',
    ],
    [
      'one place that is insecure under one prefix alone',
      '[[registry]]\nlocation = "a.example"\n[[registry]]\nprefix = "b.example"\nlocation = "a.example"\ninsecure = true',
      '[[registry]] 2: insecure: another table says otherwise of a.example',
    ],
    ['a way of completing names that there is not', 'short-name-mode = "guess"', 'short-name-mode: expected one of'],
  ])('refuses %s, naming file and place', async (_, text, expected) => {
    expect(await refusal(text)).toContain(expected);
  });

  it('names every mistake of every file at once, and escapes what they hold', async () => {
    const folder = await files({
      'a.conf': '[[registry]]\nlocation = "a\\u202eb"\n[[registry]]\nblocked = true',
      'b.conf': 'mirrors = 1',
      'c.conf': new Uint8Array([0xff, 0xfe]),
      'd.conf': `# ${'x'.repeat(1024 * 1024)}`,
    });
    const loaded = await loadRegistriesConf([folder, join(folder, 'gone.conf')]);
    const lines = loaded.ok ? [] : loaded.failure.message.replaceAll(`${folder}/`, '').split('\n');
    expect(lines.toSorted()).toEqual([
      'a.conf: [[registry]] 1: location: a\\u202eb is not HOST[:PORT][/PATH] or *.DOMAIN, without scheme, tag and digest',
      'a.conf: [[registry]] 2: it has neither prefix nor location',
      'b.conf: mirrors: unknown key',
      'c.conf: is not valid UTF-8',
      'd.conf: is larger than 1048576 bytes',
      'gone.conf: cannot be read (ENOENT)',
    ]);
  });

  it('warns where a node completes short names otherwise than we do, by what holds in the end', async () => {
    const warnings = async (...texts: readonly string[]) => {
      const loaded = await load(...texts);
      return loaded.ok ? loaded.value.warnings : [loaded.failure.message];
    };
    expect(await warnings('unqualified-search-registries = ["docker.io"]')).toEqual([]);
    expect(await warnings('unqualified-search-registries = ["quay.io"]', 'unqualified-search-registries = []')).toEqual(
      [],
    );
    expect(await warnings('unqualified-search-registries = ["docker.io", "quay.io"]', '')).toEqual([
      expect.stringContaining('makes nodes look for names without a host in quay.io'),
    ]);
    const harmless =
      '[aliases]\n"busybox" = "docker.io/library/busybox"\n"acme/web" = "docker.io/acme/web"\n"gone" = ""';
    expect(await warnings(harmless)).toEqual([]);
    const led = Array.from({ length: 7 }, (_, i) => `"short${i}" = "quay.io/other/short${i}"`).join('\n');
    expect(await warnings(harmless, `[aliases]\n${led}`)).toEqual([
      expect.stringMatching(
        /aliases make nodes pull short0 from quay\.io\/other\/short0, .* and 2 more; countersign verifies/,
      ),
    ]);
  });
});
