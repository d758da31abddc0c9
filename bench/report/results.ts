import type { ColdResult } from '../measure/cold.ts';
import type { GpgResult } from '../measure/gpg.ts';
import type { KeylessResults } from '../measure/keyless.ts';
import type { MemoryResult } from '../measure/memory.ts';
import type { RequestsRow } from '../measure/requests.ts';
import type { StartResult } from '../measure/start.ts';
import type { WarmResult } from '../measure/warm.ts';

/** Everything that one run measured. */
export type Results = {
  readonly machine: string;
  readonly date: string;
  /** What was measured: the bundle that the image ships, or the sources. */
  readonly form: string;
  readonly lineBytes: number;
  readonly requests: readonly RequestsRow[];
  readonly warm: WarmResult;
  readonly cold: readonly ColdResult[];
  readonly keyless: KeylessResults;
  readonly gpg: GpgResult;
  readonly start: readonly StartResult[];
  readonly memory: readonly MemoryResult[];
};

/** The aims that the project set itself. */
export const AIMS = { warm: 0.8, idle: 110, images: 100_000, after: 256, flat: 1.1, keyless: 60 } as const;
