import { refused } from '../sigstore/result.ts';
import type { NotationAlgorithm } from './algorithms.ts';

/** The one content type that notation signs. */
export const PAYLOAD_TYPE = 'application/vnd.cncf.notary.payload.v1+json';

/** Names of the attributes that both formats have; COSE writes them as text labels. */
export const ATTRIBUTES = {
  scheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticSigningTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  plugin: 'io.cncf.notary.verificationPlugin',
  pluginMinimumVersion: 'io.cncf.notary.verificationPluginMinVersion',
  timestampToken: 'io.cncf.notary.timestampSignature',
} as const;

/** A signed attribute, read as each of the two things that an attribute can be; undefined where it is not that. */
export type SignedAttribute = {
  readonly text: string | undefined;
  /** Milliseconds since the epoch. */
  readonly time: number | undefined;
};

/** An envelope taken apart, by whichever format; what its attributes mean together was not asked yet. */
export type EnvelopeParts = {
  readonly algorithm: NotationAlgorithm;
  readonly contentType: string | undefined;
  /** Names of the attributes that whoever verifies must understand, as listed. */
  readonly critical: readonly string[];
  /** The signed attributes besides algorithm, content type and the list of critical ones. */
  readonly attributes: ReadonlyMap<string, SignedAttribute>;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The bytes that the signature is over. */
  readonly signed: Uint8Array;
  /** DER, the signer's certificate first. Not signed. */
  readonly chain: readonly Uint8Array[];
  /** A timestamp over the signature, which is itself not signed. */
  readonly timestampToken: Uint8Array | undefined;
};

/** Refuses an envelope that is not written as it must be. */
export function malformedEnvelope(why: string) {
  return refused('format', 'SIGNATURE_MALFORMED', `the notation envelope is malformed: ${why}`);
}

/** Refuses an envelope of which more was sent than is read: nothing is known of the signature in it. */
export function oversizedEnvelope(why: string) {
  return refused('format', 'LIMIT_EXCEEDED', `the notation envelope is not read: ${why}`);
}
