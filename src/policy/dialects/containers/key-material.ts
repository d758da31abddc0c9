import { ok, type Result } from '../../../codes/result.ts';
import type { JsonValue } from '../../../encoding/strict-json.ts';
import type { Material } from './document.ts';
import { all, type Fields, fieldPath, readBytes, readList, readText, valueAt, wrong } from './fields.ts';

/** How a key can be given: one file, several, the bytes themselves, or several of those. */
export type MaterialForm = 'Path' | 'Paths' | 'Data' | 'Datas';

/** Material under one of several fields, such as `keyPath` and `keyData`. */
export type MaterialFields = {
  /** What the fields begin with, such as `key`. */
  readonly prefix: string;
  readonly forms: readonly MaterialForm[];
};

/** The names of the fields. */
export function namesOf({ prefix, forms }: MaterialFields): readonly string[] {
  return forms.map((form) => `${prefix}${form}`);
}

/**
 * Reads material that stands under at most one of several fields.
 * @returns undefined where none of them is written; lists may be empty. POLICY_BROKEN where two are
 * @see reference/openshift-containers.md §2.3
 */
export function readMaterial(fields: Fields, which: MaterialFields): Result<readonly Material[] | undefined> {
  const written = which.forms.filter((form) => valueAt(fields, `${which.prefix}${form}`) !== undefined);
  const [form, ...more] = written;
  if (form === undefined) return ok(undefined);
  if (more.length > 0) return wrong(fields.path, `at most one of ${listed(which)} can be used`);
  const key = `${which.prefix}${form}`;
  const value = valueAt(fields, key);
  return value === undefined ? ok(undefined) : readForm(value, form, fieldPath(fields, key));
}

/** The names of the fields, as a sentence has them. */
export function listed(which: MaterialFields): string {
  const names = namesOf(which);
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.slice(-1).join('')}`;
}

function readForm(value: JsonValue, form: MaterialForm, path: string): Result<readonly Material[]> {
  switch (form) {
    case 'Path': {
      const file = readText(value, path);
      if (!file.ok) return file;
      return file.value === '' ? wrong(path, 'it is empty') : ok([{ kind: 'path', path: file.value }]);
    }
    case 'Data':
      return all([readData(value, path)]);
    case 'Paths':
      return readItems(value, path, (item, at) => {
        const file = readText(item, at);
        return file.ok ? ok({ kind: 'path', path: file.value }) : file;
      });
    case 'Datas':
      return readItems(value, path, readData);
  }
}

function readItems(
  value: JsonValue,
  path: string,
  read: (item: JsonValue, at: string) => Result<Material>,
): Result<readonly Material[]> {
  const items = readList(value, path);
  return items.ok ? all(items.value.map((item, i) => read(item, `${path}[${i}]`))) : items;
}

function readData(value: JsonValue, path: string): Result<Material> {
  const bytes = readBytes(value, path);
  return bytes.ok ? ok({ kind: 'data', bytes: bytes.value }) : bytes;
}
