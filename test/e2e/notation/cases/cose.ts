import * as cbor from '../../../fixtures/notation/cbor-writer.ts';
import type { CoseChanges } from '../../../fixtures/notation/signer.ts';
import { attach, envelopeIn } from '../attach.ts';
import { admitted, type Case, type Place, refused, stricter } from '../case.ts';
import { attachForged, forge, sign } from '../sign.ts';
import { inHours } from '../signers.ts';

const changed = (cose: CoseChanges) => async (place: Place) => {
  await attachForged(place, 'cose', { cose });
  return {};
};
const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const EXPIRY = 'io.cncf.notary.expiry';
const ALGORITHM = cbor.integer(1);
const CRITICAL = cbor.integer(2);
const CONTENT_TYPE = cbor.integer(3);
const CHAIN = cbor.integer(33);

type Pairs = readonly cbor.Pair[];
const isLabel =
  (label: Buffer) =>
  ([own]: cbor.Pair) =>
    own.equals(label);
const without = (label: Buffer) => (pairs: Pairs) => pairs.filter((pair) => !isLabel(label)(pair));
const setTo =
  (label: Buffer, value: Buffer) =>
  (pairs: Pairs): Pairs => [...without(label)(pairs), [label, value]];
const signed = (change: (pairs: Pairs) => Pairs | Buffer) => changed({ protected: change });
const beside = (change: (pairs: Pairs) => Pairs | Buffer) => changed({ unprotected: change });
const texts = (...names: readonly string[]) => cbor.array(...names.map(cbor.text));
const minutes = (count: number) => cbor.integer(Math.floor(inHours(0) / 1000) + 60 * count);

/** Bytes around a good message, or instead of it. */
const rewritten = (change: (good: Buffer) => Buffer) => async (place: Place) => {
  await attach(place, envelopeIn('cose', change(forge(place, 'cose'))));
  return {};
};

/** What is wrong with a COSE message, signed by a trusted key all the same (notation-ratify.md §1.5, §4.6). */
export const COSE_CASES: readonly Case[] = [
  admitted('a message of our own making [notation-ratify 23]', changed({})),
  refused(
    'no tag [notation-ratify 24]',
    /invalid COSE_Sign1_Tagged object/,
    'SIGNATURE_MALFORMED',
    changed({ message: (message) => message }),
  ),
  refused(
    'the tag of messages by several [notation-ratify 25]',
    /invalid COSE_Sign1_Tagged object/,
    'SIGNATURE_MALFORMED',
    changed({ message: (message) => cbor.tag(98, message) }),
  ),
  refused(
    'a time without a tag [notation-ratify 26]',
    /invalid signingTime/,
    'SIGNATURE_MALFORMED',
    signed(setTo(cbor.text(TIME), minutes(-1))),
  ),
  refused(
    'a time as a text [notation-ratify 26]',
    /only Tag `1` Datetime/,
    'SIGNATURE_MALFORMED',
    signed(setTo(cbor.text(TIME), cbor.tag(0, cbor.text('2026-06-01T12:00:00Z')))),
  ),
  refused(
    'no time of signing',
    /io.cncf.notary.signingTime.{1,3} is missing/,
    'SIGNATURE_MALFORMED',
    signed(without(cbor.text(TIME))),
  ),
  refused(
    'a label that stands twice [notation-ratify 27]',
    /duplicate map key/,
    'SIGNATURE_MALFORMED',
    signed((pairs) => [...pairs, [ALGORITHM, cbor.integer(-7)]]),
  ),
  refused(
    'a label that stands twice beside what is signed [notation-ratify 27]',
    /duplicate map key/,
    'SIGNATURE_MALFORMED',
    beside((pairs) => [...pairs, [cbor.text('a'), cbor.integer(1)], [cbor.text('a'), cbor.integer(1)]]),
  ),
  refused(
    'a map without a length [notation-ratify 28]',
    /indefinite-length map/,
    'SIGNATURE_MALFORMED',
    beside((pairs) => Buffer.concat([Buffer.from([0xbf]), ...pairs.flat(), Buffer.from([0xff])])),
  ),
  refused(
    'a byte behind the message [notation-ratify 29]',
    /extraneous data/,
    'SIGNATURE_MALFORMED',
    rewritten((good) => Buffer.concat([good, Buffer.from([0])])),
  ),
  refused(
    'a message that ends early',
    /unexpected EOF/,
    'SIGNATURE_MALFORMED',
    rewritten((good) => good.subarray(0, -1)),
  ),
  refused(
    'one certificate that is no list [notation-ratify 30]',
    /certificate chain is not present/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      const [leaf = Buffer.alloc(0)] = place.signers.p256.chain;
      await attachForged(place, 'cose', { cose: { unprotected: setTo(CHAIN, cbor.bytes(leaf)) } });
      return {};
    },
  ),
  refused('no certificates', /certificate chain is not present/, 'SIGNATURE_MALFORMED', beside(without(CHAIN))),
  refused(
    'the chain of certificates in the signed header',
    /certificate chain is not present/,
    'SIGNATURE_MALFORMED',
    async (place) => {
      const chain = cbor.array(...place.signers.p256.chain.map((der) => cbor.bytes(der)));
      await attachForged(place, 'cose', { cose: { protected: setTo(CHAIN, chain), unprotected: without(CHAIN) } });
      return {};
    },
  ),
  refused(
    'what is critical, beside what is signed [notation-ratify 31]',
    /crit: not allowed/,
    'SIGNATURE_MALFORMED',
    beside((pairs) => [...pairs, [CRITICAL, texts(SCHEME)]]),
  ),
  refused(
    'a payload that is elsewhere [notation-ratify 32]',
    /missing payload/,
    'SIGNATURE_MALFORMED',
    changed({ payload: () => cbor.NULL }),
  ),
  refused(
    'an algorithm for another kind of key [notation-ratify 33]',
    /algorithm mismatch/,
    'ALGORITHM_UNSUPPORTED',
    async (place) => {
      const { chain, key } = place.signers.rsa2048;
      await attachForged(place, 'cose', { chain, key, headerAlgorithm: -7 });
      return {};
    },
  ),
  refused(
    'an algorithm that notation has not',
    /algorithm mismatch/,
    'ALGORITHM_UNSUPPORTED',
    signed(setTo(ALGORITHM, cbor.integer(-8))),
  ),
  refused(
    'an algorithm as a text',
    /signature is invalid/,
    'SIGNATURE_MALFORMED',
    signed(setTo(ALGORITHM, cbor.text('ES256'))),
  ),
  refused('no algorithm', /algorithm not found/, 'SIGNATURE_MALFORMED', signed(without(ALGORITHM))),
  refused('a salt of another length than the hash', /verification error/, 'SIGNATURE_CORRUPT', async (place) => {
    const { chain, key } = place.signers.rsa2048;
    await attachForged(place, 'cose', { chain, key, saltLength: 20 });
    return {};
  }),
  refused(
    'arrays in arrays, a thousand of them [notation-ratify 34]',
    /invalid COSE_Sign1_Tagged/,
    'LIMIT_EXCEEDED',
    rewritten(() => Buffer.concat([Buffer.from([0xd2]), Buffer.alloc(1000, 0x81)])),
  ),
  refused(
    'a text that says it is 32 MiB long [notation-ratify 34]',
    /unexpected EOF/,
    'SIGNATURE_MALFORMED',
    rewritten(() => Buffer.from('d2845a02000000', 'hex')),
  ),
  refused('no list of what is critical', /crit/, 'SIGNATURE_MALFORMED', signed(without(CRITICAL))),
  refused('an empty list of what is critical', /crit/, 'SIGNATURE_MALFORMED', signed(setTo(CRITICAL, cbor.array()))),
  refused(
    'something absent among what is critical',
    /crit/,
    'SIGNATURE_MALFORMED',
    signed(setTo(CRITICAL, texts(SCHEME, 'acme'))),
  ),
  refused(
    'an expiry that is not critical',
    /not marked as critical/,
    'SIGNATURE_MALFORMED',
    signed(setTo(cbor.text(EXPIRY), cbor.tag(1, minutes(60)))),
  ),
  refused(
    'an expiry that is a bare number',
    /invalid expiry/,
    'SIGNATURE_MALFORMED',
    signed((pairs) => setTo(cbor.text(EXPIRY), minutes(60))(setTo(CRITICAL, texts(SCHEME, EXPIRY))(pairs))),
  ),
  refused(
    'a scheme that nobody knows',
    /unsupported signingScheme/,
    'SIGNATURE_MALFORMED',
    signed(setTo(cbor.text(SCHEME), cbor.text('notary.x509.other'))),
  ),
  stricter(
    'a critical attribute that nobody knows',
    'CRITICAL_ATTRIBUTE_UNKNOWN',
    'critical attributes that nobody knows, in a signature without a plugin',
    async (place) => {
      await sign(place, { format: 'cose', critical: { 'com.example.review': 'passed' } });
      return {};
    },
  ),
  refused('a plugin that is not installed', /locating the verification plugin/, 'PLUGIN_REQUIRED', async (place) => {
    await sign(place, { format: 'cose', plugin: 'com.example.plugin' });
    return {};
  }),
  refused('another content type', /content type/, 'TYPE', signed(setTo(CONTENT_TYPE, cbor.text('application/json')))),
  refused(
    'a content type that is a number',
    /content type/,
    'PAYLOAD_TYPE_UNEXPECTED',
    signed(setTo(CONTENT_TYPE, cbor.integer(50))),
  ),
  refused('no content type', /content type/, 'PAYLOAD_TYPE_UNEXPECTED', signed(without(CONTENT_TYPE))),
  refused(
    'a payload that was changed',
    /verification error/,
    'SIGNATURE_CORRUPT',
    changed({ payload: (written) => Buffer.concat([written.subarray(0, -1), Buffer.from(' ')]) }),
  ),
];
