import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflictConditions } from '../../../src/policy/dialects/openshift/conflicts.ts';
import { openShiftSet } from '../../../src/policy/dialects/openshift/set.ts';
import { asked, asker, names, narrowed, policy, setOf } from './objects.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

describe('which OpenShift policies apply', () => {
  it('two cluster policies on one scope are both required [openshift 87]', () => {
    const set = setOf(policy({ name: 'a' }), policy({ name: 'b' }));
    expect(names(set, 'example.com/x:1')).toEqual(['a example.com', 'b example.com']);
  });

  it('the most specific scope alone decides [peers 26, openshift 34, 38]', () => {
    const set = setOf(
      policy({ name: 'tag', scopes: ['example.com/ns/repo:1'] }),
      policy({ name: 'repository', scopes: ['example.com/ns/repo'] }),
      policy({ name: 'namespace', scopes: ['example.com/ns'] }),
      policy({ name: 'host', scopes: ['example.com'] }),
      policy({ name: 'wildcard', scopes: ['*.com'] }),
    );
    expect(names(set, 'example.com/ns/repo:1')).toEqual(['tag example.com/ns/repo:1']);
    expect(names(set, 'example.com/ns/repo:2')).toEqual(['repository example.com/ns/repo']);
    expect(names(set, 'example.com/ns/other')).toEqual(['namespace example.com/ns']);
    expect(names(set, 'example.com/other')).toEqual(['host example.com']);
    expect(names(set, 'else.com/other')).toEqual(['wildcard *.com']);
  });

  it('an equal scope of a namespace is dropped, its other scopes stay [openshift 88]', () => {
    const set = setOf(
      policy({ name: 'cluster' }),
      policy({ name: 'tenant', namespace: 'team-a', scopes: ['example.com', 'other.example'] }),
    );
    expect(names(set, 'example.com/x:1')).toEqual(['cluster example.com']);
    expect(names(set, 'other.example/x:1')).toEqual(['tenant other.example']);
  });

  it.each([
    ['sub.example.com', '*.example.com', 'sub.example.com/x:1'],
    ['sub.example.com/x:1', '*.example.com', 'sub.example.com/x:1'],
    [`sub.example.com/x@${DIGEST}`, '*.example.com', `sub.example.com/x@${DIGEST}`],
    ['sub.example.com:5000/x', '*.example.com', 'sub.example.com:5000/x:1'],
    ['example.com/repo:1', 'example.com/repo', 'example.com/repo:1'],
    [`example.com/repo@${DIGEST}`, 'example.com/repo', `example.com/repo@${DIGEST}`],
    [`example.com/repo@${DIGEST}`, 'example.com/repo', `example.com/repo:1@${DIGEST}`],
    ['index.docker.io/library/busybox', 'docker.io', 'busybox'],
    ['EXAMPLE.com/repo', 'example.com', 'example.com/repo:1'],
  ])('%s of a namespace is nested in %s, and dropped [openshift 89]', (inner, outer, image) => {
    const set = setOf(
      policy({ name: 'cluster', scopes: [outer] }),
      policy({ name: 'tenant', namespace: 'team-a', scopes: [inner] }),
    );
    expect(names(set, image)).toEqual([`cluster ${outer}`]);
  });

  it('a broader scope of a namespace stays, and yields where the cluster names the image [openshift 90]', () => {
    const set = setOf(
      policy({ name: 'cluster', scopes: ['example.com/prod'] }),
      policy({ name: 'tenant', namespace: 'team-a', scopes: ['example.com'] }),
    );
    expect(names(set, 'example.com/prod/x:1')).toEqual(['cluster example.com/prod']);
    expect(names(set, 'example.com/dev/x:1')).toEqual(['tenant example.com']);
  });

  it('a namespace without policies of its own has the cluster’s alone [openshift 91, peers 56]', () => {
    const set = setOf(
      policy({ name: 'same', scopes: ['example.com/prod'] }),
      policy({ name: 'same', namespace: 'team-a', scopes: ['example.com/dev'] }),
      policy({ name: 'same', namespace: 'team-b', scopes: ['example.com'] }),
    );
    expect(names(set, 'example.com/dev/x:1', 'team-a')).toEqual(['same example.com/dev']);
    expect(names(set, 'example.com/dev/x:1', 'team-b')).toEqual(['same example.com']);
    expect(names(set, 'example.com/dev/x:1', 'team-c')).toEqual([]);
    expect(names(set, 'example.com/prod/x:1', 'team-c')).toEqual(['same example.com/prod']);
  });

  it('says nothing of an image that no scope names [openshift 92]', () => {
    expect(names(setOf(policy({})), 'other.example/x:1')).toEqual([]);
    expect(names(setOf(policy({ scopes: [] })), 'example.com/x:1')).toEqual([]);
  });

  it('where the asker’s namespace is not known, each namespace’s policies apply [M7]', () => {
    const set = setOf(
      policy({ name: 'a', namespace: 'team-a', scopes: ['example.com/x'] }),
      policy({ name: 'a-wide', namespace: 'team-a', scopes: ['example.com'] }),
      policy({ name: 'b', namespace: 'team-b', scopes: ['example.com'] }),
    );
    expect(names(set, 'example.com/x:1', null)).toEqual(['a example.com/x', 'b example.com']);
  });

  it('a pinned tag is looked up in both forms, and everything found must pass [M7]', () => {
    const set = setOf(
      policy({ name: 'tag', scopes: ['example.com/x:1'] }),
      policy({ name: 'digest', scopes: [`example.com/x@${DIGEST}`] }),
      policy({ name: 'repository', scopes: ['example.com/x'] }),
    );
    const image = `example.com/x:1@${DIGEST}`;
    expect(names(set, image)).toEqual([`digest example.com/x@${DIGEST}`, 'tag example.com/x:1']);
    expect(names(set, `example.com/x:2@${DIGEST}`)).toEqual([
      `digest example.com/x@${DIGEST}`,
      'repository example.com/x',
    ]);
  });

  it('a policy that is found in both forms is asked once', () => {
    expect(names(setOf(policy({ name: 'a' })), `example.com/x:1@${DIGEST}`)).toEqual(['a example.com']);
  });
});

describe('broken policies keep their place [M8]', () => {
  it('a broken cluster policy still drops nested scopes of a namespace', () => {
    const set = setOf(
      policy({ name: 'broken', keyData: 'AAAA' }),
      policy({ name: 'tenant', namespace: 'team-a', scopes: ['example.com/x'] }),
    );
    expect(names(set, 'example.com/x:1')).toEqual(['broken example.com']);
    expect(set.select(asked('example.com/x:1'), asker('team-a'))[0]?.state).toMatchObject({
      kind: 'broken',
      failure: { code: 'POLICY_BROKEN', message: expect.stringContaining('spec.policy.rootOfTrust.publicKey.keyData') },
    });
  });

  it('it reaches the scopes that could be told, and no others', () => {
    const set = setOf(policy({ name: 'broken', scopes: ['example.com/x', 'busybox', 7] }));
    expect(names(set, 'example.com/x:1')).toEqual(['broken example.com/x']);
    expect(names(set, 'other.example/x:1')).toEqual([]);
  });

  it('one whose scopes cannot be told refuses everything, beside what else applies', () => {
    const set = setOf(
      policy({ name: 'broken', scopes: 'example.com' }),
      policy({ name: 'sound', scopes: ['a.example'] }),
    );
    expect(names(set, 'a.example/x:1')).toEqual(['broken *', 'sound a.example']);
    expect(names(set, 'b.example/x:1')).toEqual(['broken *']);
  });

  it('a namespace’s refuses everything of that namespace alone', () => {
    const set = setOf(policy({ name: 'broken', namespace: 'team-a', scopes: ['*'] }));
    expect(names(set, 'a.example/x:1', 'team-a')).toEqual(['broken *']);
    expect(names(set, 'a.example/x:1', 'team-b')).toEqual([]);
    expect(names(set, 'a.example/x:1', null)).toEqual(['broken *']);
  });

  it('the scopes it had when it was last valid are refused too', () => {
    const set = setOf(policy({ name: 'broken', scopes: ['*'] }, { lastScopes: ['example.com'] }));
    expect(names(set, 'example.com/x:1')).toEqual(['broken example.com']);
    expect(names(set, 'other.example/x:1')).toEqual([]);
  });
});

describe('entries that narrow', () => {
  it('keep a policy’s place, so that narrowing one loosens no other', () => {
    const set = openShiftSet([
      narrowed(policy({ name: 'narrow' }), { scopes: new Set(['example.com/a']) }),
      narrowed(policy({ name: 'wide' }), {}),
    ]);
    expect(names(set, 'example.com/a/x:1')).toEqual(['narrow example.com', 'wide example.com']);
    expect(names(set, 'example.com/b/x:1')).toEqual(['wide example.com']);
  });

  it('let a cluster policy override a namespace’s only where it applies', () => {
    const set = openShiftSet([
      narrowed(policy({ name: 'cluster' }), { namespaces: new Set(['team-a']) }),
      narrowed(policy({ name: 'a', namespace: 'team-a', scopes: ['example.com/x'] }), {}),
      narrowed(policy({ name: 'b', namespace: 'team-b', scopes: ['example.com/x'] }), {}),
    ]);
    expect(names(set, 'example.com/x:1', 'team-a')).toEqual(['cluster example.com']);
    expect(names(set, 'example.com/x:1', 'team-b')).toEqual(['b example.com/x']);
    expect(names(set, 'example.com/x:1', null)).toEqual(['cluster example.com']);
  });
});

describe('conflict conditions', () => {
  it('say word for word what machine-config-operator says [openshift 88]', () => {
    const tenant = policy({
      name: 'tenant',
      namespace: 'team-a',
      scopes: ['example.com', 'other.example', 'example.com/x:1'],
    });
    expect(conflictConditions([policy({}), tenant])).toEqual([
      {
        origin: tenant.policy.origin,
        scopes: ['example.com', 'example.com/x:1'],
        condition: {
          type: 'Pending',
          status: 'False',
          reason: 'ConflictScopes',
          message:
            'has conflicting scope(s) ["example.com" "example.com/x:1"] that equal to or nest inside existing clusterimagepolicy, only policy from clusterimagepolicy scope(s) will be applied',
          observedGeneration: 3,
        },
      },
    ]);
  });

  it('are silent where nothing is dropped [openshift 90]', () => {
    const wide = policy({ namespace: 'team-a', scopes: ['*.com', 'example.com:443'] });
    expect(conflictConditions([policy({}), wide])).toEqual([]);
  });

  it('count broken cluster policies', () => {
    const tenant = policy({ namespace: 'team-a', scopes: ['example.com/x'] });
    expect(conflictConditions([policy({ keyData: 'AAAA' }), tenant])).toHaveLength(1);
  });
});

const scope = fc.constantFrom(
  'docker.io',
  'docker.io/library',
  'docker.io/library/busybox',
  'docker.io/library/busybox:latest',
  'index.docker.io/library',
  '*.io',
  '*.example.io',
  'a.example.io',
  'a.example.io/x',
  'a.example.io/x:latest',
  `a.example.io/x@${DIGEST}`,
);
const scopes = fc.uniqueArray(scope, { minLength: 1, maxLength: 4 });
const images = [
  'busybox',
  'a.example.io/x',
  `a.example.io/x:latest@${DIGEST}`,
  `a.example.io/x@${DIGEST}`,
  'b.example.io/y:1',
];

describe('properties', () => {
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
      fc.property(fc.array(scopes, { maxLength: 5 }), fc.array(scopes, { maxLength: 5 }), (clusters, tenants) => {
        const set = setOf(
          ...clusters.map((scopes, i) => policy({ name: `c${i}`, scopes })),
          ...tenants.map((scopes, i) => policy({ name: `t${i}`, namespace: 'team-a', scopes })),
        );
        const [first, ...others] = spellings.map((spelling) => names(set, spelling));
        for (const other of others) expect(other).toEqual(first);
      }),
    );
  });

  it('nothing that a tenant writes takes a cluster policy away [tenant monotone, MODEL §3.5]', () => {
    const tenant = fc.record({
      scopes: fc.oneof(scopes, fc.constant(['*']), fc.constant('no list')),
      namespace: fc.constantFrom('team-a', 'team-b'),
      keyData: fc.constantFrom(undefined, 'AAAA'),
    });
    fc.assert(
      fc.property(
        fc.array(scopes, { maxLength: 4 }),
        fc.array(tenant, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...images),
        fc.constantFrom('team-a', null),
        (clusters, tenants, image, namespace) => {
          const cluster = clusters.map((scopes, i) => policy({ name: `c${i}`, scopes }));
          const before = names(setOf(...cluster), image, namespace);
          const after = names(
            setOf(...cluster, ...tenants.map((how, i) => policy({ name: `t${i}`, ...how }))),
            image,
            namespace,
          );
          expect(after).toEqual(expect.arrayContaining([...before]));
        },
      ),
    );
  });

  it('a scope that a condition calls dropped never decides, and one that it does not can', () => {
    fc.assert(
      fc.property(scopes, scopes, fc.constantFrom(...images), (clusterScopes, tenantScopes, image) => {
        const cluster = policy({ name: 'c', scopes: clusterScopes });
        const tenant = policy({ name: 't', namespace: 'team-a', scopes: tenantScopes });
        const dropped = conflictConditions([cluster, tenant]).flatMap((conflict) => conflict.scopes);
        for (const name of names(setOf(cluster, tenant), image)) {
          if (name.startsWith('t ')) expect(dropped).not.toContain(name.slice(2));
        }
        const alone = names(setOf(tenant), image);
        if (names(setOf(cluster), image).length === 0) expect(names(setOf(cluster, tenant), image)).toEqual(alone);
      }),
    );
  });
});

it('a thousand policies cost a look-up no scan', () => {
  let asks = 0;
  const policies = Array.from({ length: 1000 }, (_, i) => policy({ name: `p${i}`, scopes: [`r${i}.example/ns`] }));
  const members = policies.map((compiled) => narrowed(compiled, {}));
  const counted = members.map((member) => ({
    ...member,
    get narrowing() {
      asks++;
      return member.narrowing;
    },
  }));
  const set = openShiftSet(counted);
  asks = 0;
  expect(names(set, 'r500.example/ns/x:1')).toEqual(['p500 r500.example/ns']);
  expect(asks).toBeLessThan(10);
});
