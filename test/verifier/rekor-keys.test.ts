import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { publishImage, publishLayers, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import { createSigner, type Signer, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { NonEmpty } from '../../src/model/requirement.ts';
import { ANNOTATIONS } from '../../src/signatures/cosign/formats.ts';
import { NOON } from '../fixtures/certificates.ts';
import { keyLeaf, policyOf } from '../fixtures/keys.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import {
  codeAt,
  type EntryOptions,
  entryFor,
  hashedRecord,
  inline,
  otherRekor,
  publicPem,
  rekor,
} from '../signatures/certified.ts';
import { REPOSITORY, signatureIn } from '../signatures/fixture.ts';

const alice = createSigner();
const bob = createSigner();

let world: World;
let image: Artifact;
beforeEach(async () => {
  world = await startWorld();
  image = publishImage(world.server, REPOSITORY, 'hello');
});
afterEach(() => world.close());

/** A policy of keys whose signatures must be in one of the logs. */
function policy(keys: NonEmpty<Signer>, logs: NonEmpty<string> = [publicPem(rekor.publicKey)]) {
  const leaf = keyLeaf(keys);
  if (leaf.proof.kind !== 'keys') throw new Error('a leaf of keys');
  const transparency = {
    kind: 'rekor' as const,
    logs: [inline(logs[0]), ...logs.slice(1).map(inline)] as const,
  };
  return policyOf(
    { kind: 'some', leaf: { ...leaf, proof: { ...leaf.proof, transparency } } },
    { evidence: 'complete' },
  );
}

type Good = { readonly payload: Uint8Array; readonly signature: string };

/** Alice's layer with the log entry that the function makes, or a good one with something wrong in it. */
function layer(entry: EntryOptions | ((good: Good) => string | undefined) = {}): ArtifactLayer {
  const payload = simpleSigningPayload(image.digest, `registry.example/${REPOSITORY}`);
  const signed = signedLayer(alice, payload);
  const good = { payload, signature: signatureIn(signed) };
  const text =
    typeof entry === 'function' ? entry(good) : entryFor(good.payload, good.signature, alice.publicKeyPem, entry);
  return { ...signed, annotations: { ...signed.annotations, [ANNOTATIONS.rekorBundle]: text ?? '' } };
}

async function say(entry?: Parameters<typeof layer>[0], by = policy([alice])) {
  publishLayers(world.server, REPOSITORY, image, [layer(entry)]);
  return codeAt(world, image, by);
}

describe('a key signature that must be in a log', () => {
  it('is admitted with its entry, at any time, and refused without [GHSA-whqx-f9j3-ch6m]', async () => {
    expect(await say()).toBe('verified');
    expect(await codeAt(world, image, policy([alice]), NOON + 1e11)).toBe('verified');
    expect(await say(() => undefined)).toBe('LOG_ENTRY_MISSING');
  });

  it.each<[string, EntryOptions]>([
    ['no SignedEntryTimestamp', { annotation: ({ Payload }) => ({ Payload }) }],
    ['no Payload', { annotation: ({ SignedEntryTimestamp }) => ({ SignedEntryTimestamp }) }],
    ['a member more', { annotation: (all) => ({ ...all, more: 1 }) }],
    ['a SignedEntryTimestamp of another type', { annotation: (all) => ({ ...all, SignedEntryTimestamp: 1 }) }],
    ['a Payload of another type', { annotation: (all) => ({ ...all, Payload: [] }) }],
    ['a Payload that is null', { annotation: (all) => ({ ...all, Payload: null }) }],
    ['a list', { annotation: (all) => [all] }],
    ['no JSON', { annotation: () => 'hello' }],
    ['more behind it', { annotation: (all) => `${JSON.stringify(all)}{}` }],
    ['no body', { payload: ({ body: _body, ...all }) => all }],
    ['no integratedTime', { payload: ({ integratedTime: _time, ...all }) => all }],
    ['no logIndex', { payload: ({ logIndex: _index, ...all }) => all }],
    ['no logID', { payload: ({ logID: _id, ...all }) => all }],
    ['a Payload with a member more', { payload: (all) => ({ ...all, more: 1 }) }],
    ['a body of another type', { payload: (all) => ({ ...all, body: 1 }) }],
    ['an integratedTime that is text', { payload: (all) => ({ ...all, integratedTime: '1' }) }],
    ['an integratedTime of zero', { payload: (all) => ({ ...all, integratedTime: 0 }) }],
    ['a negative integratedTime', { payload: (all) => ({ ...all, integratedTime: -1 }) }],
    ['half an integratedTime', { payload: (all) => ({ ...all, integratedTime: 1.5 }) }],
    ['an integratedTime beyond all dates', { payload: (all) => ({ ...all, integratedTime: 8_640_000_000_001 }) }],
    ['a logIndex that is null', { payload: (all) => ({ ...all, logIndex: null }) }],
    ['a logID of another type', { payload: (all) => ({ ...all, logID: {} }) }],
    ['a body that is no base64', { payload: (all) => ({ ...all, body: '*' }) }],
  ])('is refused with %s [openshift 66]', async (_what, entry) => {
    expect(await say(entry)).toBe('LOG_ENTRY_INVALID');
  });

  it('is refused where the Payload says something twice [openshift 67]', async () => {
    const twice: EntryOptions = {
      annotation: (all) => JSON.stringify(all).replace('"logIndex":7', '"logIndex":7,"logIndex":7'),
    };
    expect(await say(twice)).toBe('LOG_ENTRY_INVALID');
  });

  it('is refused where anything that the log signed was changed', async () => {
    for (const change of [{ integratedTime: 1 }, { logIndex: 8 }, { logID: 'c0' }]) {
      const entry: EntryOptions = { annotation: (all) => ({ ...all, Payload: { ...all.Payload, ...change } }) };
      expect(await say(entry)).toBe('LOG_ENTRY_INVALID');
    }
    const spaced: EntryOptions = { annotation: (all) => JSON.stringify(all, null, 2) };
    expect(await say(spaced)).toBe('verified');
  });

  it('counts by any log of the policy and by no other [openshift 68]', async () => {
    const [right, wrong] = [publicPem(rekor.publicKey), publicPem(otherRekor.publicKey)];
    expect(await say({}, policy([alice], [wrong]))).toBe('LOG_ENTRY_INVALID');
    expect(await say({}, policy([alice], [wrong, right]))).toBe('verified');
    expect(await say({}, policy([alice], [right, 'none']))).toBe('TRUST_MATERIAL_UNAVAILABLE');
    // The signer's own key is no log's.
    expect(await say({}, policy([alice], [alice.publicKeyPem]))).toBe('LOG_ENTRY_INVALID');
  });

  type Spec = ReturnType<typeof hashedRecord>;
  const with_ = (change: (record: Spec) => unknown) => (good: Good) => {
    const record = hashedRecord(good.payload, good.signature, alice.publicKeyPem);
    return entryFor(good.payload, good.signature, alice.publicKeyPem, { body: change(record) });
  };
  const spec = (record: Spec, more: Partial<Spec['spec']>) => ({ ...record, spec: { ...record.spec, ...more } });
  const hash = (algorithm: unknown, value: unknown) => (record: Spec) =>
    spec(record, { data: { hash: { algorithm, value } } as unknown as Spec['spec']['data'] });
  const key = (content: string) => (record: Spec) =>
    spec(record, {
      signature: { ...record.spec.signature, publicKey: { content: Buffer.from(content).toString('base64') } },
    });
  const digest = (record: Spec) => record.spec.data.hash.value;

  it.each<[string, (record: Spec) => unknown, string]>([
    ['no kind', ({ kind: _kind, ...rest }) => rest, 'LOG_ENTRY_INVALID'],
    ['another kind', (record) => ({ ...record, kind: 'rekord' }), 'LOG_ENTRY_INVALID'],
    ['no apiVersion', ({ apiVersion: _version, ...rest }) => rest, 'LOG_ENTRY_INVALID'],
    ['apiVersion 99.0.99', (record) => ({ ...record, apiVersion: '99.0.99' }), 'LOG_ENTRY_INVALID'],
    ['no spec', ({ spec: _spec, ...rest }) => rest, 'LOG_ENTRY_INVALID'],
    ['sha512', (record) => hash('sha512', digest(record))(record), 'LOG_ENTRY_INVALID'],
    ['a hash of odd length', (record) => hash('sha256', digest(record).slice(1))(record), 'LOG_ENTRY_INVALID'],
    ['a short hash', (record) => hash('sha256', digest(record).slice(2))(record), 'LOG_ENTRY_INVALID'],
    ['another hash', hash('sha256', '0'.repeat(64)), 'LOG_ENTRY_MISMATCH'],
    [
      'an empty signature',
      (record) => spec(record, { signature: { ...record.spec.signature, content: '' } }),
      'LOG_ENTRY_INVALID',
    ],
    [
      'another signature',
      (record) => spec(record, { signature: { ...record.spec.signature, content: 'AAAA' } }),
      'LOG_ENTRY_MISMATCH',
    ],
    ['a key that is no PEM', key('hello'), 'LOG_ENTRY_INVALID'],
    ['two keys', key(alice.publicKeyPem + alice.publicKeyPem), 'LOG_ENTRY_INVALID'],
    ['more behind the key', key(`${alice.publicKeyPem}hello`), 'LOG_ENTRY_INVALID'],
    ['another key', key(bob.publicKeyPem), 'LOG_ENTRY_MISMATCH'],
    ['a member that is not known', (record) => ({ ...record, more: { a: [1] } }), 'verified'],
    ['a hash in capitals', (record) => hash('sha256', digest(record).toUpperCase())(record), 'verified'],
  ])('with a record of %s [openshift 69]', async (_what, change, expected) => {
    expect(await say(with_(change))).toBe(expected);
  });

  it('is refused where the entry names another key of the same policy [openshift 70]', async () => {
    const bobs = (good: Good) => entryFor(good.payload, good.signature, bob.publicKeyPem);
    expect(await say(bobs, policy([alice, bob]))).toBe('LOG_ENTRY_MISMATCH');
    expect(await say(bobs, policy([bob, alice]))).toBe('LOG_ENTRY_MISMATCH');
    expect(await say({}, policy([bob, alice]))).toBe('verified');
    expect(await say({}, policy([bob]))).toBe('SIGNATURE_MISMATCH');
  });

  it('of a foreign artifact does not vouch for this one [CVE-2022-23649]', async () => {
    const other = publishImage(world.server, REPOSITORY, 'other', 'v2');
    const payload = simpleSigningPayload(other.digest, `registry.example/${REPOSITORY}`);
    const signature = signatureIn(signedLayer(alice, payload));
    expect(await say(() => entryFor(payload, signature, alice.publicKeyPem))).toBe('LOG_ENTRY_MISMATCH');
  });

  it('is never answered for by the proof of a policy without a log, warm or cold', async () => {
    publishLayers(world.server, REPOSITORY, image, [layer(() => undefined)]);
    expect(await codeAt(world, image, policyOf({ kind: 'some', leaf: keyLeaf([alice]) }))).toBe('verified');
    expect(await codeAt(world, image, policy([alice]))).toBe('LOG_ENTRY_MISSING');
  });

  it('is asked of a bundle too, and a bundle without one does not spoil a layer beside it', async () => {
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    expect(await codeAt(world, image, policy([alice]))).toBe('LOG_ENTRY_MISSING');
    expect(await say()).toBe('verified');
  });
});
