import { describe, expect, it } from 'vitest';
import { PACKET_TAGS, splitPackets, writePacket } from '../../../src/encoding/openpgp-packets.ts';
import type { NonEmpty } from '../../../src/model/requirement.ts';
import { proveSimpleSigning } from '../../../src/signatures/simple-signing/prove.ts';
import { createTrustStore } from '../../../src/trust/trust-store.ts';
import { createOpenPgpSigner, MADE } from '../../fixtures/openpgp/signer.ts';
import { DIGEST, judged, NOW, PAYLOAD } from '../../signatures/simple-signing/fixture.ts';

const KEY_REVOCATION = 0x20;
const SUBKEY_REVOCATION = 0x28;

/** The certificate as it was exported before anybody revoked anything in it. */
function before(keyring: Uint8Array): Uint8Array {
  const packets = splitPackets(keyring, 100);
  if (!packets.ok) throw new Error(packets.failure.message);
  const isRevocation = (body: Uint8Array) => body[1] === KEY_REVOCATION || body[1] === SUBKEY_REVOCATION;
  const kept = packets.value.filter(({ tag, body }) => tag !== PACKET_TAGS.signature || !isRevocation(body));
  return Buffer.concat(kept.map(writePacket));
}

/** What becomes of a message under keyrings, each a file of its own. */
async function say(message: Uint8Array, keyrings: NonEmpty<Uint8Array>): Promise<string> {
  const [first, ...rest] = keyrings;
  const ref = (bytes: Uint8Array) => ({ kind: 'binary', base64: Buffer.from(bytes).toString('base64') }) as const;
  const set = createTrustStore().keyrings([ref(first), ...rest.map(ref)]);
  if (!set.ok) return set.failure.code;
  const { certificates } = set.value;
  const proof = await proveSimpleSigning(message, { kind: 'openpgp', certificates, weakAlgorithms: 'refuse' }, DIGEST);
  return proof.ok ? judged(proof.value, NOW) : proof.failure.code;
}

const together = (...keyrings: readonly Uint8Array[]): Uint8Array => Buffer.concat(keyrings);

describe('a certificate that is there twice, as it was and as it is', () => {
  const other = createOpenPgpSigner();
  const key = createOpenPgpSigner({ revoked: MADE + 1_000 });
  const subkey = createOpenPgpSigner({ subkey: { revoked: MADE + 1_000 } });

  it.each<[string, ReturnType<typeof createOpenPgpSigner>, 'primary' | 'subkey']>([
    ['a key', key, 'primary'],
    ['a subkey', subkey, 'subkey'],
  ])('does not bring back %s that was revoked, wherever the old one stands', async (_, signer, by) => {
    const now = signer.publicKeyBinary;
    const old = before(now);
    const message = signer.sign(PAYLOAD, { by });
    expect(await say(message, [old])).toBe('accepted');
    expect(await say(message, [now])).toBe('KEY_REVOKED');
    for (const keyrings of [
      [old, now],
      [now, old],
      [together(old, now)],
      [together(now, other.publicKeyBinary, old)],
      [old, other.publicKeyBinary, old, now],
    ] as const)
      expect(await say(message, keyrings)).toBe('KEY_REVOKED');
  });

  it('does not bring back a subkey that stands twice in one certificate, once revoked', async () => {
    const now = subkey.publicKeyBinary;
    const packets = splitPackets(before(now), 100);
    if (!packets.ok) throw new Error(packets.failure.message);
    const at = packets.value.findIndex(({ tag }) => tag === PACKET_TAGS.publicSubkey);
    const again = Buffer.concat(packets.value.slice(at).map(writePacket));
    const message = subkey.sign(PAYLOAD, { by: 'subkey' });
    expect(await say(message, [together(before(now), again)])).toBe('accepted');
    expect(await say(message, [together(now, again)])).toBe('KEY_REVOKED');
    const revoked = splitPackets(now, 100);
    if (!revoked.ok) throw new Error(revoked.failure.message);
    const end = Buffer.concat(revoked.value.slice(at).map(writePacket));
    expect(await say(message, [together(before(now), end)])).toBe('KEY_REVOKED');
  });

  it('keeps what each of the two has, and keys that nobody revoked', async () => {
    const both = createOpenPgpSigner({ subkey: {} });
    const packets = splitPackets(both.publicKeyBinary, 100);
    if (!packets.ok) throw new Error(packets.failure.message);
    const at = packets.value.findIndex(({ tag }) => tag === PACKET_TAGS.publicSubkey);
    const without = Buffer.concat(packets.value.slice(0, at).map(writePacket));
    const message = both.sign(PAYLOAD, { by: 'subkey' });
    expect(await say(message, [without])).toBe('SIGNATURE_MISMATCH');
    for (const keyrings of [
      [without, both.publicKeyBinary],
      [both.publicKeyBinary, without],
      [key.publicKeyBinary, without, both.publicKeyBinary],
    ] as const) {
      expect(await say(message, keyrings)).toBe('accepted');
      expect(await say(both.sign(PAYLOAD), keyrings)).toBe('accepted');
    }
  });
});
