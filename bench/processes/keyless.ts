/** Keyless verification in a process of its own, beside one P-256 verification and beside the bare cryptography in it. */
import crypto, { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { attach, publishImage } from '../../src/cli/demo/publish.ts';
import { bundleReferrer, createSigner } from '../../src/cli/demo/signer.ts';
import type { Leaf } from '../../src/model/requirement.ts';
import { proveCandidate } from '../../src/signatures/prove-candidate.ts';
import { createMaterialLoader } from '../../src/trust/proof-material.ts';
import { createTrustStore } from '../../src/trust/trust-store.ts';
import { everywhere, keyLeaf, policyOf } from '../../test/fixtures/keys.ts';
import type { Form } from '../../test/fixtures/sigstore/signatures.ts';
import { ask, startWorld } from '../../test/fixtures/world.ts';
import { bundleBy, keylessRule, publicGoodLike, type Signed, signedAnew } from '../content/keyless.ts';
import { answerParent } from './worker.ts';

/** What can be asked of the process: one round over so many signatures of a form that it never saw, or a whole decision. */
export type KeylessAsk =
  | { readonly kind: 'round'; readonly form: Form; readonly round: number; readonly count: number }
  | { readonly kind: 'bundles'; readonly count: number };

/** Microseconds of CPU for one signature, and how many bare verifications are in it. */
export type KeylessRound = {
  readonly verification: number;
  readonly cryptography: number;
  readonly bare: number;
  readonly calls: number;
};

type Call = readonly [algorithm: string | null, data: Uint8Array, key: crypto.KeyObject, signature: Uint8Array];

const AT = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
const sigstore = publicGoodLike(AT);
const loaded = createMaterialLoader(createTrustStore())(keylessRule(sigstore));
if (!loaded.ok) throw new Error(loaded.failure.message);
const material = loaded.value;

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const payload = randomBytes(250);
const signature = sign('sha256', payload, privateKey);
const bareVerify = crypto.verify;

async function prove({ candidate, bytes, image }: Signed): Promise<void> {
  const proof = await proveCandidate(candidate, bytes, material, { ...image, size: 1, annotations: {} }, Date.now());
  if (!proof.ok || proof.value.kind !== 'proved') throw new Error(`not verified: ${JSON.stringify(proof)}`);
}

/** What one verification asks OpenSSL, written down by a stand-in for `crypto.verify`. */
async function callsIn(signed: Signed): Promise<readonly Call[]> {
  const calls: Call[] = [];
  Object.assign(crypto, {
    verify: (...args: Parameters<typeof bareVerify>) => {
      calls.push([...args].slice(0, 4) as unknown as Call);
      return bareVerify(...args);
    },
  });
  syncBuiltinESMExports();
  await prove(signed);
  Object.assign(crypto, { verify: bareVerify });
  syncBuiltinESMExports();
  return calls;
}

async function measure(count: number, each: (index: number) => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) await each(index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function round({ form, round, count }: Extract<KeylessAsk, { kind: 'round' }>): Promise<KeylessRound> {
  const signed = Array.from({ length: count }, (_, index) => signedAnew(sigstore, form, `${form}-${round}-${index}`));
  const verification = await measure(count, async (index) => {
    const one = signed[index];
    if (one !== undefined) await prove(one);
  });
  const cryptography = await measure(count * 4, () => {
    if (!bareVerify('sha256', payload, publicKey, signature)) throw new Error('a signature does not verify');
  });
  const calls = await callsIn(signedAnew(sigstore, form, `${form}-${round}-calls`));
  const bare = await measure(count, () => {
    for (const [algorithm, data, key, proof] of calls) bareVerify(algorithm, data, key, proof);
  });
  return { verification, cryptography, bare, calls: calls.length };
}

/** Requests of a cold decision on one image with so many bundles, of which the policy wants the last one's signer. */
async function requestsFor(count: number): Promise<number> {
  const world = await startWorld();
  const image = publishImage(world.server, 'bundles', 'bundles');
  for (let index = 0; index < count; index++)
    attach(world.server, 'bundles', bundleReferrer(image, bundleBy(sigstore, `signer-${index}@example.com`, image)));
  const subject = { of: 'email', text: { kind: 'exact', text: `signer-${count - 1}@example.com` } } as const;
  const leaf: Leaf = {
    ...keyLeaf([createSigner()]),
    proof: keylessRule(sigstore),
    signer: { kind: 'identities', anyOf: [{ issuer: 'any', subject }] },
  };
  const engine = world.engine([everywhere(policyOf({ kind: 'some', leaf }))]);
  const { allowed, cost } = await ask(engine, [`${world.server.host}/bundles@${image.digest}`]);
  await world.close();
  if (!allowed) throw new Error('the image with many bundles was refused');
  return cost.requests;
}

answerParent(
  (asked: KeylessAsk): Promise<KeylessRound | number> =>
    asked.kind === 'round' ? round(asked) : requestsFor(asked.count),
);
