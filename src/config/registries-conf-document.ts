import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { type MirrorPlace, type RegistryRule, readLocation, readPrefix } from './registry-rules.ts';

/** One file of `registries.conf` after reading. */
export type RegistriesConfDocument = {
  /** At most one for each prefix. */
  readonly rules: readonly RegistryRule[];
  /** Where unqualified names are looked for; undefined where the file does not say. */
  readonly searched: readonly string[] | undefined;
  /** What short names stand for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Prefixes that are written more than once. */
  readonly repeated: readonly string[];
};

/** What is wrong with such a file, each with the table that it stands in. */
export type RegistriesConfProblems = readonly [string, ...string[]];

/**
 * Reads a `registries.conf` in its version 2, as containers-registries.conf(5) has it.
 *
 * Stricter than containers/image in one thing: a key that it would pass over is refused, since a rule whose `blocked` is
 * misspelt blocks nothing. Keys that have no meaning for reading images are known and passed over.
 * @see reference/openshift-containers.md §3.4
 */
export function parseRegistriesConf(text: string): Result<RegistriesConfDocument, RegistriesConfProblems> {
  let content: unknown;
  try {
    content = parse(text, { unsafeKeyBehaviour: 'throw', maxDepth: 32 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The lines below repeat the file.
    const [what = ''] = error.message.split('\n', 1);
    return wrong(
      `line ${error.line}, column ${error.column}: ${printable(what.replace('Invalid TOML document: ', ''))}`,
    );
  }
  if (isFirstVersion(content)) {
    return wrong('it is in version 1 of the format, which container engines no longer read: write [[registry]] tables');
  }
  const read = Document.safeParse(content);
  if (!read.success) return several(read.error.issues.flatMap(messagesOf));

  const rules = new Map<string, RegistryRule>();
  const repeated: string[] = [];
  const problems: string[] = [];
  for (const [i, table] of read.data.registry.entries()) {
    const at = `[[registry]] ${i + 1}`;
    const rule = ruleOf(table);
    if (!rule.ok) problems.push(`${at}: ${rule.failure}`);
    else if (rules.has(rule.value.prefix)) repeated.push(rule.value.prefix);
    // Of equal prefixes the first holds.
    else rules.set(rule.value.prefix, rule.value);
  }
  problems.push(...contradictions(read.data.registry));
  const [first, ...rest] = problems;
  if (first !== undefined) return several([first, ...rest]);
  return {
    ok: true,
    value: {
      rules: [...rules.values()],
      searched: read.data['unqualified-search-registries'],
      aliases: new Map(Object.entries(read.data.aliases)),
      repeated,
    },
  };
}

const Mirror = z.strictObject({
  location: z.string().default(''),
  insecure: z.boolean().default(false),
  'pull-from-mirror': z.enum(['', 'all', 'digest-only', 'tag-only']).default(''),
});

const Registry = z.strictObject({
  prefix: z.string().default(''),
  location: z.string().default(''),
  insecure: z.boolean().default(false),
  blocked: z.boolean().default(false),
  'mirror-by-digest-only': z.boolean().default(false),
  mirror: z.array(Mirror).default([]),
});

type RegistryTable = z.output<typeof Registry>;

const Document = z.strictObject({
  registry: z.array(Registry).default([]),
  'unqualified-search-registries': z.array(z.string()).optional(),
  'short-name-mode': z.enum(['', 'permissive', 'enforcing', 'disabled']).default(''),
  aliases: z.record(z.string(), z.string()).default({}),
  // Credentials are those of our own configuration, and layers are not read at all.
  'credential-helpers': z.array(z.string()).optional(),
  'additional-layer-store-auth-helper': z.string().optional(),
});

const SERVES = { '': 'everything', all: 'everything', 'digest-only': 'digests', 'tag-only': 'tags' } as const;

/** The rule that a table is, or what is wrong with it. */
function ruleOf(table: RegistryTable): Result<RegistryRule, string> {
  const location = trimmed(table.location);
  const written = table.prefix === '' ? location : trimmed(table.prefix);
  if (written === '') return unusable('it has neither prefix nor location');
  const prefix = readPrefix(written);
  if (prefix === undefined) {
    const key = table.prefix === '' ? 'location' : 'prefix';
    return unusable(`${key}: ${noPlace(written, 'HOST[:PORT][/PATH] or *.DOMAIN')}`);
  }
  if (location === '' && !prefix.startsWith('*.')) {
    return unusable('location: it is missing, which only a prefix *.DOMAIN allows');
  }
  const source = location === '' ? prefix : readLocation(location);
  if (source === undefined) return unusable(`location: ${noPlace(location)}`);

  const mirrors: MirrorPlace[] = [];
  for (const [i, mirror] of table.mirror.entries()) {
    const at = `[[registry.mirror]] ${i + 1}`;
    const restricted = mirror['pull-from-mirror'];
    if (table['mirror-by-digest-only'] && restricted !== '') {
      return unusable(`${at}: pull-from-mirror cannot stand beside mirror-by-digest-only`);
    }
    const place = readLocation(trimmed(mirror.location));
    if (place === undefined) return unusable(`${at}: location: ${noPlace(mirror.location)}`);
    const serves = table['mirror-by-digest-only'] ? 'digests' : SERVES[restricted];
    mirrors.push({ location: place, insecure: mirror.insecure, serves });
  }
  return ok({ prefix, location: source, insecure: table.insecure, blocked: table.blocked, mirrors });
}

/** One place may be named by several prefixes, but not be blocked or insecure under one of them alone. */
function contradictions(tables: readonly RegistryTable[]): readonly string[] {
  const first = new Map<string, RegistryTable>();
  return tables.flatMap((table, i) => {
    const place = trimmed(table.location === '' ? table.prefix : table.location);
    const before = first.get(place);
    if (before === undefined) first.set(place, table);
    if (before === undefined) return [];
    return (['insecure', 'blocked'] as const)
      .filter((key) => before[key] !== table[key])
      .map((key) => `[[registry]] ${i + 1}: ${key}: another table says otherwise of ${printable(place)}`);
  });
}

function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && text.charAt(end - 1) === '/') end--;
  return text.slice(0, end);
}

function noPlace(text: string, wanted = 'HOST[:PORT][/PATH]'): string {
  if (text === '') return 'it is missing';
  return `${printable(text)} is not ${wanted}, without scheme, tag and digest`;
}

/** `[registries.search]`, `[registries.insecure]` and `[registries.block]` were the whole of version 1. */
function isFirstVersion(content: unknown): boolean {
  if (typeof content !== 'object' || content === null || !('registries' in content)) return false;
  return !Array.isArray(content.registries);
}

/** The keys that containers/image knows and we cannot follow. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['namespace-proxy', 'mirrors that are told by a query which registry is meant are not supported'],
]);

function messagesOf(issue: z.core.$ZodIssue): readonly string[] {
  const at = issue.path.flatMap((step, i) => {
    if (typeof step === 'number') return [`[[${issue.path.slice(0, i).filter(isText).join('.')}]] ${step + 1}`];
    // The name of a table that is one of several stands in front of its number.
    return typeof issue.path[i + 1] === 'number' ? [] : [printable(String(step))];
  });
  const place = at.map((step) => `${step}: `).join('');
  if (issue.code !== 'unrecognized_keys') {
    return [`${place}${issue.message.replace('Invalid input: ', '').replace('Invalid option: ', '')}`];
  }
  return issue.keys.map((key) => {
    if (key === 'pull-from-mirror') return `${place}${key}: it is for mirrors alone`;
    return `${place}${printable(key)}: ${UNSUPPORTED.get(key) ?? 'unknown key'}`;
  });
}

function unusable(what: string): { readonly ok: false; readonly failure: string } {
  return { ok: false, failure: what };
}

function isText(step: PropertyKey): step is string {
  return typeof step === 'string';
}

function wrong(problem: string): { readonly ok: false; readonly failure: RegistriesConfProblems } {
  return { ok: false, failure: [problem] };
}

function several(problems: readonly string[]): { readonly ok: false; readonly failure: RegistriesConfProblems } {
  const [first = 'it is wrong', ...rest] = problems;
  return { ok: false, failure: [first, ...rest] };
}
