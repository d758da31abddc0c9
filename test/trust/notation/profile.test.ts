import { createPublicKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bitString,
  booleanTrue,
  type Der,
  element,
  objectIdentifier,
  sequence,
  unsignedInteger,
} from '../../../src/encoding/der-writer.ts';
import { codeSigningChainProblem, timestampingChainProblem } from '../../../src/trust/notation/profile.ts';
import { parseCertificate } from '../../../src/trust/x509/certificate.ts';
import { chainAt, chainOf, createVerifiedEdges } from '../../../src/trust/x509/chain.ts';
import {
  alternativeNames,
  authority,
  CODE_SIGNING,
  dns,
  extendedUsage,
  extension,
  type Issued,
  issueRoot,
  NOON,
  nameConstraints,
  SERVER_AUTH,
  usage,
} from '../../fixtures/certificates.ts';
import {
  BITS,
  intermediate,
  intermediateOf,
  KEYS,
  leafOf,
  optionalUsage,
  parsed,
  root,
  timestamperOf,
  timestamping,
} from './chains.ts';

type Code =
  | 'fit'
  | 'CERTIFICATE_CHAIN_BROKEN'
  | 'CERTIFICATE_UNFIT'
  | 'ALGORITHM_UNSUPPORTED'
  | 'CERTIFICATE_MALFORMED';

/** `fit`, or the code of what stands against the chain; a certificate that is not even read counts as refused by its code. */
async function ask(chain: readonly Issued[], problem = codeSigningChainProblem): Promise<string> {
  const certificates = [];
  for (const { der } of chain) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return certificate.code;
    certificates.push(certificate.value);
  }
  return (await problem(certificates, createVerifiedEdges()))?.code ?? 'fit';
}

const above = [intermediate, root];
const digital = usage(BITS.digitalSignature);
const ANY = '2.5.29.37.0';
const unknown = extension('1.2.3.4', Buffer.from([5, 0]), 'critical');

describe('a chain', () => {
  it('is complete, in order, and ends in a root that signed itself', async () => {
    expect(await ask([leafOf(intermediate), ...above])).toBe('fit');
    expect(await ask([leafOf(root), root])).toBe('fit');
  });

  const leaf = leafOf(intermediate);
  const stranger = issueRoot('stranger');
  it.each<[string, readonly Issued[]]>([
    ['no certificate at all', []],
    ['root to leaf [notation-ratify 39]', [root, intermediate, leaf]],
    ['the two above exchanged [notation-ratify 39]', [leaf, root, intermediate]],
    ['an unrelated certificate at the end [notation-ratify 40]', [leaf, ...above, stranger]],
    ['an unrelated certificate in between [notation-ratify 40]', [leaf, stranger, ...above]],
    ['an unrelated leaf in front [notation-ratify 40]', [leafOf(stranger), leaf, ...above]],
    ['the root twice [notation-ratify 40]', [leaf, ...above, root]],
    ['the intermediate twice', [leaf, intermediate, intermediate, root]],
    ['the root missing [notation-ratify 41]', [leaf, intermediate]],
    ['only the leaf [notation-ratify 41]', [leaf]],
    ['the intermediate missing', [leaf, root]],
    ['a leaf that signed itself below others', [leafOf('self', { subject: 'root' }), root]],
  ])('is broken by %s', async (_what, chain) => {
    expect(await ask(chain)).toBe('CERTIFICATE_CHAIN_BROKEN');
  });

  it('is not made by names: each signature is checked, the root on itself among them', async () => {
    const impostor = issueRoot('root');
    expect(await ask([leafOf(intermediate), intermediate, impostor])).toBe('CERTIFICATE_CHAIN_BROKEN');
    expect(await ask([leafOf({ ...impostor, subject: 'intermediate' }), ...above])).toBe('CERTIFICATE_CHAIN_BROKEN');
    const forged = intermediateOf({ ...impostor, subject: 'self-named' }, { subject: 'self-named' });
    expect(await ask([leafOf(forged), forged])).toBe('CERTIFICATE_CHAIN_BROKEN');
    const own = KEYS['P-384']();
    const renamed = leafOf({ ...impostor, subject: 'somebody else', keys: own }, { keys: own });
    expect(await ask([renamed])).toBe('CERTIFICATE_CHAIN_BROKEN');
    const alone = leafOf({ ...impostor, subject: 'leaf' });
    expect(await ask([alone])).toBe('CERTIFICATE_CHAIN_BROKEN');
  });

  it('has at most ten certificates', async () => {
    const line = [root];
    for (let i = 0; i < 9; i++) line.unshift(intermediateOf(line[0] ?? root, { subject: `below ${i}` }));
    expect(await ask([leafOf(line[1] ?? root), ...line.slice(1)])).toBe('fit');
    expect(await ask([leafOf(line[0] ?? root), ...line])).toBe('CERTIFICATE_CHAIN_BROKEN');
  });

  it('may renew an authority under its own name, with another key', async () => {
    const renewed = intermediateOf(root, { subject: 'root' });
    expect(await ask([leafOf(renewed), renewed, root])).toBe('fit');
  });

  it('of one certificate that signed itself meets the rules of a leaf [notation-ratify 42]', async () => {
    expect(await ask([leafOf('self')])).toBe('fit');
    expect(await ask([leafOf('self', { extensions: [digital] })])).toBe('fit');
    expect(await ask([root])).toBe('CERTIFICATE_UNFIT');
    const both = [authority(), usage(BITS.digitalSignature, BITS.keyCertSign)];
    expect(await ask([leafOf('self', { extensions: both })])).toBe('CERTIFICATE_UNFIT');
    expect(await ask([leafOf('self', { extensions: [authority(), digital] })])).toBe('CERTIFICATE_UNFIT');
  });

  it('need not be valid now, nor within the validity of its authorities; that is asked apart [notation-ratify 51]', async () => {
    const expired = leafOf(intermediate, { notBefore: NOON - 2000, notAfter: NOON - 1000 });
    expect(await ask([expired, ...above])).toBe('fit');
    const chain = chainOf([parsed(expired), parsed(intermediate), parsed(root)]);
    expect(chainAt([chain], NOON)).toMatchObject({ ok: false, code: 'CERTIFICATE_EXPIRED' });
    expect(chainAt([chain], NOON - 1000)).toMatchObject({ ok: true });
    expect(chainAt([chain], NOON - 2001)).toMatchObject({ ok: false, code: 'CERTIFICATE_NOT_YET_VALID' });
    expect(await ask([leafOf(intermediate, { notAfter: NOON + 1e12 }), ...above])).toBe('fit');
  });

  it('is verified once, whoever asks', async () => {
    const edges = createVerifiedEdges();
    const chain = [leafOf(intermediate), ...above].map(parsed);
    expect(await codeSigningChainProblem(chain, edges)).toBeUndefined();
    expect(edges.statistics()).toMatchObject({ entries: 3, hits: 0 });
    expect(await codeSigningChainProblem(chain, edges)).toBeUndefined();
    expect(edges.statistics()).toMatchObject({ entries: 3, hits: 3 });
  });
});

describe("a signer's certificate", () => {
  it.each<[string, readonly Der[], Code]>([
    ['only a key usage [notation-ratify 46]', [digital], 'fit'],
    ['code signing [notation-ratify 46]', [digital, extendedUsage(CODE_SIGNING)], 'fit'],
    [
      'code signing as critical',
      [digital, extension('2.5.29.37', sequence(objectIdentifier(CODE_SIGNING)), 'critical')],
      'fit',
    ],
    ['a usage that nobody names', [digital, extendedUsage('1.2.3.4')], 'fit'],
    ['content commitment beside', [usage(BITS.digitalSignature, BITS.contentCommitment)], 'fit'],
    ['basic constraints that deny', [digital, extension('2.5.29.19', sequence())], 'fit'],
    ['an extension that binds nobody', [digital, extension('1.2.3.4', Buffer.from([5, 0]))], 'fit'],
    ['no extension at all', [], 'CERTIFICATE_UNFIT'],
    ['no key usage [notation-ratify 44]', [extendedUsage(CODE_SIGNING)], 'CERTIFICATE_UNFIT'],
    [
      'a key usage that is not critical [notation-ratify 44]',
      [optionalUsage(BITS.digitalSignature)],
      'CERTIFICATE_UNFIT',
    ],
    ['no digital signature', [usage(BITS.contentCommitment)], 'CERTIFICATE_UNFIT'],
    ['basic constraints that say CA', [authority(), digital], 'CERTIFICATE_UNFIT'],
    ['keyCertSign [notation-ratify 43]', [usage(BITS.digitalSignature, BITS.keyCertSign)], 'CERTIFICATE_UNFIT'],
    ['keyEncipherment', [usage(BITS.digitalSignature, BITS.keyEncipherment)], 'CERTIFICATE_UNFIT'],
    ['dataEncipherment', [usage(BITS.digitalSignature, BITS.dataEncipherment)], 'CERTIFICATE_UNFIT'],
    ['keyAgreement', [usage(BITS.digitalSignature, BITS.keyAgreement)], 'CERTIFICATE_UNFIT'],
    ['cRLSign', [usage(BITS.digitalSignature, BITS.cRLSign)], 'CERTIFICATE_UNFIT'],
    ['encipherOnly', [usage(BITS.digitalSignature, BITS.encipherOnly)], 'CERTIFICATE_UNFIT'],
    ['decipherOnly', [usage(BITS.digitalSignature, BITS.decipherOnly)], 'CERTIFICATE_UNFIT'],
    ['serverAuth [notation-ratify 45]', [digital, extendedUsage(SERVER_AUTH)], 'CERTIFICATE_UNFIT'],
    ['clientAuth [notation-ratify 45]', [digital, extendedUsage('1.3.6.1.5.5.7.3.2')], 'CERTIFICATE_UNFIT'],
    ['emailProtection [notation-ratify 45]', [digital, extendedUsage('1.3.6.1.5.5.7.3.4')], 'CERTIFICATE_UNFIT'],
    ['timeStamping [notation-ratify 45]', [digital, extendedUsage('1.3.6.1.5.5.7.3.8')], 'CERTIFICATE_UNFIT'],
    ['OCSPSigning [notation-ratify 45, row 2]', [digital, extendedUsage('1.3.6.1.5.5.7.3.9')], 'CERTIFICATE_UNFIT'],
    ['any usage [notation-ratify 45, row 1]', [digital, extendedUsage(ANY)], 'CERTIFICATE_UNFIT'],
    [
      'code signing and server authentication',
      [digital, extendedUsage(CODE_SIGNING, SERVER_AUTH)],
      'CERTIFICATE_UNFIT',
    ],
    ['code signing and any usage', [digital, extendedUsage(CODE_SIGNING, ANY)], 'CERTIFICATE_UNFIT'],
    ['a critical extension that nobody knows', [digital, unknown], 'CERTIFICATE_UNFIT'],
    ['name constraints', [digital, nameConstraints([dns('example.com')])], 'CERTIFICATE_UNFIT'],
    ['an empty list of usages', [digital, extension('2.5.29.37', sequence())], 'CERTIFICATE_MALFORMED'],
    ['key usage twice', [digital, usage(BITS.digitalSignature)], 'CERTIFICATE_MALFORMED'],
  ])('with %s', async (_what, extensions, expected) => {
    expect(await ask([leafOf(intermediate, { extensions }), ...above])).toBe(expected);
    expect(await ask([leafOf('self', { extensions })])).toBe(expected);
  });

  it.each<[keyof typeof KEYS, Code]>([
    ['RSA-2048', 'fit'],
    ['RSA-3072', 'fit'],
    ['RSA-4096', 'fit'],
    ['P-256', 'fit'],
    ['P-384', 'fit'],
    ['P-521', 'fit'],
    ['RSA-1024', 'ALGORITHM_UNSUPPORTED'],
    ['RSA-2560', 'ALGORITHM_UNSUPPORTED'],
    ['P-224', 'ALGORITHM_UNSUPPORTED'],
    ['secp256k1', 'ALGORITHM_UNSUPPORTED'],
    ['Ed25519', 'ALGORITHM_UNSUPPORTED'],
  ])('with a key %s [notation-ratify 49]', { timeout: 60_000 }, async (name, expected) => {
    const keys = KEYS[name]();
    expect(await ask([leafOf(intermediate, { keys }), ...above])).toBe(expected);
    expect(await ask([leafOf('self', { keys })])).toBe(expected);
  });

  it('with an RSA key of 8192 bits is not even read [notation-ratify 49]', async () => {
    // Such a key takes half a minute to make; nobody has this one's other half.
    const key = sequence(unsignedInteger(Buffer.alloc(1024, 0xff)), unsignedInteger(Buffer.from([1, 0, 1])));
    const rsa = sequence(objectIdentifier('1.2.840.113549.1.1.1'), element(0x05));
    const publicKey = createPublicKey({ key: Buffer.from(sequence(rsa, bitString(key))), format: 'der', type: 'spki' });
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(8192);
    const keys = { publicKey, privateKey: KEYS['RSA-2048']().privateKey };
    expect(await ask([leafOf(intermediate, { keys }), ...above])).toBe('ALGORITHM_UNSUPPORTED');
  });
});

describe('an authority', () => {
  const plain = (isAuthority: Der, ...more: readonly Der[]) => [extension('2.5.29.19', isAuthority), ...more];
  const signing = usage(BITS.keyCertSign);

  it.each<[string, readonly Der[], Code]>([
    ['what it needs', [authority(), signing], 'fit'],
    ['a path length that is enough', [authority(0), signing], 'fit'],
    ['more key usages', [authority(), usage(BITS.digitalSignature, BITS.keyCertSign, BITS.cRLSign)], 'fit'],
    ['code signing', [authority(), signing, extendedUsage(CODE_SIGNING)], 'fit'],
    ['any usage', [authority(), signing, extendedUsage(ANY)], 'fit'],
    ['no basic constraints', [signing], 'CERTIFICATE_UNFIT'],
    ['basic constraints that deny [notation-ratify 48]', plain(sequence(), signing), 'CERTIFICATE_UNFIT'],
    [
      'basic constraints that deny as critical [notation-ratify 48]',
      [extension('2.5.29.19', sequence(), 'critical'), signing],
      'CERTIFICATE_UNFIT',
    ],
    ['basic constraints that are not critical [row 3]', plain(sequence(booleanTrue), signing), 'CERTIFICATE_UNFIT'],
    ['no key usage', [authority()], 'CERTIFICATE_UNFIT'],
    ['a key usage that is not critical', [authority(), optionalUsage(BITS.keyCertSign)], 'CERTIFICATE_UNFIT'],
    ['no keyCertSign', [authority(), usage(BITS.cRLSign)], 'CERTIFICATE_UNFIT'],
    ['server authentication alone', [authority(), signing, extendedUsage(SERVER_AUTH)], 'CERTIFICATE_UNFIT'],
    ['a critical extension that nobody knows', [authority(), signing, unknown], 'CERTIFICATE_UNFIT'],
    [
      'constraints that permit other names',
      [authority(), signing, nameConstraints([dns('other.example')])],
      'CERTIFICATE_UNFIT',
    ],
    ['constraints that permit the name', [authority(), signing, nameConstraints([dns('example.com')])], 'fit'],
  ])('with %s', async (_what, extensions, expected) => {
    const leafExtensions = [digital, alternativeNames(dns('ci.example.com'))];
    const below = intermediateOf(root, { subject: 'of this kind', extensions });
    expect(await ask([leafOf(below, { extensions: leafExtensions }), below, root])).toBe(expected);
    const top = issueRoot('of this kind', { extensions });
    expect(await ask([leafOf(top, { extensions: leafExtensions }), top])).toBe(expected);
  });

  it.each<[string, readonly (number | undefined)[], Code]>([
    ['one authority under 0 [notation-ratify 47]', [undefined, 0], 'CERTIFICATE_UNFIT'],
    ['one authority under 1', [undefined, 1], 'fit'],
    ['two authorities under 1', [undefined, undefined, 1], 'CERTIFICATE_UNFIT'],
    ['two authorities under 2', [undefined, undefined, 2], 'fit'],
    ['a length in the middle that is exceeded', [undefined, 0, undefined], 'CERTIFICATE_UNFIT'],
    ['lengths that fall', [0, 1, 2], 'fit'],
    ['lengths that rise', [2, 1, 0], 'CERTIFICATE_UNFIT'],
  ])('allows no longer path: %s', async (_what, lengths, expected) => {
    const extensions = (length: number | undefined) => [authority(length), signing];
    let last = issueRoot('top', { extensions: extensions(lengths.at(-1)) });
    const chain = [last];
    for (const [index, length] of lengths.slice(0, -1).toReversed().entries()) {
      last = intermediateOf(last, { subject: `below ${index}`, extensions: extensions(length) });
      chain.unshift(last);
    }
    expect(await ask([leafOf(last), ...chain])).toBe(expected);
  });

  it('that is a leaf of another cannot issue [notation-ratify 48]', async () => {
    const leaf = leafOf(intermediate);
    expect(await ask([leafOf(leaf, { subject: 'below a leaf' }), leaf, ...above])).toBe('CERTIFICATE_UNFIT');
  });

  it.each([
    ['SHA-1 with RSA', '1.2.840.113549.1.1.5'],
    ['SHA-1 with ECDSA', '1.2.840.10045.4.1'],
    ['MD5 with RSA', '1.2.840.113549.1.1.4'],
  ])('signed by %s is not even read [notation-ratify 50]', async (_what, oid) => {
    const weak = intermediateOf(root, { algorithm: sequence(objectIdentifier(oid)) });
    expect(await ask([leafOf(weak), weak, root])).toBe('ALGORITHM_UNSUPPORTED');
    const weakRoot = issueRoot('weak', { algorithm: sequence(objectIdentifier(oid)) });
    expect(await ask([leafOf(weakRoot), weakRoot])).toBe('ALGORITHM_UNSUPPORTED');
  });

  it.each(['RSA-2048', 'P-384', 'P-521', 'Ed25519'] as const)('may have a key %s', async (name) => {
    const below = intermediateOf(root, { subject: 'of another kind', keys: KEYS[name]() });
    expect(await ask([leafOf(below), below, root])).toBe('fit');
  });
});

describe('the chain of a timestamp', () => {
  const askTime = (chain: readonly Issued[]) => ask(chain, timestampingChainProblem);

  it.each<[string, readonly Der[], Code]>([
    ['timestamps alone, as critical', [digital, timestamping()], 'fit'],
    ['a key usage that is not critical', [optionalUsage(BITS.digitalSignature), timestamping()], 'fit'],
    ['no key usage', [timestamping()], 'CERTIFICATE_UNFIT'],
    ['no extended key usage', [digital], 'CERTIFICATE_UNFIT'],
    ['timestamps, not as critical', [digital, extendedUsage('1.3.6.1.5.5.7.3.8')], 'CERTIFICATE_UNFIT'],
    ['another usage beside', [digital, timestamping(CODE_SIGNING)], 'CERTIFICATE_UNFIT'],
    ['a usage beside that nobody names', [digital, timestamping('1.2.3.4')], 'CERTIFICATE_UNFIT'],
    ['timestamps twice', [digital, timestamping('1.3.6.1.5.5.7.3.8')], 'CERTIFICATE_UNFIT'],
    ['any usage', [digital, extension('2.5.29.37', sequence(objectIdentifier(ANY)), 'critical')], 'CERTIFICATE_UNFIT'],
    ['code signing', [digital, extendedUsage(CODE_SIGNING)], 'CERTIFICATE_UNFIT'],
    ['keyCertSign', [usage(BITS.digitalSignature, BITS.keyCertSign), timestamping()], 'CERTIFICATE_UNFIT'],
    ['an authority', [authority(), digital, timestamping()], 'CERTIFICATE_UNFIT'],
    ['a critical extension that nobody knows', [digital, timestamping(), unknown], 'CERTIFICATE_UNFIT'],
  ])('whose signer has %s', async (_what, extensions, expected) => {
    expect(await askTime([timestamperOf(intermediate, { extensions }), ...above])).toBe(expected);
    expect(await askTime([timestamperOf('self', { extensions })])).toBe(expected);
  });

  it.each<[string, readonly Der[], Code]>([
    ['a key usage that is not critical', [authority(), optionalUsage(BITS.keyCertSign)], 'fit'],
    ['timestamps', [authority(), usage(BITS.keyCertSign), extendedUsage('1.3.6.1.5.5.7.3.8')], 'fit'],
    ['no key usage', [authority()], 'CERTIFICATE_UNFIT'],
    ['no keyCertSign', [authority(), usage(BITS.cRLSign)], 'CERTIFICATE_UNFIT'],
    ['basic constraints that deny', [extension('2.5.29.19', sequence()), usage(BITS.keyCertSign)], 'CERTIFICATE_UNFIT'],
    ['code signing alone', [authority(), usage(BITS.keyCertSign), extendedUsage(CODE_SIGNING)], 'CERTIFICATE_UNFIT'],
  ])('whose authority has %s', async (_what, extensions, expected) => {
    const below = intermediateOf(root, { subject: 'for timestamps', extensions });
    expect(await askTime([timestamperOf(below), below, root])).toBe(expected);
  });

  it('is complete and in order too, with a key of the six kinds', async () => {
    const leaf = timestamperOf(intermediate);
    expect(await askTime([leaf, intermediate])).toBe('CERTIFICATE_CHAIN_BROKEN');
    expect(await askTime([root, intermediate, leaf])).toBe('CERTIFICATE_CHAIN_BROKEN');
    expect(await askTime([])).toBe('CERTIFICATE_CHAIN_BROKEN');
    const odd = timestamperOf(intermediate, { keys: KEYS.Ed25519() });
    expect(await askTime([odd, ...above])).toBe('ALGORITHM_UNSUPPORTED');
  });

  it('is none for code, nor the other way round', async () => {
    expect(await ask([timestamperOf(intermediate), ...above])).toBe('CERTIFICATE_UNFIT');
    expect(await askTime([leafOf(intermediate), ...above])).toBe('CERTIFICATE_UNFIT');
  });
});

describe('any chain', () => {
  /** What is wrong with one certificate, wherever it stands; each makes a good chain a bad one. */
  const LEAF_DEFECTS: readonly (readonly Der[])[] = [
    [],
    [optionalUsage(0)],
    [authority(), digital],
    [digital, unknown],
    [digital, extendedUsage(ANY)],
    ...[2, 3, 4, 5, 6, 7, 8].map((bit) => [usage(0, bit)]),
    ...[1, 2, 4, 8, 9].map((usageNumber) => [digital, extendedUsage(CODE_SIGNING, `1.3.6.1.5.5.7.3.${usageNumber}`)]),
  ];
  const AUTHORITY_DEFECTS: readonly (readonly Der[])[] = [
    [],
    [authority()],
    [usage(5)],
    [authority(), usage(6)],
    [authority(), optionalUsage(5)],
    [extension('2.5.29.19', sequence(booleanTrue)), usage(5)],
    [authority(), usage(5), unknown],
    [authority(), usage(5), extendedUsage(SERVER_AUTH)],
  ];

  const shapes = fc.record({
    authorities: fc.integer({ min: 0, max: 4 }),
    at: fc.nat(),
    defect: fc.nat(),
    kind: fc.constantFrom('none', 'extensions', 'missing', 'twice', 'exchanged', 'unrelated', 'forged', 'short'),
  });

  it('without a defect is fit, and with a single one anywhere is refused', { timeout: 60_000 }, async () => {
    const refused = new Set<string>();
    await fc.assert(
      fc.asyncProperty(shapes, async ({ authorities, at, defect, kind }) => {
        const place = at % (authorities + 1);
        const bad = kind === 'extensions' ? place : -1;
        const forged = kind === 'forged' ? place : -1;
        const extensionsAt = (position: number, good: readonly Der[], defects: readonly (readonly Der[])[]) =>
          position === bad ? (defects[defect % defects.length] ?? []) : good;

        const chain: Issued[] = [];
        for (let position = authorities; position >= 0; position--) {
          const issuer = chain[0];
          // Somebody else of the same name signs a forged one.
          const signer =
            position === forged && issuer !== undefined ? { ...issueRoot(), subject: issuer.subject } : issuer;
          const short = kind === 'short' && position === place && position >= 2;
          const options = {
            subject: `certificate ${position}`,
            extensions:
              position === 0
                ? extensionsAt(0, [digital], LEAF_DEFECTS)
                : extensionsAt(position, [authority(short ? position - 2 : undefined), usage(5)], AUTHORITY_DEFECTS),
          };
          chain.unshift(
            position === 0
              ? leafOf(signer ?? 'self', options)
              : signer === undefined
                ? issueRoot(options.subject, options)
                : intermediateOf(signer, options),
          );
        }
        const there = chain[place] ?? root;
        const next = chain[place + 1];
        let isGood = kind === 'none';
        if (kind === 'short' && place < 2) isGood = true;
        if (kind === 'forged' && place === authorities) isGood = true;
        if (kind === 'missing') {
          // What is left of a chain whose leaf went is an authority's.
          chain.splice(place, 1);
        } else if (kind === 'twice') chain.splice(place, 0, there);
        else if (kind === 'unrelated') chain.splice(place, 0, issueRoot('unrelated'));
        else if (kind === 'exchanged') {
          if (next === undefined) isGood = true;
          else chain.splice(place, 2, next, there);
        }
        const code = await ask(chain);
        if (!isGood) refused.add(code);
        expect(code === 'fit').toBe(isGood);
      }),
      { numRuns: 150 },
    );
    expect([...refused].sort()).toEqual(expect.arrayContaining(['CERTIFICATE_CHAIN_BROKEN', 'CERTIFICATE_UNFIT']));
  });
});
