import { readFileSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { helmOn } from '../chart.ts';
import { settings } from '../cosign.ts';
import { type Folder, temporaryFolder } from '../folder.ts';
import { copyManifest, pushImage } from '../image.ts';
import { run } from '../process.ts';
import { toolPath } from '../tools.ts';
import { type Installation, NAME, NAMESPACE, runRelease } from './installation.ts';
import type { World } from './world.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const PAGE = 'docs/first-policy.md';
/** The registry of the page. */
const REGISTRY = 'registry.example';
/** Longer than the API server takes to hear of a label, and a controller to make a service account. */
const HEARD_MS = 1_000;

type Step = { readonly command: string; readonly prints: string };

/** Somebody who knows Kubernetes and reads the page types what stands there, and sees what stands there. */
export function transcriptCases(world: () => World): void {
  describe(`${PAGE}, word by word`, () => {
    const folder = temporaryFolder();
    let running: Installation | undefined;
    afterAll(async () => {
      await running?.stop();
      folder.remove();
    });

    it('ends with a pod that is blocked', async () => {
      const { plane, registry, app, installation } = world();
      // Somebody else's release may still be there.
      await installation.stop();
      const uninstalled = await helmOn(folder, plane.kubeconfig).run([
        'uninstall',
        NAME,
        '-n',
        NAMESPACE,
        '--ignore-not-found',
      ]);
      expect(uninstalled).toMatchObject({ status: 0 });
      for (const name of ['app', 'unsigned']) {
        const { repository } = await pushImage(`${registry.host}/shop/${name}`);
        await copyManifest(repository, '1', '1.2');
      }
      const steps = stepsOf(readFileSync(resolve(PROJECT, PAGE), 'utf8'));
      const typed = steps.map(({ command }) => command);
      expect(typed).toEqual(expect.arrayContaining([...commandsOfReadme()]));
      for (const { command, prints } of steps) {
        const printed = await type(command, folder, world(), running);
        expect(`$ ${command}\n${printed.replaceAll(registry.host, REGISTRY)}`).toMatch(
          pattern(`$ ${command}\n${prints}`),
        );
        if (command.startsWith('helm install')) running = await runRelease({ plane, folder: world().folder }, app);
        if (command.startsWith('helm uninstall')) expect(await running?.stop()).toBeUndefined();
        await wait(HEARD_MS);
      }
    }, 180_000);
  });
}

/** The commands of all console blocks with what they print. A command goes on while a text from `<<` is open. */
function stepsOf(page: string): readonly Step[] {
  return page
    .split('```console\n')
    .slice(1)
    .flatMap((rest) => rest.slice(0, rest.indexOf('```')).split(/^\$ /m).slice(1))
    .map((step) => {
      const open = step.includes('<<YAML') ? step.indexOf('\nYAML\n') + 1 : 0;
      // A line that ends with a backslash goes on.
      const end = open + step.slice(open).search(/(?<!\\)\n/);
      return { command: step.slice(0, end), prints: step.slice(end + 1) };
    });
}

/** What the README has a newcomer type. */
function commandsOfReadme(): readonly string[] {
  const readme = readFileSync(resolve(PROJECT, 'README.md'), 'utf8');
  const [section = ''] = (readme.split('\n## In a cluster\n')[1] ?? '').split('\n## ');
  const blocks = section.split('```sh\n').slice(1);
  const commands = blocks.flatMap((rest) => rest.slice(0, rest.indexOf('\n```')).split(/(?<!\\)\n/));
  if (commands.length === 0) throw new Error('the README has no commands for a cluster');
  return commands;
}

/** `…` is anything of a line, and on a line of its own any lines. */
function pattern(text: string): RegExp {
  const escaped = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/^…\n/gm, '(?:.*\\n)*?').replaceAll('…', '.*')}$`);
}

/** Types a command in the project's folder, with what the page says is otherwise on this machine. */
async function type(
  command: string,
  folder: Folder,
  { plane, registry }: World,
  running: Installation | undefined,
): Promise<string> {
  // There is no kubelet that kubectl could ask for logs.
  const logs = running?.pods().map((pod) => pod.logFile) ?? [];
  const typed = command
    .replaceAll(REGISTRY, registry.host)
    .replaceAll('charts/countersign', resolve(PROJECT, 'charts/countersign'))
    .replace('--wait', `--set-json 'config={"registries":{"${registry.host}":{"plainHttp":true}}}'`)
    .replace(/^kubectl .* logs [^|]*/, `cat ${logs.join(' ')} `);
  const cosign = folder.write('cosign', `#!/bin/sh\nexec ${toolPath('cosign3')} "$@"\n`);
  await run('chmod', ['+x', cosign]);
  const path = [folder.path, ...[toolPath('helm'), toolPath('kubectl')].map(dirname), process.env['PATH'] ?? ''];
  const { stdout } = await run('bash', ['-c', `exec 2>&1\n${typed}`], {
    cwd: folder.path,
    env: { ...settings(folder).env, PATH: path.join(delimiter), KUBECONFIG: plane.kubeconfig },
  });
  return stdout;
}
