import type { EnvelopeKind } from './envelope.ts';

/** The artifact type of a notation signature, and the config's type in manifests of its first version. */
export const NOTATION_TYPE = 'application/vnd.cncf.notary.signature';

/** Media types of envelopes. */
export const ENVELOPE_TYPES: ReadonlyMap<string, EnvelopeKind> = new Map([
  ['application/jose+json', 'jws'],
  ['application/cose', 'cose'],
]);

/** Bytes of one signature's manifest; an honest one has one kilobyte. */
export const MAXIMUM_NOTATION_MANIFEST_BYTES = 64 * 1024;
