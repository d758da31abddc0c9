/** Cold verification in a process of its own, beside the bare requests and the bare cryptography that are in it. */

import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { Pool } from 'undici';
import { createEngine } from '../../src/cli/engine.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { known, unknown } from '../../src/model/known.ts';
import type { Asker } from '../../src/model/subject.ts';
import { loadPolicies } from '../../src/policy/sources/load.ts';
import type { Verifier } from '../../src/verifier/request.ts';
import { NO_REGISTRIES_D } from '../../test/fixtures/storage.ts';
import { byDigest, type Form } from '../content/images.ts';
import type { PreparedReads } from './registry.ts';
import { answerParent } from './worker.ts';

/** What can be asked of the process. */
export type ColdAsk =
  | { readonly kind: 'start'; readonly host: string; readonly policies: string }
  | {
      readonly kind: 'round';
      readonly form: Form;
      readonly from: number;
      /** What a cold verification of each image reads. */
      readonly reads: readonly PreparedReads[];
    };

/** Microseconds for one image: of this process's CPU, and by the clock. */
export type Cost = { readonly cpu: number; readonly wall: number };

/** What one image cost in one round. */
export type ColdRound = { readonly decision: Cost; readonly requests: Cost; readonly cryptography: Cost };

type Started = { readonly host: string; readonly verifier: Verifier; readonly pool: Pool };

const ASKER: Asker = {
  namespace: known('shop'),
  namespaceLabels: unknown('no cluster connection'),
  resource: known({ group: '', version: 'v1', resource: 'pods' }),
  labels: known({}),
  object: known({}),
  operation: known('CREATE'),
};

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const payload = randomBytes(250);
const signature = sign('sha256', payload, privateKey);
let started: Started | undefined;

async function start(host: string, policies: string): Promise<Started> {
  const text = JSON.stringify({ policies: [policies], registries: { [host]: { plainHttp: true } } });
  const configuration = parseConfiguration(text, 'the bench');
  if (!configuration.ok) throw new Error(configuration.failure.message);
  const loaded = await loadPolicies(configuration.value.policies, configuration.value);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  const engine = await createEngine({
    configuration: configuration.value,
    policies: () => ({ sets: loaded.value.sets, exemptions: [], storage: NO_REGISTRIES_D }),
    mirrors: () => loaded.value,
    allowHelpers: false,
    dockerConfig: undefined,
    onDefect: (error) => {
      throw error;
    },
  });
  if (!engine.ok) throw new Error(engine.failure.message);
  return {
    host,
    verifier: engine.value.verifier,
    pool: new Pool(`http://${host}`, { connections: 16, pipelining: 1 }),
  };
}

async function measure(count: number, each: (index: number) => Promise<void> | void): Promise<Cost> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let index = 0; index < count; index++) await each(index);
  const wall = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / count, wall: (wall * 1_000) / count };
}

async function get(pool: Pool, path: string): Promise<void> {
  const { body } = await pool.request({ path, method: 'GET' });
  await body.arrayBuffer();
}

async function round({ host, verifier, pool }: Started, ask: Extract<ColdAsk, { kind: 'round' }>): Promise<ColdRound> {
  const { form, from, reads } = ask;
  const decision = await measure(reads.length, async (index) => {
    const { allowed, cost } = await verifier.decide({
      images: [{ path: 'spec.containers[0].image', image: byDigest(host, { form, number: from + index }) }],
      asker: ASKER,
      mode: { server: 'deny', namespace: undefined },
      deadline: Date.now() + 10_000,
    });
    const wanted = reads[index]?.flat().length;
    if (!allowed || cost.requests !== wanted)
      throw new Error(`a cold decision came to ${allowed} with ${cost.requests} requests instead of ${wanted}`);
  });
  const requests = await measure(reads.length, async (index) => {
    for (const together of reads[index] ?? []) await Promise.all(together.map((path) => get(pool, path)));
  });
  const cryptography = await measure(reads.length, () => {
    if (!verify('sha256', payload, publicKey, signature)) throw new Error('a signature does not verify');
  });
  return { decision, requests, cryptography };
}

answerParent(async (ask: ColdAsk) => {
  if (ask.kind === 'start') {
    started = await start(ask.host, ask.policies);
    return undefined;
  }
  if (started === undefined) throw new Error('not started');
  return round(started, ask);
});
