import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { ReasonCode } from '../codes/codes.ts';
import { type Failure, failed, ok, type Result } from '../codes/result.ts';
import { exactIdentity } from '../conditions/identities.ts';
import { matchSigner } from '../conditions/signers.ts';
import { asSentence, printable } from '../encoding/escape.ts';
import { isDigest } from '../image/digest.ts';
import type { SignedArtifact } from '../signatures/sigstore/content.ts';
import { verifyBundle as verifyBundleBytes } from '../signatures/sigstore/verify-bundle.ts';
import type { SigningKeys } from '../trust/sigstore/bundle-rule.ts';
import { publicGoodRoot } from '../trust/sigstore/public-good.ts';
import { parseTrustedRoot, type TrustedRoot } from '../trust/sigstore/trusted-root.ts';
import { createTrustStore } from '../trust/trust-store.ts';
import { type Command, type Terminal, USAGE_ERROR, usageError } from './command.ts';

/** Files are read whole; more than this is no bundle, root or key, and an artifact that fits in memory; bytes. */
const MAXIMUM_FILE_BYTES = 1024 * 1024 * 1024;

/** Whose signature is asked for. */
type Wanted = { readonly key: string } | { readonly issuer: string; readonly subject: string };

/**
 * `countersign verify-bundle`: verifies one sigstore bundle for one file or digest, as the client protocol of
 * sigstore-conformance has it (docs/cli_protocol.md): status 0 where it holds and 1 where it does not.
 */
export const verifyBundle: Command = async (args, terminal) => {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  const { values, positionals } = parsed;
  const [operand, ...others] = positionals;
  const { bundle } = values;
  if (values.staging)
    return usageError(
      terminal,
      '--staging is not supported: give the staging instance’s root with --trusted-root FILE.',
    );
  if (bundle === undefined || operand === undefined || others.length > 0)
    return usageError(terminal, 'verify-bundle needs --bundle FILE and one FILE or sha256:DIGEST.');
  const wanted = wantedOf(values);
  if (wanted === undefined)
    return usageError(
      terminal,
      'verify-bundle needs --certificate-identity NAME and --certificate-oidc-issuer URL, or --key FILE, and none of them empty.',
    );

  const root = await readRoot(values['trusted-root']);
  if (!root.ok) return unusable(terminal, root.failure);
  const key = 'key' in wanted ? await readKey(wanted.key) : ok('certificate' as const);
  if (!key.ok) return unusable(terminal, key.failure);
  const bytes = await readBytes(bundle);
  if (!bytes.ok) return unusable(terminal, bytes.failure);
  const artifact = await readArtifact(operand);
  if (!artifact.ok) return unusable(terminal, artifact.failure);

  const one = { threshold: 1 };
  const proof = await verifyBundleBytes(
    bytes.value,
    artifact.value,
    root.value,
    {
      signer: key.value,
      transparency: one,
      time: 'key' in wanted ? 'none' : { threshold: 1, by: 'anyone' },
      certificateTransparency: one,
    },
    Date.now(),
  );
  if (proof.kind === 'refused') return refuse(terminal, proof);
  const rule = 'key' in wanted ? 'any' : exactIdentity(wanted.issuer, wanted.subject);
  const match = matchSigner(rule, proof.signer.identity);
  if (match.kind !== 'accepted') return refuse(terminal, match);
  terminal.out(`Verified: ${proof.claims.digest} is signed by ${printable(proof.signer.display)}.\n`);
  return 0;
};

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      bundle: { type: 'string' },
      'certificate-identity': { type: 'string' },
      'certificate-oidc-issuer': { type: 'string' },
      key: { type: 'string' },
      'trusted-root': { type: 'string' },
      staging: { type: 'boolean', default: false },
    },
  });
}

/** A key or an identity, never both, never half. */
function wantedOf(values: ReturnType<typeof parse>['values']): Wanted | undefined {
  const { key, 'certificate-identity': subject, 'certificate-oidc-issuer': issuer } = values;
  if (key !== undefined) return key !== '' && subject === undefined && issuer === undefined ? { key } : undefined;
  if (subject === undefined || subject === '' || issuer === undefined || issuer === '') return undefined;
  return { issuer, subject };
}

async function readRoot(path: string | undefined): Promise<Result<TrustedRoot>> {
  if (path === undefined) return publicGoodRoot();
  const bytes = await readBytes(path);
  return bytes.ok ? parseTrustedRoot(bytes.value) : bytes;
}

async function readKey(path: string): Promise<Result<SigningKeys>> {
  const pem = await readBytes(path);
  if (!pem.ok) return pem;
  const keys = createTrustStore().keys([{ kind: 'inline', text: Buffer.from(pem.value).toString('utf8') }]);
  return keys.ok ? ok({ keys: keys.value, hash: 'usual' }) : keys;
}

/** What looks like a digest is one, whatever files there are (cli_protocol.md). */
async function readArtifact(operand: string): Promise<Result<SignedArtifact>> {
  if (isDigest(operand)) return ok({ kind: 'digest', digest: operand });
  const bytes = await readBytes(operand);
  return bytes.ok ? ok({ kind: 'bytes', bytes: bytes.value }) : bytes;
}

async function readBytes(path: string): Promise<Result<Uint8Array>> {
  try {
    if ((await stat(path)).size > MAXIMUM_FILE_BYTES)
      return failed('LIMIT_EXCEEDED', `the file ${printable(path)} is too large`);
    return ok(await readFile(path));
  } catch (cause) {
    return failed('CONFIGURATION_INVALID', `the file ${printable(path)} cannot be read`, cause);
  }
}

function refuse(
  terminal: Terminal,
  { code, message }: { readonly code: ReasonCode; readonly message: string },
): number {
  terminal.error(`Refused: ${message}. [${code}]\n`);
  return 1;
}

function unusable(terminal: Terminal, { code, message }: Failure): number {
  terminal.error(`countersign: ${asSentence(message)}. [${code}]\n`);
  return USAGE_ERROR;
}
