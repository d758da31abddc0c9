import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { BASE_POLICY } from '../../../src/policy/render/node-files.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { written as ownPolicy } from '../countersign/objects.ts';
import { written } from '../openshift/objects.ts';
import { dockerOf, refusal, rendered, rendering } from './rendered.ts';

const RELEASE = `registry.example.net/platform/release@sha256:${'ab'.repeat(32)}`;
const image = (registrySources: object): object => ({
  apiVersion: 'config.openshift.io/v1',
  kind: 'Image',
  metadata: { name: 'cluster' },
  spec: { registrySources },
});
const mirrors = (source: string, ...places: readonly string[]): object => ({
  apiVersion: 'config.openshift.io/v1',
  kind: 'ImageDigestMirrorSet',
  metadata: { name: 'mirrors' },
  spec: { imageDigestMirrors: [{ source, mirrors: places }] },
});
const base = (change: object): string => JSON.stringify({ ...JSON.parse(BASE_POLICY), ...change });
const REJECT = [{ type: 'reject' }];

describeVectors('openshift-mco', 'the operator’s own policy and template', (path) => {
  it('has the base that nodes have where nobody configured anything, to the byte', () => {
    const template: { contents: { inline: string } } = parse(
      readFileSync(join(path, 'worker-policy-template.yaml'), 'utf8'),
    );
    // The file ends without a newline, and Go's YAML reads none, where ours does.
    expect(`${BASE_POLICY}\n`).toBe(template.contents.inline);
  });

  it('renders the policy that the operator is tested with', async () => {
    const text = readFileSync(join(path, 'cluster-image-policy.yaml'), 'utf8');
    const came = await rendering({ 'policy.yaml': text });
    if (!('files' in came)) return expect.fail(came.join());
    const { spec }: { spec: { policy: { rootOfTrust: { publicKey: { keyData: string } } } } } = parse(text);
    expect(dockerOf(came)).toEqual({
      'quay.io/openshift-release-dev/ocp-release': [
        {
          type: 'sigstoreSigned',
          keyData: spec.policy.rootOfTrust.publicKey.keyData,
          signedIdentity: { type: 'matchRepoDigestOrExact' },
        },
      ],
    });
  });
});

describe('what is not written', () => {
  it('is a policy outside of the allowed registries, of the cluster or of a namespace', async () => {
    const allowed = image({ allowedRegistries: ['first.example/a'] });
    const outside = 'the scope first.example/b is in none of allowedRegistries';
    expect(await refusal([allowed, written({ scopes: ['first.example/b'] })])).toBe(`ClusterImagePolicy: ${outside}`);
    expect(await refusal([allowed, written({ scopes: ['first.example/b'], namespace: 'a' })])).toBe(
      `ImagePolicy: ${outside}`,
    );
  });

  it('is a policy for a blocked registry, of the cluster or of a namespace', async () => {
    const blocked = image({ blockedRegistries: ['first.example'] });
    const inside = 'the scope first.example/b is in first.example of blockedRegistries';
    const choices = { releaseImage: RELEASE };
    expect(await refusal([blocked, written({ scopes: ['first.example/b'] })], choices)).toContain(inside);
    expect(await refusal([blocked, written({ scopes: ['first.example/b'], namespace: 'a' })], choices)).toContain(
      inside,
    );
  });

  it('is both of allowed and blocked registries', async () => {
    const both = image({ allowedRegistries: ['first.example'], blockedRegistries: ['second.example'] });
    expect(await refusal([both], { releaseImage: RELEASE })).toContain('only one of');
  });

  it('is a blocked registry where nobody knows which must not be', async () => {
    const blocked = image({ blockedRegistries: ['first.example'] });
    expect(await refusal([blocked])).toContain('--release-image');
    for (const releaseImage of [
      'release',
      'docker.io/release:v1',
      'registry.example.net/Release:v1',
      'registry.example.net/r@x',
    ])
      expect(await refusal([blocked], { releaseImage }), releaseImage).toContain('is no full image reference');
  });

  it.each(['', '*', '*.a.example:5000', '*.a.example/b', 'a.*.example'])(
    'is a registry that no registry is: %j',
    async (registry) => {
      for (const field of ['allowedRegistries', 'blockedRegistries', 'insecureRegistries'])
        expect(await refusal([image({ [field]: [registry] })]), field).toContain('invalid entry for');
    },
  );

  it('is a field of registrySources that nobody knows', async () => {
    expect(await refusal([image({ allowedRegistry: ['first.example'] })])).toContain('registrySources');
  });

  it.each(['first.example/repo:v1', `first.example/repo@sha256:${'a'.repeat(64)}`, 'localhost/repo:v1'])(
    'is a policy.json that stops every image on a node, as the operator’s does for %s',
    async (scope) => {
      expect(await refusal([written({ scopes: [scope] })])).toContain('no node could read it: transports.atomic');
    },
  );

  it('is an identity that the schema takes and no node does', async () => {
    const signedIdentity = { matchPolicy: 'ExactRepository', exactRepository: { repository: 'EXAMPLE.com' } };
    expect(await refusal([written({ signedIdentity })])).toContain('no node could read it: transports.');
  });

  it('is a scope whose mirror comes to a name that no repository has', async () => {
    // A port behind the host counts as within it, so the mirror gets two of them.
    const port = [written({ scopes: ['first.example:5000/app'] }), mirrors('first.example', 'mirror.example/x')];
    expect(await refusal(port)).toContain('mirror.example/x:5000/app, which is no repository’s full name');
    const hub = [written({ scopes: ['docker.io'] }), mirrors('docker.io', 'mirror.example/hub')];
    expect(await refusal(hub)).toContain('docker.io/a, which is no repository’s full name');
    const tagged = [written({ scopes: ['first.example:latest'] }), mirrors('first.example', 'mirror.example')];
    expect(await refusal(tagged)).toContain('names no repository that could be mirrored');
  });

  it('is a blocked registry below a wildcard that is mirrored', async () => {
    const objects = [
      image({ blockedRegistries: ['a.shop.example'] }),
      written({ scopes: ['first.example'] }),
      mirrors('*.shop.example', 'mirror.example'),
    ];
    expect(await refusal(objects, { releaseImage: RELEASE })).toContain('cannot be carried over to a.shop.example');
  });

  it.each(['First.example/a', '*.First.example', 'index.docker.io/library'])(
    'is a mirror of %s, which nodes take for another name than we do',
    async (source) => {
      const objects = [written({ scopes: ['first.example'] }), mirrors(source, 'mirror.example')];
      expect(await refusal(objects)).toContain('nodes compare names as they are written');
      const place = [written({ scopes: ['first.example'] }), mirrors('first.example', 'Mirror.example')];
      expect(await refusal(place)).toContain('write mirror.example');
    },
  );

  it('is anything, where one object of several is broken', async () => {
    const said = await refusal([written({}), written({ name: 'other', scopes: ['busybox'] })]);
    expect(said).toContain('document 2');
    expect(said).toContain('invalid image scope format');
  });

  it.each([
    ['two objects of one name', [written({}), written({})], 'ClusterImagePolicy policy is there twice'],
    ['two Images', [image({}), image({})], 'more than one Image'],
    ['no policy', [mirrors('first.example', 'mirror.example')], 'there is no policy'],
    ['an image itself', [{ ...image({}), apiVersion: 'image.openshift.io/v1' }], 'is no policy'],
  ])('is %s', async (_, objects, says) => expect(await refusal(objects)).toContain(says));

  it('is more than one dialect, since each has its own precedence', async () => {
    const files = { 'a.yaml': written({}), 'policy.json': { default: REJECT }, 'own.yaml': ownPolicy({}) };
    expect(await rendering(files)).toEqual([
      'policies of one dialect are rendered at a time, and these are OpenShift’s objects and countersign’s own and policy.json or registries.d',
    ]);
  });

  it.each(['../../../../tmp/x', 'a/b', '..', 'Team', 'a.b'])(
    'is a file elsewhere, whatever a namespace is called: %s',
    async (namespace) => {
      const says = `${namespace} is no name of a namespace`;
      expect(await refusal([written({ namespace })])).toBe(says);
      expect(await refusal([ownPolicy({ namespace })])).toContain(says);
    },
  );

  it('is nothing where nothing is configured', async () => {
    expect(await rendered([written({ scopes: [] }), image({})])).toEqual({ files: [], notes: [], losses: [] });
  });
});

describe('the base', () => {
  it('keeps its default and its other transports', async () => {
    const given = base({ default: REJECT, transports: { 'docker-daemon': { '': REJECT }, dir: { '': REJECT } } });
    const { files } = await rendered([written({ scopes: ['first.example'] })], { base: given });
    expect(JSON.parse(files[0]?.text ?? '')).toMatchObject({
      default: REJECT,
      transports: { 'docker-daemon': { '': REJECT }, dir: { '': REJECT } },
    });
  });

  it.each(['docker', 'atomic'])('has no scopes of %s, which would silently be gone', async (transport) => {
    const given = base({ transports: { [transport]: { 'first.example': REJECT } } });
    expect(await refusal([written({})], { base: given })).toContain(`scopes of the transport ${transport}`);
  });

  it('does not lose its default to blocked registries', async () => {
    const blocked = image({ blockedRegistries: ['first.example'] });
    const said = await refusal([blocked], { base: base({ default: REJECT }), releaseImage: RELEASE });
    expect(said).toContain('the base’s default says otherwise');
  });

  it('is a policy.json', async () => {
    expect(await refusal([written({})], { base: '{"default": []}' })).toContain('default');
  });
});

describe('the author of an ImagePolicy', () => {
  it('is told which scopes are left out, and that a policy for the cluster decides there', async () => {
    const own = written({ name: 'own', namespace: 'a', scopes: ['first.example/app', 'second.example'] });
    const { notes, files } = await rendered([written({ scopes: ['first.example'] }), own]);
    expect(notes).toEqual([
      'ImagePolicy a/own: first.example/app lies in a scope of a ClusterImagePolicy, which alone is written',
    ]);
    expect(files.map(({ path }) => path)).toContain('/etc/crio/policies/a.json');
  });

  it('is told where nodes let a tag escape that countersign holds', async () => {
    const own = written({ name: 'own', namespace: 'a', scopes: ['first.example/a/app:v1'] });
    const { notes } = await rendered([written({ scopes: ['first.example/a/app'] }), own]);
    expect(notes.join()).toContain(
      'for that namespace first.example/a/app:v1 takes the place of a ClusterImagePolicy on nodes',
    );
  });

  it('gets no file where nothing is left', async () => {
    const own = written({ name: 'own', namespace: 'a', scopes: ['first.example'] });
    const { files } = await rendered([written({ scopes: ['first.example'] }), own]);
    expect(files.map(({ path }) => path)).not.toContain('/etc/crio/policies/a.json');
  });
});

describe('a list of objects', () => {
  it('is unfolded, with the Image in it', async () => {
    const items = [written({ scopes: ['first.example/app'] }), image({ allowedRegistries: ['first.example'] })];
    const came = await rendered([{ apiVersion: 'v1', kind: 'List', items }]);
    expect(Object.keys(dockerOf(came))).toEqual(['first.example', 'first.example/app']);
  });
});
