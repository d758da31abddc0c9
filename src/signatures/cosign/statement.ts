import {
  asArray,
  asObject,
  asStringMap,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';

/** One subject of a statement. */
export type StatementSubject = {
  /** Hexadecimal sha256 of the subject, where it has one. */
  readonly sha256: string | undefined;
  readonly annotations: JsonObject;
};

/** An in-toto statement, as far as signing an image goes. */
export type Statement = {
  readonly predicateType: string;
  readonly subjects: readonly StatementSubject[];
};

const STATEMENT_TYPES = new Set(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']);

/**
 * Reads an in-toto Statement v0.1 or v1. The predicate may be missing: cosign 3.0.0 to 3.0.4 wrote none.
 * @param bytes attacker-controlled until its signature was verified, and not much better after
 */
export function parseStatement(bytes: Uint8Array): Verified<Statement> {
  if (countOf(bytes, OPENING_BRACE) > MAXIMUM_OBJECTS || countOf(bytes, BACKSLASH) > MAXIMUM_ESCAPES)
    return refused('payload', 'LIMIT_EXCEEDED', 'the statement holds more objects or escapes than are read');
  const json = parseStrictJson(bytes);
  if (!json.ok) return malformed(json.failure.message);
  const object = asObject(json.value);
  if (object === undefined) return malformed('it is not an object');
  if (!STATEMENT_TYPES.has(stringAt(object, '_type') ?? '')) return malformed('it is not an in-toto statement');
  const predicateType = stringAt(object, 'predicateType');
  if (predicateType === undefined) return malformed('it has no predicate type');

  const list = asArray(object['subject']) ?? [];
  const subjects: StatementSubject[] = [];
  for (const entry of list) {
    const subject = parseSubject(entry);
    if (subject === undefined) return malformed('one of its subjects has no digests');
    subjects.push(subject);
  }
  if (subjects.length === 0) return malformed('it has no subject');
  return verified({ predicateType, subjects });
}

/**
 * Objects, and escapes in texts, are what makes a statement slow to read: 2 MiB of nothing else would hold up all other
 * decisions for a tenth of a second. A bill of materials of that size has some 20 000 objects.
 */
const MAXIMUM_OBJECTS = 65_536;
const MAXIMUM_ESCAPES = 262_144;

const OPENING_BRACE = 0x7b;
const BACKSLASH = 0x5c;

function countOf(bytes: Uint8Array, wanted: number): number {
  let count = 0;
  // Over the bytes by their numbers: by an iterator it takes ten times as long.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === wanted) count++;
  return count;
}

function parseSubject(value: JsonValue): StatementSubject | undefined {
  const object = asObject(value);
  const digests = asStringMap(object?.['digest']);
  if (object === undefined || digests === undefined) return undefined;
  return { sha256: digests['sha256'], annotations: asObject(object['annotations']) ?? {} };
}

function malformed(why: string) {
  return refused('payload', 'PAYLOAD_MALFORMED', `the signed statement is malformed: ${why}`);
}
