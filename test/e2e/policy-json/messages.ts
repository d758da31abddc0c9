import {
  agreed,
  butHere,
  byGpg,
  type Case,
  message,
  type Place,
  payload,
  policyFor,
  putSignatures,
  signedBy,
} from './case.ts';
import { addressOf, at, type KeyName } from './gpg.ts';
import { compressed, LITERAL, literal, MARKER, packet, packetInParts } from './packets.ts';

type Made = (place: Place) => Promise<Uint8Array>;

/** The requirement holds every key that may have signed, so that only the message matters. */
function arrange(made: Made, keys: readonly KeyName[] = ['one', 'two'], weak = false): Case['arrange'] {
  return async (place) => {
    putSignatures(place, await made(place));
    const policy = policyFor(
      place,
      ...(keys.length === 1 ? [signedBy(place.keys[keys[0] ?? 'one'])] : [signedBy(ring(place, keys))]),
    );
    return { image: `${place.repository}:1`, policy, ...(weak ? { weak: true as const } : {}) };
  };
}

const ring = (place: Place, keys: readonly KeyName[]): readonly string[] => keys.map((name) => place.keys[name]);

const by =
  (key: KeyName, ...options: readonly string[]): Made =>
  (place) =>
    message(place, payload(place), key, options);
const gpg =
  (...args: readonly string[]): Made =>
  (place) =>
    place.gpg.convert([...args], payload(place));
const change =
  (made: Made, edit: (bytes: Buffer) => Uint8Array): Made =>
  async (place) =>
    edit(Buffer.from(await made(place)));
const before = (text: string, made: Made): Made =>
  change(made, (bytes) => Buffer.concat([Buffer.from(text, 'latin1'), bytes]));

/** A detached signature and its text, put together by hand. */
const assembled =
  (build: (signature: Uint8Array, text: string) => Uint8Array, text = payload): Made =>
  async (place) => {
    const said = text(place);
    return build(await place.gpg.convert(['--local-user', addressOf('two'), '--detach-sign'], said), said);
  };

const flipped = (at: number) => (bytes: Buffer) => {
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes;
};

const COMPRESSED = 'OpenPGP messages compressed by BZIP2, or twice';

const FORMS: readonly Case[] = [
  byGpg('compressed, as gpg does it', 'runs', arrange(by('one'))),
  byGpg('not compressed', 'runs', arrange(by('one', '-z', '0'))),
  byGpg('compressed by ZLIB', 'runs', arrange(by('one', '--compress-algo', 'zlib'))),
  butHere('refused', COMPRESSED, byGpg('compressed by BZIP2', 'runs', arrange(by('one', '--compress-algo', 'bzip2')))),
  byGpg(
    'signature before the text, as of old',
    'runs',
    arrange(assembled((signature, text) => Buffer.concat([signature, packet(LITERAL, literal(text))]))),
  ),
  byGpg(
    'signature before the text, compressed',
    'runs',
    arrange(assembled((signature, text) => compressed(Buffer.concat([signature, packet(LITERAL, literal(text))])))),
  ),
  byGpg(
    'text in parts',
    'runs',
    arrange(
      assembled(
        (signature, text) => Buffer.concat([signature, packetInParts(LITERAL, literal(text))]),
        (place) => payload(place) + ' '.repeat(600),
      ),
    ),
  ),
  butHere(
    'refused',
    COMPRESSED,
    byGpg(
      'compressed twice',
      'runs',
      arrange(
        assembled((signature, text) =>
          compressed(compressed(Buffer.concat([signature, packet(LITERAL, literal(text))]))),
        ),
      ),
    ),
  ),
  byGpg(
    'a marker before it',
    'refused',
    arrange(assembled((signature, text) => Buffer.concat([MARKER, signature, packet(LITERAL, literal(text))]))),
  ),
  byGpg('detached', 'refused', arrange(gpg('--local-user', addressOf('one'), '--detach-sign'))),
  byGpg('text alone', 'refused', arrange(gpg('--store'))),
  byGpg('text alone, not compressed', 'refused', arrange(gpg('-z', '0', '--store'))),
  byGpg('encrypted', 'refused', arrange(gpg('--passphrase', 'secret', '--symmetric'))),
  byGpg('clear-signed', 'refused', arrange(gpg('--local-user', addressOf('one'), '--clear-sign'))),
  byGpg('armored', 'refused', arrange(by('one', '--armor'))),
  byGpg('two signers', 'refused', arrange(by('one', '--local-user', addressOf('two')))),
  byGpg(
    'a second text behind it',
    'refused',
    arrange(change(by('one', '-z', '0'), (bytes) => Buffer.concat([bytes, packet(LITERAL, literal('more'))]))),
  ),
  byGpg(
    'a text before it',
    'refused',
    arrange(assembled((signature, text) => Buffer.concat([packet(LITERAL, literal(text)), signature]))),
  ),
  byGpg(
    'a byte behind it',
    'refused',
    arrange(change(by('one', '-z', '0'), (bytes) => Buffer.concat([bytes, Buffer.from([0])]))),
  ),
  byGpg('cut short by a byte', 'refused', arrange(change(by('one', '-z', '0'), (bytes) => bytes.subarray(0, -1)))),
  byGpg('cut in half', 'refused', arrange(change(by('one'), (bytes) => bytes.subarray(0, bytes.length / 2)))),
  byGpg('one bit of the signature flipped', 'refused', arrange(change(by('one', '-z', '0'), flipped(-3)))),
  byGpg('one bit of the text flipped', 'refused', arrange(change(by('one', '-z', '0'), flipped(60)))),
  byGpg(
    'twice the same message',
    'refused',
    arrange(change(by('two', '-z', '0'), (bytes) => Buffer.concat([bytes, bytes]))),
  ),
  byGpg('text mode', 'runs', arrange(by('one', '--textmode'))),
  byGpg('with a file name', 'runs', arrange(by('one', '--set-filename', 'claim.json'))),
  byGpg('for your eyes only', 'runs', arrange(by('one', '--for-your-eyes-only'))),
  byGpg('with a notation', 'runs', arrange(by('one', '--sig-notation', 'note@example.com=yes'))),
  byGpg(
    'with a critical notation that nobody knows',
    'refused',
    arrange(by('one', '--sig-notation', '!note@example.com=yes')),
  ),
  byGpg('with a critical policy', 'runs', arrange(by('one', '--sig-policy-url', '!https://example.com/policy'))),
];

const PREFIXES: readonly Case[] = [
  byGpg('named as simple signing', 'runs', arrange(before('\0simple-signing\n', by('one')))),
  byGpg('named, and armored', 'runs', arrange(before('\0simple-signing\n', by('one', '--armor')))),
  byGpg('named without the end of the line', 'refused', arrange(before('\0simple-signing', by('one')))),
  byGpg('named as something that nobody knows', 'refused', arrange(before('\0unknown-format\n', by('one')))),
  byGpg('named in capitals', 'refused', arrange(before('\0Simple-Signing\n', by('one')))),
  byGpg('named with bytes that are no ASCII', 'refused', arrange(before('\0simple\xff\n', by('one')))),
  byGpg(
    'empty',
    'refused',
    arrange(async () => new Uint8Array()),
  ),
  byGpg(
    'one byte that starts nothing',
    'refused',
    arrange(async () => Buffer.from([0xff])),
  ),
  byGpg(
    'the payload itself',
    'refused',
    arrange(async (place) => Buffer.from(payload(place))),
  ),
];

const DIGESTS: readonly Case[] = [
  ...(['SHA224', 'SHA256', 'SHA384', 'SHA512'] as const).map((hash) =>
    byGpg(`by ${hash}`, 'runs', arrange(by('one', '--digest-algo', hash))),
  ),
];

const WEAK = 'OpenPGP signatures by SHA-1, RIPEMD-160, DSA or RSA keys below 2048 bits';

const weak = (title: string, made: Made, key: KeyName): readonly Case[] => [
  butHere('refused', WEAK, byGpg(title, 'runs', arrange(made, [key]))),
  byGpg(`${title}, where that is accepted`, 'runs', arrange(made, [key], true)),
];

const ALGORITHMS: readonly Case[] = [
  ...(['ecdsa', 'p521', 'rsa4096', 'two'] as const).map((key) => byGpg(`by ${key}`, 'runs', arrange(by(key), [key]))),
  ...weak('by an RSA key of 1024 bits', by('rsa1024'), 'rsa1024'),
  ...weak('by DSA', by('dsa'), 'dsa'),
  ...weak('by SHA-1', by('one', '--digest-algo', 'SHA1'), 'one'),
  ...weak('by RIPEMD-160', by('one', '--digest-algo', 'RIPEMD160'), 'one'),
  byGpg('by a key that no policy names', 'refused', arrange(by('stranger'))),
];

const FUTURE = 'OpenPGP signatures dated in the future';

const TIMES: readonly Case[] = [
  byGpg('by a key of years ago', 'runs', arrange(by('old', ...at(2024)), ['old'])),
  byGpg(
    'by a key that has expired since',
    'refused',
    arrange(by('expired', '--faked-system-time', '20230601T000000'), ['expired']),
  ),
  byGpg('by a key that was to expire and was prolonged', 'runs', arrange(by('extended'), ['extended'])),
  byGpg(
    'by a key of the future',
    'refused',
    arrange(by('future', '--faked-system-time', '20400601T000000'), ['future']),
  ),
  byGpg(
    'a signature that has expired',
    'refused',
    arrange(by('old', ...at(2024), '--default-sig-expire', '1d', '--no-ask-sig-expire'), ['old']),
  ),
  byGpg('a signature that will expire', 'runs', arrange(by('old', '--default-sig-expire', '1y'), ['old'])),
  butHere('refused', FUTURE, byGpg('a signature of the future', 'runs', arrange(by('one', ...at(2040))))),
];

/** skopeo 1.9.3 does not find the key by its subkey; containers/image does since 2025. */
const SUBKEYS = 'OpenPGP signatures by a subkey';

const subkey = (title: string, made: Made, key: KeyName): Case => ({
  title,
  skopeo: 'refused',
  current: 'runs',
  here: 'runs',
  differs: SUBKEYS,
  arrange: arrange(made, [key]),
});

const PARTS: readonly Case[] = [
  subkey('by a subkey', by('subkey'), 'subkey'),
  subkey('by a subkey of RSA', by('subkey-rsa'), 'subkey-rsa'),
  subkey('by a subkey, not compressed', by('subkey', '-z', '0'), 'subkey'),
  agreed(
    'by a subkey that has expired since',
    'refused',
    arrange(by('subkey-expired', '--faked-system-time', '20230601T000000'), ['subkey-expired']),
  ),
  agreed('by a subkey of another key', 'refused', arrange(by('subkey'), ['subkey-rsa'])),
];

/** What of OpenPGP's messages, keys and times counts (openshift-containers.md §3.2, §3.3). */
export const MESSAGE_CASES: readonly Case[] = [...FORMS, ...PREFIXES, ...DIGESTS, ...ALGORITHMS, ...TIMES, ...PARTS];
