import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { digestOf } from '../../../src/image/digest.ts';
import { readDetachedBlob } from '../../../src/signatures/detached/blob.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { NOW, prove, say } from './fixture.ts';

const ALICE = '08cd26e446e2e95249b7a405e932f44b23e8dd43';
const SUBKEYED = 'b9f4cdb9fd8c475bfa340ac38d54a947ee396f36';

describeVectors('containers-image/fixtures', 'the OpenPGP signatures of containers/image', (fixtures) => {
  const read = (name: string): Buffer => readFileSync(join(fixtures, name));
  const image = digestOf(read('image.manifest.json'));
  const keyrings = ['public-key.gpg', 'public-key-1.gpg', 'pubring.gpg'];

  it.each(keyrings)('hold with the keyring %s', async (keyring) => {
    for (const [name, reference] of [
      ['image.signature', 'testing/manifest'],
      ['no-optional-fields.signature', 'testing/manifest'],
      ['invalid-reference.signature', 'UPPERCASEISINVALID'],
    ] as const) {
      expect(await prove(read(name), [read(keyring)], { image }), name).toMatchObject({
        kind: 'proved',
        signer: { ids: [`openpgp:${ALICE}`] },
        claims: { digest: image, name: { kind: 'named', text: reference } },
      });
    }
  });

  it.each(['subkey.signature', 'subkey.signature-v3'])('hold for the primary key: %s', async (name) => {
    for (const keyring of ['public-key-with-subkey.gpg', 'pubring.gpg']) {
      expect(await prove(read(name), [read(keyring)], { image })).toMatchObject({
        kind: 'proved',
        signer: { ids: [`openpgp:${SUBKEYED}`] },
        claims: { name: { text: 'testing/manifest:latest' } },
      });
    }
  });

  it.each([
    ['corrupt.signature', 'SIGNATURE_MALFORMED'],
    ['corrupt.signature-v3', 'SIGNATURE_MALFORMED'],
    ['invalid-blob.signature', 'PAYLOAD_MALFORMED'],
    ['invalid-blob.signature-v3', 'PAYLOAD_MALFORMED'],
    // Its payload is none either; that it has expired is not asked any more.
    ['expired.signature', 'PAYLOAD_MALFORMED'],
    ['unknown-key.signature', 'SIGNATURE_MISMATCH'],
    ['unknown-key.signature-v3', 'SIGNATURE_MISMATCH'],
    ['subkey-revoked.signature', 'KEY_REVOKED'],
    ['subkey-revoked.signature-v3', 'KEY_REVOKED'],
    ['unsigned-literal.signature', 'SIGNATURE_MALFORMED'],
    ['unsigned-encrypted.signature', 'SIGNATURE_MALFORMED'],
    ['invalid-cleartext.signature', 'SIGNATURE_MALFORMED'],
  ])('are refused where containers/image refuses them: %s as %s', async (name, code) => {
    expect(await say(read(name), [read('pubring.gpg')], { image })).toBe(code);
  });

  it('do not hold with the key of somebody else', async () => {
    expect(await say(read('image.signature'), [read('public-key-2.gpg')], { image })).toBe('SIGNATURE_MISMATCH');
  });

  /** What each signature of a folder comes to, by all keys. */
  const folder = (name: string): Promise<readonly string[]> => {
    const manifest = digestOf(
      readdirSync(join(fixtures, name)).includes('manifest.json') ? read(`${name}/manifest.json`) : Buffer.from(''),
    );
    const signatures = readdirSync(join(fixtures, name))
      .filter((file) => file.startsWith('signature-'))
      .toSorted();
    return Promise.all(
      signatures.map((file) => {
        const blob = readDetachedBlob(read(`${name}/${file}`));
        return blob.ok && blob.value.kind === 'openpgp'
          ? say(blob.value.bytes, [read('pubring.gpg')], { image: manifest, now: NOW })
          : expect.fail(file);
      }),
    );
  };

  it.each<readonly [string, readonly string[]]>([
    ['dir-img-valid', ['accepted']],
    ['dir-img-valid-2', ['accepted', 'accepted']],
    ['dir-img-valid-subkey', ['accepted']],
    ['dir-img-mixed', ['PAYLOAD_MALFORMED', 'accepted']],
    ['dir-img-unsigned', []],
    ['dir-img-modified-manifest', ['PAYLOAD_DIGEST_MISMATCH']],
    ['dir-img-no-manifest', ['PAYLOAD_DIGEST_MISMATCH']],
    ['dir-img-manifest-digest-error', ['PAYLOAD_DIGEST_MISMATCH']],
  ])('are in the folder %s what they are there: %j', async (name, said) => {
    expect(await folder(name)).toEqual(said);
  });

  it('are read where a lookaside names their format', async () => {
    const blob = readDetachedBlob(Buffer.concat([Buffer.from('\0simple-signing\n'), read('image.signature')]));
    expect(
      blob.ok && blob.value.kind === 'openpgp' && (await say(blob.value.bytes, [read('public-key.gpg')], { image })),
    ).toBe('accepted');
  });
});
