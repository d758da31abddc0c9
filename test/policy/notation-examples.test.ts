import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish } from '../../src/cli/demo/publish.ts';
import { utf8String } from '../../src/encoding/der-writer.ts';
import { loadPolicies } from '../../src/policy/sources/load.ts';
import { distinguishedName, NOON } from '../fixtures/certificates.ts';
import { SIGNED_AT } from '../fixtures/notation/signer.ts';
import { newTimestampAuthority, timestampToken } from '../fixtures/notation/timestamps.ts';
import { expectVerified, registryFor, stage } from '../fixtures/webhook.ts';
import {
  attachSignature,
  expectRefused,
  type NotationSigner,
  notationSigner,
  type Signed,
} from '../webhook/notation-world.ts';
import { folder } from './sources/folder.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../policies/notation');
const README = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
const names = readdirSync(EXAMPLES).filter((name) => name !== 'README.md');
const textOf = (name: string): string => readFileSync(join(EXAMPLES, name, 'trustpolicy.json'), 'utf8');

const subject = (country: string, state: string, organisation: string, [type, text]: readonly [string, string]) =>
  distinguishedName(
    ['2.5.4.6', utf8String(country)],
    ['2.5.4.8', utf8String(state)],
    ['2.5.4.10', utf8String(organisation)],
    [type, utf8String(text)],
  );
const UNIT = '2.5.4.11';
const NAME = '2.5.4.3';

const acme = notationSigner();
const shop = notationSigner({ root: acme.root, name: subject('US', 'WA', 'Acme', [UNIT, 'Shop']) });
const lapsed = notationSigner({ root: acme.root, notAfter: NOON + 60_000 });
const vendor = notationSigner({ name: subject('DE', 'Berlin', 'Vendor', [NAME, 'Release 2026']) });
const formerVendor = notationSigner({
  root: vendor.root,
  name: subject('DE', 'Berlin', 'Vendor', [NAME, 'Release 2019']),
});
const service = notationSigner();
const stranger = notationSigner();
const authority = newTimestampAuthority();

/** Certificates of our own in the trust stores that the README's table names. */
const STORES: Readonly<Record<string, string>> = {
  'truststore/x509/ca/acme': acme.root.pem,
  'truststore/x509/ca/vendor': vendor.root.pem,
  'truststore/x509/signingAuthority/service': service.root.pem,
  'truststore/x509/tsa/timestamps': authority.above.at(-1)?.pem ?? '',
};

/** The trust stores of an example, as its row of the table has them. */
function storesOf(name: string): readonly string[] {
  const row = README.split('\n').find((line) => line.includes(`| [${name}](${name}) |`)) ?? '';
  return [...row.matchAll(/`(truststore\/[A-Za-z0-9/]+)\/`/g)].map(([, path = '']) => path);
}

/** The files of an example with certificates where its row says; in it, HOST stands for the example's registry. */
function filesOf(name: string, host = 'registry.example.com'): Readonly<Record<string, string>> {
  return {
    'trustpolicy.json': textOf(name).replaceAll('registry.example.com', host),
    ...Object.fromEntries(storesOf(name).map((path) => [`${path}/root.pem`, STORES[path] ?? ''])),
  };
}

/** The ready-made policy at work over a registry of our own. */
async function running(name: string, entry: { readonly mode?: string } = {}) {
  const registry = await registryFor();
  const policies = await folder();
  onTestFinished(() => policies[Symbol.asyncDispose]());
  await policies.write(filesOf(name, registry.host));
  const { run } = await stage(registry, { 'unused.yaml': '' }, { policies: [{ path: policies.path, ...entry }] });
  return {
    /** Pushes an image, signs it unless nobody shall, and asks. */
    asks: (repository: string, by?: NotationSigner, how?: Signed) => {
      const image = publish(registry, repository, imageArtifact(repository), 'v1');
      if (by !== undefined) attachSignature(registry, repository, image, by, how);
      return run([`${registry.host}/${repository}:v1`]);
    },
  };
}

describe('the ready-made policies', () => {
  it('are all in the README, with the trust stores that they name', () => {
    expect(names).toHaveLength(5);
    for (const name of names) {
      const written = [...textOf(name).matchAll(/"(ca|signingAuthority|tsa):([a-z]+)"/g)];
      expect(storesOf(name)).toEqual(written.map(([, type = '', store = '']) => `truststore/x509/${type}/${store}`));
    }
  });

  it.each(names)('%s is right, and warns only where it only reports', async (name) => {
    await using policies = await folder();
    await policies.write(filesOf(name));
    const loaded = await loadPolicies([policies.path]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems).toEqual([]);
    expect(loaded.value.warnings.map(({ message }) => message)).toEqual(
      name === 'audit-first' ? ['authenticity is only reported: images are let in with a signature by anybody'] : [],
    );
  });

  it.each(names)('%s says of each trust store that it is not there', async (name) => {
    const loaded = await loadPolicies([join(EXAMPLES, name)]);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.problems.map(({ code }) => code)).toEqual(
      storesOf(name).map(() => 'TRUST_MATERIAL_UNAVAILABLE'),
    );
  });
});

describe('what they let in and what not', () => {
  it('strict', async () => {
    const { asks } = await running('strict');
    expectVerified(await asks('shop/web', acme));
    expectRefused(await asks('shop/none'), 'unsigned', 'UNSIGNED', 'everything');
    expectRefused(await asks('shop/other', stranger), 'untrusted', 'CERTIFICATE_UNTRUSTED', 'everything');
    expectRefused(await asks('shop/old', lapsed), 'invalid', 'CERTIFICATE_EXPIRED', 'everything');
  });

  it('teams', async () => {
    const { asks } = await running('teams');
    expectVerified(await asks('shop/web', shop));
    expectRefused(await asks('shop/api', acme), 'untrusted', 'IDENTITY_MISMATCH', 'shop');
    expectVerified(await asks('vendor/database', vendor, { expiry: SIGNED_AT + 1000 }));
    expect(await asks('tools/debug')).toMatchObject({ allowed: true, record: { images: [{ outcome: 'accepted' }] } });
    const none = 'no applicable trust policy';
    expectRefused(await asks('shop/web/admin', shop), 'rejected', 'REJECTED_BY_POLICY', none);
    const later = await running('teams');
    expectRefused(await later.asks('vendor/database', formerVendor), 'untrusted', 'IDENTITY_MISMATCH', 'vendor');
    expectRefused(await later.asks('shop/web', vendor), 'untrusted', 'CERTIFICATE_UNTRUSTED', 'shop');
  });

  it('timestamps', async () => {
    const { asks } = await running('timestamps');
    const stamped: Signed = { timestampToken: (signature) => timestampToken(signature, { authority }) };
    expectVerified(await asks('shop/web', acme));
    expectVerified(await asks('shop/old', lapsed, stamped));
    expectRefused(await asks('shop/older', lapsed), 'invalid', 'CERTIFICATE_EXPIRED', 'timestamped');
  });

  it('signing-authority', async () => {
    const { asks } = await running('signing-authority');
    const scheme: Signed = { scheme: 'notary.x509.signingAuthority' };
    expectVerified(await asks('shop/web', service, scheme));
    expectRefused(await asks('shop/plain', service), 'untrusted', 'CERTIFICATE_UNTRUSTED', 'signing-service');
    expectRefused(await asks('shop/other', stranger, scheme), 'untrusted', 'CERTIFICATE_UNTRUSTED', 'signing-service');
  });

  it('audit-first, and with mode: audit of its entry nothing at all is refused', async () => {
    const { asks } = await running('audit-first');
    const by = async (repository: string, signer: NotationSigner, how?: Signed) => {
      const answer = await asks(repository, signer, how);
      expect(answer, answer.message).toMatchObject({ allowed: true, record: { images: [{ outcome: 'accepted' }] } });
    };
    await by('shop/web', acme);
    await by('shop/other', stranger);
    await by('shop/old', lapsed, { expiry: SIGNED_AT + 1000 });
    expectRefused(await asks('shop/none'), 'unsigned', 'UNSIGNED', 'everything-audit');
    const watching = await running('audit-first', { mode: 'audit' });
    expect(await watching.asks('shop/none')).toMatchObject({
      allowed: true,
      record: { wouldDeny: true, images: [{ outcome: 'unsigned' }] },
    });
  });
});
