import { digestOf } from '../../../../src/image/digest.ts';
import { payloadAbout } from '../../../fixtures/notation/signer.ts';
import { admitted, type Case, inBothForms, type Place, refused, stricter } from '../case.ts';
import { attachForged, sign } from '../sign.ts';

const target = ({ image }: Place) => ({
  mediaType: image.mediaType,
  digest: image.digest,
  size: image.manifest.length,
});
const MISMATCH = /content descriptor mismatch/;
const LOOSE_JSON = 'JSON in a payload with members that nobody knows or in other letters, or twice';

/** What the signed payload says (notation-ratify.md §1.3). */
export const PAYLOAD_CASES: readonly Case[] = [
  ...inBothForms((format) =>
    refused('another digest [notation-ratify 35]', MISMATCH, 'PAYLOAD_DIGEST_MISMATCH', async (place) => {
      await attachForged(place, format, { payload: { ...target(place), digest: digestOf(Buffer.from('another')) } });
      return {};
    }),
  ),
  ...(['permissive', 'audit'] as const).map((level) =>
    refused(
      `another digest, at the level ${level} [notation-ratify 35]`,
      MISMATCH,
      'PAYLOAD_DIGEST_MISMATCH',
      async (place) => {
        await attachForged(place, 'jws', { payload: { ...target(place), digest: digestOf(Buffer.from('another')) } });
        return { statement: { signatureVerification: { level } } };
      },
    ),
  ),
  ...inBothForms((format) =>
    refused('another size [notation-ratify 36]', MISMATCH, 'PAYLOAD_DIGEST_MISMATCH', async (place) => {
      await attachForged(place, format, { payload: { ...target(place), size: 1 } });
      return {};
    }),
  ),
  refused('another media type [notation-ratify 37]', MISMATCH, 'PAYLOAD_DIGEST_MISMATCH', async (place) => {
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    await attachForged(place, 'jws', { payload: { ...target(place), mediaType } });
    return {};
  }),
  admitted("the user's metadata [notation-ratify 38]", async (place) => {
    await sign(place, { metadata: { 'io.wabbit-networks.buildId': '123' } });
    return {};
  }),
  admitted("the user's metadata, COSE [notation-ratify 38]", async (place) => {
    await sign(place, { format: 'cose', metadata: { one: '1', two: '2', three: 'ü' } });
    return {};
  }),
  admitted('annotations of the descriptor [notation-ratify 38]', async (place) => {
    const payload = Buffer.from(JSON.stringify({ targetArtifact: { ...target(place), annotations: { a: 'b' } } }));
    await attachForged(place, 'jws', { payload });
    return {};
  }),
  admitted('further members of the descriptor', async (place) => {
    const payload = Buffer.from(JSON.stringify({ targetArtifact: { ...target(place), urls: ['https://a.example'] } }));
    await attachForged(place, 'cose', { payload });
    return {};
  }),
  stricter('members beside the descriptor', 'PAYLOAD_MALFORMED', LOOSE_JSON, async (place) => {
    const payload = Buffer.from(JSON.stringify({ targetArtifact: target(place), more: 1 }));
    await attachForged(place, 'jws', { payload });
    return {};
  }),
  stricter('a descriptor that stands twice', 'PAYLOAD_MALFORMED', LOOSE_JSON, async (place) => {
    const one = JSON.stringify(target(place));
    const payload = Buffer.from(`{"targetArtifact":{"digest":"none"},"targetArtifact":${one}}`);
    await attachForged(place, 'jws', { payload });
    return {};
  }),
  stricter('a descriptor in other letters', 'PAYLOAD_MALFORMED', LOOSE_JSON, async (place) => {
    const payload = Buffer.from(JSON.stringify({ TargetArtifact: target(place) }));
    await attachForged(place, 'cose', { payload });
    return {};
  }),
  refused('no descriptor', MISMATCH, 'PAYLOAD_MALFORMED', async (place) => {
    await attachForged(place, 'cose', { payload: Buffer.from('{}') });
    return {};
  }),
  refused('a payload that is no JSON', /invalid character/, 'PAYLOAD_MALFORMED', async (place) => {
    await attachForged(place, 'cose', { payload: Buffer.from('<xml/>') });
    return {};
  }),
  refused('text behind the payload', /invalid character/, 'PAYLOAD_MALFORMED', async (place) => {
    await attachForged(place, 'cose', { payload: Buffer.concat([payloadAbout(target(place)), Buffer.from('{}')]) });
    return {};
  }),
  ...inBothForms((format) =>
    refused('a payload of no bytes', /content not present|EOF/, 'SIGNATURE_MALFORMED', async (place) => {
      await attachForged(place, format, { payload: Buffer.alloc(0) });
      return {};
    }),
  ),
];
