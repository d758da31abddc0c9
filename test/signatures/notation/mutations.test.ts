import { describe, expect, it } from 'vitest';
import { type EnvelopeKind, readEnvelope } from '../../../src/signatures/notation/envelope.ts';
import { aboutThis, readPayload } from '../../../src/signatures/notation/payload.ts';
import type { Issued } from '../../fixtures/certificates.ts';
import * as cbor from '../../fixtures/notation/cbor-writer.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../mutation-count.ts';
import { bytewise, changeDer, changeJson, type Random, randomness } from '../mutators.ts';
import { envelope, integrity, rsaSigner, signer, TARGET } from './envelopes.ts';

/** Expects that a changed envelope is refused, or says the same by the same key: not all of an envelope is signed. */
async function expectNothingNew(kind: EnvelopeKind, original: Buffer, mutant: Buffer): Promise<'refused' | 'same'> {
  const what = mutant.toString('base64');
  const result = await quickly(what, () => integrity(kind, mutant));
  if (result.kind === 'refused') return 'refused';
  const good = readEnvelope(kind, original);
  if (good.kind !== 'verified') expect.fail(good.message);
  expect(result.value.signed, what).toEqual(good.value.signed);
  expect(result.value.signature, what).toEqual(good.value.signature);
  expect(result.value.chain[0].publicKey.fingerprint, what).toBe(good.value.chain[0].publicKey.fingerprint);
  expect({ ...result.value, chain: 0, timestampToken: 0 }, what).toEqual({
    ...good.value,
    chain: 0,
    timestampToken: 0,
  });
  return 'same';
}

const timed = (kind: EnvelopeKind, by: Issued): Buffer =>
  envelope(kind, { expiry: Date.parse('2030-01-01T00:00:00Z'), timestampToken: () => Buffer.alloc(100, 0x30) }, by);
const many = (title: string, run: () => Promise<void>) => it(mutations(title), run, MUTATIONS_TIMEOUT);

/** Runs so many changes of an envelope. Some must have been refused: else nothing was tried. */
async function tryAll(kind: EnvelopeKind, original: Buffer, change: (random: Random) => Buffer): Promise<void> {
  const random = randomness(SEED);
  let refusals = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const mutant = change(random);
    if (mutant.equals(original)) continue;
    if ((await expectNothingNew(kind, original, mutant)) === 'refused') refusals++;
  }
  expect(refusals).toBeGreaterThan(0);
}

describe('notation envelopes that are not as they were signed say nothing new, throw nothing, and take no long time', () => {
  for (const [name, by] of [
    ['EC', signer],
    ['RSA', rsaSigner],
  ] as const) {
    const jws = timed('jws', by);
    const cose = timed('cose', by);

    many(`JWS by ${name}, in one byte`, () => tryAll('jws', jws, (random) => bytewise(jws, random)));
    many(`COSE by ${name}, in one byte`, () => tryAll('cose', cose, (random) => bytewise(cose, random)));

    many(`JWS by ${name}, in its structure`, () =>
      tryAll('jws', jws, (random) => {
        const json = JSON.parse(jws.toString());
        changeJson(json, random);
        return Buffer.from(JSON.stringify(json));
      }),
    );

    many(`JWS by ${name}, in its protected header`, () =>
      tryAll('jws', jws, (random) => {
        const json = JSON.parse(jws.toString());
        const header = JSON.parse(Buffer.from(json.protected, 'base64url').toString());
        changeJson(header, random);
        // Written with a space, so that it is never what was signed.
        json.protected = Buffer.from(` ${JSON.stringify(header)}`).toString('base64url');
        return Buffer.from(JSON.stringify(json));
      }),
    );

    many(`COSE by ${name}, by pieces of it put elsewhere`, () =>
      tryAll('cose', cose, (random) => {
        const piece = (): readonly [number, number] => {
          const from = random(cose.length);
          return [from, from + random(Math.min(64, cose.length - from) + 1)];
        };
        const [from, to] = piece();
        const [start, end] = piece();
        return Buffer.concat([cose.subarray(0, from), cose.subarray(start, end), cose.subarray(to)]);
      }),
    );
  }

  many("the signer's certificate, in its bytes or its structure", async () => {
    const [jws, cose] = [timed('jws', signer), timed('cose', signer)];
    const text = (der: Uint8Array): string => Buffer.from(der).toString('base64');
    const own = cbor.bytes(signer.der);
    const at = cose.indexOf(own);
    const inJws = (der: Buffer): Buffer => Buffer.from(jws.toString().replace(text(signer.der), text(der)));
    const inCose = (der: Buffer): Buffer =>
      Buffer.concat([cose.subarray(0, at), cbor.bytes(der), cose.subarray(at + own.length)]);
    await tryAll('jws', jws, (random) => inJws(changeDer(signer.der, random)));
    await tryAll('cose', cose, (random) => inCose(changeDer(signer.der, random)));
  });

  many('payloads', async () => {
    const original = Buffer.from(JSON.stringify({ targetArtifact: { ...TARGET, annotations: { a: 'b' } } }));
    const random = randomness(SEED);
    for (let i = 0; i < MUTATIONS; i++) {
      const json = JSON.parse(original.toString());
      changeJson(json, random);
      const mutant = i % 2 === 0 ? bytewise(original, random) : Buffer.from(JSON.stringify(json));
      const read = await quickly(mutant.toString('latin1'), async () => readPayload(mutant));
      if (read.kind === 'refused' || aboutThis(read.value, TARGET).kind === 'refused') continue;
      const { mediaType, digest, size } = JSON.parse(mutant.toString()).targetArtifact;
      expect({ mediaType, digest, size }).toEqual(TARGET);
    }
  });

  many('any bytes at all', async () => {
    const random = randomness(SEED);
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = Buffer.from(Array.from({ length: random(200) }, () => random(256)));
      const message = Buffer.concat([Buffer.from([0xd2, 0x84]), bytes]);
      for (const [kind, input] of [
        ['cose', message],
        ['cose', bytes],
        ['jws', bytes],
      ] as const)
        expect((await quickly(input.toString('hex'), () => integrity(kind, input))).kind).toBe('refused');
    }
  });

  it('as large as is read at all, and slow to read', async () => {
    const mib = 1024 * 1024;
    const filled = (start: string, fill: string, end: string): Buffer =>
      Buffer.from(start + fill.repeat(Math.floor((mib - start.length - end.length) / fill.length)) + end);
    const header = Buffer.from(`{"crit":[${'"a",'.repeat(9000)}"b"],"alg":"ES256"}`).toString('base64url');
    const inputs = [
      ['jws', filled('{"payload":"', 'A', '"}')],
      ['jws', filled('{"payload":"', `${'A'.repeat(30)}\\u002b`, '"}')],
      ['jws', filled('{"payload":"","signature":"","header":{"x5c":["', 'A', `"]},"protected":"${header}"}`)],
      ['jws', filled(`{"payload":"","signature":"","header":{"x5c":["`, 'MIIB', `"]},"protected":"${header}"}`)],
      ['cose', Buffer.concat([Buffer.from([0xd2, 0x84, 0x5a, 0, 0x0f, 0xff, 0]), Buffer.alloc(0xfff00)])],
      ['cose', Buffer.concat([Buffer.from([0x9a, 0, 0x0f, 0xff, 0]), Buffer.alloc(0xfff00, 0x60)])],
      ['cose', Buffer.concat([Buffer.from([0xba, 0, 0x07, 0xff, 0]), Buffer.alloc(0xffe00, 0x20)])],
    ] as const;
    for (const [kind, input] of inputs)
      expect((await quickly(kind, () => integrity(kind, input))).kind).toBe('refused');
  });
});
