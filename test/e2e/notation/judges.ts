import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Folder } from '../folder.ts';
import { verifyHere } from '../judges.ts';
import { run } from '../process.ts';
import { toolPath } from '../tools.ts';
import type { Bench, Question, Verdict } from './case.ts';

/** What a judge said, with its words. */
export type Opinion = { readonly verdict: Verdict; readonly text: string };

/** What was written for one question. */
export type Written = {
  /** In notation's own layout, and nothing else in it. */
  readonly directory: string;
  /** Of countersign. */
  readonly configuration: string;
};

/** Writes the files of a question, once for both judges. */
export function write(bench: Bench, name: string, question: Question): Written {
  const { folder, hosts, front, revocation, timestamps, acme } = bench;
  const directory = folder.folder(`${name}.notation`);
  const policy = question.policy ?? trustPolicy(statement(question.statement));
  put(directory, 'trustpolicy.json', typeof policy === 'string' ? policy : JSON.stringify(policy));
  const stores = question.stores ?? { 'ca/acme/root.pem': acme.pem };
  for (const [path, content] of Object.entries(stores)) put(directory, `truststore/x509/${path}`, content);
  question.tamper?.(directory);
  const byName = hosts.fallback.replace('127.0.0.1', 'localhost');
  const known = [hosts.fallback, byName, hosts.referrers, front.host, revocation.host, timestamps.host];
  const registries = Object.fromEntries(known.map((host) => [host, { plainHttp: true }]));
  const configuration = folder.write(`${name}.config.json`, JSON.stringify({ registries, deadline: '20s' }));
  return { directory, configuration };
}

function put(directory: string, path: string, content: string | Uint8Array): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** A document of statements. */
export function trustPolicy(...statements: readonly object[]): object {
  return { version: '1.0', trustPolicies: statements };
}

/** A statement for every repository: strictly, whoever `ca:acme` vouches for; and whatever is to be otherwise. */
export function statement(members: object = {}): object {
  return {
    name: 'release',
    registryScopes: ['*'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
    ...members,
  };
}

/** Asks countersign, in this process. */
export async function askCountersign({ directory, configuration }: Written, image: string): Promise<Opinion> {
  const { status, text } = await verifyHere(['--config', configuration, '--policy', directory, image]);
  const verdict = VERDICTS.get(status);
  if (verdict === undefined) throw new Error(`countersign verify ${image} ended with ${status}: ${text}`);
  return { verdict, text };
}

/** What the statuses of `countersign verify` mean; 3 is "could not be verified", which lets nothing in. */
const VERDICTS: ReadonlyMap<number, Verdict> = new Map([
  [0, 'runs'],
  [1, 'refused'],
  [2, 'unreadable'],
  [3, 'refused'],
]);

/** Asks notation's library. */
export async function askNotation(folder: Folder, { directory }: Written, image: string): Promise<Opinion> {
  const args = ['verify', '-config', directory, image];
  const { status, stdout, stderr } = await run(toolPath('notation-go'), args, { env: { HOME: folder.path } });
  const verdict = SAID.get(verdictIn(stdout) ?? '');
  if (status > 1 || verdict === undefined)
    throw new Error(`notation-go ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return { verdict, text: stdout };
}

function verdictIn(text: string): unknown {
  if (text === '') return undefined;
  const said: unknown = JSON.parse(text);
  return typeof said === 'object' && said !== null && 'verdict' in said ? said.verdict : undefined;
}

const SAID: ReadonlyMap<unknown, Verdict> = new Map([
  ['verified', 'runs'],
  ['skipped', 'runs'],
  ['refused', 'refused'],
  ['unreadable', 'unreadable'],
]);
