import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerCredentials, parseDockerConfig } from '../../src/config/docker-config.ts';
import { loadRegistries, registriesSchema } from '../../src/config/registries.ts';
import { createCertificateAuthority } from '../../src/encoding/certificate-writer.ts';
import { parseReference } from '../../src/image/reference.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

async function credentialFor(config: object, image: string, allowHelpers = false): Promise<unknown> {
  const parsed = parseDockerConfig(JSON.stringify(config));
  const reference = parseReference(image);
  if (!parsed.ok || !reference.ok) return parsed.ok ? 'reference' : parsed.failure.code;
  const found = await dockerCredentials(parsed.value, { allowHelpers }).candidates(reference.value.repository);
  if (!found.ok) return found.failure;
  const [first, ...others] = found.value;
  expect(others).toEqual([]);
  return first?.kind === 'basic' ? `${first.username}:${first.password}` : first;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a Docker configuration', () => {
  const auths = {
    'https://index.docker.io/v1/': auth('hub:1'),
    'ghcr.io': auth('github:with:colon'),
    'ghcr.io/acme': auth('acme:2'),
    'https://Quay.io/v2/': { username: 'quay', password: '3' },
    'registry.test:5000': { ...auth('x:y'), identitytoken: 'refresh' },
    'old.test': auth('old:pass\0\0'),
    'empty.test': {},
  };

  it.each([
    ['busybox', 'hub:1'],
    ['docker.io/acme/app', 'hub:1'],
    ['ghcr.io/other/app', 'github:with:colon'],
    ['ghcr.io/acme/app', 'acme:2'],
    ['ghcr.io/acme', 'acme:2'],
    ['ghcr.io/acmeevil/app', 'github:with:colon'],
    ['ghcr.io.evil.test/acme/app', undefined],
    ['quay.io/a', 'quay:3'],
    ['registry.test:5000/a', { kind: 'identity-token', token: 'refresh' }],
    ['registry.test/a', undefined],
    ['old.test/a', 'old:pass'],
    ['empty.test/a', undefined],
  ])('gives %s its own credential and no other', async (image, expected) => {
    expect(await credentialFor({ auths }, image)).toEqual(expected);
  });

  it('fails only for the images whose entry is broken, and says nothing secret', async () => {
    const broken = {
      'a.test': { auth: 'not base64 s3cret' },
      'b.test': auth('s3cret-no-colon'),
      'c.test': 'x',
      'd.test': auth('d:ok'),
      'e.test': { username: 'e' },
    };
    for (const host of ['a.test', 'b.test', 'c.test', 'e.test']) {
      const failure = await credentialFor({ auths: broken }, `${host}/x`);
      expect(failure).toMatchObject({ code: 'REGISTRY_CREDENTIAL_UNUSABLE', message: expect.stringContaining(host) });
      expect(JSON.stringify(failure)).not.toContain('s3cret');
    }
    expect(await credentialFor({ auths: broken }, 'd.test/x')).toBe('d:ok');
  });

  it.each(['[]', '{"auths":1}', '{"auths":{},"auths":{}}', '', 'null'])('that reads %j is refused', (text) => {
    expect(parseDockerConfig(text)).toMatchObject({ ok: false, failure: { code: 'REGISTRY_CREDENTIAL_UNUSABLE' } });
  });

  it('never runs a helper for a server, and names the one that it would take', async () => {
    const config = { auths: { ...auths }, credHelpers: { 'gcr.io': 'gcr' }, credsStore: 'desktop' };
    expect(await credentialFor(config, 'gcr.io/a')).toMatchObject({
      code: 'REGISTRY_CREDENTIAL_UNUSABLE',
      message: expect.stringContaining('gcr'),
    });
    expect(await credentialFor(config, 'empty.test/a')).toMatchObject({ message: expect.stringContaining('desktop') });
    expect(await credentialFor(config, 'ghcr.io/acme/app')).toBe('acme:2');
  });

  it('runs a helper on the command line, within bounds', async () => {
    const helper = async (name: string, script: string) => {
      await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, `docker-credential-${name}`), 0o755);
    };
    await helper(
      'good',
      'read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"u\\",\\"Secret\\":\\"$server\\"}"',
    );
    await helper('token', 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"t\\"}"');
    await helper('none', 'echo "credentials not found in native keychain"; exit 1');
    await helper('bad', 'echo s3cret; exit 1');
    await helper('loud', 'yes s3cret');
    const path = process.env['PATH'];
    process.env['PATH'] = `${folder}:${path}`;
    const ask = (name: string, image = 'a.test/x') =>
      credentialFor({ credHelpers: { 'a.test': name }, credsStore: name }, image, true);
    expect(await ask('good')).toBe('u:a.test');
    expect(await ask('good', 'busybox')).toBe('u:https://index.docker.io/v1/');
    expect(await ask('token')).toEqual({ kind: 'identity-token', token: 't' });
    expect(await ask('none')).toBeUndefined();
    for (const name of ['bad', 'loud', 'absent', '../evil', 'a b', '']) {
      const failure = await ask(name);
      expect(failure).toMatchObject({
        code: 'REGISTRY_CREDENTIAL_UNUSABLE',
      });
      expect(JSON.stringify(failure)).not.toContain('s3cret');
    }
    process.env['PATH'] = path;
  });

  it('tells credentials apart without revealing them', () => {
    const parsed = parseDockerConfig(JSON.stringify({ auths, credHelpers: { 'gcr.io': 'gcr' } }));
    const source = parsed.ok ? dockerCredentials(parsed.value, { allowHelpers: false }) : undefined;
    const ids = ['ghcr.io/acme', 'ghcr.io/other', 'gcr.io/x', 'none.test/x'].map((name) => {
      const [host = '', path = ''] = name.split('/');
      return source?.id({ host, path });
    });
    expect(new Set(ids).size).toBe(4);
    expect(ids[3]).toBe('anonymous');
  });
});

describe('the configuration of registries', () => {
  it('refuses unknown keys and hosts that are none', () => {
    const accepts = (value: unknown) => registriesSchema.safeParse(value).success;
    expect(
      accepts({
        'a.test:5000': {
          plainHttp: true,
          caFile: '/ca',
          mirrors: ['m.test', 'm.test/copies'],
          credentials: { username: 'u', password: 'p' },
        },
      }),
    ).toBe(true);
    expect(accepts({ 'a.test': {} })).toBe(true);
    for (const value of [
      { 'a.test': { insecure: true } },
      { 'A.test': {} },
      { 'index.docker.io': {} },
      { 'https://a.test': {} },
      { 'a.test/path': {} },
      { 'a.test': { mirrors: ['https://m.test'] } },
      { 'a.test': { mirrors: ['m.test/UP'] } },
      { 'a.test': { credentials: { username: 'u' } } },
      { 'a.test': { credentials: { username: 'u', password: 'p', dockerConfig: '/x' } } },
      { 'a.test': { plainHttp: 'yes' } },
    ]) {
      expect([value, accepts(value)]).toEqual([value, false]);
    }
  });

  it('reads the files that it names', async () => {
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const loaded = await loadRegistries(
      {
        'a.test': { plainHttp: true, mirrors: ['m.test:5000/copies/deep', 'n.test'] },
        'b.test': { caFile: await file('ca.pem', createCertificateAuthority().certificatePem) },
        'c.test': {
          credentials: { usernameFile: await file('u', 'carol\n'), passwordFile: await file('p', ' pass \r\n') },
        },
        'd.test': {
          credentials: { dockerConfig: await file('d.json', JSON.stringify({ auths: { 'd.test': auth('dora:x') } })) },
        },
      },
      {
        dockerConfig: await file(
          'all.json',
          JSON.stringify({ auths: { 'm.test:5000': auth('m:y'), 'c.test': auth('never:used') } }),
        ),
        allowHelpers: false,
      },
    );
    if (!loaded.ok) throw new Error(loaded.failure.message);
    const { hosts, credentials } = loaded.value;
    expect(hosts.get('a.test')).toEqual({
      plainHttp: true,
      ca: undefined,
      mirrors: [
        { host: 'm.test:5000', pathPrefix: 'copies/deep' },
        { host: 'n.test', pathPrefix: '' },
      ],
    });
    expect(hosts.get('b.test')?.ca).toContain('BEGIN CERTIFICATE');
    expect(await credentials.candidates({ host: 'c.test', path: 'x' })).toEqual({
      ok: true,
      value: [{ kind: 'basic', username: 'carol', password: ' pass ' }],
    });
    expect(await credentials.candidates({ host: 'd.test', path: 'x' })).toMatchObject({
      value: [{ username: 'dora' }],
    });
    expect(await credentials.candidates({ host: 'm.test:5000', path: 'x' })).toMatchObject({
      value: [{ username: 'm' }],
    });
    expect(await credentials.candidates({ host: 'a.test', path: 'x' })).toEqual({ ok: true, value: [] });
  });

  it('sees a credential that was renewed, and keeps the last one when its file is gone', async () => {
    let now = 0;
    const file = join(folder, 'renewed.json');
    const write = (text: string) => writeFile(file, JSON.stringify({ auths: { 'a.test': auth(text) } }));
    await write('a:1');
    const loaded = await loadRegistries({}, { dockerConfig: file, allowHelpers: false, now: () => now });
    const source = loaded.ok ? loaded.value.credentials : undefined;
    const repository = { host: 'a.test', path: 'x' };
    const before = source?.id(repository);
    await write('a:2');
    expect(await source?.candidates(repository)).toMatchObject({ value: [{ password: '1' }] });
    now += 30_000;
    expect(await source?.candidates(repository)).toMatchObject({ value: [{ password: '2' }] });
    expect(source?.id(repository)).not.toBe(before);
    await rm(file);
    now += 30_000;
    expect(await source?.candidates(repository)).toMatchObject({ value: [{ password: '2' }] });
  });

  it.each([
    ['a CA that is not there', { caFile: '/nonexistent/ca.pem' }, 'TRUST_MATERIAL_UNAVAILABLE'],
    ['a CA that is none', { caFile: import.meta.filename }, 'TRUST_MATERIAL_UNAVAILABLE'],
    [
      'a password that is not there',
      { credentials: { usernameFile: import.meta.filename, passwordFile: '/nonexistent' } },
      'REGISTRY_CREDENTIAL_UNUSABLE',
    ],
    [
      'a Docker configuration that is none',
      { credentials: { dockerConfig: import.meta.filename } },
      'REGISTRY_CREDENTIAL_UNUSABLE',
    ],
  ])('refuses %s', async (_, registry, code) => {
    expect(await loadRegistries({ 'a.test': registry }, { allowHelpers: false })).toMatchObject({
      ok: false,
      failure: { code },
    });
  });
});
