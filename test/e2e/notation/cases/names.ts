import { digestOf } from '../../../../src/image/digest.ts';
import { pushArtifact } from '../../image.ts';
import { attach, envelopeIn } from '../attach.ts';
import { admitted, type Case, type Place, refused, wider } from '../case.ts';
import { statement, trustPolicy } from '../judges.ts';
import { forge, sign } from '../sign.ts';

const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const LETTERS = 'upper and lower case in the host of a scope';
const byName = ({ repository }: Place): string => repository.replace('127.0.0.1', 'localhost');
const inCapitals = (place: Place): string => byName(place).replace('localhost', 'LocalHost');

/** How images and scopes are named. */
export const NAME_CASES: readonly Case[] = [
  admitted('an image named by tag and digest', async (place) => {
    await sign(place);
    return { image: `${place.repository}:1@${place.image.digest}` };
  }),
  admitted("an image with docker's manifest", async (place) => {
    const manifest = Buffer.from(Buffer.from(place.image.manifest).toString().replace(place.image.mediaType, DOCKER));
    const image = { ...place.image, manifest, mediaType: DOCKER, digest: digestOf(manifest) };
    await pushArtifact(place.repository, image, 'docker');
    await sign(place, { image: `${place.repository}:docker` });
    return { image: `${place.repository}:docker` };
  }),
  admitted('a registry by its name, and the scope alike', async (place) => {
    await sign(place);
    return { image: `${byName(place)}:1`, statement: { registryScopes: [byName(place)] } };
  }),
  refused(
    'a registry by its name, and the scope by its address',
    /no applicable trust policy/,
    'REJECTED_BY_POLICY',
    async (place) => {
      await sign(place);
      return { image: `${byName(place)}:1`, statement: { registryScopes: [place.repository] } };
    },
  ),
  wider('a scope with capitals in its host', /no applicable trust policy/, LETTERS, async (place) => {
    await sign(place);
    return { image: `${byName(place)}:1`, statement: { registryScopes: [inCapitals(place)] } };
  }),
  {
    ...refused(
      'a scope with capitals in its host, which refuses, beside one for everything',
      /./,
      'CERTIFICATE_UNTRUSTED',
      async (place) => {
        await attach(place, envelopeIn('jws', forge(place, 'jws')));
        const exact = statement({ name: 'exact', registryScopes: [inCapitals(place)], trustStores: ['ca:other'] });
        return {
          image: `${byName(place)}:1`,
          policy: trustPolicy(statement(), exact),
          stores: { 'ca/acme/root.pem': place.acme.pem, 'ca/other/root.pem': place.other.pem },
        };
      },
    ),
    there: 'runs',
    because: /"verified"/,
    differs: LETTERS,
  },
];
