import { imageArtifact, indexArtifact } from '../../../../src/cli/demo/artifacts.ts';
import { digestOf } from '../../../../src/image/digest.ts';
import { pushArtifact } from '../../image.ts';
import { attach, ENVELOPE_TYPE, envelopeIn, type Manifest, NOTATION_TYPE, removeBlob } from '../attach.ts';
import { admitted, type Case, type Place, refused, stricter, wider } from '../case.ts';
import { attachForged, forge, garbage, sign } from '../sign.ts';

const byGood = (place: Place) => envelopeIn('jws', forge(place, 'jws'));
const NO_SIGNATURE = /no signature is associated with/;

/** A good envelope in a manifest that is otherwise than notation writes it. */
const otherwise = (change: (good: Manifest, place: Place) => Manifest) => async (place: Place) => {
  await attach(place, change(byGood(place), place));
  return {};
};

const legacy = ({ layers }: Manifest): Manifest => ({ layers, configType: NOTATION_TYPE });

/** Where signatures lie and what their manifests say (notation-ratify.md §1.1, §1.2). */
export const STORAGE_CASES: readonly Case[] = [
  admitted(
    'the tag of referrers, in a registry with the API',
    async (place) => {
      await sign(place, { forceTag: true });
      return {};
    },
    'referrers',
  ),
  admitted('the tag of referrers, in a registry without the API', async (place) => {
    await sign(place, { forceTag: true });
    return {};
  }),
  admitted('an image named by its digest', async (place) => {
    await sign(place);
    return { image: `${place.repository}@${place.image.digest}` };
  }),
  admitted('a manifest of the first form, without artifactType [notation-ratify 106]', otherwise(legacy)),
  admitted(
    'a manifest of the first form, in a registry with the API [notation-ratify 106]',
    otherwise(legacy),
    'referrers',
  ),
  admitted(
    'a manifest of the present form [notation-ratify 106]',
    otherwise((good) => good),
  ),
  admitted(
    'annotations that name another chain: they are no more than a hint',
    otherwise((good) => ({
      ...good,
      more: { annotations: { 'io.cncf.notary.x509chain.thumbprint#S256': '["00"]' } },
    })),
  ),
  refused('an image without signatures', NO_SIGNATURE, 'UNSIGNED', () => ({})),
  refused('an image without signatures, in a registry with the API', NO_SIGNATURE, 'UNSIGNED', () => ({}), 'referrers'),
  refused('only referrers of other types', NO_SIGNATURE, 'UNSIGNED', async (place) => {
    const bytes = Buffer.from('{}');
    await attach(place, {
      layers: [{ mediaType: 'application/spdx+json', bytes }],
      artifactType: 'application/spdx+json',
    });
    return {};
  }),
  admitted('a signature among referrers of other types [notation-ratify 105]', async (place) => {
    const bytes = Buffer.from('{}');
    const bill = { layers: [{ mediaType: 'application/spdx+json', bytes }], artifactType: 'application/spdx+json' };
    await attach(place, bill, byGood(place));
    return {};
  }),
  refused(
    'a list that does not say what a signature is',
    NO_SIGNATURE,
    'UNSIGNED',
    otherwise((good) => ({ ...good, listedAs: 'nothing' })),
  ),
  refused(
    'a list that calls a signature something else',
    NO_SIGNATURE,
    'UNSIGNED',
    otherwise((good) => ({ ...good, listedAs: 'application/spdx+json' })),
  ),
  stricter(
    'a list that calls something else a signature',
    'UNSIGNED',
    'a manifest in the list of referrers that says of itself that it is something else, or refers to another image or to none',
    otherwise((good) => ({ ...good, artifactType: 'application/spdx+json', listedAs: NOTATION_TYPE })),
  ),
  stricter(
    'a manifest that refers to another image [notation-ratify 107]',
    'UNSIGNED',
    'a manifest in the list of referrers that says of itself that it is something else, or refers to another image or to none',
    otherwise((good, { image }) => ({
      ...good,
      subject: { mediaType: image.mediaType, digest: digestOf(Buffer.from('another')), size: 7 },
    })),
  ),
  stricter(
    'a manifest that refers to nothing',
    'UNSIGNED',
    'a manifest in the list of referrers that says of itself that it is something else, or refers to another image or to none',
    otherwise((good) => ({ ...good, subject: 'none' })),
  ),
  refused(
    'two envelopes in one manifest [notation-ratify 108]',
    /exactly one signature envelope blob, got 2/,
    'SIGNATURE_MALFORMED',
    otherwise((good) => ({ ...good, layers: [...good.layers, ...good.layers] })),
  ),
  refused(
    'no envelope in a manifest',
    /exactly one signature envelope blob, got 0/,
    'SIGNATURE_MALFORMED',
    otherwise((good) => ({ ...good, layers: [] })),
  ),
  refused(
    'an envelope of a type that nobody knows',
    /signature envelope format with media type/,
    'SIGNATURE_MALFORMED',
    otherwise((good) => ({
      ...good,
      layers: good.layers.map((layer) => ({ ...layer, mediaType: 'application/octet-stream' })),
    })),
  ),
  refused(
    'a JWS that calls itself COSE',
    /cbor|COSE|cose/i,
    'SIGNATURE_MALFORMED',
    otherwise((good) => ({
      ...good,
      layers: good.layers.map((layer) => ({ ...layer, mediaType: ENVELOPE_TYPE.cose })),
    })),
  ),
  refused(
    'a COSE message that calls itself JWS',
    /invalid|JSON|json|character/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      await attach(place, envelopeIn('jws', forge(place, 'cose')));
      return {};
    },
  ),
  refused('an envelope of no bytes', /unexpected end of JSON input/, 'SIGNATURE_MALFORMED', async (place) => {
    await attach(place, envelopeIn('jws', Buffer.alloc(0)));
    return {};
  }),
  refused(
    'an envelope of another size than the manifest says [notation-ratify 109]',
    /unable to retrieve digital signature/,
    'RESPONSE_MALFORMED',
    otherwise((good) => ({
      ...good,
      layers: good.layers.map((layer) => ({ ...layer, size: layer.bytes.length + 1 })),
    })),
    'referrers',
  ),
  refused(
    'an envelope that is gone',
    /unable to retrieve digital signature/,
    'RESPONSE_MALFORMED',
    async (place) => {
      const bytes = forge(place, 'jws');
      await attach(place, envelopeIn('jws', bytes));
      await removeBlob(place, bytes);
      return {};
    },
    'referrers',
  ),
  refused(
    'an envelope larger than 32 MiB, as the manifest says [notation-ratify 110]',
    /signature blob too large/,
    'TOO_LARGE',
    otherwise((good) => ({
      ...good,
      layers: good.layers.map((layer) => ({ ...layer, size: 33 * 1024 * 1024 })),
    })),
    'referrers',
  ),
  wider(
    'a manifest of two envelopes before a good signature [notation-ratify 111]',
    /exactly one signature envelope blob, got 2/,
    'a signature that cannot be fetched, or whose manifest is malformed, before a good one',
    async (place) => {
      const good = byGood(place);
      await attach(place, { ...good, layers: [...good.layers, ...good.layers] }, good);
      return {};
    },
  ),
  admitted('a manifest of two envelopes behind a good signature [notation-ratify 111]', async (place) => {
    const good = byGood(place);
    await attach(place, good, { ...good, layers: [...good.layers, ...good.layers] });
    return {};
  }),
  admitted('the signature of an index, asked for by its tag [notation-ratify 116]', async (place) => {
    const { index } = await pushIndex(place);
    await sign(place, { image: `${place.repository}:index` });
    return { image: `${place.repository}@${index.digest}` };
  }),
  refused(
    'the signature of an index, asked for an image in it [notation-ratify 116]',
    NO_SIGNATURE,
    'UNSIGNED',
    async (place) => {
      const { instance } = await pushIndex(place);
      await sign(place, { image: `${place.repository}:index` });
      return { image: `${place.repository}@${instance.digest}` };
    },
  ),
  refused(
    'the signature of an image, asked for the index that lists it [notation-ratify 116]',
    NO_SIGNATURE,
    'UNSIGNED',
    async (place) => {
      const { instance } = await pushIndex(place);
      await sign(place, { image: `${place.repository}@${instance.digest}` });
      return { image: `${place.repository}:index` };
    },
  ),
  admitted('the signature of an image, copied with it to another repository', async (place) => {
    const elsewhere = `${place.repository}-copy`;
    await pushArtifact(elsewhere, place.image, '1');
    await attach({ ...place, repository: elsewhere }, byGood(place));
    return { image: `${elsewhere}:1` };
  }),
  refused(
    'a signature of another image, attached to this one',
    /content descriptor mismatch/,
    'PAYLOAD_DIGEST_MISMATCH',
    async (place) => {
      const another = imageArtifact('another');
      const payload = { mediaType: another.mediaType, digest: another.digest, size: another.manifest.length };
      await attachForged(place, 'jws', { payload });
      return {};
    },
  ),
  refused('bytes that are no envelope', /invalid character/, 'SIGNATURE_MALFORMED', async (place) => {
    await attach(place, garbage());
    return {};
  }),
];

async function pushIndex(place: Place) {
  const instance = imageArtifact(`${place.repository} in an index`);
  const index = indexArtifact([{ image: instance, platform: { os: 'linux', architecture: 'amd64' } }]);
  await pushArtifact(place.repository, instance);
  await pushArtifact(place.repository, index, 'index');
  return { instance, index };
}
