import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ContainersDocument,
  Material,
  PolicyRequirement,
  SignedIdentity,
  SigstoreRoot,
} from '../../../src/policy/dialects/containers/document.ts';
import { readPolicyJson } from '../../../src/policy/dialects/containers/read.ts';
import { refusal } from './documents.ts';

/** Something of a document, as it is written and as it is read. */
type Both<T> = { readonly json: unknown; readonly read: T };
type Fields = Readonly<Record<string, unknown>>;
type Part<T> = { readonly json: Fields; readonly read: T };

const host = fc.constantFrom('example.com', 'registry.example:5000', 'localhost', 'docker.io');
const repository = fc.tuple(host, fc.stringMatching(/^[a-z0-9]{1,8}$/)).map((parts) => parts.join('/'));

const identity: fc.Arbitrary<Part<SignedIdentity>> = fc.oneof(
  fc
    .constantFrom('matchExact' as const, 'matchRepoDigestOrExact' as const, 'matchRepository' as const)
    .map((kind) => ({ json: { type: kind }, read: { kind } })),
  repository.map((name) => ({
    json: { type: 'exactReference', dockerReference: `${name}:1` },
    read: { kind: 'exactReference' as const, reference: `${name}:1` },
  })),
  repository.map((name) => ({
    json: { type: 'exactRepository', dockerRepository: name },
    read: { kind: 'exactRepository' as const, repository: name },
  })),
  fc.tuple(fc.oneof(host, repository), repository).map(([prefix, signedPrefix]) => ({
    json: { type: 'remapIdentity', prefix, signedPrefix },
    read: { kind: 'remapIdentity' as const, prefix, signedPrefix },
  })),
);

const path = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' });
const bytes = fc.uint8Array({ maxLength: 24 }).map((data) => Buffer.from(data));
const asPath = (file: string): Material => ({ kind: 'path', path: file });
const asData = (data: Buffer): Material => ({ kind: 'data', bytes: data });

/** Material under the fields of one prefix. */
function material(prefix: string, minLength: number): fc.Arbitrary<Part<readonly Material[]>> {
  return fc.oneof(
    path.map((file) => ({ json: { [`${prefix}Path`]: file }, read: [asPath(file)] })),
    bytes.map((data) => ({ json: { [`${prefix}Data`]: data.toString('base64') }, read: [asData(data)] })),
    fc.array(path, { minLength, maxLength: 3 }).map((files) => ({
      json: { [`${prefix}Paths`]: files },
      read: files.map(asPath),
    })),
  );
}

function one(prefix: string): fc.Arbitrary<Part<Material>> {
  return fc.oneof(
    path.map((file) => ({ json: { [`${prefix}Path`]: file }, read: asPath(file) })),
    bytes.map((data) => ({ json: { [`${prefix}Data`]: data.toString('base64') }, read: asData(data) })),
  );
}

function nonEmpty(items: readonly Material[]): readonly [Material, ...Material[]] {
  const [first, ...rest] = items;
  if (first === undefined) throw new Error('the list is empty');
  return [first, ...rest];
}

const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
const rekor = material('rekorPublicKey', 1);
const root: fc.Arbitrary<Part<SigstoreRoot>> = fc.oneof(
  fc.tuple(material('key', 1), fc.option(rekor, { nil: undefined })).map(([keys, logs]) => ({
    json: { ...keys.json, ...logs?.json },
    read: {
      kind: 'keys' as const,
      keys: nonEmpty(keys.read),
      rekorKeys: logs === undefined ? undefined : nonEmpty(logs.read),
    },
  })),
  fc.tuple(one('ca'), text, text, rekor).map(([ca, oidcIssuer, subjectEmail, logs]) => ({
    json: { fulcio: { ...ca.json, oidcIssuer, subjectEmail }, ...logs.json },
    read: { kind: 'fulcio' as const, ca: ca.read, oidcIssuer, subjectEmail, rekorKeys: nonEmpty(logs.read) },
  })),
  fc
    .tuple(one('caRoots'), fc.option(one('caIntermediates'), { nil: undefined }), text, fc.boolean())
    .map(([roots, between, subject, byHost]) => ({
      json: { pki: { ...roots.json, ...between?.json, [byHost ? 'subjectHostname' : 'subjectEmail']: subject } },
      read: {
        kind: 'pki' as const,
        roots: roots.read,
        intermediates: between?.read,
        subjectEmail: byHost ? undefined : subject,
        subjectHostname: byHost ? subject : undefined,
      },
    })),
);

const DEFAULT: SignedIdentity = { kind: 'matchRepoDigestOrExact' };
const maybe = fc.option(identity, { nil: undefined });
const requirement: fc.Arbitrary<Part<PolicyRequirement>> = fc.oneof(
  fc
    .constantFrom('insecureAcceptAnything' as const, 'reject' as const)
    .map((type) => ({ json: { type }, read: { type } })),
  identity.map(({ json, read }) => ({
    json: { type: 'signedBaseLayer', baseLayerIdentity: json },
    read: { type: 'signedBaseLayer' as const, baseLayerIdentity: read },
  })),
  fc
    .tuple(
      fc.constantFrom(
        'GPGKeys' as const,
        'signedByGPGKeys' as const,
        'X509Certificates' as const,
        'signedByX509CAs' as const,
      ),
      material('key', 0),
      maybe,
    )
    .map(([keyType, keys, named]) => ({
      json: { type: 'signedBy', keyType, ...keys.json, ...(named === undefined ? {} : { signedIdentity: named.json }) },
      read: { type: 'signedBy' as const, keyType, keys: keys.read, signedIdentity: named?.read ?? DEFAULT },
    })),
  fc.tuple(root, maybe).map(([trust, named]) => ({
    json: { type: 'sigstoreSigned', ...trust.json, ...(named === undefined ? {} : { signedIdentity: named.json }) },
    read: { type: 'sigstoreSigned' as const, root: trust.read, signedIdentity: named?.read ?? DEFAULT },
  })),
);

const requirements = fc.tuple(requirement, fc.array(requirement, { maxLength: 2 })).map(([first, rest]) => ({
  json: [first.json, ...rest.map(({ json }) => json)],
  read: [first.read, ...rest.map(({ read }) => read)] as const,
}));

const scopes = fc
  .uniqueArray(fc.tuple(fc.oneof(repository, fc.string()), requirements), {
    selector: ([scope]) => scope,
    maxLength: 4,
  })
  .map((entries) => ({
    json: Object.fromEntries(entries.map(([scope, { json }]) => [scope, json])),
    read: new Map(entries.map(([scope, { read }]) => [scope, read])),
  }));

const documents: fc.Arbitrary<Both<ContainersDocument>> = fc
  .tuple(requirements, scopes, fc.option(scopes, { nil: undefined }))
  .map(([otherwise, docker, nosuch]) => ({
    json: { default: otherwise.json, transports: { docker: docker.json, ...(nosuch && { nosuch: nosuch.json }) } },
    read: {
      default: otherwise.read,
      transports: new Map([
        ['docker', docker.read],
        ...(nosuch === undefined ? [] : [['nosuch', nosuch.read] as const]),
      ]),
    },
  }));

/** Every object in a value whose keys are not anybody's, with a copy of the whole in which it has one key more. */
function withExtraKeys(value: unknown, free: number): readonly unknown[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.flatMap((item, i) => withExtraKeys(item, 0).map((other) => items.with(i, other)));
  }
  if (typeof value !== 'object' || value === null) return [];
  const own = free > 0 ? [] : [{ ...value, extra: 1 }];
  const below = Object.entries(value).flatMap(([key, child]) => {
    const levels = key === 'transports' ? 2 : Math.max(free - 1, 0);
    return withExtraKeys(child, levels).map((other) => ({ ...value, [key]: other }));
  });
  return [...own, ...below];
}

describe('any document', () => {
  it('is read as it was meant', () => {
    fc.assert(
      fc.property(documents, fc.constantFrom(undefined, 1, '\t'), ({ json, read }, indent) => {
        expect(readPolicyJson(JSON.stringify(json, undefined, indent))).toEqual({ ok: true, value: read });
      }),
      { numRuns: 300 },
    );
  });

  it('is refused with one key more, wherever it stands', () => {
    let tried = 0;
    fc.assert(
      fc.property(documents, ({ json }) => {
        for (const other of withExtraKeys(json, 0)) {
          tried++;
          expect(refusal(JSON.stringify(other)), JSON.stringify(other)).toContain('extra: the key is not known');
        }
      }),
      { numRuns: 100 },
    );
    expect(tried).toBeGreaterThan(500);
  });

  it('with one byte changed, cut or put in is read or refused, and never throws [hostile]', () => {
    fc.assert(
      fc.property(
        documents,
        fc.nat(),
        fc.string({ maxLength: 2, unit: 'binary' }),
        fc.nat(2),
        ({ json }, at, put, cut) => {
          const written = JSON.stringify(json);
          const place = at % written.length;
          const read = readPolicyJson(written.slice(0, place) + put + written.slice(place + cut));
          if (!read.ok) expect(read.failure).toMatchObject({ code: 'POLICY_BROKEN', message: expect.any(String) });
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('that is no document but JSON is refused, and never throws [hostile]', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(refusal(JSON.stringify(value))).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });
});
