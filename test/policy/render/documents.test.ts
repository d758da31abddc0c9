import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPolicyJson } from '../../../src/policy/dialects/containers/read.ts';
import { policyJson } from '../../../src/policy/render/policy-json.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { rendering } from './rendered.ts';

const KEY = Buffer.from('a key').toString('base64');
const signedIdentity = { type: 'matchRepoDigestOrExact' };

async function textOf(files: Parameters<typeof rendering>[0], path = '/etc/containers/policy.json'): Promise<string> {
  const came = await rendering(files);
  if (!('files' in came)) return expect.fail(came.join('\n'));
  return came.files.find((file) => file.path === path)?.text ?? expect.fail(`no ${path}`);
}

describe('a policy.json in one form', () => {
  it('has every requirement with its fields in order, its identity written out, and single keys as such', async () => {
    const given = {
      transports: {
        docker: {
          'z.example': [{ keyPaths: ['/one'], type: 'signedBy', keyType: 'GPGKeys' }],
          'b.example': [{ keyPaths: ['/one', '/two'], keyType: 'GPGKeys', type: 'signedBy' }],
          'a.example': [{ keyData: KEY, keyType: 'GPGKeys', type: 'signedBy' }],
          'c.example': [{ keyPaths: [], keyType: 'GPGKeys', type: 'signedBy' }],
          '': [
            {
              baseLayerIdentity: { dockerReference: 'a.example/b:c', type: 'exactReference' },
              type: 'signedBaseLayer',
            },
          ],
          'd.example': [{ keyDatas: [KEY, KEY], rekorPublicKeyPaths: ['/r', '/s'], type: 'sigstoreSigned' }],
          'e.example': [
            {
              signedIdentity: { type: 'matchExact' },
              rekorPublicKeyPath: '/r',
              fulcio: { subjectEmail: 'a@b', oidcIssuer: 'https://i', caPath: '/ca' },
              type: 'sigstoreSigned',
            },
          ],
          'f.example': [
            {
              pki: { subjectHostname: 'h', caIntermediatesPath: '/i', caRootsPath: '/r' },
              signedIdentity: { type: 'exactRepository', dockerRepository: 'a.example/b' },
              type: 'sigstoreSigned',
            },
          ],
        },
        atomic: {},
      },
      default: [{ type: 'reject' }],
    };
    const expected = {
      default: [{ type: 'reject' }],
      transports: {
        atomic: {},
        docker: {
          '': [
            {
              type: 'signedBaseLayer',
              baseLayerIdentity: { type: 'exactReference', dockerReference: 'a.example/b:c' },
            },
          ],
          'a.example': [{ type: 'signedBy', keyType: 'GPGKeys', keyData: KEY, signedIdentity }],
          'b.example': [{ type: 'signedBy', keyType: 'GPGKeys', keyPaths: ['/one', '/two'], signedIdentity }],
          'c.example': [{ type: 'signedBy', keyType: 'GPGKeys', keyPaths: [], signedIdentity }],
          'd.example': [
            { type: 'sigstoreSigned', keyDatas: [KEY, KEY], rekorPublicKeyPaths: ['/r', '/s'], signedIdentity },
          ],
          'e.example': [
            {
              type: 'sigstoreSigned',
              fulcio: { caPath: '/ca', oidcIssuer: 'https://i', subjectEmail: 'a@b' },
              rekorPublicKeyPath: '/r',
              signedIdentity: { type: 'matchExact' },
            },
          ],
          'f.example': [
            {
              type: 'sigstoreSigned',
              pki: { caRootsPath: '/r', caIntermediatesPath: '/i', subjectHostname: 'h' },
              signedIdentity: { type: 'exactRepository', dockerRepository: 'a.example/b' },
            },
          ],
          'z.example': [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/one', signedIdentity }],
        },
      },
    };
    // To the byte, so in order too.
    expect(await textOf({ 'policy.json': given })).toBe(JSON.stringify(expected, null, 2));
  });

  it('is one, and is not written where it says anything twice', async () => {
    const one = { default: [{ type: 'reject' }] };
    expect(await rendering({ 'a.json': one, 'b.json': one })).toEqual([
      expect.stringContaining('a node has one policy.json'),
    ]);
    expect(await rendering({ 'a.json': '{"default":[{"type":"reject"}],"default":[{"type":"reject"}]}' })).toEqual([
      expect.stringContaining('a key is written twice'),
    ]);
  });
});

it('takes no base and leaves nothing out, since there is nothing to put in or to lose', async () => {
  for (const choice of [{ base: '{}' }, { isPartial: true }]) {
    expect(await rendering({ 'policy.json': { default: [{ type: 'reject' }] } }, choice)).toEqual([
      expect.stringContaining('--base and --partial are for policies that are objects'),
    ]);
  }
});

describe('registries.d in one form', () => {
  it('has names in order, the new name of a lookaside, and no more than readers read', async () => {
    const given = [
      'docker:',
      '  z.example: {sigstore: "https://z.example/sigs", lookaside-staging: "file:///tmp/x"}',
      '  a.example: {use-sigstore-attachments: true, unknown: 1}',
      'default-docker: {lookaside: "file:///var/lib/containers/sigstore"}',
    ].join('\n');
    expect(await textOf({ 'registries.d/default.yaml': given }, '/etc/containers/registries.d/default.yaml')).toBe(
      [
        'default-docker:',
        '  lookaside: file:///var/lib/containers/sigstore',
        'docker:',
        '  a.example:',
        '    use-sigstore-attachments: true',
        '  z.example:',
        '    lookaside: https://z.example/sigs',
        '',
      ].join('\n'),
    );
  });

  it('is not written where two files say something of one name', async () => {
    const files = { 'a.yaml': { docker: { 'a.example': {} } }, 'b.yaml': { docker: { 'a.example': {} } } };
    expect(await rendering(files)).toEqual([expect.stringContaining('defined both in "a.yaml" and "b.yaml"')]);
    const same = { 'x/a.yaml': { docker: { 'a.example': {} } }, 'y/a.yaml': { docker: { 'b.example': {} } } };
    expect(await rendering(same)).toEqual([expect.stringContaining('a.yaml is there twice')]);
  });
});

describeVectors('containers-image/fixtures', 'containers/image’s policy.json with every requirement', (path) => {
  it('says the same after it was written, and comes out the same once more', () => {
    const read = readPolicyJson(readFileSync(join(path, 'policy.json'), 'utf8'));
    if (!read.ok) return expect.fail(read.failure.message);
    const again = readPolicyJson(policyJson(read.value));
    if (!again.ok) return expect.fail(again.failure.message);
    expect(again.value).toEqual(read.value);
    expect(policyJson(again.value)).toBe(policyJson(read.value));
  });
});
