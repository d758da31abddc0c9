/** One class and no alternatives that overlap: linear in the length of the text, which is bounded by it. */
const FORM =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;

const MINUTE = 60_000;

/**
 * Reads a date and time as RFC 3339 §5.6 writes it, in capitals, with `Z` or an offset. What is finer than a millisecond is
 * cut off, which moves an expiry earlier and never later.
 * @param text attacker-controlled
 * @returns milliseconds since the epoch; undefined where it is none, also for the 31st of June and for leap seconds, as in Go
 */
export function parseRfc3339(text: string): number | undefined {
  const [, whole, fraction = '', sign, hours = '00', minutes = '00'] = FORM.exec(text) ?? [];
  if (whole === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const utc = `${whole}.${fraction.slice(1, 4).padEnd(3, '0')}Z`;
  const at = Date.parse(utc);
  // Date.parse carries the 31st of June over into July, and 24:00 into the next day; neither was meant.
  if (Number.isNaN(at) || new Date(at).toISOString() !== utc) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE;
  return sign === '-' ? at + offset : at - offset;
}

/** Seconds since the epoch, as CBOR's tag 1 holds them, in milliseconds; undefined beyond what a date can be. */
export function epochTime(seconds: bigint): number | undefined {
  return seconds >= -LAST_SECOND && seconds <= LAST_SECOND ? Number(seconds) * 1000 : undefined;
}

/** ECMAScript's dates end here, in the year 275760. */
const LAST_SECOND = 8_640_000_000_000n;
