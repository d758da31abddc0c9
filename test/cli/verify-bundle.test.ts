import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { digestOf } from '../../src/image/digest.ts';
import { describeVectors } from '../fixtures/vectors.ts';
import { type ConformanceCase, conformanceCases } from '../signatures/sigstore/conformance.ts';

async function run(...args: readonly string[]): Promise<{ status: number; out: string; error: string }> {
  const said = { out: '', error: '' };
  const status = await main(['verify-bundle', ...args], {
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    environment: {},
    interactive: false,
    readStandardInput: () => Promise.resolve(''),
  });
  return { status, ...said };
}

/** The arguments that the suite's client protocol gives (docs/cli_protocol.md). */
function argumentsFor(of: ConformanceCase, artifact: string): readonly string[] {
  return [
    '--bundle',
    of.bundle,
    ...(of.key === undefined
      ? ['--certificate-identity', of.identity.subject, '--certificate-oidc-issuer', of.identity.issuer]
      : ['--key', of.key]),
    ...(of.ownRoot ? ['--trusted-root', of.trustedRoot] : []),
    artifact,
  ];
}

describeVectors('.', 'countersign verify-bundle as client of sigstore-conformance', (vectors) => {
  const cases = conformanceCases(vectors);

  it('accepts and rejects all 70 cases as their names say, with the file', async () => {
    const wrong: string[] = [];
    for (const one of cases) {
      const { status, out, error } = await run(...argumentsFor(one, one.artifact));
      if ((status === 0) !== one.holds) wrong.push(`${one.name}: ${status} ${error}`);
      expect(`${out}${error}`, one.name).toMatch(one.holds ? /^Verified: sha256:.*\.\n$/ : /^.+\. \[[A-Z_]+\]\n$/);
    }
    expect(wrong).toEqual([]);
  });

  it('accepts no case that must fail by its digest either, and all envelopes that hold', async () => {
    for (const one of cases) {
      const { status, error } = await run(...argumentsFor(one, digestOf(readFileSync(one.artifact))));
      if (one.holds && readFileSync(one.bundle, 'utf8').includes('"dsseEnvelope"')) expect(status, error).toBe(0);
      else expect(status, one.name).not.toBe(0);
    }
  });
});

describe('countersign verify-bundle', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-bundle-'));
    file = join(folder, 'file');
    await writeFile(file, '{}');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const who = ['--certificate-identity', 'a@example.test', '--certificate-oidc-issuer', 'https://issuer.test'];

  it('refuses --staging by name', async () => {
    const { status, error } = await run('--staging', '--bundle', file, ...who, file);
    expect(status).toBe(2);
    expect(error).toContain('--staging is not supported');
  });

  it.each([
    ['no bundle', [...who, 'FILE']],
    ['no artifact', ['--bundle', 'FILE', ...who]],
    ['nobody', ['--bundle', 'FILE', 'FILE']],
    ['an identity without its issuer', ['--bundle', 'FILE', '--certificate-identity', 'a', 'FILE']],
    ['an issuer without an identity', ['--bundle', 'FILE', '--certificate-oidc-issuer', 'a', 'FILE']],
    ['an empty identity', ['--bundle', 'FILE', '--certificate-identity', '', '--certificate-oidc-issuer', 'a', 'FILE']],
    ['an empty issuer', ['--bundle', 'FILE', '--certificate-identity', 'a', '--certificate-oidc-issuer', '', 'FILE']],
    ['an empty key', ['--bundle', 'FILE', '--key', '', 'FILE']],
    ['a key and an identity', ['--bundle', 'FILE', '--key', 'FILE', ...who, 'FILE']],
    ['two artifacts', ['--bundle', 'FILE', ...who, 'FILE', 'FILE']],
    ['an unknown option', ['--bundle', 'FILE', '--insecure-ignore-tlog', ...who, 'FILE']],
  ])('is wrong usage with %s', async (_, args) => {
    const { status, out } = await run(...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect(status).toBe(2);
    expect(out).toBe('');
  });

  it('says which file cannot be read or used', async () => {
    const absent = join(folder, 'absent');
    expect(await run('--bundle', absent, ...who, file)).toMatchObject({ status: 2 });
    expect(await run('--bundle', file, ...who, absent)).toMatchObject({ status: 2 });
    const broken = await run('--bundle', file, '--trusted-root', file, ...who, file);
    expect(broken).toMatchObject({ status: 2 });
    expect(broken.error).toContain('[TRUST_MATERIAL_UNAVAILABLE]');
    expect((await run('--bundle', file, '--key', file, file)).error).toContain('[TRUST_MATERIAL_UNAVAILABLE]');
  });

  it('refuses a bundle that is none with a code', async () => {
    const { status, error } = await run('--bundle', file, ...who, file);
    expect(status).toBe(1);
    expect(error).toContain('[SIGNATURE_MALFORMED]');
  });
});
