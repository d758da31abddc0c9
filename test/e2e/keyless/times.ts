import { extendedUsage, type Issued, issue, issueRoot, SERVER_AUTH, usage } from '../../fixtures/certificates.ts';
import { around, MINUTE, timestamping, YEAR } from '../../fixtures/sigstore/instance.ts';
import type { Form, Signing, Stamp } from '../../fixtures/sigstore/signatures.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import { type Asks, type Case, each, FOREIGN, leaf, one, SIGSTORE } from './case.ts';

const { at, tsaRoot } = SIGSTORE;
const ALL: readonly Form[] = ['layer', 'bundle', 'tiles'];
const TSA_ONLY: Asks = { log: 'ignored', time: 'authorities' };
const BEYOND = 'timestamps, SCTs and entries of known logs beyond those asked for';
const NOW = 'a keyless signature of which nobody witnessed the time';
const AUTHORITY = "when a timestamp authority's certificate must have been valid, for cosign v2";
const CHANGED = 'timestamps that were granted with modifications';
const ABSENT = 'a layer without timestamp under `--use-signed-timestamps`';
type Extra = Partial<Case> & { readonly forms?: readonly Form[] };

/** A signature that no log knows, with timestamps. */
const unlogged = (
  title: string,
  cosign: Case['cosign'],
  timestamps: readonly Stamp[],
  extra: Extra & { readonly signing?: Signing } = {},
) => {
  const { signing, ...rest } = extra;
  return each(title, cosign, { entries: [], timestamps, ...signing }, { forms: ALL, asks: TSA_ONLY, ...rest });
};
/** A signature that is logged as well. */
const stamped = (title: string, cosign: Case['cosign'], timestamps: readonly Stamp[], extra: Extra = {}) =>
  each(title, cosign, { timestamps }, { forms: ALL, asks: { time: 'authorities' }, ...extra });

const authorityOf =
  (...chain: readonly Issued[]) =>
  (json: Json) => {
    json.timestampAuthorities[0].certChain.certificates = chain.map(({ der }) => ({
      rawBytes: Buffer.from(der).toString('base64'),
    }));
  };
const window = (start: number, end: number) => (json: Json) => {
  json.timestampAuthorities[0].validFor = { start: new Date(start).toISOString(), end: new Date(end).toISOString() };
};
const tsa = (options: Parameters<typeof issue>[1] = {}) =>
  issue(tsaRoot, { ...around(at, YEAR), subject: 'tsa', extensions: timestamping(), ...options });
const under = (title: string, cosign: Case['cosign'], authority: Issued, extra: Extra = {}) =>
  unlogged(title, cosign, [{ authority }], {
    forms: ['layer', 'bundle'],
    root: authorityOf(authority, tsaRoot),
    ...extra,
  });
const second = (() => {
  const root = issueRoot('second tsa root');
  return { root, tsa: issue(root, { ...around(at, YEAR), subject: 'second tsa', extensions: timestamping() }) };
})();
const both = (json: Json) => {
  const certificates = [second.tsa, second.root].map(({ der }) => ({ rawBytes: Buffer.from(der).toString('base64') }));
  json.timestampAuthorities.push({
    ...json.timestampAuthorities[0],
    uri: 'https://second.example.test',
    certChain: { certificates },
  });
};
const flip = (offset: number) => (token: string) => {
  const bytes = Buffer.from(token, 'base64');
  const position = offset < 0 ? bytes.length + offset : offset;
  bytes.writeUInt8(bytes.readUInt8(position) ^ 1, position);
  return bytes.toString('base64');
};
const longLived = { leaf: leaf(around(at, YEAR)) };
const ed = issueRoot('other');

/** Who witnessed the time. */
export const TIME_CASES: readonly Case[] = [
  ...unlogged('a timestamp and no log', 'runs', [{}]),
  ...unlogged('no timestamp and no log', 'refused', []),
  ...unlogged('no timestamp and no log, under a certificate that is still valid', 'refused', [], {
    forms: ['bundle', 'tiles'],
    signing: longLived,
  }),
  ...unlogged('no timestamp and no log, under a certificate that is still valid', 'runs', [], {
    forms: ['layer'],
    signing: longLived,
    here: 'refused',
    differs: ABSENT,
  }),
  ...unlogged('nobody asked for the time', 'refused', [], { forms: ['layer', 'bundle'], asks: { log: 'ignored' } }),
  ...unlogged('nobody asked for the time, under a certificate that is still valid', 'runs', [], {
    forms: ['layer', 'bundle'],
    asks: { log: 'ignored' },
    signing: longLived,
    here: 'refused',
    differs: NOW,
  }),
  ...unlogged('a timestamp over something else', 'refused', [{ over: Buffer.from('something') }]),
  ...unlogged('an authority that nobody trusts', 'refused', [{ authority: FOREIGN.tsa }]),
  ...unlogged('a timestamp after the certificate', 'refused', [{ at: at + 6 * MINUTE }]),
  ...unlogged('a timestamp before the certificate', 'refused', [{ at: at - 6 * MINUTE }]),
  ...unlogged("a timestamp in the certificate's last second", 'runs', [{ at: at + 5 * MINUTE }]),
  ...unlogged("a timestamp in the certificate's first second", 'runs', [{ at: at - 5 * MINUTE }]),
  ...unlogged('a timestamp that was rejected', 'refused', [{ status: 2 }], { forms: ['layer', 'bundle'] }),
  ...unlogged('a timestamp that was granted with changes', 'refused', [{ status: 1 }], {
    forms: ['layer', 'bundle'],
    here: 'runs',
    differs: CHANGED,
  }),
  ...unlogged('a timestamp with a changed signature', 'refused', [{ change: flip(-1) }], {
    forms: ['layer', 'bundle'],
  }),
  ...unlogged('a timestamp that ends early', 'refused', [{ change: (token) => token.slice(0, 400) }], {
    forms: ['layer', 'bundle'],
  }),
  ...unlogged(
    'a timestamp with bytes behind it',
    'refused',
    [{ change: (token) => Buffer.concat([Buffer.from(token, 'base64'), Buffer.from([0])]).toString('base64') }],
    { forms: ['layer', 'bundle'] },
  ),
  ...unlogged('a timestamp that is no token', 'refused', [{ change: () => 'AAAA' }], { forms: ['layer', 'bundle'] }),
  ...unlogged('two timestamps of one authority', 'runs', [{}, { at: at + MINUTE }], { forms: ['bundle', 'tiles'] }),
  ...unlogged('timestamps of two authorities', 'runs', [{}, { authority: second.tsa }], {
    forms: ['bundle', 'tiles'],
    root: both,
  }),
  ...unlogged('the second authority', 'runs', [{ authority: second.tsa }], { root: both }),
  ...unlogged(
    'timestamps of two authorities, one of them after the certificate',
    'refused',
    [{}, { authority: second.tsa, at: at + 6 * MINUTE }],
    { forms: ['bundle', 'tiles'], root: both },
  ),
  ...unlogged('a forged timestamp beside a good one', 'runs', [{}, { at: at + MINUTE, change: flip(-1) }], {
    forms: ['bundle', 'tiles'],
    here: 'refused',
    differs: BEYOND,
  }),
  ...unlogged(
    'a timestamp of an unknown authority beside a good one',
    'runs',
    [{}, { at: at + MINUTE, authority: FOREIGN.tsa }],
    {
      forms: ['bundle', 'tiles'],
      here: 'refused',
      differs: BEYOND,
    },
  ),

  ...unlogged('the authority trusted from later on', 'refused', [{}], { root: window(at + MINUTE, at + YEAR) }),
  ...unlogged('the authority trusted until before', 'refused', [{}], { root: window(at - YEAR, at - MINUTE) }),
  ...unlogged('the authority trusted until later', 'runs', [{}], { root: window(at - YEAR, at + MINUTE) }),
  ...unlogged('no authority', 'refused', [{}], { root: (json) => (json.timestampAuthorities = []) }),
  ...unlogged('the root without the authority', 'refused', [{}], { root: authorityOf(tsaRoot) }),
  ...under('an authority that had expired', 'refused', tsa({ notBefore: at - YEAR, notAfter: at - MINUTE })),
  ...under('an authority that was not valid yet', 'refused', tsa({ notBefore: at + MINUTE, notAfter: at + YEAR }), {
    cosign2: 'runs',
    differs: AUTHORITY,
  }),
  ...under('an authority that has expired since', 'runs', tsa({ notBefore: at - YEAR, notAfter: at + 10 * MINUTE }), {
    cosign2: 'refused',
    differs: AUTHORITY,
  }),
  ...under('an authority for servers', 'refused', tsa({ extensions: timestamping([SERVER_AUTH]) })),
  ...under(
    'an authority for timestamps and servers',
    'refused',
    tsa({ extensions: timestamping(['1.3.6.1.5.5.7.3.8', SERVER_AUTH]) }),
  ),
  ...under(
    'an authority whose purpose is not critical',
    'refused',
    tsa({ extensions: [usage(0), extendedUsage('1.3.6.1.5.5.7.3.8')] }),
  ),
  ...under('an authority without purpose', 'refused', tsa({ extensions: [usage(0)] })),
  ...under(
    'an authority of another root',
    'refused',
    issue(ed, { ...around(at, YEAR), subject: 'tsa', extensions: timestamping() }),
  ),

  ...stamped('a log and a timestamp', 'runs', [{}]),
  ...stamped('a log and no timestamp', 'refused', [], { forms: ['bundle', 'tiles'] }),
  ...stamped('a log and no timestamp', 'runs', [], { forms: ['layer'], here: 'refused', differs: ABSENT }),
  ...stamped('a log and a timestamp after the certificate', 'refused', [{ at: at + 6 * MINUTE }]),
  ...stamped('a log and a timestamp over something else', 'refused', [{ over: Buffer.from('x') }]),
  ...stamped('a log and a forged timestamp that nobody asked for', 'runs', [{ change: flip(-1) }], {
    forms: ['layer', 'bundle'],
    asks: {},
    here: 'refused',
    differs: BEYOND,
  }),
  ...stamped('a log and a late timestamp that nobody asked for', 'runs', [{ at: at + 6 * MINUTE }], {
    forms: ['layer', 'bundle'],
    asks: {},
    here: 'refused',
    differs: BEYOND,
  }),
  ...each('tiles without a timestamp', 'refused', { timestamps: [] }, { forms: ['tiles'] }),
  one(
    'bundle',
    'a proof without a promise, and a timestamp',
    'runs',
    {
      entries: [{ change: (json) => delete json.inclusionPromise }],
      timestamps: [{}],
    },
    { asks: { time: 'authorities' } },
  ),
  one(
    'bundle',
    'a log that took it in too late, and a good timestamp',
    'refused',
    { entries: [{ at: at + 6 * MINUTE }], timestamps: [{}] },
    { asks: { time: 'authorities' } },
  ),
  one(
    'layer',
    'a log that took it in too late, and a good timestamp',
    'refused',
    { entries: [{ at: at + 6 * MINUTE }], timestamps: [{}] },
    { asks: { time: 'authorities' } },
  ),
];
