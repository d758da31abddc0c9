import { printable } from '../../../encoding/escape.ts';
import type { SignatureStorage } from '../../../image/signature-storage.ts';
import { leavesOf } from '../../../model/leaves.ts';
import type { CompiledPolicy } from '../../compiled.ts';
import type { PolicyWarning } from '../../policy.ts';
import { neverMatches } from './docker-scope.ts';
import type { ContainersDocument, PolicyRequirement, SignedIdentity } from './document.ts';
import { isTransport } from './transport-scope.ts';

/** Transports whose name nobody knows: their scopes are read, and never asked. */
export function documentWarnings({ transports }: ContainersDocument): readonly string[] {
  return [...transports.keys()]
    .filter((transport) => !isTransport(transport))
    .map((transport) => `there is no transport ${shown(transport)}: its scopes apply to no image`);
}

/** A scope of `docker` that no image can lie in, such as the short name of an image. */
export function scopeWarnings(scope: string): readonly string[] {
  const why = neverMatches(scope);
  return why === undefined ? [] : [`the scope ${shown(scope)} can never match an image: ${why}`];
}

/** Requirements that do not do what their author may think. */
export function requirementWarnings(requirements: readonly PolicyRequirement[]): readonly string[] {
  const warnings: string[] = [];
  const accepts = requirements.some(({ type }) => type === 'insecureAcceptAnything');
  if (accepts && requirements.length > 1) {
    warnings.push('insecureAcceptAnything does nothing beside other requirements: all of them must hold');
  }
  if (requirements.some((one) => one.type === 'sigstoreSigned' && NEEDS_TAG.has(one.signedIdentity.kind))) {
    warnings.push(
      'signatures that cosign makes never match: they name the repository alone, and the signedIdentity compares tags or digests; use matchRepository, or sign with cosign sign --sign-container-identity NAME:TAG',
    );
  }
  return warnings;
}

/**
 * Policies that ask for sigstore signatures while nothing in `registries.d` has signatures beside images read, so that
 * only a lookaside can have any. It is off unless it is turned on, which is easily forgotten.
 * @see reference/openshift-containers.md §6
 */
export function attachmentWarnings(
  policies: readonly CompiledPolicy[],
  { sections, otherwise }: SignatureStorage,
): readonly PolicyWarning[] {
  if ([...Object.values(sections), otherwise].some(({ attachments }) => attachments === true)) return [];
  const message =
    'it asks for sigstore signatures, and registries.d has no use-sigstore-attachments: true, so that those beside an image in its registry are not read';
  return policies.filter(asksForSigstore).map(({ policy: { origin } }) => ({ origin, message }));
}

function asksForSigstore({ dialect, policy: { state } }: CompiledPolicy): boolean {
  if (dialect !== 'containers' || state.kind !== 'ready') return false;
  return leavesOf(state.require).some(({ proof }) => proof.kind !== 'openpgp');
}

/** Rules under which a signed name without tag and digest never matches, whatever was asked for. */
const NEEDS_TAG: ReadonlySet<SignedIdentity['kind']> = new Set([
  'matchExact',
  'matchRepoDigestOrExact',
  'remapIdentity',
]);

function shown(text: string): string {
  return printable(JSON.stringify(text));
}
