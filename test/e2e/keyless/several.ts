import { email } from '../../fixtures/certificates.ts';
import type { Form, Signing } from '../../fixtures/sigstore/signatures.ts';
import { attached, type Case, FOREIGN, named, type Target } from './case.ts';

const MERGED = 'a bundle exists';
const GOOD: Signing = {};
const BOB = () => ({ leaf: named(email('bob@example.com')) });
const FORGED: Signing = { entries: [{ log: FOREIGN.rekor }] };

function several(
  title: string,
  cosign: Case['cosign'],
  all: readonly (readonly [Form, Signing | (() => Signing)])[],
  extra: Partial<Case> = {},
): Case {
  const attach = (target: Target) =>
    all.map(([form, signing]) => attached(form, target, typeof signing === 'function' ? signing() : signing));
  return { title, form: all[0]?.[0] ?? 'layer', cosign, attach, ...extra };
}
const raw = (title: string, cosign: Case['cosign'], bundle: string, extra: Partial<Case> = {}): Case => ({
  title,
  form: 'bundle',
  cosign,
  attach: () => [{ kind: 'bundle', bundle }],
  ...extra,
});
/** Several signatures on one image, and what they say. */
export const SEVERAL_CASES: readonly Case[] = [
  { title: 'no signature', form: 'layer', cosign: 'refused', attach: () => [] },
  several('a good layer behind a forged one', 'runs', [
    ['layer', FORGED],
    ['layer', GOOD],
  ]),
  several('a good layer before a forged one', 'runs', [
    ['layer', GOOD],
    ['layer', FORGED],
  ]),
  several('forged layers', 'refused', [
    ['layer', FORGED],
    ['layer', { entries: [] }],
  ]),
  several('layers of Bob and Ann', 'runs', [
    ['layer', BOB],
    ['layer', GOOD],
  ]),
  several('layers of Bob', 'refused', [
    ['layer', BOB],
    ['layer', BOB],
  ]),
  several('a good bundle behind a forged one', 'runs', [
    ['bundle', FORGED],
    ['bundle', GOOD],
  ]),
  several('a good bundle before a forged one', 'runs', [
    ['bundle', GOOD],
    ['bundle', FORGED],
  ]),
  several('forged bundles', 'refused', [
    ['bundle', FORGED],
    ['bundle', { entries: [] }],
  ]),
  several('bundles of Bob and Ann', 'runs', [
    ['bundle', BOB],
    ['bundle', GOOD],
  ]),
  several('five bundles, the last of them good', 'runs', [
    ['bundle', BOB],
    ['bundle', BOB],
    ['bundle', FORGED],
    ['bundle', FORGED],
    ['bundle', GOOD],
  ]),
  several('a bundle with Rekor v1 and one with v2, the first forged', 'runs', [
    ['tiles', GOOD],
    ['bundle', FORGED],
  ]),
  several(
    'a forged bundle beside a good layer',
    'refused',
    [
      ['bundle', FORGED],
      ['layer', GOOD],
    ],
    { here: 'runs', differs: MERGED },
  ),
  several('a good bundle beside a forged layer', 'runs', [
    ['bundle', GOOD],
    ['layer', FORGED],
  ]),
  {
    title: 'a bundle that is no JSON beside a good layer',
    form: 'layer',
    cosign: 'runs',
    attach: (target) => [{ kind: 'bundle', bundle: '{' }, attached('layer', target)],
  },
  {
    title: 'a bundle that is no JSON beside a good one',
    form: 'bundle',
    cosign: 'runs',
    attach: (target) => [{ kind: 'bundle', bundle: '{' }, attached('bundle', target)],
  },
  raw('a bundle that is no JSON', 'refused', '{'),
  raw('a bundle that is empty', 'refused', '{}'),
  raw('a bundle that is a list', 'refused', '[]'),
];
