import { sign as signBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  attach,
  COSIGN_FORMS,
  type CosignForm,
  type CosignKey,
  generateKey,
  importKey,
  payloadOf,
  sign,
} from './cosign.ts';
import { ADMITTED, type Answer, REFUSED, verify, writeConfiguration, writePolicies } from './countersign.ts';
import { temporaryFolder } from './folder.ts';
import { copyManifest, pushImage, pushIndex } from './image.ts';
import { REGISTRY_KINDS, type RealRegistry, type RegistryKind } from './registries.ts';
import { describeWith } from './tools.ts';

for (const kind of REGISTRY_KINDS) {
  for (const form of COSIGN_FORMS) {
    describeWith([form.tool, kind.tool], `${form.title}, through ${kind.title}`, () => keySigned(kind, form));
  }
  describeWith(['cosign2', kind.tool], `Ed25519, through ${kind.title}`, () => ed25519(kind));
}

function keySigned(kind: RegistryKind, form: CosignForm): void {
  const { folder, ask, repository } = fixture(kind, form.named);
  let key: CosignKey;
  let other: CosignKey;

  beforeAll(async () => {
    key = await generateKey(form.tool, folder, 'key');
    other = await generateKey(form.tool, folder, 'other');
  });

  it('verifies an image signed with the key of the policy, by tag and by digest', async () => {
    const image = await pushImage(repository('plain'));
    await sign(form, folder, key, image);
    expect(await ask(image.reference, key)).toMatchObject(ADMITTED);
    expect(await ask(`${image.repository}@${image.digest}`, key)).toMatchObject(ADMITTED);
  });

  it('refuses the same image where the policy names another key', async () => {
    const image = await pushImage(repository('other-key'));
    await sign(form, folder, key, image);
    expect(await ask(image.reference, other)).toMatchObject(REFUSED);
  });

  it('refuses an image that nobody signed, and says so', async () => {
    const image = await pushImage(repository('unsigned'));
    const answer = await ask(image.reference, key);
    expect(answer).toMatchObject(REFUSED);
    expect(answer.text).toContain('UNSIGNED');
  });

  it('refuses an image that carries the signature of another', async () => {
    const signed = await pushImage(repository('mine'));
    const copied = await pushIndex(repository('mine'));
    await sign(form, folder, key, signed);
    await copyManifest(signed.repository, signatureTag(signed.digest), signatureTag(copied.digest)).catch(() => {
      // Only the tag form has a tag that can be copied; a bundle or referrer names its subject in the manifest.
    });
    expect(await ask(`${copied.repository}@${copied.digest}`, key)).toMatchObject(REFUSED);
  });

  it('verifies an index signed with --recursive, and each of its images', async () => {
    const index = await pushIndex(repository('recursive'));
    await sign(form, folder, key, index, { recursive: true });
    for (const image of [index.reference, ...index.instances]) {
      expect(await ask(image, key), image).toMatchObject(ADMITTED);
    }
  });

  it('verifies an index that is signed itself, and refuses its images, which are not', async () => {
    const index = await pushIndex(repository('index-alone'));
    await sign(form, folder, key, index);
    expect(await ask(index.reference, key)).toMatchObject(ADMITTED);
    for (const image of index.instances) expect(await ask(image, key), image).toMatchObject(REFUSED);
  });

  it('finds the right one among several signatures, and refuses where the policy names a third key', async () => {
    const image = await pushImage(repository('several'));
    await sign(form, folder, key, image);
    await sign(form, folder, other, image);
    const third = await generateKey(form.tool, folder, 'third');
    expect(await ask(image.reference, key)).toMatchObject(ADMITTED);
    expect(await ask(image.reference, other)).toMatchObject(ADMITTED);
    expect(await ask(image.reference, key, other)).toMatchObject(ADMITTED);
    expect(await ask(image.reference, key, third)).toMatchObject(REFUSED);
  });

  it('verifies a signature with annotations', async () => {
    const image = await pushImage(repository('annotations'));
    await sign(form, folder, key, image, { annotations: { environment: 'production', team: 'sentries' } });
    expect(await ask(image.reference, key)).toMatchObject(ADMITTED);
  });

  it.each([2048, 3072, 4096] as const)('verifies a signature with an RSA key of %d bits', async (bits) => {
    const image = await pushImage(repository(`rsa-${bits}`));
    const rsa = await importKey(form.tool, folder, `rsa-${bits}`, bits);
    await sign(form, folder, rsa, image);
    expect(await ask(image.reference, rsa)).toMatchObject(ADMITTED);
    expect(await ask(image.reference, key)).toMatchObject(REFUSED);
  });

  it('refuses what cosign writes with an Ed25519 key: that is Ed25519ph, which OpenShift does not verify', async () => {
    const image = await pushImage(repository('ed25519ph'));
    const ed25519 = await importKey(form.tool, folder, 'ed25519', 'ed25519');
    await sign(form, folder, ed25519, image);
    const answer = await ask(image.reference, ed25519);
    expect(answer).toMatchObject(REFUSED);
    expect(answer.text).toMatch(/ALGORITHM_UNSUPPORTED|SIGNATURE_/);
  });

  if (!form.named) {
    it('refuses signatures without a name unless the policy accepts them', async () => {
      const image = await pushImage(repository('unnamed'));
      await sign(form, folder, key, image);
      const policies = writePolicies(folder, 'strict.yaml', [
        { name: 'strict', scope: image.repository, publicPem: key.publicPem, unnamed: false },
      ]);
      const answer = await verify(folder.file('config.json'), policies, image.reference);
      expect(answer).toMatchObject(REFUSED);
      expect(answer.text).toContain('NAME_ABSENT');
    });
  }
}

function ed25519(kind: RegistryKind): void {
  const { folder, ask, repository } = fixture(kind, true);

  it('verifies a signature over the payload itself that cosign attached, and no other', async () => {
    const image = await pushImage(repository('attached'));
    const twin = await pushImage(repository('attached-twin'));
    const key = await importKey('cosign2', folder, 'pure', 'ed25519');
    const payload = await payloadOf(folder, `${image.repository}@${image.digest}`);
    const signature = signBytes(null, Buffer.from(payload), readFileSync(folder.file('pure.pem')));
    await attach(folder, `${image.repository}@${image.digest}`, payload, signature);
    await attach(folder, `${twin.repository}@${twin.digest}`, payload, signature);
    expect(await ask(image.reference, key)).toMatchObject(ADMITTED);
    expect(await ask(twin.reference, key)).toMatchObject(REFUSED);
  });
}

/** A registry with its folder, and how an image in it is asked about under one policy for each key. */
function fixture(kind: RegistryKind, named: boolean) {
  const folder = temporaryFolder();
  let registry: RealRegistry;

  beforeAll(async () => {
    registry = await kind.start(folder);
    writeConfiguration(folder, 'config.json', { registries: { [registry.host]: { plainHttp: true } } });
  });
  afterAll(async () => {
    await registry.stop();
    folder.remove();
  });

  const ask = (image: string, ...keys: readonly CosignKey[]): Promise<Answer> => {
    const policies = keys.map(({ publicPem }, index) => ({
      name: `release-${index}`,
      scope: registry.host,
      publicPem,
      unnamed: !named,
    }));
    return verify(folder.file('config.json'), writePolicies(folder, 'policies.yaml', policies), image);
  };
  return { folder, ask, repository: (name: string) => `${registry.host}/acme/${name}` };
}

const signatureTag = (digest: string): string => `${digest.replace(':', '-')}.sig`;
