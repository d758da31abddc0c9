import { readFileSync } from 'node:fs';
import {
  butHere,
  byGpg,
  byTag,
  type Case,
  message,
  type Place,
  payload,
  policyFor,
  putSignatures,
  sign,
  signedBy,
} from './case.ts';
import { addressOf, fingerprintIn, gpgHome, type KeyName } from './gpg.ts';

type Ring = (place: Place) => Promise<string | readonly string[]>;

/** The image is signed by `two`; the keyring decides. */
function ringCase(title: string, verdict: 'runs' | 'refused', ring: Ring, more: Partial<Case> = {}): Case {
  const arrange: Case['arrange'] = async (place) => {
    await sign(place, undefined, 'two');
    return byTag(place, await ring(place));
  };
  return { ...byGpg(title, verdict, arrange), ...more };
}

const file = (place: Place, bytes: string | Uint8Array): string => place.folder.write(`${place.name}.ring`, bytes);
const exported =
  (...args: readonly string[]): Ring =>
  async (place) =>
    file(place, await place.gpg.export(args));
const edited =
  (edit: (armored: string) => string | Uint8Array): Ring =>
  async (place) =>
    file(place, edit(readFileSync(place.keys.two, 'utf8')));
const both = async (place: Place): Promise<readonly Buffer[]> => [
  await place.gpg.export(['--export', addressOf('one')]),
  await place.gpg.export(['--export', addressOf('two')]),
];

/** Files are read when the policy is: `verify` says at once which one it cannot have. */
const UNLOADED = { here: 'unreadable' } as const;

const ENDLESS = 'a keyring whose armor does not end';
const EMPTY = 'one of several `keyPaths` that holds no key';

const FILES: readonly Case[] = [
  ringCase('armored', 'runs', async ({ keys }) => keys.two),
  ringCase('of another key', 'refused', async ({ keys }) => keys.one),
  ringCase('binary', 'runs', exported('--export', addressOf('two'))),
  ringCase('binary, of several keys', 'runs', exported('--export', addressOf('one'), addressOf('two'))),
  ringCase(
    'armored, of several keys in one block',
    'runs',
    exported('--armor', '--export', addressOf('one'), addressOf('two')),
  ),
  ringCase('armored, several blocks, the first', 'runs', async (place) =>
    file(place, readFileSync(place.keys.two, 'utf8') + readFileSync(place.keys.one, 'utf8')),
  ),
  ringCase('armored, several blocks, the last', 'runs', async (place) =>
    file(place, readFileSync(place.keys.one, 'utf8') + readFileSync(place.keys.two, 'utf8')),
  ),
  ringCase('binary, one behind the other', 'runs', async (place) => file(place, Buffer.concat(await both(place)))),
  ringCase('the secret key', 'runs', exported('--export-secret-keys', addressOf('two'))),
  ringCase('the secret key, armored', 'runs', exported('--armor', '--export-secret-keys', addressOf('two'))),
  ringCase(
    'the same key twice',
    'runs',
    edited((text) => text + text),
  ),
  ringCase(
    'armored, with words before it',
    'runs',
    edited((text) => `The key of the release:\n\n${text}`),
  ),
  ringCase(
    'armored, with words behind it',
    'runs',
    edited((text) => `${text}\nThat was the key.\n`),
  ),
  ringCase(
    'armored, with a comment',
    'runs',
    edited((text) => text.replace('BLOCK-----\n', 'BLOCK-----\nComment: the release\n')),
  ),
  ringCase(
    'armored, with carriage returns',
    'runs',
    edited((text) => text.replaceAll('\n', '\r\n')),
  ),
  ringCase(
    'armored, without its checksum',
    'runs',
    edited((text) => text.replace(/\n=[^\n]{4}\n/, '\n')),
  ),
  ringCase(
    'armored, with a wrong checksum',
    'refused',
    edited((text) => text.replace(/\n=[^\n]{4}\n/, '\n=AAAA\n')),
  ),
  butHere(
    'refused',
    ENDLESS,
    ringCase(
      'armored, without its end',
      'runs',
      edited((text) => text.replace(/-----END[^]*$/, '')),
    ),
  ),
  ringCase('a keybox', 'refused', async ({ gpg }) => `${gpg.home}/pubring.kbx`),
  ringCase(
    'empty',
    'refused',
    edited(() => ''),
  ),
  ringCase(
    'garbage',
    'refused',
    edited(() => 'garbage'),
  ),
  ringCase(
    'a certificate',
    'refused',
    edited(() => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
  ),
  ringCase('a message in place of keys', 'refused', async (place) => file(place, await message(place, payload(place)))),
  ringCase('a missing file', 'refused', async (place) => place.folder.file('missing.asc'), UNLOADED),
  ringCase('a folder', 'refused', async (place) => place.folder.path, UNLOADED),
];

const LISTS: readonly Case[] = [
  ringCase('of two paths, the first', 'runs', async ({ keys }) => [keys.two, keys.one]),
  ringCase('of two paths, the second', 'runs', async ({ keys }) => [keys.one, keys.two]),
  ringCase('of two paths, none', 'refused', async ({ keys }) => [keys.one, keys.ecdsa]),
  ringCase(
    'of two paths, one is missing',
    'refused',
    async ({ keys, folder }) => [keys.two, folder.file('missing.asc')],
    UNLOADED,
  ),
  butHere(
    'refused',
    EMPTY,
    ringCase('of two paths, one is empty', 'runs', async (place) => [place.keys.two, file(place, '')]),
  ),
  ringCase('no path at all', 'refused', async () => []),
];

/** Keys in the policy itself. */
function dataCase(
  title: string,
  verdict: 'runs' | 'refused' | 'unreadable',
  data: (place: Place) => Promise<string>,
  more: Partial<Case> = {},
): Case {
  const arrange: Case['arrange'] = async (place) => {
    await sign(place, undefined, 'two');
    const requirement = { type: 'signedBy', keyType: 'GPGKeys', keyData: await data(place) };
    return { image: `${place.repository}:1`, policy: policyFor(place, requirement) };
  };
  return { ...byGpg(title, verdict, arrange), ...more };
}

const base64 = (place: Place, key: KeyName): string => readFileSync(place.keys[key]).toString('base64');

const DATA: readonly Case[] = [
  dataCase('in the policy, armored', 'runs', async (place) => base64(place, 'two')),
  dataCase('in the policy, binary', 'runs', async ({ gpg }) =>
    (await gpg.export(['--export', addressOf('two')])).toString('base64'),
  ),
  dataCase('in the policy, of another key', 'refused', async (place) => base64(place, 'one')),
  dataCase('in the policy, empty', 'refused', async () => ''),
  dataCase('in the policy, with ends of lines', 'runs', async (place) =>
    base64(place, 'two').replace(/(.{76})/g, '$1\n'),
  ),
  dataCase('in the policy, in the URL alphabet', 'unreadable', async ({ gpg }) =>
    (await gpg.export(['--export', addressOf('two')])).toString('base64url'),
  ),
];

/** Keys that were revoked after they had signed, in a home of their own so that they still sign in the other. */
function revokedCase(title: string, key: KeyName, revoke: (place: Place) => Promise<Uint8Array>): Case {
  return byGpg(title, 'refused', async (place) => {
    putSignatures(place, await message(place, payload(place), key));
    return { image: `${place.repository}:1`, policy: policyFor(place, signedBy(file(place, await revoke(place)))) };
  });
}

async function revokedKey(place: Place): Promise<Uint8Array> {
  const fingerprint = fingerprintIn(await place.gpg.run(['--with-colons', '--list-keys', addressOf('revoked')]));
  // gpg writes a certificate of revocation beside each key, with a colon before it against accidents.
  const certificate = readFileSync(`${place.gpg.home}/openpgp-revocs.d/${fingerprint}.rev`, 'utf8');
  const home = gpgHome(place.folder, 'revoked');
  await home.run(['--import'], readFileSync(place.keys.revoked, 'utf8'));
  await home.run(['--import'], certificate.slice(certificate.indexOf(':-----') + 1));
  const exported = await home.export(['--export', addressOf('revoked')]);
  await home.stop();
  return exported;
}

async function revokedSubkey(place: Place): Promise<Uint8Array> {
  const home = gpgHome(place.folder, 'revoked-subkey');
  const secret = await place.gpg.export(['--armor', '--export-secret-keys', addressOf('subkey-revoked')]);
  await home.run(['--import'], secret.toString('utf8'));
  const steps = ['key 1', 'revkey', 'y', '0', '', 'y', 'save', ''].join('\n');
  await home.run(['--no-batch', '--command-fd', '0', '--edit-key', addressOf('subkey-revoked')], steps);
  const exported = await home.export(['--export', addressOf('subkey-revoked')]);
  await home.stop();
  return exported;
}

const REVOKED: readonly Case[] = [
  revokedCase('with a key that was revoked', 'revoked', revokedKey),
  revokedCase('with a subkey that was revoked', 'subkey-revoked', revokedSubkey),
];

/** What of files of keys counts (openshift-containers.md §3.3). */
export const KEYRING_CASES: readonly Case[] = [...FILES, ...LISTS, ...DATA, ...REVOKED];
