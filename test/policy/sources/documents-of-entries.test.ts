import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { watchPolicies } from '../../../src/policy/sources/watch.ts';
import { asked, asker } from '../openshift/objects.ts';
import { folder, until } from './folder.ts';

const REJECT = JSON.stringify({ default: [{ type: 'reject' }] });
const ACCEPT = JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] });
const SIGSTORE = JSON.stringify({
  default: [{ type: 'sigstoreSigned', keyData: 'a2V5', signedIdentity: { type: 'matchRepository' } }],
});

/** What decides on an image for somebody, by kind and state; an asker of null has no known namespace. */
function deciding({ sets }: LoadedPolicies, namespace: string | null): readonly string[] {
  return sets
    .flatMap((set) => set.select(asked('example.com/app:1'), asker(namespace)))
    .map(({ policy, state }) => `${policy.origin.kind} ${state.kind === 'ready' ? state.require.kind : state.kind}`)
    .sort();
}

async function load(...entries: Parameters<typeof loadPolicies>[0]): Promise<LoadedPolicies> {
  const loaded = await loadPolicies(entries);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

describe('namespaced files of an entry', () => {
  it('take the place of its policy.json in their namespace, and of no other entry', async () => {
    await using there = await folder();
    await there.write({ 'main/policy.json': REJECT, 'crio/team-a.json': ACCEPT, 'other/policy.json': REJECT });
    const entry = { path: join(there.path, 'main'), namespaced: join(there.path, 'crio') };
    const loaded = await load(entry);
    expect(deciding(loaded, 'team-a')).toEqual(['team-a.json accept']);
    expect(deciding(loaded, 'team-b')).toEqual(['policy.json reject']);
    expect(deciding(loaded, null)).toEqual(['policy.json reject', 'team-a.json accept']);
    const both = await load(entry, join(there.path, 'other'));
    expect(deciding(both, 'team-a')).toEqual(['policy.json reject', 'team-a.json accept']);
  });

  it('that are two of one name are both required: nobody can tell which was meant', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT, 'crio/a/team-a.json': ACCEPT, 'crio/b/team-a.json': REJECT });
    const loaded = await load({ path: join(there.path, 'policy.json'), namespaced: join(there.path, 'crio') });
    expect(deciding(loaded, 'team-a')).toEqual(['team-a.json accept', 'team-a.json reject']);
  });

  it.each([
    ['a name that is no namespace', { 'crio/Team_A.json': ACCEPT }, 'not that of a namespace'],
    ['a name without its ending', { 'crio/team-a': ACCEPT }, 'not that of a namespace'],
    ['an object in place of a policy.json', { 'crio/team-a.json': '{"docker":{}}' }, 'only a policy.json'],
    ['no policy.json at all', { 'crio/team-a.json': '{}' }, 'no policy that countersign knows'],
  ])('are refused with %s', async (_, files, sentence) => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT, ...files });
    const loaded = await loadPolicies([
      { path: join(there.path, 'policy.json'), namespaced: join(there.path, 'crio') },
    ]);
    expect(loaded.ok ? 'loaded' : loaded.failure.message).toContain(sentence);
  });

  it('in a folder that is not there keep the server from starting, and never fall back in silence', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT });
    const loaded = await loadPolicies([
      { path: join(there.path, 'policy.json'), namespaced: join(there.path, 'crio') },
    ]);
    expect(loaded.ok ? 'loaded' : loaded.failure.message).toContain('cannot be read');
  });

  it('that break while the server runs refuse their namespace alone, and one that never was good does too', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT, 'crio/team-a.json': ACCEPT });
    const watched = await watchPolicies(
      [{ path: join(there.path, 'policy.json'), namespaced: join(there.path, 'crio') }],
      () => {},
    );
    if (!watched.ok) throw new Error(watched.failure.message);
    try {
      const { current } = watched.value;
      await there.write({ 'crio/team-a.json': '{"default": oops' });
      await until(() => deciding(current(), 'team-a').join() === 'team-a.json broken', 'team-a is refused');
      expect(deciding(current(), 'team-b')).toEqual(['policy.json accept']);
      await there.write({ 'crio/team-b.json': '{"default": oops' });
      await until(() => deciding(current(), 'team-b').includes('PolicyFile broken'), 'team-b is refused');
      expect(deciding(current(), 'team-c')).toEqual(['policy.json accept']);
    } finally {
      watched.value.close();
    }
  });
});

describe('registries.d', () => {
  it('of all entries is one; files that say nothing are none', async () => {
    await using there = await folder();
    await there.write({
      'policy/policy.json': ACCEPT,
      'registries.d/default.yaml': '# nothing but a comment\n',
      'registries.d/a.yaml': 'docker:\n  example.com:\n    lookaside: https://lookaside.example\n',
    });
    const { storage } = await load(join(there.path, 'policy'), join(there.path, 'registries.d'));
    expect(storage).toMatchObject({
      value: { sections: { 'example.com': { lookaside: 'https://lookaside.example' } } },
    });
  });

  it('that says two things of one name is a problem that names both files', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT, 'a.yaml': 'default-docker: {}\n', 'b.yaml': 'default-docker: {}\n' });
    const { storage, problems } = await load(there.path);
    expect(storage.ok).toBe(false);
    expect(problems.map(({ reason }) => reason).join()).toMatch(/a\.yaml.*b\.yaml/);
  });

  it('without attachments is worth a warning where sigstore signatures are asked for', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': SIGSTORE });
    const { warnings } = await load(there.path);
    expect(warnings.map(({ message }) => message).join()).toContain('use-sigstore-attachments');
    await there.write({ 'registries.d/a.yaml': 'default-docker:\n  use-sigstore-attachments: true\n' });
    const mended = await load(there.path);
    expect(mended.warnings.map(({ message }) => message).join()).not.toContain('use-sigstore-attachments');
  });

  it('that no longer can be read stays what it was, and the problem is told', async () => {
    await using there = await folder();
    await there.write({ 'policy.json': ACCEPT, 'a.yaml': 'default-docker:\n  lookaside: https://one.example\n' });
    const watched = await watchPolicies([there.path], () => {});
    if (!watched.ok) throw new Error(watched.failure.message);
    try {
      const { current } = watched.value;
      await there.write({ 'a.yaml': 'default-docker: [oops\n' });
      await until(() => current().problems.length > 0, 'the problem is told');
      expect(current().storage).toMatchObject({ value: { otherwise: { lookaside: 'https://one.example' } } });
      expect(deciding(current(), 'team-a')).toEqual(['policy.json accept']);
    } finally {
      watched.value.close();
    }
  });
});
