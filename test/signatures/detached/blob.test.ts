import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DetachedBlob, readDetachedBlob } from '../../../src/signatures/detached/blob.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const read = (blob: Uint8Array | string) => readDetachedBlob(typeof blob === 'string' ? bytes(blob) : blob);
const sigstore = (json: unknown): Buffer => bytes(`\0sigstore-json\n${JSON.stringify(json)}`);

/** What a blob is taken for: its kind, or the code of the refusal. */
const kindOf = (blob: Uint8Array | string): string => {
  const found = read(blob);
  return found.ok ? found.value.kind : found.failure.code;
};

const GOOD = { mimeType: 'text/plain', payload: 'YQ==', annotations: { a: 'b' } };

describe('the format of a detached signature', () => {
  it('is told by the first byte, and OpenPGP has fourteen [openshift-containers 58]', () => {
    const taken = Array.from({ length: 256 }, (_, first) => first).filter((first) =>
      [Buffer.of(first), Buffer.of(first, 1, 2)].every((blob) => kindOf(blob) === 'openpgp'),
    );
    expect(taken.map((first) => first.toString(16)).join(' ')).toBe('88 89 8a 8b 90 91 92 a0 a1 a2 a3 c2 c4 c8');
  });

  it('keeps every byte of an OpenPGP message, and of one that is named only what follows the name', () => {
    const message = Buffer.of(0xa3, 0x01, 0x00, 0x0a);
    expect(read(message)).toEqual({ ok: true, value: { kind: 'openpgp', bytes: message } });
    const named = Buffer.concat([bytes('\0simple-signing\n'), message]);
    expect(read(named)).toEqual({ ok: true, value: { kind: 'openpgp', bytes: message } });
  });

  it('may be named, and then it is not sniffed [openshift-containers 59]', () => {
    expect(read('\0simple-signing\n-----BEGIN PGP')).toEqual({
      ok: true,
      value: { kind: 'openpgp', bytes: bytes('-----BEGIN PGP') },
    });
    expect(kindOf('\0simple-signing\n')).toBe('openpgp');
  });

  it.each([
    ['nothing', ''],
    ['no name', '\0'],
    ['an empty name', '\0\n'],
    ['a name without end', '\0simple-signing'],
    ['a name behind more than a name', `\0${' '.repeat(200)}\nsimple-signing\n`],
    ['another name', '\0unknown-format\nx'],
    ['another case', '\0Simple-Signing\nx'],
    ['a name with a space', '\0simple-signing \nx'],
    ['a name with a line end of its own', '\0simple-signing\r\nx'],
    ['a name beyond ASCII', '\0simple-signing\xe9\nx'],
    ['the byte 0xff', '\xff'],
    ['the byte 0x93', '\x93'],
    ['an armored message', '-----BEGIN PGP MESSAGE-----\n'],
    ['a clear-signed message', '-----BEGIN PGP SIGNED MESSAGE-----\n'],
    ['a page of HTML', '<html>Please sign in</html>'],
    ['JSON', '{"critical":{}}'],
  ])('is none of %s [openshift-containers 58]', (_, blob) => {
    expect(kindOf(blob)).toBe('RESPONSE_MALFORMED');
  });

  it('says the byte that a page starts with, since that is how such a server is found out', () => {
    expect(read('<html>')).toMatchObject({
      failure: { message: 'it starts with the byte 0x3c, as no signature does' },
    });
  });
});

describe('a sigstore signature that lies detached', () => {
  it('has its media type, payload and annotations', () => {
    expect(read(sigstore({ ...GOOD, more: [1] }))).toEqual({
      ok: true,
      value: { kind: 'sigstore', mediaType: 'text/plain', payload: Buffer.from('a'), annotations: { a: 'b' } },
    });
  });

  it('may lack annotations, as Go writes none at all', () => {
    for (const annotations of [null, undefined, {}]) {
      expect(read(sigstore({ ...GOOD, annotations }))).toMatchObject({ ok: true, value: { annotations: {} } });
    }
    expect(read(sigstore({ ...GOOD, payload: null }))).toMatchObject({ ok: true, value: { payload: Buffer.alloc(0) } });
  });

  it.each([
    ['no JSON', bytes('\0sigstore-json\nnonsense')],
    ['nothing', bytes('\0sigstore-json\n')],
    ['a list', sigstore([])],
    ['no media type', sigstore({ ...GOOD, mimeType: undefined })],
    ['a media type that is no text', sigstore({ ...GOOD, mimeType: 1 })],
    ['no payload', sigstore({ ...GOOD, payload: undefined })],
    ['a payload that is no base64', sigstore({ ...GOOD, payload: '!' })],
    ['a payload without padding', sigstore({ ...GOOD, payload: 'YQ' })],
    ['annotations that are no texts', sigstore({ ...GOOD, annotations: { a: 1 } })],
    ['annotations that are a list', sigstore({ ...GOOD, annotations: [] })],
    ['a member written twice', bytes('\0sigstore-json\n{"mimeType":"a","mimeType":"b","payload":"","annotations":{}}')],
    [
      'thousands of members',
      sigstore({ ...GOOD, ...Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [i, 0])) }),
    ],
    ['more behind it', Buffer.concat([sigstore(GOOD), bytes('{}')])],
  ])('is none where it holds %s', (_, blob) => {
    expect(kindOf(blob)).toBe('RESPONSE_MALFORMED');
  });
});

describe('bytes that somebody else chose', () => {
  it('never throw, and are cut nowhere but behind a name', () => {
    const named = fc
      .tuple(fc.constantFrom('\0simple-signing\n', '\0sigstore-json\n', '\0', ''), fc.uint8Array({ maxLength: 100 }))
      .map(([name, rest]) => Buffer.concat([bytes(name), rest]));
    fc.assert(
      fc.property(named, (blob) => {
        const found = readDetachedBlob(blob);
        const value: DetachedBlob | undefined = found.ok ? found.value : undefined;
        if (value?.kind === 'openpgp')
          expect(blob.subarray(blob.length - value.bytes.length)).toEqual(Buffer.from(value.bytes));
      }),
    );
  });
});

describeVectors('containers-image/fixtures', 'signatures as containers/image lays them', (folder) => {
  it.each([
    ['dir-img-valid/signature-1', 'openpgp'],
    ['dir-img-mixed/signature-1', 'openpgp'],
    ['dir-img-valid-subkey/signature-1', 'openpgp'],
    ['corrupt.signature-v3', 'openpgp'],
    ['dir-img-cosign-valid/signature-1', 'sigstore'],
    ['dir-img-cosign-other-attachment/signature-1', 'sigstore'],
    ['dir-img-cosign-pki-valid/signature-1', 'sigstore'],
    ['unsigned-encrypted.signature', 'RESPONSE_MALFORMED'],
    ['unsigned-literal.signature', 'openpgp'],
    ['invalid-cleartext.signature', 'RESPONSE_MALFORMED'],
    ['image.manifest.json', 'RESPONSE_MALFORMED'],
  ])('%s is %s', (file, kind) => {
    expect(kindOf(readFileSync(join(folder, file)))).toBe(kind);
  });
});
