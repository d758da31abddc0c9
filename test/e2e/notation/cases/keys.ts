import { admitted, type Case, inBothForms, type RegistryName } from '../case.ts';
import { sign } from '../sign.ts';
import { KEY_KINDS } from '../signers.ts';

const REGISTRIES: readonly (readonly [RegistryName, string])[] = [
  ['fallback', 'without referrers API'],
  ['referrers', 'with it'],
];

/** Every algorithm, in both forms, in a registry of each kind. */
export const KEY_CASES: readonly Case[] = REGISTRIES.flatMap(([on, where]) =>
  KEY_KINDS.flatMap((kind) =>
    inBothForms((format) =>
      admitted(
        `a signature by ${kind}, in a registry ${where} [notation-ratify 1, 23]`,
        async (place) => {
          await sign(place, { format, forceTag: false }, place.signers[kind]);
          return {};
        },
        on,
      ),
    ),
  ),
);
