import { attach, envelopeIn } from '../attach.ts';
import { admitted, type Case, type Place, stricter } from '../case.ts';
import { attachForged, forge } from '../sign.ts';

const AGENT = 'io.cncf.notary.signingAgent';
const LARGE = 'envelopes larger than 1 MiB, and manifests of signatures larger than 64 KiB';

/** An envelope whose agent, which nobody vouches for, has a long name. */
const longNamed = (length: number) => async (place: Place) => {
  const unprotected = (header: Readonly<Record<string, unknown>>) => ({ ...header, [AGENT]: 'a'.repeat(length) });
  await attachForged(place, 'jws', { jws: { unprotected } });
  return {};
};

/** A manifest with a long annotation. */
const annotated = (length: number) => async (place: Place) => {
  const good = envelopeIn('jws', forge(place, 'jws'));
  await attach(place, { ...good, more: { annotations: { note: 'a'.repeat(length) } } });
  return {};
};

/** How much is read (notation-ratify.md §1.1). */
export const LIMIT_CASES: readonly Case[] = [
  admitted('an envelope of half a mebibyte', longNamed(512 * 1024)),
  stricter(
    'an envelope of one and a half mebibytes [notation-ratify 110]',
    'LIMIT_EXCEEDED',
    LARGE,
    longNamed(1536 * 1024),
  ),
  stricter(
    'an envelope of five mebibytes [notation-ratify 110]',
    'RESPONSE_TOO_LARGE',
    LARGE,
    longNamed(5 * 1024 * 1024),
  ),
  admitted('a manifest of 32 KiB', annotated(32 * 1024)),
  stricter('a manifest of 100 KiB', 'RESPONSE_TOO_LARGE', LARGE, annotated(100 * 1024)),
];
