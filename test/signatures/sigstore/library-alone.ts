import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import type { TrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';

/**
 * What the library alone says of a keyless bundle, its own reader and its own chains included. It asks less than is asked
 * here, so whatever is accepted here it must accept too.
 */
export function libraryAccepts(bytes: Uint8Array, artifact: Uint8Array, root: TrustedRoot): boolean {
  try {
    const json: SerializedBundle = JSON.parse(Buffer.from(bytes).toString());
    const material = {
      ...root.material,
      publicKey: () => {
        throw new Error('keyless only');
      },
    };
    new Verifier(material).verify(toSignedEntity(bundleFromJSON(json), Buffer.from(artifact)));
    return true;
  } catch {
    return false;
  }
}
