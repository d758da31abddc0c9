import { describe, expect, it } from 'vitest';
import { usage } from '../../fixtures/certificates.ts';
import { certify, certifyAuthority, lists, responders, writeList } from '../../fixtures/revocation.ts';
import { hang } from '../../fixtures/revocation-server.ts';
import { said, setUp } from './fixture.ts';

const world = setUp();
const { root } = world;

/** Longer than anything here takes that waits for nobody. */
const LONG = 8_000;

describe('who is revoked is told at once, and waits for nobody else’s answer', () => {
  it('of a chain in which another certificate’s responder hangs', async () => {
    world.server.answers.set('hang', hang);
    const between = certifyAuthority(root, 'between', [responders(world.server.url('hang'))]);
    const leaf = certify(between, 'leaf', [usage(0), lists(world.server.url('list'))]);
    world.server.answers.set('list', writeList(between, { revoked: [{ of: leaf }] }));
    const began = performance.now();
    const status = await said(world.start({ limits: { ocspMs: LONG } }), [leaf, between, root]);
    expect(status).toMatch(/^revoked: certificate 1 of the chain was revoked on /);
    expect(performance.now() - began).toBeLessThan(LONG / 2);
  });

  it('of two lists of which the other hangs', async () => {
    world.server.answers.set('hang', hang);
    const leaf = world.leaf(lists(world.server.url('hang'), world.server.url('list')));
    world.server.answers.set('list', writeList(root, { revoked: [{ of: leaf }] }));
    const began = performance.now();
    expect(await world.once(leaf, { limits: { crlMs: LONG } })).toMatch(/^revoked: /);
    expect(performance.now() - began).toBeLessThan(LONG / 2);
  });

  it('and who is not is told only when everybody has answered', async () => {
    world.server.answers.set('hang', hang);
    const leaf = world.leaf(lists(world.server.url('list'), world.server.url('hang')));
    world.server.answers.set('list', writeList(root));
    expect(await world.once(leaf, { limits: { crlMs: 300 } })).toMatch(/^unknown: /);
  });
});
