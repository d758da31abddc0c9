import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchName } from '../../src/conditions/names.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { NamedRule, NamesRule } from '../../src/model/requirement.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

function match(rule: NamesRule, asked: string, signed: string | undefined): ReturnType<typeof matchName> {
  const reference = parseReference(asked);
  if (!reference.ok) throw new Error(reference.failure.message);
  return matchName(rule, reference.value, signed === undefined ? { kind: 'unnamed' } : { kind: 'named', text: signed });
}

type Row = readonly [number: string, asked: string, signed: string, accepted: boolean];

function rows(title: string, rule: NamedRule, cases: readonly Row[]): void {
  describe(title, () => {
    it.each(cases)('[openshift %s] asked %s, signed %s: %s', (_, asked, signed, accepted) => {
      const result = match(rule, asked, signed);
      expect(result.kind).toBe(accepted ? 'accepted' : 'refused');
      if (result.kind === 'refused') expect(result.code).toBe('NAME_MISMATCH');
      expect(match({ kind: 'ifNamed', rule }, asked, signed)).toEqual(result);
    });
  });
}

rows('matchExact', { kind: 'matchExact' }, [
  ['40', 'busybox:latest', 'docker.io/library/busybox:latest', true],
  ['40', 'docker.io/library/busybox:latest', 'busybox:latest', true],
  ['41', 'busybox:latest', 'busybox:notlatest', false],
  ['41', 'busybox:latest', `busybox@${A}`, false],
  ['42', `busybox@${A}`, `busybox@${A}`, true],
  ['42', `busybox@${A}`, `busybox@${B}`, false],
  // Asked with tag and digest, the tag is dropped as CRI-O drops it, so only a digest-only signature is the same.
  ['42', `busybox:latest@${A}`, `busybox:latest@${A}`, false],
  ['42', `busybox:latest@${A}`, `busybox@${A}`, true],
  ['43', 'busybox:latest', 'busybox', false],
  ['43', 'busybox', 'busybox', false],
  ['43', 'busybox', 'busybox:latest', true],
  ['44', 'busybox:latest', 'UPPERCASE/Invalid', false],
  ['44', 'busybox:latest', 'busybox:latest ', false],
  ['44', 'busybox:latest', '', false],
  ['48', `example.com/a@${A}`, 'example.com/a:1', false],
]);

rows('matchRepository', { kind: 'matchRepository' }, [
  ['45', 'busybox:1', 'busybox:2', true],
  ['45', 'busybox:1', `busybox@${A}`, true],
  ['45', `busybox@${A}`, 'busybox:2', true],
  ['45', `busybox@${A}`, `busybox@${B}`, true],
  ['45', 'busybox:1', 'busybox', true],
  ['46', 'hostname.example/library/busybox:1', 'busybox:1', false],
  ['44', 'busybox:1', 'busybox:', false],
  ['45', 'index.docker.io/library/busybox', 'docker.io/library/busybox', true],
]);

rows('matchRepoDigestOrExact', { kind: 'matchRepoDigestOrExact' }, [
  ['47', `busybox@${A}`, 'busybox:latest', true],
  ['47', `busybox@${A}`, `busybox@${B}`, true],
  ['47', `busybox@${A}`, 'busybox', false],
  ['47', `busybox@${A}`, 'other:latest', false],
  ['48', 'busybox:latest', `busybox@${A}`, false],
  ['48', 'busybox:latest', 'busybox:latest', true],
  ['48', 'busybox', 'busybox:latest', true],
  // The reference compares whole strings here; CRI-O drops the tag before it gets there.
  ['49', `busybox:notlatest@${A}`, 'busybox:latest', true],
  ['49', `busybox:latest@${A}`, 'busybox', false],
  ['55', 'mirror.example/ns/app:1', 'vendor.example/ns/app:1', false],
]);

rows('exactReference', { kind: 'exactReference', reference: 'vendor.example/ns/app:1' }, [
  ['55', 'mirror.example/x:9', 'vendor.example/ns/app:1', true],
  ['55', 'mirror.example/x:9', 'vendor.example/ns/app:2', false],
  ['55', 'vendor.example/ns/app:1', 'vendor.example/ns/app', false],
]);

rows('exactReference with a name alone', { kind: 'exactReference', reference: 'busybox' }, [
  ['43', 'busybox:latest', 'busybox', false],
]);

rows('exactRepository', { kind: 'exactRepository', repository: 'vendor.example/ns/app' }, [
  ['55', 'mirror.example/x:9', 'vendor.example/ns/app:1', true],
  ['55', `mirror.example/x@${A}`, 'vendor.example/ns/app', true],
  ['55', 'vendor.example/ns/app:1', 'mirror.example/x:1', false],
]);

rows('exactRepository with a tag, which is ignored', { kind: 'exactRepository', repository: 'busybox:9' }, [
  ['45', 'x:1', 'docker.io/library/busybox:1', true],
]);

const remap = (prefix: string, signedPrefix: string): NamedRule => ({ kind: 'remapIdentity', prefix, signedPrefix });

rows('remapIdentity of a registry', remap('example.com', 'vendor.example'), [
  ['50', 'example.com/foo/bar:1', 'vendor.example/foo/bar:1', true],
  ['50', 'example.com:5000/image:1', 'vendor.example:5000/image:1', false],
  ['52', `example.com/foo@${A}`, 'vendor.example/foo:1', true],
  ['52', 'example.com/foo:1', 'vendor.example/foo:2', false],
  ['54', 'elsewhere.example/foo:1', 'elsewhere.example/foo:1', true],
  ['54', 'elsewhere.example/foo:1', 'vendor.example/foo:1', false],
  ['55', 'EXAMPLE.com/foo:1', 'vendor.example/foo:1', true],
]);

rows('remapIdentity of a namespace', remap('docker.io/library', 'vendor.example/lib'), [
  ['50', 'docker.io/libraryy/image:1', 'vendor.example/liby/image:1', false],
  ['50', 'busybox:1', 'vendor.example/lib/busybox:1', true],
  ['55', 'index.docker.io/busybox:1', 'vendor.example/lib/busybox:1', true],
]);

rows('remapIdentity written in another spelling', remap('Index.Docker.IO/library', 'VENDOR.example/lib'), [
  ['55', 'busybox:1', 'vendor.example/lib/busybox:1', true],
  ['55', 'busybox:1', 'busybox:1', false],
]);

rows('remapIdentity of a repository', remap('example.com/ns/image', 'vendor.example/ns/image'), [
  ['50', 'example.com/ns/imagee:1', 'vendor.example/ns/imagee:1', false],
  ['50', 'example.com/ns/image:1', 'vendor.example/ns/image:1', true],
  ['50', 'example.com/ns/image/sub:1', 'vendor.example/ns/image/sub:1', true],
]);

rows('remapIdentity to a namespace', remap('docker.io', 'not-docker-signed.example/ns'), [
  ['51', 'busybox:latest', 'not-docker-signed.example/ns/library/busybox:latest', true],
]);

rows('remapIdentity to a name that would be completed', remap('docker.io', 'notlocalhost'), [
  ['53', 'busybox:latest', 'docker.io/notlocalhost/library/busybox:latest', false],
]);

rows('remapIdentity to a bare registry', remap('docker.io/library/busybox', 'example.com:80'), [
  ['53', 'busybox:latest', 'example.com:80:latest', false],
  ['53', `busybox@${A}`, 'docker.io/library/example.com:80', false],
]);

const remapRepository: NamedRule = {
  kind: 'remapRepository',
  prefix: 'mirror.example/vendor',
  signedPrefix: 'vendor.example',
};

rows('remapRepository', remapRepository, [
  ['55', 'mirror.example/vendor/app:1', 'vendor.example/app', true],
  ['55', 'mirror.example/vendor/app:1', 'vendor.example/app:9', true],
  ['55', `mirror.example/vendor/app@${A}`, 'vendor.example/app', true],
  ['50', 'mirror.example/vendors/app:1', 'vendor.example/app', false],
  ['50', 'mirror.example/vendor/app:1', 'mirror.example/vendor/app:1', false],
  ['50', 'mirror.example/vendor/app:1', 'vendor.example/other:1', false],
  ['54', 'elsewhere.example/app:1', 'elsewhere.example/app', true],
  ['54', 'elsewhere.example/app:1', 'vendor.example/app', false],
]);

rows(
  'remapRepository to a name that would be completed',
  { ...remapRepository, prefix: 'a.example', signedPrefix: 'notlocalhost' },
  [['53', 'a.example/app:1', 'docker.io/notlocalhost/app', false]],
);

describe('a signature without a name', () => {
  const every: readonly NamedRule[] = [
    { kind: 'matchExact' },
    { kind: 'matchRepoDigestOrExact' },
    { kind: 'matchRepository' },
    { kind: 'exactReference', reference: 'a.example/b:1' },
    { kind: 'exactRepository', repository: 'a.example/b' },
    remap('a.example', 'b.example'),
    remapRepository,
  ];

  it.each(every)('is refused under $kind, or a bundle could be copied to another repository [M10]', (rule) => {
    expect(match(rule, 'a.example/b:1', undefined)).toMatchObject({ kind: 'refused', code: 'NAME_ABSENT' });
  });

  it.each(every)('is let through under $kind where the policy says so, and it is reported [M10]', (rule) => {
    const result = match({ kind: 'ifNamed', rule }, 'a.example/b:1', undefined);
    expect(result).toMatchObject({ kind: 'accepted', warning: expect.stringContaining('no image name') });
  });

  it('does not matter where names are not checked', () => {
    expect(match({ kind: 'unchecked' }, 'a.example/b', undefined)).toEqual({ kind: 'accepted', warning: undefined });
    expect(match({ kind: 'unchecked' }, 'a.example/b', '!!')).toEqual({ kind: 'accepted', warning: undefined });
  });
});

describe('one digest under two tags', () => {
  const rule: NamedRule = { kind: 'matchRepoDigestOrExact' };

  it('is accepted under the signed tag and by digest, not under the other tag or in a copy [MODEL §3.1]', () => {
    const asked = ['r.example/x:a', 'r.example/x:b', `r.example/x@${A}`, `other.example/x@${A}`];
    expect(asked.map((image) => match(rule, image, 'r.example/x:a').kind)).toEqual([
      'accepted',
      'refused',
      'accepted',
      'refused',
    ]);
  });

  it('says what cosign needs where the signed name has no tag', () => {
    const result = match(rule, 'r.example/x:a', 'r.example/x');
    expect(result).toMatchObject({ message: expect.stringContaining('--sign-container-identity') });
  });

  it('shows no control characters of a hostile name', () => {
    const result = match(rule, 'r.example/x:a', 'r.example/x\u202e\n');
    expect(result.kind === 'refused' && result.message).toContain('\\u202e\\u000a');
  });
});

it('never throws and never accepts text that is no reference [hostile]', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const accepted = match({ kind: 'matchRepository' }, 'r.example/x:a', text).kind === 'accepted';
      if (accepted) expect(parseReference(text).ok).toBe(true);
    }),
  );
});
