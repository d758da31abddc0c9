import { failed } from '../codes/result.ts';
import type { HttpClient } from '../http/client.ts';
import { formatLayout, type LayoutReference } from '../image/layout-reference.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Asker } from '../model/subject.ts';
import { openLayout } from '../registry/layout/create.ts';
import type { Registry } from '../registry/registry.ts';
import { withAttachments } from '../signatures/layout/attachments.ts';
import { createRevocation } from '../trust/revocation/revocation.ts';
import { createTrustStore } from '../trust/trust-store.ts';
import { createCaches } from '../verifier/caches.ts';
import type { RequestedLayout, Verifier } from '../verifier/request.ts';
import { createVerifier } from '../verifier/verifier.ts';
import { type Terminal, usageError } from './command.ts';
import { inForce, type Rules, tellDefect } from './offline.ts';

/** A folder as it was named in the call. */
export type LayoutArgument = {
  readonly written: string;
  /** Where in the call it stands. */
  readonly path: string;
  readonly layout: LayoutReference;
  /** The name as which it is decided on. */
  readonly as: { readonly written: string; readonly reference: ImageReference } | 'none';
};

/** A folder that can be decided on. */
export type OpenedArgument = { readonly registry: Registry; readonly requested: RequestedLayout };

/**
 * Opens the folder of an argument. Only a policy.json can name a folder, so where nothing names this one it is an error
 * of the call: `unmatched: allow` would otherwise let pass what no policy could ever have looked at.
 * @returns the exit status where it cannot be decided on; the terminal has been told why
 */
export async function openLayoutArgument(
  { written, path, layout, as }: LayoutArgument,
  { policies }: Rules,
  asker: Asker,
  terminal: Terminal,
): Promise<OpenedArgument | number> {
  const opened = await openLayout(layout);
  if (!opened.ok) return usageError(terminal, `${opened.failure.message}.`);
  const { reference, registry } = opened.value;
  const attached = { registry: withAttachments(registry) };
  if (as !== 'none')
    return { ...attached, requested: { image: as.written, path, layout: reference, as: as.reference } };

  const asked = { kind: 'layout', written, layout: reference } as const;
  const silent = policies.sets.filter((set) => set.select(asked, asker).length === 0);
  if (silent.length === policies.sets.length) {
    const message = `no policy names ${formatLayout(reference)}, and nothing but a policy.json can name a folder. To try the policies on it, say which image it stands for: --as IMAGE.`;
    return usageError(terminal, message);
  }
  for (const { name } of silent)
    terminal.error(`countersign: ${formatLayout(reference)}: not asked, since they name no folders: ${name}\n`);
  return { ...attached, requested: { image: written, path, layout: reference, as: 'none' } };
}

/** Whoever is to be asked beyond the folder cannot be. */
const NO_NETWORK: HttpClient = {
  request: () => Promise.resolve(failed('REGISTRY_UNREACHABLE', 'a folder is decided on without any network')),
  close: () => Promise.resolve(),
};

/** An engine that reads one folder and has no way to anything else. */
export function layoutVerifier(registry: Registry, rules: Rules, terminal: Terminal): Verifier {
  const { onError, unmatched, requireDigest, cache } = rules.configuration;
  return createVerifier({
    registry,
    trust: createTrustStore(),
    revocation: createRevocation(NO_NETWORK, { clock: Date.now }),
    caches: createCaches({ entries: cache.entries, bytes: cache.bytes, lives: cache.ttl }, Date.now),
    policies: () => inForce(rules),
    settings: { onError, unmatched, requireDigest, listAge: cache.ttl },
    clock: Date.now,
    onRequest: () => undefined,
    onDefect: (error) => tellDefect(error, terminal),
  });
}
