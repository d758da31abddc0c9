import type { RefusalCode } from '../../codes/codes.ts';
import {
  BY_CERTIFICATE,
  type Proof,
  type Reservation,
  type RevocableChain,
  type WitnessedTime,
} from '../../model/finding.ts';
import { validityProblem } from '../../trust/notation/timestamp/time-window.ts';
import { readTimestampToken } from '../../trust/notation/timestamp/token.ts';
import { verifyTimestamp } from '../../trust/notation/timestamp/verify.ts';
import type { NotationMaterial } from '../../trust/proof-material.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import type { Envelope } from './envelope.ts';

/** When a signature holds, and what is reported of that and not enforced. */
export type Times = Pick<
  Extract<Proof, { kind: 'proved' }>,
  'times' | 'timedBy' | 'notBefore' | 'notAfter' | 'reservations' | 'revocable'
>;

/** From when to when something holds, both ends included; milliseconds. */
type Holds = { readonly from: number | 'always'; readonly to: number | 'forever' };

const ALWAYS: Holds = { from: 'always', to: 'forever' };

/**
 * When a signature holds: until its expiry, and as long as its certificates are valid, unless somebody whom the policy
 * trusts says when it was made, and they were valid then.
 * @returns TIMESTAMP_INVALID, TIME_UNPROVEN, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, where that is enforced
 * @see reference/notation-ratify.md §1.10
 */
export async function timesOf(envelope: Envelope, material: NotationMaterial): Promise<Verified<Times>> {
  const isEnforced = material.levels.authenticTimestamp === 'enforce';
  const valid = validityOf(envelope.chain);
  const witnessed = await witnessedTime(envelope, material);
  if (witnessed.kind === 'none') return verified(withExpiry(envelope, material, unwitnessed(valid, isEnforced)));
  // A timestamp that is asked for only once a certificate has expired is not missed before.
  const isForLater = material.verifyTimestamp === 'afterCertExpiry' && envelope.scheme.name === 'notary.x509';
  if (witnessed.kind === 'witnessed') {
    const { by, at, revocable } = witnessed;
    const from = isForLater ? valid.to + 1 : 'always';
    const found: Found = {
      ...NOTHING_FOUND,
      holds: isForLater ? { from: valid.from, to: 'forever' } : ALWAYS,
      times: [{ at, by }],
      revocable: revocable.map((chain) => ({ ...chain, from })),
    };
    return verified(withExpiry(envelope, material, isEnforced ? found : reportedOnly(found)));
  }
  if (isForLater) return verified(withExpiry(envelope, material, unwitnessed(valid, isEnforced)));
  if (isEnforced) return refused('time', witnessed.code, witnessed.message);
  const reservation: Reservation = { message: witnessed.message, holds: 'always' };
  return verified(withExpiry(envelope, material, { ...NOTHING_FOUND, reservations: [reservation] }));
}

/** What is known of the time, before the signature's own expiry. */
type Found = {
  readonly holds: Holds;
  readonly times: readonly WitnessedTime[];
  readonly reservations: readonly Reservation[];
  readonly revocable: readonly RevocableChain[];
};

const NOTHING_FOUND: Found = { holds: ALWAYS, times: [], reservations: [], revocable: [] };

/** Nobody says when it was made, so that every certificate must be valid at the moment. */
function unwitnessed(valid: Holds, isEnforced: boolean): Found {
  const found: Found = { ...NOTHING_FOUND, holds: valid };
  return isEnforced ? found : reportedOnly(found);
}

/** The same where none of it refuses. */
function reportedOnly({ holds: { from, to }, ...found }: Found): Found {
  const reservations: Reservation[] = [...found.reservations];
  if (from !== 'always')
    reservations.push({ message: `a certificate is valid from ${dateOf(from)}`, holds: { before: from } });
  if (to !== 'forever')
    reservations.push({ message: `a certificate expired at ${dateOf(to)}`, holds: { from: to + 1 } });
  return { ...found, holds: ALWAYS, reservations };
}

/** Adds the moment from which the signature by itself counts no more. */
function withExpiry({ expiry }: Envelope, { levels }: NotationMaterial, found: Found): Times {
  const { holds, times, reservations, revocable } = found;
  const common = { times, reservations, revocable, notBefore: holds.from, notAfter: holds.to };
  const byCertificate = { ...common, timedBy: BY_CERTIFICATE };
  if (expiry === undefined) return byCertificate;
  if (levels.expiry === 'log') {
    const expired: Reservation = { message: `the signature expired at ${dateOf(expiry)}`, holds: { from: expiry } };
    return { ...byCertificate, reservations: [...reservations, expired] };
  }
  // It fails from that moment on, and is good until the one before.
  if (holds.to !== 'forever' && holds.to < expiry) return byCertificate;
  return { ...common, notAfter: expiry - 1, timedBy: { from: 'certificate', until: 'signature' } };
}

type Witnessed =
  /** Nobody is asked when it was made. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'witnessed';
      readonly by: string;
      readonly at: number;
      readonly revocable: readonly Omit<RevocableChain, 'from'>[];
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

async function witnessedTime(envelope: Envelope, material: NotationMaterial): Promise<Witnessed> {
  const { scheme, chain } = envelope;
  if (scheme.name === 'notary.x509.signingAuthority') {
    const at = scheme.authenticSigningTime;
    const untimely = validityProblem({ from: at, to: at }, chain);
    if (untimely !== undefined) return { kind: 'refused', ...untimely };
    return { kind: 'witnessed', by: 'the signing authority', at, revocable: [] };
  }
  if (material.timestampAuthorities.length === 0) return { kind: 'none' };
  if (envelope.timestampToken === undefined) {
    const message = 'the signature carries no timestamp, and the policy asks for one';
    return { kind: 'refused', code: 'TIME_UNPROVEN', message };
  }
  const token = readTimestampToken(envelope.timestampToken);
  if (!token.ok) return { kind: 'refused', code: token.code, message: token.message };
  const stamped = await verifyTimestamp(token.value, envelope.signature, material.timestampAuthorities, material.edges);
  if (!stamped.ok) return { kind: 'refused', code: stamped.code, message: stamped.message };
  const { window, chain: authority } = stamped.value;
  const untimely = validityProblem(window, chain);
  if (untimely !== undefined) return { kind: 'refused', ...untimely };
  const certificates = authority.certificates.map(({ der }) => Uint8Array.from(der));
  return {
    kind: 'witnessed',
    by: 'a timestamp authority',
    at: window.to,
    revocable: [{ of: 'timestamp', certificates, signedAt: undefined }],
  };
}

/** The time at which every certificate of a chain is valid. */
function validityOf(chain: readonly Certificate[]): Holds & { readonly to: number } {
  return {
    from: Math.max(...chain.map(({ notBefore }) => notBefore)),
    to: Math.min(...chain.map(({ notAfter }) => notAfter)),
  };
}

function dateOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : 'no time at all';
}
