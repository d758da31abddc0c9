import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PolicyEntry } from '../../../src/policy/sources/entry.ts';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { written as ownWritten } from '../countersign/objects.ts';
import { asked, asker, written } from '../openshift/objects.ts';
import { folder, yaml } from './folder.ts';

async function load(...entries: readonly PolicyEntry[]): Promise<LoadedPolicies> {
  const loaded = await loadPolicies(entries);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

async function refusal(...entries: readonly PolicyEntry[]): Promise<string> {
  const loaded = await loadPolicies(entries);
  if (loaded.ok) throw new Error('it was loaded');
  return `${loaded.failure.code} ${loaded.failure.message}`;
}

function names({ sets }: LoadedPolicies, image: string, namespace = 'team-a'): readonly string[] {
  return sets
    .flatMap((set) => set.select(asked(image), asker(namespace)))
    .map(({ policy, scope }) => `${policy.origin.name} ${scope}`)
    .sort();
}

describe('what is read', () => {
  it('a file, a directory with its own, YAML of several documents, JSON, and lists', async () => {
    await using there = await folder();
    await there.write({
      'a.yaml': `# a comment\n---\n${yaml({ name: 'a1', scopes: ['a1.example'] }, { name: 'a2', scopes: ['a2.example'] })}---\n`,
      'deep/er/b.json': JSON.stringify(written({ name: 'b', scopes: ['b.example'] })),
      'c.yml': JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [written({ name: 'c', scopes: ['c.example'] })],
      }),
      'd.yaml': JSON.stringify({
        apiVersion: 'config.openshift.io/v1',
        kind: 'ImagePolicyList',
        items: [
          (({ metadata, spec }) => ({ metadata, spec }))(
            written({ name: 'd', namespace: 'team-a', scopes: ['d.example'] }),
          ),
        ],
      }),
      '.hidden.yaml': 'this: is not read',
      '..2026/x.yaml': 'nor: this',
    });
    const loaded = await load(there.path);
    expect(loaded.problems).toEqual([]);
    expect(loaded.sets.flatMap(({ policies }) => policies.map(({ origin }) => origin.name))).toEqual([
      'a1',
      'a2',
      'c',
      'd',
      'b',
    ]);
    expect(loaded.sets[0]?.policies.map(({ origin }) => origin.source.slice(there.path.length + 1))).toEqual([
      'a.yaml, document 1',
      'a.yaml, document 2',
      'c.yml, document 1, items[0]',
      'd.yaml, document 1, items[0]',
      'deep/er/b.json, document 1',
    ]);
    expect(names(await load(join(there.path, 'a.yaml')), 'a2.example/x:1')).toEqual(['a2 a2.example']);
  });

  it('a mounted ConfigMap once, through its links', async () => {
    await using there = await folder();
    await there.swap('v1', { 'a.yaml': yaml({ name: 'a' }) });
    expect(names(await load(there.path), 'example.com/x:1')).toEqual(['a example.com']);
  });

  it('a forgotten copy as well, with a warning', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': yaml({ name: 'a' }), 'a.yaml~': yaml({ name: 'a' }) });
    const loaded = await load(there.path);
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      `it is also written in ${join(there.path, 'a.yaml')}, document 1; both apply`,
    ]);
    expect(names(loaded, 'example.com/x:1')).toHaveLength(2);
  });

  it('policies of several entries as one set, so that precedence holds across sources', async () => {
    await using one = await folder();
    await using other = await folder();
    await one.write({ 'a.yaml': yaml({ name: 'cluster' }) });
    await other.write({ 'b.yaml': yaml({ name: 'tenant', namespace: 'team-a', scopes: ['example.com/x'] }) });
    const loaded = await load(one.path, other.path);
    expect(loaded.sets).toHaveLength(1);
    expect(names(loaded, 'example.com/x:1')).toEqual(['cluster example.com']);
    expect(loaded.conflicts).toHaveLength(1);
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('has conflicting scope(s)'),
    ]);
  });
});

describe('countersign’s own policies', () => {
  it('stand beside OpenShift’s, alone, in lists and in lists of their kind, and all that match apply', async () => {
    await using there = await folder();
    const items = [ownWritten({ name: 'c' }), written({ name: 'd' })];
    const bare = (({ metadata, spec }) => ({ metadata, spec }))(ownWritten({ name: 'e', namespace: 'team-a' }));
    const list = { apiVersion: 'countersign.dev/v1alpha1', kind: 'ImagePolicyList', items: [bare] };
    await there.write({
      'a.yaml': JSON.stringify(ownWritten({ name: 'a', images: ['example.com/**'] })),
      'b.json': JSON.stringify(ownWritten({ name: 'b', images: ['example.com/x'] })),
      'c.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
      'e.yaml': JSON.stringify(list),
    });
    const loaded = await load(there.path);
    expect(loaded.problems).toEqual([]);
    expect(loaded.sets.map(({ policies }) => policies.map(({ origin }) => origin.name))).toEqual([
      ['d'],
      ['a', 'b', 'c', 'e'],
    ]);
    expect(names(loaded, 'example.com/x:1')).toEqual([
      'a example.com/**',
      'b example.com/x',
      'c example.com',
      'd example.com',
      'e example.com',
    ]);
    expect(names(loaded, 'example.com/x:1', 'team-b')).not.toContain('e example.com');
  });

  it('one that is wrong is broken, refuses its images, and is reported with its place', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': JSON.stringify(ownWritten({ name: 'a', spec: { requires: {} } })) });
    const loaded = await load(there.path);
    expect(loaded.problems).toMatchObject([{ code: 'POLICY_BROKEN', document: 1, path: 'spec.requires' }]);
    const selected = loaded.sets.flatMap((set) => set.select(asked('example.com/x:1'), asker('team-a')));
    expect(selected.map(({ state }) => state.kind)).toEqual(['broken']);
  });

  it('and one of OpenShift’s of the same kind and name are two policies, without a warning of a copy', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': JSON.stringify(ownWritten({ name: 'a' })), 'b.yaml': yaml({ name: 'a' }) });
    const loaded = await load(there.path);
    expect(loaded.warnings).toEqual([]);
    expect(names(loaded, 'example.com/x:1')).toHaveLength(2);
    await there.write({ 'c.yaml': JSON.stringify(ownWritten({ name: 'a' })) });
    expect((await load(there.path)).warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('it is also written in'),
    ]);
  });

  it('are narrowed by their entry, and take its mode where they say none', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': JSON.stringify(ownWritten({ name: 'a', images: ['**'] })) });
    const loaded = await load({ path: there.path, namespaces: ['team-a'], scopes: ['example.com/ns'], mode: 'warn' });
    expect(names(loaded, 'example.com/ns/x:1')).toEqual(['a **']);
    expect(names(loaded, 'example.com/ns/x:1', 'team-b')).toEqual([]);
    expect(names(loaded, 'example.com/x:1')).toEqual([]);
    expect(loaded.sets[0]?.policies[0]?.mode).toBe('warn');
  });
});

describe('what is not read is an error that says what and where', () => {
  it.each([
    [
      'a.yaml',
      'apiVersion: v1\nkind: ConfigMap\n',
      'POLICY_BROKEN',
      'document 1: v1 ConfigMap is no policy that countersign knows',
    ],
    ['a.yaml', 'apiVersion: config.openshift.io/v2\nkind: ImagePolicy\n', 'POLICY_BROKEN', 'v1 and v1alpha1 are'],
    ['a.yaml', 'apiVersion: config.openshift.io/v1\nkind: Image\n', 'POLICY_BROKEN', 'the kind Image'],
    ['a.yaml', 'just text\n', 'POLICY_BROKEN', 'a policy is an object'],
    ['a.yaml', 'foo: bar\n', 'POLICY_BROKEN', 'neither apiVersion and kind nor a known shape'],
    ['a.yaml', '# nothing\n', 'POLICY_BROKEN', 'it holds no policy'],
    ['a.yaml', 'a: 1\nb: 2\na: 3\n', 'POLICY_BROKEN', 'line 3, column 1: Map keys must be unique'],
    ['a.yaml', 'a: !shell rm\n', 'POLICY_BROKEN', 'Unresolved tag: !shell'],
    ['a.yaml', 'a: [1, 2\n', 'POLICY_BROKEN', 'the YAML is wrong at line'],
    ['a.yaml', '? [a]\n: b\n', 'POLICY_BROKEN', 'the YAML is wrong at line'],
    ['a.yaml', `a: ${'['.repeat(100_000)}`, 'POLICY_BROKEN', 'the YAML'],
    ['a.json', '{"a": 1, "a": 2}', 'POLICY_BROKEN', 'a key is written twice'],
    ['a.json', '{"a": 1} x', 'POLICY_BROKEN', 'more follows after the value'],
    ['a.yaml', '\u00ff'.repeat(2 ** 19 + 1), 'LIMIT_EXCEEDED', 'it is larger than 1048576 bytes'],
    ['policy.json', '{"default": [{"type": "rejects"}]}', 'POLICY_BROKEN', 'default[0].type: unknown'],
    ['a.json', '{"version": "1.0", "trustPolicies": []}', 'POLICY_BROKEN', 'must have a statement'],
    ['registries.d/a.yaml', 'docker: []\n', 'POLICY_BROKEN', 'docker: it must be a map of names'],
    ['a.yaml', 'apiVersion: config.ratify.deislabs.io/v1beta1\nkind: Policy\n', 'FEATURE_NOT_SUPPORTED', 'Ratify'],
    [
      'a.yaml',
      'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\n',
      'FEATURE_NOT_SUPPORTED',
      'sigstore',
    ],
    [
      'a.yaml',
      'apiVersion: countersign.dev/v1\nkind: ImagePolicy\n',
      'POLICY_BROKEN',
      'countersign.dev/v1 is not known: countersign.dev/v1alpha1 is',
    ],
    ['a.yaml', 'apiVersion: countersign.dev/v1alpha1\nkind: Policy\n', 'POLICY_BROKEN', 'the kind Policy'],
  ])('%s %#', async (name, text, code, message) => {
    await using there = await folder();
    await there.write({ [name]: text });
    const said = await refusal(there.path);
    expect(said).toMatch(new RegExp(`^${code} `));
    expect(said).toContain(join(there.path, name));
    expect(said).toContain(message);
  });

  it('bytes that are no text', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': 'x' });
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(there.path, 'a.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    expect(await refusal(there.path)).toContain('not valid UTF-8');
  });

  it('aliases that unfold into millions of nodes [hostile]', async () => {
    await using there = await folder();
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    await there.write({ 'a.yaml': lines.join('\n') });
    expect(await refusal(there.path)).toContain('unfolds too far');
  });

  it('a path that is not there, a link to nowhere, and links in a circle', async () => {
    await using there = await folder();
    expect(await refusal(join(there.path, 'none'))).toContain('it cannot be read (ENOENT)');
    await symlink('nowhere', join(there.path, 'a.yaml'));
    expect(await refusal(there.path)).toContain(`${join(there.path, 'a.yaml')}: it cannot be read (ENOENT)`);
    await there.remove('a.yaml');
    await symlink('.', join(there.path, 'loop'));
    expect(await refusal(there.path)).toContain('leads back to a directory above it');
  });

  it('every problem at once', async () => {
    await using there = await folder();
    await there.write({
      'a.yaml': 'foo: bar',
      'b.yaml': 'foo: bar',
      'c.yaml': `foo: bar\n---\n${yaml({})}---\nfoo: bar`,
    });
    const loaded = await loadPolicies([there.path, { path: '/x', scopes: [] }]);
    const problems = loaded.ok ? [] : loaded.failure.problems;
    expect(problems.map(({ file, document }) => [file.slice(there.path.length + 1), document])).toEqual([
      ['', undefined],
      ['a.yaml', 1],
      ['b.yaml', 1],
      ['c.yaml', 1],
      ['c.yaml', 3],
    ]);
  });

  it('more policies than anybody has', async () => {
    await using there = await folder();
    const items = Array.from({ length: 10_001 }, () => ({}));
    await there.write({
      'a.json': JSON.stringify({ apiVersion: 'config.openshift.io/v1', kind: 'ImagePolicyList', items }),
    });
    expect(await refusal(there.path)).toContain('there are more than 10000 policies');
  });

  it('lists within lists', async () => {
    await using there = await folder();
    const list = (items: unknown): unknown => ({ apiVersion: 'v1', kind: 'List', items });
    await there.write({ 'a.json': JSON.stringify(list([list([])])) });
    expect(await refusal(there.path)).toContain('lists within lists');
  });

  it.runIf(process.getuid?.() !== 0)('a file that may not be read', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': yaml({}) });
    await chmod(join(there.path, 'a.yaml'), 0);
    expect(await refusal(there.path)).toContain('EACCES');
  });
});

describe('a policy that is wrong in a file that is not', () => {
  it('is broken and reported with file, document, path and reason; others stay in force', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': yaml({ name: 'good' }, { name: 'bad', scopes: ['busybox', 'bad.example'] }) });
    const loaded = await load(there.path);
    expect(loaded.problems).toEqual([
      {
        code: 'POLICY_BROKEN',
        file: join(there.path, 'a.yaml'),
        document: 2,
        path: 'spec.scopes[0]',
        reason: expect.stringContaining('spec.scopes[0]: Invalid value: "string": invalid image scope format'),
      },
      expect.objectContaining({ path: 'spec.scopes[0]' }),
    ]);
    expect(names(loaded, 'example.com/x:1')).toEqual(['good example.com']);
    expect(names(loaded, 'bad.example/x:1')).toEqual(['bad bad.example']);
  });

  it('an empty directory is a problem and refuses nothing', async () => {
    await using there = await folder();
    const loaded = await load(there.path);
    expect(loaded.sets).toEqual([]);
    expect(loaded.problems).toMatchObject([{ reason: 'the directory holds no policies' }]);
  });
});

describe('entries', () => {
  it('narrow by namespace and scope, and give a mode to policies without one', async () => {
    await using there = await folder();
    await there.write({
      'a.yaml': yaml({ name: 'a' }, { name: 'b', annotations: { 'countersign.dev/mode': 'deny' } }),
    });
    const loaded = await load({
      path: there.path,
      namespaces: ['team-a'],
      scopes: ['EXAMPLE.com/ns', '*.other.example'],
      mode: 'audit',
    });
    expect(names(loaded, 'example.com/ns/x:1')).toEqual(['a example.com', 'b example.com']);
    expect(names(loaded, 'example.com/ns/x:1', 'team-b')).toEqual([]);
    expect(names(loaded, 'example.com/other/x:1')).toEqual([]);
    expect(loaded.sets[0]?.policies.map(({ mode }) => mode)).toEqual(['audit', 'deny']);
  });

  it.each([
    [{ root: '' }, 'POLICY_BROKEN'],
    [{ scopes: [] }, 'POLICY_BROKEN'],
    [{ namespaces: [] }, 'POLICY_BROKEN'],
    [{ scopes: ['busybox'] }, 'POLICY_BROKEN'],
  ])('%j is refused', async (keys, code) => {
    await using there = await folder();
    await there.write({ 'a.yaml': yaml({}) });
    expect(await refusal({ path: there.path, ...keys })).toMatch(new RegExp(`^${code} `));
  });
});
