import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import type { Json } from '../admission/fixture.ts';
import { becomes, expectDenied, expectVerified, keyPolicy, registryFor, runOf, stage } from '../fixtures/webhook.ts';
import { yaml } from '../policy/sources/folder.ts';

const ours = createSigner();
const theirs = createSigner();

/** A registry with an image that we signed, and a policy that wants it so. */
async function world(configuration: Json = {}) {
  const registry = await registryFor();
  const image = publishImage(registry, 'shop/web', 'web');
  signImage(registry, 'shop/web', image, ours);
  const policy = (signer = ours, more: Json = {}) =>
    keyPolicy({ name: 'release', scopes: [registry.host], signer, ...more });
  const made = await stage(registry, [policy()], configuration);
  return {
    ...made,
    policy,
    image,
    pinned: `${registry.host}/shop/web@${image.digest}`,
    tagged: `${registry.host}/shop/web:v1`,
  };
}

describe('what was fetched before', () => {
  it('is not fetched again: by digest no request, by tag one HEAD [peers 69]', async () => {
    const { run, pinned, tagged, registry, metrics } = await world();
    const cold = await run([pinned]);
    expectVerified(cold);
    // Manifest, referrers, signature tag, and the one signature.
    expect(cold.requests).toBe(4);
    const warm = await run([pinned]);
    expectVerified(warm);
    expect(warm).toMatchObject({ requests: 0, record: { requests: 0, cache: { misses: 0 } } });
    const before = registry.requests.length;
    expectVerified(await run([tagged]));
    expect(registry.requests.slice(before).map(({ method }) => method)).toEqual(['HEAD']);
    expect(await metrics()).toMatch(/countersign_cache_hits_total\{cache="lists"\} [1-9]/);
  });

  it('counts each request in the record and in the metrics, by host and purpose', async () => {
    const { run, pinned, metrics, registry } = await world();
    const answer = await run([pinned]);
    expect(answer.record.requests).toBe(answer.requests);
    const counted = [
      ...(await metrics()).matchAll(/countersign_registry_requests_total\{host="([^"]+)",class="\w+"\} (\d+)/g),
    ];
    expect(counted.reduce((sum, [, , n]) => sum + Number(n), 0)).toBe(answer.requests);
    expect(new Set(counted.map(([, host]) => host))).toEqual(new Set([registry.host]));
  });

  it('is no success where it failed: each failure is asked again [peers 69]', async () => {
    const { run, pinned, registry } = await world();
    for (const on of ['/manifests/sha256:', '.sig', '/blobs/']) {
      registry.spoil({ on, fault: { kind: 'status', status: 500 } });
      expect(await run([pinned])).toMatchObject({ allowed: false, record: { images: [{ outcome: 'error' }] } });
      expect(await run([pinned])).toMatchObject({ allowed: false, record: { images: [{ outcome: 'error' }] } });
      registry.behave();
    }
    expectVerified(await run([pinned]));
  });

  it('answers no other repository with the same digest: a signature there is not one here [peers 69]', async () => {
    const { run, registry, pinned, image } = await world();
    expectVerified(await run([pinned]));
    publishImage(registry, 'copy/web', 'web');
    const copy = `${registry.host}/copy/web@${image.digest}`;
    expectDenied(await run([copy]), { image: copy, policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
  });
});

describe('many at once', () => {
  it('100 cold reviews of one image make one set of requests [peers 71]', async () => {
    const { run, pinned, registry } = await world();
    const answers = await Promise.all(Array.from({ length: 100 }, () => run([pinned])));
    for (const answer of answers) expectVerified(answer);
    expect(registry.seen()).toHaveLength(4);
    expect(new Set(registry.seen()).size).toBe(4);
  });

  it('100 of an image that is not signed are each denied, by one set of requests too [peers 71, hostile]', async () => {
    const { run, registry } = await world();
    const { digest } = publishImage(registry, 'shop/unsigned', 'unsigned');
    const image = `${registry.host}/shop/unsigned@${digest}`;
    const answers = await Promise.all(Array.from({ length: 100 }, () => run([image])));
    for (const answer of answers)
      expectDenied(answer, { image, policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
    expect(registry.seen()).toHaveLength(3);
  });

  it('a registry that hangs for one image delays no other, in the same registry or review [peers 71]', async () => {
    const { run, registry, pinned } = await world();
    for (const name of ['slow', 'other'])
      signImage(registry, `shop/${name}`, publishImage(registry, `shop/${name}`, name), ours);
    expectVerified(await run([pinned]));
    registry.spoil({ on: '/shop/slow/', fault: { kind: 'hang' } });
    const slow = Promise.all(
      Array.from({ length: 20 }, () => run([`${registry.host}/shop/slow:v1`], 'shop', '?timeout=3s')),
    );
    const hit = await run([pinned]);
    const miss = await run([`${registry.host}/shop/other:v1`]);
    expectVerified(hit);
    expectVerified(miss);
    expect(hit.milliseconds).toBeLessThan(1000);
    expect(miss.milliseconds).toBeLessThan(1000);
    registry.behave();
    for (const answer of await slow) expect(answer).toMatchObject({ allowed: false, code: 403 });
  });

  it('more than the limit are turned away to be asked again, and never let in', async () => {
    const { post, registry, pinned } = await world({ limits: { concurrency: 2 } });
    registry.spoil({ fault: { kind: 'hang' } });
    const body = JSON.stringify(runOf([pinned]));
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(body, '?timeout=1s')));
    const shed = answers.filter(({ status }) => status === 429);
    expect(shed.length).toBeGreaterThan(0);
    for (const { retryAfter, body: status } of shed) {
      expect(retryAfter).toBe('1');
      expect(status).toMatchObject({ kind: 'Status', code: 429 });
    }
    for (const { status, body: answer } of answers)
      if (status === 200) expect(answer).toMatchObject({ response: { allowed: false } });
  });
});

describe('an edit of a policy file', () => {
  it('is in force within a second, whatever is cached: another key, and back [peers 72]', async () => {
    const { run, folder, policy, pinned } = await world();
    expectVerified(await run([pinned]));
    await folder.replace('policies.yaml', yaml(policy(theirs)));
    const denied = await becomes(
      () => run([pinned]),
      ({ allowed }) => !allowed,
    );
    expectDenied(denied, { image: pinned, policy: 'release', word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
    await folder.replace('policies.yaml', yaml(policy(ours)));
    expectVerified(
      await becomes(
        () => run([pinned]),
        ({ allowed }) => allowed,
      ),
    );
  });

  it('that wants another name, or only warns, is in force as soon [peers 72]', async () => {
    const { run, folder, policy, pinned } = await world();
    expectVerified(await run([pinned]));
    const exact = { matchPolicy: 'ExactRepository', exactRepository: { repository: 'vendor.example/web' } };
    await folder.replace('policies.yaml', yaml(policy(ours, { signedIdentity: exact })));
    await becomes(
      () => run([pinned]),
      ({ allowed }) => !allowed,
    );
    const annotations = { 'countersign.dev/mode': 'warn' };
    await folder.replace('policies.yaml', yaml(policy(ours, { signedIdentity: exact, annotations })));
    expect(
      (
        await becomes(
          () => run([pinned]),
          ({ allowed }) => allowed,
        )
      ).warnings,
    ).toEqual([expect.stringContaining('[NAME_MISMATCH]')]);
  });

  it('that breaks the file refuses what it protected, says so in the metrics, and mends by itself [peers 72]', async () => {
    const { run, folder, policy, pinned, metrics } = await world();
    expectVerified(await run([pinned]));
    await folder.replace('policies.yaml', '{ this is no YAML');
    const answer = await becomes(
      () => run([pinned]),
      ({ allowed }) => !allowed,
    );
    expectDenied(answer, { image: pinned, policy: 'release', word: 'error', code: 'POLICY_BROKEN' });
    expect(answer.message).toContain('line 1');
    expect(await run(['elsewhere.invalid/x:1'])).toMatchObject({ allowed: true });
    expect(await metrics()).toContain('countersign_policies{state="broken"} 1');
    await folder.replace('policies.yaml', yaml(policy()));
    expectVerified(
      await becomes(
        () => run([pinned]),
        ({ allowed }) => allowed,
      ),
    );
  });

  it('that swaps a mounted ConfigMap or takes the policy away is in force too [peers 72]', async () => {
    const { run, folder, policy, pinned } = await world();
    await folder.swap('one', { 'extra.yaml': yaml(policy(theirs, { name: 'extra' })) });
    const denied = await becomes(
      () => run([pinned]),
      ({ allowed }) => !allowed,
    );
    expect(denied.message).toContain('"extra"');
    await folder.remove('extra.yaml');
    expectVerified(
      await becomes(
        () => run([pinned]),
        ({ allowed }) => allowed,
      ),
    );
    await folder.remove('policies.yaml');
    await becomes(
      () => run([pinned]),
      ({ record }) => record.images[0]?.outcome === 'unmatched',
    );
  });
});
