import { type Issued, newKeys } from '../../fixtures/certificates.ts';
import { spkiOf } from '../../fixtures/sigstore/keys.ts';
import type { Entry, Form, Signing } from '../../fixtures/sigstore/signatures.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import { type Asks, type ByForm, type Case, each, FOREIGN, leaf } from './case.ts';
import { ABOUT_2, BUNDLES, ELSE, flip, foreignLog, impostor } from './logging.ts';

/** A bare key in the place of a certificate: what logs record of a signer is then the key. */
type Key = Issued;

const KEY = bare();
const OTHER = bare();
const BEYOND = 'timestamps, SCTs and entries of known logs beyond those asked for';
const ABSENT = 'a layer without timestamp under `--use-signed-timestamps`';
type Extra = Partial<Case> & { readonly forms?: readonly Form[]; readonly key?: Key };

function bare(keys: Key['keys'] = newKeys()): Key {
  const pem = keys.publicKey.export({ format: 'pem', type: 'spki' });
  return { keys, der: spkiOf(keys.publicKey), pem, subject: '' };
}

/** Cases of signatures with a key, which are asked about with that key unless it is another one that counts. */
function keyed(title: string, cosign: ByForm, signing: Signing | ((form: Form) => Signing) = {}, extra: Extra = {}) {
  const { key = KEY, asks, ...rest } = extra;
  const ask: Asks = { key: key.pem, ...asks };
  const signs = (form: Form) => withKey(form, typeof signing === 'function' ? signing(form) : signing);
  return each(`a key: ${title}`, cosign, (_, form) => signs(form), { ...rest, asks: ask });
}

/** The same with one entry, which is as the case says. */
const logged = (title: string, cosign: ByForm, entry: (form: Form) => Entry, extra: Extra = {}) =>
  keyed(title, cosign, (form) => ({ entries: [entry(form)] }), extra);

/** Writes a key where the signer's certificate would stand. */
function withKey(form: Form, { leaf: signer = KEY, entries = [{}], timestamps = [], ...signing }: Signing): Signing {
  return {
    leaf: signer,
    timestamps,
    entries: entries.map((entry) => ({ ...entry, body: (body) => recordOf(form, body, entry) })),
    ...signing,
    finish: form === 'layer' ? withoutCertificate : withHint,
  };
}

/** Rekor v2 tells keys and certificates apart; version 1 takes the PEM of either. */
function recordOf(form: Form, body: Json, entry: Entry): Json {
  if (form === 'tiles' && entry.of?.leaf?.subject !== 'somebody') {
    const { verifier } = body.spec.hashedRekordV002.signature;
    const { keyDetails, x509Certificate } = verifier;
    body.spec.hashedRekordV002.signature.verifier = { keyDetails, publicKey: x509Certificate };
  }
  return entry.body?.(body) ?? body;
}

function withoutCertificate(annotations: Json): void {
  delete annotations['dev.sigstore.cosign/certificate'];
  delete annotations['dev.sigstore.cosign/chain'];
}

function withHint(bundle: Json): void {
  const { certificate, ...material } = bundle.verificationMaterial;
  bundle.verificationMaterial = { ...material, publicKey: { hint: certificate.rawBytes.slice(-16) } };
}

/** Signatures with a key under policies that ask for the log as well (GHSA-whqx-f9j3-ch6m). */
export const KEY_CASES: readonly Case[] = [
  ...keyed('and an entry', 'runs'),
  ...keyed('another one', 'refused', {}, { key: OTHER }),
  ...keyed('that did not sign', 'refused', { signer: OTHER.keys }),
  ...keyed('no entry', 'refused', { entries: [] }),
  ...keyed('no entry, and none asked for', 'runs', { entries: [] }, { asks: { log: 'ignored' } }),
  ...keyed('another one, and no entry asked for', 'refused', { entries: [] }, { key: OTHER, asks: { log: 'ignored' } }),
  ...logged('an entry of another one', 'refused', () => ({ of: { leaf: OTHER } })),
  ...logged('an entry of a certificate for it', 'refused', () => ({ of: { leaf: leaf({ keys: KEY.keys }) } })),
  ...logged('an entry of another artifact', 'refused', () => ELSE, { forms: ['layer'] }),
  ...logged('an entry of another artifact', 'refused', () => ELSE, { forms: BUNDLES, ...ABOUT_2 }),
  ...logged('an entry of another signature', 'refused', () => ({
    of: { signature: Buffer.from('3006020101020101', 'hex') },
  })),
  ...logged('a log that nobody trusts', 'refused', (form) => ({ log: foreignLog(form) })),
  ...logged('a log that says it is ours', 'refused', (form) => ({ log: impostor(form) })),
  ...logged(
    'a proof with a changed step',
    'refused',
    () => ({ change: ({ inclusionProof }) => (inclusionProof.hashes[1] = flip(inclusionProof.hashes[1])) }),
    { forms: BUNDLES },
  ),
  ...keyed('a timestamp', 'runs', { timestamps: [{}] }, { asks: { time: 'authorities' } }),
  ...keyed(
    'no timestamp',
    { layer: 'runs', bundle: 'refused', tiles: 'refused' },
    {},
    {
      asks: { time: 'authorities' },
      here: 'refused',
      differs: ABSENT,
    },
  ),
  ...keyed(
    'a timestamp and no entry',
    'runs',
    { entries: [], timestamps: [{}] },
    {
      asks: { time: 'authorities', log: 'ignored' },
    },
  ),
  ...keyed(
    'a timestamp over something else',
    'refused',
    { timestamps: [{ over: Buffer.from('x') }] },
    {
      asks: { time: 'authorities' },
    },
  ),
  ...keyed(
    'a timestamp by nobody, and none asked for',
    'runs',
    { timestamps: [{ authority: FOREIGN.tsa }] },
    {
      here: 'refused',
      differs: BEYOND,
    },
  ),
  ...keyed(
    'the trusted root without authorities',
    'runs',
    {},
    {
      root: (json) => {
        json.certificateAuthorities = [];
        json.ctlogs = [];
      },
    },
  ),
];
