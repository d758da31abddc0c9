import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bitString, type Der, element, objectIdentifier, sequence } from '../../../src/encoding/der-writer.ts';
import { type Certificate, parseCertificate, parseCertificates } from '../../../src/trust/x509/certificate.ts';
import { type ChainRequest, createVerifiedEdges, verifyChain } from '../../../src/trust/x509/chain.ts';
import {
  alternativeNames,
  authority,
  type CertificateOptions,
  CODE_SIGNING,
  dns,
  email,
  extendedUsage,
  extension,
  type Issued,
  issue,
  issueIntermediate,
  issueRoot,
  leafExtensions,
  NOON,
  nameConstraints,
  newKeys,
  SERVER_AUTH,
  uri,
  usage,
} from '../../fixtures/certificates.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

function parsed({ der }: Issued): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return certificate.value;
}

const root = issueRoot();
const intermediate = issueIntermediate(root);

type Asked = Partial<Pick<ChainRequest, 'usage'>> & {
  readonly via?: readonly Issued[];
  readonly roots?: readonly [Issued, ...Issued[]];
  readonly at?: number;
};

/** `trusted`, or the code of what stands against it. */
async function ask(leaf: Issued, { via = [intermediate], roots = [root], at = NOON, usage = 'demanded' }: Asked = {}) {
  const [first, ...others] = roots;
  const checked = await verifyChain(
    {
      leaf: parsed(leaf),
      intermediates: via.map(parsed),
      roots: [parsed(first), ...others.map(parsed)],
      purpose: 'codeSigning',
      usage,
      at,
    },
    createVerifiedEdges(),
  );
  return checked.ok ? 'trusted' : checked.code;
}

const leafOf = (issuer: Issued, options: CertificateOptions = {}) =>
  issue(issuer, { extensions: leafExtensions(), ...options });

describe('a chain', () => {
  it('leads from a leaf over intermediates to a root', async () => {
    expect(await ask(leafOf(intermediate))).toBe('trusted');
    expect(await ask(leafOf(root), { via: [] })).toBe('trusted');
    expect(await ask(leafOf(intermediate), { via: [intermediate, issueRoot('noise')] })).toBe('trusted');
  });

  it('ends at whatever the policy trusts, self-signed or not [openshift 72]', async () => {
    expect(await ask(leafOf(intermediate), { via: [], roots: [intermediate] })).toBe('trusted');
    expect(await ask(leafOf(intermediate), { via: [] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('never ends at a root that came with the signature', async () => {
    const own = issueRoot('root');
    expect(await ask(leafOf(own), { via: [own] })).toBe('CERTIFICATE_UNTRUSTED');
    const twin = issueRoot('intermediate');
    expect(await ask(leafOf(twin), { via: [twin, intermediate] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('is not made by names and key identifiers: each signature is checked', async () => {
    const impostor = issueIntermediate(issueRoot('root'), 'intermediate');
    expect(await ask(leafOf(impostor), { via: [impostor] })).toBe('CERTIFICATE_UNTRUSTED');
    expect(await ask(leafOf(impostor), { via: [intermediate] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('has no leaf of its own for an authority', async () => {
    const leaf = leafOf(intermediate, { subject: 'leaf' });
    const below = leafOf(leaf);
    expect(await ask(below, { via: [leaf, intermediate] })).toBe('CERTIFICATE_UNFIT');
    const sly = leafOf(intermediate, { subject: 'sly', extensions: [usage(5), extendedUsage(CODE_SIGNING)] });
    expect(await ask(leafOf(sly), { via: [sly, intermediate] })).toBe('CERTIFICATE_UNFIT');
  });

  it('is no longer than an authority on it allows', async () => {
    const second = issueIntermediate(intermediate, 'second');
    expect(await ask(leafOf(second), { via: [second, intermediate] })).toBe('CERTIFICATE_UNFIT');
    const wide = issueIntermediate(root, 'wide', { extensions: [authority(1)] });
    const below = issueIntermediate(wide, 'below');
    expect(await ask(leafOf(below), { via: [below, wide] })).toBe('trusted');
  });

  it('is at most ten certificates long, and a heap of namesakes costs a bounded number of checks [CVE-2026-32280]', async () => {
    const line = [issueIntermediate(root, 'a0', { extensions: [authority()] })];
    for (let i = 1; i < 9; i++) line.push(issueIntermediate(line[i - 1]!, `a${i}`, { extensions: [authority()] }));
    expect(await ask(leafOf(line[7]!), { via: line })).toBe('trusted');
    expect(await ask(leafOf(line[8]!), { via: line })).toBe('CERTIFICATE_UNTRUSTED');
    const heap = Array.from({ length: 40 }, () => issueIntermediate(root, 'same'));
    expect(await ask(leafOf(heap[39]!), { via: heap })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('goes in no circles', async () => {
    const keys = newKeys();
    const a = issueIntermediate({ ...root, subject: 'b', keys }, 'a', { keys });
    const b = issueIntermediate({ ...root, subject: 'a', keys }, 'b', { keys });
    expect(await ask(leafOf(a), { via: [a, b] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('must be valid as a whole, both ends included [openshift 71]', async () => {
    const leaf = leafOf(intermediate, { notBefore: NOON, notAfter: NOON + 60_000 });
    expect(await ask(leaf, { at: NOON })).toBe('trusted');
    expect(await ask(leaf, { at: NOON + 60_000 })).toBe('trusted');
    expect(await ask(leaf, { at: NOON - 1000 })).toBe('CERTIFICATE_NOT_YET_VALID');
    expect(await ask(leaf, { at: NOON + 61_000 })).toBe('CERTIFICATE_EXPIRED');
    expect(await ask(leaf, { at: Number.NaN })).not.toBe('trusted');
    const early = issueIntermediate(root, 'early', { notAfter: NOON - 1000 });
    expect(await ask(leafOf(early), { via: [early] })).toBe('CERTIFICATE_EXPIRED');
    const ended = issueRoot('ended', { notAfter: NOON - 1000 });
    expect(await ask(leafOf(ended), { via: [], roots: [ended] })).toBe('CERTIFICATE_EXPIRED');
  });

  it('is found where one of two authorities of a name has expired', async () => {
    const keys = newKeys();
    const old = issueIntermediate(root, 'renewed', { keys, notAfter: NOON - 1000 });
    const renewed = issueIntermediate(root, 'renewed', { keys });
    expect(await ask(leafOf(renewed), { via: [old, renewed] })).toBe('trusted');
    expect(await ask(leafOf(renewed), { via: [old] })).toBe('CERTIFICATE_EXPIRED');
  });

  const unknown = extension('1.2.3.4', Buffer.from([5, 0]), 'critical');
  it.each<[string, Issued, Issued[]]>([
    ['the leaf', leafOf(intermediate, { extensions: [...leafExtensions(), unknown] }), [intermediate]],
    ...[issueIntermediate(root, 'odd', { extensions: [authority(), unknown] })].map(
      (odd): [string, Issued, Issued[]] => ['an intermediate', leafOf(odd), [odd]],
    ),
  ])('has no unknown critical extension in %s [openshift 75]', async (_where, leaf, via) => {
    expect(await ask(leaf, { via })).toBe('CERTIFICATE_UNFIT');
  });

  it('has an authority that may sign certificates, and a leaf that may sign and is no authority', async () => {
    const mute = issueIntermediate(root, 'mute', { extensions: [authority(), usage(0)] });
    expect(await ask(leafOf(mute), { via: [mute] })).toBe('CERTIFICATE_UNFIT');
    const names = alternativeNames(email('ann@example.com'));
    const encrypting = leafOf(intermediate, { extensions: [usage(2), extendedUsage(CODE_SIGNING), names] });
    expect(await ask(encrypting)).toBe('CERTIFICATE_UNFIT');
    expect(
      await ask(leafOf(root, { extensions: [authority(), extendedUsage(CODE_SIGNING), names] }), { via: [] }),
    ).toBe('CERTIFICATE_UNFIT');
  });

  it.each<[string, readonly Der[], string, string]>([
    ['code signing', [extendedUsage(SERVER_AUTH, CODE_SIGNING)], 'trusted', 'trusted'],
    ['nothing stated', [], 'CERTIFICATE_UNFIT', 'trusted'],
    ['any usage', [extendedUsage('2.5.29.37.0')], 'CERTIFICATE_UNFIT', 'trusted'],
    ['server authentication', [extendedUsage(SERVER_AUTH)], 'CERTIFICATE_UNFIT', 'CERTIFICATE_UNFIT'],
  ])('with the extended key usage %s', async (_what, extensions, demanded, ifStated) => {
    const leaf = leafOf(intermediate, { extensions: [usage(0), ...extensions] });
    expect(await ask(leaf, { usage: 'demanded' })).toBe(demanded);
    expect(await ask(leaf, { usage: 'if-stated' })).toBe(ifStated);
    const limited = issueIntermediate(root, 'limited', { extensions: [authority(), extendedUsage(SERVER_AUTH)] });
    expect(await ask(leafOf(limited), { via: [limited] })).toBe('CERTIFICATE_UNFIT');
  });

  it.each<[string, Der, Der[], string]>([
    ['an address of a permitted host', nameConstraints([email('example.com')]), [email('a@example.com')], 'trusted'],
    ['an address of another host', nameConstraints([email('example.com')]), [email('a@evil.com')], 'CERTIFICATE_UNFIT'],
    [
      'an address below a host',
      nameConstraints([email('example.com')]),
      [email('a@x.example.com')],
      'CERTIFICATE_UNFIT',
    ],
    ['an address below a domain', nameConstraints([email('.example.com')]), [email('a@x.example.com')], 'trusted'],
    ['one mailbox', nameConstraints([email('a@example.com')]), [email('b@example.com')], 'CERTIFICATE_UNFIT'],
    ['an excluded host', nameConstraints([], [dns('example.com')]), [dns('x.example.com')], 'CERTIFICATE_UNFIT'],
    ['a wildcard over an excluded host', nameConstraints([], [dns('a.b.com')]), [dns('*.b.com')], 'CERTIFICATE_UNFIT'],
    ['a permitted domain', nameConstraints([dns('example.com')]), [dns('x.example.com')], 'trusted'],
    ['a domain that ends alike', nameConstraints([dns('example.com')]), [dns('xexample.com')], 'CERTIFICATE_UNFIT'],
    ['another kind', nameConstraints([dns('example.com')]), [email('a@evil.com')], 'trusted'],
    [
      'a URI of another host',
      nameConstraints([uri('ci.example')]),
      [uri('https://evil.example/ci.example')],
      'CERTIFICATE_UNFIT',
    ],
    ['a URI of an address', nameConstraints([uri('.example')]), [uri('https://10.0.0.1/x')], 'CERTIFICATE_UNFIT'],
    ['directory names', nameConstraints([element(0xa4, sequence())]), [email('a@example.com')], 'CERTIFICATE_UNFIT'],
    ['addresses, of which it has none', nameConstraints([element(0x87, Buffer.alloc(8))]), [email('a@b.c')], 'trusted'],
  ])('under name constraints: %s', async (_what, constraints, names, expected) => {
    const limited = issueIntermediate(root, 'limited', { extensions: [authority(), constraints] });
    const leaf = leafOf(limited, { extensions: leafExtensions(names) });
    expect(await ask(leaf, { via: [limited] })).toBe(expected);
    const limitedRoot = issueRoot('limited root', { extensions: [authority(), constraints] });
    expect(
      await ask(leafOf(limitedRoot, { extensions: leafExtensions(names) }), { via: [], roots: [limitedRoot] }),
    ).toBe(expected);
  });

  it('is verified once above the leaf, and its validity each time', async () => {
    const edges = createVerifiedEdges();
    const request = (leaf: Issued, at: number) =>
      verifyChain(
        {
          leaf: parsed(leaf),
          intermediates: [parsed(intermediate)],
          roots: [parsed(root)],
          purpose: 'codeSigning',
          usage: 'demanded',
          at,
        },
        edges,
      );
    expect(await request(leafOf(intermediate), NOON)).toMatchObject({ ok: true });
    expect(edges.statistics()).toMatchObject({ entries: 1, hits: 0 });
    expect(await request(leafOf(intermediate), NOON)).toMatchObject({ ok: true });
    expect(edges.statistics()).toMatchObject({ entries: 1, hits: 1 });
    const years = 23 * 365 * 24 * 3600 * 1000;
    expect(await request(leafOf(intermediate, { notAfter: NOON + years }), NOON + years)).toMatchObject({
      ok: false,
      code: 'CERTIFICATE_EXPIRED',
    });
  });
});

describe('signature algorithms', () => {
  const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve });
  const rsa = (modulusLength: number) => () => generateKeyPairSync('rsa', { modulusLength });

  /** A certificate as its issuer's kind of key signs it. */
  function signedWith(algorithm: Der, hash: string | null, key: KeyObject, issuer: Issued): Issued {
    // Signed anew below: this signature is never looked at.
    const bare = issue({ ...issuer, keys: root.keys }, { extensions: leafExtensions(), algorithm });
    const { signed } = parsed(bare);
    return { ...bare, der: sequence(signed, algorithm, bitString(sign(hash, signed, key))) };
  }

  it.each<[string, () => Issued['keys'], string | null, string]>([
    ['P-256 and SHA-256', ec('P-256'), 'sha256', '1.2.840.10045.4.3.2'],
    ['P-384 and SHA-384', ec('P-384'), 'sha384', '1.2.840.10045.4.3.3'],
    ['P-384 and SHA-256', ec('P-384'), 'sha256', '1.2.840.10045.4.3.2'],
    ['P-521 and SHA-512', ec('P-521'), 'sha512', '1.2.840.10045.4.3.4'],
    ['RSA of 2048 bits and SHA-256', rsa(2048), 'sha256', '1.2.840.113549.1.1.11'],
    ['RSA of 3072 bits and SHA-384', rsa(3072), 'sha384', '1.2.840.113549.1.1.12'],
    ['RSA of 4096 bits and SHA-512', rsa(4096), 'sha512', '1.2.840.113549.1.1.13'],
    ['Ed25519', () => generateKeyPairSync('ed25519'), null, '1.3.101.112'],
  ])('of an authority: %s, and no other key of the kind', async (what, keys, hash, oid) => {
    // RSA's identifiers have a NULL behind them (RFC 4055 §5), the others nothing.
    const algorithm = sequence(objectIdentifier(oid), ...(what.startsWith('RSA') ? [element(0x05)] : []));
    const own = keys();
    // The authority's certificate is one that a P-256 root signed: only its own key is of the kind.
    const above = issueIntermediate(root, 'of another kind', { keys: own });
    expect(await ask(signedWith(algorithm, hash, own.privateKey, above), { via: [above] })).toBe('trusted');
    const forged = signedWith(algorithm, hash, keys().privateKey, above);
    expect(await ask(forged, { via: [above] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it.each([
    ['SHA-1', '1.2.840.10045.4.1'],
    ['RSA-PSS', '1.2.840.113549.1.1.10'],
    ['MD5 with RSA', '1.2.840.113549.1.1.4'],
  ])('refuses certificates that say they are signed with %s', (_what, oid) => {
    const leaf = issue(root, { extensions: leafExtensions(), algorithm: sequence(objectIdentifier(oid)) });
    expect(parseCertificate(leaf.der)).toMatchObject({ ok: false, code: 'ALGORITHM_UNSUPPORTED' });
  });
});

describeVectors('containers-image/fixtures', 'the certificates of containers/image', (fixtures) => {
  const certificates = (file: string) => {
    const all = parseCertificates(readFileSync(join(fixtures, file), 'utf8'), { junk: 'ignored', maximum: 10 });
    if (!all.ok) throw new Error(all.message);
    return all.value;
  };
  const chain = (leaf: string, via: readonly Certificate[], roots: string, at: string, usage: ChainRequest['usage']) =>
    verifyChain(
      {
        leaf: certificates(leaf)[0],
        intermediates: via,
        roots: certificates(roots),
        purpose: 'codeSigning',
        usage,
        at: Date.parse(at),
      },
      createVerifiedEdges(),
    );

  it.each([
    ['2022-12-12T18:48:17Z', 'CERTIFICATE_NOT_YET_VALID'],
    ['2022-12-12T18:48:18Z', 'trusted'],
    ['2022-12-12T18:58:18Z', 'trusted'],
    ['2022-12-12T18:58:19Z', 'CERTIFICATE_EXPIRED'],
  ])('at %s a certificate of the public Fulcio is %s [openshift 71]', async (at, expected) => {
    const via = certificates('fulcio-chain');
    const checked = await chain('fulcio-cert', via.slice(0, -1), 'fulcio_v1.crt.pem', at, 'demanded');
    expect(checked.ok ? 'trusted' : checked.code).toBe(expected);
    expect(await chain('fulcio-cert', [], 'fulcio_v1.crt.pem', at, 'demanded')).toMatchObject({
      code: 'CERTIFICATE_UNTRUSTED',
    });
  });

  it('a certificate without extended key usage needs its intermediates and nothing more [openshift 77]', async () => {
    const at = '2026-01-01T00:00:00Z';
    const via = certificates('pki_intermediate_crts.pem');
    expect(await chain('pki-cert', via, 'pki_root_crts.pem', at, 'if-stated')).toMatchObject({ ok: true });
    expect(await chain('pki-cert', [], 'pki_root_crts.pem', at, 'if-stated')).toMatchObject({ ok: false });
    expect(await chain('pki-cert', via, 'pki_root_crts.pem', at, 'demanded')).toMatchObject({
      code: 'CERTIFICATE_UNFIT',
    });
  });
});
