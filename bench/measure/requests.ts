import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byDigest, byTag, type Form } from '../content/images.ts';
import type { RequestCounts } from '../processes/registry.ts';
import { type Registry, startCountersign, startRegistry, targetOf } from '../servers.ts';
import type { Context } from './context.ts';

/** What one form of signature costs the registry. */
export type RequestsRow = {
  readonly form: Form;
  readonly referrers: 'api' | 'none';
  /** Requests of the first decision by digest, of the same again, and of the first and second by tag. */
  readonly cold: number;
  readonly repeat: number;
  readonly tagCold: number;
  readonly tagRepeat: number;
  /** What a cold decision may make (the main issue's bound). */
  readonly bound: number;
  /** The requests of a cold decision by digest, in words. */
  readonly made: string;
};

/** Requests of all forms, and the length of the audit record of a repeat decision. */
export type RequestsResult = { readonly rows: readonly RequestsRow[]; readonly lineBytes: number };

const EXTRA: Readonly<Record<Form, number>> = { legacy: 1, bundle: 2, both: 3, unsigned: 0 };

/** Counts the requests that the registry sees, and holds them to what the audit record says of them. */
export async function measureRequests(context: Context): Promise<RequestsResult> {
  context.progress('registry requests per decision');
  const fallback = await startRegistry('none');
  const rows: RequestsRow[] = [];
  let lineBytes = 0;
  for (const referrers of ['api', 'none'] as const) {
    const registry = referrers === 'api' ? context.registry : fallback;
    for (const form of ['legacy', 'bundle', 'both'] as const) {
      const measured = await measureForm(context, registry, form, referrers);
      rows.push(measured.row);
      lineBytes = Math.max(lineBytes, measured.lineBytes);
    }
  }
  await fallback.child.stop();
  return { rows, lineBytes };
}

async function measureForm(
  { workplace, program, load, fresh }: Context,
  registry: Registry,
  form: Form,
  referrers: 'api' | 'none',
): Promise<{ readonly row: RequestsRow; readonly lineBytes: number }> {
  const output = join(workplace.folder, `audit-${form}-${referrers}.jsonl`);
  // A server of its own for each: what one image teaches about the registry must not spare the next a request.
  const server = await startCountersign({ program, workplace, registry, output });
  const decide = async (image: string): Promise<{ readonly requests: number; readonly made: string }> => {
    await registry.child.ask<RequestCounts>({ kind: 'counts' });
    const target = targetOf(server, workplace, 1);
    await load.ask({ kind: 'once', target, image, expected: 'allowed' });
    const counts = await registry.child.ask<RequestCounts>({ kind: 'counts' });
    const requests = Object.values(counts).reduce((total, count) => total + count, 0);
    return { requests, made: describe(counts) };
  };
  const from = fresh(2);
  const digest = byDigest(registry.host, { form, number: from });
  const tag = byTag(registry.host, { form, number: from + 1 });
  const decisions = [await decide(digest), await decide(digest), await decide(tag), await decide(tag)] as const;
  await server.child.stop();

  const records = (await readFile(output, 'utf8')).trimEnd().split('\n');
  const [cold, repeat, tagCold, tagRepeat] = decisions;
  for (const [index, { requests }] of decisions.entries()) {
    const { requests: said } = JSON.parse(records[index] ?? '{}') as { readonly requests?: number };
    if (said !== requests)
      throw new Error(`the audit record says ${said} requests, the registry saw ${requests} (${form}, ${index})`);
  }
  const bound = (referrers === 'api' ? 3 : 4) + EXTRA[form];
  if (cold.requests > bound) throw new Error(`a cold decision (${form}) made ${cold.requests} requests, over ${bound}`);
  if (repeat.requests !== 0) throw new Error(`a repeat decision (${form}) made ${repeat.requests} requests`);
  if (tagRepeat.requests !== 1) throw new Error(`a repeat by tag (${form}) made ${tagRepeat.requests} requests`);
  const row = {
    form,
    referrers,
    cold: cold.requests,
    repeat: repeat.requests,
    tagCold: tagCold.requests,
    tagRepeat: tagRepeat.requests,
    bound,
    made: cold.made,
  };
  return { row, lineBytes: Buffer.byteLength(records[1] ?? '') + 1 };
}

function describe(counts: RequestCounts): string {
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
}
