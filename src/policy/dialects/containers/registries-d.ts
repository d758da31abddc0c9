import { failed, ok, type Result } from '../../../codes/result.ts';
import { printable } from '../../../encoding/escape.ts';
import { NO_STORAGE, type SignatureStorage, type StorageSection } from '../../../image/signature-storage.ts';
import { canonicalScope } from '../../scope.ts';
import { type Fields, fieldOf, isFields } from '../../structural.ts';

/** One file of `registries.d` after reading. */
export type RegistriesD = {
  readonly docker: SignatureStorage['sections'];
  /** `default-docker`; undefined where the file has none. */
  readonly otherwise: SignatureStorage['otherwise'] | undefined;
};

/**
 * Reads one file of `registries.d`. Keys that nobody knows are passed over, as by containers/image; what is written
 * under a known one must be of its kind, and null is as good as nothing.
 *
 * Whether a lookaside is a URL that can be used is told when it is asked, so that one that cannot harms only the images
 * whose signatures would be there.
 * @param value the YAML document
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §3.4
 */
export function readRegistriesD(value: unknown): Result<RegistriesD> {
  if (!isFields(value)) return failed('POLICY_BROKEN', 'registries.d: a file must be a map');
  if (merges(value)) return merging('registries.d');
  const docker = readSections(fieldOf(value, 'docker'));
  if (!docker.ok) return docker;
  const written = fieldOf(value, 'default-docker');
  if (written === undefined || written === null) return ok({ docker: docker.value, otherwise: undefined });
  const otherwise = readSection(written, 'default-docker');
  return otherwise.ok ? ok({ docker: docker.value, otherwise: otherwise.value }) : otherwise;
}

/**
 * Merges all files of `registries.d`. None at all is an empty configuration.
 * @returns POLICY_BROKEN naming both files, where two say something of one name
 */
export function mergeRegistriesD(
  files: readonly { readonly file: string; readonly document: RegistriesD }[],
): Result<SignatureStorage> {
  const sections = new Map<string, { readonly file: string; readonly section: StorageSection }>();
  let otherwise: { readonly file: string; readonly section: StorageSection } | undefined;
  for (const { file, document } of files) {
    if (document.otherwise !== undefined) {
      if (otherwise !== undefined) return twice('default-docker is', otherwise.file, file);
      otherwise = { file, section: document.otherwise };
    }
    for (const [scope, section] of Object.entries(document.docker)) {
      const other = sections.get(scope);
      if (other !== undefined) return twice(`the namespace ${shown(scope)} of docker is`, other.file, file);
      sections.set(scope, { file, section });
    }
  }
  return ok({
    sections: Object.fromEntries([...sections].map(([scope, { section }]) => [scope, section])),
    otherwise: otherwise?.section ?? NO_STORAGE.otherwise,
  });
}

function twice(what: string, one: string, other: string): Result<never> {
  const [first, second] = [one, other].map((file) => `"${printable(file, 400)}"`);
  return failed('POLICY_BROKEN', `${what} defined both in ${first} and ${second}`);
}

/** YAML 1.1 puts the fields of another map here. As a key that nobody knows it would be passed over, and a lookaside lost. */
function merges(fields: Fields): boolean {
  return fieldOf(fields, '<<') !== undefined;
}

function merging(path: string): Result<never> {
  return failed('POLICY_BROKEN', `${path}: the merge key "<<" is not read; write out what it stands for`);
}

/** Scopes come out in the form in which they are looked up. */
function readSections(value: unknown): Result<RegistriesD['docker']> {
  if (value === undefined || value === null) return ok({});
  if (!isFields(value)) return failed('POLICY_BROKEN', 'docker: it must be a map of names');
  if (merges(value)) return merging('docker');
  const sections = new Map<string, { readonly written: string; readonly section: StorageSection }>();
  for (const [written, fields] of Object.entries(value)) {
    const section = readSection(fields ?? {}, `docker[${shown(written)}]`);
    if (!section.ok) return section;
    const scope = canonicalScope(written);
    const other = sections.get(scope);
    if (other !== undefined) {
      return failed('POLICY_BROKEN', `docker: ${shown(other.written)} and ${shown(written)} are one name`);
    }
    sections.set(scope, { written, section: section.value });
  }
  return ok(Object.fromEntries([...sections].map(([scope, { section }]) => [scope, section])));
}

/** What is for writing alone (`lookaside-staging`, `sigstore-staging`) is not even looked at. */
function readSection(value: unknown, path: string): Result<StorageSection> {
  if (!isFields(value)) return failed('POLICY_BROKEN', `${path}: it must be a map`);
  if (merges(value)) return merging(path);
  const lookaside = readUrl(value, 'lookaside', path);
  if (!lookaside.ok) return lookaside;
  // The name that it had before; the new one wins where both are written.
  const sigstore = readUrl(value, 'sigstore', path);
  if (!sigstore.ok) return sigstore;
  const attachments = fieldOf(value, 'use-sigstore-attachments') ?? undefined;
  if (attachments !== undefined && typeof attachments !== 'boolean') {
    return failed('POLICY_BROKEN', `${path}.use-sigstore-attachments: it must be true or false`);
  }
  return ok({ lookaside: lookaside.value ?? sigstore.value, attachments });
}

/** An empty text says nothing, as for containers/image. */
function readUrl(fields: Fields, key: string, path: string): Result<string | undefined> {
  const value = fieldOf(fields, key) ?? undefined;
  if (value === undefined || value === '') return ok(undefined);
  return typeof value === 'string' ? ok(value) : failed('POLICY_BROKEN', `${path}.${key}: it must be a text`);
}

function shown(text: string): string {
  return printable(JSON.stringify(text));
}
