import { byDigest, byTag } from '../content/images.ts';
import type { Expected, LoadResult } from '../processes/load.ts';
import type { RequestCounts } from '../processes/registry.ts';
import { type MeasuredServer, startBare, startCountersign, targetOf } from '../servers.ts';
import { ratios, type Spread, spreadOf } from '../statistics.ts';
import type { Context } from './context.ts';

/** A rate beside that of another server: by the clock, and by the CPU time that one answer costs its process. */
export type Compared = { readonly rate: Spread; readonly cpu: Spread };

/** What warm decisions cost. */
export type WarmResult = {
  readonly rounds: number;
  readonly connections: number;
  /** Against the bare server that writes a line, and against the one that writes none; above 1 is better than it. */
  readonly digest: Compared;
  readonly digestNoLine: Compared;
  readonly tag: Compared;
  /** Registry requests a warm decision: by tag, and by digest (lists of signatures are read again every ten seconds). */
  readonly tagRequests: number;
  readonly digestRequests: number;
  /** CPU time of a decision with so many policies, relative to one policy; above 1 is dearer. */
  readonly policies: readonly { readonly count: number; readonly cost: Spread }[];
  /** What the ratios are made of: medians. */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly microseconds: Readonly<Record<string, number>>;
};

type Contender = {
  readonly name: string;
  readonly server: MeasuredServer;
  readonly path: string;
  readonly images: readonly string[];
  readonly expected: Expected;
  readonly rates: number[];
  readonly costs: number[];
  requests: number;
  answered: number;
};

const CONNECTIONS = 32;
/** More than connections, so that a tag is hardly ever asked for twice at once and each review pays for its own HEAD. */
const IMAGES = 256;
const POLICIES = [10, 1_000];
/** Long enough for every image to be asked about once; milliseconds. */
const PRIMING = 500;

/** Measures warm decisions in alternating rounds: each server gets its turn in each round, in another order each time. */
export async function measureWarm(context: Context, lineBytes: number): Promise<WarmResult> {
  const { workplace, registry, load, program, quick } = context;
  const [rounds, milliseconds, warmUp] = quick ? [3, 400, 1_200] : [9, 1_000, 3_000];
  const output = '/dev/null';
  const serve = (policies: number) => startCountersign({ program, workplace, registry, policies, output });
  const [bare, one, ...more] = await Promise.all([
    startBare(workplace, output, lineBytes),
    serve(1),
    ...POLICIES.map(serve),
  ]);

  const from = context.fresh(IMAGES);
  const image = (index: number) => ({ form: 'legacy', number: from + index }) as const;
  const digests = Array.from({ length: IMAGES }, (_none, index) => byDigest(registry.host, image(index)));
  const tags = Array.from({ length: IMAGES }, (_none, index) => byTag(registry.host, image(index)));
  const contender = (
    name: string,
    server: MeasuredServer,
    images: readonly string[],
    path = '/validate',
    expected: Expected = 'allowed',
  ): Contender => ({ name, server, path, images, expected, rates: [], costs: [], requests: 0, answered: 0 });
  const contenders = [
    contender('bare', bare, digests, '/line', 'constant'),
    contender('digest', one, digests),
    contender('bare without line', bare, digests, '/no-line', 'constant'),
    contender('tag', one, tags),
    ...more.map((server, index) => contender(`${POLICIES[index]} policies`, server, digests)),
  ];

  const run = ({ server, path, images, expected }: Contender, forMilliseconds: number): Promise<LoadResult> => {
    const target = targetOf(server, workplace, CONNECTIONS, path);
    return load.ask<LoadResult>({ kind: 'cycle', target, images, expected, milliseconds: forMilliseconds });
  };
  context.progress(`warm decisions: ${rounds} rounds of ${contenders.length} contenders`);
  const unsigned = [byDigest(registry.host, { form: 'unsigned', number: from })];
  for (const each of contenders) {
    await run(each, warmUp);
    // Whoever says yes to everything is fast, too.
    if (each.expected !== 'constant') await run({ ...each, images: unsigned, expected: 'denied' }, 20);
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const each = contenders[(round + turn) % contenders.length];
      if (each === undefined) continue;
      // Under OpenShift policies a list of signatures is read again after ten seconds; what is measured is between.
      await run(each, PRIMING);
      await registry.child.ask<RequestCounts>({ kind: 'counts' });
      const before = await each.server.child.usage();
      const { answered, milliseconds: took } = await run(each, milliseconds);
      const after = await each.server.child.usage();
      each.rates.push((answered / took) * 1_000);
      each.costs.push((after.cpu - before.cpu) / answered);
      each.answered += answered;
      each.requests += sum(await registry.child.ask<RequestCounts>({ kind: 'counts' }));
    }
  }
  await Promise.all([bare, one, ...more].map(({ child }) => child.stop()));

  const named = (name: string): Contender => {
    const found = contenders.find((each) => each.name === name);
    if (found === undefined) throw new Error(`nothing was measured for ${name}`);
    return found;
  };
  const compare = (above: Contender, below: Contender): Compared => ({
    rate: ratios(above.rates, below.rates),
    cpu: ratios(below.costs, above.costs),
  });
  const digest = named('digest');
  const tag = named('tag');
  return {
    rounds,
    connections: CONNECTIONS,
    digest: compare(digest, named('bare')),
    digestNoLine: compare(digest, named('bare without line')),
    tag: compare(tag, named('bare')),
    tagRequests: tag.requests / tag.answered,
    digestRequests: digest.requests / digest.answered,
    policies: POLICIES.map((count) => ({ count, cost: ratios(named(`${count} policies`).costs, digest.costs) })),
    perSecond: Object.fromEntries(contenders.map(({ name, rates }) => [name, spreadOf(rates).median])),
    microseconds: Object.fromEntries(contenders.map(({ name, costs }) => [name, spreadOf(costs).median])),
  };
}

function sum(counts: RequestCounts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
