import {
  asArray,
  asObject,
  asStringMap,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import type { ParsedPayload } from './payload.ts';

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
export function parseStatement(bytes: Uint8Array): ParsedPayload<Statement> {
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
  return { ok: true, value: { predicateType, subjects } };
}

function parseSubject(value: JsonValue): StatementSubject | undefined {
  const object = asObject(value);
  const digests = asStringMap(object?.['digest']);
  if (object === undefined || digests === undefined) return undefined;
  return { sha256: digests['sha256'], annotations: asObject(object['annotations']) ?? {} };
}

function malformed(why: string): { readonly ok: false; readonly code: 'PAYLOAD_MALFORMED'; readonly message: string } {
  return { ok: false, code: 'PAYLOAD_MALFORMED', message: `the signed statement is malformed: ${why}` };
}
