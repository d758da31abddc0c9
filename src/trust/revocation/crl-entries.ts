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
const STRETCH = 256;

/** Answers, and forms of extensions, that are remembered. */
const REMEMBERED = 64;

/**
 * Reads the entries of a list once, so that what is looked up later is known to be well formed. The list's signature must
 * have been verified: this costs time in proportion.
 * @param content of the SEQUENCE of revoked certificates
 * @returns undefined where an entry cannot be read or has a critical extension that is not understood (RFC 5280 §5.3)
 */
export async function readCrlEntries(content: Uint8Array): Promise<CrlEntries | undefined> {
  const marks: number[] = [];
  // A copy of its own, so that the rest of the answer is let go of.
  const bytes = Buffer.from(new Uint8Array(content).buffer);
  const known: KnownExtensions = new Map();
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    if (count > 0 && count % STRETCH === 0) await setImmediate();
    const entry = elementAt(bytes, at);
    if (entry === undefined || readEntry(entry, known) === undefined) return undefined;
    if (count % SPACING === 0) marks.push(at);
    at += entry.bytes.length;
  }
  const index = Uint32Array.from(marks);
  const answers = new Map<string, readonly CrlEntry[]>();

  function find(serial: Uint8Array): readonly CrlEntry[] {
    const found: CrlEntry[] = [];
    // Every entry begins with its serial number in its one DER form, so what these bytes are not in is not there.
    const wanted = element(TAG.integer, serial);
    for (let at = bytes.indexOf(wanted); at >= 0; ) {
      // The same bytes may stand within an entry: only reading from a known beginning tells.
      const nth = index.findLastIndex((mark) => mark <= at);
      const end = index[nth + 1] ?? bytes.length;
      found.push(...entriesWithin(bytes.subarray(index[nth] ?? 0, end), serial, known));
      at = bytes.indexOf(wanted, end);
    }
    return found;
  }

  return {
    about(serial) {
      // Searching eight megabytes takes milliseconds, and this is asked on every decision.
      const key = Buffer.from(serial).toString('latin1');
      const answer = answers.get(key) ?? find(serial);
      if (answers.size >= REMEMBERED) answers.clear();
      if (key.length <= MAXIMUM_SERIAL) answers.set(key, answer);
      return answer;
    },
  };
}

/** Octets of a serial number (RFC 5280 §4.1.2.2); a longer one is looked up all the same, and not remembered. */
const MAXIMUM_SERIAL = 20;

type EntryExtensions = Pick<CrlEntry, 'reason' | 'invalidSince'>;

/** Most entries of a list have the same few extensions; reading each costs more than all the rest. */
type KnownExtensions = Map<string, EntryExtensions>;

function entriesWithin(run: Uint8Array, serial: Uint8Array, known: KnownExtensions): readonly CrlEntry[] {
  const found: CrlEntry[] = [];
  for (let at = 0; at < run.length; ) {
    const entry = elementAt(run, at);
    if (entry === undefined) break;
    at += entry.bytes.length;
    const read = readEntry(entry, known);
    if (read !== undefined && sameBytes(read.serial, serial)) found.push(read.entry);
  }
  return found;
}

function readEntry(
  of: DerElement,
  known: KnownExtensions,
): { readonly serial: Uint8Array; readonly entry: CrlEntry } | undefined {
  const [serial, time, list, ...rest] = partsOf(of) ?? [];
  const revokedAt = time === undefined ? undefined : timeValue(time);
  if (serial?.tag !== TAG.integer || !isInteger(serial.content) || revokedAt === undefined || rest.length > 0)
    return undefined;
  const extensions = list === undefined ? NONE : entryExtensions(list.bytes, known);
  return extensions === undefined ? undefined : { serial: serial.content, entry: { revokedAt, ...extensions } };
}

const NONE: EntryExtensions = { reason: 0, invalidSince: undefined };

function entryExtensions(bytes: Uint8Array, known: KnownExtensions): EntryExtensions | undefined {
  const key = bytes.length > MAXIMUM_KEY ? undefined : Buffer.from(bytes).toString('latin1');
  const remembered = key === undefined ? undefined : known.get(key);
  if (remembered !== undefined) return remembered;

  const extensions = readExtensionList(bytes);
  if (extensions === undefined) return undefined;
  const isUnderstood = [...extensions].every(
    ([oid, { critical }]) => !critical || oid === REASON || oid === INVALIDITY_DATE,
  );
  const reason = readReason(extensions.get(REASON)?.value);
  const invalidSince = readDate(extensions.get(INVALIDITY_DATE)?.value);
  if (!isUnderstood || reason === undefined || invalidSince === 'unreadable') return undefined;
  const read = { reason, invalidSince };
  if (key !== undefined && known.size < REMEMBERED) known.set(key, read);
  return read;
}

/** Bytes of extensions that are remembered: a reason takes 14. */
const MAXIMUM_KEY = 64;

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
