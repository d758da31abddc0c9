import { describe, expect, it } from 'vitest';
import type { RegistryRule } from '../../src/config/registry-rules.ts';
import { parseRepository, type Repository, repositoryName } from '../../src/image/reference.ts';
import { createRoutes } from '../../src/registry/rules.ts';
import { mirror, rule } from '../fixtures/registry/rules.ts';

function named(name: string): Repository {
  const repository = parseRepository(name);
  if (!repository.ok) throw new Error(repository.failure.message);
  return repository.value;
}

/** Names of the places of a repository, or the code of what keeps it from having any. */
function placesOf(name: string, ...rules: readonly RegistryRule[]): readonly string[] | string {
  const route = createRoutes(rules)(named(name));
  return route.ok ? route.value.places.map(({ location }) => repositoryName(location)) : route.failure.code;
}

/** A rule with one mirror. */
const via = (prefix: string, ...locations: readonly string[]): RegistryRule =>
  rule(prefix, { mirrors: locations.map((location) => mirror(location)) });

describe('the rule that holds for a repository', () => {
  it('is the one with the longest prefix, alone, wherever it stands in the list', () => {
    const rules = [
      via('example.com', 'host.test/h'),
      via('example.com/ns/app', 'app.test/a/app'),
      via('*.com', 'wild.test/w'),
      via('example.com/ns', 'ns.test/deep'),
    ];
    for (const all of [rules, rules.toReversed()]) {
      expect(placesOf('example.com/ns/app', ...all)).toEqual(['app.test/a/app', 'example.com/ns/app']);
      expect(placesOf('example.com/ns/app/sub', ...all)).toEqual(['app.test/a/app/sub', 'example.com/ns/app/sub']);
      expect(placesOf('example.com/ns/other', ...all)).toEqual(['ns.test/deep/other', 'example.com/ns/other']);
      expect(placesOf('example.com/other', ...all)).toEqual(['host.test/h/other', 'example.com/other']);
      expect(placesOf('other.com/app', ...all)).toEqual(['wild.test/w/app', 'other.com/app']);
      expect(placesOf('other.test/app', ...all)).toEqual(['other.test/app']);
    }
  });

  it('is none that ends within a component', () => {
    expect(placesOf('example.com/foobar', via('example.com/foo', 'm.test'))).toEqual(['example.com/foobar']);
    expect(placesOf('example.com/foo-bar/app', via('example.com/foo', 'm.test'))).toEqual(['example.com/foo-bar/app']);
    expect(placesOf('example.community/app', via('example.com', 'm.test'))).toEqual(['example.community/app']);
    expect(placesOf('notexample.com/app', via('example.com', 'm.test'))).toEqual(['notexample.com/app']);
  });

  it('is none of another port: that is another registry', () => {
    expect(placesOf('example.com:5000/app', via('example.com', 'm.test'))).toEqual(['example.com:5000/app']);
    expect(placesOf('example.com/app', via('example.com:5000', 'm.test'))).toEqual(['example.com/app']);
    expect(placesOf('example.com:5000/app', via('example.com:5000', 'm.test'))).toEqual([
      'm.test/app',
      'example.com:5000/app',
    ]);
  });

  it('may be a wildcard over sub-domains, of which the longest holds and none is the domain itself', () => {
    const rules = [via('*.example.com', 'm.test'), via('*.b.example.com', 'deep.test')];
    expect(placesOf('a.example.com/ns/app', ...rules)).toEqual(['m.test/ns/app', 'a.example.com/ns/app']);
    expect(placesOf('a.b.example.com/app', ...rules)).toEqual(['deep.test/app', 'a.b.example.com/app']);
    expect(placesOf('b.example.com/app', ...rules)).toEqual(['m.test/app', 'b.example.com/app']);
    expect(placesOf('example.com/app', ...rules)).toEqual(['example.com/app']);
    expect(placesOf('a.example.com/app', ...rules, via('a.example.com', 'exact.test'))).toEqual([
      'exact.test/app',
      'a.example.com/app',
    ]);
  });

  it('replaces the name of a host under a wildcard, and keeps its port', () => {
    expect(placesOf('a.example.com:5000/app', via('*.example.com', 'm.test'))).toEqual([
      'm.test:5000/app',
      'a.example.com:5000/app',
    ]);
    // That the same domain stands twice in a name leads nowhere else.
    expect(placesOf('a.example.com.example.com/app', via('*.example.com', 'm.test'))).toEqual([
      'm.test/app',
      'a.example.com.example.com/app',
    ]);
  });

  it('is written with the names of references for Docker Hub, however short the image was written', () => {
    const rules = [via('docker.io', 'm.test/hub'), via('docker.io/library/nginx', 'n.test/nginx')];
    expect(placesOf('busybox', ...rules)).toEqual(['m.test/hub/library/busybox', 'docker.io/library/busybox']);
    expect(placesOf('index.docker.io/ns/app', ...rules)).toEqual(['m.test/hub/ns/app', 'docker.io/ns/app']);
    expect(placesOf('nginx', ...rules)).toEqual(['n.test/nginx', 'docker.io/library/nginx']);
  });

  it('is the first of those with the same prefix', () => {
    expect(placesOf('a.test/x', via('a.test', 'first.test'), via('a.test', 'second.test'))).toEqual([
      'first.test/x',
      'a.test/x',
    ]);
  });
});

describe('the places of a repository', () => {
  it('are the mirrors in order, then the location that stands in the place of the prefix', () => {
    const moved = rule('example.com/a', {
      location: 'internal.test/b/c',
      mirrors: [mirror('one.test'), mirror('two.test:5000/deep')],
    });
    expect(placesOf('example.com/a/x/y', moved)).toEqual([
      'one.test/x/y',
      'two.test:5000/deep/x/y',
      'internal.test/b/c/x/y',
    ]);
    expect(placesOf('example.com/a', rule('example.com/a', { location: 'internal.test/b' }))).toEqual([
      'internal.test/b',
    ]);
  });

  it('say which of them may be asked what', () => {
    const serves = (['digests', 'tags', 'everything'] as const).map((what) => mirror(`${what}.test`, what, true));
    const route = createRoutes([rule('a.test', { mirrors: serves })])(named('a.test/x'));
    expect(route.ok ? route.value.places.map((place) => [place.serves, place.insecure]) : []).toEqual([
      ['digests', true],
      ['tags', true],
      ['everything', true],
      ['everything', false],
    ]);
  });

  it('complete the short names of Docker Hub where a rule leads there', () => {
    expect(placesOf('m.test/busybox', rule('m.test', { location: 'docker.io' }))).toEqual([
      'docker.io/library/busybox',
    ]);
    expect(placesOf('m.test/busybox', rule('m.test', { location: 'index.docker.io/library' }))).toEqual([
      'docker.io/library/busybox',
    ]);
  });

  it('are those of one rule: a mirror is not looked up again, so that two that name each other end', () => {
    const circle = [via('a.test', 'b.test'), via('b.test', 'a.test')];
    expect(placesOf('a.test/x', ...circle)).toEqual(['b.test/x', 'a.test/x']);
    expect(placesOf('b.test/x', ...circle)).toEqual(['a.test/x', 'b.test/x']);
  });

  it.each<[string, string, RegistryRule]>([
    ['a host without a path', 'a.test/ns', rule('a.test/ns', { location: 'b.test' })],
    ['Docker Hub without a path', 'a.test/ns', rule('a.test/ns', { location: 'docker.io' })],
    ['a path in capitals', 'a.test/x', via('a.test', 'b.test/UPPER')],
    ['a path that climbs', 'a.test/x', via('a.test', 'b.test/..')],
    ['a host that is none', 'a.test/x', via('a.test', 'b_/y')],
    ['a port behind a path', 'a.example.com:5000/x', via('*.example.com', 'm.test/ns')],
    ['a name that is too long', `a.test/${'x'.repeat(200)}`, via('a.test', `b.test/${'y'.repeat(100)}`)],
  ])('are none where a rule makes %s of it', (_, name, broken) => {
    expect(placesOf(name, broken)).toBe('REFERENCE_INVALID');
  });
});

describe('a blocked place', () => {
  const routeOf = (name: string, ...rules: readonly RegistryRule[]) => {
    const route = createRoutes(rules)(named(name));
    return route.ok
      ? { places: route.value.places.map(({ location }) => repositoryName(location)), by: route.value.blockedBy }
      : route.failure.code;
  };

  it('is left out, and its mirrors are not', () => {
    expect(routeOf('a.test/x', rule('a.test', { blocked: true, mirrors: [mirror('m.test')] }))).toEqual({
      places: ['m.test/x'],
      by: 'a.test',
    });
    expect(routeOf('a.test/x', rule('a.test', { blocked: true }))).toEqual({ places: [], by: 'a.test' });
    expect(routeOf('b.a.test/x', rule('*.a.test', { blocked: true }))).toEqual({ places: [], by: '*.a.test' });
    expect(routeOf('a.test/x', rule('a.test', { blocked: true, location: 'b.test' }))).toEqual({
      places: [],
      by: 'a.test',
    });
  });

  it('is not blocked for a narrower rule, nor blocks a broader one', () => {
    const rules = [
      rule('a.test', { blocked: true }),
      rule('a.test/free'),
      rule('b.test'),
      rule('b.test/x', { blocked: true }),
    ];
    expect(routeOf('a.test/free/x', ...rules)).toEqual({ places: ['a.test/free/x'], by: undefined });
    expect(routeOf('b.test/y', ...rules)).toEqual({ places: ['b.test/y'], by: undefined });
    expect(routeOf('b.test/x', ...rules)).toEqual({ places: [], by: 'b.test/x' });
  });

  it('is not contacted under another name either: as a mirror, as a location, as its own mirror', () => {
    const blocked = rule('blocked.test', { blocked: true, mirrors: [mirror('blocked.test'), mirror('m.test')] });
    expect(routeOf('blocked.test/x', blocked)).toEqual({ places: ['m.test/x'], by: 'blocked.test' });
    expect(routeOf('a.test/x', blocked, via('a.test', 'blocked.test/y'))).toEqual({
      places: ['a.test/x'],
      by: 'blocked.test',
    });
    expect(routeOf('a.test/x', blocked, rule('a.test', { location: 'blocked.test' }))).toEqual({
      places: [],
      by: 'blocked.test',
    });
  });
});

describe('rules by the thousand', () => {
  it('cost a look-up no more than a few do', () => {
    const many = Array.from({ length: 50_000 }, (_, n) => via(`r${n}.test/ns`, 'm.test'));
    const routes = createRoutes(many);
    const repository = named(`r49999.test/ns/${'x/'.repeat(80)}y`);
    const started = performance.now();
    for (let n = 0; n < 1_000; n++) expect(routes(repository).ok).toBe(true);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
