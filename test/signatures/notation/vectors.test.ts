import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EnvelopeKind, readEnvelope } from '../../../src/signatures/notation/envelope.ts';
import { verifyIntegrity } from '../../../src/signatures/notation/integrity.ts';
import { readPayload, userMetadata } from '../../../src/signatures/notation/payload.ts';
import type { Verified } from '../../../src/signatures/sigstore/result.ts';
import * as cbor from '../../fixtures/notation/cbor-writer.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { root, signer } from './envelopes.ts';

/** When the vectors are looked at; some have expired by then, and some never do. */
const NOW = Date.parse('2026-06-01T12:00:00Z');

/** What a vector comes to, in a few words. */
async function summary(kind: EnvelopeKind, bytes: Uint8Array): Promise<string> {
  const read = readEnvelope(kind, bytes);
  const result = read.kind === 'refused' ? read : await verifyIntegrity(read.value);
  if (result.kind === 'refused') return codeOf(result);
  const { algorithm, scheme, expiry, chain, timestampToken } = result.value;
  const payload = readPayload(result.value.payload);
  return [
    algorithm,
    scheme.name === 'notary.x509' ? 'x509' : 'authority',
    `${chain.length}`,
    timestampToken === undefined ? 'untimed' : 'timed',
    expiry !== undefined && expiry <= NOW ? 'expired' : 'current',
    payload.kind === 'verified' ? payload.value.digest.slice(7, 15) : payload.code,
  ].join(' ');
}

const codeOf = (result: Verified<unknown>): string => (result.kind === 'refused' ? result.code : 'verified');

describeVectors('notation-go/internal/mock/testdata', 'envelopes of notation-go', (path) => {
  const expected: Readonly<Record<string, string>> = {
    'ca_valid_sig_env.json': 'PS384 x509 2 untimed current 60043cf4',
    'sa_valid_sig_env.json': 'PS384 authority 2 untimed current 60043cf4',
    'ca_expired_sig_env.json': 'PS384 x509 2 untimed expired 60043cf4',
    'sa_expired_sig_env.json': 'PS384 authority 2 untimed expired 60043cf4',
    'ca_invalid_sig_env.json': 'SIGNATURE_MALFORMED',
    'sa_invalid_sig_env.json': 'SIGNATURE_MALFORMED',
    'ca_plugin_sig_env.json': 'PLUGIN_REQUIRED',
    'sa_plugin_sig_env.json': 'PLUGIN_REQUIRED',
    'sig_env_with_metadata.json': 'PS256 x509 1 untimed current 5a07385a',
  };
  const files = readdirSync(path);

  it.each(files)('%s comes to what its name says [notation-ratify 1, 2, 9]', async (file) => {
    const wanted = file.includes('compatible_pluginver') ? 'PLUGIN_REQUIRED' : expected[file];
    expect(await summary('jws', readFileSync(join(path, file)))).toBe(wanted);
  });

  it('are all there', () => {
    expect(files).toEqual(expect.arrayContaining(Object.keys(expected)));
    expect(files.filter((file) => file.includes('compatible_pluginver'))).toHaveLength(8);
  });

  it('tell what their signer said of the image', () => {
    const read = readEnvelope('jws', readFileSync(join(path, 'sig_env_with_metadata.json')));
    const payload = read.kind === 'verified' ? readPayload(read.value.payload) : read;
    if (payload.kind !== 'verified') expect.fail(payload.message);
    expect({ ...userMetadata(payload.value) }).toEqual({
      'io.wabbit-networks.buildId': '123',
      'io.wabbit-networks.buildTime': '1672944615',
    });
  });
});

describeVectors('notation-go/internal/testdata', 'signatures of notation-go', (path) => {
  it.each([
    ['jws', 'jws_signature.sig'],
    ['cose', 'cose_signature.sig'],
  ] as const)('%s verifies [notation-ratify 23]', async (kind, file) => {
    expect(await summary(kind, readFileSync(join(path, file)))).toBe('PS256 x509 1 untimed current 19dbd2e4');
  });
});

describeVectors(
  'notation-go/verifier/testdata/timestamp/sigEnv',
  'signatures with timestamps of notation-go',
  (path) => {
    const expected = [
      ['jws', 'jwsWithTimestamp.sig', 'timed'],
      ['cose', 'coseWithTimestamp.sig', 'timed'],
      ['jws', 'jwsExpiredWithTimestamp.sig', 'timed'],
      ['cose', 'coseExpiredWithTimestamp.sig', 'timed'],
      ['cose', 'timestampAfterNotAfter.sig', 'timed'],
      ['jws', 'timestampBeforeNotBefore.sig', 'timed'],
      ['jws', 'withoutTimestamp.sig', 'untimed'],
    ] as const;

    it.each(expected)(
      '%s: %s holds, whatever its certificate and its timestamp are worth',
      async (kind, file, timed) => {
        expect(await summary(kind, readFileSync(join(path, file)))).toBe(`PS256 x509 1 ${timed} current c0669ef3`);
      },
    );

    it('are all there', () => {
      expect(readdirSync(path).toSorted()).toEqual(expected.map(([, file]) => file).toSorted());
    });

    it('fail when read as what they are not', async () => {
      for (const [kind, file] of expected)
        expect(await summary(kind === 'jws' ? 'cose' : 'jws', readFileSync(join(path, file)))).toBe(
          'SIGNATURE_MALFORMED',
        );
    });
  },
);

/**
 * These hold no chain, and mark an attribute as critical that only they know. With a chain they are read as far as that goes:
 * to a signature which is not by the chain's key.
 */
describe('envelopes of notation-core-go’s conformance tests', () => {
  describeVectors('notation-core-go/signature/jws/testdata', 'JWS', (path) => {
    const vector = JSON.parse(readFileSync(join(path, 'conformance.json'), 'utf8'));

    it('is refused without a chain, and read with one', () => {
      expect(codeOf(readEnvelope('jws', Buffer.from(JSON.stringify(vector))))).toBe('SIGNATURE_MALFORMED');
      const x5c = [signer, root].map(({ der }) => Buffer.from(der).toString('base64'));
      const whole = { ...vector, header: { ...vector.header, x5c } };
      expect(readEnvelope('jws', Buffer.from(JSON.stringify(whole)))).toMatchObject({
        kind: 'verified',
        value: {
          algorithm: 'ES256',
          scheme: { name: 'notary.x509', signingTime: Date.parse('2022-08-29T13:50:00Z') },
          expiry: Date.parse('2099-08-30T13:50:00Z'),
          unknownCritical: ['signedCritKey1'],
        },
      });
    });
  });

  describeVectors('notation-core-go/signature/cose/testdata', 'COSE', (path) => {
    const vector = JSON.parse(readFileSync(join(path, 'conformance.json'), 'utf8'));
    const message = Buffer.from(vector.expectedOutput.cborHex, 'hex');

    it('is refused without a chain, and read with one', async () => {
      expect(codeOf(readEnvelope('cose', message))).toBe('SIGNATURE_MALFORMED');
      const unprotected = Buffer.from(vector.unprotectedHeaders.cborHex, 'hex');
      const at = message.indexOf(unprotected);
      const chain = Buffer.concat([
        Buffer.from([0xa2]),
        unprotected.subarray(1),
        cbor.integer(33),
        cbor.array(cbor.bytes(signer.der)),
      ]);
      const whole = Buffer.concat([message.subarray(0, at), chain, message.subarray(at + unprotected.length)]);
      const read = readEnvelope('cose', whole);
      expect(read).toMatchObject({
        kind: 'verified',
        value: {
          algorithm: 'PS384',
          scheme: { name: 'notary.x509', signingTime: 1_661_321_924_000 },
          expiry: 1_661_408_324_000,
          unknownCritical: ['signedCritKey1'],
        },
      });
      expect(await summary('cose', whole)).toBe('ALGORITHM_UNSUPPORTED');
    });
  });
});
