import { describe, expect, it } from 'vitest';
import { trustedCertificate } from '../../../src/trust/notation/authenticity.ts';
import { readSubject } from '../../../src/trust/notation/distinguished-name.ts';
import { codeSigningChainProblem, timestampingChainProblem } from '../../../src/trust/notation/profile.ts';
import { parseCertificate } from '../../../src/trust/x509/certificate.ts';
import { createVerifiedEdges } from '../../../src/trust/x509/chain.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../../signatures/mutation-count.ts';
import { bytewise, changeDer, randomness } from '../../signatures/mutators.ts';
import { intermediate, leafOf, NOTARY, parsed, root, timestamperOf } from './chains.ts';

const CHAINS = {
  signer: [leafOf(intermediate, { name: NOTARY }), intermediate, root],
  timestamper: [timestamperOf(intermediate), intermediate, root],
  alone: [leafOf('self', { name: NOTARY })],
} as const;

/** What stands against a chain; its certificates are trusted by those that were there before the change. */
async function against(of: keyof typeof CHAINS, changed: readonly Uint8Array[]): Promise<string | undefined> {
  const certificates = [];
  for (const der of changed) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return certificate.code;
    certificates.push(certificate.value);
  }
  // Whatever a subject is changed to, reading it comes to an end.
  for (const certificate of certificates) readSubject(certificate);
  const problem = of === 'timestamper' ? timestampingChainProblem : codeSigningChainProblem;
  const found = await problem(certificates, createVerifiedEdges());
  if (found !== undefined) return found.code;
  const ca = CHAINS[of].map(parsed);
  const trusted = trustedCertificate(certificates, 'notary.x509', { ca, signingAuthority: [] });
  return trusted.ok ? undefined : trusted.code;
}

describe('a chain that is not as it was issued stands for nobody, throws nothing, and takes no long time', () => {
  it.each(['signer', 'timestamper', 'alone'] as const)('starts from one that stands: %s', async (of) => {
    expect(
      await against(
        of,
        CHAINS[of].map(({ der }) => der),
      ),
    ).toBeUndefined();
  });

  it.each(['signer', 'timestamper', 'alone'] as const)(
    mutations('certificates of %s'),
    async (of) => {
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) {
        const chain: Uint8Array[] = CHAINS[of].map(({ der }) => der);
        const at = i % chain.length;
        const good = chain[at] ?? new Uint8Array();
        const mutant = i % 2 === 0 ? changeDer(good, random) : bytewise(good, random);
        if (Buffer.compare(mutant, good) === 0) continue;
        chain[at] = mutant;
        expect(await quickly(mutant.toString('hex'), () => against(of, chain))).toBeTypeOf('string');
      }
    },
    MUTATIONS_TIMEOUT,
  );
});
