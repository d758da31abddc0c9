import { Agent } from 'node:https';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { authority } from '../cli/certificates.ts';
import { filesIn, start } from '../cli/process.ts';
import { createOpenPgpSigner } from '../fixtures/openpgp/signer.ts';
import { keyPolicy, postTo, registryFor, runOf } from '../fixtures/webhook.ts';
import { until, yaml } from '../policy/sources/folder.ts';
import { folderOf, signatureOf, signedBy, startLookaside } from './containers-world.ts';

/** Says on standard error when the openpgp library is asked for. */
const WATCHER = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'openpgp') process.stderr.write('openpgp is loaded\\n');
      return next(specifier, context);
    },
  });
`)}`;

it('a process loads the OpenPGP library with the first GPG signature, and not for cosign, nor for a policy.json that nobody asks', async () => {
  const registry = await registryFor();
  const lookaside = await startLookaside();
  const [release, gpg] = [createSigner(), createOpenPgpSigner()];
  signImage(registry, 'cosign/web', publishImage(registry, 'cosign/web', 'cosign'), release);
  const { digest } = publishImage(registry, 'gpg/web', 'gpg');
  const name = `${registry.host}/gpg/web:v1`;
  lookaside.files.set(`${folderOf('gpg/web', digest)}/signature-1`, signatureOf(gpg, digest, name));

  const { caPem, issue } = authority();
  const scope = `${registry.host}/gpg`;
  const folder = await filesIn({
    'cosign.yaml': yaml(keyPolicy({ name: 'release', scopes: [`${registry.host}/cosign`], signer: release })),
    'policy.json': JSON.stringify({
      default: [{ type: 'reject' }],
      transports: { docker: { [scope]: [signedBy('gpg.asc')] } },
    }),
    'gpg.asc': gpg.publicKeyArmored,
    'registries.yaml': JSON.stringify({ docker: { [scope]: { lookaside: `http://${lookaside.host}` } } }),
  });
  const { certFile, keyFile } = await issue(folder);
  const local = { host: '127.0.0.1', port: 0 };
  const configuration = await filesIn({
    'config.yaml': JSON.stringify({
      listen: local,
      metrics: local,
      tls: { certFile, keyFile },
      policies: [
        join(folder, 'cosign.yaml'),
        { path: join(folder, 'policy.json'), scopes: [scope] },
        join(folder, 'registries.yaml'),
      ],
      requireDigest: 'off',
      registries: { [registry.host]: { plainHttp: true } },
      audit: { output: join(folder, 'audit.jsonl') },
      drainSeconds: 0,
    }),
  });
  const process = start(['serve', '--config', join(configuration, 'config.yaml')], ['--import', WATCHER]);
  const listening = () => /"url":"(https:[^"]+)"/.exec(process.error())?.[1];
  await until(() => listening() !== undefined || process.child.exitCode !== null, 'serve listens', 10_000);
  const agent = new Agent({ keepAlive: true, ca: caPem });
  onTestFinished(() => agent.destroy());
  const ask = (image: string) =>
    postTo(`${listening() ?? process.error()}/validate`, agent, JSON.stringify(runOf([image])));

  const admitted = { status: 200, body: { response: { allowed: true } } };
  expect(await ask(`${registry.host}/cosign/web:v1`)).toMatchObject(admitted);
  expect(process.error()).not.toContain('openpgp is loaded');
  expect(await ask(name)).toMatchObject(admitted);
  expect(process.error()).toContain('openpgp is loaded');
});
