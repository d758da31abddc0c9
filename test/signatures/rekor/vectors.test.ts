import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { verifySignedEntry } from '../../../src/signatures/rekor/verify.ts';
import { createTrustStore } from '../../../src/trust/trust-store.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

describeVectors('containers-image/internal/testdata', 'the log entry of containers/image', (folder) => {
  const file = (name: string) => readFileSync(join(folder, name));
  const logs = (...names: readonly string[]) => {
    const [first, ...rest] = names.map((name) => ({ kind: 'inline' as const, text: file(name).toString('utf8') }));
    const set = createTrustStore().keys([first!, ...rest]);
    if (!set.ok) throw new Error(set.failure.message);
    return set.value;
  };
  const about = {
    payload: file('rekor-payload'),
    signature: Buffer.from(file('rekor-sig').toString('utf8').trim(), 'base64'),
    signer: createHash('sha256')
      .update(new X509Certificate(file('rekor-cert')).raw)
      .digest('hex'),
  };
  const entry = file('rekor-set').toString('utf8');

  it('is verified by its log, first or second of two [openshift 68]', async () => {
    const good = { ok: true, value: { index: 8_949_589, at: 1_670_870_899_000 } };
    expect(await verifySignedEntry(entry, logs('rekor.pub'), about)).toMatchObject(good);
    expect(await verifySignedEntry(entry, logs('cosign.pub', 'rekor.pub'), about)).toMatchObject(good);
    expect(await verifySignedEntry(entry, logs('cosign.pub'), about)).toMatchObject({ code: 'LOG_ENTRY_INVALID' });
  });

  it('vouches for nothing else [CVE-2022-23649]', async () => {
    const key = createPublicKey(file('cosign.pub')).export({ format: 'der', type: 'spki' });
    for (const other of [
      { ...about, payload: Buffer.concat([about.payload, Buffer.from(' ')]) },
      { ...about, signature: about.signature.subarray(1) },
      { ...about, signer: createHash('sha256').update(key).digest('hex') },
    ])
      expect(await verifySignedEntry(entry, logs('rekor.pub'), other)).toMatchObject({ code: 'LOG_ENTRY_MISMATCH' });
  });
});
