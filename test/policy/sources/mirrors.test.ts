import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { loadPolicies } from '../../../src/policy/sources/load.ts';
import { watchPolicies } from '../../../src/policy/sources/watch.ts';
import { mirrorSet, readSet } from '../mirrors/objects.ts';
import { folder, yaml } from './folder.ts';

const digests = (name: string, ...mirrors: readonly string[]) =>
  JSON.stringify(mirrorSet('ImageDigestMirrorSet', name, { source: 'quay.io', mirrors }));

describe('mirror sets in files', () => {
  it('are read beside policies, and merged over all files and entries', async () => {
    await using one = await folder();
    await using other = await folder();
    await one.write({
      'policy.yaml': yaml({ name: 'release' }),
      'mirrors.yaml': digests('a', 'b.example', 'c.example'),
    });
    await other.write({ 'more.yaml': `${digests('b', 'a.example', 'b.example')}\n---\n${digests('c', 'c.example')}` });
    const loaded = await loadPolicies([one.path, other.path]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems).toEqual([]);
    expect(loaded.value.sets.flatMap(({ policies }) => policies)).toHaveLength(1);
    expect(loaded.value.mirrors).toMatchObject([
      {
        prefix: 'quay.io',
        mirrors: [{ location: 'a.example' }, { location: 'b.example' }, { location: 'c.example' }],
      },
    ]);
    expect(loaded.value.clusterMirrors).toEqual([]);
  });

  it('need no policy beside them', async () => {
    await using files = await folder();
    await files.write({ 'mirrors.yaml': digests('a', 'm.example') });
    const loaded = await loadPolicies([files.path]);
    expect(loaded).toMatchObject({ ok: true, value: { problems: [], sets: [], mirrors: [{ prefix: 'quay.io' }] } });
  });

  it('that cannot be read are told by file and reason, and keep `verify` from starting', async () => {
    await using files = await folder();
    await files.write({ 'mirrors.yaml': digests('a', 'https://m.example') });
    const loaded = await loadPolicies([files.path]);
    expect(loaded).toMatchObject({ ok: false, failure: { message: expect.stringContaining('mirrors.yaml') } });
  });

  it('follow their files, and go on saying what they said when they can no longer be read', async () => {
    await using files = await folder();
    await files.write({ 'mirrors.yaml': digests('a', 'm.example') });
    const watch = await watchPolicies([files.path], () => undefined);
    if (!watch.ok) throw new Error(watch.failure.message);
    onTestFinished(watch.value.close);
    const locations = () =>
      watch.value.current().mirrors.flatMap(({ mirrors }) => mirrors.map(({ location }) => location));
    expect(locations()).toEqual(['m.example']);
    await files.write({ 'mirrors.yaml': digests('a', 'n.example') });
    await vi.waitFor(() => expect(locations()).toEqual(['n.example']), 3000);
    await files.write({ 'mirrors.yaml': digests('a', 'https://n.example') });
    await vi.waitFor(() => expect(watch.value.current().problems).toHaveLength(1), 3000);
    expect(locations()).toEqual(['n.example']);
    await files.remove('mirrors.yaml');
    await vi.waitFor(() => expect(locations()).toEqual([]), 3000);
  });

  it('are kept apart from the cluster’s, whose hosts are nobody’s configuration', async () => {
    await using files = await folder();
    await files.write({ 'mirrors.yaml': digests('a', 'm.example') });
    const held = [readSet('ImageTagMirrorSet', 'b', { source: 'quay.io', mirrors: ['t.example'] })];
    const watch = await watchPolicies(
      [files.path],
      () => undefined,
      POLICY_DEFAULTS,
      () => ({
        members: [],
        mirrors: held,
      }),
    );
    if (!watch.ok) throw new Error(watch.failure.message);
    onTestFinished(watch.value.close);
    expect(watch.value.current()).toMatchObject({
      mirrors: [{ prefix: 'quay.io', mirrors: [{ location: 'm.example', serves: 'digests' }] }],
      clusterMirrors: [{ prefix: 'quay.io', mirrors: [{ location: 't.example', serves: 'tags' }] }],
    });
  });
});
