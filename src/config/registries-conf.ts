import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { parseRegistriesConf, type RegistriesConfDocument } from './registries-conf-document.ts';
import type { RegistryRule } from './registry-rules.ts';

/** What all files of `registriesConf` say together. */
export type RegistriesConf = {
  readonly rules: readonly RegistryRule[];
  /** What in them leads nodes elsewhere than us, and what is odd. */
  readonly warnings: readonly string[];
};

/** Bytes of one file. */
const MAX_BYTES = 1024 * 1024;
/** Short names that one warning shows. */
const SHOWN = 5;
const DOCKER_HUB = 'docker.io';

/**
 * Reads `registries.conf` files. Of a directory its `*.conf` files are read in order of name, as of `registries.conf.d`. A
 * table of a later file takes the place of one with the same prefix in an earlier one.
 * @param paths files and directories
 * @returns CONFIGURATION_INVALID with every problem of every file, one a line
 */
export async function loadRegistriesConf(paths: readonly string[]): Promise<Result<RegistriesConf>> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const rules = new Map<string, RegistryRule>();
  const aliases = new Map<string, string>();
  let searched: readonly string[] = [];
  for (const file of await filesOf(paths, problems)) {
    const document = await readDocument(file);
    if (!document.ok) {
      problems.push(...document.failure.map((what) => `${printable(file, 400)}: ${what}`));
      continue;
    }
    for (const rule of document.value.rules) rules.set(rule.prefix, rule);
    for (const [name, target] of document.value.aliases) aliases.set(name, target);
    searched = document.value.searched ?? searched;
    for (const prefix of document.value.repeated) {
      warnings.push(
        `${printable(file, 400)}: the prefix ${printable(prefix)} is written more than once; the first holds`,
      );
    }
  }
  if (problems.length > 0) return failed('CONFIGURATION_INVALID', problems.join('\n'));
  return ok({ rules: [...rules.values()], warnings: [...warnings, ...divergences(searched, aliases)] });
}

/** Files in the order in which they are read; what cannot be listed is a problem. */
async function filesOf(paths: readonly string[], problems: string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      if (!(await stat(path)).isDirectory()) {
        files.push(path);
        continue;
      }
      const entries = (await readdir(path)).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
      for (const name of entries.sort()) {
        const below = join(path, name);
        if (!(await stat(below)).isDirectory()) files.push(below);
      }
    } catch (error) {
      problems.push(`${printable(path, 400)}: cannot be read (${codeOf(error)})`);
    }
  }
  return files;
}

async function readDocument(file: string): Promise<Result<RegistriesConfDocument, readonly string[]>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return { ok: false, failure: [`cannot be read (${codeOf(error)})`] };
  }
  if (bytes.length > MAX_BYTES) return { ok: false, failure: [`is larger than ${MAX_BYTES} bytes`] };
  if (!isUtf8(bytes)) return { ok: false, failure: ['is not valid UTF-8'] };
  return parseRegistriesConf(bytes.toString('utf8'));
}

/**
 * Where a node that follows these files pulls another image than the one that is verified: a name without a host is
 * Docker Hub's to us, whatever a node makes of it.
 */
function divergences(searched: readonly string[], aliases: ReadonlyMap<string, string>): readonly string[] {
  const elsewhere = searched.filter((host) => host !== DOCKER_HUB);
  const led = [...aliases].filter(([name, target]) => target !== '' && !isDockerHubs(name, target));
  return [
    ...(elsewhere.length === 0
      ? []
      : [
          `registries.conf: unqualified-search-registries makes nodes look for names without a host in ${listed(elsewhere)}; ` +
            'countersign verifies them as docker.io/…: write images with their host',
        ]),
    ...(led.length === 0
      ? []
      : [
          `registries.conf: aliases make nodes pull ${listed(led.map(([name, target]) => `${name} from ${target}`))}; ` +
            'countersign verifies names without a host as docker.io/…: write images with their host',
        ]),
  ];
}

/** Whether an alias says what we take its name for anyway. */
function isDockerHubs(name: string, target: string): boolean {
  return target === `${DOCKER_HUB}/${name.includes('/') ? name : `library/${name}`}`;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN).map((item) => printable(item));
  const more = items.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason';
}
