import { createHash, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readBundle, type SigstoreBundle } from '../../../src/signatures/sigstore/bundle.ts';
import type { ProvedBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { type Issued, NOON } from '../../fixtures/certificates.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../mutation-count.ts';
import { bytewise, changeDer, changeJson, inBase64, pick, type Random, randomness } from '../mutators.ts';
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
  type Place,
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
/** Far down in a large tree, so that a proof has many hashes. */
const PLACE: Place = { index: 1_234_567, size: 98_765_433 };

const signer = leaf();
const overFile = sign('sha256', FILE, signer.keys.privateKey);
const overStatement = sign('sha256', encoded(STATEMENT), signer.keys.privateKey);

/** Bundles of every kind, for whatever certificate is said to be the signer's. */
const fileInRekor1 = (certificate: Issued): Json =>
  bundleOf({
    content: message(FILE, overFile),
    certificate,
    entries: [logged(SIGSTORE.rekor, hashedRekord1(FILE, overFile, certificate.pem), NOON, PLACE)],
  });
const fileInRekor2 = (certificate: Issued): Json =>
  bundleOf({
    content: message(FILE, overFile),
    certificate,
    entries: [logged(SIGSTORE.rekor2, hashedRekord2(FILE, overFile, certificate.der), NOON, PLACE)],
    timestamps: [timestamp(SIGSTORE.tsa, overFile, NOON)],
  });
const statementInRekor1 = (certificate: Issued): Json =>
  bundleOf({
    content: envelope(STATEMENT, overStatement),
    certificate,
    entries: [logged(SIGSTORE.rekor, dsse1(STATEMENT, overStatement, certificate.pem), NOON, PLACE)],
    timestamps: [timestamp(SIGSTORE.tsa, overStatement, NOON + 1000)],
  });

/**
 * What is authenticated of a bundle. What is left out says nothing: the index beside a proof alone, cosignatures of
 * witnesses, and whatever no reader looks at.
 */
function essence({ content, signer: signedBy, entries }: SigstoreBundle, promises: boolean): string {
  const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('hex'));
  return JSON.stringify([
    content.kind === 'message'
      ? [hex(content.signature), content.algorithm, hex(content.digest)]
      : [hex(content.signature), content.payloadType, hex(content.payload)],
    signedBy.kind === 'certificates' ? signedBy.chain.map(hex) : signedBy.kind,
    entries
      .filter(({ logId }) => ROOT.logs.some(({ id }) => id === logId))
      .map((entry) => {
        const { proof, promise } = entry;
        // The log's signature may be there twice; what it is over may not change.
        const note = proof?.checkpoint.split('\n\n')[0];
        return [
          [entry.logId, entry.kind, entry.version, hex(entry.body)],
          promise === undefined || !promises ? [] : [hex(promise), entry.index, entry.integratedTime],
          proof === undefined ? [] : [proof.index, proof.treeSize, hex(proof.rootHash), proof.hashes.map(hex), note],
        ];
      }),
  ]);
}

const check = (bytes: Uint8Array) => verifyBundle(bytes, { kind: 'bytes', bytes: FILE }, ROOT, KEYLESS, NOON);

/** A sound bundle, with what it proves. */
async function soundly(bundle: Json) {
  const text = JSON.stringify(bundle);
  const proof = await check(Buffer.from(text));
  const read = readBundle(Buffer.from(text));
  if (proof.kind === 'refused' || read.kind === 'refused') throw new Error('a sound bundle');
  return { text, proof, read: read.value };
}

const SOUND = await Promise.all([fileInRekor1, fileInRekor2, statementInRekor1].map((make) => soundly(make(signer))));

/** What is accepted must be the very same, but for what nobody reads; and the library must accept it too. */
function expectSame(changed: Uint8Array, proof: ProvedBundle, sound: (typeof SOUND)[number], what: string): void {
  const read = readBundle(changed);
  if (read.kind === 'refused') return expect.fail(`${what} was accepted and cannot be read`);
  // A promise that was taken away says less, not something else: the proof is left.
  const promises = read.value.entries.some(({ promise }) => promise !== undefined);
  expect(essence(read.value, promises) === essence(sound.read, promises), what).toBe(true);
  expect(proof.times.length, what).toBeLessThanOrEqual(sound.proof.times.length);
  for (const time of proof.times) expect(sound.proof.times, what).toContainEqual(time);
  expect(proof.claims, what).toEqual(sound.proof.claims);
  // The library refuses what it knows no log for.
  if (read.value.entries.every(({ logId }) => ROOT.logs.some(({ id }) => id === logId)))
    expect(libraryAccepts(changed, FILE, ROOT), `${what}, by the library alone`).toBe(true);
}

/** What a change may do to one bundle: to its text, or to what the text stands for. */
type Change = (json: Json, random: Random) => void;

const entryOf = (json: Json): Json => json.verificationMaterial.tlogEntries[0];
const another = (text: string, random: Random): string => bytewise(Buffer.from(text), random).toString();

const changeCertificate: Change = ({ verificationMaterial: { certificate } }, random) =>
  inBase64(certificate, 'rawBytes', random, changeDer);

const changePromise: Change = (json, random) => {
  const entry = entryOf(json);
  const { inclusionPromise } = entry;
  if (inclusionPromise === undefined) {
    // A promise where there was none, of a time that would suit.
    const promise = bytewise(overFile, random);
    entry.inclusionPromise = { signedEntryTimestamp: promise.toString('base64') };
    entry.integratedTime = String(NOON / 1000);
  } else if (random(2) === 0) inBase64(inclusionPromise, 'signedEntryTimestamp', random, changeDer);
  else {
    const key = pick(['integratedTime', 'logIndex'], random);
    entry[key] = random(2) === 0 ? another(entry[key], random) : String(random(2 ** 31));
  }
};

const changeProof: Change = (json, random) => {
  const { inclusionProof: proof } = entryOf(json);
  const { hashes } = proof;
  const at = random(hashes.length);
  const other = random(hashes.length);
  switch (random(7)) {
    case 0:
      return inBase64(hashes, at, random);
    case 1:
      return void hashes.splice(at, 1);
    case 2:
      return void hashes.splice(at, 0, hashes[other]);
    case 3:
      return void ([hashes[at], hashes[other]] = [hashes[other], hashes[at]]);
    case 4:
      return inBase64(proof, 'rootHash', random);
    case 5:
      return void (proof.logIndex = random(2) === 0 ? another(proof.logIndex, random) : String(random(2 ** 27)));
    default:
      return void (proof.treeSize = random(2) === 0 ? another(proof.treeSize, random) : String(random(2 ** 27)));
  }
};

const changeCheckpoint: Change = (json, random) => {
  const { checkpoint } = entryOf(json).inclusionProof;
  const lines = String(checkpoint.envelope).split('\n');
  const at = random(lines.length);
  switch (random(4)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(at, 0, pick([...lines, 'a line', '\u2014 witness AAAAAAAA', '\u2014 '], random));
      break;
    case 2:
      lines[at] = lines.slice(at).join(' ');
      break;
    default:
      checkpoint.envelope = another(checkpoint.envelope, random);
      return;
  }
  checkpoint.envelope = lines.join('\n');
};

const changeTimestamp: Change = ({ verificationMaterial: { timestampVerificationData: data } }, random) =>
  inBase64(data.rfc3161Timestamps[0], 'signedTimestamp', random, changeDer);

const [INDEX1, INDEX2, STATEMENT1] = [0, 1, 2];

describe('of changed bundles, none is accepted, none makes anything throw, and none takes long', () => {
  /** @param of which bundles have what is changed; @param codes how many different refusals come of it, so that none is idle */
  async function expectRefusals(
    of: readonly number[],
    codes: number,
    change: (text: string, random: Random) => Uint8Array,
  ) {
    const random = randomness(SEED);
    const refusals = new Set<string>();
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const sound = SOUND[of[i % of.length] ?? 0]!;
      const changed = change(sound.text, random);
      const what = `number ${i}: ${Buffer.from(changed).toString().slice(0, 3000)}`;
      const proof = await quickly(what, () => check(changed));
      if (proof.kind === 'proved') expectSame(changed, proof, sound, what);
      else {
        refusals.add(proof.code);
        refused++;
      }
    }
    expect(refusals.size).toBeGreaterThanOrEqual(codes);
    // Not every change says something, but most do.
    expect(refused).toBeGreaterThan(MUTATIONS / 2);
  }
  const inJson = (change: Change) => (text: string, random: Random) => {
    const json = JSON.parse(text);
    change(json, random);
    return Buffer.from(JSON.stringify(json));
  };

  it(
    mutations('one byte of a bundle'),
    () => expectRefusals([INDEX1, INDEX2, STATEMENT1], 5, (text, random) => bytewise(Buffer.from(text), random)),
    MUTATIONS_TIMEOUT,
  );

  it.each<[string, readonly number[], number, Change]>([
    ['the structure of a bundle', [INDEX1, INDEX2, STATEMENT1], 7, changeJson],
    ["the signer's certificate", [INDEX1, INDEX2, STATEMENT1], 3, changeCertificate],
    ["a log's promise", [INDEX1, STATEMENT1, INDEX2], 2, changePromise],
    ['a proof of inclusion', [INDEX1, INDEX2, STATEMENT1], 2, changeProof],
    ['a checkpoint', [INDEX1, INDEX2, STATEMENT1], 1, changeCheckpoint],
    ['a timestamp', [INDEX2, STATEMENT1], 1, changeTimestamp],
  ])(mutations('%s'), (_what, of, codes, change) => expectRefusals(of, codes, inJson(change)), MUTATIONS_TIMEOUT);

  it(
    mutations("the signer's certificate before it was logged"),
    async () => {
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) {
        const der = changeDer(signer.der, random);
        if (Buffer.compare(der, signer.der) === 0) continue;
        const pem = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
        const bundle = (i % 2 === 0 ? fileInRekor1 : fileInRekor2)({ ...signer, der, pem });
        const proof = await quickly(`number ${i}`, () => check(Buffer.from(JSON.stringify(bundle))));
        expect(proof.kind, `number ${i}: ${der.toString('hex')}`).toBe('refused');
      }
    },
    MUTATIONS_TIMEOUT,
  );
});

// The library passes over bytes behind the list and over the algorithm that a promise names; here they are refused too.
describe('promises of certificate logs', () => {
  const bundleFor = (certificate: Issued): Buffer => {
    const signature = sign('sha256', FILE, certificate.keys.privateKey);
    const entry = logged(SIGSTORE.rekor, hashedRekord1(FILE, signature, certificate.pem));
    return Buffer.from(JSON.stringify(bundleOf({ content: message(FILE, signature), certificate, entries: [entry] })));
  };
  const twice = (list: Buffer): Buffer => {
    const body = Buffer.concat([list.subarray(2), list.subarray(2)]);
    return Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]);
  };

  it(
    mutations('that were changed before the certificate was issued are never accepted'),
    async () => {
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) {
        const kind = random(10);
        const changed = new Set<boolean>();
        const certificate = leaf({
          keys: signer.keys,
          promises: (list) => {
            if (kind === 8) return twice(list);
            if (kind === 9) return Buffer.concat([list, list.subarray(random(list.length))]);
            const other = bytewise(list, random);
            changed.add(Buffer.compare(other, list) !== 0);
            return other;
          },
        });
        if (changed.has(false)) continue;
        const proof = await quickly(`number ${i}`, () => check(bundleFor(certificate)));
        expect(proof, `number ${i}`).toMatchObject({ kind: 'refused', code: 'CERTIFICATE_NOT_LOGGED' });
      }
    },
    MUTATIONS_TIMEOUT,
  );

  it('that are sound are accepted by both', async () => {
    const bundle = bundleFor(leaf());
    expect((await check(bundle)).kind).toBe('proved');
    expect(libraryAccepts(bundle, FILE, ROOT)).toBe(true);
  });
});
