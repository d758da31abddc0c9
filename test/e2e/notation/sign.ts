import { type CertificateOptions, type Issued, issueIntermediate } from '../../fixtures/certificates.ts';
import { type SigningOptions, signEnvelope } from '../../fixtures/notation/signer.ts';
import { succeed } from '../process.ts';
import { toolPath } from '../tools.ts';
import { attach, envelopeIn, type Manifest } from './attach.ts';
import type { Format, Place, Question } from './case.ts';
import { inHours, leafOf, rfc3339, type Signer } from './signers.ts';
import type { TimestampAuthority } from './timestamps.ts';

/** How notation is to sign; what is left out is as its command line has it by default. */
export type Signing = {
  readonly format?: Format;
  readonly image?: string;
  readonly expiry?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timestamps?: TimestampAuthority;
  readonly forceTag?: boolean;
  readonly scheme?: 'notary.x509' | 'notary.x509.signingAuthority';
  readonly at?: number;
  readonly until?: number;
  readonly critical?: Readonly<Record<string, string>>;
  readonly plugin?: string;
};

/** Has notation sign the image of a place, by the signer with the key of P-256 unless another is named. */
export async function sign(place: Place, options: Signing = {}, signer: Signer = place.signers.p256): Promise<void> {
  const flags: readonly (readonly [string, string | undefined])[] = [
    ['key', signer.keyFile],
    ['chain', signer.chainFile],
    ['format', options.format],
    ['expiry', options.expiry],
    ['timestamp-url', options.timestamps?.url],
    ['timestamp-root', options.timestamps?.rootFile],
    ['force-referrers-tag', options.forceTag?.toString()],
    ['scheme', options.scheme],
    ['at', options.at === undefined ? undefined : rfc3339(options.at)],
    ['until', options.until === undefined ? undefined : rfc3339(options.until)],
    ['plugin', options.plugin],
    ...Object.entries(options.metadata ?? {}).map(([key, value]) => ['metadata', `${key}=${value}`] as const),
    ...Object.entries(options.critical ?? {}).map(([key, value]) => ['critical', `${key}=${value}`] as const),
  ];
  const args = flags.flatMap(([name, value]) => (value === undefined ? [] : [`-${name}=${value}`]));
  await succeed(toolPath('notation-go'), ['sign', ...args, options.image ?? `${place.repository}:1`]);
}

/** An envelope of our own making about the image of a place, good but for what is said. */
export function forge(place: Place, format: Format, options: Partial<SigningOptions> = {}): Buffer {
  const { signers, image } = place;
  const { chain, key } = signers.p256;
  const payload = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
  return signEnvelope({ kind: format, chain, key, payload, signingTime: inHours(-1), ...options });
}

/** The same, attached to the image. */
export async function attachForged(place: Place, format: Format, options: Partial<SigningOptions> = {}): Promise<void> {
  await attach(place, envelopeIn(format, forge(place, format, options)));
}

/** A manifest that is in order, around bytes that are no envelope. */
export const garbage = (text = 'no envelope'): Manifest => envelopeIn('jws', Buffer.from(text));

/** A signer below the bench's authority whose certificate is made otherwise. */
export function signerBelowAcme(place: Place, options: Parameters<typeof leafOf>[1] = {}): Signer {
  return place.signer([leafOf(place.acme, options), place.acme]);
}

/**
 * An envelope of our own making by a chain, its first certificate the signer's.
 * @returns the question about it, under the bench's root or the stores that are given
 */
export async function byChain(
  place: Place,
  chain: readonly [Issued, ...Issued[]],
  stores?: Question['stores'],
): Promise<Question> {
  const [leaf] = chain;
  await attachForged(place, 'jws', { chain: chain.map(({ der }) => der), key: leaf.keys.privateKey });
  return stores === undefined ? {} : { stores };
}

/** A leaf below an intermediate, which is made otherwise. */
export const below =
  (options: CertificateOptions) =>
  (place: Place): Promise<Question> => {
    const middle = issueIntermediate(place.acme, 'middle', options);
    return byChain(place, [leafOf(middle), middle, place.acme]);
  };
