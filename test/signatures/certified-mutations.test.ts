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
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from './mutation-count.ts';
import { bytewise, changeDer, changeJson, inBase64, type Random, randomness } from './mutators.ts';
import type { Json } from './sigstore/instance.ts';

const image = imageArtifact('hello');
const layer = certifiedLayer(image);
const good = layer.annotations ?? {};
const entry = good[ANNOTATIONS.rekorBundle] ?? '';
const load = createMaterialLoader(createTrustStore());

/** Proves the layer with its payload or some annotations replaced, under a rule, and expects that it takes no long time. */
function prove(
  change: { readonly payload?: Uint8Array; readonly annotations?: Readonly<Record<string, string>> },
  rule: Parameters<typeof load>[0] = fulcioProof(),
) {
  const { payload = layer.bytes, annotations = {} } = change;
  const material = load(rule);
  if (!material.ok || !('roots' in material.value)) throw new Error('material of certificates');
  const { value } = material;
  return quickly(JSON.stringify(annotations), () =>
    proveCertifiedLayer(payload, { ...good, ...annotations }, value, image.digest, NOON),
  );
}

/** Each of so many changes of some bytes, but those that put the same in place of itself. */
function* mutants(bytes: Uint8Array, change: (bytes: Uint8Array, random: Random) => Buffer) {
  const random = randomness(SEED);
  for (let i = 0; i < MUTATIONS; i++) {
    const mutant = change(bytes, random);
    if (Buffer.compare(mutant, bytes) !== 0) yield mutant;
  }
}

const many = (title: string, run: () => Promise<void>) => it(mutations(title), run, MUTATIONS_TIMEOUT);

describe('what is not as it was signed proves nothing, throws nothing, and takes no long time', () => {
  it('starts from what is proved', async () => {
    expect(await prove({})).toMatchObject({ kind: 'proved' });
    expect(await prove({}, pkiProof(root.pem))).toMatchObject({ kind: 'proved' });
  });

  many('certificates, with a log and without', async () => {
    for (const mutant of mutants(ann.der, changeDer)) {
      const change = { annotations: { [ANNOTATIONS.certificate]: writePem('CERTIFICATE', mutant) } };
      expect((await prove(change)).kind).toBe('disproved');
      expect((await prove(change, pkiProof(root.pem))).kind).toBe('disproved');
    }
  });

  many('chains', async () => {
    for (const mutant of mutants(intermediate.der, changeDer)) {
      const change = { annotations: { [ANNOTATIONS.chain]: writePem('CERTIFICATE', mutant) + root.pem } };
      expect((await prove(change)).kind).toBe('disproved');
      expect((await prove(change, pkiProof(root.pem))).kind).toBe('disproved');
    }
  });

  many('payloads', async () => {
    for (const payload of mutants(layer.bytes, bytewise)) {
      expect((await prove({ payload })).kind).toBe('disproved');
      expect((await prove({ payload }, pkiProof(root.pem))).kind).toBe('disproved');
    }
  });

  many('promises of a log', async () => {
    const random = randomness(SEED);
    for (let i = 0; i < MUTATIONS; i++) {
      const json: Json = JSON.parse(entry);
      inBase64(json, 'SignedEntryTimestamp', random, changeDer);
      const mutant = JSON.stringify(json);
      if (mutant === entry) continue;
      const proof = await prove({ annotations: { [ANNOTATIONS.rekorBundle]: mutant } });
      expect(proof.kind, mutant).toBe('disproved');
    }
  });

  many('log entries, in one byte or in their structure', async () => {
    const signed = (text: string): string => JSON.stringify(JSON.parse(text));
    const random = randomness(SEED);
    for (let i = 0; i < MUTATIONS; i++) {
      const json: Json = JSON.parse(entry);
      changeJson(json, random);
      const mutant = i % 2 === 0 ? bytewise(Buffer.from(entry), random).toString('latin1') : JSON.stringify(json);
      const proof = await prove({ annotations: { [ANNOTATIONS.rekorBundle]: mutant } });
      // A space between two members is all that may be added to what a log signed.
      if (proof.kind === 'proved') expect(signed(mutant)).toBe(signed(entry));
    }
  });

  many('texts in place of PEM', async () => {
    const bare = (pem: string): string => pem.replace(/\s/g, '');
    for (const mutant of mutants(Buffer.from(ann.pem), bytewise)) {
      const pem = mutant.toString('latin1');
      const proof = await prove({ annotations: { [ANNOTATIONS.certificate]: pem } });
      // Line ends may move; the bytes may not.
      if (proof.kind === 'proved') expect(bare(pem)).toBe(bare(ann.pem));
    }
  });

  many('certificates of any bytes are read or refused', async () => {
    const random = randomness(SEED);
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = Buffer.from(Array.from({ length: random(300) }, () => random(256)));
      const der = Buffer.concat([Buffer.from([0x30, bytes.length & 0x7f]), bytes]);
      expect((await quickly(der.toString('hex'), async () => parseCertificate(der))).ok).toBe(false);
    }
  });
});
