import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { exactIdentity } from '../../../src/conditions/identities.ts';
import { matchSigner } from '../../../src/conditions/signers.ts';
import { digestOf } from '../../../src/image/digest.ts';
import type { Signer } from '../../../src/model/finding.ts';
import type { SignedArtifact } from '../../../src/signatures/sigstore/content.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import type { BundleRule } from '../../../src/trust/sigstore/bundle-rule.ts';
import { type TrustedRoot, trustedRootOfPem } from '../../../src/trust/sigstore/trusted-root.ts';
import {
  CODE_SIGNING,
  dns,
  email,
  extendedUsage,
  extension,
  type Issued,
  issueIntermediate,
  issueRoot,
  issuerV1,
  issuerV2,
  leafExtensions,
  NOON,
  nameConstraints,
  newKeys,
  otherName,
  SERVER_AUTH,
  uri,
  usage,
} from '../../fixtures/certificates.ts';
import { KEYLESS, signingKey, valueOf } from './fixture.ts';
import {
  bundleOf,
  checkpoint,
  dsse1,
  encoded,
  envelope,
  hashedRekord1,
  hashedRekord2,
  type Json,
  type Log,
  leaf,
  logged,
  message,
  newLog,
  pemRoots,
  SIGSTORE,
  trustedRoot,
} from './instance.ts';
import { timestamp } from './rfc3161.ts';

const FILE = Buffer.from('the file that is signed\n');
const BYTES: SignedArtifact = { kind: 'bytes', bytes: FILE };
const DIGEST: SignedArtifact = { kind: 'digest', digest: digestOf(FILE) };
const STATEMENT = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: createHash('sha256').update(FILE).digest('hex') } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  }),
);
const ROOT = trustedRoot();

/** `proved`, or the code of the refusal. */
async function verdict(
  bundle: Json,
  options: { artifact?: SignedArtifact; root?: TrustedRoot; rule?: Partial<BundleRule>; now?: number } = {},
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(bundle));
  const { artifact = BYTES, root = ROOT, rule = {}, now = NOON } = options;
  const proof = await verifyBundle(bytes, artifact, root, { ...KEYLESS, ...rule }, now);
  return proof.kind === 'proved' ? 'proved' : proof.code;
}

/** A signature over the file, in Rekor v1. */
function message1(options: { certificate?: Issued; body?: (sound: Json) => Json; log?: Log; at?: number } = {}): Json {
  const { certificate = leaf(), log = SIGSTORE.rekor } = options;
  const signature = sign('sha256', FILE, certificate.keys.privateKey);
  const body = hashedRekord1(FILE, signature, certificate.pem);
  const entry = logged(log, options.body?.(body) ?? body, options.at);
  return bundleOf({ content: message(FILE, signature), certificate, entries: [entry] });
}

/** A signature over the file, in Rekor v2, with a timestamp. */
function message2(options: { log?: Log; by?: Issued; at?: number; status?: number } = {}): Json {
  const certificate = leaf();
  const signature = sign('sha256', FILE, certificate.keys.privateKey);
  const entry = logged(options.log ?? SIGSTORE.rekor2, hashedRekord2(FILE, signature, certificate.der));
  const { by = SIGSTORE.tsa, at = NOON, status = 0 } = options;
  return bundleOf({
    content: message(FILE, signature),
    certificate,
    entries: [entry],
    timestamps: [timestamp(by, signature, at, { status })],
  });
}

/** A signed statement, in Rekor v1. */
function statement1(payload: Uint8Array = STATEMENT, payloadType?: string): Json {
  const certificate = leaf();
  const signature = sign('sha256', encoded(payload, payloadType), certificate.keys.privateKey);
  const entry = logged(SIGSTORE.rekor, dsse1(payload, signature, certificate.pem));
  return bundleOf({ content: envelope(payload, signature, payloadType), certificate, entries: [entry] });
}

const entryOf = (bundle: Json): Json => bundle['verificationMaterial'].tlogEntries[0];

describe('bundles of our own sigstore', () => {
  it('hold, of every kind', async () => {
    expect(await verdict(message1())).toBe('proved');
    expect(await verdict(message2())).toBe('proved');
    expect(await verdict(statement1())).toBe('proved');
    expect(await verdict(statement1(), { artifact: DIGEST })).toBe('proved');
    const certificate = leaf();
    const signature = sign('sha256', encoded(STATEMENT), certificate.keys.privateKey);
    const entry = logged(SIGSTORE.rekor2, hashedRekord2(encoded(STATEMENT), signature, certificate.der));
    const bundle = { content: envelope(STATEMENT, signature), certificate, entries: [entry] };
    const timestamps = [timestamp(SIGSTORE.tsa, signature, NOON)];
    expect(await verdict(bundleOf({ ...bundle, timestamps }), { artifact: DIGEST })).toBe('proved');
    expect(await verdict(bundleOf(bundle), { artifact: DIGEST })).toBe('TIME_UNPROVEN');
  });

  it('hold with the same roots as PEM', async () => {
    const root = valueOf(trustedRootOfPem(pemRoots()));
    expect(await verdict(message1(), { root })).toBe('proved');
    expect(await verdict(message2(), { root })).toBe('proved');
  });

  it('give the signer, the times and the entries that were verified', async () => {
    const proof = await verifyBundle(Buffer.from(JSON.stringify(message1())), BYTES, ROOT, KEYLESS, NOON);
    expect(proof).toMatchObject({
      kind: 'proved',
      signer: { identity: { issuer: 'https://issuer.example', names: [{ kind: 'email', text: 'ann@example.com' }] } },
      times: [{ at: NOON, by: 'https://rekor1.example.test' }],
      log: [{ log: 'https://rekor1.example.test', index: 77, at: NOON }],
      notBefore: 'always',
      notAfter: 'forever',
    });
  });

  it('need the file where its bytes are signed, and are about no other file', async () => {
    expect(await verdict(message1(), { artifact: DIGEST })).toBe('ARTIFACT_REQUIRED');
    const other = Buffer.from('another file');
    expect(await verdict(message1(), { artifact: { kind: 'bytes', bytes: other } })).toBe('PAYLOAD_DIGEST_MISMATCH');
    expect(await verdict(statement1(), { artifact: { kind: 'digest', digest: digestOf(other) } })).toBe(
      'PAYLOAD_DIGEST_MISMATCH',
    );
    const bundle = message1();
    bundle['messageSignature'].messageDigest.digest = createHash('sha256').update(other).digest('base64');
    expect(await verdict(bundle, { artifact: { kind: 'bytes', bytes: other } })).toBe('SIGNATURE_MISMATCH');
  });

  it('are refused where the envelope is of another type, though it is signed so', async () => {
    expect(await verdict(statement1(STATEMENT, 'application/vnd.in-toto+json; v=2'))).toBe('PAYLOAD_TYPE_UNEXPECTED');
    expect(await verdict(statement1(Buffer.from('{}')))).toBe('PAYLOAD_MALFORMED');
  });
});

describe('a log entry', () => {
  it('that names another certificate or key is refused [GHSA-whqx-f9j3-ch6m]', async () => {
    const other = leaf();
    const withPem = (pem: string) => (body: Json) => {
      body['spec'].signature.publicKey.content = Buffer.from(pem).toString('base64');
      return body;
    };
    expect(await verdict(message1({ body: withPem(other.pem) }))).toBe('LOG_ENTRY_MISMATCH');
    const certificate = leaf();
    const bare = certificate.keys.publicKey.export({ format: 'pem', type: 'spki' });
    // The right key, but not the certificate that binds it to a name.
    expect(await verdict(message1({ certificate, body: withPem(bare) }))).toBe('LOG_ENTRY_MISMATCH');
    expect(await verdict(message1({ body: withPem('') }))).toBe('LOG_ENTRY_MISMATCH');
    expect(await verdict(message1({ certificate, body: withPem(certificate.pem + other.pem) }))).toBe(
      'LOG_ENTRY_MISMATCH',
    );
  });

  it('of another artifact or another signature is refused', async () => {
    const other = Buffer.from('another file');
    const certificate = leaf();
    const signature = sign('sha256', other, certificate.keys.privateKey);
    const foreign = hashedRekord1(other, signature, certificate.pem);
    expect(await verdict(message1({ certificate, body: () => foreign }))).toBe('LOG_ENTRY_MISMATCH');
    // The same key over the same bytes signs differently each time.
    const again = hashedRekord1(FILE, sign('sha256', FILE, certificate.keys.privateKey), certificate.pem);
    expect(await verdict(message1({ certificate, body: () => again }))).toBe('LOG_ENTRY_MISMATCH');
  });

  it('of an envelope, or of Rekor v2, is compared in the same way', async () => {
    const certificate = leaf();
    const other = leaf();
    const payload = Buffer.from(STATEMENT.toString().replace('cosign/sign', 'cosign/other'));
    const overStatement = sign('sha256', encoded(STATEMENT), certificate.keys.privateKey);
    const again = sign('sha256', encoded(STATEMENT), certificate.keys.privateKey);
    const overFile = sign('sha256', FILE, certificate.keys.privateKey);
    const inLog = (content: Json, body: Json) =>
      verdict(bundleOf({ content, certificate, entries: [logged(SIGSTORE.rekor, body)] }));
    const wrapped = envelope(STATEMENT, overStatement);
    expect(await inLog(wrapped, dsse1(STATEMENT, overStatement, certificate.pem))).toBe('proved');
    expect(await inLog(wrapped, dsse1(STATEMENT, overStatement, other.pem))).toBe('LOG_ENTRY_MISMATCH');
    expect(await inLog(wrapped, dsse1(STATEMENT, again, certificate.pem))).toBe('LOG_ENTRY_MISMATCH');
    expect(await inLog(wrapped, dsse1(payload, overStatement, certificate.pem))).toBe('LOG_ENTRY_MISMATCH');
    const twice = dsse1(STATEMENT, overStatement, certificate.pem);
    twice['spec'].signatures.push(twice['spec'].signatures[0]);
    expect(await inLog(wrapped, twice)).toBe('LOG_ENTRY_MISMATCH');
    const file = message(FILE, overFile);
    expect(await inLog(file, hashedRekord2(FILE, overFile, certificate.der))).toBe('proved');
    expect(await inLog(file, hashedRekord2(FILE, overFile, other.der))).toBe('LOG_ENTRY_MISMATCH');
    expect(await inLog(file, hashedRekord2(STATEMENT, overFile, certificate.der))).toBe('LOG_ENTRY_MISMATCH');
    const both = hashedRekord2(FILE, overFile, certificate.der);
    both['spec'].hashedRekordV002.signature.verifier.publicKey = { rawBytes: 'AAAA' };
    expect(await inLog(file, both)).toBe('LOG_ENTRY_MISMATCH');
    // The payload of an envelope is not what is signed: an entry that says so is of something else.
    expect(await inLog(wrapped, hashedRekord2(STATEMENT, overStatement, certificate.der))).toBe('LOG_ENTRY_MISMATCH');
  });

  it('of a kind that is not read is refused by name', async () => {
    for (const [kind, apiVersion] of [
      ['intoto', '0.0.1'],
      ['rekord', '0.0.1'],
      ['hashedrekord', '0.0.3'],
      ['dsse', '0.0.1'],
    ])
      expect(await verdict(message1({ body: (body) => ({ ...body, kind, apiVersion }) }))).toBe(
        'LOG_ENTRY_UNSUPPORTED',
      );
  });

  it('of a log that nobody trusts is passed over, and the threshold must still be met', async () => {
    expect(await verdict(message1({ log: newLog(1) }))).toBe('LOG_ENTRY_MISSING');
    const bundle = message1();
    const foreign = entryOf(message1({ log: newLog(1) }));
    bundle['verificationMaterial'].tlogEntries.unshift(foreign);
    expect(await verdict(bundle)).toBe('proved');
    expect(await verdict(bundle, { rule: { transparency: { threshold: 2 } } })).toBe('LOG_ENTRY_MISSING');
  });

  it('that is there twice counts once', async () => {
    const bundle = message1();
    bundle['verificationMaterial'].tlogEntries.push(entryOf(bundle));
    expect(await verdict(bundle)).not.toBe('proved');
    expect(await verdict(bundle, { rule: { transparency: { threshold: 2 } } })).toBe('LOG_ENTRY_MISSING');
  });

  it.each([
    ['Rekor v1', message1],
    ['Rekor v2', message2],
  ])('of %s that is there twice is refused as just that, whatever is written around it', async (_, made) => {
    const bundle = made();
    const twin = structuredClone(entryOf(bundle));
    bundle['verificationMaterial'].tlogEntries.push(twin);
    const said = () => verifyBundle(Buffer.from(JSON.stringify(bundle)), BYTES, ROOT, KEYLESS, NOON);
    const twice = {
      kind: 'refused',
      code: 'LOG_ENTRY_INVALID',
      message: 'two log entries of the signature are one entry twice',
    };
    expect(await said()).toMatchObject(twice);
    twin['logIndex'] = '78';
    expect(await said()).toMatchObject(twice);
  });

  it('that does not hold spoils one that does, where its log is trusted', async () => {
    const bundle = message1();
    const forged = structuredClone(entryOf(message2({ log: { ...newLog(2), id: SIGSTORE.rekor2.id } })));
    bundle['verificationMaterial'].tlogEntries.push(forged);
    expect(await verdict(bundle)).not.toBe('proved');
  });

  it('by a log outside of its window is refused, with and without a promise', async () => {
    const until = (index: number, end: number) =>
      trustedRoot((root) => {
        root['tlogs'][index].publicKey.validFor.end = new Date(end).toISOString();
      });
    expect(await verdict(message1(), { root: until(0, NOON) })).toBe('proved');
    expect(await verdict(message1(), { root: until(0, NOON - 1) })).toBe('LOG_ENTRY_INVALID');
    expect(await verdict(message2(), { root: until(1, NOON) })).toBe('proved');
    expect(await verdict(message2(), { root: until(1, NOON - 1) })).toBe('LOG_ENTRY_INVALID');
  });

  it.each<[string, (entry: Json) => void]>([
    ['a flipped promise', (entry) => flip(entry['inclusionPromise'], 'signedEntryTimestamp')],
    ['another time', (entry) => Object.assign(entry, { integratedTime: String(NOON / 1000 + 1) })],
    ['another index', (entry) => Object.assign(entry, { logIndex: '78' })],
    ['a time that is no number', (entry) => Object.assign(entry, { integratedTime: '0x10' })],
    ['a flipped hash of the proof', (entry) => flip(entry['inclusionProof'], 'hashes', 0)],
    ['another index in the proof', (entry) => Object.assign(entry['inclusionProof'], { logIndex: '0' })],
    ['another size beside the checkpoint', (entry) => Object.assign(entry['inclusionProof'], { treeSize: '3' })],
    ['another root beside the checkpoint', (entry) => flip(entry['inclusionProof'], 'rootHash')],
    ['no checkpoint', (entry) => delete entry['inclusionProof'].checkpoint],
    [
      'a checkpoint that is a list',
      (entry) => Object.assign(entry['inclusionProof'], { checkpoint: { envelope: [] } }),
    ],
    ['a checkpoint that breaks off', (entry) => changeNote(entry, (note) => note.slice(0, -1))],
    ['a checkpoint with a line that is no signature', (entry) => changeNote(entry, (note) => `${note}a line\n`)],
    [
      'a checkpoint with an empty signature',
      (entry) => changeNote(entry, (note) => `${note}\u2014 witness AAAAAA==\n`),
    ],
    ['a checkpoint with no signature at all', (entry) => changeNote(entry, (note) => `${note.split('\n\n')[0]}\n\n`)],
    ['a proof that is too long', (entry) => entry['inclusionProof'].hashes.push(entry['inclusionProof'].hashes[0])],
    ['neither promise nor proof', (entry) => (delete entry['inclusionProof'], delete entry['inclusionPromise'])],
    ['a flipped body', (entry) => flip(entry, 'canonicalizedBody')],
    ['another kind beside the body', (entry) => Object.assign(entry['kindVersion'], { version: '0.0.2' })],
  ])('with %s is refused', async (_, change) => {
    const bundle = message1();
    change(entryOf(bundle));
    expect(await verdict(bundle)).toMatch(/^(?:LOG_ENTRY_INVALID|LOG_ENTRY_MISMATCH|SIGNATURE_MALFORMED)$/);
  });

  it.each<[string, { origin?: string; name?: string }]>([
    ['whose name is only part of the log’s', { name: 'rekor' }],
    ['whose name goes on behind the log’s', { name: 'rekor1.example.test.evil.test' }],
    ['whose origin is another log', { origin: 'rekor.evil.test - 1234' }],
    ['whose origin only begins as the log’s', { origin: 'rekor1.example.test.evil.test - 1234' }],
    ['whose origin goes on', { origin: 'rekor1.example.test - 1234 evil' }],
    ['whose origin has no tree', { origin: 'rekor1.example.test -' }],
    ['without an origin', { origin: '' }],
  ])('with a checkpoint %s is refused, though the log’s key signed it', async (_, names) => {
    const bundle = message1();
    const { inclusionProof } = entryOf(bundle);
    const rootHash = Buffer.from(inclusionProof.rootHash, 'base64');
    inclusionProof.checkpoint.envelope = checkpoint(SIGSTORE.rekor, 2, rootHash, names);
    expect(await verdict(bundle)).toBe('LOG_ENTRY_INVALID');
  });
});

describe("the signer's certificate", () => {
  const without = (oid: 'usage' | 'extended') =>
    oid === 'usage' ? leafExtensions().slice(1) : [usage(0), ...leafExtensions().slice(2)];

  it.each<[string, string, () => Issued]>([
    [
      'is for servers',
      'CERTIFICATE_UNFIT',
      () => leaf({ extensions: [usage(0), extendedUsage(SERVER_AUTH), ...leafExtensions().slice(2)] }),
    ],
    ['is for nothing in particular', 'CERTIFICATE_UNFIT', () => leaf({ extensions: without('extended') })],
    ['has no key usage', 'CERTIFICATE_UNFIT', () => leaf({ extensions: without('usage') })],
    ['is for encipherment only', 'CERTIFICATE_UNFIT', () => leaf({ extensions: [usage(2), ...without('usage')] })],
    [
      'has an unknown critical extension',
      'CERTIFICATE_UNFIT',
      () => leaf({ extensions: [...leafExtensions(), extension('1.2.3.4', Buffer.from([5, 0]), 'critical')] }),
    ],
    [
      'says two issuers',
      'CERTIFICATE_MALFORMED',
      () =>
        leaf({ extensions: leafExtensions(undefined, [issuerV1('https://a.example'), issuerV2('https://b.example')]) }),
    ],
    [
      'is of another authority with the same name',
      'CERTIFICATE_UNTRUSTED',
      () => leaf({ issuer: SIGSTORE.foreign.root }),
    ],
    ['signed itself', 'CERTIFICATE_UNTRUSTED', () => leaf({ issuer: issueRoot('fulcio') })],
    ['has no promise of a certificate log', 'CERTIFICATE_NOT_LOGGED', () => leaf({ sct: 'none' })],
    [
      'has the promise of a certificate log that nobody trusts',
      'CERTIFICATE_NOT_LOGGED',
      () => leaf({ sct: SIGSTORE.foreign.ctLog }),
    ],
    ['has a promise from outside of the log’s window', 'CERTIFICATE_NOT_LOGGED', () => leaf({ sctAt: NOON + 2e9 })],
  ])('that %s is refused', async (_, code, make) => {
    expect(await verdict(message1({ certificate: make() }))).toBe(code);
  });

  it('must be valid when it was witnessed, and so must its authority be trusted', async () => {
    expect(await verdict(message1({ at: NOON + 5 * 60_000 }))).toBe('proved');
    expect(await verdict(message1({ at: NOON + 5 * 60_000 + 1000 }))).toBe('CERTIFICATE_EXPIRED');
    expect(await verdict(message1({ at: NOON - 5 * 60_000 - 1000 }))).toBe('CERTIFICATE_NOT_YET_VALID');
    const root = trustedRoot(({ certificateAuthorities }) => {
      certificateAuthorities[0].validFor.end = new Date(NOON - 1).toISOString();
    });
    expect(await verdict(message1(), { root })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('needs no certificate log where the rule asks for none, and is held to all the rest', async () => {
    const rule = { certificateTransparency: 'none' } as const;
    const root = trustedRoot((json) => {
      json['ctlogs'] = [];
    });
    expect(await verdict(message1({ certificate: leaf({ sct: 'none' }) }), { root, rule })).toBe('proved');
    expect(await verdict(message1(), { root, rule })).toBe('proved');
    expect(await verdict(message1(), { root })).toBe('CERTIFICATE_NOT_LOGGED');
    const foreign = leaf({ issuer: SIGSTORE.foreign.root });
    expect(await verdict(message1({ certificate: foreign }), { root, rule })).toBe('CERTIFICATE_UNTRUSTED');
    expect(await verdict(message1({ at: NOON + 6 * 60_000 }), { root, rule })).toBe('CERTIFICATE_EXPIRED');
  });

  it('may come with intermediates, which lead to a trusted root or to nothing', async () => {
    const chained = (certificate: Issued, ...above: readonly Issued[]): Json => {
      const bundle = message1({ certificate });
      const certificates = [certificate, ...above].map(({ der }) => ({
        rawBytes: Buffer.from(der).toString('base64'),
      }));
      const { verificationMaterial: material } = bundle;
      delete material.certificate;
      material.x509CertificateChain = { certificates };
      return { ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' };
    };
    const intermediate = issueIntermediate(SIGSTORE.root);
    expect(await verdict(chained(leaf({ issuer: intermediate }), intermediate))).toBe('proved');
    expect(await verdict(chained(leaf({ issuer: intermediate })))).toBe('CERTIFICATE_UNTRUSTED');
    const foreign = issueIntermediate(SIGSTORE.foreign.root);
    expect(await verdict(chained(leaf({ issuer: foreign }), foreign))).toBe('CERTIFICATE_UNTRUSTED');
    expect(await verdict(chained(leaf({ issuer: foreign }), foreign, SIGSTORE.foreign.root))).toBe(
      'CERTIFICATE_UNTRUSTED',
    );
    expect(await verdict(chained(leaf(), SIGSTORE.root))).toBe('CERTIFICATE_UNTRUSTED');
    const limited = issueIntermediate(SIGSTORE.root, 'limited', {
      extensions: [...AUTHORITY, nameConstraints([email('example.org')])],
    });
    expect(await verdict(chained(leaf({ issuer: limited }), limited))).toBe('CERTIFICATE_UNFIT');
    // A leaf that issues: what it signed leads nowhere.
    const pretender = leaf();
    expect(await verdict(chained(leaf({ issuer: pretender }), pretender))).toBe('CERTIFICATE_UNFIT');
  });
});

describe('identities', () => {
  const signerOf = async (certificate: Issued) => {
    const proof = await verifyBundle(
      Buffer.from(JSON.stringify(message1({ certificate }))),
      BYTES,
      ROOT,
      KEYLESS,
      NOON,
    );
    if (proof.kind === 'refused') throw new Error(proof.message);
    return proof.signer;
  };
  const issuer = 'https://issuer.example';
  const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';

  const judged = (signer: Signer, from: string, subject: string) => {
    const match = matchSigner(exactIdentity(from, subject), signer.identity);
    return match.kind === 'accepted' ? 'accepted' : match.code;
  };

  it('are the same letter for letter: no part, no pattern, no other case, and never empty', async () => {
    const signer = await signerOf(leaf({ extensions: leafExtensions([uri(workflow)]) }));
    expect(judged(signer, issuer, workflow)).toBe('accepted');
    for (const subject of [
      'github.com',
      '.*',
      `^${workflow}$`,
      workflow.toUpperCase(),
      `${workflow} `,
      workflow.slice(0, -1),
      `${workflow}|`,
      '(?:)',
    ])
      expect(judged(signer, issuer, subject), subject).toBe('IDENTITY_MISMATCH');
    for (const other of ['issuer.example', 'https://issuer.example/', 'https://issuer', '.*'])
      expect(judged(signer, other, workflow), other).toBe('IDENTITY_MISMATCH');
    expect(judged(signer, issuer, '')).toBe('IDENTITY_MISMATCH');
    expect(judged(signer, '', workflow)).toBe('IDENTITY_MISMATCH');
  });

  it('are any name of the certificate: address, URI, DNS name or otherName', async () => {
    const names = [email('ann@example.com'), uri(workflow), dns('build.example.com'), otherName('builder')];
    const signer = await signerOf(leaf({ extensions: leafExtensions(names) }));
    for (const subject of ['ann@example.com', workflow, 'build.example.com', 'builder'])
      expect(judged(signer, issuer, subject), subject).toBe('accepted');
  });

  it('are nobody where the certificate names no issuer', async () => {
    const signer = await signerOf(leaf({ extensions: leafExtensions(undefined, []) }));
    expect(judged(signer, issuer, 'ann@example.com')).toBe('IDENTITY_MISMATCH');
  });
});

describe('times', () => {
  it('are refused from authorities that nobody trusts, outside of their window, or over something else', async () => {
    expect(await verdict(message2({ by: SIGSTORE.foreign.tsa }))).toBe('TIMESTAMP_INVALID');
    expect(await verdict(message2({ status: 2 }))).toBe('TIMESTAMP_INVALID');
    expect(await verdict(message2({ at: NOON + 6 * 60_000 }))).toBe('CERTIFICATE_EXPIRED');
    const root = trustedRoot(({ timestampAuthorities }) => {
      timestampAuthorities[0].validFor.end = new Date(NOON - 1).toISOString();
    });
    expect(await verdict(message2(), { root })).toBe('TIMESTAMP_INVALID');
    const bundle = message2();
    bundle['verificationMaterial'].timestampVerificationData =
      message2()['verificationMaterial'].timestampVerificationData;
    expect(await verdict(bundle)).toBe('TIMESTAMP_INVALID');
  });

  it('spoil a bundle whose log gives a time, where one of them is garbage', async () => {
    for (const garbage of ['AAAA', 'MAA=', Buffer.from('garbage').toString('base64'), ''])
      for (const key of ['signedTimestamp', 'other']) {
        const bundle = message1();
        bundle['verificationMaterial'].timestampVerificationData = { rfc3161Timestamps: [{ [key]: garbage }] };
        expect(await verdict(bundle)).toMatch(/^(?:TIMESTAMP_INVALID|SIGNATURE_MALFORMED)$/);
      }
  });

  it('that are as large as can be and cost as much as can be take no long time', async () => {
    const nested = Buffer.concat(Array.from({ length: 90 }, (_, i) => Buffer.from([0x30, 0x83, 0, 0x7f - i, 0xff])));
    const many = Buffer.concat([Buffer.from([0x30, 0x82, 0x7f, 0xf0]), Buffer.alloc(0x7ff0, Buffer.from([5, 0]))]);
    for (const der of [nested, many, Buffer.concat([Buffer.from([0x30, 0x80]), Buffer.alloc(32_000, 0x30)])]) {
      const bundle = message1();
      bundle['verificationMaterial'].timestampVerificationData = {
        rfc3161Timestamps: Array.from({ length: 4 }, () => ({ signedTimestamp: der.toString('base64') })),
      };
      const spent: number[] = [];
      for (let i = 0; i < 3; i++) {
        const before = process.threadCpuUsage();
        expect(await verdict(bundle)).toBe('TIMESTAMP_INVALID');
        const { user, system } = process.threadCpuUsage(before);
        spent.push((user + system) / 1000);
      }
      expect(Math.min(...spent)).toBeLessThan(50);
    }
  });

  it('of one witness count once', async () => {
    const bundle = message2();
    const { rfc3161Timestamps: list } = bundle['verificationMaterial'].timestampVerificationData;
    const signature = Buffer.from(bundle['messageSignature'].signature, 'base64');
    list.push({ signedTimestamp: timestamp(SIGSTORE.tsa, signature, NOON + 1000) });
    expect(await verdict(bundle)).toBe('proved');
    expect(await verdict(bundle, { rule: { time: { threshold: 2, by: 'anyone' } } })).toBe('TIME_UNPROVEN');
  });

  it('must all suit the certificate, not only one of them', async () => {
    const bundle = message1();
    const signature = Buffer.from(bundle['messageSignature'].signature, 'base64');
    const late = timestamp(SIGSTORE.tsa, signature, NOON + 6 * 60_000);
    bundle['verificationMaterial'].timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: late }] };
    expect(await verdict(bundle)).toBe('CERTIFICATE_EXPIRED');
  });
});

describe('a rule', () => {
  it.each<[string, Partial<BundleRule>]>([
    ['no logs', { transparency: { threshold: 0 } }],
    ['no times', { time: { threshold: 0, by: 'anyone' } }],
    ['no certificate logs', { certificateTransparency: { threshold: 0 } }],
    ['less than nothing', { transparency: { threshold: -1 } }],
    ['half a log', { transparency: { threshold: 0.5 } }],
    ['no number of logs', { transparency: { threshold: Number.NaN } }],
    ['certificates without any time', { time: 'none' }],
  ])('that asks for %s is refused', async (_, rule) => {
    expect(await verdict(message1(), { rule })).toBe('POLICY_BROKEN');
  });
});

describe('bundles signed with a key', () => {
  const keyed = (keys: { publicKey: KeyObject; privateKey: KeyObject }, hash: string | null) => {
    const pem = keys.publicKey.export({ format: 'pem', type: 'spki' });
    const signature = sign(hash, encoded(STATEMENT), keys.privateKey);
    const entry = logged(SIGSTORE.rekor, dsse1(STATEMENT, signature, pem));
    const bundle = bundleOf({ content: envelope(STATEMENT, signature), certificate: leaf(), entries: [entry] });
    delete bundle['verificationMaterial'].certificate;
    bundle['verificationMaterial'].publicKey = { hint: 'any' };
    return { bundle, rule: { signer: valueOf(signingKey(pem)), time: 'none' as const } };
  };

  it.each<[string, { publicKey: KeyObject; privateKey: KeyObject }, string | null]>([
    ['P-256 with SHA-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256'],
    ['P-384 with SHA-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'sha384'],
    ['P-384 with SHA-256', generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'sha256'],
    ['P-521 with SHA-512', generateKeyPairSync('ec', { namedCurve: 'P-521' }), 'sha512'],
    ['RSA with SHA-256', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
    ['RSA with SHA-512', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha512'],
    ['Ed25519', generateKeyPairSync('ed25519'), null],
  ])('hold with %s', async (_, keys, hash) => {
    const { bundle, rule } = keyed(keys, hash);
    expect(await verdict(bundle, { artifact: DIGEST, rule })).toBe('proved');
    const { rule: other } = keyed(newKeys(), 'sha256');
    expect(await verdict(bundle, { artifact: DIGEST, rule: other })).toBe('SIGNATURE_MISMATCH');
  });

  it('are not those signed with a certificate, and the other way round', async () => {
    const { bundle, rule } = keyed(newKeys(), 'sha256');
    expect(await verdict(bundle, { artifact: DIGEST })).toBe('CERTIFICATE_MISSING');
    expect(await verdict(statement1(), { artifact: DIGEST, rule })).toBe('SIGNATURE_MISMATCH');
  });

  it('whose only proof has no time count while the log is trusted, and no longer', async () => {
    const { bundle, rule } = keyed(newKeys(), 'sha256');
    const entry = entryOf(bundle);
    delete entry['inclusionPromise'];
    delete entry['integratedTime'];
    expect(await verdict(bundle, { artifact: DIGEST, rule })).toBe('proved');
    expect(await verdict(bundle, { artifact: DIGEST, rule, now: NOON + 2e9 })).toBe('LOG_ENTRY_INVALID');
    const proof = await verifyBundle(Buffer.from(JSON.stringify(bundle)), DIGEST, ROOT, { ...KEYLESS, ...rule }, NOON);
    expect(proof).toMatchObject({ kind: 'proved', notAfter: NOON + 1e9, times: [] });
  });
});

const AUTHORITY = [
  extension('2.5.29.19', Buffer.from([0x30, 3, 1, 1, 0xff]), 'critical'),
  usage(5, 6),
  extendedUsage(CODE_SIGNING),
];

function changeNote({ inclusionProof: { checkpoint: owner } }: Json, change: (note: string) => string): void {
  owner.envelope = change(owner.envelope);
}

/** Flips one bit in the middle of base64 text. */
function flip(owner: Json, key: string, index?: number): void {
  const list = index === undefined ? owner : owner[key];
  const at = index ?? key;
  const bytes = Buffer.from(list[at], 'base64');
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  list[at] = bytes.toString('base64');
}
