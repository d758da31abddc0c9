import { pathToFileURL } from 'node:url';
import {
  agreed,
  butHere,
  byTag,
  type Case,
  message,
  type Place,
  payload,
  putSignatures,
  signaturePath,
  type Verdict,
} from './case.ts';
import type { KeyName } from './gpg.ts';
import { type Behaviour, READER } from './store.ts';

/** Signatures by number; what is missing is a gap. */
type Signed = Readonly<Record<number, KeyName | Uint8Array>>;

const GOOD: Signed = { 1: 'one' };
const NONE: Signed = {};
const BROKEN = Buffer.from('<html>');

const MANY = '128 or more detached signatures';
const REDIRECTED = 'detached signatures behind more than five redirects';

/** The image is signed by `one`, whom the policy names; the server behaves somehow. */
function served(behaviour: Behaviour, signed: Signed, verdict: Exclude<Verdict, 'unreadable'>, title = ''): Case {
  const words = `${behaviour}, ${title === '' ? (signed === NONE ? 'not signed' : 'signed') : title}`;
  const arrange: Case['arrange'] = async (place) => {
    await store(place, signed);
    return {
      ...byTag(place),
      registriesD: { 'a.yaml': { docker: { [place.host]: { lookaside: place.store.base(behaviour) } } } },
    };
  };
  return agreed(words, verdict, arrange);
}

async function store(place: Place, signed: Signed): Promise<void> {
  for (const [number, by] of Object.entries(signed)) {
    const bytes = typeof by === 'string' ? await message(place, payload(place), by) : by;
    place.store.put(signaturePath(place, Number(number)), bytes);
  }
}

/** Signatures from 1 on, of which one is by the right key and all others by a stranger. */
const many =
  (count: number, right: number): Case['arrange'] =>
  async (place) => {
    const stranger = await message(place, payload(place), 'stranger');
    const good = await message(place, payload(place), 'one');
    putSignatures(place, ...Array.from({ length: count }, (_, index) => (index + 1 === right ? good : stranger)));
    return byTag(place);
  };

/** The base URL, where the store's folder is to be had as a file. */
function base(title: string, verdict: Verdict, url: (place: Place) => unknown, here: Verdict = verdict): Case {
  const arrange: Case['arrange'] = async (place) => {
    await store(place, GOOD);
    return { ...byTag(place), registriesD: { 'a.yaml': { docker: { [place.host]: { lookaside: url(place) } } } } };
  };
  return { ...agreed(title, verdict, arrange), here };
}

const withUser = (url: string, user: string): string => url.replace('http://', `http://${user}@`);

const STATUSES = (['204', '206', '400', '401', '403', '410', '429', '500', '503'] as const).flatMap((status) => [
  served(status, GOOD, 'refused'),
]);

const REDIRECTS = (['301', '302', '303', '307', '308'] as const).map((status) => served(status, GOOD, 'runs'));

/** What a store of detached signatures may answer (openshift-containers.md §3.4, §5.2 60). */
export const LOOKASIDE_CASES: readonly Case[] = [
  served('plain', GOOD, 'runs'),
  served('plain', NONE, 'refused'),
  served('plain', { 1: 'stranger', 2: 'one' }, 'runs', 'the second is good'),
  served('plain', { 1: 'one', 2: 'stranger' }, 'runs', 'the first is good'),
  served('plain', { 2: 'one' }, 'refused', 'a gap before it'),
  served('plain', { 1: 'stranger', 3: 'one' }, 'refused', 'a gap within'),
  served('plain', { 0: 'one' }, 'refused', 'number zero'),
  served('plain', { 1: BROKEN, 2: 'one' }, 'refused', 'the first is a page'),
  served('plain', { 1: 'one', 2: BROKEN }, 'refused', 'the second is a page'),
  served('plain', { 1: 'one', 2: Buffer.from([0xa3, 1]) }, 'runs', 'the second is no message'),
  served('plain', { 1: Buffer.from([0xa3, 1]), 2: 'one' }, 'runs', 'the first is no message'),
  served('plain', { 1: 'one', 2: new Uint8Array() }, 'refused', 'the second is empty'),
  served('404 with a page', GOOD, 'runs'),
  served('404 with a page', NONE, 'refused'),
  ...STATUSES,
  ...REDIRECTS,
  served('302', NONE, 'refused'),
  served('a redirect to 404', NONE, 'refused'),
  served('a redirect to 403', GOOD, 'refused'),
  served('a redirect to itself', GOOD, 'refused'),
  served('a redirect without an address', GOOD, 'refused'),
  butHere('refused', REDIRECTED, served('six redirects', GOOD, 'runs')),
  served('a page', GOOD, 'refused'),
  served('a page where there is none', GOOD, 'refused'),
  served('a page where there is none', NONE, 'refused'),
  served('403 where there is none', GOOD, 'refused'),
  served('500 where there is none', GOOD, 'refused'),
  served('410 where there is none', GOOD, 'refused'),
  served('an empty body', GOOD, 'refused'),
  served('five megabytes', GOOD, 'refused'),
  served('a body cut short', GOOD, 'refused'),
  served('a closed connection', GOOD, 'refused'),
  served('no credentials', GOOD, 'runs'),
  base('credentials in the URL', 'runs', ({ store }) =>
    withUser(store.base('auth'), `${READER.username}:${READER.password}`),
  ),
  base('wrong credentials in the URL', 'refused', ({ store }) => withUser(store.base('auth'), 'reader:wrong')),
  base('credentials wanted, and none there', 'refused', ({ store }) => store.base('auth')),
  base('a slash behind the URL', 'runs', ({ store }) => `${store.base('plain')}/`),
  base('a folder', 'runs', ({ store }) => pathToFileURL(store.folder).href),
  base('a folder with a slash behind it', 'runs', ({ store }) => `${pathToFileURL(store.folder).href}/`),
  base('a folder that is not there', 'refused', ({ folder }) => pathToFileURL(folder.file('missing')).href),
  base('a file in place of a folder', 'refused', ({ keys }) => pathToFileURL(keys.one).href),
  base('a scheme that nobody knows', 'refused', () => 'ftp://127.0.0.1/store'),
  // skopeo 1.9.3 does not survive it.
  { ...base('no scheme', 'refused', ({ store }) => store.folder), skopeo: undefined },
  base('no URL', 'refused', () => ':'),
  agreed('100 signatures, the last is good', 'runs', many(100, 100)),
  butHere('runs', MANY, { ...agreed('128 signatures, the last is good', 'refused', many(128, 128)), skopeo: 'runs' }),
  { ...agreed('130 signatures, the first is good', 'refused', many(130, 1)), skopeo: 'runs', differs: MANY },
  { ...agreed('130 signatures, the last is good', 'refused', many(130, 130)), skopeo: 'runs', differs: MANY },
];
