import { printable } from '../../encoding/escape.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import { algorithmOfKey, verifiesWith } from './algorithms.ts';
import type { Envelope } from './envelope.ts';

/**
 * Verifies what an envelope says with the key of the certificate that it brings: after this it is known that the holder of
 * that key signed the attributes and the payload, and that nothing critical in them is passed over. Who the holder is, and
 * whether anybody trusts him, is not.
 *
 * A plugin that the signature demands is not run here, so that a signature which demands one is refused, as notation's
 * specification asks of verifiers without plugins; so is one with critical attributes of unknown meaning (RFC 7515 §4.1.11).
 * @returns ALGORITHM_UNSUPPORTED, SIGNATURE_CORRUPT, PLUGIN_REQUIRED, CRITICAL_ATTRIBUTE_UNKNOWN; never rejects
 * @see notation-ratify.md §1.6, §1.9
 */
export async function verifyIntegrity(envelope: Envelope): Promise<Verified<Envelope>> {
  const [leaf] = envelope.chain;
  const algorithm = algorithmOfKey(leaf.publicKey);
  if (algorithm === undefined)
    return refused('signature', 'ALGORITHM_UNSUPPORTED', "the key of the signer's certificate is none of notation's");
  // Whoever signs chooses the header; only the key says what is strong enough for it.
  if (envelope.algorithm !== algorithm)
    return refused(
      'signature',
      'ALGORITHM_UNSUPPORTED',
      `the signature is made with ${envelope.algorithm}, and the key of its certificate signs with ${algorithm}`,
    );
  if (!(await verifiesWith(algorithm, leaf.publicKey, envelope.signed, envelope.signature)))
    return refused('signature', 'SIGNATURE_CORRUPT', 'the signature does not verify with the certificate it brings');

  if (envelope.plugin !== undefined)
    return refused(
      'payload',
      'PLUGIN_REQUIRED',
      `the signature demands the verification plugin "${printable(envelope.plugin.name, 80)}"`,
    );
  const [unknown] = envelope.unknownCritical;
  if (unknown !== undefined)
    return refused(
      'payload',
      'CRITICAL_ATTRIBUTE_UNKNOWN',
      `the signature has the critical attribute "${printable(unknown, 80)}", which is not known here`,
    );
  return verified(envelope);
}
