/** GPG signatures in a process of its own: what verifying one costs, and what an image costs the registry and the lookaside. */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { publishImage } from '../../src/cli/demo/publish.ts';
import { hexOf } from '../../src/image/digest.ts';
import { loadPolicies } from '../../src/policy/sources/load.ts';
import { proveSimpleSigning } from '../../src/signatures/simple-signing/prove.ts';
import { parseKeyring } from '../../src/trust/openpgp/keyring.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../../test/fixtures/openpgp/signer.ts';
import { ask, startWorld } from '../../test/fixtures/world.ts';
import { answerParent } from './worker.ts';

/** What can be asked of the process: one round over so many messages that it never saw, or what whole decisions ask for. */
export type GpgAsk = { readonly kind: 'round'; readonly count: number } | { readonly kind: 'requests' };

/** Microseconds of CPU for one message, for one P-256 verification, and for one by the message's own kind of key. */
export type GpgRound = { readonly verification: number; readonly cryptography: number; readonly bare: number };

/** Requests of the first decision by digest, of the same again, and of the first and second by tag. */
export type GpgRequests = {
  readonly cold: number;
  readonly repeat: number;
  readonly tagCold: number;
  readonly tagRepeat: number;
};

/** What gpg makes unless it is told otherwise, and what Red Hat and most others sign with. */
const signer = createOpenPgpSigner({ kind: 'RSA-3072' });
const keyring = parseKeyring(signer.publicKeyBinary);
if (!keyring.ok) throw new Error(keyring.failure.message);
const material = { kind: 'openpgp', certificates: keyring.value, weakAlgorithms: 'refuse' } as const;

const payload = randomBytes(250);
const pairs = {
  cryptography: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  bare: generateKeyPairSync('rsa', { modulusLength: 3072 }),
};
const signatures = {
  cryptography: sign('sha256', payload, pairs.cryptography.privateKey),
  bare: sign('sha256', payload, pairs.bare.privateKey),
};

async function measure(count: number, each: (index: number) => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) await each(index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function round(count: number): Promise<GpgRound> {
  const messages = Array.from({ length: count }, () => {
    const { digest } = imageArtifact(randomBytes(16).toString('hex'));
    return { digest, bytes: signer.sign(simpleSigningPayload({ digest })) };
  });
  const verification = await measure(count, async (index) => {
    const message = messages[index];
    if (message === undefined) return;
    const proof = await proveSimpleSigning(message.bytes, material, message.digest);
    if (!proof.ok || proof.value.kind !== 'proved') throw new Error(`not verified: ${JSON.stringify(proof)}`);
  });
  const verifications = (of: keyof typeof pairs) =>
    measure(count * 4, () => {
      if (!verify('sha256', payload, pairs[of].publicKey, signatures[of]))
        throw new Error('a signature does not verify');
    });
  return { verification, cryptography: await verifications('cryptography'), bare: await verifications('bare') };
}

/** Requests of decisions on an image under a `policy.json`, whose signature a lookaside at the registry's host hands out. */
async function requests(): Promise<GpgRequests> {
  const lookaside = new Map<string, Uint8Array>();
  const world = await startWorld({
    fault: ({ path }, _request, response) => {
      if (!path.startsWith('/lookaside/')) return false;
      const bytes = lookaside.get(path);
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      return true;
    },
  });
  const { host } = world.server;
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-gpg-'));
  const requirement = {
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyData: Buffer.from(signer.publicKeyBinary).toString('base64'),
  };
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [host]: [requirement] } } };
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy));
  const registriesD = { 'default-docker': { lookaside: `http://${host}/lookaside` } };
  await writeFile(join(folder, 'registries.yaml'), JSON.stringify(registriesD));
  const loaded = await loadPolicies([{ path: folder }]);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  const { sets, storage } = loaded.value;

  // An engine of its own for each: that the registry has no signatures of its own is remembered.
  const twice = async (name: string, image: (digest: string) => string): Promise<readonly [number, number]> => {
    const { digest } = publishImage(world.server, name, name, 'v1');
    const message = signer.sign(simpleSigningPayload({ digest, reference: `${host}/${name}:v1` }));
    lookaside.set(`/lookaside/${name}@sha256=${hexOf(digest)}/signature-1`, message);
    const engine = world.engine([], {}, { policies: () => ({ sets, exemptions: [], storage }) });
    const once = async (): Promise<number> => {
      const before = world.server.requests.length;
      const { allowed, cost } = await ask(engine, [image(digest)]);
      const seen = world.server.requests.length - before;
      if (!allowed || cost.requests !== seen)
        throw new Error(`a GPG image came to ${allowed}; ${cost.requests} requests said, ${seen} seen`);
      return seen;
    };
    return [await once(), await once()];
  };
  const [cold, repeat] = await twice('by-digest', (digest) => `${host}/by-digest@${digest}`);
  const [tagCold, tagRepeat] = await twice('by-tag', () => `${host}/by-tag:v1`);
  await world.close();
  await rm(folder, { recursive: true });
  return { cold, repeat, tagCold, tagRepeat };
}

answerParent(
  (asked: GpgAsk): Promise<GpgRound | GpgRequests> => (asked.kind === 'round' ? round(asked.count) : requests()),
);
