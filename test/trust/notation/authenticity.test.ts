import { describe, expect, it } from 'vitest';
import { objectIdentifier, sequence } from '../../../src/encoding/der-writer.ts';
import { type SigningScheme, TRUST_STORE_TYPES, trustedCertificate } from '../../../src/trust/notation/authenticity.ts';
import { authority, type Issued, issueRoot, usage } from '../../fixtures/certificates.ts';
import { BITS, intermediate, intermediateOf, leafOf, load, parsed, root } from './chains.ts';

const leaf = leafOf(intermediate);
const CHAIN = [leaf, intermediate, root].map(parsed);
const file = (...issued: readonly Issued[]) => Buffer.from(issued.map(({ pem }) => pem).join(''));
const raw = (bytes: Uint8Array | string) => Buffer.from(bytes);

describe('authenticity', () => {
  const trust = (
    stores: { ca?: readonly Issued[]; signingAuthority?: readonly Issued[] },
    scheme: SigningScheme = 'notary.x509',
  ) => {
    const { ca = [], signingAuthority = [] } = stores;
    const trusted = trustedCertificate(CHAIN, scheme, {
      ca: ca.map(parsed),
      signingAuthority: signingAuthority.map(parsed),
    });
    return trusted.ok ? trusted.value.fingerprint : trusted.code;
  };

  it('is lent by the root in a store', () => {
    expect(trust({ ca: [root] })).toBe(parsed(root).fingerprint);
  });

  it('is lent by nobody else, be it of the same name or of the same key [notation-ratify 52]', () => {
    expect(trust({ ca: [issueRoot('another')] })).toBe('CERTIFICATE_UNTRUSTED');
    expect(trust({ ca: [issueRoot('root')] })).toBe('CERTIFICATE_UNTRUSTED');
    expect(trust({ ca: [issueRoot('root', { keys: root.keys })] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('is lent by an intermediate in a store [notation-ratify 53]', () => {
    expect(trust({ ca: [intermediate] })).toBe(parsed(intermediate).fingerprint);
    expect(trust({ ca: [intermediateOf(root, { subject: 'sibling' })] })).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('is lent by stores of the type of the scheme alone [notation-ratify 55]', () => {
    expect(trust({ signingAuthority: [root] }, 'notary.x509')).toBe('CERTIFICATE_UNTRUSTED');
    expect(trust({ ca: [root] }, 'notary.x509.signingAuthority')).toBe('CERTIFICATE_UNTRUSTED');
    expect(trust({ signingAuthority: [root] }, 'notary.x509.signingAuthority')).toBe(parsed(root).fingerprint);
    expect(trust({ ca: [issueRoot('other')], signingAuthority: [root] }, 'notary.x509')).toBe('CERTIFICATE_UNTRUSTED');
  });

  it('is lent by any of several certificates [notation-ratify 56]', () => {
    expect(trust({ ca: [issueRoot('first'), root] })).toBe(parsed(root).fingerprint);
  });

  it('is lent by nobody where the policy names nobody [notation-ratify 57]', () => {
    expect(trust({})).toBe('CERTIFICATE_UNTRUSTED');
    expect(trustedCertificate(CHAIN, 'notary.x509', { ca: [], signingAuthority: [parsed(root)] })).toMatchObject({
      message: 'the signature is of the scheme notary.x509, and the policy names no trust store of the type "ca"',
    });
  });
});

describe('a trust store', () => {
  const signing = usage(BITS.keyCertSign);

  it('holds authorities, and signers who signed themselves [notation-ratify 42]', async () => {
    expect(await load('ca', file(root))).toBe(1);
    expect(await load('ca', file(intermediate))).toBe(1);
    expect(await load('ca', file(leafOf('self')))).toBe(1);
    expect(await load('signingAuthority', file(root, intermediate), file(issueRoot('second')))).toBe(3);
  });

  it('with a leaf that somebody else signed loads not at all, whatever is beside it [notation-ratify 54]', async () => {
    expect(await load('ca', file(leaf))).toBe('unusable');
    expect(await load('ca', file(root, leaf))).toBe('unusable');
    expect(await load('ca', file(root), file(leaf))).toBe('unusable');
    expect(await load('signingAuthority', file(leaf))).toBe('unusable');
    const sly = leafOf({ ...issueRoot('leaf'), subject: 'leaf' });
    expect(await load('ca', file(sly))).toBe('unusable');
  });

  it.each<[string, readonly Uint8Array[], string]>([
    ['an empty file', [raw('')], 'CERTIFICATE_MALFORMED'],
    ['text', [raw('invalid')], 'CERTIFICATE_MALFORMED'],
    ['PEM cut short', [raw(root.pem.slice(0, -30))], 'CERTIFICATE_MALFORMED'],
    ['PEM of something else', [raw(root.pem.replaceAll('CERTIFICATE', 'PUBLIC KEY'))], 'CERTIFICATE_MALFORMED'],
    ['PEM of bytes that are no certificate', [raw(root.pem.replace('MII', 'AAA'))], 'CERTIFICATE_MALFORMED'],
    ['a good file and a bad one', [file(root), raw('invalid')], 'CERTIFICATE_MALFORMED'],
    ['a good file and an empty one', [file(root), raw('')], 'CERTIFICATE_MALFORMED'],
    ['DER with a byte behind it', [raw(Buffer.concat([root.der, Buffer.from([0])]))], 'CERTIFICATE_MALFORMED'],
    ['DER of something else', [raw(sequence())], 'CERTIFICATE_MALFORMED'],
    ['DER of a certificate and something else', [raw(Buffer.concat([root.der, sequence()]))], 'CERTIFICATE_MALFORMED'],
    ['DER cut short', [raw(root.der.subarray(0, -1))], 'CERTIFICATE_MALFORMED'],
    [
      'a root signed by SHA-1, which no chain may have',
      [file(issueRoot('old', { algorithm: sequence(objectIdentifier('1.2.840.113549.1.1.5')) }))],
      'ALGORITHM_UNSUPPORTED',
    ],
  ])('of %s is an error and never an empty one [notation-ratify 57]', async (_what, files, expected) => {
    for (const type of TRUST_STORE_TYPES) expect(await load(type, ...files)).toBe(expected);
  });

  it('is read from PEM, with text around it, and from DER, one behind the other', async () => {
    expect(await load('ca', raw(`Whose it is\n${root.pem}\n# and the other\n${intermediate.pem}`))).toBe(2);
    expect(await load('ca', raw(root.der))).toBe(1);
    expect(await load('ca', raw(Buffer.concat([root.der, intermediate.der])))).toBe(2);
  });

  it('for timestamps holds root authorities alone', async () => {
    expect(await load('tsa', file(root))).toBe(1);
    expect(await load('tsa', file(intermediate))).toBe('unusable');
    expect(await load('tsa', file(leafOf('self')))).toBe('unusable');
    expect(await load('tsa', file(root, intermediate))).toBe('unusable');
    const mute = issueRoot('mute', { extensions: [authority(), usage(BITS.digitalSignature)] });
    expect(await load('tsa', file(mute))).toBe('unusable');
    const forged = intermediateOf(
      { ...issueRoot('other'), subject: 'named' },
      { subject: 'named', extensions: [authority(), signing] },
    );
    expect(await load('tsa', file(forged))).toBe('unusable');
  });

  it('is read from files of at most a thousand certificates each', async () => {
    expect(await load('ca', raw(root.pem.repeat(1000)))).toBe(1000);
    expect(await load('ca', raw(root.pem.repeat(1001)))).toBe('CERTIFICATE_MALFORMED');
    const der = (count: number) => raw(Buffer.concat(Array.from({ length: count }, () => root.der)));
    expect(await load('ca', der(1000))).toBe(1000);
    expect(await load('ca', der(1001))).toBe('CERTIFICATE_MALFORMED');
  });
});
