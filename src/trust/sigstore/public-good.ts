import shipped from '../../../certs/public-good/trusted_root.json' with { type: 'json' };
import type { Result } from '../../codes/result.ts';
import { parseTrustedRoot, type TrustedRoot } from './trusted-root.ts';

/** The root of sigstore's public-good instance that countersign ships; certs/README.md says of when it is. */
export function publicGoodRoot(): Result<TrustedRoot> {
  return parseTrustedRoot(Buffer.from(JSON.stringify(shipped)));
}
