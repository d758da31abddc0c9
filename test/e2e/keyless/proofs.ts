import { MINUTE } from '../../fixtures/sigstore/instance.ts';
import { spkiOf } from '../../fixtures/sigstore/keys.ts';
import { witnessed } from '../../fixtures/sigstore/logs.ts';
import type { Entry, Form } from '../../fixtures/sigstore/signatures.ts';
import { checkpoint, type Json, newLog } from '../../signatures/sigstore/instance.ts';
import { type ByForm, type Case, each, FOREIGN, SIGSTORE } from './case.ts';
import { ABOUT_2, BUNDLES, ELSE, flip, foreignLog, impostor, logged, logOf, spaced } from './logging.ts';

const { at, rekor, tiles } = SIGSTORE;
const BEYOND = 'timestamps, SCTs and entries of known logs beyond those asked for';
const REPEATED = 'fields of a log entry that repeat others';
const ORIGIN = 'the origin of a checkpoint of Rekor v1, and the name under which the log signs';
const WITNESS = 'a checkpoint of Rekor v1 that somebody else signed as well';
type Extra = Partial<Case> & { readonly forms?: readonly Form[] };

const changed = (title: string, change: (json: Json) => void, extra: Extra = {}, cosign: ByForm = 'refused') =>
  logged(title, cosign, () => ({ change }), { forms: BUNDLES, ...extra });
const proof = (title: string, change: (json: Json) => void, cosign: ByForm = 'refused') =>
  changed(title, (json) => change(json.inclusionProof), { here: 'refused', differs: REPEATED }, cosign);
const spoilt = (json: Json) => {
  if (json.inclusionPromise !== undefined)
    json.inclusionPromise.signedEntryTimestamp = flip(json.inclusionPromise.signedEntryTimestamp);
};

const SAME = 'two entries of one log for one signature';
const MANY = 'more than 4 log entries, timestamps or certificates in one bundle';
const TIMED = 'a time in an entry of Rekor v2';
/** A second log of Rekor v1 that the trusted root knows. */
const SECOND = newLog(1, 'second.example.test');
const second = (json: Json) => {
  const [first] = json.tlogs;
  const publicKey = { ...first.publicKey, rawBytes: spkiOf(SECOND.keys.publicKey).toString('base64') };
  const logId = { keyId: SECOND.id.toString('base64') };
  json.tlogs.push({ ...first, baseUrl: `https://${SECOND.host}`, publicKey, logId });
};
const TILES_RUN = { bundle: 'refused', tiles: 'runs' } as const;
/** What the entries of a bundle say around the record: promise, proof, checkpoint, and each other. */
export const PROOF_CASES: readonly Case[] = [
  ...changed('a promise that was changed', spoilt, { forms: ['bundle'] }),
  ...changed('no promise', (json) => delete json.inclusionPromise, { forms: ['bundle'] }),
  ...changed('a promise of another time', (json) => (json.integratedTime = String(Number(json.integratedTime) + 1)), {
    forms: ['bundle'],
  }),
  ...changed('no time', (json) => delete json.integratedTime, { forms: ['bundle'] }),
  ...changed('another index', (json) => (json.logIndex = String(Number(json.logIndex) + 1)), { forms: ['bundle'] }),
  ...changed("another log's number", (json) => (json.logId.keyId = FOREIGN.rekor.id.toString('base64'))),
  ...changed('another body', (json) => (json.canonicalizedBody = Buffer.from('{}').toString('base64'))),
  ...changed(
    'the body with a space',
    (json) => {
      json.canonicalizedBody = spaced(json.canonicalizedBody);
    },
    { cosign2: 'refused', here: 'refused', differs: REPEATED },
    { bundle: 'refused', tiles: 'runs' },
  ),
  ...changed('no body', (json) => delete json.canonicalizedBody),
  ...changed(
    'a name of another kind',
    (json) => (json.kindVersion.kind = 'intoto'),
    { here: 'refused', differs: REPEATED },
    'runs',
  ),
  ...changed('no proof', (json) => delete json.inclusionProof),
  ...changed('no proof and no promise', (json) => {
    delete json.inclusionProof;
    delete json.inclusionPromise;
  }),
  ...changed('a time that no promise covers', (json) => (json.integratedTime = String(Math.floor(at / 1000))), {
    forms: ['tiles'],
    cosign2: 'runs',
    here: 'runs',
    differs: TIMED,
  }),

  ...proof('a proof with another root', (json) => (json.rootHash = flip(json.rootHash)), TILES_RUN),
  ...proof('a proof with a changed step', (json) => (json.hashes[1] = flip(json.hashes[1]))),
  ...proof('a proof with a step less', (json) => json.hashes.pop()),
  ...proof('a proof with a step more', (json) => json.hashes.push(json.hashes[0])),
  ...proof('a proof without steps', (json) => (json.hashes = [])),
  ...proof('a proof with its steps turned around', (json) => (json.hashes = json.hashes.toReversed())),
  ...proof('a proof of another index', (json) => (json.logIndex = '5'), TILES_RUN),
  ...proof('a proof of an index beyond the tree', (json) => (json.logIndex = '11'), TILES_RUN),
  ...proof('a proof of an index below zero', (json) => (json.logIndex = '-1'), TILES_RUN),
  ...proof('a proof in a larger tree', (json) => (json.treeSize = '12'), 'runs'),
  ...proof('a proof in a smaller tree', (json) => (json.treeSize = '10'), 'runs'),
  ...proof('a proof in a tree without leaves', (json) => (json.treeSize = '0'), TILES_RUN),
  ...proof('no checkpoint', (json) => delete json.checkpoint),
  ...proof('an empty checkpoint', (json) => (json.checkpoint.envelope = '')),
  ...proof(
    'a checkpoint that was changed',
    (json) => (json.checkpoint.envelope = json.checkpoint.envelope.replace('\n11\n', '\n12\n')),
  ),
  ...proof(
    'a checkpoint without signature',
    (json) => (json.checkpoint.envelope = json.checkpoint.envelope.split('\u2014')[0]),
  ),

  ...logged(
    'a checkpoint of another tree',
    'refused',
    (form) => ({ signed: (size) => checkpoint(logOf(form), size, Buffer.alloc(32)) }),
    { forms: BUNDLES },
  ),
  ...logged(
    'a checkpoint of another size',
    'runs',
    (form) => ({ signed: (size, root) => checkpoint(logOf(form), size + 1, root) }),
    { forms: BUNDLES, here: 'refused', differs: REPEATED },
  ),
  ...logged(
    'a checkpoint by another log',
    'refused',
    (form) => ({ signed: (size, root) => checkpoint(foreignLog(form), size, root) }),
    { forms: BUNDLES },
  ),
  ...logged(
    'a checkpoint by an impostor',
    'refused',
    (form) => ({ signed: (size, root) => checkpoint(impostor(form), size, root) }),
    { forms: BUNDLES },
  ),
  ...logged(
    'a checkpoint of another origin',
    { bundle: 'runs', tiles: 'refused' },
    (form) => ({
      signed: (size, root) =>
        checkpoint(logOf(form), size, root, { origin: form === 'tiles' ? 'x.example.test' : 'x.example.test - 1234' }),
    }),
    { here: 'refused', differs: ORIGIN },
  ),
  ...logged(
    'a checkpoint signed under another name',
    { bundle: 'runs', tiles: 'refused' },
    (form) => ({
      signed: (size, root) => checkpoint(logOf(form), size, root, { name: 'x.example.test' }),
    }),
    { here: 'refused', differs: ORIGIN },
  ),
  ...logged(
    'a checkpoint that a witness signed as well',
    { bundle: 'refused', tiles: 'runs' },
    (form) => ({
      signed: (size, root) => witnessed(checkpoint(logOf(form), size, root)),
    }),
    { here: 'runs', differs: WITNESS },
  ),
  ...logged(
    'a checkpoint that a witness alone signed',
    'refused',
    (form) => ({
      signed: (size, root) => witnessed(checkpoint(logOf(form), size, root)).replace(/\u2014 rekor.*\n/, ''),
    }),
    { forms: BUNDLES },
  ),
  ...[
    [1, 0],
    [2, 0],
    [2, 1],
    [7, 6],
    [8, 7],
    [9, 8],
    [64, 33],
  ].flatMap(([leaves, index]) =>
    logged(`leaf ${index} of ${leaves}`, 'runs', () => ({ leaves: leaves ?? 1, index: index ?? 0 }), {
      forms: BUNDLES,
    }),
  ),

  ...two('an entry of an unknown log before ours', 'runs', (form) => [{ log: foreignLog(form) }, {}]),
  ...two('an entry of an unknown log behind ours', 'runs', (form) => [{}, { log: foreignLog(form) }]),
  ...two('the same entry twice', 'refused', () => [{}, {}]),
  ...two('two entries of one log', 'runs', () => [{}, { index: 7, at: at + MINUTE }], {
    here: 'refused',
    differs: SAME,
  }),
  ...two('entries of two trusted logs', 'runs', () => [{}, { log: SECOND }], { root: second }),
  ...two('a forged promise beside a good entry', 'runs', () => [{}, { log: SECOND, change: spoilt }], {
    forms: ['bundle'],
    root: second,
    here: 'refused',
    differs: BEYOND,
  }),
  ...two(
    'a forged proof beside a good entry',
    'refused',
    () => [
      {},
      { log: SECOND, change: (json) => (json.inclusionProof.hashes[0] = flip(json.inclusionProof.hashes[0])) },
    ],
    { root: second },
  ),
  ...two('an entry of another artifact beside a good one', 'refused', () => [{}, { log: SECOND, ...ELSE }], {
    root: second,
    ...ABOUT_2,
  }),
  ...two('entries of both versions', 'runs', (form) => [{}, { log: form === 'tiles' ? rekor : tiles }], {
    forms: ['bundle'],
  }),
  ...two(
    'five unknown logs beside ours',
    'runs',
    () => [...Array.from({ length: 5 }, () => ({ log: newLog(1) })), {}],
    { forms: ['bundle'], here: 'refused', differs: MANY },
  ),
];

function two(title: string, cosign: Case['cosign'], entries: (form: Form) => readonly Entry[], extra: Extra = {}) {
  return each(title, cosign, (_, form) => ({ entries: entries(form) }), { forms: BUNDLES, ...extra });
}
