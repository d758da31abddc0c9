import { attach, envelopeIn } from '../attach.ts';
import { admitted, type Case, type Place, refused } from '../case.ts';
import { forge, garbage, sign } from '../sign.ts';
import { inHours, leafOf } from '../signers.ts';

const good = (place: Place) => envelopeIn('jws', forge(place, 'jws'));
const stranger = (place: Place) => place.signer([leafOf(place.other), place.other]);

/** Bytes that are no envelope, so many of them. */
const many = (count: number) => Array.from({ length: count }, (_, index) => garbage(`no envelope ${index}`));

/** One signature that holds is enough, wherever it stands; a hundred are looked at (notation-ratify.md §1.12). */
export const SEVERAL_CASES: readonly Case[] = [
  admitted('two signatures by trusted signers, one of each form', async (place) => {
    await sign(place, { format: 'jws' });
    await sign(place, { format: 'cose' }, place.signers.rsa2048);
    return {};
  }),
  admitted('a stranger signed first, and then a trusted signer', async (place) => {
    await sign(place, {}, stranger(place));
    await sign(place);
    return {};
  }),
  admitted('a trusted signer signed first, and then a stranger', async (place) => {
    await sign(place);
    await sign(place, {}, stranger(place));
    return {};
  }),
  admitted(
    'a stranger and a trusted signer, in a registry with the API',
    async (place) => {
      await sign(place, { forceTag: false }, stranger(place));
      await sign(place, { forceTag: false });
      return {};
    },
    'referrers',
  ),
  refused('two strangers', /does not contain any trusted certificate/, 'CERTIFICATE_UNTRUSTED', async (place) => {
    await sign(place, {}, stranger(place));
    await sign(place, { format: 'cose' }, stranger(place));
    return {};
  }),
  admitted('an expired signature, and one that holds', async (place) => {
    await sign(place, { at: inHours(-3), until: inHours(-1) });
    await sign(place);
    return {};
  }),
  admitted('bytes that are no envelope, and a good signature [notation-ratify 111]', async (place) => {
    await attach(place, garbage(), good(place));
    return {};
  }),
  admitted(
    'bytes that are no envelope, and a good signature, in a registry with the API [notation-ratify 111]',
    async (place) => {
      await attach(place, garbage(), good(place));
      return {};
    },
    'referrers',
  ),
  admitted('the thirtieth signature is the first that holds [notation-ratify 113]', async (place) => {
    await attach(place, ...many(29), good(place));
    return {};
  }),
  admitted('the hundredth signature is the first that holds [notation-ratify 113]', async (place) => {
    await attach(place, ...many(99), good(place));
    return {};
  }),
  refused(
    'the hundred and first signature is the first that holds [notation-ratify 112]',
    /configured limit of 100 signatures/,
    'LIMIT_EXCEEDED',
    async (place) => {
      await attach(place, ...many(100), good(place));
      return {};
    },
  ),
  refused(
    'a hundred signatures of which none holds',
    /configured limit of 100 signatures/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      await attach(place, ...many(100));
      return {};
    },
  ),
];
