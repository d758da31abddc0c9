import { ACCEPT, agreed, type Case, docker, type Place, REJECT, sign, signedBy } from './case.ts';

type Scope = (place: Place) => string;

/** The scopes under which `127.0.0.1:PORT/acme/NAME:1` is looked up, most specific first. */
const CHAIN: readonly (readonly [string, Scope])[] = [
  ['the tag', ({ repository }) => `${repository}:1`],
  ['the repository', ({ repository }) => repository],
  ['the namespace', ({ host }) => `${host}/acme`],
  ['the registry', ({ host }) => host],
  ['the longest wildcard', () => '*.0.0.1'],
  ['a shorter wildcard', () => '*.0.1'],
  ['the shortest wildcard', () => '*.1'],
  ['the transport', () => ''],
];

/** Scopes that look as if they held the image, and do not. */
const MISSED: readonly (readonly [string, Scope])[] = [
  ['another tag', ({ repository }) => `${repository}:2`],
  ['its digest, asked for by tag', ({ repository, image }) => `${repository}@${image.digest}`],
  ['tag and digest', ({ repository, image }) => `${repository}:1@${image.digest}`],
  ['half a component', ({ host }) => `${host}/acm`],
  ['a slash behind the namespace', ({ host }) => `${host}/acme/`],
  ['a repository below', ({ repository }) => `${repository}/below`],
  ['the host without its port', () => '127.0.0.1'],
  ['the registry by another name', ({ localhost }) => localhost],
  ['the registry in upper case', ({ localhost }) => localhost.toUpperCase()],
  ['a wildcard over another domain', () => '*.0.0.2'],
  ['a wildcard that names the whole host', () => '*.127.0.0.1'],
  ['a wildcard with the port', ({ host }) => `*.0.0.1:${host.split(':')[1]}`],
  ['a star', () => '*'],
  ['nonsense', () => 'a nonsense !! scope'],
];

/** Places are shared: the signature is the same in all of them. */
function scopeCase(
  title: string,
  verdict: 'runs' | 'refused',
  policy: (place: Place) => object,
  by: 'tag' | 'digest' = 'tag',
): Case {
  const arrange: Case['arrange'] = async (place) => {
    await once(place);
    const image = by === 'tag' ? `${place.repository}:1` : `${place.repository}@${place.image.digest}`;
    return { image, policy: policy(place) };
  };
  return agreed(title, verdict, arrange, 'scopes');
}

const signed = new Map<string, Promise<void>>();

/** Signs the image of a place by `two`, the first time. */
function once(place: Place): Promise<void> {
  const done = signed.get(place.repository) ?? sign(place, undefined, 'two');
  signed.set(place.repository, done);
  return done;
}

const right = ({ keys }: Place): readonly object[] => [signedBy(keys.two)];
const wrong = ({ keys }: Place): readonly object[] => [signedBy(keys.one)];

const chained = CHAIN.flatMap(([title, narrow], index) => [
  scopeCase(`${title} alone, with the key`, 'runs', (place) => docker({ [narrow(place)]: right(place) })),
  scopeCase(`${title} alone, with another key`, 'refused', (place) =>
    docker({ [narrow(place)]: wrong(place) }, ACCEPT),
  ),
  ...CHAIN.slice(index + 1, index + 2).flatMap(([broadTitle, broad]) => [
    scopeCase(`${title} over ${broadTitle}`, 'runs', (place) =>
      docker({ [broad(place)]: wrong(place), [narrow(place)]: right(place) }),
    ),
    scopeCase(`${broadTitle} does not help against ${title}`, 'refused', (place) =>
      docker({ [broad(place)]: right(place), [narrow(place)]: wrong(place) }),
    ),
  ]),
]);

const missed = MISSED.flatMap(([title, scope]) => [
  scopeCase(`out of scope, and anything goes: ${title}`, 'runs', (place) => docker({ [scope(place)]: REJECT }, ACCEPT)),
  scopeCase(`out of scope, and nothing goes: ${title}`, 'refused', (place) => docker({ [scope(place)]: right(place) })),
]);

const pinnedScope: Scope = ({ repository, image }) => `${repository}@${image.digest}`;
const otherwise = (requirements: readonly object[], transports?: object) => ({
  default: requirements,
  ...(transports && { transports }),
});

/** Which requirements speak for an image (openshift-containers.md §2.2). */
export const SCOPE_CASES: readonly Case[] = [
  ...chained,
  ...missed,
  scopeCase(
    'the digest over the repository',
    'runs',
    (place) => docker({ [pinnedScope(place)]: right(place), [place.repository]: REJECT }),
    'digest',
  ),
  scopeCase(
    'the repository does not help against the digest',
    'refused',
    (place) => docker({ [pinnedScope(place)]: wrong(place), [place.repository]: right(place) }),
    'digest',
  ),
  scopeCase(
    'the tag, asked for by digest',
    'refused',
    (place) => docker({ [`${place.repository}:1`]: right(place) }),
    'digest',
  ),
  scopeCase(
    'the repository, asked for by digest',
    'runs',
    (place) => docker({ [place.repository]: right(place) }),
    'digest',
  ),
  scopeCase('the default alone, anything', 'runs', () => otherwise(ACCEPT)),
  scopeCase('the default alone, nothing [peers 20]', 'refused', () => otherwise(REJECT)),
  scopeCase('the default alone, with the key', 'runs', (place) => otherwise(right(place))),
  scopeCase('the default alone, with another key', 'refused', (place) => otherwise(wrong(place))),
  scopeCase('no scope in the transport', 'runs', () => otherwise(ACCEPT, { docker: {} })),
  scopeCase('another transport', 'runs', ({ host }) => otherwise(ACCEPT, { atomic: { [host]: REJECT } })),
  scopeCase('a transport that nobody knows', 'refused', () => otherwise(REJECT, { nosuch: { '': ACCEPT } })),
];
