import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PolicyEntry } from '../../../src/policy/sources/entry.ts';
import type { LoadedPolicies } from '../../../src/policy/sources/load.ts';
import { type PolicyWatch, watchPolicies } from '../../../src/policy/sources/watch.ts';
import { PEM } from '../countersign/objects.ts';
import { asked, asker } from '../openshift/objects.ts';
import { type Folder, folder, own, until, yaml } from './folder.ts';

type Watched = Disposable & { readonly watch: PolicyWatch; readonly changes: LoadedPolicies[] };

async function watched(...paths: readonly PolicyEntry[]): Promise<Watched> {
  const changes: LoadedPolicies[] = [];
  const watch = await watchPolicies(paths, (loaded) => changes.push(loaded));
  if (!watch.ok) throw new Error(watch.failure.message);
  return { watch: watch.value, changes, [Symbol.dispose]: () => watch.value.close() };
}

function states({ watch }: Watched, image: string): readonly string[] {
  return watch
    .current()
    .sets.flatMap((set) => set.select(asked(image), asker('team-a')))
    .map(({ policy, scope, state }) => `${policy.origin.name} ${scope} ${state.kind}`)
    .sort();
}

/** Waits for what is selected for an image, and says how long it took. */
async function becomes(watching: Watched, image: string, wanted: readonly string[]): Promise<number> {
  const start = performance.now();
  const same = (): boolean => states(watching, image).join() === wanted.join();
  await until(same, `${image} is ${states(watching, image).join()}, not ${wanted.join()}`);
  return performance.now() - start;
}

async function started(files: Readonly<Record<string, string>>): Promise<{ there: Folder; watching: Watched }> {
  const there = await folder();
  await there.write(files);
  return { there, watching: await watched(there.path) };
}

const A = yaml({ name: 'a', scopes: ['a.example'] });
const B = yaml({ name: 'b', scopes: ['b.example'] });

describe('files are followed', () => {
  it.each(['write', 'replace'] as const)('an edit (%s) is in force within a second [peers 72]', async (how) => {
    const { there, watching } = await started({ 'a.yaml': A, 'b.yaml': B });
    await using _ = there;
    using __ = watching;
    const edited = yaml({ name: 'a', scopes: ['new.example'] });
    if (how === 'write') await there.write({ 'a.yaml': edited });
    else await there.replace('a.yaml', edited);
    expect(await becomes(watching, 'new.example/x:1', ['a new.example ready'])).toBeLessThan(1000);
    expect(states(watching, 'a.example/x:1')).toEqual([]);
    expect(states(watching, 'b.example/x:1')).toEqual(['b b.example ready']);
    expect(watching.changes).toHaveLength(1);
  });

  it('a swapped ConfigMap is in force within a second, keys that come and go too [peers 72]', async () => {
    await using there = await folder();
    await there.swap('v1', { 'a.yaml': A });
    using watching = await watched(there.path);
    await there.swap('v2', { 'a.yaml': yaml({ name: 'a2', scopes: ['a.example'] }), 'b.yaml': B });
    expect(await becomes(watching, 'a.example/x:1', ['a2 a.example ready'])).toBeLessThan(1000);
    await becomes(watching, 'b.example/x:1', ['b b.example ready']);

    await there.swap('v3', { 'a.yaml': A });
    await becomes(watching, 'b.example/x:1', ['b b.example broken']);
    await there.remove('b.yaml');
    await becomes(watching, 'b.example/x:1', []);
    expect(states(watching, 'a.example/x:1')).toEqual(['a a.example ready']);
  });

  it('a new file, one in a new directory, and one that is deleted', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    using __ = watching;
    await there.write({ 'new/b.yaml': B });
    await becomes(watching, 'b.example/x:1', ['b b.example ready']);
    await there.remove('a.yaml');
    await becomes(watching, 'a.example/x:1', []);
    expect(watching.watch.current().problems).toEqual([]);
  });

  it('nothing is reported where nothing changed, and nothing after closing', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    await there.write({ '.ignored': 'x' });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(watching.changes).toEqual([]);
    watching.watch.close();
    await there.write({ 'a.yaml': B });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(watching.changes).toEqual([]);
  });
});

it('a policy that moves from file to file protects all the way', async () => {
  const { there, watching } = await started({ 'a.yaml': A });
  await using _ = there;
  using __ = watching;
  const start = performance.now();
  await there.remove('a.yaml');
  await new Promise((resolve) => setTimeout(resolve, 70));
  await there.write({ 'b.yaml': A, 'done.yaml': B });
  // On a machine that was busy elsewhere the file was really gone for longer than anybody waits.
  if (performance.now() - start > 130) return;
  await becomes(watching, 'b.example/x:1', ['b b.example ready']);
  for (const { sets } of watching.changes) {
    expect(sets.flatMap((set) => set.select(asked('a.example/x:1'), asker('team-a')))).toHaveLength(1);
  }
});

describe('what goes wrong on the way refuses what it protected', () => {
  it('a file that no longer parses refuses its last scopes, the rest stays, and mending it mends it', async () => {
    const { there, watching } = await started({ 'a.yaml': A, 'b.yaml': B });
    await using _ = there;
    using __ = watching;
    await there.write({ 'a.yaml': 'a: [1,' });
    await becomes(watching, 'a.example/x:1', ['a a.example broken']);
    expect(states(watching, 'b.example/x:1')).toEqual(['b b.example ready']);
    expect(states(watching, 'c.example/x:1')).toEqual([]);
    expect(watching.watch.current().problems).toMatchObject([{ file: join(there.path, 'a.yaml') }]);

    await there.write({ 'a.yaml': '' });
    await until(() => watching.watch.current().problems[0]?.reason === 'it holds no policy', 'the new reason');
    expect(states(watching, 'a.example/x:1')).toEqual(['a a.example broken']);

    await there.write({ 'a.yaml': A });
    await becomes(watching, 'a.example/x:1', ['a a.example ready']);
    expect(watching.watch.current().problems).toEqual([]);
  });

  it('a policy that is no longer valid refuses the scopes it had and those that can be told [M8]', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    using __ = watching;
    await there.write({ 'moved.yaml': yaml({ name: 'a', scopes: ['new.example', 'busybox'] }) });
    await there.remove('a.yaml');
    await becomes(watching, 'new.example/x:1', ['a new.example broken']);
    await becomes(watching, 'a.example/x:1', ['a a.example broken']);
    expect(states(watching, 'c.example/x:1')).toEqual([]);
  });

  it('a new file that never could be read may have named anything, and refuses everything [M8]', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    using __ = watching;
    await there.write({ 'b.yaml': 'b: [1,' });
    await becomes(watching, 'c.example/x:1', ['b.yaml * broken']);
    expect(states(watching, 'a.example/x:1')).toEqual(['a a.example ready', 'b.yaml * broken']);
    await there.write({ 'b.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }) });
    await becomes(watching, 'c.example/x:1', []);
    await there.write({ 'b.yaml': 'b: [1,' });
    await becomes(watching, 'c.example/x:1', ['b.yaml * broken']);
    await there.write({ 'b.yaml': B });
    await becomes(watching, 'c.example/x:1', []);
  });

  it('a file that cannot be read is tried again, and reported once', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    using __ = watching;
    const { rename, symlink } = await import('node:fs/promises');
    await symlink('nowhere', join(there.path, '.link'));
    await rename(join(there.path, '.link'), join(there.path, 'a.yaml'));
    await becomes(watching, 'a.example/x:1', ['a a.example broken']);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(watching.changes).toHaveLength(1);
    await there.write({ nowhere: A });
    await becomes(watching, 'a.example/x:1', ['a a.example ready', 'a a.example ready']);
  });

  it('an entry that is gone refuses what it held, once, and is read again when it is back unchanged', async () => {
    await using there = await folder();
    await there.write({ 'policies/a.yaml': A });
    using watching = await watched(join(there.path, 'policies'));
    const { rename } = await import('node:fs/promises');
    await rename(join(there.path, 'policies'), join(there.path, 'away'));
    await becomes(watching, 'a.example/x:1', ['a a.example broken']);
    const reported = watching.changes.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(watching.changes).toHaveLength(reported);
    await rename(join(there.path, 'away'), join(there.path, 'policies'));
    await becomes(watching, 'a.example/x:1', ['a a.example ready']);
  });
});

describe('files that policies name are followed as the policies are', () => {
  const KEY = PEM;
  const NEW = PEM.replace('MFkw', 'MFky');

  /** What the policies for an image are given as keys. */
  function keys({ watch }: Watched): readonly string[] {
    return watch
      .current()
      .sets.flatMap((set) => set.select(asked('example.com/x:1'), asker('team-a')))
      .flatMap(({ state }) => {
        if (state.kind !== 'ready' || state.require.kind !== 'some') return [state.kind];
        const { proof } = state.require.leaf;
        return proof.kind !== 'keys' ? [] : proof.keys.map((key) => (key.kind === 'inline' ? key.text : key.kind));
      });
  }

  async function given(watching: Watched, wanted: readonly string[]): Promise<number> {
    const start = performance.now();
    await until(() => keys(watching).join() === wanted.join(), `the keys are ${wanted.join()}`);
    return performance.now() - start;
  }

  it.each(['write', 'replace'] as const)(
    'a key that is changed (%s) beside its policy is in force within a second',
    async (how) => {
      const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.pub'), 'x.pub': KEY, 'b.yaml': B });
      await using _ = there;
      using __ = watching;
      expect(keys(watching)).toEqual([KEY]);
      if (how === 'write') await there.write({ 'x.pub': NEW });
      else await there.replace('x.pub', NEW);
      expect(await given(watching, [NEW])).toBeLessThan(1000);
      expect(watching.watch.current().problems).toEqual([]);
      expect(states(watching, 'b.example/x:1')).toEqual(['b b.example ready']);
      expect(watching.changes).toHaveLength(1);
    },
  );

  it('one of two policies’ common file, for both; one elsewhere; one that a mounted Secret swaps', async () => {
    await using there = await folder();
    await there.swap('v1', { 'x.pub': KEY });
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '../x.pub'), 'p/b.yaml': own({ name: 'b' }, '../x.pub') });
    using watching = await watched(join(there.path, 'p'));
    await there.swap('v2', { 'x.pub': NEW });
    expect(await given(watching, [NEW, NEW])).toBeLessThan(1000);
  });

  it('one that is gone is gone at once, is no key until it is back, and is reported meanwhile', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.pub'), 'x.pub': KEY });
    await using _ = there;
    using __ = watching;
    await there.remove('x.pub');
    expect(await given(watching, ['unavailable'])).toBeLessThan(1000);
    expect(watching.watch.current().problems).toMatchObject([{ code: 'TRUST_MATERIAL_UNAVAILABLE' }]);
    expect(states(watching, 'example.com/x:1')).toEqual(['a example.com ready']);
    await there.write({ 'x.pub': KEY });
    expect(await given(watching, [KEY])).toBeLessThan(1000);
    expect(watching.watch.current().problems).toEqual([]);
  });

  it('one whose directory, or the root it is looked up under, comes later', async () => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '/keys/x.pub', 'keys/y.pub') });
    using watching = await watched({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect(keys(watching)).toEqual(['unavailable', 'unavailable']);
    await there.write({ 'root/keys/x.pub': KEY });
    expect(await given(watching, [KEY, 'unavailable'])).toBeLessThan(1500);
    await there.write({ 'p/keys/y.pub': NEW });
    await given(watching, [KEY, NEW]);
  });

  it('a link that is turned to a file outside of the root, though that is the very same file', async () => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '/x.pub'), 'root/real.pub': KEY });
    const { link, rename, symlink } = await import('node:fs/promises');
    await link(join(there.path, 'root/real.pub'), join(there.path, 'outside.pub'));
    await symlink('real.pub', join(there.path, 'root/x.pub'));
    using watching = await watched({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect(keys(watching)).toEqual([KEY]);
    await symlink('../outside.pub', join(there.path, 'root/.new'));
    await rename(join(there.path, 'root/.new'), join(there.path, 'root/x.pub'));
    expect(await given(watching, ['unavailable'])).toBeLessThan(1000);
  });

  it('one that is touched, or replaced by a copy, is no news', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.pub'), 'x.pub': KEY });
    await using _ = there;
    using __ = watching;
    await there.replace('x.pub', KEY);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(watching.changes).toEqual([]);
    await there.write({ 'x.pub': NEW });
    await given(watching, [NEW]);
    expect(watching.changes).toHaveLength(1);
  });

  it('a key that comes before the policy that names it refuses nothing, and one that stays behind neither', async () => {
    const { there, watching } = await started({ 'a.yaml': A });
    await using _ = there;
    using __ = watching;
    await there.write({ 'x.pub': KEY });
    await until(() => watching.watch.current().problems.length > 0, 'the key is reported');
    expect(states(watching, 'c.example/x:1')).toEqual([]);
    await there.write({ 'b.yaml': own({ name: 'b' }, 'x.pub') });
    await given(watching, [KEY]);
    expect(watching.watch.current().problems).toEqual([]);
    await there.remove('b.yaml');
    await given(watching, []);
    expect(watching.watch.current().problems).toMatchObject([{ file: join(there.path, 'x.pub') }]);
    expect(states(watching, 'c.example/x:1')).toEqual([]);
  });

  it('one that is emptied on the way takes its policy’s signatures, and refuses nothing else', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.pub'), 'x.pub': KEY });
    await using _ = there;
    using __ = watching;
    await there.write({ 'x.pub': '' });
    await given(watching, ['']);
    expect(states(watching, 'c.example/x:1')).toEqual([]);
    expect(watching.watch.current().problems).toEqual([]);
  });

  it('what a policy named stays no policy while that policy cannot be read', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.json'), 'x.json': '{"a": ' });
    await using _ = there;
    using __ = watching;
    await there.write({ 'a.yaml': 'a: [1,' });
    await becomes(watching, 'example.com/x:1', ['a example.com broken']);
    expect(states(watching, 'c.example/x:1')).toEqual([]);
    await there.write({ 'x.json': '{"b": ' });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(states(watching, 'c.example/x:1')).toEqual([]);
    await there.write({ 'a.yaml': own({ name: 'a' }, 'x.json') });
    await given(watching, ['{"b": ']);
  });

  it('a file that held policies and now holds something else refuses what they protected, named or not', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'b.yaml'), 'b.yaml': B });
    await using _ = there;
    using __ = watching;
    await there.write({ 'b.yaml': KEY });
    await becomes(watching, 'b.example/x:1', ['b b.example broken']);
    await given(watching, [KEY]);
    expect(states(watching, 'b.example/x:1')).toEqual(['b b.example broken']);
  });

  it('a policy that names another file looks at that one from then on', async () => {
    const { there, watching } = await started({ 'a.yaml': own({ name: 'a' }, 'x.pub'), 'x.pub': KEY, 'y.pub': NEW });
    await using _ = there;
    using __ = watching;
    await there.write({ 'a.yaml': own({ name: 'a' }, 'y.pub') });
    await given(watching, [NEW]);
    const { length } = watching.changes;
    await there.remove('x.pub');
    await until(() => watching.changes.length > length, 'the stray key is gone');
    await there.write({ 'y.pub': KEY });
    expect(await given(watching, [KEY])).toBeLessThan(1000);
    expect(watching.watch.current().problems).toEqual([]);
  });
});

it('does not start on what cannot be read', async () => {
  await using there = await folder();
  await there.write({ 'a.yaml': 'a: [1,' });
  const watch = await watchPolicies([there.path], () => undefined);
  expect(watch).toMatchObject({ ok: false, failure: { code: 'POLICY_BROKEN' } });
});
