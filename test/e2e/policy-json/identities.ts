import { agreed, type Case, type Place, policyFor, sign, signedBy } from './case.ts';

type Text = (place: Place) => string;

const tagged =
  (tag: string): Text =>
  ({ repository }) =>
    `${repository}:${tag}`;
const pinned: Text = ({ repository, image }) => `${repository}@${image.digest}`;
const named: Text = ({ repository }) => repository;
const elsewhere: Text = ({ host }) => `${host}/acme/elsewhere:1`;
const otherDigest: Text = ({ repository }) => `${repository}@sha256:${'1'.repeat(64)}`;
const both: Text = (place) => `${place.repository}:1@${place.image.digest}`;

type Identity = ((place: Place) => object) | undefined;

const EXACT: Identity = () => ({ type: 'matchExact' });
const DIGEST_OR_EXACT: Identity = () => ({ type: 'matchRepoDigestOrExact' });
const REPOSITORY: Identity = () => ({ type: 'matchRepository' });
const reference =
  (text: Text): Identity =>
  (place) => ({ type: 'exactReference', dockerReference: text(place) });
const repository =
  (text: Text): Identity =>
  (place) => ({ type: 'exactRepository', dockerRepository: text(place) });
const remap =
  (prefix: Text, signedPrefix: Text): Identity =>
  (place) => ({
    type: 'remapIdentity',
    prefix: prefix(place),
    signedPrefix: signedPrefix(place),
  });

/** The reference's titles say: the rule, what is signed, what is asked for. */
const CASES: readonly (readonly [string, 'runs' | 'refused', Identity, signed: Text, asked: Text])[] = [
  // matchExact
  ['exact: the tag', 'runs', EXACT, tagged('1'), tagged('1')],
  ['exact: another tag', 'refused', EXACT, tagged('2'), tagged('1')],
  ['exact: another repository', 'refused', EXACT, elsewhere, tagged('1')],
  ['exact: the digest', 'runs', EXACT, pinned, pinned],
  ['exact: the tag, asked for by digest', 'refused', EXACT, tagged('1'), pinned],
  ['exact: the digest, asked for by tag', 'refused', EXACT, pinned, tagged('1')],
  ['exact: the repository, asked for by tag', 'refused', EXACT, named, tagged('1')],
  ['exact: the repository, asked for by digest', 'refused', EXACT, named, pinned],
  ['exact: tag and digest, asked for by digest', 'refused', EXACT, both, pinned],
  // matchRepoDigestOrExact
  ['digest or exact: the tag', 'runs', DIGEST_OR_EXACT, tagged('1'), tagged('1')],
  ['digest or exact: another tag', 'refused', DIGEST_OR_EXACT, tagged('2'), tagged('1')],
  ['digest or exact: another tag, asked for by digest', 'runs', DIGEST_OR_EXACT, tagged('2'), pinned],
  ['digest or exact: another digest, asked for by digest', 'runs', DIGEST_OR_EXACT, otherDigest, pinned],
  ['digest or exact: the digest, asked for by tag', 'refused', DIGEST_OR_EXACT, pinned, tagged('1')],
  ['digest or exact: the repository, asked for by tag', 'refused', DIGEST_OR_EXACT, named, tagged('1')],
  ['digest or exact: the repository, asked for by digest', 'refused', DIGEST_OR_EXACT, named, pinned],
  ['digest or exact: another repository, asked for by digest', 'refused', DIGEST_OR_EXACT, elsewhere, pinned],
  ['digest or exact: tag and digest, asked for by digest', 'runs', DIGEST_OR_EXACT, both, pinned],
  ['digest or exact: tag and digest, asked for by tag', 'refused', DIGEST_OR_EXACT, both, tagged('1')],
  ['nothing said: the tag', 'runs', undefined, tagged('1'), tagged('1')],
  ['nothing said: another tag', 'refused', undefined, tagged('2'), tagged('1')],
  ['nothing said: another tag, asked for by digest', 'runs', undefined, tagged('2'), pinned],
  ['nothing said: the repository', 'refused', undefined, named, tagged('1')],
  // matchRepository
  ['repository: another tag', 'runs', REPOSITORY, tagged('2'), tagged('1')],
  ['repository: the repository', 'runs', REPOSITORY, named, tagged('1')],
  ['repository: another digest', 'runs', REPOSITORY, otherDigest, tagged('1')],
  ['repository: asked for by digest', 'runs', REPOSITORY, named, pinned],
  ['repository: another repository', 'refused', REPOSITORY, elsewhere, tagged('1')],
  ['repository: one below', 'refused', REPOSITORY, ({ repository }) => `${repository}/below:1`, tagged('1')],
  [
    'repository: the registry by its name',
    'refused',
    REPOSITORY,
    ({ repository, host, localhost }) => repository.replace(host, localhost),
    tagged('1'),
  ],
  // exactReference
  ['reference: as signed', 'runs', reference(elsewhere), elsewhere, tagged('1')],
  ['reference: as asked for', 'refused', reference(tagged('1')), elsewhere, tagged('1')],
  ['reference: another tag', 'refused', reference(tagged('2')), tagged('1'), tagged('1')],
  ['reference: asked for by digest', 'runs', reference(elsewhere), elsewhere, pinned],
  ['reference: a digest', 'runs', reference(pinned), pinned, tagged('1')],
  ['reference: the repository was signed', 'refused', reference(tagged('1')), named, tagged('1')],
  ['reference: tag and digest', 'runs', reference(both), both, tagged('1')],
  ['reference: tag and digest, of which the tag was signed', 'refused', reference(both), tagged('1'), tagged('1')],
  [
    'reference: of the Hub',
    'runs',
    reference(() => 'busybox:latest'),
    () => 'docker.io/library/busybox:latest',
    tagged('1'),
  ],
  [
    'reference: of the Hub, as it is written in short',
    'runs',
    reference(() => 'docker.io/library/busybox:latest'),
    () => 'busybox:latest',
    tagged('1'),
  ],
  // exactRepository
  ['exact repository: as signed', 'runs', repository(({ host }) => `${host}/acme/elsewhere`), elsewhere, tagged('1')],
  ['exact repository: as asked for', 'refused', repository(named), elsewhere, tagged('1')],
  [
    'exact repository: with a tag',
    'runs',
    repository(elsewhere),
    ({ host }) => `${host}/acme/elsewhere:9`,
    tagged('1'),
  ],
  ['exact repository: the repository was signed', 'runs', repository(named), named, tagged('1')],
  ['exact repository: asked for by digest', 'runs', repository(named), tagged('7'), pinned],
  // remapIdentity
  [
    'remap: of the registry',
    'runs',
    remap(
      ({ host }) => host,
      () => 'vendor.example',
    ),
    ({ name }) => `vendor.example/acme/${name}:1`,
    tagged('1'),
  ],
  [
    'remap: of the namespace',
    'runs',
    remap(
      ({ host }) => `${host}/acme`,
      () => 'vendor.example/prod',
    ),
    ({ name }) => `vendor.example/prod/${name}:1`,
    tagged('1'),
  ],
  [
    'remap: of the repository',
    'runs',
    remap(named, () => 'vendor.example/app'),
    () => 'vendor.example/app:1',
    tagged('1'),
  ],
  ['remap: by digest', 'runs', remap(named, () => 'vendor.example/app'), () => 'vendor.example/app:7', pinned],
  [
    'remap: another tag',
    'refused',
    remap(named, () => 'vendor.example/app'),
    () => 'vendor.example/app:2',
    tagged('1'),
  ],
  [
    'remap: the repository was signed',
    'refused',
    remap(named, () => 'vendor.example/app'),
    () => 'vendor.example/app',
    tagged('1'),
  ],
  [
    'remap: the name of the mirror was signed',
    'refused',
    remap(named, () => 'vendor.example/app'),
    tagged('1'),
    tagged('1'),
  ],
  [
    'remap: half a component',
    'refused',
    remap(
      ({ host }) => `${host}/acm`,
      () => 'vendor.example/prod',
    ),
    ({ name }) => `vendor.example/prode/${name}:1`,
    tagged('1'),
  ],
  [
    'remap: half a component changes nothing',
    'runs',
    remap(
      ({ host }) => `${host}/acm`,
      () => 'vendor.example/prod',
    ),
    tagged('1'),
    tagged('1'),
  ],
  [
    'remap: the host without its port',
    'runs',
    remap(
      () => '127.0.0.1',
      () => 'vendor.example',
    ),
    tagged('1'),
    tagged('1'),
  ],
  ['remap: into what is no host', 'refused', remap(named, () => 'nothost/app'), () => 'nothost/app:1', tagged('1')],
  [
    'remap: a repository into a host with a port',
    'refused',
    remap(named, () => 'vendor.example:5000'),
    () => 'vendor.example:5000/app:1',
    tagged('1'),
  ],
  ['remap: to itself', 'runs', remap(named, named), tagged('1'), tagged('1')],
];

/** How the signed name must compare with the asked one (openshift-containers.md §2.4). */
export const IDENTITY_CASES: readonly Case[] = CASES.map(([title, verdict, identity, signed, asked]) =>
  agreed(title, verdict, async (place) => {
    await sign(place, signed(place), 'two');
    return { image: asked(place), policy: policyFor(place, signedBy(place.keys.two, identity?.(place))) };
  }),
);
