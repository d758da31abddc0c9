import { printable } from '../../encoding/escape.ts';
import { type Verified, verified } from '../sigstore/result.ts';
import { ATTRIBUTES, type EnvelopeParts, malformedEnvelope } from './parts.ts';

/**
 * Whose word the time of signing is. Under `notary.x509` it is the signer's own, and only a timestamp proves anything; under
 * `notary.x509.signingAuthority` it is that of an authority that the policy must trust as such. Milliseconds.
 */
export type SigningScheme =
  | { readonly name: 'notary.x509'; readonly signingTime: number }
  | { readonly name: 'notary.x509.signingAuthority'; readonly authenticSigningTime: number };

/** What the signed attributes come to. */
export type SignedAttributes = {
  readonly scheme: SigningScheme;
  /** From this moment on the signature counts no more; milliseconds. Always later than the time of signing. */
  readonly expiry: number | undefined;
  /** The plugin without which the signature is not to be accepted, as it is named: text from outside. */
  readonly plugin: { readonly name: string; readonly minimumVersion: string | undefined } | undefined;
  /** Critical attributes that nothing here understands: text from outside. */
  readonly unknownCritical: readonly string[];
};

/**
 * Judges the signed attributes together: which belong to the signing scheme, which must be critical, and whether what is
 * marked as critical is there.
 * @returns SIGNATURE_MALFORMED
 * @see notation-ratify.md §1.4, §1.6
 */
export function readAttributes({ attributes, critical }: EnvelopeParts): Verified<SignedAttributes> {
  const scheme = readScheme(attributes);
  if (scheme.kind === 'refused') return scheme;
  const text = (name: string): string | undefined => attributes.get(name)?.text;
  const expiry = attributes.get(ATTRIBUTES.expiry)?.time;
  if (expiry === undefined && attributes.has(ATTRIBUTES.expiry)) return malformedEnvelope('its expiry cannot be read');
  if (expiry !== undefined && expiry <= timeOf(scheme.value))
    return malformedEnvelope('its expiry is not later than the time of signing');
  const name = text(ATTRIBUTES.plugin);
  const minimumVersion = text(ATTRIBUTES.pluginMinimumVersion);
  if (attributes.has(ATTRIBUTES.plugin) && (name ?? '').trim() === '')
    return malformedEnvelope('its verification plugin has no name');
  if (attributes.has(ATTRIBUTES.pluginMinimumVersion) && (minimumVersion === undefined || name === undefined))
    return malformedEnvelope('its version of a verification plugin belongs to none');

  const problem = criticalProblem(attributes, critical);
  if (problem !== undefined) return malformedEnvelope(problem);
  return verified({
    scheme: scheme.value,
    expiry,
    plugin: name === undefined ? undefined : { name, minimumVersion },
    unknownCritical: critical.filter((label) => !ALWAYS_CRITICAL.has(label)),
  });
}

/** When it was signed, by whosever word. */
function timeOf(scheme: SigningScheme): number {
  return scheme.name === 'notary.x509' ? scheme.signingTime : scheme.authenticSigningTime;
}

/** Each scheme has its own time, and must not have the other's. */
function readScheme(attributes: EnvelopeParts['attributes']): Verified<SigningScheme> {
  const name = attributes.get(ATTRIBUTES.scheme)?.text;
  const signingTime = attributes.get(ATTRIBUTES.signingTime)?.time;
  const authenticSigningTime = attributes.get(ATTRIBUTES.authenticSigningTime)?.time;
  if (name === 'notary.x509') {
    if (attributes.has(ATTRIBUTES.authenticSigningTime))
      return malformedEnvelope('it has the time of a signing authority, and is by none');
    if (signingTime === undefined) return malformedEnvelope('it does not say when it was signed');
    return verified({ name, signingTime });
  }
  if (name === 'notary.x509.signingAuthority') {
    if (attributes.has(ATTRIBUTES.signingTime))
      return malformedEnvelope("it has a signer's own time, and is by a signing authority");
    if (authenticSigningTime === undefined) return malformedEnvelope('it does not say when it was signed');
    return verified({ name, authenticSigningTime });
  }
  return malformedEnvelope('its signing scheme is not known');
}

/** Attributes that are critical wherever they are, so that no reader can pass over them. */
const ALWAYS_CRITICAL: ReadonlySet<string> = new Set([
  ATTRIBUTES.scheme,
  ATTRIBUTES.authenticSigningTime,
  ATTRIBUTES.expiry,
  ATTRIBUTES.plugin,
  ATTRIBUTES.pluginMinimumVersion,
]);

function criticalProblem(
  attributes: EnvelopeParts['attributes'],
  critical: EnvelopeParts['critical'],
): string | undefined {
  const marked = new Set(critical);
  if (marked.size < critical.length) return 'it marks an attribute as critical twice';
  for (const name of ALWAYS_CRITICAL) {
    if (attributes.has(name) && !marked.has(name)) return `"${name}" is not marked as critical`;
  }
  // The signer's own time proves nothing, so nobody can be told to rely on it.
  if (marked.has(ATTRIBUTES.signingTime)) return `"${ATTRIBUTES.signingTime}" is marked as critical`;
  const absent = critical.find((name) => !attributes.has(name));
  return absent === undefined
    ? undefined
    : `"${printable(absent, 80)}" is marked as critical and is no attribute of it`;
}
