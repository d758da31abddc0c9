import { createHash, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { element, octetString } from '../../../src/encoding/der-writer.ts';
import type { SignedArtifact } from '../../../src/signatures/sigstore/content.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { dns, extension, type Issued, issueIntermediate, leafExtensions, NOON } from '../../fixtures/certificates.ts';
import { KEYLESS } from './fixture.ts';
import {
  bundleOf,
  encoded,
  envelope,
  hashedRekord1,
  hashedRekord2,
  type Json,
  leaf,
  logged,
  message,
  SIGSTORE,
  trustedRoot,
} from './instance.ts';
import { timestamp } from './rfc3161.ts';

const FILE = Buffer.from('the file that is signed\n');
const ROOT = trustedRoot();
/** No tree that JSON numbers count is higher. */
const DEEP = { index: 2 ** 52 + 12_345, size: 2 ** 53 - 1 };

/** What no turn of the event loop may take; milliseconds of this thread's CPU. */
const MAXIMUM_MS = 50;

/**
 * The longest turn of the event loop while something runs, in milliseconds of CPU: what others do on this machine does not
 * count. The best of several runs, since collecting garbage and compiling happen in anybody's turn.
 */
async function longestTurn(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 4 && best >= MAXIMUM_MS / 2; attempt++) {
    let longest = 0;
    const done = new AbortController();
    const ticking = (async () => {
      while (!done.signal.aborted) {
        const before = process.threadCpuUsage();
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        const { user, system } = process.threadCpuUsage(before);
        longest = Math.max(longest, (user + system) / 1000);
      }
    })();
    await run();
    done.abort();
    await ticking;
    best = Math.min(best, longest);
  }
  return best;
}

const AUTHORITY = [extension('2.5.29.19', Buffer.from([0x30, 3, 1, 1, 0xff]), 'critical')];
const padding = element(0xa1, Buffer.alloc(1800, Buffer.from([5, 0])), octetString(Buffer.alloc(500)));

/** A leaf with many names, below three intermediates: as many certificates as a bundle may bring. */
function chain(): readonly [Issued, ...Issued[]] {
  const first = issueIntermediate(SIGSTORE.root, 'first', { extensions: AUTHORITY });
  const second = issueIntermediate(first, 'second', { extensions: AUTHORITY });
  const third = issueIntermediate(second, 'third', { extensions: AUTHORITY });
  const names = Array.from({ length: 600 }, (_, i) => dns(`name-number-${i}.example.com`));
  return [leaf({ issuer: third, extensions: leafExtensions(names) }), third, second, first];
}

/** A bundle with as much in it as is read, all of it sound. */
function largest(content: Json, certificates: readonly [Issued, ...Issued[]], body: Json, signature: Uint8Array): Json {
  const [certificate] = certificates;
  const entries = Array.from({ length: 4 }, (_, i) => {
    // What a reader passes over, so that one log has several entries about one signature.
    const padded = { ...body, padding: Array.from({ length: 900 }, () => 'x'.repeat(70)), number: i };
    return logged(SIGSTORE.rekor, padded, NOON + i * 1000, DEEP);
  });
  const timestamps = Array.from({ length: 4 }, (_, i) =>
    timestamp(SIGSTORE.tsa, signature, NOON + i * 1000, { padding, certificates: [SIGSTORE.tsa, SIGSTORE.tsaRoot] }),
  );
  const bundle = bundleOf({ content, certificate, entries, timestamps });
  delete bundle.verificationMaterial.certificate;
  bundle.verificationMaterial.x509CertificateChain = {
    certificates: certificates.map(({ der }) => ({ rawBytes: Buffer.from(der).toString('base64') })),
  };
  return { ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' };
}

async function turnOf(bundle: Json, artifact: SignedArtifact, expected: string): Promise<number> {
  const bytes = Buffer.from(JSON.stringify(bundle));
  expect(bytes.length).toBeLessThan(2 * 1024 * 1024);
  const verify = () => verifyBundle(bytes, artifact, ROOT, KEYLESS, NOON);
  const proof = await verify();
  expect(proof.kind === 'proved' ? 'proved' : proof.code, proof.kind === 'refused' ? proof.message : '').toBe(expected);
  return longestTurn(verify);
}

describe('no bundle holds up the event loop', () => {
  it('not the one with the most entries, hashes, certificates, names and timestamps, all of them sound', async () => {
    const certificates = chain();
    const [{ keys, pem }] = certificates;
    const signature = sign('sha256', FILE, keys.privateKey);
    const bundle = largest(message(FILE, signature), certificates, hashedRekord1(FILE, signature, pem), signature);
    expect(bundle.verificationMaterial.tlogEntries[0].inclusionProof.hashes.length).toBeGreaterThan(50);
    expect(await turnOf(bundle, { kind: 'bytes', bytes: FILE }, 'proved')).toBeLessThan(MAXIMUM_MS);
  });

  const subject = { digest: { sha256: createHash('sha256').update(FILE).digest('hex') } };
  const head = JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', predicateType: 'x', subject: [subject] });
  const statement = (unit: string, count: number): Buffer =>
    Buffer.from(`${head.slice(0, -1)},"predicate":[${Array.from({ length: count }, () => unit).join(',')}]}`);
  const PACKAGE = JSON.stringify({
    SPDXID: 'SPDXRef-Package-deb-libc6-1234567890abcdef',
    name: 'libc6',
    versionInfo: '2.36-9+deb12u4',
    licenseConcluded: 'GPL-2.0-only',
    externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:deb/debian/libc6@2.36?arch=amd64' }],
  });

  it.each<[string, Buffer, string]>([
    ['a bill of materials', statement(PACKAGE, 4000), 'proved'],
    ['one text', statement(JSON.stringify('x'.repeat(1_100_000)), 1), 'proved'],
    ['numbers', statement('0', 290_000), 'proved'],
    ['lists', statement('[]', 290_000), 'proved'],
    ['objects', statement('{"a":0}', 65_000), 'proved'],
    ['too many objects', statement('{"a":0}', 130_000), 'LIMIT_EXCEEDED'],
    ['escapes', statement(JSON.stringify('\n'.repeat(260_000)), 1), 'proved'],
    ['too many escapes', statement(JSON.stringify('\n'.repeat(500_000)), 1), 'LIMIT_EXCEEDED'],
  ])('not one around a statement of %s, as large as can be', async (_, payload, expected) => {
    const certificates = chain();
    const [{ keys, der }] = certificates;
    const signature = sign('sha256', encoded(payload), keys.privateKey);
    const body = hashedRekord2(encoded(payload), signature, der);
    const bundle = largest(envelope(payload, signature), certificates, body, signature);
    const longest = await turnOf(bundle, { kind: 'bytes', bytes: FILE }, expected);
    expect(longest).toBeLessThan(MAXIMUM_MS);
  });
});
