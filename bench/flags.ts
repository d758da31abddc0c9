import { parseArgs } from 'node:util';

/** Distinct images that memory is measured with unless more are asked for. */
export const DEFAULT_IMAGES = 10_000;

/** What `npm run bench -- …` was asked for. */
export type Flags = {
  /** Few and short rounds: whether the bench works, not what the figures are. */
  readonly quick: boolean;
  /** Distinct images for the memory measurement. */
  readonly images: number;
  /** Whether README.md and results.svg are written anew. */
  readonly write: boolean;
};

/** Reads the command line. */
export function readFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      images: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const images = Number(values.images ?? (values.quick ? 1_000 : DEFAULT_IMAGES));
  if (!Number.isInteger(images) || images < 100 || images > 1_000_000)
    throw new Error('--images takes a whole number from 100 to 1000000');
  return { quick: values.quick, images, write: values.write };
}
