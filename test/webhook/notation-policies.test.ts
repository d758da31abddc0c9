import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Json } from '../admission/fixture.ts';
import { NOON } from '../fixtures/certificates.ts';
import { SIGNED_AT } from '../fixtures/notation/signer.ts';
import { becomes, expectVerified, registryFor, stage } from '../fixtures/webhook.ts';
import { type Folder, folder } from '../policy/sources/folder.ts';
import {
  expectAccepted,
  expectRefused,
  type NotationSigner,
  notationSigner,
  notationWorld,
  type Signed,
  statementOf,
} from './notation-world.ts';

const acme = notationSigner();
const vendor = notationSigner();
const stranger = notationSigner();
const lapsed = notationSigner({ root: acme.root, notAfter: NOON });
const stores = { 'ca/acme/root.pem': acme.root.pem, 'ca/vendor/root.pem': vendor.root.pem };
const NONE = 'no applicable trust policy';

describe('which statement decides', () => {
  it('the one that names the repository, and not *, nor one for a part of its name [notation-ratify 72]', async () => {
    const { run, at, signed } = await notationWorld({
      statements: [
        { name: 'everything' },
        { name: 'vendor', registryScopes: ['HOST/vendor/db'], trustStores: ['ca:vendor'] },
        {
          name: 'open',
          registryScopes: ['HOST/open/web'],
          signatureVerification: { level: 'skip' },
          trustStores: [],
          trustedIdentities: [],
        },
      ],
      stores,
    });
    signed('vendor/db', vendor);
    signed('vendor/db/client', vendor);
    expectVerified(await run([at('vendor/db:v1')]));
    expectRefused(await run([at('vendor/db/client:v1')]), 'untrusted', 'CERTIFICATE_UNTRUSTED', 'everything');
    signed('shop/web', acme);
    expectVerified(await run([at('shop/web:v1')]));
    signed('open/web', acme);
    const open = await run([at('open/web:v1')]);
    expect(open).toMatchObject({ allowed: true, requests: 0, record: { images: [{ outcome: 'accepted' }] } });
  });

  it('none: refused without a request, nearly in notation’s words [notation-ratify 73]', async () => {
    const { run, at, signed } = await notationWorld({ statements: [{ registryScopes: ['HOST/shop/web'] }], stores });
    signed('shop/web', acme);
    signed('shop/api', acme);
    expectVerified(await run([at('shop/web:v1')]));
    const answer = await run([at('shop/api:v1')]);
    expectRefused(answer, 'rejected', 'REJECTED_BY_POLICY', NONE);
    expect(answer.message).toContain(`Artifact "${at('shop/api:v1')}" has no applicable oci trust policy statement`);
    expect(answer.requests).toBe(0);
    expectRefused(await run(['busybox']), 'rejected', 'REJECTED_BY_POLICY', NONE);
  });

  it('in each of two documents, and both are required', async () => {
    const world = await notationWorld({ stores });
    world.signed('shop/web', acme);
    expectVerified(await world.run([world.at('shop/web:v1')]));
    const second = { version: '1.0', trustPolicies: [statementOf({ name: 'second', trustStores: ['ca:vendor'] })] };
    await world.folder.write({
      'more/trustpolicy.json': JSON.stringify(second),
      'more/truststore/x509/ca/vendor/root.pem': vendor.root.pem,
    });
    const answer = await becomes(
      () => world.run([world.at('shop/web:v1')]),
      ({ allowed }) => !allowed,
      2_000,
    );
    expectRefused(answer, 'untrusted', 'CERTIFICATE_UNTRUSTED', 'second');
  });
});

/** What level and override come to for a signature: `verified`, `accepted`, or the code of the refusal. */
type Row = readonly [what: string, rule: Json, by: NotationSigner, how: Signed, comesTo: string];
const EXPIRED: Signed = { expiry: SIGNED_AT + 1000 };
const FORGED: Signed = { key: stranger.leaf.keys.privateKey };
const PLUGIN: Signed = { plugin: { name: 'com.example.check' } };
const level = (name: string, override?: Json): Json => ({
  level: name,
  ...(override === undefined ? {} : { override }),
});

const ROWS: readonly Row[] = [
  ['strict', level('strict'), acme, {}, 'verified'],
  ['strict, signature expired', level('strict'), acme, EXPIRED, 'SIGNATURE_EXPIRED'],
  ['strict, certificate expired', level('strict'), lapsed, {}, 'CERTIFICATE_EXPIRED'],
  ['strict, stranger', level('strict'), stranger, {}, 'CERTIFICATE_UNTRUSTED'],
  ['permissive', level('permissive'), acme, {}, 'verified'],
  ['permissive, signature expired', level('permissive'), acme, EXPIRED, 'verified'],
  ['permissive, certificate expired [notation-ratify 51]', level('permissive'), lapsed, {}, 'verified'],
  ['permissive, stranger', level('permissive'), stranger, {}, 'CERTIFICATE_UNTRUSTED'],
  ['permissive, forged', level('permissive'), acme, FORGED, 'SIGNATURE_CORRUPT'],
  ['audit', level('audit'), acme, {}, 'accepted'],
  ['audit, signature expired', level('audit'), acme, EXPIRED, 'accepted'],
  ['audit, certificate expired [notation-ratify 51]', level('audit'), lapsed, {}, 'accepted'],
  ['audit, stranger', level('audit'), stranger, {}, 'accepted'],
  ['audit, forged [notation-ratify 3]', level('audit'), acme, FORGED, 'SIGNATURE_CORRUPT'],
  ['audit, plugin', level('audit'), acme, PLUGIN, 'PLUGIN_REQUIRED'],
  ['audit, chain broken', level('audit'), acme, { chain: [acme.leaf.der] }, 'CERTIFICATE_CHAIN_BROKEN'],
  ['strict with expiry: log', level('strict', { expiry: 'log' }), acme, EXPIRED, 'verified'],
  ['strict with expiry: log, stranger', level('strict', { expiry: 'log' }), stranger, EXPIRED, 'CERTIFICATE_UNTRUSTED'],
  ['strict with authenticTimestamp: log', level('strict', { authenticTimestamp: 'log' }), lapsed, {}, 'verified'],
  ['strict with authenticity: log', level('strict', { authenticity: 'log' }), stranger, {}, 'accepted'],
  [
    'strict with authenticity: log, expired',
    level('strict', { authenticity: 'log' }),
    stranger,
    EXPIRED,
    'SIGNATURE_EXPIRED',
  ],
  ['strict with revocation: skip [notation-ratify 74]', level('strict', { revocation: 'skip' }), acme, {}, 'verified'],
  ['permissive with expiry: enforce', level('permissive', { expiry: 'enforce' }), acme, EXPIRED, 'SIGNATURE_EXPIRED'],
  [
    'permissive with authenticTimestamp: enforce',
    level('permissive', { authenticTimestamp: 'enforce' }),
    lapsed,
    {},
    'CERTIFICATE_EXPIRED',
  ],
  [
    'audit with authenticity: enforce',
    level('audit', { authenticity: 'enforce' }),
    stranger,
    {},
    'CERTIFICATE_UNTRUSTED',
  ],
  ['audit with authenticity: enforce, trusted', level('audit', { authenticity: 'enforce' }), acme, EXPIRED, 'verified'],
];

describe('what a level comes to', () => {
  it.each(ROWS)('%s', async (_, signatureVerification, by, how, comesTo) => {
    const { run, at, signed, registry } = await notationWorld({ statements: [{ signatureVerification }], stores });
    const { digest } = signed('shop/web', by, how);
    // Asked twice: what is logged must be so whether it was proved anew or not.
    for (const image of [at('shop/web:v1'), at(`shop/web@${digest}`), at(`shop/web@${digest}`)]) {
      const answer = await run([image]);
      expect(answer, answer.message).toMatchObject({ allowed: comesTo === 'verified' || comesTo === 'accepted' });
      const [said] = answer.record.images;
      expect(said?.policies).toMatchObject([
        answer.allowed ? { outcome: comesTo, code: null } : { outcome: expect.any(String), code: comesTo },
      ]);
    }
    expect(registry.requests.length).toBeGreaterThan(0);
  });

  it.each<[rule: Json, comesTo: 'accepted' | 'IDENTITY_MISMATCH']>([
    [level('strict'), 'IDENTITY_MISMATCH'],
    [level('permissive'), 'IDENTITY_MISMATCH'],
    [level('strict', { expiry: 'log', authenticTimestamp: 'log', revocation: 'log' }), 'IDENTITY_MISMATCH'],
    [level('audit', { authenticity: 'enforce' }), 'IDENTITY_MISMATCH'],
    [level('audit'), 'accepted'],
    [level('audit', { expiry: 'enforce', authenticTimestamp: 'enforce', revocation: 'enforce' }), 'accepted'],
    [level('strict', { authenticity: 'log' }), 'accepted'],
  ])('whose signature it is belongs to authenticity, and to no other check: %j', async (rule, comesTo) => {
    const trustedIdentities = ['x509.subject: C=US, ST=WA, O=Acme, OU=Nightly'];
    const { run, at, signed } = await notationWorld({
      statements: [{ signatureVerification: rule, trustedIdentities }],
      stores,
    });
    signed('shop/web', acme);
    const answer = await run([at('shop/web:v1')]);
    if (comesTo === 'accepted') expectAccepted(answer, 'the certificate belongs to');
    else expectRefused(answer, 'untrusted', comesTo);
  });

  it.each(['strict', 'permissive', 'audit'])('an image that nobody signed is refused at %s', async (name) => {
    const { run, at, push } = await notationWorld({ statements: [{ signatureVerification: level(name) }], stores });
    push('shop/web');
    expectRefused(await run([at('shop/web:v1')]), 'unsigned', 'UNSIGNED');
  });

  it('what permissive only reports is a warning of the answer', async () => {
    const { run, at, signed } = await notationWorld({
      statements: [{ signatureVerification: level('permissive') }],
      stores,
    });
    signed('shop/web', lapsed, EXPIRED);
    const answer = await run([at('shop/web:v1')]);
    expectVerified(answer);
    expect(answer.warnings).toEqual([
      `image "${at('shop/web:v1')}": a certificate expired at 2026-06-01T12:00:00.000Z`,
      `image "${at('shop/web:v1')}": the signature expired at 2026-06-01T11:00:01.000Z`,
    ]);
  });

  it('skip asks nobody, signed or not', async () => {
    const { run, at, push } = await notationWorld({
      statements: [{ signatureVerification: { level: 'skip' }, trustStores: [], trustedIdentities: [] }],
    });
    push('shop/web');
    const answer = await run([at('shop/web:v1')]);
    expect(answer).toMatchObject({ allowed: true, requests: 0, record: { images: [{ outcome: 'accepted' }] } });
  });

  it('the mode of the webhook is another thing: it lets in what strict refuses, and records it [notation-ratify 132]', async () => {
    for (const [mode, warnings] of [
      ['audit', 0],
      ['warn', 1],
    ] as const) {
      const { run, at, signed } = await notationWorld({ stores, configuration: { mode } });
      signed('shop/web', stranger);
      const answer = await run([at('shop/web:v1')]);
      expect(answer).toMatchObject({
        allowed: true,
        record: {
          mode,
          wouldDeny: true,
          images: [{ outcome: 'untrusted', policies: [{ code: 'CERTIFICATE_UNTRUSTED' }] }],
        },
      });
      expect(answer.warnings).toHaveLength(warnings);
      expect(JSON.parse(answer.annotations['image-0'] ?? '{}')).toMatchObject({ outcome: 'untrusted' });
    }
  });
});

describe('what the level audit only reports', () => {
  it('is a warning of the answer: by whom an image is signed, and what else would refuse it [notation-ratify 132]', async () => {
    const { run, at, signed } = await notationWorld({
      statements: [
        { signatureVerification: { level: 'audit' }, trustedIdentities: ['x509.subject: C=US, ST=WA, O=Other'] },
      ],
      stores,
    });
    signed('shop/web', stranger, { expiry: SIGNED_AT + 1000 });
    expectAccepted(
      await run([at('shop/web:v1')]),
      'the certificate belongs to "C=US, ST=WA, O=Acme, OU=Release"',
      "no certificate of the signer's chain is in a trust store that the policy names",
      'the signature expired at 2026-06-01T11:00:01.000Z',
    );
  });

  it('is none where nothing stands against it', async () => {
    const { run, at, signed } = await notationWorld({
      statements: [{ signatureVerification: { level: 'audit' } }],
      stores,
    });
    signed('shop/web', acme);
    expectAccepted(await run([at('shop/web:v1')]));
  });
});

describe('trust stores', () => {
  it.each<[what: string, files: Readonly<Record<string, string>>, requests?: number]>([
    ['that are not there', {}],
    ['that hold a certificate that is none', { 'ca/acme/root.pem': 'a shopping list' }],
    ['that hold one good file and one bad', { 'ca/acme/root.pem': acme.root.pem, 'ca/acme/z.pem': 'a shopping list' }],
    ['that hold a signer’s certificate [notation-ratify 54]', { 'ca/acme/leaf.pem': acme.leaf.pem }, 4],
    ['with a folder inside', { 'ca/acme/root.pem': acme.root.pem, 'ca/acme/old/root.pem': acme.root.pem }],
    ['of another type', { 'signingAuthority/acme/root.pem': acme.root.pem }],
  ])('%s refuse [notation-ratify 57]', async (_, files, requests = 1) => {
    const { run, at, signed } = await notationWorld({ stores: files });
    const { digest } = signed('shop/web', acme);
    const answer = await run([at(`shop/web@${digest}`)]);
    expectRefused(answer, 'error', 'TRUST_MATERIAL_UNAVAILABLE');
    // Before signatures are looked for, where it can be told before.
    expect(answer.requests).toBe(requests);
  });

  it('are followed: a root that comes is trusted, and one that goes is not any more, warm or not [notation-ratify 124]', async () => {
    const {
      run,
      at,
      signed,
      folder: policies,
    } = await notationWorld({ stores: { 'ca/acme/vendor.pem': vendor.root.pem } });
    const image = at(`shop/web@${signed('shop/web', acme).digest}`);
    expectRefused(await run([image]), 'untrusted', 'CERTIFICATE_UNTRUSTED');
    await policies.write({ 'truststore/x509/ca/acme/root.pem': acme.root.pem });
    expectVerified(
      await becomes(
        () => run([image]),
        ({ allowed }) => allowed,
        2_000,
      ),
    );
    await policies.remove('truststore/x509/ca/acme/root.pem');
    const answer = await becomes(
      () => run([image]),
      ({ allowed }) => !allowed,
      2_000,
    );
    expectRefused(answer, 'untrusted', 'CERTIFICATE_UNTRUSTED');
  });

  it('may be mounted as folders of a ConfigMap, and are swapped with it', async () => {
    const registry = await registryFor();
    const mounted = await folder();
    onTestFinished(() => mounted[Symbol.asyncDispose]());
    await mount(mounted, 'v1', {
      'trustpolicy.json': JSON.stringify({ version: '1.0', trustPolicies: [statementOf()] }),
      'truststore/x509/ca/acme/root.pem': acme.root.pem,
    });
    const world = await stage(registry, { 'unused.yaml': '' }, { policies: [mounted.path] });
    const other = await notationWorld({ registry, stores });
    const image = `${registry.host}/shop/web@${other.signed('shop/web', acme).digest}`;
    expectVerified(await world.run([image]));
    await mount(mounted, 'v2', {
      'trustpolicy.json': JSON.stringify({ version: '1.0', trustPolicies: [statementOf()] }),
      'truststore/x509/ca/acme/root.pem': vendor.root.pem,
    });
    const answer = await becomes(
      () => world.run([image]),
      ({ allowed }) => !allowed,
      2_000,
    );
    expectRefused(answer, 'untrusted', 'CERTIFICATE_UNTRUSTED');
  });

  it('may each be a ConfigMap of its own, whose files are links that kubelet made', async () => {
    const registry = await registryFor();
    const policies = await folder();
    onTestFinished(() => policies[Symbol.asyncDispose]());
    await policies.write({ 'trustpolicy.json': JSON.stringify({ version: '1.0', trustPolicies: [statementOf()] }) });
    const store = join(policies.path, 'truststore/x509/ca/acme');
    await mkdir(join(store, '..v1'), { recursive: true });
    await writeFile(join(store, '..v1/root.pem'), acme.root.pem);
    await symlink('..v1', join(store, '..data'));
    await symlink('..data/root.pem', join(store, 'root.pem'));
    const world = await stage(registry, { 'unused.yaml': '' }, { policies: [policies.path] });
    const other = await notationWorld({ registry, stores });
    other.signed('shop/web', acme);
    expectVerified(await world.run([`${registry.host}/shop/web:v1`]));
    // Any other link is none of kubelet's.
    await writeFile(join(policies.path, 'elsewhere.pem.txt'), vendor.root.pem);
    await symlink('../../../../elsewhere.pem.txt', join(store, 'other.pem'));
    const answer = await becomes(
      () => world.run([`${registry.host}/shop/web:v1`]),
      ({ allowed }) => !allowed,
      2_000,
    );
    expectRefused(answer, 'error', 'TRUST_MATERIAL_UNAVAILABLE');
  });
});

/** Lays files out as kubelet does with a ConfigMap whose `items` have folders: what stands at the top is a link. */
async function mount({ path }: Folder, version: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, `..${version}`, name)), { recursive: true });
    await writeFile(join(path, `..${version}`, name), text);
  }
  await symlink(`..${version}`, join(path, '..data_tmp'));
  await rename(join(path, '..data_tmp'), join(path, '..data'));
  for (const top of new Set(Object.keys(files).map((name) => name.split('/')[0] ?? ''))) {
    await rm(join(path, top), { force: true });
    await symlink(join('..data', top), join(path, top));
  }
}
