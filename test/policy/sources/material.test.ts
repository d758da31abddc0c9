import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrustRef } from '../../../src/model/requirement.ts';
import type { PolicyEntry } from '../../../src/policy/sources/entry.ts';
import { type LoadedPolicies, loadPolicies } from '../../../src/policy/sources/load.ts';
import { PEM } from '../countersign/objects.ts';
import { asked, asker } from '../openshift/objects.ts';
import { folder, own, yaml } from './folder.ts';

const OTHER = PEM.replace('MFkw', 'MFky');

async function load(...entries: readonly PolicyEntry[]): Promise<LoadedPolicies> {
  const loaded = await loadPolicies(entries);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

/** What the policies that apply to an image are given as keys. */
function keys({ sets }: LoadedPolicies, image = 'example.com/x:1'): readonly TrustRef[] {
  return sets
    .flatMap((set) => set.select(asked(image), asker('team-a')))
    .flatMap(({ state }) => {
      if (state.kind !== 'ready' || state.require.kind !== 'some') throw new Error(JSON.stringify(state));
      const { proof } = state.require.leaf;
      return proof.kind === 'keys' ? proof.keys : [];
    });
}

const inline = (text: string): TrustRef => ({ kind: 'inline', text });

function why(loaded: LoadedPolicies): string {
  const [ref] = keys(loaded);
  if (ref?.kind !== 'unavailable') throw new Error(JSON.stringify(ref));
  return ref.why;
}

describe('files that policies name are read', () => {
  it('beside the policy’s file, above it, and by an absolute path', async () => {
    await using there = await folder();
    await there.write({
      'policies/deep/a.yaml': own({ name: 'a' }, 'release.pub', './keys/other.pub', '../../above.pub'),
      'policies/deep/release.pub': PEM,
      'policies/deep/keys/other.pub': OTHER,
      'above.pub': 'above',
      'absolute.pub': 'absolute',
      'b.yaml': own({ name: 'b' }, join(there.path, 'absolute.pub')),
    });
    const loaded = await load(join(there.path, 'policies'));
    expect(loaded.problems).toEqual([]);
    expect(keys(loaded)).toEqual([inline(PEM), inline(OTHER), inline('above')]);
    const single = await load(join(there.path, 'b.yaml'));
    expect([keys(single), single.problems]).toEqual([[inline('absolute')], []]);
  });

  it('beside the policy’s file as it is named, not where a link to it leads', async () => {
    await using there = await folder();
    await there.swap('v1', { 'a.yaml': own({ name: 'a' }, 'release.pub'), 'release.pub': PEM });
    const loaded = await load(there.path);
    expect([keys(loaded), loaded.problems]).toEqual([[inline(PEM)], []]);
  });

  it('once for two policies that name one, in one file or in two', async () => {
    await using there = await folder();
    const a = own({ name: 'a' }, 'release.pub');
    await there.write({
      'a.yaml': `${a}---\n${own({ name: 'b' }, 'release.pub')}`,
      'c.yaml': own({ name: 'c' }, './release.pub'),
      'release.pub': PEM,
    });
    const loaded = await load(there.path);
    expect([keys(loaded), loaded.problems]).toEqual([[inline(PEM), inline(PEM), inline(PEM)], []]);
  });

  it('whole, up to 1 MiB', async () => {
    await using there = await folder();
    const text = 'x'.repeat(1024 * 1024);
    await there.write({ 'a.yaml': own({ name: 'a' }, 'big.pub'), 'big.pub': text });
    expect(keys(await load(there.path))).toEqual([inline(text)]);
  });

  it('in every place where a policy may name one', async () => {
    await using there = await folder();
    const trustedRoot = { file: 'trusted_root.json' };
    const keyless = { identities: [{ issuer: 'https://issuer.example', subject: 'a@b.example' }] };
    const certificate = { roots: [{ file: 'roots.pem' }], subject: { email: 'a@b.example' } };
    const require = { allOf: [{ signature: { keyless, trustedRoot } }, { signature: { certificate } }] };
    await there.write({
      'a.yaml': own({ name: 'a', require }),
      'trusted_root.json': '{"mediaType": "x", "tlogs": [], "certificateAuthorities": []}',
      'roots.pem': PEM,
    });
    const loaded = await load(there.path);
    expect(loaded.problems).toEqual([]);
    const state = JSON.stringify(loaded.sets[0]?.policies[0]?.state);
    expect(state).toContain(JSON.stringify({ kind: 'inline', text: PEM }));
    expect(state).toContain('certificateAuthorities');
    expect(state).not.toContain('unavailable');
  });
});

describe('an absolute path under the root of the entry', () => {
  it('is looked up there and nowhere else; relative ones stay beside the policy', async () => {
    await using there = await folder();
    await there.write({
      'p/a.yaml': own({ name: 'a' }, '/etc/keys/release.pub', 'beside.pub'),
      'p/beside.pub': OTHER,
      'root/etc/keys/release.pub': PEM,
    });
    const loaded = await load({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect([keys(loaded), loaded.problems]).toEqual([[inline(PEM), inline(OTHER)], []]);
    expect(why(await load(join(there.path, 'p')))).toContain('it cannot be read (ENOENT)');
  });

  it.each([
    '/../secret',
    '/../../../../../../../../../../etc/hostname',
    '/keys/../../secret',
    '/../nothing',
    '/..',
    '/',
  ])('%s does not leave it [hostile]', async (path) => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, path), secret: PEM, 'root/keys/x': PEM });
    const loaded = await load({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect(why(loaded)).toContain('it lies outside of the root of its entry');
    expect(loaded.problems).toMatchObject([{ code: 'TRUST_MATERIAL_UNAVAILABLE' }]);
  });

  it('does not leave it by a link, of a file or of a directory, whoever made it [hostile]', async () => {
    await using there = await folder();
    await there.write({ 'outside/secret': PEM, 'rootlike/secret': PEM, 'root/keys/x': PEM });
    await symlink('../outside/secret', join(there.path, 'root/file'));
    await symlink(join(there.path, 'outside'), join(there.path, 'root/directory'));
    // A directory whose name begins as the root's does is not below it.
    await symlink('../rootlike', join(there.path, 'root/like'));
    await symlink('keys/x', join(there.path, 'root/inside'));
    for (const path of ['/file', '/directory/secret', '/like/secret']) {
      await there.write({ 'p/a.yaml': own({ name: 'a' }, path) });
      const loaded = await load({ path: join(there.path, 'p'), root: join(there.path, 'root') });
      expect(why(loaded)).toContain('it lies outside of the root of its entry');
    }
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '/inside', '/keys/../keys/x') });
    const loaded = await load({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect(keys(loaded)).toEqual([inline(PEM), inline(PEM)]);
  });

  it('may itself be reached by a link', async () => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '/x'), 'real/x': PEM });
    await symlink('real', join(there.path, 'root'));
    const loaded = await load({ path: join(there.path, 'p'), root: join(there.path, 'root') });
    expect(keys(loaded)).toEqual([inline(PEM)]);
  });
});

describe('a file that cannot be had leaves its policy standing, to refuse, and is reported', () => {
  it.each<[string, string | Buffer | undefined, string]>([
    ['missing', undefined, 'it cannot be read (ENOENT)'],
    ['too large', 'x'.repeat(1024 * 1024 + 1), 'it is larger than 1048576 bytes'],
    ['not UTF-8', Buffer.from([0x2d, 0xff, 0xfe]), 'it is not valid UTF-8'],
  ])('%s', async (_, bytes, reason) => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, 'release.pub') });
    if (bytes !== undefined) await writeFile(join(there.path, 'p/release.pub'), bytes);
    const loaded = await load(join(there.path, 'p'));
    expect(why(loaded)).toBe(`the file "release.pub" cannot be used: ${reason}`);
    expect(loaded.problems).toEqual([
      {
        code: 'TRUST_MATERIAL_UNAVAILABLE',
        file: join(there.path, 'p/a.yaml'),
        document: 1,
        path: '',
        reason: `the file "release.pub" cannot be used: ${reason}`,
      },
    ]);
  });

  it('a directory, a device, a pipe, a path through a file, and one that is all control characters', async () => {
    await using there = await folder();
    await mkdir(join(there.path, 'directory.pub'));
    // Whoever opened it would wait for somebody to write.
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(there.path, 'pipe')]);
    const cases = [
      ['../directory.pub', 'it is no file'],
      ['/dev/null', 'it is no file'],
      ['a.yaml/x', 'it cannot be read (ENOTDIR)'],
      ['../pipe', 'it is no file'],
      ['\u001b[31m\u202e\n', 'it cannot be read (ENOENT)'],
    ] as const;
    for (const [path, reason] of cases) {
      await there.write({ 'p/a.yaml': own({ name: 'a' }, path) });
      const said = why(await load(join(there.path, 'p')));
      expect(said).toContain(reason);
      expect(said).not.toMatch(/[\u001b\u202e\n]/);
    }
  });

  it.runIf(process.getuid?.() !== 0)('one that may not be read', async () => {
    await using there = await folder();
    await there.write({ 'p/a.yaml': own({ name: 'a' }, '../key.pub'), 'key.pub': PEM });
    await chmod(join(there.path, 'key.pub'), 0);
    expect(why(await load(join(there.path, 'p')))).toContain('it cannot be read (EACCES)');
  });

  it('one of several: the rest is read, and each policy that names it is told of', async () => {
    await using there = await folder();
    await there.write({
      'a.yaml': `${own({ name: 'a' }, 'release.pub', 'gone.pub')}---\n${own({ name: 'b' }, 'gone.pub')}`,
      'release.pub': PEM,
    });
    const loaded = await load(there.path);
    expect(keys(loaded).map(({ kind }) => kind)).toEqual(['inline', 'unavailable', 'unavailable']);
    expect(loaded.problems.map(({ code, document }) => [code, document])).toEqual([
      ['TRUST_MATERIAL_UNAVAILABLE', 1],
      ['TRUST_MATERIAL_UNAVAILABLE', 2],
    ]);
  });

  it('more files than the policies of one file may name, or more text', async () => {
    await using there = await folder();
    const many = Array.from({ length: 9 }, (_, i) => `k${i}.pub`);
    await there.write(Object.fromEntries(many.map((name) => [name, 'x'.repeat(1024 * 1024)])));
    await there.write({ 'p/a.yaml': own({ name: 'a' }, ...many.map((name) => `../${name}`)) });
    const heavy = await load(join(there.path, 'p'));
    expect(keys(heavy).map(({ kind }) => kind)).toEqual([...Array(8).fill('inline'), 'unavailable']);
    expect(heavy.problems.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('more than 8388608 characters'),
    ]);

    const policies = Array.from({ length: 257 }, (_, i) => own({ name: `p${i}` }, `../n${i}.pub`));
    await there.write(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`n${i}.pub`, PEM])));
    await there.write({ 'p/a.yaml': policies.join('---\n') });
    const crowded = await load(join(there.path, 'p'));
    expect(crowded.problems.map(({ document, reason }) => [document, reason])).toEqual([
      [257, expect.stringContaining('the policies of one file name more than 256 files')],
    ]);
    expect(keys(crowded).filter(({ kind }) => kind === 'unavailable')).toHaveLength(1);
  });
});

describe('files beside the policies', () => {
  it('that a policy names are no policies, whatever their names, their order and what is in them', async () => {
    await using there = await folder();
    await there.write({
      '0-first.pub': PEM,
      'key.yaml': `a comment of openssl\n${PEM}`,
      'm.yaml': own({ name: 'a' }, '0-first.pub', 'key.yaml', 'z/last.json', 'empty.pub', 'odd'),
      'z/last.json': '{"mediaType": "x", "tlogs": []}',
      'empty.pub': '',
      odd: '{"a": [',
    });
    const loaded = await load(there.path);
    expect(loaded.problems).toEqual([]);
    expect(loaded.sets.flatMap(({ policies }) => policies)).toHaveLength(1);
    expect(keys(loaded)).toHaveLength(5);
  });

  it('that are named and lead nowhere are missing keys, and no policies that cannot be read', async () => {
    await using there = await folder();
    await there.write({ 'a.yaml': own({ name: 'a' }, 'x.pub') });
    await symlink('nowhere', join(there.path, 'x.pub'));
    expect((await load(there.path)).problems).toMatchObject([
      { code: 'TRUST_MATERIAL_UNAVAILABLE', file: join(there.path, 'a.yaml') },
    ]);
  });

  it('that are named through a link, or are a link to what is named', async () => {
    await using there = await folder();
    await there.write({
      'p/a.yaml': own({ name: 'a' }, 'link/x.pub', '../real.pub'),
      'p/keys/x.pub': PEM,
      'real.pub': PEM,
    });
    await symlink('keys', join(there.path, 'p/link'));
    await symlink('../real.pub', join(there.path, 'p/copy.pub'));
    await link(join(there.path, 'real.pub'), join(there.path, 'p/hard.pub'));
    expect((await load(join(there.path, 'p'))).problems).toEqual([]);
  });

  it.each([
    ['release.pub', PEM, 'it holds keys or certificates (PEM), and no policy beside it names it'],
    [
      'ca.pem',
      `Certificate:\n  Data:\n${PEM}`,
      'it holds keys or certificates (PEM), and no policy beside it names it',
    ],
    [
      'trusted_root.json',
      '{"mediaType": "x", "tlogs": []}',
      'it is a sigstore trusted root (trusted_root.json), and no',
    ],
  ])('%s that no policy names is an error that says so, and refuses nothing', async (name, text, reason) => {
    await using there = await folder();
    await there.write({ 'a.yaml': yaml({ name: 'a' }), [name]: text });
    const loaded = await load(there.path);
    expect(loaded.problems).toMatchObject([
      { code: 'POLICY_BROKEN', file: join(there.path, name), reason: expect.stringContaining(reason) },
    ]);
    expect(loaded.sets.flatMap((set) => set.select(asked('other.example/x'), asker('team-a')))).toEqual([]);
    // Alone, as an entry, it is no policy.
    expect(await loadPolicies([join(there.path, name)])).toMatchObject({
      ok: false,
      failure: { code: 'POLICY_BROKEN' },
    });
  });

  it('that only a policy of another entry names are not excused', async () => {
    await using there = await folder();
    await there.write({ 'a/x.pub': PEM, 'b/b.yaml': own({ name: 'b' }, '../a/x.pub') });
    const loaded = await load(join(there.path, 'a'), join(there.path, 'b'));
    expect(loaded.problems.map(({ reason }) => reason)).toEqual([
      'the directory holds no policies',
      expect.stringContaining('no policy beside it names it'),
    ]);
  });

  it.each([
    ['a policy', yaml({ name: 'victim', scopes: ['victim.example'] }), 'victim victim.example ready'],
    ['an own policy', own({ name: 'victim', images: ['victim.example'] }), 'victim victim.example ready'],
  ])('%s that another names as its key stays a policy [hostile]', async (_, text, expected) => {
    await using there = await folder();
    await there.write({ 'a.yaml': own({ name: 'a' }, 'victim.yaml', 'a.yaml'), 'victim.yaml': text });
    const loaded = await load(there.path);
    const selected = (image: string): readonly string[] =>
      loaded.sets
        .flatMap((set) => set.select(asked(image), asker('team-a')))
        .map(({ policy, scope, state }) => `${policy.origin.name} ${scope} ${state.kind}`);
    expect(selected('victim.example/x')).toEqual([expected]);
    expect(selected('example.com/x')).toEqual(['a example.com ready']);
  });

  it.each([
    ['a policy with a slip of the pen', `${yaml({ name: 'victim' })}\n  - : [`],
    ['a policy whose key is not indented', `apiVersion: countersign.dev/v1alpha1\nspec: |\n${PEM}`],
    ['an object of another API', 'apiVersion: v1\nkind: Secret\n'],
    ['a policy of another dialect', '{"version": "1.0", "trustPolicies": []}'],
  ])('%s that a policy names as its key is an error as ever [hostile]', async (_, text) => {
    await using there = await folder();
    await there.write({ 'a.yaml': own({ name: 'a' }, 'victim'), victim: text });
    const loaded = await loadPolicies([there.path]);
    expect(loaded.ok ? [] : loaded.failure.problems).toMatchObject([{ file: join(there.path, 'victim') }]);
  });
});
