import { type Der, element } from '../../../src/encoding/der-writer.ts';
import {
  dns,
  email,
  extension,
  issuerV1,
  issuerV2,
  leafExtensions,
  otherName,
  uri,
} from '../../fixtures/certificates.ts';
import { ANN, type Asks, BOTH, type ByForm, type Case, each, ISSUER, ISSUERS, leaf, named, vouched } from './case.ts';

const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
const UNANCHORED = 'patterns of identities';
const NAMES = "names of a keyless signer's certificate";
const ADDRESSES = "IP addresses of a keyless signer's certificate";
const ISSUERS_ROW = "the issuer in a keyless signer's certificate";
const NO_ISSUER = "a keyless signer's certificate without issuer";
const ip = (...octets: readonly number[]) => element(0x87, Buffer.from(octets));
const asked = (title: string, cosign: Case['cosign'], asks: Asks, extra: Partial<Case> = {}) =>
  each(title, cosign, {}, { forms: BOTH, asks, ...extra });
const byName = (
  title: string,
  cosign: ByForm,
  names: readonly Der[],
  subject: string | { readonly pattern: string },
  extra: Partial<Case> = {},
) => each(title, cosign, () => ({ leaf: named(...names) }), { forms: BOTH, asks: { subject }, ...extra });
const byIssuer = (title: string, cosign: ByForm, issuers: readonly Der[], extra: Partial<Case> = {}) =>
  each(title, cosign, () => ({ leaf: vouched(...issuers) }), { forms: BOTH, ...extra });

/** Whose signature counts. */
export const IDENTITY_CASES: readonly Case[] = [
  ...each('Ann by her address', 'runs'),
  ...each('somebody else', 'refused', {}, { asks: { subject: 'bob@example.com' } }),
  ...each('another issuer', 'refused', {}, { asks: { issuer: 'https://other.example' } }),

  ...asked('the beginning of the address', 'refused', { subject: 'ann@example.co' }),
  ...asked('the end of the address', 'refused', { subject: 'nn@example.com' }),
  ...asked('the address in capitals', 'refused', { subject: 'ANN@EXAMPLE.COM' }),
  ...asked('a pattern written as an exact address', 'refused', { subject: '.*' }),
  ...asked('the issuer with a slash', 'refused', { issuer: `${ISSUER}/` }),
  ...asked('the beginning of the issuer', 'refused', { issuer: 'https://issuer' }),

  ...asked('an anchored pattern', 'runs', { subject: { pattern: '^ann@example\\.com$' } }),
  ...asked('a pattern that covers the address', 'runs', { subject: { pattern: '.*@example\\.com' } }),
  ...asked('a pattern of two addresses', 'runs', { subject: { pattern: '^(ann|bob)@example\\.com$' } }),
  ...asked('alternatives without brackets', 'runs', { subject: { pattern: 'bob@example\\.com|ann@example\\.com' } }),
  ...asked('a pattern without regard to case', 'runs', { subject: { pattern: '(?i)^ANN@EXAMPLE\\.COM$' } }),
  ...asked('a pattern of another domain', 'refused', { subject: { pattern: '^.*@example\\.org$' } }),
  ...asked('a pattern anchored to something longer', 'refused', { subject: { pattern: '^ann@example\\.com.$' } }),
  ...asked(
    'a pattern of a part',
    'runs',
    { subject: { pattern: 'example' } },
    { here: 'refused', differs: UNANCHORED },
  ),
  ...asked(
    'a pattern of the end',
    'runs',
    { subject: { pattern: '@example\\.com$' } },
    { here: 'refused', differs: UNANCHORED },
  ),
  ...asked(
    'a pattern of the beginning',
    'runs',
    { subject: { pattern: '^ann' } },
    { here: 'refused', differs: UNANCHORED },
  ),
  ...asked(
    'alternatives of which one is a part',
    'runs',
    { subject: { pattern: '^bob|example$|ann' } },
    { here: 'refused', differs: UNANCHORED },
  ),
  ...asked('a pattern with look-ahead', 'refused', { subject: { pattern: '(?=ann).*' } }),
  ...asked('a pattern with a back-reference', 'refused', { subject: { pattern: '(a)n\\1.*' } }),
  ...asked('a pattern that is none', 'refused', { subject: { pattern: '(' } }),
  ...asked('a pattern that costs a backtracking engine hours', 'refused', { subject: { pattern: '^(([a-z@.])+)+!$' } }),
  ...asked('a pattern of the issuer', 'runs', { issuer: { pattern: '^https://issuer\\.example$' } }),
  ...asked('a pattern that covers the issuer', 'runs', { issuer: { pattern: 'https://.*' } }),
  ...asked(
    'a pattern of a part of the issuer',
    'runs',
    { issuer: { pattern: 'issuer' } },
    { here: 'refused', differs: UNANCHORED },
  ),
  ...asked('a pattern of another issuer', 'refused', { issuer: { pattern: '^https://issuer\\.example\\.org$' } }),
  ...asked('patterns of both', 'runs', { subject: { pattern: 'a.*m' }, issuer: { pattern: 'h.*e' } }),
  ...asked('patterns of both, one wrong', 'refused', { subject: { pattern: 'a.*m' }, issuer: { pattern: '^x.*' } }),

  ...byName('a dot in a pattern is any character', 'runs', [email('annXexample.com')], {
    pattern: '^ann.example.com$',
  }),
  ...byName('a line break behind the address', 'refused', [email(`${ANN}\n`)], { pattern: '^ann@example\\.com$' }),
  ...byName('a line break behind the address, exactly', 'refused', [email(`${ANN}\n`)], ANN),
  ...byName('a zero byte behind the address', 'refused', [email(`${ANN}\0.example.org`)], ANN),
  ...byName('a workflow', 'runs', [uri(WORKFLOW)], WORKFLOW),
  ...byName('a workflow by a pattern', 'runs', [uri(WORKFLOW)], {
    pattern: '^https://github\\.com/acme/.*@refs/heads/main$',
  }),
  ...byName(
    'a workflow of a tag by a pattern of branches',
    'refused',
    [uri(WORKFLOW.replace('heads/main', 'tags/v1'))],
    {
      pattern: '^https://github\\.com/acme/.*@refs/heads/main$',
    },
  ),
  ...byName('a workflow on another branch', 'refused', [uri(`${WORKFLOW}-2`)], WORKFLOW),
  ...byName('a workflow of a namesake', 'refused', [uri(WORKFLOW.replace('acme', 'acme-2'))], WORKFLOW),
  ...byName('the address as a URI', 'refused', [uri(`mailto:${ANN}`)], ANN),
  ...byName('a host', { layer: 'runs', bundle: 'refused' }, [dns('host.example.com')], 'host.example.com', {
    here: 'runs',
    differs: NAMES,
  }),
  ...byName('another host', 'refused', [dns('host.example.com')], 'x.example.com'),
  ...byName('a host below a wildcard', 'refused', [dns('*.example.com')], 'host.example.com'),
  ...byName('an IP address', { layer: 'runs', bundle: 'refused' }, [ip(192, 0, 2, 1)], '192.0.2.1', {
    here: 'refused',
    differs: ADDRESSES,
  }),
  ...byName('a user name', 'runs', [otherName('ann')], 'ann'),
  ...byName('another user name', 'refused', [otherName('bob')], 'ann'),
  ...byName('an other name of another kind', 'refused', [otherName('ann', '1.2.3.4')], 'ann'),
  ...byName('an other name of another kind, by a pattern', 'refused', [otherName('ann', '1.2.3.4')], {
    pattern: '.*ann.*',
  }),
  ...byName('two addresses, the first', 'runs', [email(ANN), email('bob@example.com')], ANN),
  ...byName(
    'two addresses, the second',
    { layer: 'runs', bundle: 'refused' },
    [email('bob@example.com'), email(ANN)],
    ANN,
    { here: 'runs', differs: NAMES },
  ),
  ...byName(
    'an address and a workflow: the address',
    { layer: 'runs', bundle: 'refused' },
    [email(ANN), uri(WORKFLOW)],
    ANN,
    { here: 'runs', differs: NAMES },
  ),
  ...byName('an address and a workflow: the workflow', 'runs', [email(ANN), uri(WORKFLOW)], WORKFLOW),
  ...each(
    'no name at all',
    'refused',
    () => ({ leaf: leaf({ extensions: leafExtensions().filter((_, at) => at !== 2) }) }),
    {
      forms: BOTH,
    },
  ),
  ...each(
    'the address as common name alone',
    'refused',
    () => ({ leaf: leaf({ subject: ANN, extensions: leafExtensions().filter((_, at) => at !== 2) }) }),
    { forms: BOTH },
  ),
  ...byName('no name, and a pattern of anything', 'refused', [], { pattern: '.*' }),

  ...byIssuer('the issuer in its first form alone', 'runs', [issuerV1(ISSUER)]),
  ...byIssuer('the issuer in its second form alone', { layer: 'refused', bundle: 'runs' }, [issuerV2(ISSUER)], {
    here: 'runs',
    differs: ISSUERS_ROW,
  }),
  ...byIssuer('no issuer', 'refused', []),
  ...byIssuer('no issuer, and a pattern of anything', 'runs', [], {
    asks: { issuer: { pattern: '.*' } },
    here: 'refused',
    differs: NO_ISSUER,
  }),
  ...byIssuer(
    'forms that differ, the first as asked',
    { layer: 'runs', bundle: 'refused' },
    [issuerV1(ISSUER), issuerV2('https://x.example')],
    { here: 'refused', differs: ISSUERS_ROW },
  ),
  ...byIssuer(
    'forms that differ, the second as asked',
    { layer: 'refused', bundle: 'runs' },
    [issuerV1('https://x.example'), issuerV2(ISSUER)],
    { here: 'refused', differs: ISSUERS_ROW },
  ),
  ...byIssuer('the issuer twice', 'refused', [...ISSUERS, issuerV2(ISSUER)]),
  ...byIssuer('a second form without its type', 'refused', [extension('1.3.6.1.4.1.57264.1.8', Buffer.from(ISSUER))]),
  ...byIssuer('a second form with more behind it', 'refused', [
    extension('1.3.6.1.4.1.57264.1.8', Buffer.concat([element(0x0c, Buffer.from(ISSUER)), Buffer.from([5, 0])])),
  ]),
];
