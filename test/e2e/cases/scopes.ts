import type { KeyPolicy, Verdict } from '../judges.ts';
import { type Bench, type Case, goodLayer, MATCH_REPOSITORY, policyFor, pushLayers } from './case.ts';

type Scope = (bench: Bench) => string;

/** The scopes under which `127.0.0.1:PORT/acme/NAME:1` is looked up, most specific first. */
const CHAIN: readonly (readonly [string, Scope])[] = [
  ['the tag', ({ repository }) => `${repository}:1`],
  ['the repository', ({ repository }) => repository],
  ['the namespace', ({ host }) => `${host}/acme`],
  ['the registry', ({ host }) => host],
  ['the longest wildcard', () => '*.0.0.1'],
  ['a shorter wildcard', () => '*.0.1'],
  ['the shortest wildcard', () => '*.1'],
];

/** Scopes that look as if they held the image, and do not. */
const MISSED: readonly (readonly [string, Scope])[] = [
  ['another tag', ({ repository }) => `${repository}:2`],
  ['its digest, asked for by tag', ({ repository, image }) => `${repository}@${image.digest}`],
  ['tag and digest', ({ repository, image }) => `${repository}:1@${image.digest}`],
  ['half a component', ({ host }) => `${host}/acm`],
  ['a repository below', ({ repository }) => `${repository}/below`],
  ['the host without its port', () => '127.0.0.1'],
  ['the registry by another name', ({ localhost }) => localhost],
  ['a wildcard over another domain', () => '*.0.0.2'],
  ['a wildcard that names the whole host', () => '*.127.0.0.1'],
];

/** Where the narrower scope names the key and the broader one another, and the reverse; and each scope alone. */
const chained = CHAIN.flatMap(([title, narrow], index) => {
  const broader = CHAIN.slice(index + 1, index + 2).flatMap(([broadTitle, broad]) => [
    scopeCase(`${title} over ${broadTitle}`, 'runs', narrow, broad),
    scopeCase(`${broadTitle} does not help against ${title}`, 'refused', broad, narrow),
  ]);
  return [
    scopeCase(`${title} alone, with the key`, 'runs', narrow),
    scopeCase(`${title} alone, with another key`, 'refused', undefined, narrow),
    ...broader,
  ];
});

const missed = MISSED.map(([title, scope]) =>
  scopeCase(`out of scope, so anything goes: ${title}`, 'runs', undefined, scope),
);

/** Both requirements stand on one scope; `signedBy` says which signatures are there, in order. */
function together(title: string, verdict: Verdict, signedBy: readonly ('key' | 'other')[]): Case {
  return {
    title: `two policies of one scope, ${title}`,
    verdict,
    arrange: async (bench) => {
      const layers = signedBy.map((signer) => goodLayer(bench, bench[signer]));
      if (layers.length > 0) await pushLayers(bench, layers);
      const policies = [policyFor(bench), policyFor(bench, bench.other)];
      return { policies, image: `${bench.repository}:1` };
    },
  };
}

/** Which of several policies speaks for an image. */
export const SCOPE_CASES: readonly Case[] = [
  ...chained,
  ...missed,
  together('signed for both', 'runs', ['key', 'other']),
  together('signed for both, the other way round', 'runs', ['other', 'key']),
  together('signed for the first', 'refused', ['key']),
  together('signed for the second', 'refused', ['other']),
  together('signed for neither', 'refused', []),
  {
    title: 'two policies of one scope, of which one asks for the tag and gets the repository',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench)]);
      const exact: KeyPolicy = { ...policyFor(bench), names: { matchPolicy: 'MatchRepoDigestOrExact' } };
      return { policies: [policyFor(bench), exact], image: `${bench.repository}:1` };
    },
  },
  {
    title: 'two policies of one scope, each met by a signature of the same key for another name',
    verdict: 'runs',
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench), goodLayer(bench, bench.key, `${bench.host}/acme/elsewhere`)]);
      const elsewhere: KeyPolicy = {
        ...policyFor(bench),
        names: { matchPolicy: 'ExactRepository', exactRepository: { repository: `${bench.host}/acme/elsewhere` } },
      };
      return { policies: [policyFor(bench), elsewhere], image: `${bench.repository}:1` };
    },
  },
  {
    title: 'one policy of many scopes, of which one holds the image',
    verdict: 'refused',
    arrange: async (bench) => ({
      policies: [policyFor(bench, bench.key, ['registry.example', bench.host, '*.example'])],
      image: `${bench.repository}:1`,
    }),
  },
  {
    title: 'the digest, asked for by digest, over the repository',
    verdict: 'runs',
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench)]);
      const pinned = `${bench.repository}@${bench.image.digest}`;
      return { policies: [policyFor(bench, bench.key, [pinned]), policyFor(bench, bench.other)], image: pinned };
    },
  },
  {
    title: 'the repository does not help against the digest, asked for by digest',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench)]);
      const pinned = `${bench.repository}@${bench.image.digest}`;
      return { policies: [policyFor(bench), policyFor(bench, bench.other, [pinned])], image: pinned };
    },
  },
  {
    title: 'out of scope, so anything goes: the tag, asked for by digest',
    verdict: 'runs',
    arrange: async (bench) => ({
      policies: [policyFor(bench, bench.key, [`${bench.repository}:1`])],
      image: `${bench.repository}@${bench.image.digest}`,
    }),
  },
  byName('the registry by its name', 'runs', ({ localhost }) => localhost),
  byName('the namespace by its name', 'runs', ({ localhost }) => `${localhost}/acme`),
  byName('another key for localhost without a port', 'runs', () => 'localhost', 'other'),
  byName('another key for the registry by its address', 'runs', ({ host }) => host, 'other'),
  {
    title: 'a signed name with the registry in upper case',
    verdict: 'refused',
    differs: '`docker.io` and `index.docker.io`, upper and lower case in a host',
    arrange: async (bench) => {
      const repository = bench.repository.replace(bench.host, bench.localhost);
      const shouted = bench.repository.replace(bench.host, bench.localhost.toUpperCase());
      await pushLayers(bench, [goodLayer(bench, bench.key, shouted)]);
      return { policies: [policyFor(bench, bench.key, [repository])], image: `${repository}:1` };
    },
  },
];

function scopeCase(title: string, verdict: Verdict, right?: Scope, wrong?: Scope): Case {
  return {
    title,
    verdict,
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench)]);
      const policies = [
        ...(right === undefined ? [] : [policyFor(bench, bench.key, [right(bench)])]),
        ...(wrong === undefined ? [] : [policyFor(bench, bench.other, [wrong(bench)])]),
      ];
      return { policies, image: `${bench.repository}:1` };
    },
  };
}

/** The image asked for at `localhost:PORT`, signed for that. */
function byName(title: string, verdict: Verdict, scope: Scope, signer: 'key' | 'other' = 'key'): Case {
  return {
    title,
    verdict,
    arrange: async (bench) => {
      const repository = bench.repository.replace(bench.host, bench.localhost);
      await pushLayers(bench, [goodLayer(bench, bench.key, repository)]);
      const policy = { scopes: [scope(bench)], publicPem: bench[signer].publicKeyPem, names: MATCH_REPOSITORY };
      return { policies: [policy], image: `${repository}:1` };
    },
  };
}
