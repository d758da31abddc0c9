import { mkdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PolicyWatch, watchPolicies } from '../../../src/policy/sources/watch.ts';
import { statement, withStatements } from '../notation/documents.ts';
import { asked, asker } from '../openshift/objects.ts';
import { type Folder, folder, until } from './folder.ts';

const IMAGE = 'example.com/app:1';
const DOCUMENT = withStatements(statement({ trustStores: ['ca:acme', 'tsa:times'] }));
const CA = 'truststore/x509/ca/acme';
const TSA = 'truststore/x509/tsa/times';
const FILES = { 'trustpolicy.json': DOCUMENT, [`${CA}/a.pem`]: 'a', [`${CA}/b.pem`]: 'b', [`${TSA}/t.pem`]: 't' };

/** What the two stores of the statement hold now; what cannot be used as `-`. */
function held(watch: PolicyWatch): string {
  const [selected] = watch.current().sets.flatMap((set) => set.select(asked(IMAGE), asker('team-a')));
  if (selected?.state.kind !== 'ready') return selected?.state.kind ?? 'nothing';
  const { require } = selected.state;
  if (require.kind !== 'some' || require.leaf.proof.kind !== 'notation') return require.kind;
  const { authorities, timestampAuthorities } = require.leaf.proof;
  const texts = [authorities, timestampAuthorities].map((refs) =>
    refs.map((ref) => (ref.kind === 'inline' ? ref.text : '-')).join(' '),
  );
  return texts.join(' | ');
}

/** A folder that is watched, by itself or by its document. */
async function started(entry: string, files: Readonly<Record<string, string>> = FILES) {
  const there = await folder();
  await there.write(files);
  const watch = await watchPolicies([join(there.path, entry)], () => undefined);
  if (!watch.ok) throw new Error(watch.failure.message);
  const { value } = watch;
  return {
    there,
    watch: value,
    /** Waits until the stores hold this, and fails where that takes more than a second. */
    becomes: (wanted: string) => until(() => held(value) === wanted, `${wanted} instead of ${held(value)}`, 1000),
    async [Symbol.asyncDispose]() {
      value.close();
      await there[Symbol.asyncDispose]();
    },
  };
}

describe.each([
  ['their folder', '.'],
  ['their document alone', 'trustpolicy.json'],
])('trust stores under an entry that names %s', (_, entry) => {
  it.each<[what: string, change: (there: Folder) => Promise<unknown>, wanted: string]>([
    ['a certificate that is replaced', (there) => there.write({ [`${CA}/a.pem`]: 'A' }), 'A b | t'],
    ['one that is added', (there) => there.write({ [`${CA}/c.pem`]: 'c' }), 'a b c | t'],
    ['one that is removed', (there) => there.remove(`${CA}/a.pem`), 'b | t'],
    [
      'one that has another name',
      (there) => rename(join(there.path, CA, 'b.pem'), join(there.path, CA, '0.pem')),
      'b a | t',
    ],
    ['the last that is removed', (there) => there.remove(`${TSA}/t.pem`), 'a b | -'],
    [
      'a store that is removed: none for timestamps is not the same as none named',
      (there) => there.remove(TSA),
      'a b | -',
    ],
    ['all of them', (there) => there.remove('truststore'), '- | -'],
    ['a link that is put into one', (there) => symlink('a.pem', join(there.path, CA, 'link.pem')), '- | t'],
    ['a directory that is put into one', (there) => mkdir(join(there.path, CA, 'more')), '- | t'],
    [
      'one that becomes a directory',
      async (there) => {
        await there.remove(`${CA}/a.pem`);
        await mkdir(join(there.path, CA, 'a.pem'));
      },
      '- | t',
    ],
    [
      'another that takes its place',
      async (there) => {
        await there.write({ '.other/x.pem': 'x' });
        await rename(join(there.path, CA), join(there.path, '.old'));
        await rename(join(there.path, '.other'), join(there.path, CA));
      },
      'x | t',
    ],
  ])('%s is in force within a second', async (__, change, wanted) => {
    await using world = await started(entry);
    expect(held(world.watch)).toBe('a b | t');
    await change(world.there);
    await world.becomes(wanted);
  });

  it('one that comes back is read again', async () => {
    await using world = await started(entry);
    await world.there.remove(TSA);
    await world.becomes('a b | -');
    await world.there.write({ [`${TSA}/t.pem`]: 'T' });
    await world.becomes('a b | T');
  });

  it('as many files as are read, and one more is noticed', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 255 }, (___, n) => [`${CA}/${String(n).padStart(3, '0')}.pem`, 'x']),
    );
    await using world = await started(entry, { 'trustpolicy.json': DOCUMENT, ...many, [`${TSA}/t.pem`]: 't' });
    expect(held(world.watch)).toBe(`${Array.from({ length: 255 }, () => 'x').join(' ')} | t`);
    await symlink('000.pem', join(world.there.path, CA, 'link.pem'));
    await world.becomes('- | t');
  });
});

it('the stores of a ConfigMap that is swapped are those of its new version at once', async () => {
  await using there = await folder();
  // With `items`, kubelet links the first part of each path alone.
  const version = async (name: string, files: Readonly<Record<string, string>>) => {
    await there.write(Object.fromEntries(Object.entries(files).map(([path, text]) => [`..${name}/${path}`, text])));
    await symlink(`..${name}`, join(there.path, '..data_tmp'));
    await rename(join(there.path, '..data_tmp'), join(there.path, '..data'));
    for (const first of ['trustpolicy.json', 'truststore'])
      await symlink(`..data/${first}`, join(there.path, first)).catch(() => undefined);
  };
  await version('v1', FILES);
  const watch = await watchPolicies([there.path], () => undefined);
  if (!watch.ok) throw new Error(watch.failure.message);
  using _ = { [Symbol.dispose]: () => watch.value.close() };
  const becomes = (wanted: string) =>
    until(() => held(watch.value) === wanted, `${wanted} instead of ${held(watch.value)}`, 1000);
  expect(held(watch.value)).toBe('a b | t');
  await version('v2', { ...FILES, [`${CA}/a.pem`]: 'A', [`${CA}/c.pem`]: 'c' });
  await becomes('A b c | t');
  await version('v3', { 'trustpolicy.json': DOCUMENT, [`${CA}/b.pem`]: 'b', [`${TSA}/t.pem`]: 't' });
  await becomes('b | t');
  await version('v4', { 'trustpolicy.json': DOCUMENT, [`${CA}/b.pem`]: 'b' });
  await becomes('b | -');
});

it('an entry that itself stands below a trust store holds policies, and one that cannot be read refuses', async () => {
  await using there = await folder();
  const entry = 'truststore/x509/policies';
  await there.write({ [`${entry}/trustpolicy.json`]: withStatements(statement({ trustStores: ['ca:acme'] })) });
  await there.write({ [`${entry}/${CA}/a.pem`]: 'a', [`${entry}/${CA}/unnamed/b.pem`]: 'b' });
  const watch = await watchPolicies([join(there.path, entry)], () => undefined);
  if (!watch.ok) throw new Error(watch.failure.message);
  using _ = { [Symbol.dispose]: () => watch.value.close() };
  const states = () =>
    watch.value
      .current()
      .sets.flatMap((set) => set.select(asked('other.example/app:1'), asker('team-a')))
      .map(({ state }) => state.kind);
  // No statement names the image.
  expect(states()).toEqual(['ready']);
  await there.write({ [`${entry}/other.yaml`]: 'half a policy' });
  await until(() => states().includes('broken'), 'what cannot be read refuses');
});
