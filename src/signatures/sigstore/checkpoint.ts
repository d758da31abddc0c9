import { bytesOf, wholeNumber } from '../../trust/sigstore/fields.ts';
import type { TrustedLog } from '../../trust/sigstore/log.ts';
import { UNNAMED_LOG } from '../../trust/sigstore/trusted-root.ts';
import type { InclusionProof } from './bundle-entry.ts';
import { refused, type Verified, verified } from './result.ts';

/** A checkpoint has a few lines and some cosignatures of witnesses; characters. */
const MAXIMUM_CHECKPOINT = 32 * 1024;

/** One log signs a checkpoint once, or twice while it changes its key. */
const MAXIMUM_SIGNATURES = 4;

/** A signature line of a note begins so (C2SP signed-note): em dash, space. */
const SIGNATURE = '\u2014 ';

/**
 * Reads a checkpoint and leaves in it only signatures that claim to be the log's own, by name and key hint.
 *
 * Library and log are then of one opinion: it compares a signature's name with any part of the log's URL, and says nothing
 * about the first line. Cosignatures of witnesses are not counted; nobody here knows their keys.
 * @param proof attacker-controlled; size and root must be those of the checkpoint, since readers differ in which they take
 * @see C2SP tlog-checkpoint, signed-note; reference/sigstore-policy-controller.md §2.5
 * @returns the note with the log's own signatures; the library verifies them and that the proof leads to its root
 */
export function ownCheckpoint(proof: InclusionProof, log: TrustedLog): Verified<string> {
  const { checkpoint } = proof;
  if (checkpoint.length > MAXIMUM_CHECKPOINT)
    return refused('transparency', 'LIMIT_EXCEEDED', 'a checkpoint is too long');
  const end = checkpoint.indexOf('\n\n');
  if (end < 0) return invalid('has no signatures');
  const [origin = '', size = '', root = ''] = checkpoint.slice(0, end).split('\n');
  if (!isOrigin(origin, log)) return invalid('is not that of the log it claims');
  if (wholeNumber(size) !== proof.treeSize) return invalid('has another size than the proof');
  const rootHash = bytesOf(root);
  if (rootHash === undefined || Buffer.compare(rootHash, proof.rootHash) !== 0)
    return invalid('has another root than the proof');

  const lines = checkpoint.slice(end + 2).split('\n');
  if (lines.pop() !== '') return invalid('does not end with a line end');
  const signatures = lines.map(readSignature);
  const read = signatures.filter((signature) => signature !== undefined);
  if (read.length < signatures.length) return invalid('has a signature that cannot be read');
  const own = read.flatMap((signature) => ownSignature(signature, origin, log));
  if (own.length === 0) return invalid('is not signed by the log');
  if (own.length > MAXIMUM_SIGNATURES) return invalid('is signed too often');
  return verified(`${checkpoint.slice(0, end)}\n\n${own.map((line) => `${line}\n`).join('')}`);
}

/** The log's name; Rekor v1 writes the number of its tree behind it. */
function isOrigin(line: string, log: TrustedLog): boolean {
  const [name = '', dash, tree, ...rest] = line.split(' ');
  if ((log.origins !== 'any' && !log.origins.includes(name)) || rest.length > 0) return false;
  return dash === undefined || (dash === '-' && tree !== undefined && /^[0-9]{1,20}$/.test(tree));
}

/** One line under a note: em dash, name, and base64 of a hint at the key and the signature. */
type NoteSignature = { readonly name: string; readonly text: string; readonly hint: string };

/** Undefined for a line that is none: then the whole note is malformed (C2SP signed-note; Go's reader says so too). */
function readSignature(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE)) return undefined;
  const [name = '', text = '', ...rest] = line.slice(SIGNATURE.length).split(' ');
  const bytes = bytesOf(text);
  if (name === '' || bytes === undefined || bytes.length < 5 || rest.length > 0) return undefined;
  return { name, text, hint: Buffer.from(bytes.subarray(0, 4)).toString('hex') };
}

/** The line if it claims to be the log's. A log that is known by its key alone signs under the name that it gives itself. */
function ownSignature({ name, text, hint }: NoteSignature, origin: string, log: TrustedLog): readonly string[] {
  if (hint !== log.id.slice(0, 8)) return [];
  // The name is no part of what is signed; the library wants one that it knows.
  if (log.origins === 'any') return name === origin.split(' ')[0] ? [`${SIGNATURE}${UNNAMED_LOG} ${text}`] : [];
  return log.origins.includes(name) ? [`${SIGNATURE}${name} ${text}`] : [];
}

function invalid(what: string) {
  return refused('transparency', 'LOG_ENTRY_INVALID', `the checkpoint of a log entry ${what}`);
}
