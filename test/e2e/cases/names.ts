import type { NamePolicy } from '../judges.ts';
import { type Bench, type Case, goodLayer, policyFor, pushLayers } from './case.ts';

const ZEROS = '0'.repeat(64);

/** Names that a signature can carry. */
const NAMES = {
  repository: ({ repository }) => repository,
  tag: ({ repository }) => `${repository}:1`,
  'other tag': ({ repository }) => `${repository}:2`,
  digest: ({ repository, image }) => `${repository}@${image.digest}`,
  'other digest': ({ repository }) => `${repository}@sha256:${ZEROS}`,
  'digest of another algorithm': ({ repository }) => `${repository}@sha512:${ZEROS}${ZEROS}`,
  'tag and digest': ({ repository, image }) => `${repository}:1@${image.digest}`,
  'other repository': ({ host }) => `${host}/acme/elsewhere`,
  'tag of another repository': ({ host }) => `${host}/acme/elsewhere:1`,
  'repository below': ({ repository }) => `${repository}/below:1`,
  'repository that only starts alike': ({ repository }) => `${repository}-2:1`,
  'remapped repository': ({ repository }) => `vendor.example/prod/${last(repository)}`,
  'tag of the remapped repository': ({ repository }) => `vendor.example/prod/${last(repository)}:1`,
  'name without a registry': ({ repository }) => `acme/${last(repository)}:1`,
  'name in upper case': ({ repository }) => `${repository.toUpperCase()}:1`,
  'name with a scheme': ({ repository }) => `docker://${repository}:1`,
  'no name': () => '',
  garbage: () => 'not a reference!',
} satisfies Record<string, (bench: Bench) => string>;
type Name = keyof typeof NAMES;

/** Every name of the repository itself. */
const OF_REPOSITORY: readonly Name[] = [
  'repository',
  'tag',
  'other tag',
  'digest',
  'other digest',
  'digest of another algorithm',
  'tag and digest',
];
const TAG_OR_DIGEST = OF_REPOSITORY.filter((name) => name !== 'repository');
const OTHER_ALGORITHM = 'a signed name with a digest other than sha256';

type Rule = {
  readonly title: string;
  readonly names: (bench: Bench) => NamePolicy | undefined;
  /** What is accepted of an image that is asked for by tag, and by digest. */
  readonly byTag: readonly Name[];
  readonly byDigest: readonly Name[];
};

const RULES: readonly Rule[] = [
  { title: 'no rule', names: () => undefined, byTag: ['tag'], byDigest: TAG_OR_DIGEST },
  {
    title: 'MatchRepoDigestOrExact',
    names: () => ({ matchPolicy: 'MatchRepoDigestOrExact' }),
    byTag: ['tag'],
    byDigest: TAG_OR_DIGEST,
  },
  {
    title: 'MatchRepository',
    names: () => ({ matchPolicy: 'MatchRepository' }),
    byTag: OF_REPOSITORY,
    byDigest: OF_REPOSITORY,
  },
  {
    title: 'ExactRepository of the image',
    names: ({ repository }) => ({ matchPolicy: 'ExactRepository', exactRepository: { repository } }),
    byTag: OF_REPOSITORY,
    byDigest: OF_REPOSITORY,
  },
  {
    title: 'ExactRepository of another',
    names: ({ host }) => ({
      matchPolicy: 'ExactRepository',
      exactRepository: { repository: `${host}/acme/elsewhere` },
    }),
    byTag: ['other repository', 'tag of another repository'],
    byDigest: ['other repository', 'tag of another repository'],
  },
  {
    title: 'RemapIdentity of the namespace',
    names: ({ host }) => remap(`${host}/acme`, 'vendor.example/prod'),
    byTag: ['tag of the remapped repository'],
    byDigest: ['tag of the remapped repository'],
  },
  {
    title: 'RemapIdentity of the repository',
    names: ({ repository }) => remap(repository, `vendor.example/prod/${last(repository)}`),
    byTag: ['tag of the remapped repository'],
    byDigest: ['tag of the remapped repository'],
  },
  {
    title: 'RemapIdentity of what only starts alike',
    names: ({ repository }) => remap(repository.slice(0, -1), 'vendor.example/prod'),
    byTag: ['tag'],
    byDigest: TAG_OR_DIGEST,
  },
  {
    title: 'RemapIdentity to a name without a registry',
    names: ({ host }) => remap(`${host}/acme`, 'localhost/acme'),
    byTag: [],
    byDigest: [],
  },
];

/** Every rule about names, with every name, by tag and by digest. */
export const NAME_CASES: readonly Case[] = RULES.flatMap((rule) =>
  (Object.keys(NAMES) as Name[]).flatMap((name) => [
    nameCase(rule, name, 'tag', rule.byTag),
    nameCase(rule, name, 'digest', rule.byDigest),
  ]),
);

function nameCase(rule: Rule, name: Name, by: 'tag' | 'digest', accepted: readonly Name[]): Case {
  const runs = accepted.includes(name);
  return {
    title: `${rule.title}, by ${by}, signed for: ${name}`,
    verdict: runs ? 'runs' : 'refused',
    ...(runs && name === 'digest of another algorithm' ? { differs: OTHER_ALGORITHM } : {}),
    // Two digits, so that a part of the name is a name too.
    shared: `name-${10 + Object.keys(NAMES).indexOf(name)}`,
    arrange: async (bench) => {
      const { repository, image } = bench;
      await signedFor(name, bench);
      const { names: _, ...policy } = policyFor(bench);
      const names = rule.names(bench);
      return {
        policies: [names === undefined ? policy : { ...policy, names }],
        image: by === 'tag' ? `${repository}:1` : `${repository}@${image.digest}`,
      };
    },
  };
}

const signed = new WeakMap<Bench, Promise<void>>();

/** Signs the image of a bench once. */
function signedFor(name: Name, bench: Bench): Promise<void> {
  const pushed = signed.get(bench) ?? pushLayers(bench, [goodLayer(bench, bench.key, NAMES[name](bench))]);
  signed.set(bench, pushed);
  return pushed;
}

function remap(prefix: string, signedPrefix: string): NamePolicy {
  return { matchPolicy: 'RemapIdentity', remapIdentity: { prefix, signedPrefix } };
}

const last = (repository: string): string => repository.slice(repository.lastIndexOf('/') + 1);
