import { describe, expect, it, vi } from 'vitest';
import { NOON, usage } from '../../fixtures/certificates.ts';
import {
  certify,
  certifyAuthority,
  DAY,
  HOUR,
  type ListOptions,
  lists,
  type Party,
  responders,
  writeAnswer,
  writeList,
} from '../../fixtures/revocation.ts';
import { said, setUp } from './fixture.ts';

const world = setUp();
const { root } = world;

/** A clock that tests move. */
function movable(): { readonly clock: () => number; readonly advance: (ms: number) => void } {
  let now = NOON;
  return {
    clock: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

const SOURCES = ['ocsp', 'crl'] as const;

/** A leaf with one source, and what makes the source say something of it. */
function sourced(source: (typeof SOURCES)[number]): {
  readonly leaf: Party;
  readonly says: (status: 'good' | 'revoked', times?: { thisUpdate?: number; nextUpdate?: number }) => void;
} {
  const url = world.server.url(source);
  const leaf = world.leaf(source === 'ocsp' ? responders(url) : lists(url));
  return {
    leaf,
    says: (status, times = {}) => {
      const answer =
        source === 'ocsp'
          ? writeAnswer(root, leaf.certificate, root.certificate, { status, ...times })
          : writeList(root, { revoked: status === 'revoked' ? [{ of: leaf }] : [], ...times });
      world.server.answers.set(source, answer);
    },
  };
}

describe.each(SOURCES)('what was said by %s', (source) => {
  it('is not asked for again while it holds', async () => {
    const { leaf, says } = sourced(source);
    says('good');
    const revocation = world.start();
    for (let i = 0; i < 5; i++) expect(await said(revocation, [leaf, root])).toBe('good');
    expect(world.server.requests).toHaveLength(1);
  });

  it('is asked for once by all who ask at the same time, and told to the one who began', async () => {
    const { leaf, says } = sourced(source);
    says('good');
    const revocation = world.start();
    const told: string[] = [];
    const statuses = await Promise.all(
      Array.from({ length: 50 }, () =>
        revocation.check([leaf.certificate, root.certificate], undefined, AbortSignal.timeout(5_000), ({ purpose }) =>
          told.push(purpose),
        ),
      ),
    );
    expect(statuses.every(({ kind }) => kind === 'good')).toBe(true);
    expect(world.server.requests).toHaveLength(1);
    expect(told).toEqual([source]);
  });

  it('counts no longer than it says', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    says('good', { nextUpdate: NOON + HOUR });
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toBe('good');
    world.server.answers.clear();
    advance(HOUR);
    expect(await said(revocation, [leaf, root]), 'at its last moment').toBe('good');
    advance(10_000);
    expect(await said(revocation, [leaf, root])).toMatch(/^unknown: /);
  });

  it('is refreshed in the background, and a new revocation counts from the next question on', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    says('good');
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toBe('good');
    says('revoked', { thisUpdate: NOON + HOUR });
    advance(HOUR - 1);
    expect(await said(revocation, [leaf, root])).toBe('good');
    expect(world.server.requests).toHaveLength(1);
    advance(1);
    const told: string[] = [];
    const onRequest = () => told.push('asked');
    const chain = [leaf.certificate, root.certificate];
    expect((await revocation.check(chain, undefined, AbortSignal.timeout(5_000), onRequest)).kind).toBe('good');
    await vi.waitFor(async () => expect(await said(revocation, [leaf, root])).toMatch(/^revoked: /));
    expect(world.server.requests).toHaveLength(2);
    expect(told, 'nobody waited for it').toEqual([]);
  });

  it('is refreshed after half of its life, where that is short', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    says('good', { nextUpdate: NOON + 600_000 });
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toBe('good');
    says('good', { nextUpdate: NOON + DAY });
    advance(300_000);
    expect(await said(revocation, [leaf, root])).toBe('good');
    await vi.waitFor(() => expect(world.server.requests).toHaveLength(2));
    await vi.waitFor(async () => {
      advance(DAY / 4);
      expect(await said(revocation, [leaf, root])).toBe('good');
    });
  });

  it('is not given up for an older answer that still holds, which somebody plays back', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    says('revoked');
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toMatch(/^revoked: /);
    says('good', { thisUpdate: NOON - 2 * HOUR });
    advance(HOUR);
    for (let i = 0; i < 3; i++) {
      expect(await said(revocation, [leaf, root])).toMatch(/^revoked: /);
      const asked = world.server.requests.length;
      advance(5_000);
      expect(await said(revocation, [leaf, root])).toMatch(/^revoked: /);
      await vi.waitFor(() => expect(world.server.requests.length).toBeGreaterThan(asked));
    }
  });

  it('is kept although the refresh fails', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    says('good');
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toBe('good');
    world.server.answers.clear();
    advance(2 * HOUR);
    expect(await said(revocation, [leaf, root])).toBe('good');
    await vi.waitFor(() => expect(world.server.requests).toHaveLength(2));
    expect(await said(revocation, [leaf, root])).toBe('good');
  });

  it('is not known for a few seconds where it could not be had, and then asked for again', async () => {
    const { leaf, says } = sourced(source);
    const { clock, advance } = movable();
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toMatch(/^unknown: /);
    says('good');
    expect(await said(revocation, [leaf, root])).toMatch(/^unknown: /);
    expect(world.server.requests).toHaveLength(1);
    advance(3_000);
    expect(await said(revocation, [leaf, root])).toBe('good');
  });

  it('is still fetched for the next one where somebody had no patience', async () => {
    const { leaf, says } = sourced(source);
    says('good');
    const answer = world.server.answers.get(source);
    let release: () => void = () => undefined;
    world.server.answers.set(source, (_, response) => {
      release = () => response.end(answer);
    });
    const revocation = world.start();
    const controller = new AbortController();
    const waiting = said(revocation, [leaf, root], { signal: controller.signal });
    await vi.waitFor(() => expect(world.server.requests).toHaveLength(1));
    controller.abort();
    expect(await waiting).toMatch(/^unknown: .*no answer came before the deadline/);
    release();
    await vi.waitFor(async () => expect(await said(revocation, [leaf, root])).toBe('good'));
    expect(world.server.requests).toHaveLength(1);
  });

  it('is there for somebody who has no time left at all', async () => {
    const { leaf, says } = sourced(source);
    says('revoked');
    const revocation = world.start();
    expect(await said(revocation, [leaf, root], { signal: AbortSignal.abort() })).toMatch(/^unknown: /);
    expect(world.server.requests).toEqual([]);
    expect(await said(revocation, [leaf, root])).toMatch(/^revoked: /);
    expect(await said(revocation, [leaf, root], { signal: AbortSignal.abort() })).toMatch(/^revoked: /);
  });

  it('by one authority does not count for another that names the same place', async () => {
    const { leaf, says } = sourced(source);
    says('good');
    const other = certifyAuthority('self', 'root');
    const place = world.server.url(source);
    const theirs = certify(other, 'leaf', [usage(0), source === 'ocsp' ? responders(place) : lists(place)], {
      serial: leaf.certificate.serial,
    });
    const revocation = world.start();
    expect(await said(revocation, [leaf, root])).toBe('good');
    expect(await said(revocation, [theirs, other])).toMatch(/^unknown: /);
    expect(await said(revocation, [leaf, root])).toBe('good');
  });
});

describe('what is kept', () => {
  it('is bounded by bytes: a list that is too heavy is asked for each time', async () => {
    const list: ListOptions = { revoked: Array.from({ length: 100 }, (_, i) => ({ of: Buffer.from([0x10, i]) })) };
    const leaf = world.leaf(lists(world.server.url('crl')));
    world.server.answers.set('crl', writeList(root, list));
    const revocation = world.start({ limits: { keptCrlBytes: 2_000 } });
    for (let i = 1; i <= 3; i++) {
      expect(await said(revocation, [leaf, root])).toBe('good');
      expect(world.server.requests).toHaveLength(i);
    }
  });

  it('is what the responder signed, and not that it knows nothing', async () => {
    const { clock, advance } = movable();
    const leaf = world.leaf(responders(world.server.url('ocsp')));
    const says = (status: 'good' | 'unknown') =>
      world.server.answers.set('ocsp', writeAnswer(root, leaf.certificate, root.certificate, { status }));
    says('unknown');
    const revocation = world.start({ clock });
    expect(await said(revocation, [leaf, root])).toMatch(/^unknown: /);
    says('good');
    advance(3_000);
    expect(await said(revocation, [leaf, root])).toBe('good');
  });
});
