/** `npm run bench`: what countersign costs, as ratios measured in one run. bench/README.md says what and how. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { DEFAULT_IMAGES, readFlags } from './flags.ts';
import { describeMachine } from './machine.ts';
import { measureCold } from './measure/cold.ts';
import { type Context, freshNumbers } from './measure/context.ts';
import { measureGpg } from './measure/gpg.ts';
import { measureKeyless } from './measure/keyless.ts';
import { measureMemory } from './measure/memory.ts';
import { measureRequests } from './measure/requests.ts';
import { measureStart } from './measure/start.ts';
import { measureWarm } from './measure/warm.ts';
import { writeReport } from './report/readme.ts';
import type { Results } from './report/results.ts';
import { rowsOf, textTable } from './report/table.ts';
import { createWorkplace, startLoad, startRegistry } from './servers.ts';

/** The form that the image ships, or the sources where it cannot be made. */
function programToMeasure(root: string): { readonly program: string; readonly form: string } {
  try {
    execFileSync(process.execPath, [resolve(root, 'build.ts')], { cwd: root, stdio: 'pipe' });
    return { program: resolve(root, 'dist/countersign.mjs'), form: 'the bundle that the image ships' };
  } catch {
    return { program: resolve(root, 'src/cli/main.ts'), form: 'sources, since the bundle could not be built' };
  }
}

const flags = readFlags(process.argv.slice(2));
const root = resolve(import.meta.dirname, '..');
const { program, form } = programToMeasure(root);
const workplace = await createWorkplace();
const registry = await startRegistry();
const load = startLoad();
const context: Context = {
  workplace,
  registry,
  load,
  program,
  quick: flags.quick,
  fresh: freshNumbers(),
  progress: (text) => process.stderr.write(`… ${text}\n`),
};

try {
  const machine = describeMachine();
  process.stdout.write(`countersign as ${form}\n${machine}\n\n`);
  const { rows: requests, lineBytes } = await measureRequests(context);
  const cold = await measureCold(context);
  const keyless = await measureKeyless(context);
  const gpg = await measureGpg(context);
  const start = await measureStart(context, lineBytes);
  const warm = await measureWarm(context, lineBytes);
  const memory = [await measureMemory(context, Math.min(flags.images, DEFAULT_IMAGES))];
  if (flags.images > DEFAULT_IMAGES) memory.push(await measureMemory(context, flags.images));
  const date = new Date().toISOString().slice(0, 10);
  const results: Results = { machine, date, form, lineBytes, requests, warm, cold, keyless, gpg, start, memory };
  process.stdout.write(`\n${textTable(rowsOf(results))}\n`);
  if (flags.write) await writeReport(import.meta.dirname, results);
} finally {
  await Promise.all([registry.child.stop(), load.stop()]);
  await workplace.remove();
}
