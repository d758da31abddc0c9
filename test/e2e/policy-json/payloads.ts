import { hexOf } from '../../../src/image/digest.ts';
import { agreed, butHere, byTag, type Case, message, type Place, putSignatures, type Verdict } from './case.ts';

/** Texts of JSON of the parts; what is not given is as skopeo writes it. */
type Parts = {
  readonly digest?: string;
  readonly reference?: string;
  readonly type?: string;
  readonly image?: string;
  readonly identity?: string;
  readonly critical?: string;
  readonly optional?: string;
  readonly top?: string;
};

function text(place: Place, parts: Parts): string {
  const {
    digest = `"${place.image.digest}"`,
    reference = `"${place.repository}:1"`,
    type = '"atomic container signature"',
    image = `{"docker-manifest-digest":${digest}}`,
    identity = `{"docker-reference":${reference}}`,
    critical = `{"type":${type},"image":${image},"identity":${identity}}`,
    optional = '{}',
    top = `"critical":${critical},"optional":${optional}`,
  } = parts;
  return `{${top}}`;
}

type Edited = (place: Place) => string | Uint8Array;

const parts =
  (given: Parts): Edited =>
  (place) =>
    text(place, given);
const optional = (json: string): Edited => parts({ optional: json });
const edited =
  (edit: (whole: string, place: Place) => string | Uint8Array): Edited =>
  (place) =>
    edit(text(place, {}), place);
const replaced = (from: string, to: string): Edited => edited((whole) => whole.replace(from, to));

/** Each is signed by the right key, so that only what it says can matter. */
const PAYLOADS: readonly (readonly [string, Exclude<Verdict, 'unreadable'>, Edited, differs?: string])[] = [
  ['as skopeo writes it', 'runs', parts({})],
  // optional
  ['optional is null', 'refused', optional('null')],
  ['optional is missing', 'refused', replaced(',"optional":{}', '')],
  ['optional is a string', 'refused', optional('"x"')],
  ['optional is a list', 'refused', optional('[]')],
  ['creator and timestamp', 'runs', optional('{"creator":"us","timestamp":1700000000}')],
  ['creator is a number', 'refused', optional('{"creator":1}')],
  ['timestamp is null', 'runs', optional('{"timestamp":null}')],
  ['timestamp is a fraction', 'refused', optional('{"timestamp":1.5}')],
  ['timestamp with an exponent', 'runs', optional('{"timestamp":1e3}')],
  ['timestamp is a string', 'refused', optional('{"timestamp":"1"}')],
  ['members of optional that nobody knows', 'runs', optional('{"team":"a","nested":{"b":[1,null]}}')],
  ['a member of optional twice', 'refused', optional('{"team":"a","team":"a"}')],
  // critical
  ['a member more', 'refused', replaced('"optional":{}', '"optional":{},"more":1')],
  ['a member more in critical', 'refused', replaced('"critical":{', '"critical":{"more":1,')],
  ['a member more in image', 'refused', replaced('"image":{', '"image":{"more":1,')],
  ['a member more in identity', 'refused', replaced('"identity":{', '"identity":{"more":1,')],
  ['critical is missing', 'refused', parts({ top: '"optional":{}' })],
  ['critical is null', 'refused', parts({ critical: 'null' })],
  ['critical twice', 'refused', edited((whole) => whole.replace(/\{("critical":.*),"optional"/, '{$1,$1,"optional"'))],
  ['Critical in upper case', 'refused', replaced('critical', 'Critical')],
  ['the type of cosign', 'refused', parts({ type: '"cosign container image signature"' })],
  ['another type', 'refused', parts({ type: '"container signature"' })],
  ['no type', 'refused', replaced('"type":"atomic container signature",', '')],
  ['no identity', 'refused', edited((whole) => whole.replace(/,"identity":\{[^}]*\}/, ''))],
  ['no image', 'refused', edited((whole) => whole.replace(/"image":\{[^}]*\},/, ''))],
  // digest
  ['the digest of another image', 'refused', parts({ digest: `"sha256:${'0'.repeat(64)}"` })],
  [
    'the digest in upper case',
    'refused',
    edited((whole, { image }) => whole.replace(hexOf(image.digest), hexOf(image.digest).toUpperCase())),
  ],
  ['the digest without its algorithm', 'refused', replaced('"sha256:', '"')],
  ['a digest that is none', 'refused', parts({ digest: '"sha256"' })],
  ['a digest that is empty', 'refused', parts({ digest: '""' })],
  // reference
  ['a name that is none', 'refused', parts({ reference: '"UPPER CASE"' })],
  ['a name that is empty', 'refused', parts({ reference: '""' })],
  ['a name that is a number', 'refused', parts({ reference: '1' })],
  [
    'a name with a scheme',
    'refused',
    edited((whole, { repository }) => whole.replace(repository, `docker://${repository}`)),
  ],
  // the whole
  ['spaces before and behind', 'runs', edited((whole) => ` \n${whole}\n\n`)],
  ['spaces within', 'runs', edited((whole) => JSON.stringify(JSON.parse(whole), null, 2))],
  ['more behind it', 'refused', edited((whole) => `${whole}{}`)],
  ['a byte order mark', 'refused', edited((whole) => `\uFEFF${whole}`)],
  ['a list around it', 'refused', edited((whole) => `[${whole}]`)],
  ['null', 'refused', () => 'null'],
  ['no JSON', 'refused', () => 'This is not JSON\n'],
  ['empty', 'refused', () => ''],
  ['escapes in a key', 'runs', replaced('"critical"', '"\\u0063ritical"')],
  [
    'bytes that are no UTF-8 in a name',
    'refused',
    edited((whole) => Buffer.from(whole.replace('/acme/', '/acm\xff/'), 'latin1')),
  ],
  [
    'bytes that are no UTF-8 in optional',
    'runs',
    (place) => Buffer.from(text(place, { optional: '{"a":"\xff"}' }), 'latin1'),
    'details of JSON in the `optional` part of a payload',
  ],
  [
    'a member twice below optional',
    'runs',
    optional('{"a":{"b":1,"b":2}}'),
    'details of JSON in the `optional` part of a payload',
  ],
];

/** What a signature must say (openshift-containers.md §3.1). */
export const PAYLOAD_CASES: readonly Case[] = PAYLOADS.map(([title, verdict, made, differs]) => {
  const arrange: Case['arrange'] = async (place) => {
    putSignatures(place, await message(place, made(place), 'two'));
    return byTag(place, place.keys.two);
  };
  if (differs === undefined) return agreed(title, verdict, arrange);
  return butHere(verdict === 'runs' ? 'refused' : 'runs', differs, agreed(title, verdict, arrange));
});
