import { agreed, butHere, byTag, type Case, type Place, type Question, sign, type Verdict } from './case.ts';

type Files = (place: Place & Bases) => Question['registriesD'];
/** Base URLs of a store with the signature, and of one without. */
type Bases = { readonly right: string; readonly wrong: string };

/** The image is signed in the right store; the question is whether that one is asked. */
function storeCase(
  title: string,
  verdict: Verdict,
  files: Files,
  by: 'tag' | 'digest' = 'tag',
  more: Partial<Case> = {},
): Case {
  const arrange: Case['arrange'] = async (place) => {
    await sign(place);
    const bases = { right: place.store.base('plain'), wrong: `${place.store.base('plain')}/elsewhere` };
    const image = by === 'tag' ? `${place.repository}:1` : `${place.repository}@${place.image.digest}`;
    const registriesD = files({ ...place, ...bases });
    return { ...byTag(place), image, ...(registriesD && { registriesD }) };
  };
  return { ...agreed(title, verdict, arrange), ...more };
}

const section =
  (scope: (place: Place) => string, fields: (bases: Bases) => object): Files =>
  (place) => ({
    'a.yaml': { docker: { [scope(place)]: fields(place) }, 'default-docker': { lookaside: place.wrong } },
  });

/** More specific first; each holds the image. */
const CHAIN: readonly (readonly [string, (place: Place) => string])[] = [
  ['the tag', ({ repository }) => `${repository}:1`],
  ['the repository', ({ repository }) => repository],
  ['the namespace', ({ host }) => `${host}/acme`],
  ['the registry', ({ host }) => host],
  ['a wildcard', () => '*.0.0.1'],
];

const MISSED: readonly (readonly [string, (place: Place) => string])[] = [
  ['another tag', ({ repository }) => `${repository}:2`],
  ['the digest, asked for by tag', ({ repository, image }) => `${repository}@${image.digest}`],
  ['half a component', ({ host }) => `${host}/acm`],
  ['the host without its port', () => '127.0.0.1'],
  ['the transport', () => ''],
];

const OTHER_NAMES = 'files of `registries.d` whose names do not end with `.yaml`';
const TWICE = 'a key twice in one file of `registries.d`, or in upper case';

const fields = (title: string, verdict: Verdict, given: (bases: Bases) => object): Case =>
  storeCase(
    title,
    verdict,
    section(({ host }) => host, given),
  );

const FIELDS: readonly Case[] = [
  fields('lookaside', 'runs', ({ right }) => ({ lookaside: right })),
  fields('sigstore, as it was called', 'runs', ({ right }) => ({ sigstore: right })),
  fields('lookaside before sigstore', 'runs', ({ right, wrong }) => ({ lookaside: right, sigstore: wrong })),
  fields('sigstore does not help against lookaside', 'refused', ({ right, wrong }) => ({
    lookaside: wrong,
    sigstore: right,
  })),
  fields('staging alone', 'refused', ({ right }) => ({ 'lookaside-staging': right })),
  fields('staging alone, as it was called', 'refused', ({ right }) => ({ 'sigstore-staging': right })),
  fields('lookaside beside staging', 'runs', ({ right, wrong }) => ({ lookaside: right, 'lookaside-staging': wrong })),
  fields('sigstore beside staging', 'runs', ({ right, wrong }) => ({ sigstore: right, 'sigstore-staging': wrong })),
  fields('an empty URL says nothing', 'refused', () => ({ lookaside: '' })),
  fields('members that nobody knows', 'runs', ({ right }) => ({ lookaside: right, more: 1 })),
  {
    ...fields('Lookaside in upper case', 'refused', ({ right }) => ({ Lookaside: right })),
    skopeo: 'runs',
    differs: TWICE,
  },
  // skopeo 1.9.3 does not survive it.
  { ...fields('lookaside is a number', 'refused', () => ({ lookaside: 1 })), skopeo: undefined, here: 'unreadable' },
  fields('lookaside is a list', 'unreadable', () => ({ lookaside: [] })),
  fields('use-sigstore-attachments is no boolean', 'unreadable', ({ right }) => ({
    lookaside: right,
    'use-sigstore-attachments': 'x',
  })),
  fields('use-sigstore-attachments is false', 'runs', ({ right }) => ({
    lookaside: right,
    'use-sigstore-attachments': false,
  })),
];

const chained = CHAIN.flatMap(([title, narrow], index) => [
  storeCase(
    `${title} before the default`,
    'runs',
    section(narrow, ({ right }) => ({ lookaside: right })),
  ),
  ...CHAIN.slice(index + 1, index + 2).map(([broadTitle, broad]) =>
    storeCase(`${title} before ${broadTitle}`, 'runs', (place) => ({
      'a.yaml': { docker: { [broad(place)]: { lookaside: place.wrong }, [narrow(place)]: { lookaside: place.right } } },
    })),
  ),
]);

const FALLING: readonly Case[] = [
  storeCase('a section without lookaside leaves it to the next', 'runs', (place) => ({
    'a.yaml': {
      docker: { [place.repository]: { 'use-sigstore-attachments': false }, [place.host]: { lookaside: place.right } },
      'default-docker': { lookaside: place.wrong },
    },
  })),
  storeCase('a section without lookaside leaves it to the default', 'runs', (place) => ({
    'a.yaml': {
      docker: { [place.host]: { 'use-sigstore-attachments': false } },
      'default-docker': { lookaside: place.right },
    },
  })),
  storeCase('a section of staging alone leaves reading to the default', 'runs', (place) => ({
    'a.yaml': {
      docker: { [place.host]: { 'lookaside-staging': place.wrong } },
      'default-docker': { lookaside: place.right },
    },
  })),
  storeCase('the default alone', 'runs', ({ right }) => ({ 'a.yaml': { 'default-docker': { lookaside: right } } })),
  storeCase('the default alone, as it was called', 'runs', ({ right }) => ({
    'a.yaml': { 'default-docker': { sigstore: right } },
  })),
  storeCase(
    'the digest, asked for by digest',
    'runs',
    section(
      ({ repository, image }) => `${repository}@${image.digest}`,
      ({ right }) => ({ lookaside: right }),
    ),
    'digest',
  ),
  storeCase(
    'the tag, asked for by digest',
    'refused',
    section(
      ({ repository }) => `${repository}:1`,
      ({ right }) => ({ lookaside: right }),
    ),
    'digest',
  ),
];

const yaml = (host: string, url: string): string => `docker:\n  ${host}:\n    lookaside: ${url}\n`;

const FILES: readonly Case[] = [
  storeCase('no file', 'refused', () => ({})),
  storeCase('two files', 'runs', ({ host, right, wrong }) => ({
    'a.yaml': { docker: { [host]: { lookaside: right } } },
    'b.yaml': { 'default-docker': { lookaside: wrong } },
  })),
  storeCase('one name in two files', 'unreadable', ({ host, right }) => ({
    'a.yaml': yaml(host, right),
    'b.yaml': yaml(host, right),
  })),
  storeCase('a default in two files', 'unreadable', ({ right }) => ({
    'a.yaml': { 'default-docker': { lookaside: right } },
    'b.yaml': { 'default-docker': { lookaside: right } },
  })),
  butHere(
    'unreadable',
    OTHER_NAMES,
    storeCase('one name in a file and in one of another ending', 'runs', ({ host, right, wrong }) => ({
      'a.yaml': yaml(host, right),
      'b.yml': yaml(host, wrong),
    })),
  ),
  butHere(
    'runs',
    OTHER_NAMES,
    storeCase('a file of another ending', 'refused', ({ host, right }) => ({ 'a.yml': yaml(host, right) })),
  ),
  storeCase(
    'a name twice in one file',
    'unreadable',
    ({ host, right, wrong }) => ({
      'a.yaml': `${yaml(host, wrong)}  ${host}:\n    lookaside: ${right}\n`,
    }),
    'tag',
    { skopeo: 'runs', differs: TWICE },
  ),
  storeCase('YAML with comments', 'runs', ({ host, right }) => ({
    'a.yaml': `# where\n${yaml(host, `${right} # here`)}`,
  })),
  storeCase('an empty file beside another', 'runs', ({ host, right }) => ({
    'a.yaml': yaml(host, right),
    'b.yaml': '',
  })),
  storeCase('a file of comments beside another', 'runs', ({ host, right }) => ({
    'a.yaml': yaml(host, right),
    'b.yaml': '# nothing\n',
  })),
  storeCase('no YAML', 'unreadable', () => ({ 'a.yaml': '{' })),
  storeCase('a list', 'unreadable', () => ({ 'a.yaml': '[]' })),
  storeCase('members that nobody knows beside it', 'runs', ({ host, right }) => ({
    'a.yaml': `more: 1\n${yaml(host, right)}`,
  })),
  storeCase('a default that says nothing', 'runs', ({ host, right }) => ({
    'a.yaml': `default-docker:\n# lookaside: there\n${yaml(host, right)}`,
  })),
  storeCase('docker is null', 'refused', () => ({ 'a.yaml': 'docker:\n' })),
  storeCase('docker is a list', 'unreadable', () => ({ 'a.yaml': 'docker: []\n' })),
];

/** Where registries.d says that signatures lie (openshift-containers.md §3.4). */
export const REGISTRIES_D_CASES: readonly Case[] = [
  ...FIELDS,
  ...chained,
  ...MISSED.map(([title, scope]) =>
    storeCase(
      `out of it: ${title}`,
      'refused',
      section(scope, ({ right }) => ({ lookaside: right })),
    ),
  ),
  ...FALLING,
  ...FILES,
];
