import { setImmediate } from 'node:timers/promises';
import { element } from '../../encoding/der-writer.ts';
import {
  contentOf,
  type DerElement,
  elementAt,
  isInteger,
  sameBytes,
  smallInteger,
  TAG,
  timeValue,
} from '../x509/der.ts';
import { partsOf, readExtensionList } from './read.ts';

/** The entries of a list, as they were signed; the bytes are the index. */
export type CrlEntries = {
  /** All entries about one serial number, in their order. */
  readonly about: (serial: Uint8Array) => readonly CrlEntry[];
};

/** One revoked certificate; times are milliseconds since the epoch. */
export type CrlEntry = {
  readonly revokedAt: number;
  /** The number of the reason (RFC 5280 §5.3.1); 0 where none is given. */
  readonly reason: number;
  /** Since when the key is not to be trusted. */
  readonly invalidSince: number | undefined;
};

const REASON = '2.5.29.21';
const INVALIDITY_DATE = '2.5.29.24';
const ENUMERATED = 0x0a;

/** Entries between two places from which one can begin to read; four bytes each are all that an index costs. */
const SPACING = 256;

/** Entries that are read at a stretch: about a millisecond. A list may have hundreds of thousands. */
const STRETCH = 512;

/**
 * Reads the entries of a list once, so that what is looked up later is known to be well formed. The list's signature must
 * have been verified: this costs time in proportion.
 * @param content of the SEQUENCE of revoked certificates
 * @returns undefined where an entry cannot be read or has a critical extension that is not understood (RFC 5280 §5.3)
 */
export async function readCrlEntries(content: Uint8Array): Promise<CrlEntries | undefined> {
  const marks: number[] = [];
  // A copy of its own, so that the rest of the answer is let go of.
  const bytes = Buffer.from(Uint8Array.from(content).buffer);
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    if (count > 0 && count % STRETCH === 0) await setImmediate();
    const entry = elementAt(bytes, at);
    if (entry === undefined || readEntry(entry) === undefined) return undefined;
    if (count % SPACING === 0) marks.push(at);
    at += entry.bytes.length;
  }
  const index = Uint32Array.from(marks);

  return {
    about(serial) {
      const found: CrlEntry[] = [];
      // Every entry begins with its serial number in its one DER form, so what these bytes are not in is not there.
      const wanted = element(TAG.integer, serial);
      for (let at = bytes.indexOf(wanted); at >= 0; ) {
        // The same bytes may stand within an entry: only reading from a known beginning tells.
        const nth = index.findLastIndex((mark) => mark <= at);
        const end = index[nth + 1] ?? bytes.length;
        found.push(...entriesWithin(bytes.subarray(index[nth] ?? 0, end), serial));
        at = bytes.indexOf(wanted, end);
      }
      return found;
    },
  };
}

function entriesWithin(run: Uint8Array, serial: Uint8Array): readonly CrlEntry[] {
  const found: CrlEntry[] = [];
  for (let at = 0; at < run.length; ) {
    const entry = elementAt(run, at);
    if (entry === undefined) break;
    at += entry.bytes.length;
    const read = readEntry(entry);
    if (read !== undefined && sameBytes(read.serial, serial)) found.push(read.entry);
  }
  return found;
}

function readEntry(element_: DerElement): { readonly serial: Uint8Array; readonly entry: CrlEntry } | undefined {
  const [serial, time, list, ...rest] = partsOf(element_) ?? [];
  const revokedAt = time === undefined ? undefined : timeValue(time);
  if (serial?.tag !== TAG.integer || !isInteger(serial.content) || revokedAt === undefined || rest.length > 0)
    return undefined;
  if (list === undefined) return { serial: serial.content, entry: { revokedAt, reason: 0, invalidSince: undefined } };

  const extensions = readExtensionList(list.bytes);
  if (extensions === undefined) return undefined;
  const isUnderstood = [...extensions].every(
    ([oid, { critical }]) => !critical || oid === REASON || oid === INVALIDITY_DATE,
  );
  const reason = readReason(extensions.get(REASON)?.value);
  const invalidSince = readDate(extensions.get(INVALIDITY_DATE)?.value);
  if (!isUnderstood || reason === undefined || invalidSince === 'unreadable') return undefined;
  return { serial: serial.content, entry: { revokedAt, reason, invalidSince } };
}

function readReason(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return 0;
  const code = contentOf(value, ENUMERATED);
  return code === undefined ? undefined : smallInteger(code);
}

function readDate(value: Uint8Array | undefined): number | 'unreadable' | undefined {
  if (value === undefined) return undefined;
  const time = elementAt(value, 0);
  if (time?.tag !== TAG.generalizedTime || time.bytes.length !== value.length) return 'unreadable';
  return timeValue(time) ?? 'unreadable';
}
