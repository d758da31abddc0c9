import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveTag, parseReference, repositoryName } from '../../../src/image/reference.ts';
import { breakPolicy, type Narrowing } from '../../../src/policy/compiled.ts';
import { neverMatches } from '../../../src/policy/dialects/containers/docker-scope.ts';
import { containersSet } from '../../../src/policy/dialects/containers/set.ts';
import type { PolicySet } from '../../../src/policy/policy.ts';
import { scopeChains } from '../../../src/policy/scope.ts';
import { asked, asker, names } from '../openshift/objects.ts';
import { ACCEPT, compiled, members, REJECT, withScopes } from './documents.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

/** A document whose scopes all accept, and whose default rejects. */
function withAll(...scopes: readonly string[]): string {
  return withScopes(Object.fromEntries(scopes.map((scope) => [scope, [ACCEPT]])));
}

function setOf(text: string, narrowing: Partial<Narrowing> = {}): PolicySet {
  return containersSet({ everywhere: [members(compiled(text), narrowing)], byNamespace: new Map() });
}

/** The scope that decides; `default` where none does. */
function decides(text: string, image: string): readonly string[] {
  return setOf(text)
    .select(asked(image), asker('team-a'))
    .map(({ scope }) => scope);
}

describe('which scope decides', () => {
  it('the most specific one, down to default [openshift-containers 34]', () => {
    const scopes = ['example.com/ns/repo:1', 'example.com/ns/repo', 'example.com/ns', 'example.com', '*.com', ''];
    const told = [
      'example.com/ns/repo:1',
      'example.com/ns/repo',
      'example.com/ns',
      'example.com',
      '*.com',
      'docker',
      'default',
    ];
    for (let i = 0; i <= scopes.length; i++) {
      expect(decides(withAll(...scopes.slice(i).toReversed()), 'example.com/ns/repo:1')).toEqual([told[i]]);
    }
    expect(decides(withAll(`example.com/x@${DIGEST}`, 'example.com/x'), `example.com/x@${DIGEST}`)).toEqual([
      `example.com/x@${DIGEST}`,
    ]);
  });

  it('a registry with a port is no registry without one [openshift-containers 35]', () => {
    expect(decides(withAll('example.com'), 'example.com:8443/ns/x:1')).toEqual(['default']);
    expect(decides(withAll('example.com', '*.com'), 'example.com:8443/ns/x:1')).toEqual(['*.com']);
    expect(decides(withAll('example.com:8443'), 'example.com:8443/ns/x:1')).toEqual(['example.com:8443']);
  });

  it('wildcards follow the host, nearest first, and are for what is below it [openshift-containers 36]', () => {
    const order = ['x.y.example.com', '*.y.example.com', '*.example.com', '*.com'];
    for (let i = 0; i < order.length; i++) {
      expect(decides(withAll(...order.slice(i).toReversed()), 'x.y.example.com/r:1')).toEqual([order[i]]);
    }
    expect(decides(withAll('*.example.com'), 'example.com/r:1')).toEqual(['default']);
    expect(decides(withAll('*.0.0.1'), '127.0.0.1:5057/r:1')).toEqual(['*.0.0.1']);
  });

  it('a short name is one of Docker Hub [openshift-containers 37]', () => {
    expect(decides(withAll('busybox', 'docker.io/library/busybox'), 'busybox')).toEqual(['docker.io/library/busybox']);
    expect(decides(withAll('busybox'), 'busybox')).toEqual(['default']);
    expect(decides(withAll('docker.io/library/busybox:latest'), 'busybox')).toEqual([
      'docker.io/library/busybox:latest',
    ]);
    expect(decides(withAll('docker.io/library'), 'index.docker.io/busybox')).toEqual(['docker.io/library']);
  });

  it('one that refuses is not passed over for a more general one [openshift-containers 38]', () => {
    const text = withScopes({ 'example.com/ns': [REJECT], 'example.com': [ACCEPT] }, [ACCEPT]);
    const [selected, ...more] = setOf(text).select(asked('example.com/ns/x:1'), asker('team-a'));
    expect(more).toEqual([]);
    expect(selected).toMatchObject({ scope: 'example.com/ns', state: { require: { kind: 'reject' } } });
  });

  it('what no scope names is for default [openshift-containers 39]', () => {
    const [selected] = setOf(withAll('example.com')).select(asked('other.example/x:1'), asker('team-a'));
    expect(selected).toMatchObject({
      scope: 'default',
      state: { require: { kind: 'reject', says: 'Running image docker://other.example/x:1 is rejected by policy.' } },
    });
  });

  it('a tag and a digest are looked up both, and what either finds is required [MODEL M7]', () => {
    const image = `example.com/x:1@${DIGEST}`;
    expect(decides(withAll('example.com/x:1', 'example.com/x'), image)).toEqual(['example.com/x', 'example.com/x:1']);
    expect(decides(withAll(`example.com/x@${DIGEST}`, 'example.com'), image)).toEqual([
      `example.com/x@${DIGEST}`,
      'example.com',
    ]);
    expect(decides(withAll('example.com/x'), image)).toEqual(['example.com/x']);
    expect(decides(withAll('example.com/x:1'), image)).toEqual(['default', 'example.com/x:1']);
  });

  it('two spellings of one scope are both required [hostile]', () => {
    const scopes = ['docker.io/library/busybox', 'Index.Docker.io/library/busybox'];
    expect(decides(withAll(...scopes), 'busybox')).toEqual(scopes);
  });

  it('a scope that means something to JavaScript is one like any other [hostile]', () => {
    for (const scope of ['__proto__', 'constructor', 'toString']) {
      expect(
        decides(
          `{"default":[{"type":"reject"}],"transports":{"docker":{"${scope}":[{"type":"reject"}]}}}`,
          'a.example/x',
        ),
      ).toEqual(['default']);
    }
  });

  it('a scope of another transport decides on no image of a registry [hostile]', () => {
    const dir = { '': [ACCEPT], '/a': [ACCEPT] };
    const text = JSON.stringify({
      default: [REJECT],
      transports: { dir, oci: dir, atomic: { 'a.example': [ACCEPT] } },
    });
    expect(decides(text, 'a.example/x:1')).toEqual(['default']);
    expect(decides(withAll('dir:/a', 'DIR:/a', 'dir:', 'OCI:'), 'a.example/a:1')).toEqual(['default']);
  });

  it('is what a plain reading of the rules says, for any scopes and any image', () => {
    const part = fc.constantFrom('a', 'b');
    const host = fc.constantFrom('r.example.com', 'example.com', 'r.example.com:5000', 'localhost', 'docker.io');
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const suffix = fc.constantFrom('', ':1', ':2', `@${DIGEST}`);
    const name = fc.tuple(host, path).map((parts) => parts.join('/'));
    const image = fc.tuple(name, suffix).map((parts) => parts.join(''));
    const scope = fc.oneof(image, name, host, fc.constantFrom('', '*.com', '*.example.com', '*.r.example.com'));
    fc.assert(
      fc.property(fc.uniqueArray(scope, { maxLength: 6 }), image, (scopes, written) => {
        expect(decides(withAll(...scopes), written)).toEqual([naive(scopes, written)]);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The longest scope that the image lies in: repositories before wildcards, longer ones first, then `""`, then default. */
function naive(scopes: readonly string[], image: string): string {
  const reference = parseReference(image);
  if (!reference.ok) throw new Error(reference.failure.message);
  const { repository, digest } = reference.value;
  const full = repositoryName(repository);
  const exact = digest === undefined ? `${full}:${effectiveTag(reference.value)}` : `${full}@${digest}`;
  const bare = repository.host.replace(/:[0-9]+$/, '');
  const byLength = (a: string, b: string): number => b.length - a.length;
  const plain = scopes
    .filter((scope) => scope !== '' && (scope === exact || scope === full || full.startsWith(`${scope}/`)))
    .toSorted(byLength);
  const wild = scopes.filter((scope) => scope.startsWith('*.') && bare.endsWith(scope.slice(1))).toSorted(byLength);
  return [...plain, ...wild, ...(scopes.includes('') ? ['docker'] : []), 'default'][0] ?? '';
}

it('no scope that an image is looked up by is said to match none', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
  const host = fc
    .tuple(fc.array(label, { minLength: 2, maxLength: 3 }), fc.constantFrom('', ':5000'))
    .map(([labels, port]) => labels.join('.') + port);
  const image = fc.tuple(
    host,
    fc.array(label, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', ':1', `@${DIGEST}`),
  );
  fc.assert(
    fc.property(image, ([registry, path, suffix]) => {
      const { reference } = asked(`${registry}/${path.join('/')}${suffix}`);
      for (const scope of scopeChains(reference).flat())
        expect([scope, neverMatches(scope)]).toEqual([scope, undefined]);
    }),
  );
});

describe('an image in a folder', () => {
  const text = JSON.stringify({
    default: [REJECT],
    transports: {
      dir: { '/a/b': [ACCEPT], '/a': [REJECT] },
      oci: { '': [ACCEPT], '/a/b': [REJECT] },
      docker: { '': [ACCEPT], '/a': [ACCEPT], 'dir:/c': [ACCEPT], 'DIR:/c': [ACCEPT] },
    },
  });
  const scopes = (transport: 'dir' | 'oci', path: string) => {
    const layout = transport === 'dir' ? { transport, path } : { transport, path, image: { kind: 'only' as const } };
    return setOf(text)
      .select({ kind: 'layout', written: `${transport}:${path}`, layout }, asker('team-a'))
      .map(({ scope }) => scope);
  };

  it.each([
    ['dir', '/a/b', 'dir:/a/b'],
    ['dir', '/a/b/c', 'dir:/a/b'],
    ['dir', '/a/bc', 'dir:/a'],
    ['dir', '/a', 'dir:/a'],
    ['dir', '/c', 'default'],
    ['dir', '/', 'default'],
    ['oci', '/a/b/c', 'oci:/a/b'],
    ['oci', '/a', 'oci'],
    ['oci', '/', 'oci'],
  ] as const)('%s:%s is decided by %s, and never by a scope of another transport', (transport, path, scope) => {
    expect(scopes(transport, path)).toEqual([scope]);
  });
});

describe('documents', () => {
  const general = withAll('example.com');
  const own = withAll('team.example');
  const documents = {
    everywhere: [members(compiled(general))],
    byNamespace: new Map([
      ['team-a', [members(compiled(own, { file: 'team-a.json', namespace: 'team-a' }))]],
      ['team-b', [members(compiled(withScopes({}, [ACCEPT]), { file: 'team-b.json', namespace: 'team-b' }))]],
    ]),
  };
  const set = containersSet(documents);
  const selected = (image: string, namespace: string | null) =>
    set.select(asked(image), asker(namespace)).map(({ policy, scope }) => `${policy.origin.kind} ${scope}`);

  it('of a namespace take the place of the general one, there alone', () => {
    expect(selected('example.com/x', 'team-a')).toEqual(['team-a.json default']);
    expect(selected('team.example/x', 'team-a')).toEqual(['team-a.json team.example']);
    expect(selected('example.com/x', 'team-b')).toEqual(['team-b.json default']);
    expect(selected('example.com/x', 'team-c')).toEqual(['policy.json example.com']);
    expect(selected('team.example/x', '')).toEqual(['policy.json default']);
  });

  it('are all asked where the namespace is not known, so that none is shed [MODEL M7]', () => {
    expect(selected('example.com/x', null)).toEqual([
      'policy.json example.com',
      'team-a.json default',
      'team-b.json default',
    ]);
  });

  it('that are several are asked independently, and all that they answer is required', () => {
    const two = containersSet({
      everywhere: [members(compiled(withAll('example.com/x'))), members(compiled(withAll('*.com')))],
      byNamespace: new Map(),
    });
    expect(names(two, 'example.com/x:1')).toEqual(['*.com *.com', 'example.com/x example.com/x']);
    expect(names(two, 'example.com/y:1')).toEqual(['*.com *.com', 'default default']);
  });

  it('that are broken refuse all that they decided on, each scope where it stood [MODEL M8]', () => {
    const broken = compiled(general).map((policy) => breakPolicy(policy, 'a slip of the pen'));
    const set = containersSet({ everywhere: [members(broken)], byNamespace: documents.byNamespace });
    for (const image of ['example.com/x', 'other.example/x']) {
      expect(set.select(asked(image), asker('team-c'))).toMatchObject([
        { state: { kind: 'broken', failure: { code: 'POLICY_BROKEN' } } },
      ]);
    }
    expect(set.select(asked('example.com/x'), asker('team-b'))).toMatchObject([{ state: { kind: 'ready' } }]);
  });

  it('of a namespace that are broken do not fall back to the general one', () => {
    const broken = compiled(own, { file: 'team-a.json', namespace: 'team-a' }).map((policy) =>
      breakPolicy(policy, 'no'),
    );
    const set = containersSet({
      everywhere: documents.everywhere,
      byNamespace: new Map([['team-a', [members(broken)]]]),
    });
    expect(set.select(asked('example.com/x'), asker('team-a'))).toMatchObject([
      { scope: 'default', state: { kind: 'broken' } },
    ]);
  });

  it('apply only where their entry lets them; a namespace that is not known counts as one of its own', () => {
    const narrowed = setOf(general, { namespaces: new Set(['team-a']), scopes: new Set(['example.com/prod']) });
    expect(names(narrowed, 'example.com/prod/x:1', 'team-a')).toEqual(['example.com example.com']);
    expect(names(narrowed, 'example.com/prod/x:1', 'team-b')).toEqual([]);
    expect(names(narrowed, 'example.com/dev/x:1', 'team-a')).toEqual([]);
    expect(names(narrowed, 'other.example/x:1', 'team-a')).toEqual([]);
    expect(names(narrowed, 'example.com/prod/x:1', null)).toEqual(['example.com example.com']);
  });

  it('say which policies there are, those of namespaces too', () => {
    expect(set.policies.map(({ origin }) => `${origin.kind} ${origin.name}`)).toEqual([
      'policy.json example.com',
      'policy.json default',
      'team-a.json team.example',
      'team-a.json default',
      'team-b.json default',
    ]);
  });

  it('answer nothing for an object that is no image', () => {
    const object = {
      kind: 'object',
      group: '',
      version: 'v1',
      objectKind: 'ConfigMap',
      namespace: 'a',
      name: 'a',
      uid: '1',
      body: {},
    } as const;
    expect(set.select(object, asker('team-a'))).toEqual([]);
  });

  it('are looked up by the chain and not by the number of scopes', () => {
    const many = setOf(withAll(...Array.from({ length: 9000 }, (_, i) => `example.com/ns${i}`)));
    const image = asked('example.com/a/b/c/d:1');
    const begin = performance.now();
    for (let i = 0; i < 2000; i++) many.select(image, asker('team-a'));
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe('what is rejected names the image', () => {
  const says = (text: string, image: string): unknown => {
    const [selected] = setOf(text).select(asked(image), asker('team-a'));
    return selected?.state.kind === 'ready' ? selected.state.require : selected;
  };

  it('in full, alone and beside other requirements', () => {
    const message = 'Running image docker://docker.io/library/busybox:latest is rejected by policy.';
    expect(says(withScopes({}), 'busybox')).toEqual({ kind: 'reject', says: message });
    expect(says(withScopes({}, [ACCEPT, REJECT]), 'busybox')).toEqual({
      kind: 'allOf',
      of: [{ kind: 'accept' }, { kind: 'reject', says: message }],
    });
    expect(says(withScopes({}), `a.example/x@${DIGEST}`)).toMatchObject({
      says: `Running image docker://a.example/x@${DIGEST} is rejected by policy.`,
    });
  });

  it('and what is not implemented keeps its own words', () => {
    const written = { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } };
    expect(says(withScopes({}, [written]), 'busybox')).toEqual({
      kind: 'reject',
      says: 'signedBaseLayer not implemented yet!',
    });
  });
});
