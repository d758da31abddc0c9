import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { publishImage, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import type { RequestRecord } from '../../src/cli/demo/registry-server.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { createRegistry } from '../../src/registry/create.ts';
import { everywhere, policyOf, signedBy } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, eventually, requestFor, wordsOf } from '../fixtures/memory-registry.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';

const signer = createSigner();
const policies = [everywhere(policyOf(signedBy(signer)))];
const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

/** A registry in which what hangs never answers, and says when its connection is closed. */
async function hanging(hangs: (request: RequestRecord) => boolean) {
  const held: { readonly path: string; closed: boolean }[] = [];
  const world = await startWorld({
    fault: (record, _, response) => {
      if (!hangs(record)) return false;
      const request = { path: record.path, closed: false };
      held.push(request);
      void once(response, 'close').then(() => {
        request.closed = true;
      });
      return true;
    },
  });
  worlds.push(world);
  const image = (path: string) => {
    const published = publishImage(world.server, path, path);
    signImage(world.server, path, published, signer);
    return `${world.server.host}/${path}@${published.digest}`;
  };
  return { world, held, image };
}

describe('a hanging registry path of one image [peers 71]', () => {
  it('delays neither a hit nor a miss of another image in the same registry', async () => {
    const { world, held, image } = await hanging(({ path }) => path.startsWith('/v2/slow/'));
    const engine = world.engine(policies);
    const [slow, known, unknown] = [image('slow/app'), image('acme/known'), image('acme/unknown')];
    await ask(engine, [known]);
    const waiting = Array.from({ length: 50 }, () => ask(engine, [slow], { within: 1_500 }));
    await eventually(() => held.length === 1);

    expect((await ask(engine, [known])).cost).toMatchObject({ requests: 0 });
    expect(wordsOf(await ask(engine, [known, unknown]))).toEqual(['verified', 'verified']);
    // The slow ones wait still: nothing above waited for them.
    expect(held).toEqual([{ path: expect.stringContaining('/v2/slow/'), closed: false }]);
    const late = await Promise.all(waiting);
    expect(new Set(late.flatMap(wordsOf))).toEqual(new Set(['error DEADLINE_EXCEEDED']));
    expect(late.every(({ allowed }) => !allowed)).toBe(true);
  });

  it('delays no image of another registry, however many hang in the first', async () => {
    const slow = await hanging(() => true);
    const quick = await hanging(() => false);
    const hosts = new Map(
      [slow, quick].map(({ world }) => [world.server.host, { plainHttp: true, ca: undefined, mirrors: [] }]),
    );
    const engine = quick.world.engine(policies, {}, { registry: createRegistry({ hosts }) });
    const hang = Array.from({ length: 60 }, (_, n) => ask(engine, [slow.image(`slow/${n}`)], { within: 1_000 }));
    await eventually(() => slow.held.length === 16);
    expect(wordsOf(await ask(engine, [quick.image('acme/app')]))).toEqual(['verified']);
    expect(slow.held.some(({ closed }) => closed)).toBe(false);
    await Promise.all(hang);
  });

  it.each(['/manifests/sha256:', '/manifests/sha256-', '/referrers/', '/blobs/'])(
    'is let go once nobody waits any more: the registry sees the connection closed (%s)',
    async (part) => {
      const { world, held, image } = await hanging(({ path }) => path.includes(part));
      const decision = await ask(
        world.engine([everywhere(policyOf(signedBy(signer), { evidence: 'complete' }))]),
        [image('acme/app')],
        { within: 150 },
      );
      if (part !== '/referrers/') expect(decision.allowed).toBe(false);
      await eventually(() => held.length > 0 && held.every(({ closed }) => closed));
    },
  );
});

describe('callers of different patience', () => {
  it('an impatient first one does not end the work for a patient second one', async () => {
    const memory = createMemoryRegistry();
    const published = publishImage(memory.server, 'acme/app', 'hello');
    signImage(memory.server, 'acme/app', published, signer);
    const gate = Promise.withResolvers<undefined>();
    memory.intercept = ({ kind }) => (kind === 'manifest' ? gate.promise : undefined);
    const engine = engineOver(memory.client(), policies, { clock: Date.now });
    const asked = requestFor([`registry.test/acme/app@${published.digest}`]);
    const hasty = engine.decide({ ...asked, deadline: Date.now() + 30 });
    const patient = engine.decide({ ...asked, deadline: Date.now() + 10_000 });
    expect(wordsOf(await hasty)).toEqual(['error DEADLINE_EXCEEDED']);
    expect(memory.calls).toHaveLength(1);
    expect(memory.calls[0]?.signal.aborted).toBe(false);
    gate.resolve(undefined);
    expect(wordsOf(await patient)).toEqual(['verified']);
    expect(
      memory.calls.filter(({ text }) => text.endsWith(published.digest) && text.startsWith('manifest')),
    ).toHaveLength(1);
  });

  it.each(['head', 'manifest', 'referrers', 'blob'] as const)(
    'the last one to leave ends the work, at whatever step it stands (%s)',
    async (step) => {
      const memory = createMemoryRegistry();
      const published = publishImage(memory.server, 'acme/app', 'hello');
      signImageWithBundle(memory.server, 'acme/app', published, signer);
      memory.intercept = ({ kind }) => (kind === step ? new Promise<never>(() => undefined) : undefined);
      const engine = engineOver(memory.client(), policies, { clock: Date.now });
      const asked = requestFor(['registry.test/acme/app:v1']);
      const hasty = engine.decide({ ...asked, deadline: Date.now() + 30 });
      const patient = engine.decide({ ...asked, deadline: Date.now() + 400 });
      expect(wordsOf(await hasty)).toEqual(['error DEADLINE_EXCEEDED']);
      const stuck = () => memory.calls.filter(({ kind }) => kind === step);
      expect(stuck().some(({ signal }) => signal.aborted)).toBe(false);
      expect(wordsOf(await patient)).toEqual(['error DEADLINE_EXCEEDED']);
      expect(stuck().every(({ signal }) => signal.aborted)).toBe(true);

      memory.intercept = () => undefined;
      expect(wordsOf(await engine.decide({ ...asked, deadline: Date.now() + 5_000 }))).toEqual(['verified']);
    },
  );

  it('share look-ups and never a decision: audit and deny ask at once and each gets its own answer', async () => {
    const memory = createMemoryRegistry();
    publishImage(memory.server, 'acme/app', 'hello');
    const engine = engineOver(memory.client(), policies);
    const asked = requestFor(['registry.test/acme/app:v1']);
    const [audit, deny] = await Promise.all([
      engine.decide({ ...asked, mode: { server: 'audit', namespace: undefined } }),
      engine.decide(asked),
    ]);
    expect([audit.allowed, deny.allowed]).toEqual([true, false]);
    expect(memory.calls.map(({ kind }) => kind)).toEqual(['head', 'manifest', 'manifest', 'referrers']);
  });
});
