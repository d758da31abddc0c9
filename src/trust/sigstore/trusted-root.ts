import { createHash } from 'node:crypto';
import type { TrustMaterial } from '@sigstore/verify';
import { failed, ok, type Result } from '../../codes/result.ts';
import { readPem } from '../../encoding/pem.ts';
import { asObject, type JsonObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { PublicKey } from '../public-key.ts';
import type { Certificate } from '../x509/certificate.ts';
import { createVerifiedEdges, type VerifiedEdges } from '../x509/chain.ts';
import {
  type Authority,
  authorityOf,
  readAuthority,
  type TimestampAuthority,
  timestampAuthorityOf,
} from './authority.ts';
import { listAt } from './fields.ts';
import { logsOf, readLog, type TrustedLog } from './log.ts';
import { ALWAYS } from './validity-window.ts';

/** Whom signatures, certificates, logs and timestamps of one or more sigstore instances are trusted from. */
export type TrustedRoot = {
  readonly certificateAuthorities: readonly Authority[];
  readonly logs: readonly TrustedLog[];
  readonly certificateLogs: readonly TrustedLog[];
  readonly timestampAuthorities: readonly TimestampAuthority[];
  /** Logs with a kind of key that is not verified here, for the person who wonders; they count as unknown. */
  readonly unsupported: readonly string[];
  /** Part of the proof cache's key. */
  readonly hash: string;
  /** Which of its authorities signed which, found out once. */
  readonly edges: VerifiedEdges;
  /** The logs as @sigstore/verify takes them, made once. */
  readonly libraryLogs: TrustMaterial['tlogs'];
};

type Parts = Omit<TrustedRoot, 'timestampAuthorities' | 'hash' | 'edges' | 'libraryLogs'> & {
  readonly timestampAuthorities: readonly Authority[];
};

const MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot+json;version=0.2',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
]);

/**
 * Reads a `trusted_root.json` (protobuf-specs, sigstore_trustroot.proto). Each entry must say from when it holds; whether
 * it does is asked for the time that matters: of a log at the entry's time, of an authority at the signature's.
 * @returns TRUST_MATERIAL_UNAVAILABLE where anything in it is broken: half a root would refuse what the other half vouches for
 */
export function parseTrustedRoot(bytes: Uint8Array): Result<TrustedRoot> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return unusable(json.failure.message);
  const root = asObject(json.value);
  if (root === undefined || !MEDIA_TYPES.has(stringAt(root, 'mediaType') ?? ''))
    return unusable('its mediaType is not that of a trusted root 0.1 or 0.2');

  const certificateAuthorities = each(root, 'certificateAuthorities', (entry) => readAuthority(entry, 'certificates'));
  if (!certificateAuthorities.ok) return certificateAuthorities;
  const timestampAuthorities = each(root, 'timestampAuthorities', (entry) => readAuthority(entry, 'timestamps'));
  if (!timestampAuthorities.ok) return timestampAuthorities;
  const logs = each(root, 'tlogs', readLog);
  if (!logs.ok) return logs;
  const certificateLogs = each(root, 'ctlogs', readLog);
  if (!certificateLogs.ok) return certificateLogs;

  return assemble({
    certificateAuthorities: certificateAuthorities.value,
    timestampAuthorities: timestampAuthorities.value,
    logs: logs.value.filter((log) => 'key' in log),
    certificateLogs: certificateLogs.value.filter((log) => 'key' in log),
    unsupported: [...logs.value, ...certificateLogs.value].flatMap((log) => ('key' in log ? [] : [log.unsupported])),
  });
}

/** A private instance's roots as PEM, each text on its own. */
export type PemRoots = {
  /** Fulcio's certificates: each text one chain, intermediates first. */
  readonly certificateAuthorities: readonly string[];
  /** A Rekor log's public key, and its URL, whose host its checkpoints are signed with. */
  readonly logs: readonly { readonly publicKey: string; readonly baseUrl: string }[];
  /** Public keys of certificate transparency logs. */
  readonly certificateLogs: readonly string[];
  /** Timestamp authorities: each text one chain that begins with the signer's certificate. */
  readonly timestampAuthorities: readonly string[];
};

/** Makes a trusted root of PEM material, which says nothing of when it holds: the certificates' own dates remain. */
export function trustedRootOfPem(pem: PemRoots): Result<TrustedRoot> {
  const authorities = (texts: readonly string[], use: 'certificates' | 'timestamps') =>
    collect(texts, (text) => {
      const chain = blocksOf(text, 'CERTIFICATE');
      return chain.ok ? authorityOf(chain.value, ALWAYS, use) : chain;
    });
  const logs = (keys: PemRoots['logs']) =>
    collect(keys, ({ publicKey, baseUrl }) => {
      const [key, ...more] = keysOf(publicKey);
      const made = key === undefined || more.length > 0 ? undefined : logsOf(key, baseUrl, ALWAYS);
      return made === undefined ? unusable('a log’s key is not one supported PUBLIC KEY') : ok(made);
    });

  const certificateAuthorities = authorities(pem.certificateAuthorities, 'certificates');
  if (!certificateAuthorities.ok) return certificateAuthorities;
  const timestampAuthorities = authorities(pem.timestampAuthorities, 'timestamps');
  if (!timestampAuthorities.ok) return timestampAuthorities;
  const signatureLogs = logs(pem.logs);
  if (!signatureLogs.ok) return signatureLogs;
  const certificateLogs = logs(pem.certificateLogs.map((publicKey) => ({ publicKey, baseUrl: '' })));
  if (!certificateLogs.ok) return certificateLogs;

  return assemble({
    certificateAuthorities: certificateAuthorities.value,
    timestampAuthorities: timestampAuthorities.value,
    logs: signatureLogs.value.flat(),
    certificateLogs: certificateLogs.value.flat(),
    unsupported: [],
  });
}

/** Makes a trusted root of parsed material: each chain one authority's, nearest to the leaf first; logs by their keys alone. */
export function trustedRootOfParts(parts: {
  readonly authorities: readonly NonEmpty<Certificate>[];
  readonly logs: readonly PublicKey[];
}): Result<TrustedRoot> {
  const logs = collect(parts.logs, ({ spki }) => {
    const made = logsOf(spki, undefined, ALWAYS);
    return made === undefined ? unusable('a log’s key is of a kind that is not supported') : ok(made);
  });
  if (!logs.ok) return logs;
  return assemble({
    certificateAuthorities: parts.authorities.map((chain) => ({ chain, window: ALWAYS })),
    timestampAuthorities: [],
    logs: logs.value.flat(),
    certificateLogs: [],
    unsupported: [],
  });
}

function keysOf(pem: string): readonly Uint8Array[] {
  const blocks = blocksOf(pem, 'PUBLIC KEY');
  return blocks.ok ? blocks.value : [];
}

function blocksOf(pem: string, label: string): Result<readonly Uint8Array[]> {
  const blocks = readPem(pem, { junk: 'ignored', maxBlocks: 16 });
  if (!blocks.ok) return unusable(blocks.failure.message);
  if (blocks.value.some((block) => block.label !== label)) return unusable(`a PEM block is not a ${label}`);
  return ok(blocks.value.map((block) => block.der));
}

function each<T>(root: JsonObject, key: string, read: (entry: JsonObject) => Result<T>): Result<readonly T[]> {
  const entries = listAt(root, key);
  if (entries === undefined) return unusable(`"${key}" is no list`);
  return collect(entries, (value) => {
    const entry = asObject(value);
    return entry === undefined ? unusable(`"${key}" holds something that is no object`) : read(entry);
  });
}

function collect<I, T>(items: readonly I[], make: (item: I) => Result<T>): Result<readonly T[]> {
  const made: T[] = [];
  for (const item of items) {
    const result = make(item);
    if (!result.ok) return result;
    made.push(result.value);
  }
  return ok(made);
}

function assemble(parts: Parts): Result<TrustedRoot> {
  for (const logs of [parts.logs, parts.certificateLogs]) {
    if (new Set(logs.map(({ id }) => id)).size !== logs.length) return unusable('two of its logs have one key id');
  }
  return ok({
    ...parts,
    timestampAuthorities: parts.timestampAuthorities.map(timestampAuthorityOf),
    hash: hashOfParts(parts),
    edges: createVerifiedEdges(),
    libraryLogs: parts.logs.map(libraryLogOf),
  });
}

/** What checkpoints are signed with for the library, where the log's own name is not known. */
export const UNNAMED_LOG = 'log';

function libraryLogOf({ id, origins, key, window }: TrustedLog): TrustMaterial['tlogs'][number] {
  return {
    logID: Buffer.from(id, 'hex'),
    // The library looks for a checkpoint's name anywhere in this; signatures/sigstore/checkpoint.ts has compared it exactly.
    baseURL: origins === 'any' ? UNNAMED_LOG : origins.join(' '),
    publicKey: key,
    validFor: { start: new Date(window.start), end: new Date(window.end) },
  };
}

function hashOfParts(parts: Parts): string {
  const authority = ({ chain, window }: Authority) => [chain.map(({ fingerprint }) => fingerprint), window];
  const log = ({ id, origins, key, window }: TrustedLog) => [
    id,
    origins,
    key.export({ format: 'der', type: 'spki' }).toString('base64'),
    window,
  ];
  const content = [
    parts.certificateAuthorities.map(authority),
    parts.timestampAuthorities.map(authority),
    parts.logs.map(log),
    parts.certificateLogs.map(log),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

function unusable(what: string): Result<never> {
  return failed('TRUST_MATERIAL_UNAVAILABLE', `the trusted root cannot be used: ${what}`);
}
