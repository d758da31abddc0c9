import type { Origin } from '../model/outcome.ts';
import type { Asked, Asker } from '../model/subject.ts';

/** Lifts named policies for what it applies to, with a reason (MODEL.md M12). Never "all" by omission. */
export type Exemption = {
  readonly origin: Origin;
  readonly applies: (asked: Asked, asker: Asker) => boolean;
  /** The policies it lifts, by origin kind, namespace and name. */
  readonly from: (policy: Origin) => boolean;
  readonly reason: string;
  /** Milliseconds since the epoch, compared at each decision; `never` where it does not end. */
  readonly until: number | 'never';
};
