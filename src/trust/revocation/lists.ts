import { printable } from '../../encoding/escape.ts';
import { type Certificate, isSignedBy } from '../x509/certificate.ts';
import { sameBytes } from '../x509/der.ts';
import { KEY_USAGE } from '../x509/extensions.ts';
import { type RevocationList, readRevocationList } from './crl.ts';
import { type CrlEntries, type CrlEntry, readCrlEntries } from './crl-entries.ts';
import { ALL_REASONS, coveredReasons } from './crl-scope.ts';
import { createFacts, type SignedFact } from './facts.ts';
import type { AuthorityClient } from './fetch.ts';
import { type Read, unreadable } from './read.ts';
import { type DistributionPoint, type RevocationSources, readDistributionPoints } from './sources.ts';
import {
  type AskContext,
  CLOCK_SKEW_MS,
  type OnRevocationRequest,
  type RevocationLimits,
  type RevocationStatus,
  unknown,
  untilRevoked,
} from './status.ts';

/** Looks certificates up in the lists that authorities publish, and keeps the lists. */
export type Lists = {
  /** @param signedAt when the signature was made, if that is known beyond doubt; milliseconds */
  readonly status: (
    certificate: Certificate,
    issuer: Certificate,
    sources: RevocationSources,
    signedAt: number | undefined,
    context: AskContext,
  ) => Promise<RevocationStatus>;
};

/** A complete list with the changes to it, both verified. */
type KeptList = SignedFact & {
  readonly scope: Uint8Array | undefined;
  readonly complete: CrlEntries;
  readonly changes: CrlEntries | undefined;
};

type Verified = { readonly list: RevocationList; readonly entries: CrlEntries; readonly until: number };

const CERTIFICATE_HOLD = 6;
const REMOVE_FROM_LIST = 8;

/**
 * Makes what looks certificates up in lists.
 *
 * Row 6 of §1.14: every list that the certificate names must be had and say nothing, as notation has it; the specification
 * is content with the first. One that says "revoked" is enough, whatever became of the others.
 * @see reference/notation-ratify.md §1.11; RFC 5280 §6.3.3
 */
export function createLists(client: AuthorityClient, clock: () => number, limits: RevocationLimits): Lists {
  const facts = createFacts<KeptList>({ entries: 1_024, bytes: limits.keptCrlBytes }, clock);

  async function fetchList(
    url: string,
    issuer: Certificate,
    onRequest: OnRevocationRequest | undefined,
  ): Promise<Read<Verified & { readonly bytes: number }>> {
    const body = await client.get(url, 'crl', onRequest);
    if (!body.ok) return body;
    const read = readRevocationList(body.value);
    if (!read.ok) return read;
    const verified = await verify(read.value, issuer, clock());
    return verified.ok ? { ok: true, value: { ...verified.value, bytes: body.value.length } } : verified;
  }

  async function load(
    url: string,
    issuer: Certificate,
    onRequest: OnRevocationRequest | undefined,
  ): Promise<Read<KeptList>> {
    const read = await fetchList(url, issuer, onRequest);
    if (!read.ok) return read;
    const { list, entries, until, bytes } = read.value;
    // It is signed by the same key and holds next to nothing, so whoever stands in the way would love to hand it out.
    if (list.changesSince !== undefined) return unreadable('the list holds changes to another one only');
    const { thisUpdate: issuedAt } = list;
    // A view would keep all of the answer in memory.
    const scope = list.scope === undefined ? undefined : new Uint8Array(list.scope);
    const complete = { issuedAt, scope, complete: entries };
    if (list.freshest === undefined) return { ok: true, value: { ...complete, changes: undefined, until, bytes } };

    const urls = readDistributionPoints(list.freshest)?.flatMap((point) => point.urls) ?? [];
    let problem = 'the list does not say legibly where the changes to it are';
    for (const place of urls) {
      const fetched = await fetchList(place, issuer, onRequest);
      const changes = fetched.ok ? changesTo(list, fetched.value) : fetched;
      if (changes.ok) {
        const { value } = changes;
        return {
          ok: true,
          value: {
            ...complete,
            changes: value.entries,
            until: Math.min(until, value.until),
            bytes: bytes + value.bytes,
          },
        };
      }
      problem = `the changes to it at ${printable(place)}: ${changes.message}`;
    }
    return unreadable(problem);
  }

  async function ask(
    certificate: Certificate,
    issuer: Certificate,
    point: DistributionPoint,
    url: string,
    sources: RevocationSources,
    signedAt: number | undefined,
    context: AskContext,
  ): Promise<Said> {
    const key = JSON.stringify([issuer.fingerprint, url]);
    const at = `list ${printable(url)}`;
    const read = await facts.get(key, context, (onRequest) => load(url, issuer, onRequest));
    if (!read.ok) return unknown(`${at}: ${read.message}`);
    const { scope, complete, changes } = read.value;
    if (sources.namesFreshest && changes === undefined)
      return unknown(`${at}: the certificate says where changes to it are, and the list does not`);
    const reasons = coveredReasons(scope, point, certificate);
    if (!reasons.ok) return unknown(`${at}: ${reasons.message}`);
    const status = judgeEntries(complete.about(certificate.serial), changes?.about(certificate.serial) ?? [], signedAt);
    if (status === 'good') return { kind: 'good', reasons: reasons.value };
    if (status === 'contradictory') return unknown(`${at}: it takes back a revocation, as only changes may`);
    const when = new Date(status.revokedAt).toISOString();
    return { kind: 'revoked', message: `was revoked on ${when}, says the ${at}` };
  }

  return {
    async status(certificate, issuer, sources, signedAt, context) {
      const places = (sources.points ?? []).flatMap((point) => point.urls.map((url) => ({ point, url })));
      if (places.length === 0) return unknown('its CRL distribution points name no URL');
      const said = await untilRevoked(
        places.map(({ point, url }) => ask(certificate, issuer, point, url, sources, signedAt, context)),
      );
      const revoked = said.find(({ kind }) => kind === 'revoked');
      if (revoked !== undefined) return revoked;
      const covered = new Set<number>();
      for (const answer of said) {
        if (answer.kind !== 'good') return answer;
        for (const reason of answer.reasons) covered.add(reason);
      }
      return ALL_REASONS.every((reason) => covered.has(reason))
        ? { kind: 'good' }
        : unknown('its lists are not about all reasons for which it may be revoked');
    },
  };
}

type Said =
  | { readonly kind: 'good'; readonly reasons: readonly number[] }
  | Exclude<RevocationStatus, { readonly kind: 'good' }>;

/** Everything that costs nothing first, then the signature, then the entries. */
async function verify(list: RevocationList, issuer: Certificate, now: number): Promise<Read<Verified>> {
  const { keyUsage, isAuthority } = issuer.extensions;
  if (!sameBytes(list.issuer, issuer.subject)) return unreadable('the list is from another authority');
  if (!isAuthority || keyUsage?.has(KEY_USAGE.cRLSign) === false)
    return unreadable('the issuer of the certificate may not sign lists');
  if (list.thisUpdate > now + CLOCK_SKEW_MS) return unreadable('the list is from the future');
  if (list.nextUpdate === undefined) return unreadable('the list does not say until when it holds');
  if (list.nextUpdate < now) return unreadable('the list has expired');
  if (!(await isSignedBy(list, issuer))) return unreadable('the signature of the list is wrong');
  const entries = await readCrlEntries(list.entries);
  if (entries === undefined) return unreadable('the list has entries that are not understood');
  return { ok: true, value: { list, entries, until: list.nextUpdate } };
}

/** Whether a list holds the changes to another one (RFC 5280 §5.2.4 and §6.3.3 (c)). */
function changesTo<T extends Verified>(complete: RevocationList, changes: T): Read<T> {
  const { number, changesSince, scope } = changes.list;
  if (changesSince === undefined) return unreadable('they do not say what they are changes to');
  if (number === undefined || complete.number === undefined || number <= complete.number)
    return unreadable('they are not newer than the list itself');
  if (changesSince > complete.number) return unreadable('they are changes to a newer list');
  if (!sameBytes(scope ?? NONE, complete.scope ?? NONE)) return unreadable('they are not about the same certificates');
  return { ok: true, value: changes };
}

const NONE = new Uint8Array();

/**
 * What the entries about one certificate come to, as notation reads them: whatever is final stays; of holding and
 * releasing the latest counts, and holding where both are of the same moment. An entry that says since when the key is not
 * to be trusted says nothing of a signature that was made before.
 */
function judgeEntries(
  complete: readonly CrlEntry[],
  changes: readonly CrlEntry[],
  signedAt: number | undefined,
): 'good' | 'contradictory' | CrlEntry {
  if (complete.some(({ reason }) => reason === REMOVE_FROM_LIST)) return 'contradictory';
  const counting = [...complete, ...changes].filter(
    ({ invalidSince }) => signedAt === undefined || invalidSince === undefined || signedAt >= invalidSince,
  );
  const final = counting.find(({ reason }) => reason !== CERTIFICATE_HOLD && reason !== REMOVE_FROM_LIST);
  if (final !== undefined) return final;
  const latest = Math.max(...counting.map(({ revokedAt }) => revokedAt));
  return counting.find(({ reason, revokedAt }) => reason === CERTIFICATE_HOLD && revokedAt === latest) ?? 'good';
}
