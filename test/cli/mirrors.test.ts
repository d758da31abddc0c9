import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { keyPolicy, registryFor } from '../fixtures/webhook.ts';
import { mirrorSet } from '../policy/mirrors/objects.ts';
import { yaml } from '../policy/sources/folder.ts';
import { filesIn, inProcess } from './process.ts';

/** A signed image of a vendor whose own registry nobody can reach, a copy of it at a mirror, a policy for it, and files beside that. */
async function desk(files: (host: string) => Readonly<Record<string, string>>) {
  const mirror = await registryFor();
  const signer = createSigner();
  const image = publishImage(mirror, 'copies/web', 'web');
  signImage(mirror, 'copies/web', image, signer, '127.0.0.1:9/web');
  const folder = await filesIn({
    'policy.yaml': yaml(keyPolicy({ name: 'vendor', scopes: ['127.0.0.1:9'], signer })),
    ...files(mirror.host),
  });
  const file = (name: string) => join(folder, name);
  const verify = (config: object, ...options: readonly string[]) =>
    filesIn({ 'config.yaml': JSON.stringify({ requireDigest: 'off', ...config }) }).then((at) =>
      inProcess([
        'verify',
        '--policy',
        file('policy.yaml'),
        ...options,
        '--config',
        join(at, 'config.yaml'),
        `127.0.0.1:9/web@${image.digest}`,
      ]),
    );
  return { file, verify, host: mirror.host };
}

const conf = (host: string, more = '') =>
  `${more}\n[[registry]]\nlocation = "127.0.0.1:9"\nblocked = true\n[[registry.mirror]]\nlocation = "${host}/copies"\ninsecure = true`;

describe('verify', () => {
  it('reads images where the registries.conf of its configuration says', async () => {
    const { file, verify } = await desk((host) => ({ 'node.conf': conf(host) }));
    expect(await verify({ registriesConf: [file('node.conf')] })).toMatchObject({ status: 0, error: '' });
    expect((await verify({})).status).toBe(3);
  });

  it('reads images where a mirror set that is given with --policy says', async () => {
    const set = (host: string) =>
      JSON.stringify(mirrorSet('ImageDigestMirrorSet', 'a', { source: '127.0.0.1:9', mirrors: [`${host}/copies`] }));
    const { file, verify, host } = await desk((at) => ({ 'mirrors.yaml': set(at) }));
    const registries = { [host]: { plainHttp: true } };
    expect((await verify({ registries }, '--policy', file('mirrors.yaml'))).status).toBe(0);
    expect((await verify({ registries })).status).toBe(3);
  });

  it('says where a node with this registries.conf pulls names without a host from elsewhere, and goes on', async () => {
    const { file, verify } = await desk((host) => ({
      'node.conf': conf(host, 'unqualified-search-registries = ["quay.io"]'),
    }));
    expect(await verify({ registriesConf: [file('node.conf')] })).toMatchObject({
      status: 0,
      error: expect.stringMatching(/^countersign: registries\.conf: unqualified-search-registries .* quay\.io; /),
    });
  });

  it.each<[string, string, string]>([
    ['cannot be read', 'gone.conf', 'gone.conf: cannot be read (ENOENT)'],
    ['is wrong', 'wrong.conf', 'wrong.conf: [[registry]] 1: blokced: unknown key'],
  ])('exits 2 where a registries.conf %s', async (_, name, message) => {
    const { file, verify } = await desk(() => ({ 'wrong.conf': '[[registry]]\nlocation = "a"\nblokced = true' }));
    const answer = await verify({ registriesConf: [file(name)] });
    expect(answer.status).toBe(2);
    expect(answer.error).toContain(message);
  });
});
