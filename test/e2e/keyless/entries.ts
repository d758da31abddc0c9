import { createHash } from 'node:crypto';
import { signStatement } from '../../../src/cli/demo/signer.ts';
import type { Issued } from '../../fixtures/certificates.ts';
import { MINUTE, YEAR } from '../../fixtures/sigstore/instance.ts';
import { type KeyKind, keysOf } from '../../fixtures/sigstore/keys.ts';
import type { Form } from '../../fixtures/sigstore/signatures.ts';
import { encoded, hashedRekord1, type Json } from '../../signatures/sigstore/instance.ts';
import { type ByForm, type Case, each, FOREIGN, leaf, one, SIGSTORE, type Target } from './case.ts';
import { ABOUT_2, BUNDLES, ELSE, flip, foreignLog, impostor, logged, spaced } from './logging.ts';

const { at } = SIGSTORE;
const PROMISES: readonly Form[] = ['layer', 'bundle'];
const ANNOTATED =
  'members that nobody knows or that stand twice, or a log number in capitals, in the annotation of a log entry';
type Extra = Partial<Case> & { readonly forms?: readonly Form[] };

const recorded = (title: string, cosign: ByForm, body: (body: Json) => Json, extra: Extra = {}) =>
  logged(title, cosign, () => ({ body }), extra);
const annotation = (title: string, cosign: Case['cosign'], change: (json: Json) => void, extra: Extra = {}): Case =>
  written(
    title,
    cosign,
    (text) => {
      const json = JSON.parse(text);
      change(json);
      return JSON.stringify(json);
    },
    extra,
  );

function written(title: string, cosign: Case['cosign'], change: (text: string) => string, extra: Extra = {}): Case {
  const key = 'dev.sigstore.cosign/bundle';
  return one('layer', title, cosign, { finish: (json) => (json[key] = change(json[key])) }, extra);
}

const tlogs = (change: (log: Json) => void) => (json: Json) => json.tlogs.forEach(change);
const validFor = (start: number, end: number) =>
  tlogs((log) => (log.publicKey.validFor = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }));
const HASH_OF_KEY = 'the hash within the kind of key that a record of Rekor v2 names';
const TWICE = { here: 'refused', differs: ANNOTATED } as const;

/** What Rekor says in either version. */
export const ENTRY_CASES: readonly Case[] = [
  ...each('no entry', 'refused', { entries: [] }),
  ...logged('a log that nobody trusts', 'refused', (form) => ({ log: foreignLog(form) })),
  ...logged('a log that says it is ours', 'refused', (form) => ({ log: impostor(form) })),
  one('layer', 'an entry of another artifact', 'refused', { entries: [ELSE] }),
  ...logged('an entry of another artifact', 'refused', () => ELSE, { forms: BUNDLES, ...ABOUT_2 }),
  ...logged('an entry of another signature', 'refused', () => ({
    of: { signature: Buffer.from('3006020101020101', 'hex') },
  })),
  ...logged('an entry of another certificate', 'refused', () => ({ of: { leaf: leaf() } })),
  ...each('an entry of another certificate of the same key', 'refused', () => {
    const keys = keysOf('P-256');
    return { leaf: leaf({ keys }), entries: [{ of: { leaf: leaf({ keys }) } }] };
  }),
  ...logged('an entry after the certificate', 'refused', () => ({ at: at + 6 * MINUTE }), { forms: PROMISES }),
  ...logged('an entry before the certificate', 'refused', () => ({ at: at - 6 * MINUTE }), { forms: PROMISES }),
  ...logged('a log that is trusted from later on', 'refused', () => ({}), {
    forms: PROMISES,
    root: validFor(at + MINUTE, at + YEAR),
  }),
  ...logged('a log that was trusted until before', 'refused', () => ({}), {
    forms: PROMISES,
    root: validFor(at - YEAR, at - MINUTE),
  }),
  ...logged('a log that is trusted until later', 'runs', () => ({}), { root: validFor(at - YEAR, at + MINUTE) }),
  ...logged('no log in the trusted root', 'refused', () => ({}), { root: (json) => (json.tlogs = []) }),

  ...recorded('a record of an unknown kind', 'refused', (body) => ({ ...body, kind: 'rfc3161' }), { forms: PROMISES }),
  ...recorded('a record of an unknown kind', 'refused', (body) => ({ ...body, kind: 'rfc3161' }), {
    forms: ['tiles'],
    ...ABOUT_2,
  }),
  ...recorded('a record of an unknown version', 'refused', (body) => ({ ...body, apiVersion: '0.0.9' }), {
    forms: PROMISES,
  }),
  ...recorded('a record of an unknown version', 'refused', (body) => ({ ...body, apiVersion: '0.0.9' }), {
    forms: ['tiles'],
    ...ABOUT_2,
  }),
  ...recorded('a record of nothing', 'refused', ({ kind, apiVersion }) => ({ kind, apiVersion })),
  ...recorded('a record with a member more', 'runs', (body) => ({ ...body, more: 1 }), { forms: PROMISES }),
  one('bundle', 'a record of kind intoto', 'runs', (target) => {
    const signer = leaf();
    return { leaf: signer, entries: [{ body: ({ spec }) => intoto(target, spec, signer) }] };
  }),
  one(
    'bundle',
    "a record of the envelope's encoding",
    'refused',
    (target) => {
      const signer = leaf();
      const signed = encoded(signStatement(target.digest));
      return {
        leaf: signer,
        entries: [
          {
            body: ({ spec }) => hashedRekord1(signed, Buffer.from(spec.signatures[0].signature, 'base64'), signer.pem),
          },
        ],
      };
    },
    ABOUT_2,
  ),
  one('layer', 'a record of the bare key', 'refused', () => {
    const signer = leaf();
    const pem = signer.keys.publicKey.export({ type: 'spki', format: 'pem' });
    return { leaf: signer, entries: [{ of: { leaf: { ...signer, pem } } }] };
  }),
  one('layer', 'a record with a hash of SHA-512', 'refused', {
    entries: [
      {
        body: (body) => {
          body.spec.data.hash.algorithm = 'sha512';
          return body;
        },
      },
    ],
  }),
  one('layer', 'a record with its hash in capitals', 'refused', {
    entries: [
      {
        body: (body) => {
          body.spec.data.hash.value = body.spec.data.hash.value.toUpperCase();
          return body;
        },
      },
    ],
  }),
  one('bundle', 'a record of the bare key', 'refused', () => {
    const signer = leaf();
    const pem = signer.keys.publicKey.export({ type: 'spki', format: 'pem' });
    return { leaf: signer, entries: [{ of: { leaf: { ...signer, pem } } }] };
  }),
  ofKind('a record of another kind of key', 'refused', 'P-256', 'PKIX_ECDSA_P384_SHA_384', ABOUT_2),
  ofKind('a record of a key of another size', 'refused', 'RSA-4096', 'PKIX_RSA_PKCS1V15_2048_SHA256', ABOUT_2),
  ofKind('a record of no kind of key', 'refused', 'P-256', undefined, ABOUT_2),
  ofKind('a record of a key that says another hash', 'refused', 'P-384', 'PKIX_ECDSA_P384_SHA_256', {
    cosign2: 'runs',
    here: 'runs',
    differs: HASH_OF_KEY,
  }),
  one(
    'tiles',
    'a record with another hash',
    'refused',
    {
      entries: [
        {
          body: (body) => {
            body.spec.hashedRekordV002.data.algorithm = 'SHA2_384';
            return body;
          },
        },
      ],
    },
    ABOUT_2,
  ),

  annotation(
    'a promise that was changed',
    'refused',
    (json) => (json.SignedEntryTimestamp = flip(json.SignedEntryTimestamp)),
  ),
  annotation('a promise that is empty', 'refused', (json) => (json.SignedEntryTimestamp = '')),
  annotation('no promise', 'refused', (json) => delete json.SignedEntryTimestamp),
  annotation('a promise that is no base64', 'refused', (json) => (json.SignedEntryTimestamp = '!')),
  annotation('a promise of another time', 'refused', (json) => (json.Payload.integratedTime += 1)),
  annotation('a promise of no time', 'refused', (json) => (json.Payload.integratedTime = 0)),
  annotation('a promise of a time before any', 'refused', (json) => (json.Payload.integratedTime = -1)),
  annotation('a promise of half a second', 'refused', (json) => (json.Payload.integratedTime += 0.5)),
  annotation(
    'a time that is text',
    'refused',
    (json) => (json.Payload.integratedTime = String(json.Payload.integratedTime)),
  ),
  annotation('a promise of another index', 'refused', (json) => (json.Payload.logIndex += 1)),
  annotation(
    "a promise with another log's number",
    'refused',
    (json) => (json.Payload.logID = FOREIGN.rekor.id.toString('hex')),
  ),
  annotation(
    'a log number in capitals',
    'runs',
    (json) => (json.Payload.logID = json.Payload.logID.toUpperCase()),
    TWICE,
  ),
  annotation('another body', 'refused', (json) => (json.Payload.body = Buffer.from('{}').toString('base64'))),
  annotation('the body with a space', 'refused', (json) => {
    json.Payload.body = spaced(json.Payload.body);
  }),
  annotation('no body', 'refused', (json) => delete json.Payload.body),
  annotation('no payload', 'refused', (json) => delete json.Payload),
  annotation('a member more', 'runs', (json) => (json.more = 1), TWICE),
  annotation('a member more in the payload', 'runs', (json) => (json.Payload.more = 1), TWICE),
  written('spaces', 'runs', (text) => JSON.stringify(JSON.parse(text), null, 2)),
  written(
    'a time written twice',
    'runs',
    (text) => text.replace('"integratedTime"', '"integratedTime":1,"integratedTime"'),
    TWICE,
  ),
  written('no JSON', 'refused', () => 'hello'),
  written('an empty object', 'refused', () => '{}'),
];

/** A record of Rekor v2 that names a kind of key. */
function ofKind(
  title: string,
  cosign: Case['cosign'],
  keys: KeyKind,
  keyDetails: string | undefined,
  extra: Extra,
): Case {
  const body = (made: Json) => {
    made.spec.hashedRekordV002.signature.verifier.keyDetails = keyDetails;
    return made;
  };
  return one('tiles', title, cosign, () => ({ leaf: leaf({ keys: keysOf(keys) }), entries: [{ body }] }), extra);
}

/** What Rekor v1 wrote of an envelope before it had records of kind dsse: base64 within base64. */
function intoto({ digest }: Target, dsse: Json, { pem }: Issued): Json {
  const twice = (text: string) => Buffer.from(text).toString('base64');
  const [{ signature }] = dsse.signatures;
  const payload = createHash('sha256').update(signStatement(digest)).digest('hex');
  const envelope = {
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ publicKey: twice(pem), sig: twice(signature) }],
  };
  const hash = { algorithm: 'sha256', value: payload };
  return { apiVersion: '0.0.2', kind: 'intoto', spec: { content: { envelope, hash, payloadHash: hash } } };
}
