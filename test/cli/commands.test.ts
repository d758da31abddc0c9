import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { container, deployment, pod, review, workload } from '../admission/fixture.ts';
import { keyPolicy, registryFor } from '../fixtures/webhook.ts';
import { yaml } from '../policy/sources/folder.ts';
import { filesIn, inProcess, run } from './process.ts';

const release = createSigner();
const ANSI = '\u001b[';

/** A registry with a signed and an unsigned image, a policy, a configuration, and further files. */
async function desk(files: Readonly<Record<string, string>> = {}, configuration: object = {}) {
  const registry = await registryFor();
  signImage(registry, 'shop/signed', publishImage(registry, 'shop/signed', 'signed'), release);
  publishImage(registry, 'shop/unsigned', 'unsigned');
  const folder = await filesIn({
    'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: [`${registry.host}/shop`], signer: release })),
    'config.yaml': JSON.stringify({
      registries: { [registry.host]: { plainHttp: true } },
      requireDigest: 'off',
      ...configuration,
    }),
    ...files,
  });
  const file = (name: string) => join(folder, name);
  return {
    registry,
    file,
    options: ['--policy', file('policy.yaml'), '--config', file('config.yaml')],
    signed: `${registry.host}/shop/signed:v1`,
    unsigned: `${registry.host}/shop/unsigned:v1`,
    missing: `${registry.host}/shop/missing:v1`,
    free: 'free.example/x:1',
  };
}

describe('verify', () => {
  it('exits 0 for what is admitted, 1 for what is refused, 3 for what cannot be known, 2 for a wrong call', async () => {
    const { options, signed, unsigned, missing, free } = await desk();
    for (const [images, status] of [
      [[signed], 0],
      [[free], 0],
      [[signed, unsigned], 1],
      [[missing], 3],
      [[missing, unsigned], 1],
      [[signed, missing], 3],
      [['UPPER CASE'], 3],
      [[], 2],
    ] as const)
      expect(await inProcess(['verify', ...options, ...images]), images.join()).toMatchObject({ status });
  });

  it('exits by the outcomes and not by the mode: what is only audited fails a build all the same', async () => {
    const { options, unsigned, missing } = await desk({}, { mode: 'audit' });
    const audited = await inProcess(['verify', ...options, unsigned]);
    expect(audited.status).toBe(1);
    expect(audited.out).toContain('let in by the mode');
    expect((await inProcess(['verify', ...options, missing])).status).toBe(3);
  });

  it('prints JSON of exactly the shape that scripts rely on', async () => {
    const { options, signed, unsigned, registry } = await desk();
    const { out, status, error } = await inProcess(['verify', ...options, '--output', 'json', signed, unsigned]);
    expect(status).toBe(1);
    expect(error).toBe('');
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(JSON.parse(out)).toEqual({
      allowed: false,
      images: [
        {
          image: signed,
          path: 'argument 1',
          digest,
          outcome: 'verified',
          policies: [
            {
              policy: 'ClusterImagePolicy/release',
              scope: `${registry.host}/shop`,
              mode: 'deny',
              outcome: 'verified',
              code: null,
              reason: expect.stringMatching(/^Signed by key sha256:[0-9a-f]{64}\.$/),
            },
          ],
          findings: [
            {
              format: 'cosign-tag',
              location: expect.stringMatching(new RegExp(`^${registry.host}/shop/signed:sha256-[0-9a-f]{64}\\.sig$`)),
              artifact: digest,
              signer: expect.stringMatching(/^key sha256:/),
              accepted: true,
              code: null,
              message: '',
            },
          ],
        },
        {
          image: unsigned,
          path: 'argument 2',
          digest,
          outcome: 'unsigned',
          policies: [
            {
              policy: 'ClusterImagePolicy/release',
              scope: `${registry.host}/shop`,
              mode: 'deny',
              outcome: 'unsigned',
              code: 'UNSIGNED',
              reason: expect.stringContaining('No cosign signature for sha256:'),
            },
          ],
          findings: [],
        },
      ],
      objects: [],
      warnings: [],
    });
  });

  it('colours a terminal and no pipe, and says the same to both', async () => {
    const { options, signed, unsigned } = await desk();
    const piped = await inProcess(['verify', ...options, signed, unsigned]);
    const shown = await inProcess(['verify', ...options, signed, unsigned], '', true);
    expect(piped.out).not.toContain(ANSI);
    expect(shown.out).toContain(ANSI);
    expect(shown.out.replaceAll(/\u001b\[\d+m/g, '')).toBe(piped.out);
    expect(piped.out).toContain(`✓ ${signed}  verified`);
    expect(piped.out).toContain(`✗ ${unsigned}  unsigned`);
    expect(piped.out).toContain('[UNSIGNED]');
    expect(piped.out.trimEnd().split('\n').at(-1)).toBe('2 images: 1 refused');
  });

  it('does not let an image move the cursor', async () => {
    const { options } = await desk();
    const { out, status } = await inProcess(['verify', ...options, `evil\u001b[2J\u202e/x:1`]);
    expect(status).toBe(3);
    expect(out).not.toContain('\u001b');
    expect(out).not.toContain('\u202e');
  });

  it('judges a namespace’s policy in that namespace, and everywhere where none is named', async () => {
    const { options, signed, registry } = await desk();
    const team = keyPolicy({ name: 'team', namespace: 'team', scopes: [`${registry.host}/lab`], signer: release });
    const folder = await filesIn({ 'team.yaml': yaml(team) });
    publishImage(registry, 'lab/x', 'x');
    const all = ['verify', ...options, '--policy', join(folder, 'team.yaml')];
    expect((await inProcess([...all, '--namespace', 'team', `${registry.host}/lab/x:v1`])).status).toBe(1);
    expect((await inProcess([...all, '--namespace', 'other', `${registry.host}/lab/x:v1`])).status).toBe(0);
    // What is not known counts as matching.
    expect((await inProcess([...all, `${registry.host}/lab/x:v1`])).status).toBe(1);
    expect((await inProcess([...all, signed])).status).toBe(0);
  });
});

describe('a wrong call', () => {
  it.each([
    ['an option that is unknown', ['verify', '--polcy', 'x', 'image'], '--polcy'],
    ['an output that is unknown', ['verify', '--output', 'yaml', '--policy', 'x', 'image'], '--output is text or json'],
    ['a value that is missing', ['verify', '--policy'], '--policy'],
    ['no policy', ['verify', 'image'], '--policy PATH'],
    ['a policy that is not there', ['verify', '--policy', '/nonexistent/p.yaml', 'image'], '/nonexistent/p.yaml'],
    [
      'a configuration that is not there',
      ['verify', '--config', '/nonexistent/c.yaml', 'image'],
      '/nonexistent/c.yaml',
    ],
    ['no file to review', ['review', '--policy', 'x'], 'one file'],
    ['two files to review', ['review', '--policy', 'x', 'a', 'b'], 'one file'],
    [
      'a file that is not there',
      ['review', '--policy', 'x', '/nonexistent/pod.yaml'],
      '/nonexistent/pod.yaml: it cannot be read',
    ],
    ['a command that is unknown', ['verfy'], 'no command "verfy"'],
    ['a command off a prototype', ['constructor'], 'no command "constructor"'],
    ['policy without check', ['policy'], 'policy check PATH'],
    ['policy check of nothing', ['policy', 'check'], 'at least one file'],
    ['policy check of what is not there', ['policy', 'check', '/nonexistent'], '/nonexistent'],
    ['policy check with an option', ['policy', 'check', '--fast', 'x'], '--fast'],
    ['serve without a configuration', ['serve'], '--config FILE'],
    ['serve with an operand', ['serve', 'x'], 'x'],
    ['demo with an argument', ['demo', '--loud'], '--loud'],
  ])('exits 2, says what is wrong on standard error and prints nothing else: %s', async (_what, args, says) => {
    const { status, out, error } = await inProcess(args);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(error).toContain(says);
    expect(error).toMatch(/^countersign: |^\//);
  });

  it('of nothing prints the help, and asking for help is no error', async () => {
    expect(await inProcess([])).toMatchObject({ status: 2, out: expect.stringContaining('Usage: countersign') });
    for (const word of ['help', '--help', '-h'])
      expect(await inProcess([word])).toMatchObject({
        status: 0,
        out: expect.stringContaining('policy check'),
        error: '',
      });
    for (const word of ['version', '--version'])
      expect((await inProcess([word])).out).toMatch(/^countersign \d+\.\d+\.\d+ \(Node 26/);
  });

  it.each(['verify', 'review', 'policy', 'trust', 'serve', 'demo'])('%s --help prints the help', async (command) => {
    expect(await inProcess([command, '--help'])).toMatchObject({
      status: 0,
      out: expect.stringContaining('Usage:'),
      error: '',
    });
  });
});

describe('review', () => {
  it('decides about a pod, a deployment, a list and several documents; each object is named', async () => {
    const { options, signed, unsigned } = await desk();
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [pod({ containers: [container(signed)] }), deployment([unsigned])],
    };
    const folder = await filesIn({
      'pod.json': JSON.stringify(pod({ containers: [container(signed)] })),
      'deployment.yaml': JSON.stringify(deployment([signed, unsigned])),
      'list.yaml': JSON.stringify(list),
      'many.yaml': `---\n${JSON.stringify(pod({ containers: [container(signed)] }))}\n---\n# nothing\n---\n${JSON.stringify(deployment([unsigned]))}\n`,
      'role.yaml': JSON.stringify(workload('rbac.authorization.k8s.io/v1', 'Role', {})),
    });
    for (const [name, status, says] of [
      ['pod.json', 0, '1 image: admitted'],
      ['deployment.yaml', 1, 'spec.template.spec.containers[1].image'],
      ['list.yaml', 1, 'Deployment web'],
      ['many.yaml', 1, 'Pod web'],
      ['role.yaml', 0, 'no images'],
    ] as const) {
      const got = await inProcess(['review', ...options, join(folder, name)]);
      expect(got, name).toMatchObject({ status, error: '' });
      expect(got.out, name).toContain(says);
      expect(got.out).not.toContain(ANSI);
    }
  });

  it('prints JSON for manifests: one list of images, each with its path', async () => {
    const { options, signed, unsigned } = await desk();
    const text = `${JSON.stringify(pod({ containers: [container(signed)] }))}\n---\n${JSON.stringify(deployment([unsigned]))}`;
    const { out, status } = await inProcess(['review', ...options, '-o', 'json', '-'], text);
    expect(status).toBe(1);
    const parsed = JSON.parse(out);
    expect(Object.keys(parsed)).toEqual(['allowed', 'images', 'objects', 'warnings']);
    expect(parsed.images.map(({ path, outcome }: { path: string; outcome: string }) => `${path} ${outcome}`)).toEqual([
      'spec.containers[0].image verified',
      'spec.template.spec.containers[0].image unsigned',
    ]);
  });

  it('answers an AdmissionReview with an AdmissionReview, and by its text without --output json', async () => {
    const { options, signed, unsigned } = await desk();
    for (const [image, allowed] of [
      [signed, true],
      [unsigned, false],
    ] as const) {
      const asked = review(pod({ containers: [container(image)] }));
      const { out, status } = await inProcess(['review', ...options, '--output', 'json', '-'], JSON.stringify(asked));
      expect(status).toBe(allowed ? 0 : 1);
      const answer = JSON.parse(out);
      expect(answer).toMatchObject({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed },
      });
      if (!allowed)
        expect(answer.response.status).toMatchObject({ code: 403, message: expect.stringContaining('[UNSIGNED]') });
      const text = await inProcess(['review', ...options, '-'], JSON.stringify(asked));
      expect(text.out).toContain(allowed ? '1 image: admitted' : '1 image: 1 refused');
    }
  });

  it('answers a malformed AdmissionReview with a refusal and exits 2', async () => {
    const { options } = await desk();
    const asked = review(null, { kind: { group: '', version: 'v1', kind: 'Pod' } });
    const { out, status, error } = await inProcess(['review', ...options, '-o', 'json', '-'], JSON.stringify(asked));
    expect(status).toBe(2);
    expect(error).toContain('request.object is missing');
    expect(JSON.parse(out)).toMatchObject({ response: { allowed: false, status: { code: 400 } } });
  });

  it.each([
    ['nothing', '', 'holds no object'],
    ['a number', '7', 'no object'],
    ['an object without a kind', 'spec: {containers: []}', 'without apiVersion and kind'],
    ['broken YAML', 'a: [', 'line 1'],
    ['one key twice', 'kind: Pod\nkind: Role\n', 'unique'],
    [
      'aliases that unfold',
      `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n`,
      'unfolds too far',
    ],
  ])('exits 2 on %s, and says why', async (_what, text, says) => {
    const { options } = await desk();
    const { status, out, error } = await inProcess(['review', ...options, '-'], text);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(error).toContain(says);
    expect(error).not.toMatch(/\n\s+at /);
  });

  it('takes an object without a shape for a refusal, and not for one without images', async () => {
    const { options } = await desk();
    for (const object of [
      pod({}),
      pod({ containers: 7 }),
      { apiVersion: 'v1', kind: 'Pod' },
      workload('apps/v1', 'Deployment', {}),
    ])
      expect((await inProcess(['review', ...options, '-'], JSON.stringify(object))).status).not.toBe(0);
  });

  it('looks into typed lists and lists in lists, and refuses what is no object in them', async () => {
    const { options, unsigned } = await desk();
    const inner = { kind: 'List', apiVersion: 'v1', items: [pod({ containers: [container(unsigned)] })] };
    const typed = {
      kind: 'PodList',
      apiVersion: 'v1',
      items: [{ metadata: { name: 'a' }, spec: { containers: [container(unsigned)] } }],
    };
    for (const [name, object, status] of [
      ['nested', { kind: 'List', apiVersion: 'v1', items: [inner] }, 1],
      ['typed', typed, 1],
      ['no object', { kind: 'List', apiVersion: 'v1', items: ['pod'] }, 2],
    ] as const)
      expect((await inProcess(['review', ...options, '-'], JSON.stringify(object))).status, name).toBe(status);
  });

  it('decides about an AdmissionReview among other documents, and does not take it for something without images', async () => {
    const { options, unsigned } = await desk();
    const asked = JSON.stringify(review(pod({ containers: [container(unsigned)] })));
    const { status } = await inProcess(
      ['review', ...options, '-'],
      `${asked}\n---\n${JSON.stringify(pod({ containers: [container('free.example/x:1')] }))}\n`,
    );
    expect(status).not.toBe(0);
  });
});

describe('a policy with a mistake', () => {
  const object = (spec: object) =>
    JSON.stringify({
      apiVersion: 'config.openshift.io/v1',
      kind: 'ClusterImagePolicy',
      metadata: { name: 'release' },
      spec,
    });
  const key = { policyType: 'PublicKey', publicKey: { keyData: Buffer.from(release.publicKeyPem).toString('base64') } };

  it.each([
    ['a field of the wrong type', object({ scopes: 7, policy: { rootOfTrust: key } }), 'document 1', 'spec.scopes'],
    ['a scope that is none', object({ scopes: ['*.*'], policy: { rootOfTrust: key } }), 'document 1', 'spec.scopes[0]'],
    ['a field that is missing', object({ scopes: ['a.example'], policy: {} }), 'document 1', 'spec.policy.rootOfTrust'],
    [
      'a list',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [JSON.parse(object({ scopes: ['!'], policy: { rootOfTrust: key } }))],
      }),
      'document 1',
      'items[0].spec.scopes[0]',
    ],
    ['YAML that does not parse', 'kind: [', 'policy.yaml', 'line 1'],
    ['a key twice', 'kind: A\nkind: B', 'policy.yaml', 'line 2'],
    ['nothing', '# nothing\n', 'policy.yaml', 'no policy'],
    ['another kind of object', JSON.stringify({ apiVersion: 'v1', kind: 'Pod' }), 'document 1', 'no policy'],
    [
      'another dialect',
      JSON.stringify({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy' }),
      'document 1',
      'Kyverno',
    ],
  ])('is told by file, place and reason, by check and verify alike: %s', async (_what, text, document, place) => {
    const folder = await filesIn({ 'policy.yaml': text });
    const path = join(folder, 'policy.yaml');
    for (const args of [
      ['policy', 'check', path],
      ['policy', 'check', folder],
      ['verify', '--policy', path, 'free.example/x:1'],
      ['review', '--policy', path, '-'],
    ]) {
      const { status, out, error } = await inProcess(
        args,
        JSON.stringify(pod({ containers: [container('free.example/x:1')] })),
      );
      expect(status, args.join(' ')).toBe(2);
      expect(out).toBe('');
      for (const says of [path, document, place]) expect(error).toContain(says);
    }
  });

  it('is told once, and what is right is counted; what is odd is a warning and no error', async () => {
    const right = yaml(
      keyPolicy({ name: 'cluster', scopes: ['a.example'], signer: release }),
      keyPolicy({ name: 'tenant', namespace: 'team', scopes: ['a.example/x'], signer: release }),
      keyPolicy({ name: 'empty', scopes: [], signer: release }),
    );
    const folder = await filesIn({ 'policies.yaml': right });
    const { status, out, error } = await inProcess(['policy', 'check', folder]);
    expect({ status, error }).toEqual({ status: 0, error: '' });
    expect(out).toContain('3 policies in ');
    expect(out).toContain('no scopes');
    const lines = out.trimEnd().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => line.includes('"tenant"'))).toHaveLength(1);
  });

  it('of another machine is tried by looking its keys up below --root, by check and verify alike', async () => {
    const keyPath = '/etc/pki/release.pem';
    const document = JSON.stringify({
      default: [{ type: 'reject' }],
      transports: { docker: { 'a.example': [{ type: 'sigstoreSigned', keyPath }] } },
    });
    const folder = await filesIn({ 'policy.json': document });
    const path = join(folder, 'policy.json');
    for (const args of [
      ['policy', 'check'],
      ['verify', 'free.example/x:1', '--policy'],
    ]) {
      const without = await inProcess([...args, path]);
      expect(without).toMatchObject({ status: 2, error: expect.stringContaining(`the file "${keyPath}"`) });
      expect(without.error).toContain('--root DIR');
      await mkdir(join(folder, 'etc/pki'), { recursive: true });
      await writeFile(join(folder, keyPath), release.publicKeyPem);
      const { status, error } = await inProcess([...args, path, '--root', folder]);
      expect({ status, error }, args.join(' ')).toMatchObject({ status: args[0] === 'policy' ? 0 : 1 });
      await rm(join(folder, 'etc'), { recursive: true });
      // Who has given it needs no hint, and neither does whose key lies beside the policy.
      expect((await inProcess([...args, path, '--root', folder])).error).not.toContain('--root DIR');
      await writeFile(path, document.replace(keyPath, 'release.pem'));
      const beside = await inProcess([...args, path]);
      expect(beside).toMatchObject({ status: 2, error: expect.stringContaining('the file "release.pem"') });
      expect(beside.error).not.toContain('--root DIR');
      await writeFile(path, document);
    }
  });

  it('that is a directory without policies is an error', async () => {
    const folder = await filesIn({});
    expect(await inProcess(['policy', 'check', folder])).toMatchObject({
      status: 2,
      error: expect.stringContaining('holds no policies'),
    });
    expect((await inProcess(['verify', '--policy', folder, 'free.example/x:1'])).status).toBe(2);
  });
});

describe('as a process', () => {
  it('exits 0, 1, 2 and 3 as the command does, without colours in a pipe', async () => {
    const { options, signed, unsigned, missing } = await desk();
    const [admitted, refused, wrong, unknown, piped, version, check] = await Promise.all([
      run(['verify', ...options, signed]),
      run(['verify', ...options, unsigned]),
      run(['verify', '--nonsense']),
      run(['verify', ...options, '--output', 'json', missing]),
      run(['review', ...options, '-'], JSON.stringify(pod({ containers: [container(unsigned)] }))),
      run(['version']),
      run(['policy', 'check', options[1] ?? '']),
    ]);
    expect([admitted, refused, wrong, unknown, piped, version, check].map(({ status }) => status)).toEqual([
      0, 1, 2, 3, 1, 0, 0,
    ]);
    for (const { out, error } of [admitted, refused, wrong, unknown, piped]) expect(out + error).not.toContain(ANSI);
    expect(wrong).toMatchObject({ out: '', error: expect.stringContaining('--nonsense') });
    expect(JSON.parse(unknown.out)).toMatchObject({ allowed: false, images: [{ outcome: 'error' }] });
  });

  it('plays the demo to its end: every decision as expected, readable in a pipe', async () => {
    const { status, out, error } = await run(['demo']);
    expect({ status, error }).toEqual({ status: 0, error: '' });
    expect(out).not.toContain(ANSI);
    expect(out).toMatch(/✓ \d+ decisions, each as expected\.\n$/);
  });
});
