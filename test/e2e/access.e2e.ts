import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority, issue, type Pair } from './certificates.ts';
import { COSIGN_FORMS, type CosignKey, generateKey, sign } from './cosign.ts';
import { ADMITTED, UNKNOWN, verify, writeConfiguration, writePolicies } from './countersign.ts';
import { temporaryFolder } from './folder.ts';
import { type PushedImage, pushImage } from './image.ts';
import { LOGIN, type RealRegistry, startDockerRegistry } from './registries.ts';
import { describeWith } from './tools.ts';

const form = COSIGN_FORMS.find(({ title }) => title === 'cosign v3, tag');
if (form === undefined) throw new Error('cosign v3 writes tags no more');

describeWith(['docker-registry', 'cosign3'], 'docker-registry with a login', () => {
  const folder = temporaryFolder();
  let registry: RealRegistry;
  let image: PushedImage;
  let policies: string;

  beforeAll(async () => {
    registry = await startDockerRegistry(folder, { login: true });
    image = await pushImage(`${registry.host}/acme/private`, { login: true });
    const key = await generateKey(form.tool, folder, 'key');
    await sign(form, folder, key, image, { login: true });
    policies = policiesFor(registry.host, key);
  });
  afterAll(async () => {
    await registry.stop();
    folder.remove();
  });

  const policiesFor = (scope: string, { publicPem }: CosignKey) =>
    writePolicies(folder, 'policies.yaml', [{ name: 'release', scope, publicPem, unnamed: false }]);
  const ask = (settings: object) => {
    const configuration = { registries: { [registry.host]: { plainHttp: true, ...settings } } };
    return verify(writeConfiguration(folder, 'config.json', configuration), policies, image.reference);
  };

  it('verifies with the credentials of the configuration', async () => {
    expect(await ask({ credentials: LOGIN })).toMatchObject(ADMITTED);
  });

  it('verifies with the credentials of a Docker configuration', async () => {
    const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
    const dockerConfig = folder.write('docker.json', JSON.stringify({ auths: { [registry.host]: { auth } } }));
    expect(await ask({ credentials: { dockerConfig } })).toMatchObject(ADMITTED);
  });

  it('calls a registry that asks for credentials unauthorised, never unsigned', async () => {
    for (const settings of [{}, { credentials: { ...LOGIN, password: 'guessed' } }]) {
      const answer = await ask(settings);
      expect(answer).toMatchObject(UNKNOWN);
      expect(answer.text).toContain('REGISTRY_UNAUTHORISED');
    }
  });
});

describeWith(['docker-registry', 'cosign3', 'openssl'], 'docker-registry with a certificate of its own CA', () => {
  const folder = temporaryFolder();
  let authority: Pair;
  let registry: RealRegistry;
  let key: CosignKey;

  beforeAll(async () => {
    key = await generateKey(form.tool, folder, 'key');
    authority = await createAuthority(folder);
    const tls = await issue(folder, authority, 'registry', '/CN=registry');
    registry = await startDockerRegistry(folder, { tls });
  });
  afterAll(async () => {
    await registry.stop();
    folder.remove();
  });

  const ask = async (settings: object) => {
    const policies = writePolicies(folder, 'policies.yaml', [
      { name: 'release', scope: registry.host, publicPem: key.publicPem, unnamed: false },
    ]);
    const configuration = writeConfiguration(folder, 'config.json', { registries: { [registry.host]: settings } });
    return verify(configuration, policies, `${registry.host}/acme/absent:1`);
  };

  it('reaches the registry with the CA of the configuration', async () => {
    const answer = await ask({ caFile: authority.certFile });
    expect(answer).toMatchObject(UNKNOWN);
    expect(answer.text).toContain('IMAGE_NOT_FOUND');
  });

  it('does not believe the certificate without it', async () => {
    const answer = await ask({});
    expect(answer).toMatchObject(UNKNOWN);
    expect(answer.text).toContain('REGISTRY_TLS_UNTRUSTED');
  });
});
