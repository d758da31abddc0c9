import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { container, type Json, pod, review } from '../admission/fixture.ts';
import {
  expectDenied,
  expectVerified,
  type KeyPolicy,
  keyPolicy,
  registryFor,
  runOf,
  stage,
} from '../fixtures/webhook.ts';

const release = createSigner();
const stranger = createSigner();
const mode = (word: string) => ({ 'countersign.dev/mode': word });

/** A registry with a signed and an unsigned image, and policies over them. */
async function world(
  policies: (host: string) => readonly Omit<KeyPolicy, 'signer'>[] | readonly KeyPolicy[],
  configuration: Json = {},
) {
  const registry = await registryFor();
  signImage(registry, 'shop/signed', publishImage(registry, 'shop/signed', 'signed'), release);
  publishImage(registry, 'shop/unsigned', 'unsigned');
  const all = policies(registry.host).map((policy) => keyPolicy({ signer: release, ...policy }));
  return {
    ...(await stage(registry, all, configuration)),
    signed: `${registry.host}/shop/signed:v1`,
    unsigned: `${registry.host}/shop/unsigned:v1`,
  };
}

const UNSIGNED = { policy: 'release', word: 'unsigned', code: 'UNSIGNED' };

describe('a mode', () => {
  it.each([
    ['deny', false, 0, 'denied'],
    ['warn', true, 1, 'allowed'],
    ['audit', true, 0, 'allowed'],
  ] as const)(
    'of the policy, %s, does what it says and no more [peers 53]',
    async (word, allowed, warnings, decision) => {
      const { run, unsigned, signed } = await world((host) => [
        { name: 'release', scopes: [host], annotations: mode(word) },
      ]);
      const answer = await run([unsigned]);
      expect(answer).toMatchObject({
        allowed,
        record: {
          decision,
          wouldDeny: true,
          images: [{ outcome: 'unsigned', policies: [{ mode: word, code: 'UNSIGNED' }] }],
        },
        annotations: { 'would-deny': 'true' },
      });
      expect(answer.warnings).toHaveLength(warnings);
      for (const warning of answer.warnings) {
        expect(warning).toContain('[UNSIGNED]');
        expect(Buffer.byteLength(warning)).toBeLessThanOrEqual(256);
      }
      const fine = await run([signed]);
      expectVerified(fine);
      expect(fine.warnings).toEqual([]);
      expect(fine.annotations).not.toHaveProperty('would-deny');
    },
  );

  it('of nobody: without a policy there is nothing to refuse [peers 53]', async () => {
    const { run, unsigned } = await world(() => [{ name: 'elsewhere', scopes: ['example.com'] }]);
    expect(await run([unsigned])).toMatchObject({
      allowed: true,
      warnings: [],
      requests: 0,
      record: { wouldDeny: false },
    });
  });

  it('of one policy does not soften the other: denied, and the warning is there too [peers 54]', async () => {
    const { run, unsigned } = await world((host) => [
      { name: 'release', scopes: [`${host}/shop`] },
      { name: 'trial', scopes: [`${host}/shop`], annotations: mode('warn'), signer: stranger },
    ]);
    const answer = await run([unsigned]);
    expectDenied(answer, { image: unsigned, ...UNSIGNED });
    expect(answer.warnings).toEqual([expect.stringMatching(/\[UNSIGNED\] under ClusterImagePolicy "trial"/)]);
  });

  it('of one policy does not harden the other: what only the warning one refuses is let in [peers 54]', async () => {
    const { run, signed } = await world((host) => [
      { name: 'release', scopes: [`${host}/shop`] },
      { name: 'trial', scopes: [`${host}/shop`], annotations: mode('warn'), signer: stranger },
    ]);
    const answer = await run([signed]);
    expect(answer).toMatchObject({ allowed: true, record: { wouldDeny: true } });
    expect(answer.warnings).toEqual([expect.stringMatching(/\[SIGNATURE_MISMATCH\] under ClusterImagePolicy "trial"/)]);
  });

  it.each([
    ['audit', 0],
    ['warn', 1],
  ] as const)('of the whole server, %s, admits and counts what it would deny [peers 55]', async (word, warnings) => {
    const { run, metrics, unsigned, signed } = await world((host) => [{ name: 'release', scopes: [host] }], {
      mode: word,
    });
    const answer = await run([unsigned]);
    expect(answer).toMatchObject({ allowed: true, record: { decision: 'allowed', wouldDeny: true, mode: word } });
    expect(answer.warnings).toHaveLength(warnings);
    await run([signed]);
    const text = await metrics();
    expect(text).toContain(`countersign_reviews_total{decision="would-deny",mode="${word}"} 1`);
    expect(text).toContain(`countersign_reviews_total{decision="allowed",mode="${word}"} 1`);
    expect(text).toContain(
      'countersign_image_outcomes_total{outcome="unsigned",policy="ClusterImagePolicy/release",code="UNSIGNED"} 1',
    );
  });

  it('of a namespace tightens the server, and of the query or path too; none loosens it [peers 55, hostile]', async () => {
    const lax = await world((host) => [{ name: 'release', scopes: [host] }], {
      mode: 'audit',
      namespaces: { prod: { mode: 'deny' }, trial: { mode: 'warn' } },
    });
    expectDenied(await lax.run([lax.unsigned], 'prod'), { image: lax.unsigned, ...UNSIGNED });
    expect((await lax.run([lax.unsigned], 'trial')).warnings).toHaveLength(1);
    expect(await lax.run([lax.unsigned], 'constructor')).toMatchObject({ allowed: true, warnings: [] });
    for (const called of ['?mode=deny', '/deny', '/deny?mode=audit'])
      expectDenied(await lax.run([lax.unsigned], 'shop', called), { image: lax.unsigned, ...UNSIGNED });

    const strict = await world((host) => [{ name: 'release', scopes: [host] }], {
      namespaces: { lab: { mode: 'audit' } },
    });
    expectDenied(await strict.run([strict.unsigned], 'lab'), { image: strict.unsigned, ...UNSIGNED });
    expectDenied(await strict.run([strict.unsigned], 'shop', '?mode=audit'), { image: strict.unsigned, ...UNSIGNED });
  });
});

describe('a policy of a namespace', () => {
  it('applies there and nowhere else; a cluster policy of the same name is another [peers 56]', async () => {
    const { run, registry } = await world((host) => [
      { name: 'release', scopes: [`${host}/shop`], namespace: 'team' },
      { name: 'release', scopes: [`${host}/base`], signer: stranger },
    ]);
    signImage(registry, 'base/os', publishImage(registry, 'base/os', 'os'), stranger);
    publishImage(registry, 'base/bad', 'bad');
    const at = (rest: string) => `${registry.host}/${rest}:v1`;
    expectDenied(await run([at('shop/unsigned')], 'team'), {
      image: at('shop/unsigned'),
      ...UNSIGNED,
      namespace: 'team',
    });
    expectVerified(await run([at('shop/signed')], 'team'));
    const elsewhere = await run([at('shop/unsigned')], 'other');
    expect(elsewhere).toMatchObject({ allowed: true, requests: 0, record: { images: [{ outcome: 'unmatched' }] } });
    for (const namespace of ['team', 'other']) {
      expectVerified(await run([at('base/os')], namespace));
      expectDenied(await run([at('base/bad')], namespace), { image: at('base/bad'), ...UNSIGNED });
    }
  });

  it('never lifts unmatched: deny, however broad it is [MODEL M7]', async () => {
    const { run, signed } = await world((host) => [{ name: 'release', scopes: [host], namespace: 'team' }], {
      unmatched: 'deny',
    });
    expectDenied(await run([signed], 'team'), {
      image: signed,
      policy: 'configuration/unmatched',
      word: 'unmatched',
      code: 'UNMATCHED',
    });
  });
});

describe('what the object says about itself', () => {
  it('changes nothing, be it called verified, exempt or audited [peers 59] [kyverno 11529, 16336]', async () => {
    const { ask, unsigned } = await world((host) => [{ name: 'release', scopes: [host] }]);
    const marks = {
      'countersign.dev/mode': 'audit',
      'countersign.dev/verified': 'true',
      'countersign.dev/unnamed-signatures': 'accept',
      'image-policy.k8s.io/break-glass': 'true',
      'kritis.grafeas.io/breakglass': 'true',
      'kyverno.io/verify-images': JSON.stringify({ [unsigned]: 'pass' }),
    };
    const object = pod(
      { containers: [container(unsigned)] },
      {
        annotations: marks,
        labels: marks,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: '1', controller: true }],
      },
    );
    expectDenied(await ask(review(object)), { image: unsigned, ...UNSIGNED });
  });
});

describe('an image that no policy names', () => {
  it('costs no registry call at all, and neither does the pod around it [peers 60]', async () => {
    const { run, signed, registry } = await world(() => [{ name: 'elsewhere', scopes: ['example.com'] }]);
    expect(await run([signed, `${registry.host}/nowhere/at-all:v1`])).toMatchObject({ allowed: true, requests: 0 });
    expect(registry.seen()).toEqual([]);
  });

  it('is not asked for beside one that a policy names [peers 60, hostile]', async () => {
    const { run, signed, unsigned, registry } = await world((host) => [
      { name: 'release', scopes: [`${host}/shop/signed`] },
    ]);
    const answer = await run([unsigned, signed]);
    expect(answer).toMatchObject({
      allowed: true,
      record: { images: [{ outcome: 'unmatched' }, { outcome: 'verified' }] },
    });
    expect(registry.seen().filter((line) => line.includes('unsigned'))).toEqual([]);
    expect(answer.requests).toBeGreaterThan(0);
  });
});

describe('requireDigest', () => {
  it.each([
    ['off', true, 0],
    ['warn', true, 1],
    ['deny', false, 0],
  ] as const)('%s: a signed image named by a tag', async (requireDigest, allowed, warnings) => {
    const { run, signed, registry } = await world((host) => [{ name: 'release', scopes: [host] }], { requireDigest });
    const answer = await run([signed]);
    if (allowed) expect(answer).toMatchObject({ allowed, record: { wouldDeny: false } });
    else
      expectDenied(answer, {
        image: signed,
        policy: 'configuration/requireDigest',
        word: 'rejected',
        code: 'DIGEST_REQUIRED',
      });
    expect(answer.warnings).toHaveLength(warnings);
    const { digest } = answer.record.images[0] ?? {};
    const pinned = await run([`${registry.host}/shop/signed:v1@${digest}`]);
    expectVerified(pinned);
    expect(pinned.warnings).toEqual([]);
  });
});

it('says the same of one pod whichever way it comes: run, review, dry run', async () => {
  const { run, ask, unsigned } = await world((host) => [{ name: 'release', scopes: [host] }]);
  const messages = new Set([
    (await run([unsigned])).message,
    (await ask(runOf([unsigned], { dryRun: true }))).message,
    (await ask(review(pod({ containers: [container(unsigned)] })))).message,
  ]);
  expect(messages.size).toBe(1);
});
