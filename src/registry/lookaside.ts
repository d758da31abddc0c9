import { type Failure, failure, type Lookup } from '../codes/result.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/reference.ts';
import { readBoundedFile } from './bounded-file.ts';
import { follow, type Wire } from './exchange.ts';
import { type SignatureFolder, signatureFile, signatureFolder, signatureUrl } from './lookaside-url.ts';
import type { DetachedSignatures, RequestContext } from './registry.ts';
import { statusFailure } from './session.ts';

/**
 * Reads the signatures of a digest from a lookaside, numbered from one until the first that is not there: a file that
 * does not exist, or a 404; or until one that is no signature. Anything else is trouble, and what was read before it is not handed out.
 *
 * The registry's credentials are never sent: a lookaside is somebody else's house, read by anybody.
 * @param lookaside base URL as `registries.d` has it; its host counts as configured, since it stands there
 * @returns LOOKASIDE_UNUSABLE, LIMIT_EXCEEDED, what a status stands for, and what requests return
 * @see reference/openshift-containers.md §3.4
 */
export async function readLookaside(
  wire: Wire,
  lookaside: string,
  location: Repository,
  digest: Digest,
  maximum: number,
  context: RequestContext,
): Promise<Lookup<DetachedSignatures>> {
  const folder = signatureFolder(lookaside, location, digest);
  if (!folder.ok) return { kind: 'failed', failure: folder.failure };
  const place = folder.value.shown;
  const { signaturesBytes } = wire.limits;
  const signatures: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  let total = 0;
  for (let number = 1; ; number++) {
    const read = await readOne(wire, folder.value, number, context);
    if (read.kind === 'failed') return read;
    if (read.kind === 'absent') {
      return { kind: 'found', value: { location, source: 'lookaside', place, signatures } };
    }
    if (number > maximum) return tooMany(`${place} holds more than ${maximum} signatures`);
    total += read.value.length;
    if (total > signaturesBytes) return tooMany(`${place} holds more than ${signaturesBytes} bytes of signatures`);
    signatures.push({ name: `${place}/signature-${number}`, bytes: read.value });
    if (context.isSignature?.(read.value) === false) {
      return { kind: 'found', value: { location, source: 'lookaside', place, signatures } };
    }
  }
}

async function readOne(
  wire: Wire,
  folder: SignatureFolder,
  number: number,
  context: RequestContext,
): Promise<Lookup<Uint8Array>> {
  if (context.signal.aborted) {
    return { kind: 'failed', failure: failure('REGISTRY_DEADLINE', `${folder.shown} could not be read in time`) };
  }
  const maxBytes = wire.limits.signatureBytes;
  if (folder.kind === 'file') return readBoundedFile(signatureFile(folder, number), maxBytes);

  const { authorization } = folder;
  const url = signatureUrl(folder, number);
  const headers = { 'user-agent': 'countersign', ...(authorization === undefined ? {} : { authorization }) };
  const request = { method: 'GET', url, headers, configured: true, maxBytes, purpose: 'lookaside' } as const;
  const answer = await follow(wire, request, context);
  if (!answer.ok) return inFolder(folder, number, answer.failure);
  const { status, body } = answer.value;
  if (status === 404) return { kind: 'absent' };
  return status === 200 ? { kind: 'found', value: body } : inFolder(folder, number, statusFailure(answer.value));
}

function inFolder({ shown }: SignatureFolder, number: number, beneath: Failure): Lookup<never> {
  const message = `${shown}/signature-${number}: ${beneath.message}`;
  return { kind: 'failed', failure: failure(beneath.code, message, beneath.cause) };
}

function tooMany(what: string): Lookup<never> {
  return { kind: 'failed', failure: failure('LIMIT_EXCEEDED', what) };
}
