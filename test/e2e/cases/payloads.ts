import { signedLayer } from '../../../src/cli/demo/signer.ts';
import { hexOf } from '../../../src/image/digest.ts';
import type { Verdict } from '../judges.ts';
import { type Bench, type Case, layersCase } from './case.ts';

/** JSON texts of the parts of a payload; what is not given is as cosign writes it. */
type Parts = {
  readonly reference?: string;
  readonly digest?: string;
  readonly type?: string;
  readonly identity?: string;
  readonly image?: string;
  readonly critical?: string;
  readonly optional?: string;
  readonly top?: string;
};

const DETAILS = 'details of JSON in the `optional` part of a payload';

/** Each is signed with the right key, so that only what it says can matter. */
const PAYLOADS: readonly (readonly [string, Verdict, (bench: Bench) => string | Uint8Array, differs?: string])[] = [
  ['as cosign writes it', 'runs', (bench) => payload(bench, {})],
  // optional
  ['optional is an empty object', 'runs', optional('{}')],
  ['optional is missing', 'refused', (bench) => payload(bench, { top: `"critical":${critical(bench, {})}` })],
  ['optional is a string', 'refused', optional('"x"')],
  ['optional is a list', 'refused', optional('[]')],
  ['optional is a number', 'refused', optional('1')],
  ['optional is false', 'refused', optional('false')],
  ['creator and timestamp', 'runs', optional('{"creator":"us","timestamp":1700000000}')],
  ['creator is a number', 'refused', optional('{"creator":1}')],
  ['creator is null', 'runs', optional('{"creator":null}')],
  ['timestamp is null', 'runs', optional('{"timestamp":null}')],
  ['timestamp is a fraction', 'refused', optional('{"timestamp":1.5}')],
  ['timestamp is written with an exponent', 'runs', optional('{"timestamp":1e3}')],
  ['timestamp is a fraction of zero', 'runs', optional('{"timestamp":1.0}')],
  ['timestamp is a string', 'refused', optional('{"timestamp":"1700000000"}')],
  ['timestamp is negative', 'runs', optional('{"timestamp":-1}')],
  ['timestamp is larger than an integer can be', 'refused', optional('{"timestamp":1e300}')],
  ['timestamp is just larger than an integer can be', 'refused', optional('{"timestamp":9223372036854775808}')],
  ['timestamp is the least integer', 'runs', optional('{"timestamp":-9223372036854775808}')],
  ['members of optional that nobody knows', 'runs', optional('{"team":"a","nested":{"b":[1,null,true]}}')],
  ['Creator in upper case is a member that nobody knows', 'runs', optional('{"Creator":1}')],
  ['a duplicate in optional', 'refused', optional('{"a":1,"a":1}')],
  ['a duplicate below optional', 'runs', optional('{"a":{"b":1,"b":2}}'), DETAILS],
  ['creator twice', 'refused', optional('{"creator":"a","creator":"a"}')],
  ['a number in optional that no double holds', 'refused', optional('{"a":1e999}')],
  // critical
  ['another member beside critical', 'refused', (bench) => payload(bench, { top: `${top(bench)},"more":1` })],
  ['a member of critical that nobody knows', 'refused', inCritical(',"more":1')],
  ['critical is missing', 'refused', () => '{"optional":null}'],
  ['critical is null', 'refused', (bench) => payload(bench, { critical: 'null' })],
  ['critical is a list', 'refused', (bench) => payload(bench, { critical: '[]' })],
  ['critical twice', 'refused', (bench) => payload(bench, { top: `"critical":${critical(bench, {})},${top(bench)}` })],
  ['Critical in upper case', 'refused', (bench) => payload(bench, {}).replace('critical', 'Critical')],
  [
    'optional before critical',
    'runs',
    (bench) => payload(bench, { top: `"optional":null,"critical":${critical(bench, {})}` }),
  ],
  ['an escaped member name', 'runs', (bench) => payload(bench, {}).replace('critical', '\\u0063ritical')],
  [
    'a duplicate hidden by an escape',
    'refused',
    (bench) => payload(bench, { top: `${top(bench)},"\\u006fptional":null` }),
  ],
  [
    'type is of containers/image itself',
    'refused',
    (bench) => payload(bench, { type: '"atomic container signature"' }),
  ],
  ['type is made up', 'refused', (bench) => payload(bench, { type: '"signature"' })],
  ['type is null', 'refused', (bench) => payload(bench, { type: 'null' })],
  ['type is empty', 'refused', (bench) => payload(bench, { type: '""' })],
  [
    'type is missing',
    'refused',
    (bench) => payload(bench, {}).replace(',"type":"cosign container image signature"', ''),
  ],
  ['type ends with a space', 'refused', (bench) => payload(bench, { type: '"cosign container image signature "' })],
  ['type in another case', 'refused', (bench) => payload(bench, { type: '"Cosign container image signature"' })],
  [
    'identity has another member',
    'refused',
    (bench) => payload(bench, { identity: `{"docker-reference":"${bench.repository}","more":1}` }),
  ],
  ['identity is empty', 'refused', (bench) => payload(bench, { identity: '{}' })],
  ['identity is null', 'refused', (bench) => payload(bench, { identity: 'null' })],
  ['reference is a number', 'refused', (bench) => payload(bench, { reference: '1' })],
  ['reference is null', 'refused', (bench) => payload(bench, { reference: 'null' })],
  ['reference is a list', 'refused', (bench) => payload(bench, { reference: `["${bench.repository}"]` })],
  [
    'reference twice',
    'refused',
    (bench) =>
      payload(bench, {
        identity: `{"docker-reference":"${bench.repository}","docker-reference":"${bench.repository}"}`,
      }),
  ],
  ['reference ends with a line', 'refused', (bench) => payload(bench, { reference: `"${bench.repository}\\n"` })],
  [
    'reference with an escaped slash',
    'runs',
    (bench) => payload(bench, { reference: `"${bench.repository.replaceAll('/', '\\/')}"` }),
  ],
  [
    'image has another member',
    'refused',
    (bench) => payload(bench, { image: `{"docker-manifest-digest":"${bench.image.digest}","more":1}` }),
  ],
  ['image is empty', 'refused', (bench) => payload(bench, { image: '{}' })],
  // digest
  ['digest is of another image', 'refused', (bench) => payload(bench, { digest: `"sha256:${'0'.repeat(64)}"` })],
  [
    'digest is in upper case',
    'refused',
    (bench) => payload(bench, { digest: `"sha256:${hexOf(bench.image.digest).toUpperCase()}"` }),
  ],
  ['digest without its algorithm', 'refused', (bench) => payload(bench, { digest: `"${hexOf(bench.image.digest)}"` })],
  ['digest is cut off', 'refused', (bench) => payload(bench, { digest: `"${bench.image.digest.slice(0, -1)}"` })],
  ['digest ends with a space', 'refused', (bench) => payload(bench, { digest: `"${bench.image.digest} "` })],
  ['digest is empty', 'refused', (bench) => payload(bench, { digest: '""' })],
  ['digest is null', 'refused', (bench) => payload(bench, { digest: 'null' })],
  // JSON itself
  ['not JSON', 'refused', () => 'hello'],
  ['nothing at all', 'refused', () => ''],
  ['a list', 'refused', (bench) => `[${payload(bench, {})}]`],
  ['null', 'refused', () => 'null'],
  ['white space around', 'runs', (bench) => ` \n${payload(bench, {})}\r\n\t `],
  ['a second value behind', 'refused', (bench) => `${payload(bench, {})}{}`],
  ['a zero byte behind', 'refused', (bench) => `${payload(bench, {})}\0`],
  ['a byte order mark', 'refused', (bench) => `\uFEFF${payload(bench, {})}`],
  ['UTF-16', 'refused', (bench) => Buffer.from(payload(bench, {}), 'utf16le')],
  ['a comment', 'refused', (bench) => `${payload(bench, {})}// signed`],
  ['a comma too many', 'refused', (bench) => payload(bench, { top: `${top(bench)},` })],
  ['single quotes', 'refused', (bench) => payload(bench, {}).replaceAll('"', "'")],
  ['the end is missing', 'refused', (bench) => payload(bench, {}).slice(0, -1)],
  [
    'bytes in optional that are no UTF-8',
    'runs',
    (bench) => Buffer.from(payload(bench, { optional: '{"a":"\xFF"}' }), 'latin1'),
    DETAILS,
  ],
  ['half a surrogate in optional', 'runs', optional('{"a":"\\ud800"}'), DETAILS],
  ['a control character in a string of optional', 'refused', optional('{"a":"\u0001"}')],
  ['a leading zero in optional', 'refused', optional('{"a":01}')],
  ['optional is deep', 'runs', optional(`{"a":${'['.repeat(30)}${']'.repeat(30)}}`)],
  ['optional is deeper than sense', 'runs', optional(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`), DETAILS],
  ['optional is far too deep', 'refused', optional(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)],
  ['optional holds __proto__', 'runs', optional('{"__proto__":{"creator":1}}')],
  ['critical holds __proto__', 'refused', inCritical(',"__proto__":{}')],
];

/** What a signed payload may say. */
export const PAYLOAD_CASES: readonly Case[] = PAYLOADS.map(([title, verdict, text, differs]) =>
  layersCase(
    `payload: ${title}`,
    verdict,
    (bench) => [signedLayer(bench.key, Buffer.from(text(bench) as Uint8Array))],
    differs,
  ),
);

function payload(bench: Bench, parts: Parts): string {
  return `{${parts.top ?? `"critical":${parts.critical ?? critical(bench, parts)},"optional":${parts.optional ?? 'null'}`}}`;
}

function critical(bench: Bench, parts: Parts): string {
  const identity = parts.identity ?? `{"docker-reference":${parts.reference ?? `"${bench.repository}"`}}`;
  const image = parts.image ?? `{"docker-manifest-digest":${parts.digest ?? `"${bench.image.digest}"`}}`;
  return `{"identity":${identity},"image":${image},"type":${parts.type ?? '"cosign container image signature"'}}`;
}

function top(bench: Bench): string {
  return payload(bench, {}).slice(1, -1);
}

function optional(json: string): (bench: Bench) => string {
  return (bench) => payload(bench, { optional: json });
}

function inCritical(more: string): (bench: Bench) => string {
  return (bench) => payload(bench, { critical: `${critical(bench, {}).slice(0, -1)}${more}}` });
}
