import { describe, expect, it } from 'vitest';
import { imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { writePem } from '../../src/encoding/pem.ts';
import { ANNOTATIONS } from '../../src/signatures/cosign/formats.ts';
import { proveCertifiedLayer } from '../../src/signatures/cosign/prove-certified.ts';
import { createMaterialLoader } from '../../src/trust/proof-material.ts';
import { createTrustStore } from '../../src/trust/trust-store.ts';
import { parseCertificate } from '../../src/trust/x509/certificate.ts';
import { NOON } from '../fixtures/certificates.ts';
import { ann, certifiedLayer, fulcioProof, intermediate, pkiProof, root } from './certified.ts';

/** Mutations of each kind. */
const RUNS = 300;

const image = imageArtifact('hello');
const layer = certifiedLayer(image);
const good = layer.annotations ?? {};
const load = createMaterialLoader(createTrustStore());

/** Proves the layer with some annotations replaced, under a rule. */
async function prove(change: Readonly<Record<string, string>>, rule: Parameters<typeof load>[0] = fulcioProof()) {
  const material = load(rule);
  if (!material.ok || !('roots' in material.value)) throw new Error('material of certificates');
  return proveCertifiedLayer(layer.bytes, { ...good, ...change }, material.value, image.digest, NOON);
}

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

/** One change of one byte: flipped, replaced, put in, taken out, or doubled; or the rest cut off. */
function bytewise(bytes: Uint8Array, random: (below: number) => number): Buffer {
  const at = random(bytes.length);
  const [byte = 0] = bytes.subarray(at, at + 1);
  const kind = random(6);
  if (kind === 5) return Buffer.from(bytes.subarray(0, at));
  const middle = [[byte ^ (1 << random(8))], [random(256)], [random(256), byte], [], [byte, byte]][kind] ?? [];
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(at + 1)]);
}

/** The start of each DER element, found without believing in its tag. */
function elements(der: Uint8Array, from = 0, to = der.length): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = from; at + 1 < to; ) {
    const first = der[at + 1] ?? 0;
    const octets = first < 0x80 ? 0 : first - 0x80;
    let length = first < 0x80 ? first : 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[at + 2 + i] ?? 0);
    const start = at + 2 + octets;
    if (start + length > to) return found;
    found.push([at, start + length]);
    if (((der[at] ?? 0) & 0x20) !== 0) found.push(...elements(der, start, start + length));
    at = start + length;
  }
  return found;
}

/** One change of structure: an element overwritten with another, or two of them exchanged, lengths left as they are. */
function structural(der: Uint8Array, random: (below: number) => number): Buffer {
  const all = elements(der);
  const [a = [0, 0]] = [all[random(all.length)]];
  const [b = [0, 0]] = [all[random(all.length)]];
  const [first, second] = a[0] <= b[0] ? [a, b] : [b, a];
  const piece = (of: readonly [number, number]) => der.subarray(of[0], of[1]);
  if (second[0] < first[1]) return Buffer.concat([der.subarray(0, first[0]), piece(second), der.subarray(first[1])]);
  const between = der.subarray(first[1], second[0]);
  return Buffer.concat([der.subarray(0, first[0]), piece(second), between, piece(first), der.subarray(second[1])]);
}

const mutants = (bytes: Uint8Array, seed: number) => {
  const random = randomness(seed);
  return Array.from({ length: RUNS }, (_, i) => (i % 2 === 0 ? bytewise : structural)(bytes, random)).filter(
    (mutant) => Buffer.compare(mutant, bytes) !== 0,
  );
};

describe('what is not as it was signed proves nothing, and nothing throws', () => {
  it('starts from what is proved', async () => {
    expect(await prove({})).toMatchObject({ kind: 'proved' });
    expect(await prove({}, pkiProof(root.pem))).toMatchObject({ kind: 'proved' });
  });

  it(`${RUNS} certificates, with a log and without`, async () => {
    for (const mutant of mutants(ann.der, 1)) {
      const change = { [ANNOTATIONS.certificate]: writePem('CERTIFICATE', mutant) };
      expect((await prove(change)).kind).toBe('disproved');
      expect((await prove(change, pkiProof(root.pem))).kind).toBe('disproved');
    }
  });

  it(`${RUNS} chains`, async () => {
    for (const mutant of mutants(intermediate.der, 2)) {
      const change = { [ANNOTATIONS.chain]: writePem('CERTIFICATE', mutant) + root.pem };
      expect((await prove(change)).kind).toBe('disproved');
      expect((await prove(change, pkiProof(root.pem))).kind).toBe('disproved');
    }
  });

  it(`${RUNS} log entries`, async () => {
    const entry = good[ANNOTATIONS.rekorBundle] ?? '';
    const written = JSON.stringify(JSON.parse(entry));
    const random = randomness(3);
    for (let i = 0; i < RUNS; i++) {
      const mutant = bytewise(Buffer.from(entry), random).toString('latin1');
      const proof = await prove({ [ANNOTATIONS.rekorBundle]: mutant });
      // A space between two members is all that may be added to what a log signed.
      if (proof.kind === 'proved') expect(JSON.stringify(JSON.parse(mutant))).toBe(written);
    }
  });

  it(`${RUNS} texts in place of PEM`, async () => {
    const random = randomness(4);
    for (let i = 0; i < RUNS; i++) {
      const pem = bytewise(Buffer.from(ann.pem), random).toString('latin1');
      const proof = await prove({ [ANNOTATIONS.certificate]: pem });
      // Line ends may move; the bytes may not.
      if (proof.kind === 'proved') expect(pem.replace(/\s/g, '')).toBe(ann.pem.replace(/\s/g, ''));
    }
  });

  it('and certificates of any bytes are read or refused', () => {
    const random = randomness(5);
    for (let i = 0; i < RUNS; i++) {
      const bytes = Buffer.from(Array.from({ length: random(300) }, () => random(256)));
      expect(parseCertificate(Buffer.concat([Buffer.from([0x30, bytes.length & 0x7f]), bytes])).ok).toBe(false);
    }
  });
});
