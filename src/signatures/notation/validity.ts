import type { Proof, Reservation, WitnessedTime } from '../../model/finding.ts';
import type { NotationMaterial } from '../../trust/proof-material.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import type { Envelope } from './envelope.ts';

/** When a signature holds, and what is reported of that and not enforced. */
export type Times = Pick<
  Extract<Proof, { kind: 'proved' }>,
  'times' | 'timedBy' | 'notBefore' | 'notAfter' | 'reservations'
>;

/** A span of time, both ends included; milliseconds. */
type Span = { readonly from: number; readonly to: number };

/**
 * When a signature holds: until its expiry, and as long as its certificates are valid, unless somebody whom the policy
 * trusts says when it was made, and they were valid then.
 * @returns TIMESTAMP_INVALID, TIME_UNPROVEN, where that is enforced
 * @see reference/notation-ratify.md §1.10
 */
export async function timesOf(envelope: Envelope, material: NotationMaterial): Promise<Verified<Times>> {
  const { levels } = material;
  const witnessed = await witnessedTime(envelope, material);
  const isEnforced = levels.authenticTimestamp === 'enforce';
  const reservations: Reservation[] = [];
  const valid = validityOf(envelope.chain);
  let holds: { from: number | 'always'; to: number | 'forever' } = { from: 'always', to: 'forever' };
  let times: readonly WitnessedTime[] = [];
  if (witnessed.kind === 'none') holds = { from: valid.from, to: valid.to };
  else if (witnessed.kind === 'refused') {
    // Where a timestamp is asked for only once a certificate has expired, it is not missed before that.
    const isNeededLater = material.verifyTimestamp === 'afterCertExpiry' && envelope.scheme.name === 'notary.x509';
    if (isNeededLater) holds = { from: valid.from, to: valid.to };
    else if (isEnforced) return refused('time', witnessed.code, witnessed.message);
    else reservations.push({ message: witnessed.message, holds: 'always' });
  } else {
    const { by, span } = witnessed;
    times = [{ at: span.from, by }];
    if (span.from < valid.from || span.to > valid.to) {
      const message = `the signature was made at ${dateOf(span.from)} as ${by} says, when not all of its certificates were valid`;
      if (isEnforced) return refused('time', 'TIMESTAMP_INVALID', message);
      reservations.push({ message, holds: 'always' });
    }
    if (material.verifyTimestamp === 'afterCertExpiry' && envelope.scheme.name === 'notary.x509')
      holds = { from: valid.from, to: 'forever' };
  }

  if (!isEnforced) {
    if (holds.from !== 'always')
      reservations.push({
        message: `a certificate is valid from ${dateOf(holds.from)}`,
        holds: { before: holds.from },
      });
    if (holds.to !== 'forever')
      reservations.push({ message: `a certificate expired at ${dateOf(holds.to)}`, holds: { from: holds.to + 1 } });
    holds = { from: 'always', to: 'forever' };
  }
  return verified({ times, ...withExpiry(envelope, holds, material, reservations) });
}

/** Adds the moment from which the signature by itself counts no more. */
function withExpiry(
  { expiry }: Envelope,
  holds: { readonly from: number | 'always'; readonly to: number | 'forever' },
  { levels }: NotationMaterial,
  reservations: readonly Reservation[],
): Omit<Times, 'times'> {
  const common = { notBefore: holds.from, notAfter: holds.to, reservations };
  const byCertificate = { from: 'certificate', until: 'certificate' } as const;
  if (expiry === undefined) return { ...common, timedBy: byCertificate };
  if (levels.expiry === 'log') {
    const message = `the signature expired at ${dateOf(expiry)}`;
    return { ...common, reservations: [...reservations, { message, holds: { from: expiry } }], timedBy: byCertificate };
  }
  // It fails from that moment on, and is good until the one before.
  const isFirst = holds.to === 'forever' || expiry - 1 < holds.to;
  return isFirst
    ? { ...common, notAfter: expiry - 1, timedBy: { from: 'certificate', until: 'signature' } }
    : { ...common, timedBy: byCertificate };
}

type Witnessed =
  /** Nobody is asked when it was made. */
  | { readonly kind: 'none' }
  | { readonly kind: 'witnessed'; readonly by: string; readonly span: Span }
  | { readonly kind: 'refused'; readonly code: 'TIMESTAMP_INVALID' | 'TIME_UNPROVEN'; readonly message: string };

async function witnessedTime(envelope: Envelope, material: NotationMaterial): Promise<Witnessed> {
  const { scheme } = envelope;
  if (scheme.name === 'notary.x509.signingAuthority') {
    const at = scheme.authenticSigningTime;
    return { kind: 'witnessed', by: 'the signing authority', span: { from: at, to: at } };
  }
  if (material.timestampAuthorities.length === 0) return { kind: 'none' };
  if (envelope.timestampToken === undefined)
    return {
      kind: 'refused',
      code: 'TIME_UNPROVEN',
      message: 'the signature carries no timestamp, and the policy asks for one',
    };
  return {
    kind: 'refused',
    code: 'TIMESTAMP_INVALID',
    message: 'this version does not verify timestamps of notation signatures',
  };
}

/** The time at which every certificate of a chain is valid. */
function validityOf(chain: readonly Certificate[]): Span {
  return {
    from: Math.max(...chain.map(({ notBefore }) => notBefore)),
    to: Math.min(...chain.map(({ notAfter }) => notAfter)),
  };
}

function dateOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : 'no time at all';
}
