import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/image/digest.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { parseTrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import { newKeys } from '../../fixtures/certificates.ts';
import type { Promised } from '../../fixtures/sigstore/certificate-log.ts';
import { createSigstore, issueLeaf, MINUTE, trustedRootJson, YEAR } from '../../fixtures/sigstore/instance.ts';
import { spkiOf } from '../../fixtures/sigstore/keys.ts';
import { signBundle } from '../../fixtures/sigstore/signatures.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { conformanceCases } from './conformance.ts';
import { KEYLESS, valueOf } from './fixture.ts';
import type { Json } from './instance.ts';

const SIGSTORE = createSigstore(Math.floor(Date.now() / 1000) * 1000);
const { at, certificateLog: log } = SIGSTORE;
const IMAGE = { repository: 'registry.example/app', digest: digestOf(Buffer.from('{}')) };

/** A second log that the trusted root names. */
const second = newKeys();
const flipped = (sct: Buffer): void => {
  sct.writeUInt8(sct.readUInt8(sct.length - 1) ^ 1, sct.length - 1);
};

const KNOWN: Promised = { log, at };
const SECOND: Promised = { log: second, at };
const FORGED: Promised = { log, at, change: flipped };
const IMPOSTOR: Promised = { log: { ...log, privateKey: newKeys().privateKey }, at };
const EARLY: Promised = { log, at: at - 2 * YEAR };
const unknown = (): Promised => ({ log: newKeys(), at });
/** What an unknown log promises cannot be verified: it may as well be nonsense. */
const UNKNOWN_NONSENSE: Promised = { log: newKeys(), at: at + 50 * YEAR, change: flipped };

/** What is said of a certificate with these promises. */
async function verdict(promised: readonly Promised[], threshold = 1): Promise<string> {
  const json = trustedRootJson(SIGSTORE);
  const [first] = json.ctlogs;
  json.ctlogs.push({
    ...first,
    baseUrl: 'https://second-ct.example.test',
    publicKey: { ...first.publicKey, rawBytes: spkiOf(second.publicKey).toString('base64') },
    logId: { keyId: createHash('sha256').update(spkiOf(second.publicKey)).digest('base64') },
  });
  const bundle = signBundle(SIGSTORE, 'bundle', IMAGE, { leaf: issueLeaf(SIGSTORE, { promised }) });
  const proof = await verifyBundle(
    Buffer.from(JSON.stringify(bundle)),
    { kind: 'digest', digest: IMAGE.digest },
    valueOf(parseTrustedRoot(Buffer.from(JSON.stringify(json)))),
    { ...KEYLESS, certificateTransparency: { threshold } },
    at,
  );
  return proof.kind === 'proved' ? 'proved' : `${proof.code}: ${proof.message}`;
}

describe('promises of certificate logs', () => {
  it.each<[string, readonly Promised[]]>([
    ['before the good one of a known log', [unknown(), KNOWN]],
    ['behind the good one of a known log', [KNOWN, unknown()]],
    ['around it, several', [unknown(), unknown(), KNOWN, unknown()]],
    ['that are nonsense', [UNKNOWN_NONSENSE, KNOWN]],
  ])('by unknown logs are passed over: %s', async (_, promised) => {
    expect(await verdict(promised)).toBe('proved');
  });

  it.each<[string, readonly Promised[]]>([
    ['by unknown logs alone', [unknown(), unknown()]],
    ['by none', []],
    ['by unknown logs, and nonsense', [unknown(), UNKNOWN_NONSENSE]],
  ])('%s are of no trusted log [hostile]', async (_, promised) => {
    expect(await verdict(promised)).toMatch(/^CERTIFICATE_NOT_LOGGED: .* of 0 trusted certificate logs, not 1$/);
  });

  it.each<[string, readonly Promised[]]>([
    ['alone', [FORGED]],
    ['beside one of an unknown log', [FORGED, unknown()]],
    ['behind one of an unknown log', [unknown(), FORGED]],
    ['by somebody who takes its name, beside one of an unknown log', [IMPOSTOR, unknown()]],
    ['beside a good one of its own', [KNOWN, FORGED]],
    ['before a good one of its own', [FORGED, KNOWN]],
    ['beside a good one of another known log', [SECOND, FORGED]],
    ['beside good ones of known and unknown logs', [SECOND, unknown(), KNOWN, FORGED]],
  ])('forged in the name of a known log are refused: %s [hostile]', async (_, promised) => {
    expect(await verdict(promised)).toMatch(/^CERTIFICATE_NOT_LOGGED: .*does not verify$/);
  });

  it.each<[string, readonly Promised[]]>([
    ['alone', [EARLY]],
    ['beside one of an unknown log', [unknown(), EARLY]],
    ['beside a good one', [SECOND, EARLY]],
  ])('by a known log from outside of its window are refused: %s [hostile]', async (_, promised) => {
    expect(await verdict(promised)).toMatch(/^CERTIFICATE_NOT_LOGGED: .*not trusted for that time$/);
  });

  it('count by different known logs, each of which may promise once', async () => {
    expect(await verdict([KNOWN, SECOND], 2)).toBe('proved');
    expect(await verdict([KNOWN, unknown(), SECOND], 2)).toBe('proved');
    const stranger = unknown();
    expect(await verdict([stranger, KNOWN, stranger])).toBe('proved');
    for (const one of [[KNOWN], [KNOWN, unknown()], [unknown(), unknown(), KNOWN]])
      expect(await verdict(one, 2)).toMatch(/of 1 trusted certificate logs, not 2$/);
    for (const one of [
      [KNOWN, KNOWN],
      [KNOWN, unknown(), { log, at: at - MINUTE }],
      [SECOND, KNOWN, KNOWN],
    ])
      for (const threshold of [1, 2])
        expect(await verdict(one, threshold)).toMatch(/two promises of one certificate log$/);
  });

  it('that cannot be read spoil those that can, whoever made them', async () => {
    // Another version of the structure, which nobody here can read.
    const odd = { ...unknown(), change: (sct: Buffer) => void sct.writeUInt8(1, 0) };
    expect(await verdict([KNOWN, odd])).toMatch(/^CERTIFICATE_NOT_LOGGED: .*cannot be read$/);
    expect(await verdict([KNOWN, ...Array.from({ length: 8 }, unknown)])).toMatch(/cannot be read$/);
  });
});

describeVectors('.', 'real certificates of sigstore-conformance', (vectors) => {
  const keyless = conformanceCases(vectors).filter(({ holds, key }) => holds && key === undefined);

  it.each(keyless.map((one) => [one.name, one] as const))(
    'of %s are refused where the trusted root names no certificate log, or others under their names',
    async (_, one) => {
      const said = async (change: (ctlogs: Json) => Json) => {
        const json: Json = JSON.parse(readFileSync(one.trustedRoot, 'utf8'));
        json.ctlogs = change(json.ctlogs);
        const root = valueOf(parseTrustedRoot(Buffer.from(JSON.stringify(json))));
        const artifact = { kind: 'bytes', bytes: readFileSync(one.artifact) } as const;
        const proof = await verifyBundle(readFileSync(one.bundle), artifact, root, KEYLESS, Date.now());
        return proof.kind === 'proved' ? 'proved' : `${proof.code}: ${proof.message}`;
      };
      expect(await said((ctlogs) => ctlogs)).toBe('proved');
      expect(await said(() => [])).toMatch(/^CERTIFICATE_NOT_LOGGED: .* of 0 trusted certificate logs, not 1$/);
      const rawBytes = spkiOf(newKeys().publicKey).toString('base64');
      const renamed = (ctlogs: Json) =>
        ctlogs.map((ctlog: Json) => ({
          ...ctlog,
          publicKey: { ...ctlog.publicKey, rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
        }));
      expect(await said(renamed)).toMatch(/^CERTIFICATE_NOT_LOGGED: .*does not verify$/);
    },
  );
});
