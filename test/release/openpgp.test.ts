import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../fixtures/openpgp/signer.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'countersign-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the openpgp library in the image', () => {
  /** What the Dockerfile takes of the package, and the packages that the build leaves out of the bundle. */
  const files = [...read('Dockerfile').matchAll(/node_modules\/openpgp\/(\S+)/g)].map(([, path = '']) => path);
  const external = [...(/external: \[([^\]]*)\]/.exec(read('build.ts'))?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
    ([, name = '']) => name,
  );

  it('stands beside the bundle with its licence, as a package that can be replaced, and all of it that is needed', async () => {
    expect(external).toContain('openpgp');
    expect(files).toEqual(expect.arrayContaining(['package.json', 'LICENSE']));
    for (const file of files) {
      const to = join(folder, 'node_modules/openpgp', file);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(ROOT, 'node_modules/openpgp', file), to);
    }
    const signer = createOpenPgpSigner();
    const digest = digestOf(Buffer.from('an image'));
    const message = signer.sign(simpleSigningPayload({ digest }));
    const entry = `
      import { parseKeyring } from ${JSON.stringify(join(ROOT, 'src/trust/openpgp/keyring.ts'))};
      import { proveSimpleSigning } from ${JSON.stringify(join(ROOT, 'src/signatures/simple-signing/prove.ts'))};
      const bytes = (text) => Buffer.from(text, 'base64');
      const keyring = parseKeyring(bytes(${JSON.stringify(Buffer.from(signer.publicKeyBinary).toString('base64'))}));
      const material = { kind: 'openpgp', certificates: keyring.value, weakAlgorithms: 'refuse' };
      const proof = await proveSimpleSigning(bytes(${JSON.stringify(Buffer.from(message).toString('base64'))}), material, ${JSON.stringify(digest)});
      process.stdout.write(proof.ok ? proof.value.kind : proof.failure.code);`;
    writeFileSync(join(folder, 'entry.js'), entry);
    const bundle = join(folder, 'countersign.mjs');
    await build({
      entryPoints: [join(folder, 'entry.js')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external,
      logLevel: 'silent',
    });
    expect(readFileSync(bundle, 'utf8')).not.toContain('class SignaturePacket');

    const run = () =>
      spawnSync(process.execPath, ['--permission', `--allow-fs-read=${folder}/*`, bundle], {
        encoding: 'utf8',
        cwd: folder,
      });
    expect(run()).toMatchObject({ stdout: 'proved', status: 0 });
    rmSync(join(folder, 'node_modules'), { recursive: true });
    expect(run()).toMatchObject({ stdout: 'FEATURE_NOT_SUPPORTED', status: 0 });
  });
});
