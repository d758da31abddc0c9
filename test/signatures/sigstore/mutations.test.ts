import { createHash, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readBundle, type SigstoreBundle } from '../../../src/signatures/sigstore/bundle.ts';
import { ownCheckpoint } from '../../../src/signatures/sigstore/checkpoint.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { NOON } from '../../fixtures/certificates.ts';
import { KEYLESS } from './fixture.ts';
import {
  bundleOf,
  dsse1,
  encoded,
  envelope,
  hashedRekord1,
  hashedRekord2,
  type Json,
  leaf,
  logged,
  message,
  SIGSTORE,
  trustedRoot,
} from './instance.ts';
import { libraryAccepts } from './library-alone.ts';
import { timestamp } from './rfc3161.ts';

const FILE = Buffer.from('the file that is signed\n');
const ROOT = trustedRoot();
const STATEMENT = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: createHash('sha256').update(FILE).digest('hex') } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
  }),
);

/** Numbers from a seed, 0 to 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const REPLACEMENTS: readonly unknown[] = [
  null,
  [],
  {},
  '',
  0,
  -1,
  1e300,
  true,
  'AAAA',
  '9'.repeat(400),
  { length: 1e9 },
  [[[]]],
  '\u2014 '.repeat(2000),
  Buffer.alloc(20_000, 0x30).toString('base64'),
  Buffer.alloc(20_000, 0xa0).toString('base64'),
];

/** Every place in a JSON value: who holds it, and under which key. */
function places(value: Json, found: { owner: Json; key: string }[] = []): { owner: Json; key: string }[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ owner: value, key });
    places(value[key], found);
  }
  return found;
}

function mutate(text: string, random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const kind = random();
  if (kind < 0.3) {
    const bytes = Buffer.from(text);
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return bytes;
  }
  const json = JSON.parse(text);
  const { owner, key } = pick(places(json));
  if (kind < 0.65 && typeof owner[key] === 'string') {
    const bytes = Buffer.from(owner[key], 'base64');
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    owner[key] = bytes.toString('base64');
  } else if (kind < 0.75) delete owner[key];
  else if (kind < 0.85 && Array.isArray(owner))
    owner.push(...Array.from({ length: pick([1, 3, 500]) }, () => owner[Number(key)]));
  else if (kind < 0.92) {
    const other = pick(places(json));
    owner[key] = JSON.parse(JSON.stringify(other.owner[other.key]));
  } else owner[key] = pick(REPLACEMENTS);
  return Buffer.from(JSON.stringify(json));
}

/**
 * What is authenticated of a bundle. What is left out says nothing: the index beside a proof alone, cosignatures of
 * witnesses, and whatever no reader looks at.
 */
function essence({ content, signer, entries }: SigstoreBundle, promises: boolean): string {
  const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('hex'));
  return JSON.stringify([
    content.kind === 'message'
      ? [hex(content.signature), content.algorithm, hex(content.digest)]
      : [hex(content.signature), content.payloadType, hex(content.payload)],
    signer.kind === 'certificates' ? signer.chain.map(hex) : signer.kind,
    entries
      .filter(({ logId }) => ROOT.logs.some(({ id }) => id === logId))
      .map((entry) => {
        const log = ROOT.logs.find(({ id }) => id === entry.logId);
        const { proof, promise } = entry;
        const note = proof === undefined || log === undefined ? undefined : ownCheckpoint(proof, log);
        return [
          [entry.logId, entry.kind, entry.version, hex(entry.body)],
          promise === undefined || !promises ? [] : [hex(promise), entry.index, entry.integratedTime],
          proof === undefined ? [] : [proof.index, proof.treeSize, hex(proof.rootHash), proof.hashes.map(hex), note],
        ];
      }),
  ]);
}

const signer = leaf();
const overFile = sign('sha256', FILE, signer.keys.privateKey);
const overStatement = sign('sha256', encoded(STATEMENT), signer.keys.privateKey);
const BUNDLES: Readonly<Record<string, Json>> = {
  'a file in Rekor v1': bundleOf({
    content: message(FILE, overFile),
    certificate: signer,
    entries: [logged(SIGSTORE.rekor, hashedRekord1(FILE, overFile, signer.pem))],
  }),
  'a file in Rekor v2 with a timestamp': bundleOf({
    content: message(FILE, overFile),
    certificate: signer,
    entries: [logged(SIGSTORE.rekor2, hashedRekord2(FILE, overFile, signer.der))],
    timestamps: [timestamp(SIGSTORE.tsa, overFile, NOON)],
  }),
  'a statement in Rekor v1 with a timestamp': bundleOf({
    content: envelope(STATEMENT, overStatement),
    certificate: signer,
    entries: [logged(SIGSTORE.rekor, dsse1(STATEMENT, overStatement, signer.pem))],
    timestamps: [timestamp(SIGSTORE.tsa, overStatement, NOON + 1000)],
  }),
};

const COUNT = 300;

/** Beyond what an unchanged bundle takes; milliseconds of this thread's CPU. */
const MAXIMUM_MS = 50;

const check = (bytes: Uint8Array) => verifyBundle(bytes, { kind: 'bytes', bytes: FILE }, ROOT, KEYLESS, NOON);

async function timed(bytes: Uint8Array) {
  const before = process.threadCpuUsage();
  const proof = await check(bytes);
  const { user, system } = process.threadCpuUsage(before);
  return { proof, ms: (user + system) / 1000 };
}

describe('changed bundles', () => {
  it.each(Object.entries(BUNDLES))(
    `of %s, ${COUNT} of them, are never accepted, never throw, and never take long`,
    async (name, bundle) => {
      const text = JSON.stringify(bundle);
      const bytes = Buffer.from(text);
      const sound = await check(bytes);
      if (sound.kind === 'refused') return expect.fail(sound.message);
      const original = readBundle(bytes);
      if (original.kind === 'refused') return expect.fail(original.message);
      const normal = Math.min(...(await Promise.all([timed(bytes), timed(bytes)])).map(({ ms }) => ms));

      const random = numbers(name.length);
      const refusals = new Map<string, number>();
      for (let i = 0; i < COUNT; i++) {
        const changed = mutate(text, random);
        const first = await timed(changed);
        // Collecting garbage and compiling count too; what is slow by its input is slow again.
        const ms = first.ms > normal + MAXIMUM_MS ? (await timed(changed)).ms : first.ms;
        expect(ms, `number ${i} takes long: ${changed.toString().slice(0, 200)}`).toBeLessThan(normal + MAXIMUM_MS);
        const { proof } = first;
        if (proof.kind === 'refused') {
          refusals.set(proof.code, (refusals.get(proof.code) ?? 0) + 1);
          continue;
        }
        // What is accepted must be the very same, but for what nobody reads.
        const read = readBundle(changed);
        if (read.kind === 'refused') return expect.fail(`number ${i} was accepted and cannot be read`);
        // A promise that was taken away says less, not something else: the proof is left.
        const promises = read.value.entries.some(({ promise }) => promise !== undefined);
        expect(essence(read.value, promises) === essence(original.value, promises), `number ${i}`).toBe(true);
        expect(proof.times.length).toBeLessThanOrEqual(sound.times.length);
        for (const time of proof.times) expect(sound.times).toContainEqual(time);
        expect(proof.claims).toEqual(sound.claims);
        // The library refuses what it knows no log for.
        if (read.value.entries.every(({ logId }) => ROOT.logs.some(({ id }) => id === logId)))
          expect(libraryAccepts(changed, FILE, ROOT), `number ${i}, by the library alone`).toBe(true);
      }
      // The changes reach every part of the verification.
      expect([...refusals.keys()].length).toBeGreaterThanOrEqual(5);
    },
    60_000,
  );
});

// The library passes over bytes behind the list and over the algorithm that a promise names; here they are refused too.
describe('promises of certificate logs', () => {
  const bundleFor = (certificate: ReturnType<typeof leaf>): Buffer => {
    const signature = sign('sha256', FILE, certificate.keys.privateKey);
    const entry = logged(SIGSTORE.rekor, hashedRekord1(FILE, signature, certificate.pem));
    return Buffer.from(JSON.stringify(bundleOf({ content: message(FILE, signature), certificate, entries: [entry] })));
  };
  const twice = (list: Buffer): Buffer => {
    const body = Buffer.concat([list.subarray(2), list.subarray(2)]);
    return Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]);
  };

  it(`that were changed before the certificate was issued, ${COUNT} of them, are never accepted`, async () => {
    const random = numbers(7);
    for (let i = 0; i < COUNT; i++) {
      const kind = random();
      const bundle = bundleFor(
        leaf({
          promises: (list) => {
            const at = Math.floor(random() * list.length);
            if (kind < 0.8) list[at] = (list[at] ?? 0) ^ (1 << Math.floor(random() * 8));
            else if (kind < 0.9) return list.subarray(0, at);
            else if (kind < 0.95) return twice(list);
            else return Buffer.concat([list, list.subarray(at)]);
            return list;
          },
        }),
      );
      const proof = await check(bundle);
      expect(proof, `number ${i}`).toMatchObject({ kind: 'refused', code: 'CERTIFICATE_NOT_LOGGED' });
    }
  });

  it('that are sound are accepted by both', async () => {
    const bundle = bundleFor(leaf());
    expect((await check(bundle)).kind).toBe('proved');
    expect(libraryAccepts(bundle, FILE, ROOT)).toBe(true);
  });
});
