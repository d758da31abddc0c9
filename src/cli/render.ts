import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { isLabel } from '../policy/dns-name.ts';
import { readInputs } from '../policy/render/inputs.ts';
import { machineConfig, machineConfigName, type NodeFormat } from '../policy/render/machine-config.ts';
import { type NodeFile, PATHS } from '../policy/render/node-files.ts';
import { render as renderFiles } from '../policy/render/render.ts';
import { readText } from '../policy/sources/files.ts';
import { type Command, type Terminal, USAGE_ERROR, usageError } from './command.ts';
import { replaceFile } from './trust/replace-file.ts';

/** What `render` was called with. */
type Arguments = {
  readonly policies: readonly string[];
  /** A directory, or `-` for standard output. */
  readonly output: string;
  readonly format: 'files' | NodeFormat;
  readonly roles: readonly string[];
  readonly base: string | undefined;
  readonly releaseImage: string | undefined;
  readonly isPartial: boolean;
};

/** `countersign render`: policies as the files that nodes read, which decide there as they do here or more strictly. */
export const render: Command = async (args, terminal) => {
  const given = readArguments(args);
  if (typeof given === 'string') return usageError(terminal, given);
  const wrong = (lines: readonly string[]): number => {
    terminal.error(lines.map((line) => `${line}\n`).join(''));
    return USAGE_ERROR;
  };

  const inputs = await readInputs(given.policies);
  if (!inputs.ok) return wrong(inputs.failure);
  const base = given.base === undefined ? undefined : await readText(given.base);
  if (base?.ok === false) return wrong([`${given.base}: ${base.failure.message}`]);
  const { releaseImage, isPartial } = given;
  const rendering = renderFiles(inputs.value, { base: base?.value, releaseImage, isPartial, now: Date.now() });
  if (!rendering.ok) return wrong([rendering.failure.message]);

  const { files, notes, losses } = rendering.value;
  terminal.error([...notes.map((note) => `note: ${note}\n`), ...losses.map((loss) => `lost: ${loss}\n`)].join(''));
  if (losses.length > 0 && !isPartial) {
    return wrong(['Nothing is written, since nodes would let in what is refused here. --partial has them reject it.']);
  }
  if (losses.length > 0) terminal.error('Nodes reject every image of what was lost.\n');
  if (files.length === 0) terminal.error('Nothing is configured, so nothing is written.\n');
  return write(documentsOf(files, given), given, terminal);
};

function readArguments(args: readonly string[]): Arguments | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : 'the options cannot be read.';
  }
  const {
    policy: policies,
    output,
    format,
    role,
    base,
    'release-image': releaseImage,
    partial: isPartial,
  } = parsed.values;
  if (policies.length === 0) return 'render needs at least one --policy PATH.';
  if (format !== 'files' && format !== 'machineconfig' && format !== 'butane') {
    return '--format is files, machineconfig or butane.';
  }
  if (format === 'files' && role.length > 0) return '--role is for --format machineconfig and butane.';
  const roles = role.length === 0 ? ['worker'] : [...new Set(role)];
  if (!roles.every((one) => isLabel(one) && one === one.toLowerCase())) return '--role is the name of a pool of nodes.';
  if (format === 'butane' && output === '-' && roles.length > 1) {
    return 'a Butane document is for one role: give an --output directory, or one --role.';
  }
  return { policies, output, format, roles, base, releaseImage, isPartial };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      policy: { type: 'string', multiple: true, short: 'p', default: [] },
      output: { type: 'string', short: 'o', default: '-' },
      format: { type: 'string', short: 'f', default: 'files' },
      role: { type: 'string', multiple: true, default: [] },
      base: { type: 'string' },
      'release-image': { type: 'string' },
      partial: { type: 'boolean', default: false },
    },
  });
}

/** What is written, with paths below the output directory. */
function documentsOf(files: readonly NodeFile[], { format, roles }: Arguments): readonly NodeFile[] {
  if (format === 'files' || files.length === 0) return files;
  const ending = format === 'butane' ? 'bu' : 'yaml';
  return roles.map((role) => ({
    path: `/${machineConfigName(role)}.${ending}`,
    text: machineConfig(files, role, format),
  }));
}

async function write(
  documents: readonly NodeFile[],
  { output, format }: Arguments,
  terminal: Terminal,
): Promise<number> {
  if (output === '-') {
    terminal.out(
      format === 'files' ? documents.map(headed).join('\n') : documents.map(({ text }) => text).join('---\n'),
    );
    return 0;
  }
  try {
    for (const { path, text } of documents) {
      const target = join(output, path);
      await mkdir(dirname(target), { recursive: true });
      await replaceFile(target, Buffer.from(text));
      terminal.out(`${target}\n`);
    }
    for (const name of format === 'files' ? await strangers(documents, output) : []) {
      terminal.error(`note: ${name} is not of this rendering: on a node it decides for its namespace\n`);
    }
    return 0;
  } catch (error) {
    terminal.error(`${output}: ${error instanceof Error ? error.message : 'it cannot be written'}\n`);
    return USAGE_ERROR;
  }
}

/** As `head` and `tail` show several files. */
function headed({ path, text }: NodeFile): string {
  return `==> ${path} <==\n${text}${text.endsWith('\n') ? '' : '\n'}`;
}

/** Files of namespaces that an earlier rendering left. */
async function strangers(documents: readonly NodeFile[], output: string): Promise<readonly string[]> {
  const written = new Set(documents.map(({ path }) => path));
  const names = await readdir(join(output, PATHS.namespaces)).catch(() => []);
  return names
    .filter((name) => !written.has(`${PATHS.namespaces}/${name}`))
    .map((name) => join(output, PATHS.namespaces, name));
}
