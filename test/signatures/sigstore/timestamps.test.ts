import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { element, objectIdentifier, octetString, sequence } from '../../../src/encoding/der-writer.ts';
import { readBundle } from '../../../src/signatures/sigstore/bundle.ts';
import { readTimestamps, timestampProblem } from '../../../src/signatures/sigstore/timestamps.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import { createVerifiedEdges, trustedChains } from '../../../src/trust/x509/chain.ts';
import {
  alternativeNames,
  authority,
  CODE_SIGNING,
  dns,
  extendedUsage,
  extension,
  type Issued,
  issue,
  issueIntermediate,
  issueRoot,
  NOON,
  nameConstraints,
  newKeys,
  SERVER_AUTH,
  usage,
} from '../../fixtures/certificates.ts';
import { timestamping } from '../../fixtures/sigstore/instance.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../mutation-count.ts';
import { changeDer, randomness } from '../mutators.ts';
import { conformanceCases } from './conformance.ts';
import { valueOf } from './fixture.ts';
import { SIGSTORE, trustedRoot } from './instance.ts';
import { libraryAcceptsTimestamp } from './library-alone.ts';
import { type TimestampChanges, timestamp } from './rfc3161.ts';

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const FOR_TIME = extension('2.5.29.37', sequence(objectIdentifier(TIME_STAMPING)), 'critical');
const YEAR = 3.1536e10;
const LONG = { notBefore: NOON - YEAR, notAfter: NOON + YEAR };
const SIGNATURE = sign('sha256', Buffer.from('the file'), newKeys().privateKey);

const signer = (issuer: Issued, options: Parameters<typeof issue>[1] = {}): Issued =>
  issue(issuer, { ...LONG, subject: 'tsa', extensions: timestamping(), ...options });

/** The instance's root with this chain as its only timestamp authority. */
function rootWith(...chain: readonly Issued[]): TrustedRoot {
  return trustedRoot(({ timestampAuthorities: [first] }) => {
    first.certChain.certificates = chain.map(({ der }) => ({ rawBytes: Buffer.from(der).toString('base64') }));
  });
}

/** What stands against a timestamp, or `holds`. */
async function verdict(der: Uint8Array, root: TrustedRoot, signature: Uint8Array = SIGNATURE): Promise<string> {
  const read = readTimestamps([der]);
  if (read.kind === 'refused') return read.message;
  return (await timestampProblem(read.value, signature, root))?.message ?? 'holds';
}

const stamp = (by: Issued, at = NOON, changes: TimestampChanges = {}): Buffer =>
  Buffer.from(timestamp(by, SIGNATURE, at, changes), 'base64');

describe('a timestamp authority', () => {
  const root = issueRoot('tsa root');

  it('holds with its chain, which is verified once', async () => {
    const above = issueIntermediate(root, 'tsa intermediate');
    const tsa = signer(above);
    const trusted = rootWith(tsa, above, root);
    expect(await verdict(stamp(tsa), trusted)).toBe('holds');
    expect(trusted.edges.statistics()).toMatchObject({ entries: 2, hits: 0 });
    expect(await verdict(stamp(tsa), trusted)).toBe('holds');
    expect(trusted.edges.statistics()).toMatchObject({ entries: 2, hits: 2 });
  });

  it('must write its extended key usage as critical [RFC 3161 §2.3]', async () => {
    const tsa = signer(root, { extensions: [usage(0), extendedUsage(TIME_STAMPING)] });
    expect(await verdict(stamp(tsa), rootWith(tsa, root))).toContain('does not say as critical');
    // Another critical extension does not stand in for it.
    const beside = signer(root, { extensions: [authority(), extendedUsage(TIME_STAMPING)] });
    expect(await verdict(stamp(beside), rootWith(beside, root))).not.toBe('holds');
    const named = [usage(0), extendedUsage(TIME_STAMPING), alternativeNames(dns('tsa.example.com'))];
    const third = signer(root, { extensions: named });
    expect(await verdict(stamp(third), rootWith(third, root))).toContain('does not say as critical');
  });

  it.each<[string, Parameters<typeof issue>[1]]>([
    ['is for signing code too', { extensions: timestamping([TIME_STAMPING, CODE_SIGNING]) }],
    ['is for anything too', { extensions: timestamping([TIME_STAMPING, '2.5.29.37.0']) }],
    ['is for encipherment only', { extensions: [usage(2), FOR_TIME] }],
    ['is one of an authority', { extensions: [authority(), usage(0, 5), FOR_TIME] }],
    [
      'has an unknown critical extension',
      { extensions: [FOR_TIME, extension('1.2.3.4', Buffer.from([5, 0]), 'critical')] },
    ],
    ['had expired', { notAfter: NOON - 1000 }],
    ['was not valid yet', { notBefore: NOON + 1000 }],
  ])('whose certificate %s is refused', async (_, options) => {
    const tsa = signer(root, options);
    expect(await verdict(stamp(tsa), rootWith(tsa, root))).toContain('by an authority that does not hold');
  });

  it.each<[string, Parameters<typeof issueIntermediate>[2]]>([
    ['is for servers', { extensions: [authority(), usage(5), extendedUsage(SERVER_AUTH)] }],
    ['is not for signing certificates', { extensions: [authority(), usage(0)] }],
    [
      'has an unknown critical extension',
      { extensions: [authority(), extension('1.2.3.4', Buffer.from([5, 0]), 'critical')] },
    ],
    ['permits other names', { extensions: [authority(), nameConstraints([dns('example.org')])] }],
    ['had expired', { notAfter: NOON - 1000 }],
  ])('whose intermediate %s is refused', async (_, options) => {
    const above = issueIntermediate(root, 'tsa intermediate', options);
    const extensions = [...timestamping(), alternativeNames(dns('tsa.example.com'))];
    const tsa = signer(above, { extensions });
    expect(await verdict(stamp(tsa), rootWith(tsa, above, root))).toContain('by an authority that does not hold');
    const sound = issueIntermediate(root, 'tsa intermediate');
    const other = signer(sound, { extensions });
    expect(await verdict(stamp(other), rootWith(other, sound, root))).toBe('holds');
  });

  it('whose root has an unknown critical extension, or allows no intermediate, is refused', async () => {
    const odd = issueRoot('odd', {
      extensions: [authority(), extension('1.2.3.4', Buffer.from([5, 0]), 'critical')],
    });
    const tsa = signer(odd);
    expect(await verdict(stamp(tsa), rootWith(tsa, odd))).toContain('critical extension');
    const short = issueRoot('short', { extensions: [authority(0)] });
    const above = issueIntermediate(short);
    const below = signer(above);
    expect(await verdict(stamp(below), rootWith(below, above, short))).toContain('longer than an authority');
  });

  it('is not trusted for a name: its certificates must have signed one another', async () => {
    const tsa = signer(issueRoot('tsa root'));
    expect(await verdict(stamp(tsa), rootWith(tsa, root))).toContain('does not lead to an authority');
    const alone = signer(root);
    expect(await verdict(stamp(alone), rootWith(alone))).toContain('no authority above it');
  });

  it('is not trusted because its certificates come with the timestamp', async () => {
    const foreign = issueRoot('foreign');
    const stranger = signer(foreign);
    const tsa = signer(root);
    const certificates = [stranger, foreign];
    expect(await verdict(stamp(stranger, NOON, { certificates }), rootWith(tsa, root))).toContain('nobody who is');
    // Of the same issuer's name and number: then it is the key that tells.
    const twin = signer(issueRoot('tsa root'));
    expect(await verdict(stamp(twin, NOON, { certificates: [twin] }), rootWith(tsa, root))).toContain('not verify');
    expect(await verdict(stamp(tsa, NOON, { certificates: [tsa, root] }), rootWith(tsa, root))).toBe('holds');
  });

  it('is trusted in any of its windows, and outside of all of them in none', async () => {
    const tsa = signer(root);
    const windows = (...spans: readonly (readonly [number, number])[]) =>
      trustedRoot((json) => {
        const certificates = [tsa, root].map(({ der }) => ({ rawBytes: Buffer.from(der).toString('base64') }));
        json['timestampAuthorities'] = spans.map(([start, end]) => ({
          certChain: { certificates },
          validFor: { start: new Date(start).toISOString(), end: new Date(end).toISOString() },
        }));
      });
    expect(await verdict(stamp(tsa), windows([NOON - 2, NOON - 1], [NOON, NOON]))).toBe('holds');
    expect(await verdict(stamp(tsa), windows([NOON - 2, NOON - 1], [NOON + 1, NOON + 2]))).toContain('time for which');
  });

  it('counts once where a timestamp is there twice: that is refused', async () => {
    const read = readTimestamps([stamp(SIGSTORE.tsa), stamp(SIGSTORE.tsa)]);
    if (read.kind === 'refused') expect.fail(read.message);
    expect(await timestampProblem(read.value, SIGNATURE, trustedRoot())).toMatchObject({ code: 'TIMESTAMP_INVALID' });
  });
});

describe('a timestamp', () => {
  const root = issueRoot('tsa root');
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });

  it.each<[string, () => Issued['keys'], TimestampChanges]>([
    ['P-256 and SHA-256', () => ec('P-256'), {}],
    ['P-256 and SHA-512', () => ec('P-256'), { hash: 'sha512' }],
    ['P-384 and SHA-384', () => ec('P-384'), { hash: 'sha384' }],
    ['P-384 and SHA-256', () => ec('P-384'), {}],
    ['P-521 and SHA-512', () => ec('P-521'), { hash: 'sha512' }],
    ['RSA of 2048 bits', () => rsa(2048), {}],
    ['RSA of 3072 bits', () => rsa(3072), {}],
    ['RSA of 4096 bits', () => rsa(4096), {}],
    ['Ed25519', () => generateKeyPairSync('ed25519'), { hash: 'sha512' }],
    ['an imprint of SHA-384', () => ec('P-256'), { imprint: 'sha384' }],
    ['an imprint of SHA-512', () => ec('P-256'), { imprint: 'sha512' }],
  ])('by %s holds, and is refused by another key or over something else', async (_, keys, changes) => {
    const tsa = signer(root, { keys: keys() });
    const trusted = rootWith(tsa, root);
    const der = stamp(tsa, NOON, changes);
    expect(await verdict(der, trusted)).toBe('holds');
    expect(libraryAcceptsTimestamp(der, SIGNATURE, trusted)).toBe(true);
    const twin = signer(root, { keys: keys() });
    expect(await verdict(stamp(twin, NOON, changes), trusted)).toContain('not verify');
    expect(await verdict(der, trusted, Buffer.from('another signature'))).toContain('over something else');
  });

  it.each<[string, TimestampChanges]>([
    ['with an imprint of SHA-1', { imprint: 'sha1' }],
    ['with an imprint of SHA-224', { imprint: 'sha224' }],
    ['signed with SHA-1', { hash: 'sha1' }],
    ['signed with SHA-224', { hash: 'sha224' }],
  ])('%s is refused', async (_, changes) => {
    const tsa = signer(root);
    expect(await verdict(stamp(tsa, NOON, changes), rootWith(tsa, root))).toContain('does not verify');
  });

  it('of more elements than any has is refused before it costs anything', async () => {
    const tsa = signer(root);
    const trusted = rootWith(tsa, root);
    const padded = (padding: Uint8Array) => stamp(tsa, NOON, { padding });
    const of = (count: number, unit: readonly number[]) =>
      element(0xa1, Buffer.alloc(count * unit.length, Buffer.from(unit)));
    expect(await verdict(padded(of(1000, [5, 0])), trusted)).toBe('holds');
    for (const [count, unit] of [
      [3000, [5, 0]],
      [16_000, [5, 0]],
      [10_000, [4, 1, 0x30]],
      [10_000, [4, 1, 0]],
    ] as const)
      expect(await quickly('a padded timestamp', () => verdict(padded(of(count, unit)), trusted))).toContain(
        'cannot be read',
      );
    expect(await verdict(padded(octetString(Buffer.alloc(40_000))), trusted)).toContain('cannot be read');
  });

  it(
    mutations('that was changed is of the same time, and the library accepts it too, or it is refused'),
    async () => {
      const tsa = signer(root);
      const trusted = rootWith(tsa, root);
      const bare = stamp(tsa);
      const full = stamp(tsa, NOON, { certificates: [tsa, root] });
      const random = randomness(SEED);
      let refused = 0;
      for (let i = 0; i < MUTATIONS; i++) {
        const der = changeDer(i % 2 === 0 ? bare : full, random);
        const says = await quickly(der.toString('hex'), () => verdict(der, trusted));
        if (says !== 'holds') {
          refused++;
          continue;
        }
        expect(libraryAcceptsTimestamp(der, SIGNATURE, trusted), der.toString('hex')).toBe(true);
        expect(readTimestamps([der])).toMatchObject({ value: [{ at: NOON }] });
      }
      expect(refused).toBeGreaterThan(MUTATIONS / 4);
    },
    MUTATIONS_TIMEOUT,
  );
});

describeVectors('sigstore-conformance/bundle-verify', 'real timestamps', (folder) => {
  it('are of authorities whose extended key usage is critical, save for GitHub’s old one, which does not hold', async () => {
    const said = new Map<string, string>();
    for (const { name, trustedRoot: path } of conformanceCases(join(folder, '../..'))) {
      const root = parseTrustedRoot(readFileSync(path));
      if (!root.ok) continue;
      for (const {
        chain: [leaf, ...above],
      } of root.value.timestampAuthorities) {
        const anchor = above.at(-1) ?? expect.fail(`${name} has an authority with nothing above it`);
        const request = { leaf, intermediates: above, roots: [anchor] as const, usage: 'demanded' } as const;
        const chains = await trustedChains({ ...request, purpose: 'timeStamping' }, createVerifiedEdges());
        said.set(leaf.fingerprint, chains.ok ? 'holds' : `${name}: ${chains.message}`);
      }
    }
    expect([...said.values()].filter((one) => one !== 'holds')).toEqual([
      "invalid-ct-key_fail: the signer's certificate does not say as critical that it is for timestamps",
    ]);
    expect(said.size).toBeGreaterThan(3);
  });

  it.each(['rekor2-happy-path', 'rekor2-timestamp-without-embedded-cert', 'rekor2-timestamp-with-expired-cert-chain'])(
    'of %s hold, and changed ones hold only where the library accepts them too',
    async (name) => {
      const bundle = readBundle(readFileSync(`${folder}/${name}/bundle.sigstore.json`));
      if (bundle.kind === 'refused') return expect.fail(bundle.message);
      const own = `${folder}/${name}/trusted_root.json`;
      const root = valueOf(parseTrustedRoot(readFileSync(own)));
      const { signature } = bundle.value.content;
      const [der = Buffer.alloc(0)] = bundle.value.timestamps;
      expect(await verdict(der, root, signature)).toBe('holds');
      const random = randomness(SEED);
      for (let i = 0; i < Math.ceil(MUTATIONS / 10); i++) {
        const changed = changeDer(der, random);
        if ((await verdict(changed, root, signature)) === 'holds')
          expect(libraryAcceptsTimestamp(changed, signature, root), changed.toString('hex')).toBe(true);
      }
    },
    MUTATIONS_TIMEOUT,
  );
});
