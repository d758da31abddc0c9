import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../../src/encoding/certificate-writer.ts';
import { publicGoodRoot } from '../../../src/trust/sigstore/public-good.ts';
import { parseTrustedRoot, trustedRootOfPem } from '../../../src/trust/sigstore/trusted-root.ts';
import { within } from '../../../src/trust/sigstore/validity-window.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

type Json = Record<string, unknown>;

const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' });
const keyOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64');
const derOf = (pem: string): string => pem.replaceAll(/-----.*-----|\n/g, '');

const log = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const authority = createCertificateAuthority();
const WINDOW = { start: '2025-01-01T00:00:00Z' };

function logEntry(changes: Json = {}, key: Json = {}): Json {
  return {
    baseUrl: 'https://rekor.example.test',
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: keyOf(log), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: WINDOW, ...key },
    logId: { keyId: Buffer.alloc(32, 7).toString('base64') },
    ...changes,
  };
}

function authorityEntry(changes: Json = {}): Json {
  return { certChain: { certificates: [{ rawBytes: derOf(authority.certificatePem) }] }, validFor: WINDOW, ...changes };
}

function rootOf(changes: Json = {}): Json {
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logEntry()],
    ctlogs: [logEntry()],
    certificateAuthorities: [authorityEntry()],
    timestampAuthorities: [],
    ...changes,
  };
}

const parse = (root: Json | string) =>
  parseTrustedRoot(Buffer.from(typeof root === 'string' ? root : JSON.stringify(root)));

describe('a trusted root', () => {
  it('is read with its windows, ends included, in versions 0.1 and 0.2', () => {
    const end = '2025-06-01T00:00:00.5Z';
    const version = 'application/vnd.dev.sigstore.trustedroot+json;version=0.2';
    const root = parse(
      rootOf({
        mediaType: version,
        tlogs: [logEntry({}, { validFor: { ...WINDOW, end } })],
        timestampAuthorities: null,
      }),
    );
    if (!root.ok) expect.fail(root.failure.message);
    const [first] = root.value.logs;
    if (first === undefined) expect.fail('no log');
    expect(first.id).toBe('07'.repeat(32));
    expect(within(first.window, Date.parse(end))).toBe(true);
    expect(within(first.window, Date.parse(end) + 1)).toBe(false);
    expect(within(first.window, Date.parse(WINDOW.start))).toBe(true);
    expect(within(first.window, Date.parse(WINDOW.start) - 1)).toBe(false);
    expect(within(root.value.certificateAuthorities[0]?.window ?? { start: 0, end: 0 }, 8e15)).toBe(true);
  });

  it.each<[string, Json | string]>([
    ['has another media type', rootOf({ mediaType: 'application/json' })],
    ['writes a key twice', JSON.stringify(rootOf()).replace('{', '{"tlogs":[],')],
    ['is no object', '[]'],
    ['is cut short', JSON.stringify(rootOf()).slice(0, -1)],
    ['has an object in place of a list', rootOf({ tlogs: { length: 1e9 } })],
    ['has a text in place of a log', rootOf({ tlogs: ['log'] })],
    ['has a log without validFor', rootOf({ tlogs: [logEntry({}, { validFor: undefined })] })],
    ['has a log without validFor.start', rootOf({ tlogs: [logEntry({}, { validFor: {} })] })],
    ['has a CT log without validFor.start', rootOf({ ctlogs: [logEntry({}, { validFor: { end: WINDOW.start } })] })],
    ['has an authority without validFor.start', rootOf({ certificateAuthorities: [authorityEntry({ validFor: {} })] })],
    [
      'has a window that ends before it starts',
      rootOf({ tlogs: [logEntry({}, { validFor: { ...WINDOW, end: '2024-01-01T00:00:00Z' } })] }),
    ],
    ['has a start that is no time', rootOf({ tlogs: [logEntry({}, { validFor: { start: 'yesterday' } })] })],
    ['has a start that is a number', rootOf({ tlogs: [logEntry({}, { validFor: { start: 0 } })] })],
    [
      'has a log whose key is of another kind than it says',
      rootOf({ tlogs: [logEntry({}, { keyDetails: 'PKIX_ED25519' })] }),
    ],
    ['has a log whose key is none', rootOf({ tlogs: [logEntry({}, { rawBytes: 'AAAA' })] })],
    ['has a log whose key is lax base64', rootOf({ tlogs: [logEntry({}, { rawBytes: `${keyOf(log)} ` })] })],
    ['has a log without an id', rootOf({ tlogs: [logEntry({ logId: undefined })] })],
    ['has a log with a short id', rootOf({ tlogs: [logEntry({ logId: { keyId: 'AAAA' } })] })],
    ['has two logs of one id', rootOf({ tlogs: [logEntry(), logEntry()] })],
    [
      'has a log with another checkpoint key',
      rootOf({ tlogs: [logEntry({ checkpointKeyId: { keyId: Buffer.alloc(32).toString('base64') } })] }),
    ],
    [
      'has an authority without certificates',
      rootOf({ certificateAuthorities: [authorityEntry({ certChain: { certificates: [] } })] }),
    ],
    [
      'has an authority whose certificate is none',
      rootOf({ certificateAuthorities: [authorityEntry({ certChain: { certificates: [{ rawBytes: 'AAAA' }] } })] }),
    ],
    [
      'trusts a certificate that may not sign certificates',
      rootOf({
        certificateAuthorities: [
          authorityEntry({
            certChain: {
              certificates: [
                { rawBytes: derOf(issueServerCertificate(authority, { dnsNames: ['a.test'] }).certificatePem) },
              ],
            },
          }),
        ],
      }),
    ],
    ['has a timestamp authority that is not for timestamps', rootOf({ timestampAuthorities: [authorityEntry()] })],
  ])('that %s is refused whole', (_, root) => {
    const read = parse(root);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.failure.code).toBe('TRUST_MATERIAL_UNAVAILABLE');
  });

  it('passes over a log with a kind of key that is not verified, and names it', () => {
    const root = parse(rootOf({ tlogs: [logEntry({}, { keyDetails: 'ML_DSA_65' })] }));
    if (!root.ok) expect.fail(root.failure.message);
    expect(root.value.logs).toEqual([]);
    expect(root.value.unsupported).toEqual(['https://rekor.example.test (ML_DSA_65)']);
  });

  it('has a hash that every change of a window, key, name or certificate changes', () => {
    const hash = (changes: Json = {}) => {
      const root = parse(rootOf(changes));
      if (!root.ok) throw new Error(root.failure.message);
      return root.value.hash;
    };
    const hashes = [
      hash(),
      hash({ tlogs: [] }),
      hash({ ctlogs: [] }),
      hash({ tlogs: [logEntry({}, { validFor: { ...WINDOW, end: '2026-01-01T00:00:00Z' } })] }),
      hash({ tlogs: [logEntry({ baseUrl: 'https://other.example.test' })] }),
      hash({ certificateAuthorities: [] }),
      hash({ certificateAuthorities: [authorityEntry({ validFor: { start: '2024-01-01T00:00:00Z' } })] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hash()).toBe(hash());
  });

  it('of the public-good instance is shipped, with both Rekors, both Fulcio roots and the timestamp authority', () => {
    const root = publicGoodRoot();
    if (!root.ok) expect.fail(root.failure.message);
    expect(root.value.logs.map(({ origins }) => origins[0])).toEqual([
      'rekor.sigstore.dev',
      'log2025-1.rekor.sigstore.dev',
    ]);
    expect(root.value.certificateAuthorities).toHaveLength(2);
    expect(root.value.certificateLogs).toHaveLength(2);
    expect(root.value.timestampAuthorities).toHaveLength(1);
    expect(root.value.unsupported).toEqual([]);
  });
});

describe('a trusted root of PEM', () => {
  const parts = { certificateAuthorities: [], logs: [], certificateLogs: [], timestampAuthorities: [] };

  it('knows an Ed25519 log by the id of its key and by that of its checkpoints', () => {
    const ed25519 = generateKeyPairSync('ed25519').publicKey;
    const root = trustedRootOfPem({
      ...parts,
      logs: [{ publicKey: pemOf(ed25519), baseUrl: 'https://log.example.test' }],
    });
    if (!root.ok) expect.fail(root.failure.message);
    expect(new Set(root.value.logs.map(({ id }) => id)).size).toBe(2);
  });

  it.each<[string, Partial<Parameters<typeof trustedRootOfPem>[0]>]>([
    [
      'a log’s key that is a certificate',
      { logs: [{ publicKey: authority.certificatePem, baseUrl: 'https://a.test' }] },
    ],
    [
      'a log’s key of a kind that is not verified',
      {
        logs: [
          {
            publicKey: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
            baseUrl: 'https://a.test',
          },
        ],
      },
    ],
    ['two keys for one log', { logs: [{ publicKey: pemOf(log) + pemOf(log), baseUrl: 'https://a.test' }] }],
    ['an authority that is a key', { certificateAuthorities: [pemOf(log)] }],
    ['an empty authority', { certificateAuthorities: [''] }],
    ['a timestamp authority that is not for timestamps', { timestampAuthorities: [authority.certificatePem] }],
    ['one CT log twice', { certificateLogs: [pemOf(log), pemOf(log)] }],
  ])('refuses %s', (_, changes) => {
    const root = trustedRootOfPem({ ...parts, ...changes });
    expect(root.ok).toBe(false);
    if (!root.ok) expect(root.failure.code).toBe('TRUST_MATERIAL_UNAVAILABLE');
  });
});

describeVectors('sigstore-root', "the public-good instance's roots as PEM", (folder) => {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');

  it('give logs and authorities the same ids and certificates as its trusted_root.json', () => {
    const json = parseTrustedRoot(readFileSync(join(folder, 'trusted_root.json')));
    const pem = trustedRootOfPem({
      certificateAuthorities: [`${read('fulcio_intermediate_v1.crt.pem')}\n${read('fulcio_v1.crt.pem')}`],
      logs: [{ publicKey: read('rekor.pub'), baseUrl: 'https://rekor.sigstore.dev' }],
      certificateLogs: [read('ctfe.pub'), read('ctfe_2022.pub')],
      timestampAuthorities: [],
    });
    if (!json.ok || !pem.ok) expect.fail('not read');
    expect(pem.value.logs[0]?.id).toBe(json.value.logs[0]?.id);
    expect(pem.value.certificateLogs.map(({ id }) => id)).toEqual(json.value.certificateLogs.map(({ id }) => id));
    const chains = json.value.certificateAuthorities.map(({ chain }) => chain.map(({ fingerprint }) => fingerprint));
    expect(chains).toContainEqual(pem.value.certificateAuthorities[0]?.chain.map(({ fingerprint }) => fingerprint));
  });
});
