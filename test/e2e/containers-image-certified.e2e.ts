import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { createSigner, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { Der } from '../../src/encoding/der-writer.ts';
import type { ProofRule, SignerRule } from '../../src/model/requirement.ts';
import {
  alternativeNames,
  authority,
  CODE_SIGNING,
  dns,
  email,
  extendedUsage,
  extension,
  issue,
  issueIntermediate,
  issueRoot,
  issuerV1,
  issuerV2,
  leafExtensions,
  NOON,
  nameConstraints,
  otherName,
  SERVER_AUTH,
  uri,
  usage,
} from '../fixtures/certificates.ts';
import { keyLeaf, policyOf } from '../fixtures/keys.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import {
  ann,
  certifiedLayer,
  codeAt,
  type EntryOptions,
  entryFor,
  fulcioProof,
  fulcioSubject,
  hashedRecord,
  intermediate,
  type LayerOptions,
  otherRekor,
  pkiProof,
  publicPem,
  rekor,
  root,
} from '../signatures/certified.ts';
import { REPOSITORY } from '../signatures/fixture.ts';
import { documentedDifferences } from './differences.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { run } from './process.ts';
import { describeWith, toolPath } from './tools.ts';

type Asked = {
  readonly title: string;
  readonly there: 'runs' | 'refused';
  /** The line of docs/differences.md, where countersign decides the opposite. */
  readonly differs?: string;
  readonly layer?: LayerOptions;
  readonly rule?: Rule;
};

/** One rule in both languages. */
type Rule = { readonly proof: ProofRule; readonly signer: SignerRule; readonly requirement: object };

const base64 = (text: string) => Buffer.from(text).toString('base64');
const LOG = publicPem(rekor.publicKey);
const ISSUER = 'https://issuer.example';

function fulcio(ca = root.pem, log = LOG, subjectEmail = 'ann@example.com', oidcIssuer = ISSUER): Rule {
  return {
    proof: fulcioProof([ca], [log]),
    signer: fulcioSubject(subjectEmail, oidcIssuer),
    requirement: { fulcio: { caData: base64(ca), oidcIssuer, subjectEmail }, rekorPublicKeyData: base64(log) },
  };
}

function pki(
  subject: { readonly email?: string; readonly hostname?: string },
  ca = root.pem,
  between = intermediate.pem,
): Rule {
  const exact = (text: string | undefined) => (text === undefined ? 'any' : ({ kind: 'exact', text } as const));
  return {
    proof: between === '' ? pkiProof(ca) : pkiProof(ca, between),
    signer: { kind: 'subject', email: exact(subject.email), hostname: exact(subject.hostname) },
    requirement: {
      pki: {
        caRootsData: base64(ca),
        ...(between === '' ? {} : { caIntermediatesData: base64(between) }),
        ...(subject.email === undefined ? {} : { subjectEmail: subject.email }),
        ...(subject.hostname === undefined ? {} : { subjectHostname: subject.hostname }),
      },
    },
  };
}

const names = alternativeNames(email('ann@example.com'), dns('host.example.com'), dns('*.wild.example.com'));
const shortLived = (...extensions: readonly Der[]) => ({
  leaf: issue(intermediate, { extensions: [usage(0), extendedUsage(CODE_SIGNING), ...extensions] }),
});
const HOUR = 3_600_000;
const VALID = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
const longLived = (...extensions: readonly Der[]): LayerOptions => ({
  leaf: issue(intermediate, { extensions, ...VALID }),
  entry: 'none',
});
const entry = (options: EntryOptions): LayerOptions => ({ entry: options });
const record = (change: (of: ReturnType<typeof hashedRecord>) => unknown): LayerOptions => ({
  entry: ({ payload, signature }) =>
    entryFor(payload, signature, ann.pem, { body: change(hashedRecord(payload, signature, ann.pem)) }),
});
const unknown = extension('1.2.3.4', Buffer.from([5, 0]), 'critical');
const limited = (constraint: Der) => issueIntermediate(root, 'limited', { extensions: [authority(), constraint] });
const under = (ca: ReturnType<typeof limited>): LayerOptions => ({
  leaf: issue(ca, { extensions: leafExtensions() }),
  chain: ca.pem + root.pem,
});
const foreign = issueIntermediate(issueRoot(), 'intermediate');
const wide = issueIntermediate(root, 'wide', { extensions: [authority(1)] });
const below = issueIntermediate(wide, 'below');
const tooDeep = issueIntermediate(intermediate, 'deep');
const EMAIL = { email: 'ann@example.com' };
const UNFIT = 'under `FulcioCAWithRekor`, a certificate without extended key usage or with any usage';
const OWN =
  "a signer's certificate that is an authority's, limits names, or has a key usage without signatures; a leaf that is itself listed as root";

const CASES: readonly Asked[] = [
  { title: 'a good signature', there: 'runs' },
  { title: 'another address', there: 'refused', rule: fulcio(root.pem, LOG, 'bob@example.com') },
  { title: 'another issuer', there: 'refused', rule: fulcio(root.pem, LOG, 'ann@example.com', `${ISSUER}/`) },
  { title: 'another log', there: 'refused', rule: fulcio(root.pem, publicPem(otherRekor.publicKey)) },
  { title: 'a log with an RSA key', there: 'refused', rule: fulcio(root.pem, createSigner('RSA-2048').publicKeyPem) },
  { title: 'another root', there: 'refused', rule: fulcio(issueRoot().pem) },
  { title: 'an intermediate as root', there: 'runs', rule: fulcio(intermediate.pem), layer: { chain: '' } },
  { title: 'no chain', there: 'refused', layer: { chain: '' } },
  { title: 'a chain of one', there: 'refused', layer: { chain: intermediate.pem } },
  {
    title: 'no chain, and the intermediate among the roots',
    there: 'runs',
    rule: fulcio(root.pem + intermediate.pem),
    layer: { chain: '' },
  },
  { title: 'two leaves', there: 'refused', layer: { certificate: ann.pem + ann.pem } },
  { title: 'no leaf', there: 'refused', layer: { certificate: '' } },
  { title: 'a key for a leaf', there: 'refused', layer: { certificate: publicPem(ann.keys.publicKey) } },
  { title: 'no log entry', there: 'refused', layer: { entry: 'none' } },
  { title: 'an entry before the certificate', there: 'refused', layer: entry({ at: NOON - 301_000 }) },
  { title: 'an entry as the certificate begins', there: 'runs', layer: entry({ at: NOON - 300_000 }) },
  { title: 'an entry as the certificate ends', there: 'runs', layer: entry({ at: NOON + 300_000 }) },
  { title: 'an entry after the certificate', there: 'refused', layer: entry({ at: NOON + 301_000 }) },
  { title: 'an entry by another log', there: 'refused', layer: entry({ log: otherRekor.privateKey }) },
  {
    title: 'an entry with a member more',
    there: 'refused',
    layer: entry({ annotation: (all) => ({ ...all, more: 1 }) }),
  },
  {
    title: 'a payload with a member more',
    there: 'refused',
    layer: entry({ payload: (all) => ({ ...all, more: 1 }) }),
  },
  {
    title: 'a time that is text',
    there: 'refused',
    layer: entry({ payload: (all) => ({ ...all, integratedTime: '1' }) }),
  },
  {
    title: 'a time that was changed',
    there: 'refused',
    layer: entry({ annotation: (all) => ({ ...all, Payload: { ...all.Payload, integratedTime: 1 } }) }),
  },
  { title: 'an entry with spaces', there: 'runs', layer: entry({ annotation: (all) => JSON.stringify(all, null, 2) }) },
  {
    title: 'a member written twice',
    there: 'refused',
    layer: entry({ annotation: (all) => JSON.stringify(all).replace('"logIndex":7', '"logIndex":7,"logIndex":7') }),
  },
  { title: 'a record of another kind', there: 'refused', layer: record((of) => ({ ...of, kind: 'rekord' })) },
  { title: 'a record of another version', there: 'refused', layer: record((of) => ({ ...of, apiVersion: '0.0.2' })) },
  { title: 'a record with a member more', there: 'runs', layer: record((of) => ({ ...of, more: 1 })) },
  {
    title: 'a record of another payload',
    there: 'refused',
    layer: { entry: ({ signature }) => entryFor(Buffer.from('x'), signature, ann.pem) },
  },
  {
    title: 'a record of another signature',
    there: 'refused',
    layer: { entry: ({ payload }) => entryFor(payload, 'AAAA', ann.pem) },
  },
  {
    title: 'a record of the bare key',
    there: 'refused',
    layer: { entry: ({ payload, signature }) => entryFor(payload, signature, publicPem(ann.keys.publicKey)) },
  },
  { title: 'issuer v1 only', there: 'runs', layer: shortLived(names, issuerV1(ISSUER)) },
  { title: 'issuer v2 only', there: 'runs', layer: shortLived(names, issuerV2(ISSUER)) },
  { title: 'no issuer', there: 'refused', layer: shortLived(names) },
  { title: 'two issuers', there: 'refused', layer: shortLived(names, issuerV1(ISSUER), issuerV2('https://x.example')) },
  { title: 'an issuer twice', there: 'refused', layer: shortLived(names, issuerV1(ISSUER), issuerV1(ISSUER)) },
  {
    title: 'an issuer with more behind it',
    there: 'refused',
    layer: shortLived(names, extension('1.3.6.1.4.1.57264.1.8', Buffer.from([0x0c, 1, 0x61, 0]))),
  },
  {
    title: 'several addresses',
    there: 'runs',
    layer: shortLived(alternativeNames(email('x@example.com'), email('ann@example.com')), issuerV1(ISSUER)),
  },
  {
    title: 'an address in capitals',
    there: 'refused',
    layer: shortLived(alternativeNames(email('ANN@example.com')), issuerV1(ISSUER)),
  },
  {
    title: 'the address as a URI',
    there: 'refused',
    layer: shortLived(alternativeNames(uri('mailto:ann@example.com')), issuerV1(ISSUER)),
  },
  {
    title: 'an otherName only',
    there: 'refused',
    layer: shortLived(alternativeNames(otherName('ann@example.com')), issuerV1(ISSUER)),
  },
  { title: 'an unknown critical extension', there: 'refused', layer: shortLived(names, issuerV1(ISSUER), unknown) },
  {
    title: 'no extended key usage',
    there: 'runs',
    differs: UNFIT,
    layer: { leaf: issue(intermediate, { extensions: [usage(0), names, issuerV1(ISSUER)] }) },
  },
  {
    title: 'another extended key usage',
    there: 'refused',
    layer: { leaf: issue(intermediate, { extensions: [extendedUsage(SERVER_AUTH), names, issuerV1(ISSUER)] }) },
  },
  {
    title: 'an impostor of the intermediate',
    there: 'refused',
    layer: { leaf: issue(foreign, { extensions: leafExtensions() }), chain: foreign.pem + root.pem },
  },
  {
    title: 'two intermediates',
    there: 'runs',
    layer: { leaf: issue(below, { extensions: leafExtensions() }), chain: below.pem + wide.pem + root.pem },
  },
  {
    title: 'more intermediates than allowed',
    there: 'refused',
    layer: { leaf: issue(tooDeep, { extensions: leafExtensions() }), chain: tooDeep.pem + intermediate.pem + root.pem },
  },
  {
    title: 'a leaf that issues',
    there: 'refused',
    layer: { leaf: issue(ann, { extensions: leafExtensions() }), chain: ann.pem + intermediate.pem + root.pem },
  },
  { title: 'a permitted host', there: 'runs', layer: under(limited(nameConstraints([email('example.com')]))) },
  {
    title: 'a host that is not permitted',
    there: 'refused',
    layer: under(limited(nameConstraints([email('x.example')]))),
  },
  { title: 'an excluded host', there: 'refused', layer: under(limited(nameConstraints([], [email('example.com')]))) },
  {
    title: 'an excluded domain above',
    there: 'runs',
    layer: under(limited(nameConstraints([], [email('.com.example')]))),
  },
  { title: 'PKI by address', there: 'runs', rule: pki(EMAIL), layer: { ...longLived(names), chain: '' } },
  { title: 'PKI by host', there: 'runs', rule: pki({ hostname: 'host.example.com' }), layer: longLived(names) },
  {
    title: 'PKI by a wildcard in the certificate',
    there: 'runs',
    rule: pki({ hostname: 'a.wild.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by a wildcard over two labels',
    there: 'refused',
    rule: pki({ hostname: 'a.b.wild.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by a wildcard in the policy',
    there: 'refused',
    rule: pki({ hostname: '*.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by the same wildcard',
    there: 'runs',
    rule: pki({ hostname: '*.wild.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by both',
    there: 'runs',
    rule: pki({ ...EMAIL, hostname: 'HOST.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by both, one wrong',
    there: 'refused',
    rule: pki({ ...EMAIL, hostname: 'x.example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI by another address',
    there: 'refused',
    rule: pki({ email: 'bob@example.com' }),
    layer: longLived(names),
  },
  {
    title: 'PKI with the intermediate attached',
    there: 'runs',
    rule: pki(EMAIL, root.pem, ''),
    layer: longLived(names),
  },
  {
    title: 'PKI with no intermediate',
    there: 'refused',
    rule: pki(EMAIL, root.pem, ''),
    layer: { ...longLived(names), chain: '' },
  },
  {
    title: 'PKI, expired',
    there: 'refused',
    rule: pki(EMAIL),
    layer: {
      leaf: issue(intermediate, { extensions: [names], notBefore: NOON, notAfter: Date.now() - 60_000 }),
      entry: 'none',
    },
  },
  {
    title: 'PKI, not valid yet',
    there: 'refused',
    rule: pki(EMAIL),
    layer: {
      leaf: issue(intermediate, { extensions: [names], notBefore: Date.now() + 60_000, notAfter: Date.now() + HOUR }),
      entry: 'none',
    },
  },
  { title: 'PKI, an unknown critical extension', there: 'refused', rule: pki(EMAIL), layer: longLived(names, unknown) },
  {
    title: 'PKI, an otherName only',
    there: 'refused',
    rule: pki(EMAIL),
    layer: longLived(alternativeNames(otherName('ann@example.com'))),
  },
  {
    title: 'PKI, for servers only',
    there: 'refused',
    rule: pki(EMAIL),
    layer: longLived(names, extendedUsage(SERVER_AUTH)),
  },
  {
    title: 'PKI, for anything',
    there: 'runs',
    rule: pki(EMAIL),
    layer: longLived(names, extendedUsage('2.5.29.37.0')),
  },
  {
    title: 'PKI, a key for encryption',
    there: 'runs',
    differs: OWN,
    rule: pki(EMAIL),
    layer: longLived(names, usage(2)),
  },
  {
    title: 'PKI, an authority as signer',
    there: 'runs',
    differs: OWN,
    rule: pki(EMAIL),
    layer: longLived(names, authority()),
  },
];

describeWith(['containers-image'], 'containers/image and countersign, of authorities and logs', () => {
  let world: World;
  let folder: Folder;
  beforeAll(async () => {
    folder = temporaryFolder();
    world = await startWorld();
  });
  afterAll(async () => {
    await world.close();
    folder.remove();
  });

  async function decide({ layer = {}, rule = fulcio() }: Asked, index: number) {
    const { server } = world;
    const image = publishImage(server, REPOSITORY, `image ${index}`, `v${index}`);
    const payload = simpleSigningPayload(image.digest, `${server.host}/${REPOSITORY}`);
    publishLayers(server, REPOSITORY, image, [certifiedLayer(image, { payload, ...layer })]);

    const { proof, signer, requirement } = rule;
    const leaf = { ...keyLeaf([createSigner()]), proof, signer, names: { kind: 'matchRepository' } as const };
    const code = await codeAt(world, image, policyOf({ kind: 'some', leaf }, { evidence: 'complete' }), Date.now());

    const scope = {
      [server.host]: [{ type: 'sigstoreSigned', signedIdentity: { type: 'matchRepository' }, ...requirement }],
    };
    const json = { default: [{ type: 'reject' }], transports: { docker: scope } };
    const policy = folder.write(`${index}.json`, JSON.stringify(json));
    const registries = folder.folder(`${index}.registries.d`);
    const attachments = { docker: { [server.host]: { 'use-sigstore-attachments': true } } };
    folder.write(`${index}.registries.d/a.yaml`, JSON.stringify(attachments));
    const args = ['-policy', policy, '-registries-conf', '/dev/null', '-registries.d', registries];
    const asked = `${server.host}/${REPOSITORY}@${image.digest}`;
    const { status, stdout, stderr } = await run(toolPath('containers-image'), [...args, asked], {
      env: { HOME: folder.path },
    });
    return { there: status === 0 ? 'runs' : status === 1 ? 'refused' : stderr, code, said: stdout };
  }

  describe.concurrent('judge', () => {
    it.each(CASES.map((one, index) => [one.title, one, index] as const))('%s', async (_title, one, index) => {
      const { there, code, said } = await decide(one, index);
      expect(there, said).toBe(one.there);
      const here = code === 'verified' ? 'runs' : 'refused';
      expect(here, `${code}; ${said}`).toBe(one.differs === undefined ? one.there : 'refused');
    });
  });

  it('documents every difference', () => {
    const documented = documentedDifferences();
    expect(CASES.flatMap(({ differs }) => differs ?? []).filter((row) => !documented.has(row))).toEqual([]);
  });
});
