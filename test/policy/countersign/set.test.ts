import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unreadablePolicy } from '../../../src/policy/compiled.ts';
import { matchesGlob, readGlob } from '../../../src/policy/dialects/countersign/globs.ts';
import { ownSet } from '../../../src/policy/dialects/countersign/set.ts';
import { canonicalScope, scopeChains } from '../../../src/policy/scope.ts';
import { asked, asker, names } from '../openshift/objects.ts';
import { narrowed, policy, setOf } from './objects.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

describe('which of countersign’s own policies apply', () => {
  it('every one with an item that names the image: none takes another’s place', () => {
    const set = setOf(
      policy({ name: 'tag', images: ['example.com/ns/repo:1'] }),
      policy({ name: 'repository', images: ['example.com/ns/repo'] }),
      policy({ name: 'namespace', images: ['example.com/ns'] }),
      policy({ name: 'host', images: ['example.com'] }),
      policy({ name: 'wildcard', images: ['*.com'] }),
      policy({ name: 'glob', images: ['example.com/**'] }),
      policy({ name: 'other', images: ['example.com/ns/repository'] }),
    );
    expect(names(set, 'example.com/ns/repo:1')).toEqual([
      'glob example.com/**',
      'host example.com',
      'namespace example.com/ns',
      'repository example.com/ns/repo',
      'tag example.com/ns/repo:1',
      'wildcard *.com',
    ]);
    expect(names(set, 'else.com/x')).toEqual(['wildcard *.com']);
    expect(names(set, 'else.example/x')).toEqual([]);
  });

  it('one with several that do is asked once, with the most specific scope or else a glob', () => {
    const images = ['**', 'example.com', 'example.com/a', '*.com', 'example.com/*'];
    expect(names(setOf(policy({ images })), `example.com/a:1@${DIGEST}`)).toEqual(['policy example.com/a']);
    expect(names(setOf(policy({ images: ['**', 'ghcr.io/*'] })), 'ghcr.io/a')).toEqual(['policy **']);
  });

  it('an ImagePolicy holds in its namespace alone, and in each where the asker’s is not known [M7, peers 56]', () => {
    const set = setOf(
      policy({ name: 'cluster' }),
      policy({ name: 'same', namespace: 'team-a' }),
      policy({ name: 'same', namespace: 'team-b', images: ['**'] }),
    );
    expect(names(set, 'example.com/x', 'team-a')).toEqual(['cluster example.com', 'same example.com']);
    expect(names(set, 'example.com/x', 'team-b')).toEqual(['cluster example.com', 'same **']);
    expect(names(set, 'example.com/x', 'team-c')).toEqual(['cluster example.com']);
    expect(names(set, 'example.com/x', null)).toEqual(['cluster example.com', 'same **', 'same example.com']);
  });

  it('a pinned tag is looked up in both forms, so that pinning sheds nothing [M7]', () => {
    const set = setOf(
      policy({ name: 'tag', images: ['example.com/x:1'] }),
      policy({ name: 'digest', images: [`example.com/x@${DIGEST}`] }),
      policy({ name: 'tags', images: ['example.com/x:*'] }),
      policy({ name: 'digests', images: ['example.com/x@sha256:*'] }),
    );
    expect(names(set, `example.com/x:1@${DIGEST}`)).toEqual([
      `digest example.com/x@${DIGEST}`,
      'digests example.com/x@sha256:*',
      'tag example.com/x:1',
      'tags example.com/x:*',
    ]);
  });

  it('an object is none of their business', () => {
    const object = {
      kind: 'object',
      group: '',
      version: 'v1',
      objectKind: 'X',
      namespace: 'a',
      name: 'b',
      uid: 'c',
      body: {},
    } as const;
    expect(setOf(policy({ images: ['**'] }), policy({ require: {}, images: [] })).select(object, asker('a'))).toEqual(
      [],
    );
  });
});

describe('broken policies keep their reach [M8]', () => {
  it('the images that could be told, and no others', () => {
    const set = setOf(policy({ name: 'broken', images: ['example.com/x', 'ghcr.io/**', 'busybox', 7], require: {} }));
    expect(names(set, 'example.com/x:1')).toEqual(['broken example.com/x']);
    expect(names(set, 'ghcr.io/a/b')).toEqual(['broken ghcr.io/**']);
    expect(names(set, 'busybox')).toEqual([]);
    expect(set.select(asked('example.com/x:1'), asker('team-a'))[0]?.state).toMatchObject({
      kind: 'broken',
      failure: {
        code: 'POLICY_BROKEN',
        message: expect.stringContaining(
          'ClusterImagePolicy "broken" is broken: spec.images[2]: "busybox" names no registry',
        ),
      },
    });
  });

  it('and those that it had when it was last valid', () => {
    const lastScopes = ['example.com', 'ghcr.io/**'];
    const set = setOf(policy({ name: 'broken', images: ['other.example'], require: {} }, { lastScopes }));
    expect(names(set, 'example.com/x')).toEqual(['broken example.com']);
    expect(names(set, 'ghcr.io/a')).toEqual(['broken ghcr.io/**']);
    expect(names(set, 'other.example/a')).toEqual(['broken other.example']);
    expect(names(set, 'else.example/a')).toEqual([]);
  });

  it.each([[[]], ['example.com'], [undefined], [['busybox']], [{}]])(
    'everything, where its images %j cannot be told, beside what else applies',
    (images) => {
      const set = setOf(policy({ name: 'broken', spec: { images } }), policy({ name: 'sound', images: ['a.example'] }));
      expect(names(set, 'a.example/x')).toEqual(['broken *', 'sound a.example']);
      expect(names(set, 'b.example/x')).toEqual(['broken *']);
    },
  );

  it('everything of its namespace, where it is an ImagePolicy', () => {
    const set = setOf(policy({ name: 'broken', namespace: 'team-a', images: [] }));
    expect(names(set, 'a.example/x', 'team-a')).toEqual(['broken *']);
    expect(names(set, 'a.example/x', 'team-b')).toEqual([]);
    expect(names(set, 'a.example/x', null)).toEqual(['broken *']);
  });

  it('and so does a file that nobody could read', () => {
    const unreadable = unreadablePolicy('/p/a.yaml', 'a.yaml', 'it is no YAML', undefined);
    expect(names(setOf(unreadable), 'a.example/x')).toEqual(['a.yaml *']);
    const narrow = ownSet([narrowed(unreadable, { namespaces: new Set(['team-b']), scopes: new Set(['a.example']) })]);
    expect(names(narrow, 'a.example/x', 'team-a')).toEqual([]);
    expect(names(narrow, 'a.example/x', 'team-b')).toEqual(['a.yaml *']);
    expect(names(narrow, 'b.example/x', 'team-b')).toEqual([]);
    expect(names(narrow, 'a.example/x', null)).toEqual(['a.yaml *']);
  });
});

describe('entries that narrow', () => {
  it('keep a policy to their namespaces and scopes, globs too', () => {
    const compiled = policy({ images: ['example.com/*/x', 'example.com'] });
    const set = ownSet([narrowed(compiled, { namespaces: new Set(['team-a']), scopes: new Set(['example.com/a']) })]);
    expect(names(set, 'example.com/a/x')).toEqual(['policy example.com']);
    expect(names(set, 'example.com/b/x')).toEqual([]);
    expect(names(set, 'example.com/a/x', 'team-b')).toEqual([]);
    expect(names(set, 'example.com/a/x', null)).toEqual(['policy example.com']);
  });

  it('to one tag are not shed by pinning it', () => {
    const set = ownSet([narrowed(policy({ images: ['**'] }), { scopes: new Set(['example.com/a:1']) })]);
    expect(names(set, `example.com/a:1@${DIGEST}`)).toEqual(['policy **']);
    expect(names(set, `example.com/a:2@${DIGEST}`)).toEqual([]);
  });
});

const item = fc.constantFrom(
  'docker.io',
  'docker.io/library/busybox',
  'docker.io/library/busybox:latest',
  'index.docker.io/library',
  '*.io',
  'a.example.io/x',
  'a.example.io/x:latest',
  `a.example.io/x@${DIGEST}`,
  '**',
  '**:latest',
  '*.docker.io/**',
  'docker.io/library/*',
  'a.example.io/*',
  '*/*',
  '**@sha256:4f*',
  'A.Example.io/**',
);
const items = fc.uniqueArray(item, { minLength: 1, maxLength: 4 });
const images = [
  'busybox',
  'a.example.io/x',
  `a.example.io/x:latest@${DIGEST}`,
  `a.example.io/x@${DIGEST}`,
  'a.example.io/x/y',
  'b.example.io/y:1',
];

describe('properties', () => {
  it('an image has the policies whose items name it, one by one, and no others', () => {
    fc.assert(
      fc.property(fc.array(items, { maxLength: 6 }), fc.constantFrom(...images), (policies, image) => {
        const { reference } = asked(image);
        const scopes = scopeChains(reference).flat();
        const isNamed = (one: string): boolean =>
          scopes.includes(canonicalScope(one)) ||
          (one !== '*.io' && one.includes('*') && matchesGlob(readGlob(one), reference));
        const expected = policies.flatMap((of, i) => (of.some(isNamed) ? [`p${i}`] : []));
        const found = names(setOf(...policies.map((of, i) => policy({ name: `p${i}`, images: of }))), image);
        expect(found.map((one) => one.split(' ')[0])).toEqual(expected);
      }),
    );
  });

  it('all spellings of one image select the same policies [peers 31]', () => {
    const spellings = [
      'busybox',
      'busybox:latest',
      'docker.io/busybox',
      'docker.io/library/busybox:latest',
      'index.docker.io/busybox',
      'index.docker.io/library/busybox',
      'Docker.IO/library/busybox',
    ];
    fc.assert(
      fc.property(fc.array(items, { maxLength: 5 }), fc.array(items, { maxLength: 5 }), (clusters, tenants) => {
        const set = setOf(
          ...clusters.map((of, i) => policy({ name: `c${i}`, images: of })),
          ...tenants.map((of, i) => policy({ name: `t${i}`, namespace: 'team-a', images: of })),
        );
        const [first, ...others] = spellings.map((spelling) => names(set, spelling));
        for (const other of others) expect(other).toEqual(first);
      }),
    );
  });

  it('an ImagePolicy, whatever is in it, takes no cluster policy away [tenant monotone, MODEL §3.5]', () => {
    const tenant = fc.record({
      images: fc.oneof(items, fc.constant(['*']), fc.constant('no list')),
      namespace: fc.constantFrom('team-a', 'team-b', ''),
      require: fc.constantFrom<object>({ accept: { reason: 'mine' } }, {}, { reject: { message: 'no' } }),
      spec: fc.constantFrom<{ mode?: string }>({}, { mode: 'audit' }, { mode: 'x' }),
    });
    fc.assert(
      fc.property(
        fc.array(items, { maxLength: 4 }),
        fc.array(tenant, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...images),
        fc.constantFrom('team-a', null),
        (clusters, tenants, image, namespace) => {
          const cluster = clusters.map((of, i) => policy({ name: `c${i}`, images: of }));
          const select = (...more: readonly ReturnType<typeof policy>[]) =>
            setOf(...cluster, ...more).select(asked(image), asker(namespace));
          const before = select();
          const after = select(...tenants.map((how, i) => policy({ name: `t${i}`, ...how })));
          expect(after.filter(({ policy: { origin } }) => origin.name.startsWith('c'))).toEqual(before);
        },
      ),
    );
  });
});

describe('the cost of a look-up', () => {
  const counted = (policies: readonly ReturnType<typeof policy>[]) => {
    const asks = { count: 0 };
    const members = policies.map((compiled) => ({
      compiled,
      get narrowing() {
        asks.count++;
        return narrowed(compiled, {}).narrowing;
      },
    }));
    return { asks, set: ownSet(members) };
  };

  it('does not grow with the number of exact items', () => {
    const { asks, set } = counted(
      Array.from({ length: 1000 }, (_, i) => policy({ name: `p${i}`, images: [`r${i}.example/ns`] })),
    );
    expect(names(set, 'r500.example/ns/x:1')).toEqual(['p500 r500.example/ns']);
    expect(asks.count).toBeLessThan(5);
  });

  it('does not grow with other namespaces’ globs and broken policies', () => {
    const { asks, set } = counted(
      Array.from({ length: 1000 }, (_, i) =>
        policy({ name: `p${i}`, namespace: `team-${i}`, images: i % 2 === 0 ? ['**'] : [] }),
      ),
    );
    expect(names(set, 'a.example/x', 'team-500')).toEqual(['p500 **']);
    expect(names(set, 'a.example/x', 'team-501')).toEqual(['p501 *']);
    expect(asks.count).toBeLessThan(10);
  });
});
