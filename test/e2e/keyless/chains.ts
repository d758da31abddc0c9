import {
  authority,
  email,
  extendedUsage,
  extension,
  type Issued,
  issue,
  issueIntermediate,
  issueRoot,
  leafExtensions,
  nameConstraints,
  SERVER_AUTH,
  usage,
} from '../../fixtures/certificates.ts';
import { around, issueLeaf, MINUTE, YEAR } from '../../fixtures/sigstore/instance.ts';
import { keysOf } from '../../fixtures/sigstore/keys.ts';
import type { Form } from '../../fixtures/sigstore/signatures.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import { BOTH, type Case, each, FOREIGN, leaf, one, SIGSTORE } from './case.ts';

const { at, root, intermediate } = SIGSTORE;
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
/** Makes these the one authority, intermediates first. */
const trusts =
  (...chain: readonly Issued[]) =>
  (json: Json) => {
    json.certificateAuthorities[0].certChain.certificates = chain.map(({ der }) => ({ rawBytes: base64(der) }));
  };
const under = (
  title: string,
  cosign: Case['cosign'],
  chain: readonly [Issued, ...Issued[]],
  extra: (form: Form) => Partial<Case> = () => ({}),
) =>
  BOTH.map((form) => {
    const signing = { leaf: leaf({ issuer: chain[0] }), ...(form === 'layer' ? { chain } : {}) };
    return one(form, title, cosign, signing, { root: trusts(...chain), ...extra(form) });
  });

const window = (start: number, end: number | undefined) => (json: Json) => {
  const validFor = {
    start: new Date(start).toISOString(),
    ...(end === undefined ? {} : { end: new Date(end).toISOString() }),
  };
  json.certificateAuthorities[0].validFor = validFor;
};
const unknown = (critical: 'critical' | 'optional') => extension('1.2.3.4', Buffer.from([5, 0]), critical);
const impostor = issueIntermediate(FOREIGN.root, 'fulcio');
const wide = issueIntermediate(root, 'wide', { extensions: [authority(1), usage(5, 6)] });
const below = issueIntermediate(wide, 'below');
const tooDeep = issueIntermediate(intermediate, 'deep');
const limited = (constraint: ReturnType<typeof nameConstraints>) =>
  issueIntermediate(root, 'limited', { extensions: [authority(0), usage(5, 6), constraint] });
const selfSigned = issue('self', { ...around(at, 5 * MINUTE), extensions: leafExtensions() });
const damaged = (() => {
  const good = leaf();
  const der = Buffer.from(good.der);
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const body = der.toString('base64');
  return { ...good, der, pem: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n` };
})();
const BROUGHT = 'intermediates that a keyless signature brings';
const WINDOW = 'when an authority must have been valid';
/** Version 2 asks for the chain at the moment at which the leaf begins alone. */
const CHAIN = (form: Form) =>
  form === 'layer' ? ({ cosign2: 'runs', here: 'refused', differs: WINDOW } as const) : {};

/** Which authorities count, and which ways lead to them. */
export const CHAIN_CASES: readonly Case[] = [
  ...each(
    'an authority that nobody trusts',
    'refused',
    () => ({
      leaf: issueLeaf(FOREIGN, { promised: [{ log: SIGSTORE.certificateLog, at }] }),
      chain: [FOREIGN.intermediate, FOREIGN.root],
    }),
    { forms: ['layer'] },
  ),
  ...each(
    'an authority that nobody trusts',
    'refused',
    () => ({
      leaf: issueLeaf(FOREIGN, { promised: [{ log: SIGSTORE.certificateLog, at }] }),
    }),
    { forms: ['bundle', 'tiles'] },
  ),
  one('layer', 'an impostor of the intermediate', 'refused', {
    leaf: leaf({ issuer: impostor }),
    chain: [impostor, root],
  }),
  ...each('a certificate that signed itself', 'refused', { leaf: selfSigned }, { asks: { certificateLog: 'ignored' } }),
  ...each('a certificate with a damaged signature', 'refused', { leaf: damaged }, { forms: BOTH }),
  ...each("somebody else's certificate", 'refused', () => ({ signer: keysOf('P-256') })),
  ...each('a leaf of the root itself', 'runs', { leaf: leaf({ issuer: root }) }, { forms: BOTH }),
  ...each(
    'a leaf of the root itself, which alone is trusted',
    'runs',
    { leaf: leaf({ issuer: root }) },
    { forms: BOTH, root: trusts(root) },
  ),
  ...each('an intermediate trusted by itself', 'runs', {}, { forms: BOTH, root: trusts(intermediate) }),
  ...each(
    'a second authority',
    'runs',
    {},
    {
      forms: BOTH,
      root: (json) => {
        const [first] = json.certificateAuthorities;
        const chain = [FOREIGN.intermediate, FOREIGN.root].map(({ der }) => ({ rawBytes: base64(der) }));
        json.certificateAuthorities = [{ ...first, certChain: { certificates: chain } }, first];
      },
    },
  ),
  ...each('no authority', 'refused', {}, { forms: BOTH, root: (json) => (json.certificateAuthorities = []) }),
  ...each('an intermediate that is nowhere', 'refused', {}, { forms: ['bundle'], root: trusts(root) }),
  one('layer', 'an intermediate that is nowhere', 'refused', { chain: [root] }, { root: trusts(root) }),
  one(
    'layer',
    'an intermediate in the chain alone',
    'refused',
    {},
    { root: trusts(root), here: 'runs', differs: BROUGHT },
  ),
  one('bundle', 'an intermediate in the bundle alone', 'refused', { chain: [intermediate] }, { root: trusts(root) }),
  one('layer', 'no chain annotation', 'runs', { chain: [] }),
  one('layer', 'a chain of somebody else', 'runs', { chain: [FOREIGN.intermediate, FOREIGN.root] }),
  one('layer', 'a chain that is no PEM', 'refused', {
    finish: (json) => (json['dev.sigstore.cosign/chain'] = 'chain'),
  }),
  one('layer', 'a chain with the root first', 'runs', { chain: [root, intermediate] }),

  ...under('an intermediate with a key of P-384', 'runs', [
    issueIntermediate(root, '384', { keys: keysOf('P-384') }),
    root,
  ]),
  ...under('an intermediate with a key of P-521', 'runs', [
    issueIntermediate(root, '521', { keys: keysOf('P-521') }),
    root,
  ]),
  ...under('two intermediates', 'runs', [below, wide, root]),
  ...under('more intermediates than the first allows', 'refused', [tooDeep, intermediate, root]),
  ...under('an intermediate that is no authority', 'refused', [
    issueIntermediate(root, 'none', { extensions: [usage(5, 6)] }),
    root,
  ]),
  ...under('an intermediate that may not sign certificates', 'refused', [
    issueIntermediate(root, 'mute', { extensions: [authority(0), usage(0)] }),
    root,
  ]),
  ...under('an intermediate for servers', 'refused', [
    issueIntermediate(root, 'tls', { extensions: [authority(0), usage(5, 6), extendedUsage(SERVER_AUTH)] }),
    root,
  ]),
  ...under('an intermediate for anything', 'runs', [issueIntermediate(root, 'any'), root]),
  ...under('an intermediate with an unknown critical extension', 'refused', [
    issueIntermediate(root, 'odd', { extensions: [authority(0), usage(5, 6), unknown('critical')] }),
    root,
  ]),
  ...under('an intermediate that has expired since', 'runs', [
    issueIntermediate(root, 'old', { notBefore: at - YEAR, notAfter: at + 10 * MINUTE }),
    root,
  ]),
  ...under('an intermediate that had expired before the leaf began', 'refused', [
    issueIntermediate(root, 'gone', { notBefore: at - YEAR, notAfter: at - 6 * MINUTE }),
    root,
  ]),
  ...under(
    "an intermediate that had expired in the leaf's time",
    'refused',
    [issueIntermediate(root, 'brief', { notBefore: at - YEAR, notAfter: at - MINUTE }), root],
    CHAIN,
  ),
  ...under('an intermediate that was not valid yet', 'refused', [
    issueIntermediate(root, 'new', { notBefore: at + MINUTE, notAfter: at + YEAR }),
    root,
  ]),
  ...(() => {
    const expired = issueRoot('old root', { notBefore: at - YEAR, notAfter: at - MINUTE });
    const brief = issueRoot('brief root', { notBefore: at - YEAR, notAfter: at + 10 * MINUTE });
    return [
      ...under('a root that had expired', 'refused', [issueIntermediate(expired, 'a'), expired], CHAIN),
      ...under('a root that has expired since', 'runs', [issueIntermediate(brief, 'b'), brief]),
    ];
  })(),
  ...under('a permitted domain', 'runs', [limited(nameConstraints([email('example.com')])), root]),
  ...under('a domain that is not permitted', 'refused', [limited(nameConstraints([email('example.org')])), root]),
  ...under('an excluded domain', 'refused', [limited(nameConstraints([], [email('example.com')])), root]),
  ...under('another excluded domain', 'runs', [limited(nameConstraints([], [email('example.org')])), root]),

  ...each('the authority trusted from later on', 'refused', {}, { root: window(at + MINUTE, undefined) }),
  ...each(
    'the authority trusted until before',
    { layer: 'runs', bundle: 'refused', tiles: 'refused' },
    {},
    { root: window(at - YEAR, at - MINUTE), here: 'refused', differs: WINDOW },
  ),
  ...each('the authority trusted until later', 'runs', {}, { root: window(at - YEAR, at + MINUTE) }),
  ...each('the authority trusted without end', 'runs', {}, { root: window(at - YEAR, undefined) }),
];
