import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReference, repositoryName } from '../../../src/image/reference.ts';
import { admits } from '../../../src/model/outcome.ts';
import type { AskedLayout, AskedObject } from '../../../src/model/subject.ts';
import { breakPolicy, type Narrowing } from '../../../src/policy/compiled.ts';
import { notationSet } from '../../../src/policy/dialects/notation/set.ts';
import type { PolicySet } from '../../../src/policy/policy.ts';
import { asked, asker, names } from '../openshift/objects.ts';
import { compiled, members, skipping, withScopes, withStatements } from './documents.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;
const NONE = 'no applicable trust policy *';

function setOf(text: string, narrowing: Partial<Narrowing> = {}): PolicySet {
  return notationSet(members(compiled(text), narrowing));
}

const layout = (path: string): AskedLayout => ({ kind: 'layout', written: path, layout: { transport: 'dir', path } });

describe('which statement decides', () => {
  const text = withScopes({ exact: ['example.com/app', 'example.com:5000/app'], all: ['*'] });

  it('the one with the exact repository, before "*" [notation-ratify 72]', () => {
    for (const scopes of [
      { exact: ['example.com/app'], all: ['*'] },
      { all: ['*'], exact: ['example.com/app'] },
    ]) {
      expect(names(setOf(withScopes(scopes)), 'example.com/app:1')).toEqual(['exact example.com/app']);
      expect(names(setOf(withScopes(scopes)), 'example.com/other:1')).toEqual(['all *']);
    }
  });

  it('whatever tag or digest the image has, and without any', () => {
    for (const image of [
      'example.com/app',
      'example.com/app:1',
      `example.com/app@${DIGEST}`,
      `example.com/app:1@${DIGEST}`,
    ]) {
      expect(names(setOf(text), image)).toEqual(['exact example.com/app']);
    }
  });

  it('never one for a repository above, below or beside, nor for the registry on another port', () => {
    for (const image of [
      'example.com/app/sub',
      'example.com/ap',
      'example.com/apps',
      'example.com/a/app',
      'other.example/app',
    ]) {
      expect(names(setOf(text), image)).toEqual(['all *']);
    }
    expect(names(setOf(withScopes({ a: ['example.com:5000/app'] })), 'example.com/app')).toEqual([NONE]);
    expect(names(setOf(text), 'example.com:5000/app')).toEqual(['exact example.com:5000/app']);
  });

  it('the same for every spelling of an image [hostile]', () => {
    const hub = withScopes({ nginx: ['docker.io/library/nginx'], app: ['Example.com/app'] });
    for (const image of [
      'nginx',
      'nginx:1',
      'docker.io/nginx',
      'index.docker.io/library/nginx',
      'DOCKER.IO/library/nginx',
    ]) {
      expect(names(setOf(hub), image)).toEqual(['nginx docker.io/library/nginx']);
    }
    for (const image of ['example.com/app', 'EXAMPLE.com/app']) {
      expect(names(setOf(hub), image)).toEqual(['app Example.com/app']);
    }
  });

  it('none: the image is refused, and the sentence names it [notation-ratify 73]', () => {
    const [selected, ...more] = setOf(withScopes({ a: ['a.example/a'] })).select(
      asked('b.example/b:1'),
      asker('team-a'),
    );
    expect(more).toEqual([]);
    expect(selected).toMatchObject({
      scope: '*',
      policy: { origin: { kind: 'trustpolicy.json', name: 'no applicable trust policy' } },
      state: {
        kind: 'ready',
        require: {
          kind: 'reject',
          says: 'artifact "b.example/b:1" has no applicable oci trust policy statement: none has its repository, or "*", in its registryScopes.',
        },
      },
    });
    const outcome = { kind: 'rejected', findings: [], code: 'REJECTED_BY_POLICY', message: '' } as const;
    expect(admits(outcome, 'allow', 'allow')).toBe('refuse');
  });

  it('an image in a folder has no repository: "*" alone speaks for it', () => {
    const select = (scopes: Readonly<Record<string, readonly string[]>>) =>
      setOf(withScopes(scopes)).select(layout('/a'), asker('team-a'));
    expect(select({ a: ['local/a'], all: ['*'] })).toMatchObject([{ policy: { origin: { name: 'all' } }, scope: '*' }]);
    expect(select({ a: ['local/a'] })).toMatchObject([
      { state: { require: { kind: 'reject', says: expect.stringContaining('artifact "dir:/a" has no applicable') } } },
    ]);
  });

  it('objects that carry their own signatures are no business of it', () => {
    const object: AskedObject = {
      kind: 'object',
      group: 'tekton.dev',
      version: 'v1',
      objectKind: 'TaskRun',
      namespace: 'team-a',
      name: 'run',
      uid: '1',
      body: {},
    };
    expect(setOf(text).select(object, asker('team-a'))).toEqual([]);
  });

  it('a scope that means something to JavaScript is one like any other [hostile]', () => {
    expect(names(setOf(withScopes({ a: ['a.example/constructor'] })), 'a.example/constructor')).toEqual([
      'a a.example/constructor',
    ]);
    expect(names(setOf(withScopes({ a: ['a.example/a'] })), 'a.example/constructor')).toEqual([NONE]);
  });

  it('that notation would choose, whatever stands in the document', () => {
    const repository = fc
      .tuple(fc.constantFrom('a.example', 'a.example:5000', 'b.example'), fc.constantFrom('a', 'a/b', 'b', 'library/a'))
      .map((parts) => parts.join('/'));
    const scopes = fc.uniqueArray(fc.oneof(repository, fc.constant('*')), { minLength: 1, maxLength: 8 });
    const suffix = fc.constantFrom('', ':1', `@${DIGEST}`, `:1@${DIGEST}`);
    fc.assert(
      fc.property(scopes, repository, suffix, fc.boolean(), (list, wanted, end, together) => {
        const exact = list.filter((scope) => scope !== '*');
        const statements = [
          ...(together && exact.length > 0
            ? [skipping('exact', ...exact)]
            : exact.map((scope) => skipping(scope, scope))),
          ...(list.includes('*') ? [skipping('*', '*')] : []),
        ];
        const applicable = applicableForNotation(statements, `${wanted}@${DIGEST}`);
        const found = names(setOf(withStatements(...statements)), `${wanted}${end}`);
        expect(found.map((one) => one.split(' ').slice(0, -1).join(' '))).toEqual([
          applicable ?? 'no applicable trust policy',
        ]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a document that an entry narrows', () => {
  const text = withScopes({ exact: ['example.com/app'], all: ['*'] });

  it('says nothing in other namespaces, and all it says where the namespace is not known', () => {
    const set = setOf(text, { namespaces: new Set(['team-a']) });
    expect(names(set, 'example.com/app', 'team-a')).toEqual(['exact example.com/app']);
    expect(names(set, 'example.com/app', 'team-b')).toEqual([]);
    expect(names(set, 'example.com/app', null)).toEqual(['exact example.com/app']);
  });

  it('says nothing of images outside of the scopes, and passes none on to "*"', () => {
    const set = setOf(text, { scopes: new Set(['example.com/other', 'a.example']) });
    expect(names(set, 'example.com/app')).toEqual([]);
    expect(names(set, 'example.com/other')).toEqual(['all *']);
    expect(names(set, 'a.example/b/c:1')).toEqual(['all *']);
    expect(set.select(layout('/a'), asker('team-a'))).toEqual([]);
  });

  it('on a tag applies to an image that is pinned as well [MODEL M7]', () => {
    const set = setOf(text, { scopes: new Set(['example.com/app:1']) });
    expect(names(set, `example.com/app:1@${DIGEST}`)).toEqual(['exact example.com/app']);
    expect(names(set, `example.com/app@${DIGEST}`)).toEqual([]);
  });
});

describe('a document that cannot be read any more', () => {
  it('refuses all that it spoke for, and what it did not [MODEL M8]', () => {
    const broken = compiled(withScopes({ a: ['a.example/a'] })).map((policy) => ({
      ...policy,
      policy: breakPolicy(policy, 'it is gone').policy,
    }));
    const set = notationSet(members(broken));
    for (const image of ['a.example/a', 'b.example/b']) {
      const selected = set.select(asked(image), asker('team-a'));
      expect(selected.map(({ state }) => state.kind)).toEqual(['broken']);
    }
  });

  it('and that has a scope twice asks for both [hostile]', () => {
    const twice = [...compiled(withScopes({ a: ['a.example/a'] })), ...compiled(withScopes({ b: ['a.example/a'] }))];
    expect(names(notationSet(members(twice)), 'a.example/a')).toEqual(['a a.example/a', 'b a.example/a']);
    expect(names(notationSet(members(twice)), 'a.example/b')).toEqual([NONE, NONE]);
  });
});

describe('several documents', () => {
  it('are several sets, and each of them answers', () => {
    const sets = [setOf(withScopes({ a: ['a.example/a'] })), setOf(withScopes({ b: ['*'] }))];
    expect(sets.flatMap((set) => names(set, 'a.example/a'))).toEqual(['a a.example/a', 'b *']);
    expect(sets.flatMap((set) => names(set, 'b.example/b'))).toEqual([NONE, 'b *']);
  });
});

describe('how long a look-up takes', () => {
  it('does not depend on how many statements there are [notation-ratify 78]', () => {
    const scopes = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`s${i}`, [`example.com/team-${i}/app`]]),
    );
    const set = setOf(withScopes(scopes));
    const image = asked('example.com/team-9999/app:1');
    const begin = performance.now();
    for (let i = 0; i < 10_000; i++) expect(set.select(image, asker('team-a'))).toHaveLength(1);
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

/** The name of the statement that notation applies (verifier/trustpolicy/oci.go, GetApplicableTrustPolicy). */
function applicableForNotation(statements: readonly Readonly<Record<string, unknown>>[], reference: string): unknown {
  const parsed = parseReference(reference.slice(0, reference.lastIndexOf('@')));
  if (!parsed.ok) throw new Error(parsed.failure.message);
  const path = repositoryName(parsed.value.repository);
  let wildcard: unknown;
  let applicable: unknown;
  for (const { name, registryScopes } of statements) {
    if (!Array.isArray(registryScopes)) throw new Error('a statement has no scopes');
    if (registryScopes.includes('*')) wildcard = name;
    else if (registryScopes.includes(path)) applicable = name;
  }
  return applicable ?? wildcard;
}
