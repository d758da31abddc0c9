import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { everywhere, policyOf, signedBy } from '../fixtures/keys.ts';
import { ask, pushImage, sign, startWorld, type World } from '../fixtures/world.ts';

describe('smoke', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());
  it('works', async () => {
    const signer = createSigner();
    const image = pushImage(world.server, 'acme/app', 'hello');
    sign(world.server, 'acme/app', image, signer);
    const engine = world.engine([everywhere(policyOf(signedBy(signer)))]);
    const decision = await ask(engine, [`${world.server.host}/acme/app@${image.digest}`]);
    console.log(JSON.stringify(decision, null, 1));
    console.log(world.server.requests.map((r) => r.method + ' ' + r.path));
    expect(decision.allowed).toBe(true);
  });
});
