import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOpenPgpSigner } from '../../fixtures/openpgp/signer.ts';
import { DIGEST, PAYLOAD } from './fixture.ts';

const SOURCE = resolve(import.meta.dirname, '../../../src');
const module = (path: string): string => `await import(${JSON.stringify(`${SOURCE}/${path}`)})`;

/** How many files of the openpgp library a program loads. */
const loaded = (code: string): number => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { registerHooks } from 'node:module';
       const seen = new Set();
       registerHooks({ load: (url, context, next) => { seen.add(url); return next(url, context); } });
       ${code}
       process.stdout.write(String([...seen].filter((url) => url.includes('node_modules/openpgp')).length));`,
    ],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return Number(stdout);
};

describe('the openpgp library', () => {
  const alice = createOpenPgpSigner();
  const message = Buffer.from(alice.sign(PAYLOAD)).toString('base64');
  const prove = (keyring: Uint8Array, text: string) => `
    const { parseKeyring } = ${module('trust/openpgp/keyring.ts')};
    const { proveSimpleSigning } = ${module('signatures/simple-signing/prove.ts')};
    const keyring = parseKeyring(Buffer.from(${JSON.stringify(Buffer.from(keyring).toString('base64'))}, 'base64'));
    const material = { kind: 'openpgp', certificates: keyring.value, weakAlgorithms: 'refuse' };
    const proof = await proveSimpleSigning(Buffer.from(${JSON.stringify(text)}, 'base64'), material, ${JSON.stringify(DIGEST)});
    if (!proof.ok) throw new Error(proof.failure.message);`;

  it('is loaded by nothing that serves, verifies or reads keyrings, before a message is to be proved', () => {
    const whole = ['cli/serve.ts', 'cli/verify.ts', 'cli/review.ts', 'cli/policy.ts', 'verifier/verifier.ts'].map(
      module,
    );
    expect(loaded(`${whole.join(';')};`)).toBe(0);
    expect(loaded(prove(alice.publicKeyBinary, Buffer.from('no message').toString('base64')))).toBe(0);
  });

  it('is loaded once a message is', () => {
    expect(loaded(prove(alice.publicKeyBinary, message))).toBeGreaterThan(0);
  });
});
