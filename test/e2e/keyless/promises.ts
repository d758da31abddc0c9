import { extension, leafExtensions } from '../../fixtures/certificates.ts';
import type { Promised } from '../../fixtures/sigstore/certificate-log.ts';
import { MINUTE, YEAR } from '../../fixtures/sigstore/instance.ts';
import type { Form } from '../../fixtures/sigstore/signatures.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import { BOTH, type Case, each, FOREIGN, leaf, SIGSTORE } from './case.ts';

const { at, certificateLog: log } = SIGSTORE;
const GOOD: Promised = { log, at };
const FALSE: Promised = { log, at, change: (sct) => sct.writeUInt8(sct.readUInt8(sct.length - 1) ^ 1, sct.length - 1) };
const UNKNOWN: Promised = { log: FOREIGN.certificateLog, at };
const BEYOND = 'timestamps, SCTs and entries of known logs beyond those asked for';
const TWICE = 'two promises of one certificate log';
type Extra = Partial<Case> & { readonly forms?: readonly Form[] };
const promised = (
  title: string,
  cosign: Case['cosign'],
  promises: readonly Promised[] | 'nothing',
  extra: Extra = {},
) => each(title, cosign, () => ({ leaf: leaf({ promised: promises }) }), { forms: BOTH, ...extra });
const changed = (title: string, change: (sct: Buffer) => void) => promised(title, 'refused', [{ log, at, change }]);
const flip = (offset: number) => (sct: Buffer) => sct.writeUInt8(sct.readUInt8(offset) ^ 1, offset);
const list = (bytes: readonly number[]) => ({
  leaf: leaf({
    promised: 'nothing',
    extensions: [...leafExtensions(), extension('1.3.6.1.4.1.11129.2.4.2', Buffer.from(bytes))],
  }),
});

/** Which promises of certificate logs count. */
export const PROMISE_CASES: readonly Case[] = [
  ...promised('no promise', 'refused', 'nothing', { forms: ['layer', 'bundle', 'tiles'] }),
  ...promised('no promise, and none asked for', 'runs', 'nothing', { asks: { certificateLog: 'ignored' } }),
  ...promised('a promise by another log', 'refused', [UNKNOWN], { forms: ['layer', 'bundle', 'tiles'] }),
  ...promised('a promise by another log, and none asked for', 'runs', [UNKNOWN], {
    asks: { certificateLog: 'ignored' },
  }),
  ...promised('a false promise, and none asked for', 'runs', [FALSE], {
    asks: { certificateLog: 'ignored' },
  }),
  ...promised('promises by both logs', 'runs', [GOOD, UNKNOWN], { forms: ['layer', 'bundle', 'tiles'] }),
  ...promised('promises by both logs, the other first', 'runs', [UNKNOWN, GOOD]),
  ...promised('a good promise, and a false one by another log', 'runs', [GOOD, { ...FALSE, ...UNKNOWN }]),
  ...promised('a false promise, then one by another log', 'refused', [FALSE, UNKNOWN]),
  ...promised('a promise by another log, then a false one', 'refused', [UNKNOWN, FALSE]),
  ...promised('two promises by other logs', 'refused', [UNKNOWN, UNKNOWN]),
  ...promised('two promises of one log', 'runs', [GOOD, { log, at: at - MINUTE }], { here: 'refused', differs: TWICE }),
  ...promised('a good promise, then a false one', 'runs', [GOOD, FALSE], { here: 'refused', differs: BEYOND }),
  ...promised('a false promise, then a good one', 'runs', [FALSE, GOOD], { here: 'refused', differs: BEYOND }),
  ...promised('a promise about another certificate', 'refused', [
    {
      log,
      at,
      body: (body) => Buffer.concat([body.subarray(0, -1), Buffer.from([body.readUInt8(body.length - 1) ^ 1])]),
    },
  ]),
  ...promised("a promise about another authority's certificate", 'refused', [
    { log, at, issuer: FOREIGN.intermediate.keys.publicKey },
  ]),
  ...promised("a promise under another log's name", 'refused', [
    { log: { ...log, privateKey: FOREIGN.certificateLog.privateKey }, at },
  ]),
  ...changed('a promise of another version', flip(0)),
  ...changed("a promise with another log's number", flip(1)),
  ...changed('a promise of another time', flip(40)),
  ...changed('a promise with another extension length', flip(42)),
  ...changed('a promise with another hash', (sct) => sct.writeUInt8(5, 43)),
  ...changed('a promise with another algorithm', (sct) => sct.writeUInt8(1, 44)),
  ...changed('a promise with a changed signature', (sct) => flip(sct.length - 1)(sct)),
  ...promised('a promise long before', 'runs', [{ log, at: at - MINUTE }]),
  ...promised('a promise after the signature', 'runs', [{ log, at: at + MINUTE }]),
  ...promised("a promise before the log's time", 'refused', [{ log, at: at - 2 * YEAR }]),
  ...promised("a promise after the log's time", 'refused', [{ log, at: at + 2 * YEAR }]),
  ...promised('an empty list', 'refused', []),
  ...each('a list that is none', 'refused', () => list([4, 2, 0, 1]), { forms: BOTH }),
  ...each('a list that ends early', 'refused', () => list([4, 4, 0, 9, 0, 7]), { forms: BOTH }),
  ...promised('no certificate log in the trusted root', 'refused', [GOOD], {
    root: (json: Json) => (json.ctlogs = []),
  }),
  ...promised('no certificate log in the trusted root, and none asked for', 'runs', [GOOD], {
    root: (json: Json) => (json.ctlogs = []),
    asks: { certificateLog: 'ignored' },
  }),
];
