import { describe, expect, it } from 'vitest';
import { BY_IDENTITY, BY_KEY, compile, PEM, policy, problems, written } from './objects.ts';

const AT = 'spec.require.signature';
const FIELDS =
  'name, keys, keyless, certificate, trustedRoot, transparencyLog, time, certificateTransparency, from, names, annotations';
const identity = (one: object) => ({ ...BY_IDENTITY, keyless: { identities: [one] } });
const issuer = 'https://issuer.example';
const subject = 'a@b.example';
const certificate = { roots: [{ pem: PEM }], subject: { email: subject } };

describe('what is no signature is refused, with the place and a sentence to act on', () => {
  it.each<[unknown, ...string[]]>([
    [{}, `${AT}: must have exactly one of keys, keyless, certificate; there is none`],
    [
      { ...BY_KEY, keyless: BY_IDENTITY.keyless, trustedRoot: { publicGood: {} } },
      `${AT}: must have exactly one of keys, keyless, certificate; there are keys and keyless`,
    ],
    [{ ...BY_KEY, key: 1 }, `${AT}.key: unknown field; known here: ${FIELDS}`],
    [{ ...BY_KEY, 'a b': 1 }, `${AT}["a b"]: unknown field; known here: ${FIELDS}`],
    [{ ...BY_KEY, name: '' }, `${AT}.name: must not be empty`],
    [{ ...BY_KEY, name: 7 }, `${AT}.name: must be a text, not a number`],
    [{ ...BY_KEY, name: null }, `${AT}.name: must be a text, not empty`],
    ['cosign.pub', `${AT}: must be an object of fields, not a text`],
    // Keys
    [{ keys: {} }, `${AT}.keys.anyOf: is required`],
    [{ keys: { anyOf: [] } }, `${AT}.keys.anyOf: must not be empty`],
    [{ keys: { anyOf: 'a.pub' } }, `${AT}.keys.anyOf: must be a list, not a text`],
    [{ keys: { anyOf: [{}] } }, `${AT}.keys.anyOf[0]: must have exactly one of pem, file; there is none`],
    [
      { keys: { anyOf: [{ pem: PEM, file: 'a' }] } },
      `${AT}.keys.anyOf[0]: must have exactly one of pem, file; there are pem and file`,
    ],
    [{ keys: { anyOf: [{ file: '' }] } }, `${AT}.keys.anyOf[0].file: must not be empty`],
    [{ keys: { anyOf: [{ file: 'a\0b' }] } }, `${AT}.keys.anyOf[0].file: holds a NUL character, which no path does`],
    [{ keys: { anyOf: [{ file: 'a'.repeat(4097) }] } }, `${AT}.keys.anyOf[0].file: must have at most 4096 characters`],
    [
      { keys: { anyOf: Array.from({ length: 65 }, () => ({ pem: PEM })) } },
      `${AT}.keys.anyOf: must have at most 64 items`,
    ],
    [
      { keys: { anyOf: [{ pem: PEM }], hash: 'md5' } },
      `${AT}.keys.hash: must be usual or sha256 or sha384 or sha512 or byCurve, not "md5"`,
    ],
    [{ ...BY_KEY, certificateTransparency: 'none' }, `${AT}.certificateTransparency: is for keyless alone`],
    [
      { ...BY_KEY, trustedRoot: { publicGood: {} } },
      `${AT}.trustedRoot: means nothing with keys unless transparencyLog or time is asked for`,
    ],
    [
      { ...BY_KEY, transparencyLog: { threshold: 1 } },
      `${AT}.trustedRoot: is required where transparencyLog or time is asked for: whose logs are believed?`,
    ],
    [
      { ...BY_KEY, time: { threshold: 1 } },
      `${AT}.trustedRoot: is required where transparencyLog or time is asked for: whose logs are believed?`,
    ],
    // Identities
    [{ ...BY_IDENTITY, keyless: {} }, `${AT}.keyless.identities: is required`],
    [{ ...BY_IDENTITY, keyless: { identities: [] } }, `${AT}.keyless.identities: must not be empty`],
    [
      identity({ issuer }),
      `${AT}.keyless.identities[0]: must have exactly one of subject, subjectPattern; there is none`,
    ],
    [
      identity({ subject }),
      `${AT}.keyless.identities[0]: must have exactly one of issuer, issuerPattern; there is none`,
    ],
    [
      identity({ issuer, issuerPattern: 'a', subject }),
      `${AT}.keyless.identities[0]: must have exactly one of issuer, issuerPattern; there are issuer and issuerPattern`,
    ],
    [
      identity({ issuer, subject, subjectPattern: 'a' }),
      `${AT}.keyless.identities[0]: must have exactly one of subject, subjectPattern; there are subject and subjectPattern`,
    ],
    [identity({ issuer: '', subject }), `${AT}.keyless.identities[0].issuer: must not be empty`],
    [identity({ issuer, subjectPattern: '' }), `${AT}.keyless.identities[0].subjectPattern: must not be empty`],
    [
      identity({ issuer, subject, subjectKind: 'ip' }),
      `${AT}.keyless.identities[0].subjectKind: must be any or email or uri or dns or otherName, not "ip"`,
    ],
    [{ keyless: BY_IDENTITY.keyless }, `${AT}.trustedRoot: is required with keyless: whose certificates are believed?`],
    [
      { ...BY_IDENTITY, time: 'none' },
      `${AT}.time: must not be none with keyless, whose certificates live some minutes: ask for a witness`,
    ],
    // Certificates
    [
      { certificate: { ...certificate, subject: {} } },
      `${AT}.certificate.subject: must have an email or a hostname: without one, everybody whom the authority knows would be trusted`,
    ],
    [{ certificate: { roots: [{ pem: PEM }] } }, `${AT}.certificate.subject: is required`],
    [{ certificate: { ...certificate, intermediates: [] } }, `${AT}.certificate.intermediates: must not be empty`],
    [
      { certificate, trustedRoot: { publicGood: {} } },
      `${AT}.trustedRoot: is not for certificate, which has its own roots: leave it out`,
    ],
    [
      { certificate, transparencyLog: { threshold: 1 }, time: { threshold: 1 } },
      `${AT}.transparencyLog: is not for certificate, which must be valid at the moment: leave it out`,
      `${AT}.time: is not for certificate, which must be valid at the moment: leave it out`,
    ],
    [{ certificate, certificateTransparency: { threshold: 1 } }, `${AT}.certificateTransparency: is for keyless alone`],
    // Thresholds
    [{ ...BY_IDENTITY, transparencyLog: { threshold: 0 } }, `${AT}.transparencyLog.threshold: must be at least 1`],
    [{ ...BY_IDENTITY, transparencyLog: { threshold: 17 } }, `${AT}.transparencyLog.threshold: must be at most 16`],
    [
      { ...BY_IDENTITY, transparencyLog: { threshold: 1.5 } },
      `${AT}.transparencyLog.threshold: must be a whole number, not a number`,
    ],
    [{ ...BY_IDENTITY, transparencyLog: {} }, `${AT}.transparencyLog.threshold: is required`],
    [
      { ...BY_IDENTITY, transparencyLog: 1 },
      `${AT}.transparencyLog: must be none, or an object of fields, not a number`,
    ],
    [
      { ...BY_IDENTITY, transparencyLog: 'off' },
      `${AT}.transparencyLog: must be none, or an object of fields, not "off"`,
    ],
    [
      { ...BY_IDENTITY, transparencyLog: null },
      `${AT}.transparencyLog: must be none, or an object of fields, not empty`,
    ],
    [
      { ...BY_IDENTITY, certificateTransparency: { threshold: 0 } },
      `${AT}.certificateTransparency.threshold: must be at least 1`,
    ],
    [{ ...BY_IDENTITY, time: { threshold: 0 } }, `${AT}.time.threshold: must be at least 1`],
    [
      { ...BY_IDENTITY, time: { threshold: 1, by: 'me' } },
      `${AT}.time.by: must be anyone or logs or authorities, not "me"`,
    ],
    [
      { ...BY_IDENTITY, time: { threshold: 1, from: 'me' } },
      `${AT}.time.from: unknown field; known here: threshold, by`,
    ],
    // Roots
    [
      { ...BY_IDENTITY, trustedRoot: {} },
      `${AT}.trustedRoot: must have exactly one of publicGood, file, json, pem; there is none`,
    ],
    [
      { ...BY_IDENTITY, trustedRoot: { publicGood: {}, file: 'a' } },
      `${AT}.trustedRoot: must have exactly one of publicGood, file, json, pem; there are publicGood and file`,
    ],
    [
      { ...BY_IDENTITY, trustedRoot: { publicGood: true } },
      `${AT}.trustedRoot.publicGood: must be an object of fields, not true or false`,
    ],
    [
      { ...BY_IDENTITY, trustedRoot: { pem: {} } },
      `${AT}.trustedRoot.pem.certificateAuthorities: is required with keyless: whose certificates are believed?`,
      `${AT}.trustedRoot.pem.transparencyLogs: has 0, and transparencyLog asks for 1`,
      `${AT}.trustedRoot.pem.certificateTransparencyLogs: has 0, and certificateTransparency asks for 1: add them, or write certificateTransparency: none`,
      `${AT}.trustedRoot.pem.timestampAuthorities: time asks for 1 witnesses, and there are 0`,
    ],
    [
      {
        ...BY_KEY,
        time: { threshold: 2, by: 'logs' },
        trustedRoot: { pem: { transparencyLogs: [{ key: { pem: PEM }, url: 'https://rekor.example' }] } },
      },
      `${AT}.trustedRoot.pem.transparencyLogs: time asks for 2 witnesses, and there are 1`,
    ],
    [
      {
        ...BY_KEY,
        time: { threshold: 1, by: 'authorities' },
        trustedRoot: { pem: { transparencyLogs: [{ key: { pem: PEM }, url: 'https://rekor.example' }] } },
      },
      `${AT}.trustedRoot.pem.timestampAuthorities: time asks for 1 witnesses, and there are 0`,
    ],
    [
      {
        ...BY_KEY,
        transparencyLog: { threshold: 1 },
        trustedRoot: { pem: { transparencyLogs: [{ key: { pem: PEM }, url: 'rekor.example' }] } },
      },
      `${AT}.trustedRoot.pem.transparencyLogs[0].url: is no http or https URL, such as https://rekor.example.com`,
    ],
    // Where
    [
      { ...BY_KEY, from: { repository: 'signatures' } },
      `${AT}.from.repository: is no repository with its registry and without tag and digest, such as registry.example.com/team/app`,
    ],
    [
      { ...BY_KEY, from: { repository: 'a.example/b:1' } },
      `${AT}.from.repository: is no repository with its registry and without tag and digest, such as registry.example.com/team/app`,
    ],
    [
      { ...BY_KEY, from: { tagPrefix: '../' } },
      `${AT}.from.tagPrefix: makes no tag: it holds letters, digits, _, . and -, 53 of them at most`,
    ],
    [
      { ...BY_KEY, from: { tagPrefix: 'a'.repeat(54) } },
      `${AT}.from.tagPrefix: makes no tag: it holds letters, digits, _, . and -, 53 of them at most`,
    ],
    [
      { ...BY_KEY, from: { tagPrefix: 'a', formats: ['bundle'] } },
      `${AT}.from.tagPrefix: means nothing where formats does not hold tag`,
    ],
    [{ ...BY_KEY, from: { formats: [] } }, `${AT}.from.formats: must not be empty`],
    [{ ...BY_KEY, from: { formats: ['tag', 'tag'] } }, `${AT}.from.formats: names a format twice`],
    [
      { ...BY_KEY, from: { formats: ['notation'] } },
      `${AT}.from.formats[0]: must be tag or bundle or referrer, not "notation"`,
    ],
    [{ ...BY_KEY, from: { limit: 0 } }, `${AT}.from.limit: must be at least 1`],
    [{ ...BY_KEY, from: { limit: 257 } }, `${AT}.from.limit: must be at most 256`],
    // Names
    [{ ...BY_KEY, names: {} }, `${AT}.names.match: is required`],
    [
      { ...BY_KEY, names: { match: 'unchecked', unnamed: 'accept' } },
      `${AT}.names.unnamed: means nothing where match is unchecked`,
    ],
    [
      { ...BY_KEY, names: { match: 'exact', unnamed: 'yes' } },
      `${AT}.names.unnamed: must be refuse or accept, not "yes"`,
    ],
    [
      { ...BY_KEY, names: { match: 'exactReference' } },
      `${AT}.names.reference: is required where match is exactReference`,
    ],
    [
      { ...BY_KEY, names: { match: 'exactReference', reference: 'a.example/b' } },
      `${AT}.names.reference: is no image reference with its registry and a tag or digest, such as registry.example.com/app:1`,
    ],
    [
      { ...BY_KEY, names: { match: 'exactRepository', reference: 'a.example/b:1' } },
      `${AT}.names.reference: means nothing where match is exactRepository`,
      `${AT}.names.repository: is required where match is exactRepository`,
    ],
    [
      { ...BY_KEY, names: { match: 'remap', prefix: 'a.example' } },
      `${AT}.names.signedPrefix: is required where match is remap`,
    ],
    [
      { ...BY_KEY, names: { match: 'remapRepository', signedPrefix: 'b.example', repository: 'b.example/c' } },
      `${AT}.names.repository: means nothing where match is remapRepository`,
      `${AT}.names.prefix: is required where match is remapRepository`,
    ],
    [
      { ...BY_KEY, names: { match: 'remap', prefix: 'a.example/', signedPrefix: 'b.example' } },
      `${AT}.names.prefix: is no registry, nor one with the beginning of a repository behind it, such as mirror.example.com/vendor`,
    ],
    // Annotations
    [{ ...BY_KEY, annotations: { a: 1 } }, `${AT}.annotations.a: must be a text, not a number`],
    [{ ...BY_KEY, annotations: { 'a.example/b': '' } }, `${AT}.annotations["a.example/b"]: must not be empty`],
    [{ ...BY_KEY, annotations: { '': 'a' } }, `${AT}.annotations[""]: must not be empty`],
    [{ ...BY_KEY, annotations: ['a'] }, `${AT}.annotations: must be an object of fields, not a list`],
    [
      { ...BY_KEY, annotations: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, 'b'])) },
      `${AT}.annotations: must have at most 64 of them`,
    ],
  ])('%j', (signature, ...expected) => {
    expect(problems(policy({ signature }))).toEqual(expected);
  });

  it.each([
    ['a(', 'missing closing )'],
    ['(?=a)', 'invalid'],
    ['(a)\\1', 'invalid escape sequence'],
    ['(a{999}){999}', 'steps'],
    ['a.'.repeat(513), 'must have at most 1024 characters'],
  ])('a pattern %.30s that no linear-time engine takes', (subjectPattern, message) => {
    const [first, ...rest] = problems(policy({ signature: identity({ issuer, subjectPattern }) }));
    expect(first).toContain(`${AT}.keyless.identities[0].subjectPattern: `);
    expect(first).toContain(message);
    expect(rest).toEqual([]);
  });

  it('a private key is refused without being shown', () => {
    const pem = '-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----\n';
    const compiled = policy({ signature: { keys: { anyOf: [{ pem }] } } });
    expect(problems(compiled)).toEqual([
      `${AT}.keys.anyOf[0].pem: is a private key: give the public half, and keep this one secret`,
    ]);
    expect(JSON.stringify(compiled)).not.toContain('SECRET');
  });
});

describe('what is no requirement is refused', () => {
  const KINDS = 'signature, allOf, anyOf, atLeast, quorum, accept, reject';
  const some = { signature: BY_KEY };

  it.each<[unknown, ...string[]]>([
    [{}, `spec.require: must have exactly one of ${KINDS}; there is none`],
    [
      { ...some, accept: { reason: 'x' } },
      `spec.require: must have exactly one of ${KINDS}; there are signature and accept`,
    ],
    [
      { not: some },
      `spec.require.not: unknown field; known here: ${KINDS}`,
      `spec.require: must have exactly one of ${KINDS}; there is none`,
    ],
    [[some], 'spec.require: must be an object of fields, not a list'],
    [{ allOf: [] }, 'spec.require.allOf: must not be empty'],
    [{ anyOf: [] }, 'spec.require.anyOf: must not be empty'],
    [{ allOf: some }, 'spec.require.allOf: must be a list, not an object'],
    [
      { allOf: [some, { anyOf: [{}] }] },
      `spec.require.allOf[1].anyOf[0]: must have exactly one of ${KINDS}; there is none`,
    ],
    [{ atLeast: { count: 0, of: [some] } }, 'spec.require.atLeast.count: must be at least 1'],
    [{ atLeast: { count: 2, of: [some] } }, 'spec.require.atLeast.count: is 2, and there are only 1 to count'],
    [{ atLeast: { count: 1, of: [] } }, 'spec.require.atLeast.of: must not be empty'],
    [{ atLeast: { of: [some] } }, 'spec.require.atLeast.count: is required'],
    [{ atLeast: [some] }, 'spec.require.atLeast: must be an object of fields, not a list'],
    [{ quorum: { count: 0, of: [BY_KEY] } }, 'spec.require.quorum.count: must be at least 1'],
    [{ quorum: { count: 2, of: [BY_KEY] } }, 'spec.require.quorum.count: is 2, and there are only 1 to count'],
    [{ quorum: { count: 1, of: [] } }, 'spec.require.quorum.of: must not be empty'],
    [
      { quorum: { count: 1, of: [some] } },
      `spec.require.quorum.of[0].signature: unknown field; known here: ${FIELDS}`,
      'spec.require.quorum.of[0]: must have exactly one of keys, keyless, certificate; there is none',
    ],
    [{ accept: {} }, 'spec.require.accept.reason: is required'],
    [{ accept: { reason: '' } }, 'spec.require.accept.reason: must not be empty'],
    [{ accept: true }, 'spec.require.accept: must be an object of fields, not true or false'],
    [{ reject: {} }, 'spec.require.reject.message: is required'],
    [{ reject: { message: 'a'.repeat(1025) } }, 'spec.require.reject.message: must have at most 1024 characters'],
  ])('%j', (require, ...messages) => {
    expect(problems(policy({ require }))).toEqual(messages);
  });
});

describe('what is no policy is refused', () => {
  it.each<[Parameters<typeof policy>[0], string]>([
    [{ images: [] }, 'spec.images: must not be empty'],
    [{ images: 'a.example' }, 'spec.images: must be a list, not a text'],
    [{ images: Array.from({ length: 257 }, (_, i) => `a${i}.example`) }, 'spec.images: must have at most 256 items'],
    [{ images: [''] }, 'spec.images[0]: must not be empty'],
    [{ images: ['a.example', 7] }, 'spec.images[1]: must be a text, not a number'],
    [{ spec: { instances: 'all' } }, 'spec.instances: must be asWritten or indexOrEvery or every, not "all"'],
    [{ spec: { scopes: ['a.example'] } }, 'spec.scopes: unknown field; known here: mode, images, instances, require'],
    [{ name: '' }, 'metadata.name: Required value'],
    [{ annotations: { a: 1 } }, 'metadata.annotations[a]: must be a string'],
    [{ metadata: { annotation: { 'countersign.dev/mode': 'deny' } } }, 'unknown field "metadata.annotation"'],
    [
      { metadata: { namespace: 'team-a' } },
      'metadata.namespace: a ClusterImagePolicy holds everywhere: write an ImagePolicy for one namespace',
    ],
    [{ namespace: '' }, 'metadata.namespace: Required value: an ImagePolicy belongs to a namespace'],
  ])('%j', (how, message) => {
    expect(problems(policy(how))).toEqual([message]);
  });

  it.each([
    ['Release_Key', 'metadata.name: Invalid value: "Release_Key": a lowercase RFC 1123 subdomain'],
    ['a'.repeat(254), 'metadata.name: Invalid value: "aaa'],
  ])('a name %s', (name, message) => {
    expect(problems(policy({ name }))[0]).toContain(message);
  });

  it('an object without spec, and one with fields beside it', () => {
    const { spec: _, ...object } = written({});
    expect(problems(compile(object))).toEqual(['spec: is required']);
    expect(problems(compile({ ...object, spec: null }))).toEqual(['spec: must be an object of fields, not empty']);
    expect(problems(compile({ ...written({}), data: {} }))).toEqual(['unknown field "data"']);
  });

  it('whatever is in place of each field, without an exception and never as a policy that is ready [hostile]', () => {
    const wrong = [null, 7, '', [], {}, true, [[]], [null], { a: 1 }, 'a'.repeat(600)];
    for (const path of ['images', 'require', 'mode', 'instances']) {
      for (const value of wrong) {
        expect(policy({ spec: { [path]: value } }).policy.state.kind, `${path} ${JSON.stringify(value)}`).toBe(
          'broken',
        );
      }
    }
    for (const value of wrong) {
      expect(compile({ ...written({}), metadata: value }).policy.state.kind).toBe('broken');
      expect(compile({ ...written({}), spec: value }).policy.state.kind).toBe('broken');
    }
  });
});

describe('how far an object may go [hostile]', () => {
  function nested(depth: number): object {
    let require: object = { signature: BY_KEY };
    for (let level = 1; level < depth; level++) require = { allOf: [require] };
    return require;
  }
  const wide = (signatures: number) => ({
    anyOf: Array.from({ length: 5 }, (_, i) => ({
      quorum: { count: 1, of: Array.from({ length: Math.floor((signatures + i) / 5) }, () => BY_KEY) },
    })),
  });

  it('requirements nest eight deep and no deeper', () => {
    expect(policy({ require: nested(8) }).policy.state.kind).toBe('ready');
    expect(problems(policy({ require: nested(9) }))).toEqual([
      `spec.require${'.allOf[0]'.repeat(8)}: requirements nest deeper than 8`,
    ]);
  });

  it('at most 256 requirements and signatures, those of a quorum counted', () => {
    expect(policy({ require: wide(250) }).policy.state.kind).toBe('ready');
    expect(problems(policy({ require: wide(251) }))).toEqual([
      'spec.require: has more than 256 requirements and signatures',
    ]);
  });

  it('what nests deep enough to exhaust the stack is refused before', () => {
    expect(problems(policy({ require: nested(100_000) }))).toEqual(['spec: nests deeper than any policy does']);
  });

  it('a spec of too many values is refused before anybody looks at them', () => {
    const images = Array.from({ length: 25_000 }, (_, i) => i);
    expect(problems(policy({ images }))).toEqual(['spec: holds more than 20000 values']);
  });

  it('at most 128 patterns, each of which takes some milliseconds to make ready', () => {
    const patterns = (count: number) => {
      const identities = Array.from({ length: count / 2 }, (_, i) => ({
        issuerPattern: `a${i}`,
        subjectPattern: `b${i}`,
      }));
      return policy({ signature: { ...BY_IDENTITY, keyless: { identities } } });
    };
    expect(patterns(128).policy.state.kind).toBe('ready');
    expect(problems(patterns(130))).toEqual(['spec: has more than 128 patterns']);
  });

  it('a field of the name __proto__, which a look at names would leave out', () => {
    const annotations: unknown = JSON.parse('{"a": "b", "__proto__": "c"}');
    expect(problems(policy({ signature: { ...BY_KEY, annotations } }))).toEqual([
      'spec: has a field of the name __proto__, which means nothing',
    ]);
  });

  it('what is wrong in a thousand places is not told in a thousand lines', () => {
    const told = problems(policy({ images: Array.from({ length: 250 }, (_, i) => `UPPER${i}`) }));
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe('and 230 more');
  });

  it('what it says is told without characters that move the text around it', () => {
    const told = problems(policy({ images: ['a.example/\u202e\n*'], spec: { '\u202e': 1 } })).join();
    expect(told).not.toMatch(/[\u202e\n]/u);
    expect(told).toContain('\\u202e');
  });
});

it('a pattern that everybody matches is warned about, once', () => {
  const anybody = { issuerPattern: '.*', subjectPattern: '^.+$' };
  const signature = { ...BY_IDENTITY, name: 'any', keyless: { identities: [anybody, anybody] } };
  const { warnings } = policy({ require: { anyOf: [{ signature }, { quorum: { count: 1, of: [signature] } }] } });
  expect(warnings.map(({ message }) => message)).toEqual([
    'the signature any may be made by signers of any issuer',
    'the signature any may be made by signers whatever their name',
  ]);
});
