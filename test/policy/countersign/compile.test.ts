import { describe, expect, it } from 'vitest';
import { BY_IDENTITY, BY_KEY, leaf, PEM, policy, problems, required } from './objects.ts';

const INLINE = { kind: 'inline', text: PEM };
const file = (path: string) => ({ kind: 'inline', text: `what ${path} holds` });

const WHERE = {
  stores: ['cosign-tag', 'sigstore-bundle', 'cosign-referrer'],
  storage: 'registry',
  repository: 'own',
  tagPrefix: '',
  attempts: 64,
};

describe('compiling', () => {
  it('a public key is the whole leaf, with nothing left to be assumed', () => {
    expect(policy({})).toEqual({
      dialect: 'countersign',
      policy: {
        origin: { kind: 'ClusterImagePolicy', namespace: undefined, name: 'policy', source: 'test', generation: 3 },
        mode: undefined,
        subjectRule: 'indexOrEveryInstance',
        evidence: 'isolate',
        state: {
          kind: 'ready',
          require: {
            kind: 'some',
            leaf: {
              name: 'policy',
              where: WHERE,
              proof: { kind: 'keys', keys: [INLINE], hash: 'usual', transparency: 'none' },
              signer: 'any',
              names: { kind: 'unchecked' },
              conditions: [],
              about: 'none',
            },
          },
        },
      },
      holdsIn: { kind: 'cluster' },
      reach: [{ written: 'example.com', canonical: 'example.com' }],
      problems: [],
      warnings: [],
    });
  });

  it('an ImagePolicy holds in its namespace', () => {
    const { holdsIn, policy: compiled } = policy({ namespace: 'team-a' });
    expect(holdsIn).toEqual({ kind: 'namespace', namespace: 'team-a' });
    expect(compiled.origin).toMatchObject({ kind: 'ImagePolicy', namespace: 'team-a' });
  });

  it.each([
    ['asWritten', 'asResolved'],
    ['indexOrEvery', 'indexOrEveryInstance'],
    ['every', 'everyInstance'],
  ])('instances: %s is %s [M9]', (instances, rule) => {
    expect(policy({ spec: { instances } }).policy.subjectRule).toBe(rule);
  });

  it('a signature has its own name for people where it is given one', () => {
    expect(leaf({ ...BY_KEY, name: 'the build' }).name).toBe('the build');
  });
});

describe('keys', () => {
  it.each([
    ['usual', 'usual'],
    ['sha256', 'sha256'],
    ['sha384', 'sha384'],
    ['sha512', 'sha512'],
    ['byCurve', 'by-curve'],
  ])('hash: %s is asked for as such', (hash, rule) => {
    expect(leaf({ keys: { anyOf: [{ pem: PEM }], hash } }).proof).toMatchObject({ hash: rule });
  });

  it('are any of several, written out or in files', () => {
    expect(leaf({ keys: { anyOf: [{ pem: PEM }, { file: 'keys/b.pub' }] } }).proof).toMatchObject({
      kind: 'keys',
      keys: [INLINE, file('keys/b.pub')],
    });
  });

  it('with a file that could not be read stay a policy, whose signature then cannot be verified [M8]', () => {
    const gone = { kind: 'unavailable', why: 'it is not there' } as const;
    const compiled = policy({ signature: { keys: { anyOf: [{ file: 'a.pub' }] } } }, { material: () => gone });
    expect(required(compiled)).toMatchObject({ leaf: { proof: { kind: 'keys', keys: [gone] } } });
  });

  it('with a log or a witness become a rule about a sigstore instance, and what is not asked for is none', () => {
    const keys = { anyOf: [{ pem: PEM }], hash: 'sha256' };
    const sigstore = {
      kind: 'sigstore',
      root: { kind: 'publicGood' },
      signer: { keys: [INLINE], hash: 'sha256' },
      transparency: 'none',
      time: 'none',
      certificateTransparency: 'none',
    };
    const trustedRoot = { publicGood: {} };
    expect(leaf({ keys, trustedRoot, transparencyLog: { threshold: 2 } }).proof).toEqual({
      ...sigstore,
      transparency: { threshold: 2 },
    });
    expect(leaf({ keys, trustedRoot, time: { threshold: 1, by: 'authorities' } }).proof).toEqual({
      ...sigstore,
      time: { threshold: 1, by: 'authorities' },
    });
    expect(leaf({ keys, trustedRoot, time: { threshold: 3 }, transparencyLog: 'none' }).proof).toEqual({
      ...sigstore,
      time: { threshold: 3, by: 'anyone' },
    });
  });

  it('that say none of both say what holds anyway', () => {
    expect(leaf({ ...BY_KEY, transparencyLog: 'none', time: 'none' })).toEqual(leaf(BY_KEY));
  });
});

describe('keyless', () => {
  it('asks for a log, a witness of the time and a certificate transparency log unless told otherwise', () => {
    expect(leaf(BY_IDENTITY)).toEqual({
      name: 'policy',
      where: WHERE,
      proof: {
        kind: 'sigstore',
        root: { kind: 'publicGood' },
        signer: 'certificate',
        transparency: { threshold: 1 },
        time: { threshold: 1, by: 'anyone' },
        certificateTransparency: { threshold: 1 },
      },
      signer: {
        kind: 'identities',
        anyOf: [
          {
            issuer: { kind: 'exact', text: 'https://issuer.example' },
            subject: { of: 'anyName', text: { kind: 'exact', text: 'release@example.com' } },
          },
        ],
      },
      names: { kind: 'unchecked' },
      conditions: [],
      about: 'none',
    });
  });

  it('asks for what it is told', () => {
    const { proof } = leaf({
      ...BY_IDENTITY,
      transparencyLog: 'none',
      time: { threshold: 2, by: 'logs' },
      certificateTransparency: { threshold: 2 },
    });
    expect(proof).toMatchObject({
      transparency: 'none',
      time: { threshold: 2, by: 'logs' },
      certificateTransparency: { threshold: 2 },
    });
    expect(leaf({ ...BY_IDENTITY, certificateTransparency: 'none' }).proof).toMatchObject({
      certificateTransparency: 'none',
    });
  });

  it('takes identities as texts and as patterns, which must match the whole text', () => {
    const identities = [
      { issuerPattern: 'https://.*\\.example', subjectPattern: 'https://git\\.example/acme/.*', subjectKind: 'uri' },
      { issuer: 'https://issuer.example', subject: 'a@b.example', subjectKind: 'email' },
      { issuer: 'https://issuer.example', subject: 'host.example', subjectKind: 'dns' },
      { issuer: 'https://issuer.example', subject: 'someone', subjectKind: 'otherName' },
      { issuer: 'https://issuer.example', subject: 'someone', subjectKind: 'any' },
    ];
    const exact = (text: string) => ({ kind: 'exact', text });
    expect(leaf({ ...BY_IDENTITY, keyless: { identities } }).signer).toEqual({
      kind: 'identities',
      anyOf: [
        {
          issuer: { kind: 'pattern', pattern: 'https://.*\\.example', anchored: true },
          subject: { of: 'uri', text: { kind: 'pattern', pattern: 'https://git\\.example/acme/.*', anchored: true } },
        },
        { issuer: exact('https://issuer.example'), subject: { of: 'email', text: exact('a@b.example') } },
        { issuer: exact('https://issuer.example'), subject: { of: 'dns', text: exact('host.example') } },
        { issuer: exact('https://issuer.example'), subject: { of: 'otherName', text: exact('someone') } },
        { issuer: exact('https://issuer.example'), subject: { of: 'anyName', text: exact('someone') } },
      ],
    });
  });

  it.each([
    [{ publicGood: {} }, { kind: 'publicGood' }],
    [{ file: 'root.json' }, { kind: 'trustedRoot', document: file('root.json') }],
    [{ json: '{"tlogs":[]}' }, { kind: 'trustedRoot', document: { kind: 'inline', text: '{"tlogs":[]}' } }],
    [
      {
        pem: {
          certificateAuthorities: [{ file: 'fulcio.pem' }],
          transparencyLogs: [{ key: { file: 'rekor.pub' }, url: 'https://rekor.example.com' }],
          certificateTransparencyLogs: [{ file: 'ct.pub' }],
          timestampAuthorities: [{ pem: PEM }],
        },
      },
      {
        kind: 'pem',
        certificateAuthorities: [file('fulcio.pem')],
        transparencyLogs: [{ key: file('rekor.pub'), url: 'https://rekor.example.com' }],
        certificateLogs: [file('ct.pub')],
        timestampAuthorities: [INLINE],
      },
    ],
  ])('believes the instance %j', (trustedRoot, root) => {
    expect(leaf({ ...BY_IDENTITY, trustedRoot }).proof).toMatchObject({ kind: 'sigstore', root });
  });

  it('needs of an instance by keys and certificates only what it asks for', () => {
    const pem = { certificateAuthorities: [{ file: 'fulcio.pem' }], timestampAuthorities: [{ file: 'tsa.pem' }] };
    const { proof } = leaf({
      ...BY_IDENTITY,
      trustedRoot: { pem },
      transparencyLog: 'none',
      certificateTransparency: 'none',
      time: { threshold: 1, by: 'authorities' },
    });
    expect(proof).toMatchObject({ root: { transparencyLogs: [], certificateLogs: [] } });
  });
});

describe('certificates of an authority of one’s own', () => {
  it.each([
    [{ email: 'a@b.example' }, { email: { kind: 'exact', text: 'a@b.example' }, hostname: 'any' }],
    [{ hostname: 'c.example' }, { email: 'any', hostname: { kind: 'exact', text: 'c.example' } }],
    [
      { email: 'a@b.example', hostname: 'c.example' },
      { email: { kind: 'exact', text: 'a@b.example' }, hostname: { kind: 'exact', text: 'c.example' } },
    ],
  ])('are valid now, for %j', (subject, signer) => {
    const certificate = { roots: [{ file: 'root.pem' }], intermediates: [{ pem: PEM }], subject };
    expect(leaf({ certificate })).toMatchObject({
      proof: { kind: 'certificates', roots: [file('root.pem')], intermediates: [INLINE], validAt: 'now' },
      signer: { kind: 'subject', ...signer },
    });
  });

  it('need no intermediates, and may say that no log is asked for', () => {
    const certificate = { roots: [{ file: 'root.pem' }], subject: { email: 'a@b.example' } };
    expect(leaf({ certificate, transparencyLog: 'none', time: 'none' }).proof).toMatchObject({ intermediates: [] });
  });
});

describe('what a signature must be besides', () => {
  it.each([
    [{ match: 'unchecked' }, { kind: 'unchecked' }],
    [{ match: 'exact' }, { kind: 'matchExact' }],
    [{ match: 'exact', unnamed: 'refuse' }, { kind: 'matchExact' }],
    [{ match: 'repoDigestOrExact' }, { kind: 'matchRepoDigestOrExact' }],
    [
      { match: 'repository', unnamed: 'accept' },
      { kind: 'ifNamed', rule: { kind: 'matchRepository' } },
    ],
    [
      { match: 'exactReference', reference: 'a.example/b:1' },
      { kind: 'exactReference', reference: 'a.example/b:1' },
    ],
    [
      { match: 'exactRepository', repository: 'a.example/b', unnamed: 'accept' },
      { kind: 'ifNamed', rule: { kind: 'exactRepository', repository: 'a.example/b' } },
    ],
    [
      { match: 'remap', prefix: 'mirror.example', signedPrefix: 'vendor.example/a' },
      { kind: 'remapIdentity', prefix: 'mirror.example', signedPrefix: 'vendor.example/a' },
    ],
    [
      { match: 'remapRepository', prefix: 'mirror.example', signedPrefix: 'vendor.example/a' },
      { kind: 'remapRepository', prefix: 'mirror.example', signedPrefix: 'vendor.example/a' },
    ],
  ])('names: %j', (names, rule) => {
    expect(leaf({ ...BY_KEY, names }).names).toEqual(rule);
  });

  it.each([
    [{}, WHERE],
    [
      { repository: 'signatures.example:5000/all' },
      { ...WHERE, repository: { host: 'signatures.example:5000', path: 'all' } },
    ],
    [{ tagPrefix: 'release-' }, { ...WHERE, tagPrefix: 'release-' }],
    [{ formats: ['bundle'] }, { ...WHERE, stores: ['sigstore-bundle'] }],
    [{ formats: ['referrer', 'tag'] }, { ...WHERE, stores: ['cosign-referrer', 'cosign-tag'] }],
    [{ limit: 256 }, { ...WHERE, attempts: 256 }],
  ])('from: %j', (from, where) => {
    expect(leaf({ ...BY_KEY, from }).where).toEqual(where);
  });

  it('annotations, each a condition', () => {
    expect(leaf({ ...BY_KEY, annotations: { stage: 'release', file: 'no path' } }).conditions).toEqual([
      { kind: 'annotation', name: 'stage', value: 'release' },
      { kind: 'annotation', name: 'file', value: 'no path' },
    ]);
  });
});

describe('requirements', () => {
  const some = { signature: BY_KEY };

  it.each([
    [{ accept: { reason: 'built here' } }, { kind: 'accept' }],
    [{ reject: { message: 'Ask the platform team.' } }, { kind: 'reject', says: 'Ask the platform team.' }],
    [{ allOf: [some, some] }, { kind: 'allOf', of: [{ kind: 'some' }, { kind: 'some' }] }],
    [{ anyOf: [some, { accept: { reason: 'x' } }] }, { kind: 'anyOf', of: [{ kind: 'some' }, { kind: 'accept' }] }],
    [{ atLeast: { count: 1, of: [some, some] } }, { kind: 'kOf', k: 1, of: [{ kind: 'some' }, { kind: 'some' }] }],
    [
      { quorum: { count: 2, of: [BY_KEY, BY_IDENTITY] } },
      { kind: 'quorum', k: 2, of: [{ proof: { kind: 'keys' } }, { proof: { kind: 'sigstore' } }] },
    ],
  ])('%j', (require, compiled) => {
    const made = required(policy({ require }));
    expect(made).toMatchObject(compiled);
    if ('of' in made) expect(made.of).toHaveLength(2);
  });

  it('nest eight deep', () => {
    let require: object = some;
    for (let depth = 1; depth < 8; depth++) require = depth % 2 === 0 ? { allOf: [require] } : { anyOf: [require] };
    expect(required(policy({ require })).kind).toBe('anyOf');
  });

  it('show what they tell people without what moves the text around it', () => {
    const require = required(policy({ require: { reject: { message: 'no\u202e\n' } } }));
    expect(require).toEqual({ kind: 'reject', says: 'no\\u202e\\u000a' });
  });
});

describe('the mode', () => {
  const annotations = { 'countersign.dev/mode': 'audit' };

  it('is that of the field, of the annotation, of both, or else of the entry', () => {
    expect(policy({ spec: { mode: 'audit' } }, { mode: 'warn' }).policy.mode).toBe('audit');
    expect(policy({ annotations }, { mode: 'warn' }).policy.mode).toBe('audit');
    expect(policy({ annotations, spec: { mode: 'audit' } }).policy.mode).toBe('audit');
    expect(policy({}, { mode: 'warn' }).policy.mode).toBe('warn');
    expect(policy({}).policy.mode).toBeUndefined();
  });

  it.each([
    [
      { annotations, spec: { mode: 'warn' } },
      'metadata.annotations[countersign.dev/mode]: says another mode than spec.mode: keep one of them',
    ],
    [{ spec: { mode: 'off' } }, 'spec.mode: must be audit or warn or deny, not "off"'],
    [
      { annotations: { 'countersign.dev/mode': 'off' } },
      'metadata.annotations[countersign.dev/mode]: must be audit or warn or deny, not "off"',
    ],
  ])('that cannot be told breaks the policy, which is then enforced: %j', (how, message) => {
    const compiled = policy(how, { mode: 'audit' });
    expect(problems(compiled)).toEqual([message]);
    expect(compiled.policy.mode).toBeUndefined();
    expect(compiled.policy.state.kind).toBe('broken');
  });

  it('stays where the policy is broken for another reason [M8]', () => {
    const compiled = policy({ spec: { mode: 'audit' }, require: {} });
    expect(compiled.policy).toMatchObject({ mode: 'audit', state: { kind: 'broken' } });
  });

  it.each([
    ['countersign.dev/instances', 'every', 'is for OpenShift’s policies: write spec.instances'],
    [
      'countersign.dev/unnamed-signatures',
      'accept',
      'is for OpenShift’s policies: write names.unnamed of the signature',
    ],
  ])('has an annotation; %s has not, and would be overlooked', (name, value, message) => {
    const compiled = policy({ annotations: { [name]: value } });
    expect(problems(compiled)).toEqual([`metadata.annotations[${name}]: ${message}`]);
  });

  it('other annotations of this prefix are warned about', () => {
    const { warnings } = policy({ annotations: { 'countersign.dev/note': 'x', 'other.example/x': 'y' } });
    expect(warnings.map(({ message }) => message)).toEqual(['the annotation countersign.dev/note means nothing here']);
  });
});
