import { describe, expect, it } from 'vitest';
import { publishImage } from '../../src/cli/demo/publish.ts';
import { containersSet } from '../../src/policy/dialects/containers/set.ts';
import { createRegistry } from '../../src/registry/create.ts';
import { engineOver, requestFor, wordsOf } from '../fixtures/memory-registry.ts';
import { createMemoryWeb } from '../fixtures/memory-web.ts';
import { bytesOf, compressed, literal } from '../fixtures/openpgp/packets.ts';
import { createOpenPgpSigner } from '../fixtures/openpgp/signer.ts';
import { compiled, members } from '../policy/containers/documents.ts';

const SIGNATURES = 128;

const alice = createOpenPgpSigner({ kind: 'RSA-3072' });
const policy = JSON.stringify({
  default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData: Buffer.from(alice.publicKeyBinary).toString('base64') }],
});

/**
 * Images of a registry that says of itself that it serves signatures, and serves forged ones that name the policy's key:
 * whoever may create a pod can have such a registry.
 */
function flood(images: number, onError: 'allow' | 'deny' = 'deny') {
  const web = createMemoryWeb();
  const lines = literal(Buffer.alloc(16 * 1024, '\n'));
  const names = Array.from({ length: images }, (_, number) => {
    const path = `acme/app${number}`;
    const { digest } = publishImage(web.registry('evil.test'), path, path);
    const signatures = Array.from({ length: SIGNATURES }, (_each, index) => {
      const signature = alice.signatureOver(`${number} ${index}`, { type: 1 });
      const content = Buffer.from(compressed(bytesOf(alice.announcement({ type: 1 }), lines, signature)));
      return { schemaVersion: 2, type: 'atomic', name: 'x', content: content.toString('base64') };
    });
    const body = Buffer.from(JSON.stringify({ signatures }));
    web.pages.set(`https://evil.test/extensions/v2/${path}/signatures/${digest}`, { body });
    return `evil.test/${path}@${digest}`;
  });
  web.pages.set('https://evil.test/v2/', {
    headers: { 'x-registry-supports-signatures': '1' },
    body: Buffer.from('{}'),
  });
  const set = containersSet({ everywhere: [members(compiled(policy))], byNamespace: new Map() });
  return {
    names,
    engine: engineOver(createRegistry({ http: web.http }), [set], { clock: Date.now, settings: { onError } }),
  };
}

describe('a flood of forged signatures [hostile]', () => {
  it('leaves the process to others between any two of them', async () => {
    const { names, engine } = flood(1);
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const decision = await engine.decide(requestFor(names, { deadline: Date.now() + 60_000 }));
    isDone = true;
    expect(wordsOf(decision)).toEqual(['invalid SIGNATURE_CORRUPT']);
    expect(turns).toBeGreaterThanOrEqual(SIGNATURES - 1);
  });

  it('does not outlast the decision that it is for, and is no trouble that `onError: allow` lets in', async () => {
    const { names, engine } = flood(12, 'allow');
    const started = Date.now();
    const decision = await engine.decide(requestFor(names, { deadline: started + 300 }));
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toContain('error LIMIT_EXCEEDED');
    expect(wordsOf(decision)).not.toContain('error DEADLINE_EXCEEDED');
    // All of it takes several seconds.
    expect(Date.now() - started).toBeLessThan(1_500);
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.cpuUsage(before).user).toBeLessThan(200_000);
  });
});
