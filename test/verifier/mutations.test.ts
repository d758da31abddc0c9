import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Artifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { attach, publish, publishImage, publishLayers, signImage } from '../../src/cli/demo/publish.ts';
import { bundleBytes, createSigner, signatureManifest, signStatement } from '../../src/cli/demo/signer.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Decision } from '../../src/model/decision.ts';
import { ANNOTATIONS, SIMPLE_SIGNING_TYPE } from '../../src/signatures/cosign/formats.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import type { Verifier } from '../../src/verifier/request.ts';
import { everywhere, policyOf, signedBy } from '../fixtures/keys.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';
import { goodLayer, REPOSITORY, referrerWith, signatureIn, withSignature } from '../signatures/fixture.ts';

/** Mutations of each kind; each is decided over HTTP by one long-lived engine. */
const RUNS = 500;

/** What one decision may take of the processor, which the registry of the test shares; milliseconds. */
const MOST = 50;

const alice = createSigner();

let world: World;
let engine: Verifier;
beforeAll(async () => {
  world = await startWorld();
  engine = world.engine([everywhere(policyOf(signedBy(alice), { subjectRule: 'everyInstance' }))], {
    onError: 'allow',
  });
  // What is compiled on first use is no fault of the first mutation.
  const image = publishImage(world.server, REPOSITORY, 'warm');
  signImage(world.server, REPOSITORY, image, alice);
  await decide(image);
});
afterAll(() => world.close());

const decide = (image: Artifact): Promise<Decision> =>
  ask(engine, [`${world.server.host}/${REPOSITORY}@${image.digest}`]);

/** Numbers that look random and are the same in every run (xorshift32). */
function randomness(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One change of one byte: flipped, replaced, put in, taken out, or doubled. */
function bytewise(bytes: Uint8Array, random: (below: number) => number): Buffer {
  const at = random(bytes.length);
  const before = bytes.subarray(0, at);
  const [byte = 0] = bytes.subarray(at, at + 1);
  const after = bytes.subarray(at + 1);
  const middle = [[byte ^ (1 << random(8))], [random(256)], [random(256), byte], [], [byte, byte]][random(5)] ?? [];
  return Buffer.concat([before, Buffer.from(middle), after]);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One change of the structure of JSON: a member gone, renamed, doubled, of another type, or in another's place. */
function structural(bytes: Uint8Array, random: (below: number) => number): Buffer {
  const root = JSON.parse(Buffer.from(bytes).toString('utf8')) as Json;
  const holders: (Json[] | { [key: string]: Json })[] = [];
  const visit = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Object.keys(value).length > 0) holders.push(value);
    Object.values(value).forEach(visit);
  };
  visit(root);
  const holder = holders[random(holders.length)] as { [key: string]: Json };
  const keys = Object.keys(holder);
  const key = keys[random(keys.length)] ?? '';
  const value = holder[key] ?? null;
  const change = random(9);
  if (change === 0) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  } else if (change === 1) holder[key] = null;
  else if (change === 2) holder[key] = [value];
  else if (change === 3) holder[key] = typeof value === 'string' ? value.toUpperCase() : JSON.stringify(value);
  else if (change === 4) holder[key] = { length: 1_000_000, [key]: value };
  else if (change === 5) holder[key] = holder[keys[random(keys.length)] ?? ''] ?? null;
  else if (change === 6 && !Array.isArray(holder)) {
    delete holder[key];
    holder[`${key.slice(0, 1).toUpperCase()}${key.slice(1)}`] = value;
  } else if (change === 7) holder[key] = deep(60 + random(10));
  else {
    // Written twice, the second time with another value: JSON.parse believes the last, others the first.
    const written = `${JSON.stringify(key)}:`;
    return Buffer.from(JSON.stringify(root).replace(written, `${written}null,${written}`));
  }
  return Buffer.from(JSON.stringify(root));
}

const deep = (levels: number): Json => (levels === 0 ? 0 : [deep(levels - 1)]);

const mutated = (bytes: Uint8Array, i: number, random: (below: number) => number): Buffer =>
  i % 2 === 0 ? bytewise(bytes, random) : structural(bytes, random);

/** JSON as the most lenient reader takes it, or undefined. */
function lenient(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The value somewhere inside, or undefined. */
function inside(value: unknown, ...path: readonly (string | number)[]): unknown {
  let at: unknown = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}

/** Whether two texts are the same bytes to the most lenient reader of base64. */
function sameBytes(text: unknown, original: unknown): boolean {
  if (typeof text !== 'string' || typeof original !== 'string') return false;
  return Buffer.from(text, 'base64').equals(Buffer.from(original, 'base64'));
}

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/**
 * Decides about as many mutations.
 * @param make publishes one mutated thing with its image, and says whether it still means what was signed
 */
async function tryAll(
  seed: number,
  make: (i: number, random: (below: number) => number) => { image: Artifact; same: boolean },
) {
  const random = randomness(seed);
  const counts = { admitted: 0, refused: 0 };
  for (let i = 0; i < RUNS; i++) {
    const { image, same } = make(i, random);
    const before = process.threadCpuUsage();
    const { allowed } = await decide(image);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000, `mutation ${i} of seed ${seed}`).toBeLessThan(MOST);
    if (allowed && !same) expect.fail(`mutation ${i} of seed ${seed} is admitted and means something else`);
    counts[allowed ? 'admitted' : 'refused']++;
  }
  // Some mutations mean the same, as white space does; if all were refused, nothing was tested but the refusal.
  expect(counts.refused).toBeGreaterThan(RUNS / 2);
  return counts;
}

const imageFor = (what: string, i: number) => publishImage(world.server, REPOSITORY, `${what} ${i}`, `${what}-${i}`);

describe('five hundred mutations each [peers 66, DESIGN §4.11]', () => {
  it('of a signed payload are admitted only where nothing changed', async () => {
    await tryAll(101, (i, random) => {
      const image = imageFor('payload', i);
      const layer = goodLayer(alice, image);
      const bytes = mutated(layer.bytes, i, random);
      publishLayers(world.server, REPOSITORY, image, [{ ...layer, bytes }]);
      return { image, same: bytes.equals(layer.bytes) };
    });
  });

  it('of a signature are admitted only where they are the same bytes', async () => {
    await tryAll(102, (i, random) => {
      const image = imageFor('signature', i);
      const layer = goodLayer(alice, image);
      // Annotations are text: bytes that are none are changed to such that are.
      const text = bytewise(Buffer.from(signatureIn(layer)), random).toString('latin1');
      publishLayers(world.server, REPOSITORY, image, [withSignature(layer, text)]);
      return { image, same: sameBytes(text, signatureIn(layer)) };
    });
  });

  it('of a signature manifest are admitted only where the layer is the same', async () => {
    const counts = await tryAll(103, (i, random) => {
      const image = imageFor('manifest', i);
      const layer = goodLayer(alice, image);
      const sound = signatureManifest([layer]);
      const manifest = mutated(sound.manifest, i, random);
      publish(
        world.server,
        REPOSITORY,
        { ...sound, manifest, digest: digestOf(manifest) },
        signatureTag(image.digest, ''),
      );
      const same = listIn(inside(lenient(manifest), 'layers')).some(
        (one) =>
          inside(one, 'mediaType') === SIMPLE_SIGNING_TYPE &&
          inside(one, 'digest') === digestOf(layer.bytes) &&
          inside(one, 'size') === layer.bytes.length &&
          sameBytes(inside(one, 'annotations', ANNOTATIONS.signature), signatureIn(layer)),
      );
      return { image, same };
    });
    expect(counts.admitted).toBeGreaterThan(5);
  });

  it('of a bundle are admitted only where payload, type and signature are the same', async () => {
    const counts = await tryAll(104, (i, random) => {
      const image = imageFor('bundle', i);
      const sound = bundleBytes(alice, signStatement(image.digest));
      const bytes = mutated(sound, i, random);
      attach(world.server, REPOSITORY, referrerWith(image, bytes));
      const [was, is] = [lenient(sound), lenient(bytes)];
      const at = (value: unknown, ...path: (string | number)[]) => inside(value, 'dsseEnvelope', ...path);
      const same =
        at(is, 'payloadType') === at(was, 'payloadType') &&
        sameBytes(at(is, 'payload'), at(was, 'payload')) &&
        sameBytes(at(is, 'signatures', 0, 'sig'), at(was, 'signatures', 0, 'sig')) &&
        inside(is, 'messageSignature') === undefined;
      return { image, same };
    });
    expect(counts.admitted).toBeGreaterThan(5);
  });

  it('of a signed statement inside a bundle are never admitted', async () => {
    await tryAll(105, (i, random) => {
      const image = imageFor('statement', i);
      const sound = signStatement(image.digest);
      const statement = mutated(sound, i, random);
      const bundle = JSON.parse(Buffer.from(bundleBytes(alice, sound)).toString('utf8')) as {
        dsseEnvelope: { payload: string };
      };
      bundle.dsseEnvelope.payload = statement.toString('base64');
      attach(world.server, REPOSITORY, referrerWith(image, bundle));
      return { image, same: statement.equals(sound) };
    });
  });

  it('of an index are admitted only where every image that it lists is signed', async () => {
    const signed = imageFor('index-signed', 0);
    signImage(world.server, REPOSITORY, signed, alice);
    const [unsigned, attestation] = [imageFor('index-unsigned', 0), imageFor('index-attestation', 0)];
    const linux = (architecture: string) => ({ os: 'linux', architecture });
    const sound = indexArtifact([
      { image: signed, platform: linux('amd64') },
      { image: unsigned, platform: linux('arm64') },
      { image: attestation, platform: { os: 'unknown', architecture: 'unknown' } },
    ]);
    // Only mutations that take the unsigned image out, or call it unknown, may let the index in.
    await tryAll(106, (i, random) => {
      const manifest = mutated(sound.manifest, i, random);
      const image = publish(world.server, REPOSITORY, { ...sound, manifest, digest: digestOf(manifest) });
      const runnable = listIn(inside(lenient(manifest), 'manifests')).filter(
        (one) => inside(one, 'platform', 'os') !== 'unknown' || inside(one, 'platform', 'architecture') !== 'unknown',
      );
      return { image, same: runnable.length > 0 && runnable.every((one) => inside(one, 'digest') === signed.digest) };
    });
  });
});
