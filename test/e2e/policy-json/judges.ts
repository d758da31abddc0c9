import { join } from 'node:path';
import type { Folder } from '../folder.ts';
import { verifyHere } from '../judges.ts';
import { run } from '../process.ts';
import { toolPath } from '../tools.ts';
import type { Bench, Question, Verdict } from './case.ts';

/** What a judge said, with its words. */
export type Opinion = { readonly verdict: Verdict; readonly text: string };

/** What was written for one question. */
export type Written = {
  /** Holds policy.json and registries.d, and nothing else. */
  readonly directory: string;
  readonly policy: string;
  readonly registriesD: string;
  readonly registriesConf: string;
  /** Of countersign. */
  readonly configuration: string;
};

/** Writes the files of a question, once for all judges. */
export function write(bench: Bench, name: string, question: Question): Written {
  const { folder, store } = bench;
  const directory = folder.folder(`${name}.policies`);
  const registriesD = folder.folder(`${name}.policies/registries.d`);
  const everything = { 'default.yaml': { 'default-docker': { lookaside: `file://${store.folder}` } } };
  for (const [file, content] of Object.entries(question.registriesD ?? everything)) {
    folder.write(`${name}.policies/registries.d/${file}`, asText(content));
  }
  const policy = folder.write(`${name}.policies/policy.json`, asText(question.policy));
  const registriesConf = folder.write(`${name}.registries.conf`, question.registriesConf ?? '');
  const configuration = configure(bench, name, question, registriesConf);
  return { directory, policy, registriesD, registriesConf, configuration };
}

const asText = (content: object | string): string => (typeof content === 'string' ? content : JSON.stringify(content));

function configure(bench: Bench, name: string, question: Question, registriesConf: string): string {
  const { folder, host, localhost, extension, store } = bench;
  const plain = { plainHttp: true };
  const hosts = [host, localhost, extension.host, store.host];
  return folder.write(
    `${name}.config.json`,
    JSON.stringify({
      registries: Object.fromEntries(hosts.map((one) => [one, plain])),
      registriesConf: question.registriesConf === undefined ? [] : [registriesConf],
      ...(question.weak === undefined ? {} : { weakOpenPgp: 'accept' }),
    }),
  );
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

/** Asks skopeo to pull the image into a folder, as a node of linux/amd64 would. */
export async function askSkopeo(folder: Folder, name: string, files: Written, image: string): Promise<Opinion> {
  const out = join(folder.path, `${name}.pulled`);
  const args = [
    ...['--policy', files.policy, '--registries.d', files.registriesD, '--registries-conf', files.registriesConf],
    ...['--override-os', 'linux', '--override-arch', 'amd64', '--command-timeout', '30s'],
    ...['copy', '--quiet', '--src-tls-verify=false', `docker://${image}`, `dir:${out}`],
  ];
  const { status, stdout, stderr } = await run(toolPath('skopeo'), args, { env: { HOME: folder.path } });
  const text = stdout + stderr;
  if (status === 0) return { verdict: 'runs', text };
  if (REFUSED.test(text)) return { verdict: 'refused', text };
  if (UNREADABLE.test(text)) return { verdict: 'unreadable', text };
  throw new Error(`skopeo ${args.join(' ')} ended with ${status}: ${text}`);
}

/** Asks containers/image as it is now; it decides like skopeo and copies nothing. */
export async function askContainersImage(folder: Folder, files: Written, image: string): Promise<Opinion> {
  const args = [
    ...['-policy', files.policy, '-registries.d', files.registriesD],
    ...['-registries-conf', files.registriesConf, image],
  ];
  const { status, stdout, stderr } = await run(toolPath('containers-image'), args, { env: { HOME: folder.path } });
  const text = stdout + stderr;
  if (status === 0) return { verdict: 'runs', text };
  // It ends with 2 for whatever keeps the question from being asked, such as files that cannot be read.
  if (status === 1 || REFUSED.test(text)) return { verdict: 'refused', text };
  if (UNREADABLE.test(text)) return { verdict: 'unreadable', text };
  throw new Error(`containers-image ${args.join(' ')} ended with ${status}: ${text}`);
}

/** What both say of policies and configurations that they do not read. */
const UNREADABLE = /Error loading trust policy|invalid policy in|defined both in|parsing \S+registries\.d\//;
/** What both say of images, as opposed to wrong calls and trouble. */
const REFUSED = /Source image rejected|is blocked in|[Ii]nvalid signature storage URL/;
