import { describe, expect, it } from 'vitest';
import { createSigner } from '../../../src/cli/demo/signer.ts';
import { type Issued, issueIntermediate, issueRoot } from '../../fixtures/certificates.ts';
import { BY_IDENTITY, written } from '../countersign/objects.ts';
import { dockerOf, refusal, rendered, rendering } from './rendered.ts';

const keys = [createSigner(), createSigner('P-384'), createSigner('RSA-2048'), createSigner('Ed25519')].map(
  ({ publicKeyPem }) => publicKeyPem,
);
const [one = '', two = ''] = keys;
const log = createSigner().publicKeyPem;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const by = (...pems: readonly string[]) => ({ keys: { anyOf: pems.map((pem) => ({ pem })) } });
const own = (require: object, images: readonly string[] = ['first.example'], more: object = {}): object =>
  written({ images, require, ...more });
const pemOf = (...issued: readonly Issued[]): string => issued.map(({ pem }) => pem).join('');

const root = issueRoot();
const between = issueIntermediate(root);
const pemRoot = {
  pem: {
    certificateAuthorities: [{ pem: pemOf(between, root) }],
    transparencyLogs: [{ key: { pem: log }, url: 'https://rekor.example.com' }],
    timestampAuthorities: undefined,
  },
};
const keyless = (change: object = {}, identity: object = { issuer: 'https://i.example', subject: 'a@b.example' }) => ({
  keyless: { identities: [identity] },
  trustedRoot: JSON.parse(JSON.stringify(pemRoot)),
  certificateTransparency: 'none',
  ...change,
});
const signed = (pem: string, more: object = {}) => ({
  type: 'sigstoreSigned',
  keyData: base64(pem),
  ...more,
  signedIdentity: { type: 'matchRepository' },
});
const ANYTHING = { type: 'insecureAcceptAnything' };
const REJECT = { type: 'reject' };

describe('a policy of ours that a node can check', () => {
  it.each([
    ['one key', { signature: by(one) }, [signed(one)]],
    [
      'any of several keys',
      { signature: by(one, two) },
      [{ type: 'sigstoreSigned', keyDatas: [base64(one), base64(two)], signedIdentity: { type: 'matchRepository' } }],
    ],
    ['several signatures', { allOf: [{ signature: by(one) }, { signature: by(two) }] }, [signed(one), signed(two)]],
    [
      'either of two keys',
      { anyOf: [{ signature: { ...by(one), name: 'a' } }, { signature: { ...by(two), name: 'b' } }] },
      [{ type: 'sigstoreSigned', keyDatas: [base64(one), base64(two)], signedIdentity: { type: 'matchRepository' } }],
    ],
    ['one of one', { anyOf: [{ signature: by(one) }] }, [signed(one)]],
    [
      'two of two',
      { atLeast: { count: 2, of: [{ signature: by(one) }, { signature: by(two) }] } },
      [signed(one), signed(two)],
    ],
    [
      'two signers with keys of their own',
      { quorum: { count: 2, of: [by(one), by(two)] } },
      [signed(one), signed(two)],
    ],
    ['one signer of one', { quorum: { count: 1, of: [by(one)] } }, [signed(one)]],
    ['anything', { accept: { reason: 'free' } }, [ANYTHING]],
    ['anything or a signature', { anyOf: [{ accept: { reason: 'free' } }, { signature: by(one) }] }, [ANYTHING]],
    ['anything and a signature', { allOf: [{ accept: { reason: 'free' } }, { signature: by(one) }] }, [signed(one)]],
    ['nothing', { reject: { message: 'no' } }, [REJECT]],
    ['nothing or a signature', { anyOf: [{ reject: { message: 'no' } }, { signature: by(one) }] }, [signed(one)]],
    ['nothing or nothing', { anyOf: [{ reject: { message: 'no' } }, { reject: { message: 'no' } }] }, [REJECT]],
  ])('is %s', async (_, require, expected) => {
    const came = await rendered([own(require)]);
    expect(came.losses).toEqual([]);
    expect(dockerOf(came)).toEqual({ 'first.example': expected });
  });

  it.each([
    ['exact', {}, { type: 'matchExact' }],
    ['repoDigestOrExact', {}, { type: 'matchRepoDigestOrExact' }],
    ['repository', {}, { type: 'matchRepository' }],
    ['exactReference', { reference: 'a.example/b:c' }, { type: 'exactReference', dockerReference: 'a.example/b:c' }],
    ['exactRepository', { repository: 'a.example/b' }, { type: 'exactRepository', dockerRepository: 'a.example/b' }],
    [
      'remap',
      { prefix: 'a.example', signedPrefix: 'b.example' },
      { type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example' },
    ],
  ])('compares names: %s', async (match, details, signedIdentity) => {
    const came = await rendered([own({ signature: { ...by(one), names: { match, ...details } } })]);
    expect(dockerOf(came)).toMatchObject({ 'first.example': [{ signedIdentity }] });
    expect(came.notes.join()).not.toContain('signed name');
  });

  it('says that unchecked names are checked there, and that the .sig tag alone is read', async () => {
    const { notes } = await rendered([own({ signature: by(one) })]);
    expect(notes.map((note) => note.replace(/^ClusterImagePolicy policy: /, ''))).toEqual([
      'nodes read signatures under the .sig tag alone: neither bundles nor referrers count',
      'nodes always compare the signed name: the repository must be the same',
    ]);
  });

  it('is a key that a log knows', async () => {
    const signature = { ...by(one), transparencyLog: { threshold: 1 }, trustedRoot: keyless().trustedRoot };
    expect(dockerOf(await rendered([own({ signature })]))).toEqual({
      'first.example': [signed(one, { rekorPublicKeyData: base64(log) })],
    });
  });

  it('is one address of one issuer, believed by the authority that issues and not by its root', async () => {
    expect(dockerOf(await rendered([own({ signature: keyless() })]))).toEqual({
      'first.example': [
        {
          type: 'sigstoreSigned',
          fulcio: { caData: base64(pemOf(between)), oidcIssuer: 'https://i.example', subjectEmail: 'a@b.example' },
          rekorPublicKeyData: base64(log),
          signedIdentity: { type: 'matchRepository' },
        },
      ],
    });
  });

  it('leaves out of the public-good root what has an end to its time', async () => {
    const signature = { ...BY_IDENTITY, certificateTransparency: 'none' };
    const came = await rendered([own({ signature })]);
    expect(came.notes.join()).toContain(
      'logs and authorities whose time ends, or that nodes cannot verify, are left out',
    );
    const text = JSON.stringify(dockerOf(came));
    const { fulcio } = JSON.parse(text)['first.example'][0];
    const certificates = Buffer.from(fulcio.caData, 'base64').toString();
    expect(certificates.split('BEGIN CERTIFICATE')).toHaveLength(2);
  });

  it('is a long-lived certificate', async () => {
    const certificate = {
      roots: [{ pem: `what a tool wrote\n${pemOf(root)}` }],
      intermediates: [{ pem: pemOf(between) }],
      subject: { email: 'a@b.example', hostname: 'ci.example' },
    };
    expect(dockerOf(await rendered([own({ signature: { certificate } })]))).toEqual({
      'first.example': [
        {
          type: 'sigstoreSigned',
          pki: {
            caRootsData: base64(pemOf(root)),
            caIntermediatesData: base64(pemOf(between)),
            subjectEmail: 'a@b.example',
            subjectHostname: 'ci.example',
          },
          signedIdentity: { type: 'matchRepository' },
        },
      ],
    });
  });
});

describe('a policy of ours that a node cannot check', () => {
  const cases: readonly (readonly [string, object, string])[] = [
    ['annotations', { signature: { ...by(one), annotations: { a: 'b' } } }, 'annotations'],
    [
      'another repository',
      { signature: { ...by(one), from: { repository: 'a.example/signatures' } } },
      'own repository',
    ],
    ['a prefix of the tag', { signature: { ...by(one), from: { formats: ['tag'], tagPrefix: 'x-' } } }, 'prefix'],
    ['bundles alone', { signature: { ...by(one), from: { formats: ['bundle'] } } }, '.sig tag alone'],
    ['sha512', { signature: { keys: { anyOf: [{ pem: one }], hash: 'sha512' } } }, 'sha256'],
    ['the hash of the curve', { signature: { keys: { anyOf: [{ pem: two }], hash: 'byCurve' } } }, 'sha256'],
    ['a file of two keys', { signature: by(one + two) }, 'key'],
    ['certificate transparency', { signature: BY_IDENTITY }, 'certificate transparency'],
    [
      'two identities',
      { signature: { ...keyless(), keyless: { identities: [IDENTITY('a@b'), IDENTITY('c@d')] } } },
      'one identity',
    ],
    ['a pattern', { signature: keyless({}, { issuer: 'https://i.example', subjectPattern: '.*@b' }) }, 'exactly'],
    ['a pattern of issuers', { signature: keyless({}, { issuerPattern: 'https://.*', subject: 'a@b' }) }, 'exactly'],
    [
      'a workflow',
      { signature: keyless({}, IDENTITY('https://github.com/a/b/.github/workflows/c@refs/heads/d')) },
      'e-mail',
    ],
    [
      'an address that stands as a URI',
      { signature: keyless({}, { ...IDENTITY('a@b'), subjectKind: 'uri' }) },
      'e-mail',
    ],
    [
      'two logs',
      { signature: keyless({ ...rootWithLogs(), transparencyLog: { threshold: 2 } }) },
      'one transparency log',
    ],
    ['two witnesses', { signature: keyless({ ...rootWithLogs(), time: { threshold: 2 } }) }, 'one witness'],
    ['two of three', { atLeast: { count: 2, of: [one, two, log].map((pem) => ({ signature: by(pem) })) } }, 'so many'],
    ['two signers of three', { quorum: { count: 2, of: [by(one), by(two), by(log)] } }, 'different signers'],
    ['two signers who may be one', { quorum: { count: 2, of: [by(one), by(two, `${one}\n`)] } }, 'different signers'],
    [
      'a signer of an address and one with a key',
      { quorum: { count: 2, of: [by(one), keyless()] } },
      'different signers',
    ],
    ['a key or an address', { anyOf: [{ signature: by(one) }, { signature: keyless() }] }, '“or”'],
    [
      'keys with different names',
      { anyOf: [{ signature: by(one) }, { signature: { ...by(two), names: { match: 'exact' } } }] },
      '“or”',
    ],
    [
      'one of them within another',
      { allOf: [{ signature: by(one) }, { signature: { ...by(two), annotations: { a: 'b' } } }] },
      'annotations',
    ],
  ];

  it.each(cases)('is %s: nothing is written', async (_, require, says) => {
    const came = await rendered([
      own(require),
      written({ name: 'other', images: ['second.example'], signature: by(one) }),
    ]);
    expect(came.files).toEqual([]);
    expect(came.losses).toHaveLength(1);
    expect(came.losses[0]).toContain('ClusterImagePolicy policy: ');
    expect(came.losses[0]).toContain(says);
  });

  it.each(cases)('is %s: when the rest is asked for, its images are rejected', async (_, require) => {
    const other = written({ name: 'other', images: ['first.example/app', 'second.example'], signature: by(one) });
    const came = await rendered([own(require), other], { isPartial: true });
    expect(dockerOf(came)).toEqual({
      'first.example': [REJECT],
      'first.example/app': [REJECT, signed(one)],
      'second.example': [signed(one)],
    });
    expect(came.losses).toHaveLength(1);
  });

  it('has a mode that nodes do not know: they enforce, and that is said', async () => {
    const { notes, losses } = await rendered([
      own({ signature: by(one) }, ['first.example'], { spec: { mode: 'audit' } }),
    ]);
    expect(notes).toContain('ClusterImagePolicy policy: its mode is audit, and nodes enforce');
    expect(losses).toEqual([]);
  });

  it('is a broken one, and one whose key is not there: nothing else is looked at', async () => {
    expect(await refusal([own({ signature: {} })])).toContain('spec.require');
    expect(await refusal([own({ signature: { keys: { anyOf: [{ file: 'gone.pem' }] } } })])).toContain('gone.pem');
  });

  it('takes keys from files beside it, which are not policies themselves', async () => {
    const policy = own({ signature: { keys: { anyOf: [{ file: 'key.pem' }] } } });
    const came = await rendering({ 'policy.yaml': policy, 'key.pem': one });
    if (!('files' in came)) return expect.fail(came.join());
    expect(dockerOf(came)).toEqual({ 'first.example': [signed(one)] });
  });
});

describe('which images a node asks it of', () => {
  it('is what every policy demands, though the most specific scope alone counts there', async () => {
    const came = await rendered([
      own({ signature: by(one) }, ['first.example'], { name: 'wide' }),
      own({ signature: by(two) }, ['first.example/team/app', '*.example', 'first.example/team'], { name: 'narrow' }),
      own({ accept: { reason: 'free' } }, ['first.example/team/free', 'second.test'], { name: 'free' }),
    ]);
    expect(dockerOf(came)).toEqual({
      '*.example': [signed(two)],
      'first.example': [signed(one), signed(two)],
      'first.example/team': [signed(one), signed(two)],
      'first.example/team/app': [signed(one), signed(two)],
      'first.example/team/free': [signed(one), signed(two)],
      'second.test': [ANYTHING],
    });
  });

  it('adds a namespace’s policies to the cluster’s, which they cannot replace', async () => {
    const came = await rendered([
      own({ signature: by(one) }, ['first.example']),
      own({ accept: { reason: 'free' } }, ['first.example/app'], { name: 'own', namespace: 'team-a' }),
      own({ signature: by(two) }, ['second.example'], { name: 'more', namespace: 'team-a' }),
    ]);
    expect(came.files.map(({ path }) => path)).toEqual([
      '/etc/containers/policy.json',
      '/etc/containers/registries.d/sigstore-registries.yaml',
      '/etc/crio/policies/team-a.json',
    ]);
    expect(dockerOf(came)).toEqual({ 'first.example': [signed(one)] });
    expect(dockerOf(came, '/etc/crio/policies/team-a.json')).toEqual({
      'first.example': [signed(one)],
      'first.example/app': [signed(one)],
      'second.example': [signed(two)],
    });
  });

  it.each([
    ['**', ''],
    ['first.example/**', 'first.example'],
    ['First.example:5000/team/**', 'first.example:5000/team'],
    ['index.docker.io/**', 'docker.io'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
  ])('is %s as the scope %j', async (item, scope) => {
    expect(Object.keys(dockerOf(await rendered([own({ signature: by(one) }, [item])])))).toEqual([scope]);
  });

  it.each([
    ['first.example/*', 'first.example'],
    ['first.example/team/*/app', 'first.example/team'],
    ['first.example/team/app-*', 'first.example/team'],
    ['first.example/**/app', 'first.example'],
    ['first.example/app:v*', 'first.example/app'],
    ['first.example/team/**:v1', 'first.example/team'],
    ['**/app', ''],
    ['*.first.example/app', ''],
  ])('is %s only by rejecting all of %j', async (item, scope) => {
    const policy = own({ signature: by(one) }, [item]);
    expect((await rendered([policy])).losses).toEqual([
      `ClusterImagePolicy policy: nodes know no globs such as ${item}`,
    ]);
    expect(dockerOf(await rendered([policy], { isPartial: true }))).toEqual({ [scope]: [REJECT] });
  });

  it('turns attachments on for its scopes, for their mirrors, and everywhere where it is for everything', async () => {
    const mirrors = {
      apiVersion: 'config.openshift.io/v1',
      kind: 'ImageDigestMirrorSet',
      metadata: { name: 'mirrors' },
      spec: {
        imageDigestMirrors: [
          { source: 'docker.io', mirrors: ['mirror.example/hub'] },
          { source: 'first.example/team', mirrors: ['mirror.example/team'] },
        ],
      },
    };
    const came = await rendered([own({ signature: by(one) }, ['docker.io', 'first.example/team/app', '**']), mirrors]);
    expect(came.files.find(({ path }) => path.endsWith('.yaml'))?.text).toBe(
      [
        'default-docker:',
        '  use-sigstore-attachments: true',
        'docker:',
        ...['docker.io', 'first.example/team/app', 'mirror.example/hub', 'mirror.example/team/app'].flatMap((name) => [
          `  ${name}:`,
          '    use-sigstore-attachments: true',
        ]),
        '',
      ].join('\n'),
    );
  });
});

function IDENTITY(subject: string): { issuer: string; subject: string } {
  return { issuer: 'https://i.example', subject };
}

function rootWithLogs(): object {
  const { pem } = keyless().trustedRoot;
  const second = { key: { pem: createSigner().publicKeyPem }, url: 'https://rekor2.example.com' };
  return { trustedRoot: { pem: { ...pem, transparencyLogs: [...pem.transparencyLogs, second] } } };
}
