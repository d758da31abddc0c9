import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { createCertificateAuthority, issueServerCertificate } from '../encoding/certificate-writer.ts';
import type { Maker } from './serving-roll-over.ts';
import { readAuthority, readLeaf, signingAuthority } from './serving-state.ts';

/** How long what is made holds, and how long a roll-over waits, in milliseconds. */
export type Lifetimes = {
  readonly authorityMs: number;
  readonly leafMs: number;
  readonly settleMs: number;
  /** How much earlier than now a life begins, for clocks that differ. It is part of the life. */
  readonly backdateMs: number;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * A leaf of 90 days, renewed after 60; an authority of a year, replaced after 243 days: what is left of it then is more
 * than a leaf's whole life. An hour is more than any watch can be behind unnoticed.
 */
export const LIFETIMES: Lifetimes = {
  authorityMs: 365 * DAY_MS,
  leafMs: 90 * DAY_MS,
  settleMs: HOUR_MS,
  backdateMs: HOUR_MS,
};

/** Makes authorities, leaves for these names and addresses, and segments that nobody guesses. */
export function createMaker(names: readonly string[], lifetimes: Lifetimes): Maker {
  const lifeFrom = (now: number, milliseconds: number, end = Number.POSITIVE_INFINITY) => {
    const begin = now - lifetimes.backdateMs;
    return { notBefore: new Date(begin), notAfter: new Date(Math.min(begin + milliseconds, end)) };
  };
  return {
    authority: (now) => {
      const made = createCertificateAuthority({
        // One name for each, so that whoever reads a bundle can tell them apart.
        commonName: `countersign CA ${randomBytes(6).toString('hex')}`,
        ...lifeFrom(now, lifetimes.authorityMs),
      });
      const key = made.privateKey.export({ type: 'pkcs8', format: 'pem' });
      return read(readAuthority(made.certificatePem, key));
    },
    leaf: (authority, now) => {
      const { certificatePem, privateKeyPem } = issueServerCertificate(signingAuthority(authority), {
        dnsNames: names.filter((name) => isIP(name) === 0),
        ipAddresses: names.filter((name) => isIP(name) !== 0),
        // A leaf that outlives its authority would seem to hold when it does not.
        ...lifeFrom(now, lifetimes.leafMs, authority.notAfter),
      });
      return read(readLeaf(certificatePem, privateKeyPem, [authority]));
    },
    caller: () => randomBytes(24).toString('hex'),
  };
}

function read<T>(made: T | undefined): T {
  if (made === undefined) throw new Error('what was made cannot be read: a defect of countersign');
  return made;
}
