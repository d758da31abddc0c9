import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { everywhere, policyOf, signedBy } from '../fixtures/keys.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';

describe('cosign key signatures', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  it('admits an image signed with the policy key, in four requests by digest [peers 2]', async () => {
    const signer = createSigner();
    const image = publishImage(world.server, 'acme/app', 'hello');
    signImage(world.server, 'acme/app', image, signer);

    const decision = await ask(world.engine([everywhere(policyOf(signedBy(signer)))]), [
      `${world.server.host}/acme/app@${image.digest}`,
    ]);

    expect(decision).toMatchObject({ allowed: true, subjects: [{ headline: 'verified', digest: image.digest }] });
    expect(world.server.requests).toHaveLength(4);
  });
});
