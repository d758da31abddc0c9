import { failed, ok, type Result } from '../../../codes/result.ts';
import { NO_STORAGE, type SignatureStorage } from '../../../image/signature-storage.ts';

/** One file of `registries.d` after reading. */
export type RegistriesD = {
  readonly docker: SignatureStorage['sections'];
  /** `default-docker`; undefined where the file has none. */
  readonly otherwise: SignatureStorage['otherwise'] | undefined;
};

/**
 * Reads one file of `registries.d`.
 * @param value the YAML document
 * @returns POLICY_BROKEN
 */
export function readRegistriesD(_value: unknown): Result<RegistriesD> {
  return failed('FEATURE_NOT_SUPPORTED', 'this version does not read registries.d');
}

/**
 * Merges all files of `registries.d`.
 * @returns POLICY_BROKEN naming both files, where two say something of one name
 */
export function mergeRegistriesD(
  files: readonly { readonly file: string; readonly document: RegistriesD }[],
): Result<SignatureStorage> {
  return files.length === 0 ? ok(NO_STORAGE) : failed('FEATURE_NOT_SUPPORTED', 'registries.d is not merged yet');
}
