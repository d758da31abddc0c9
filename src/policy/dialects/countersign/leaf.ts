import { parseRepository } from '../../../image/reference.ts';
import type {
  Condition,
  HashRule,
  Leaf,
  NonEmpty,
  ProofRule,
  SignerRule,
  SigstoreRef,
  Store,
  TextRule,
  TrustRef,
  Where,
} from '../../../model/requirement.ts';
import type { WrittenSignature } from './signature-schema.ts';
import type { WrittenMaterial, WrittenRoot } from './trust-schema.ts';

/** What the path of a file came to. */
export type MaterialOf = (path: string) => TrustRef;

/** How many artifacts a signature tries at most for one image. */
const ATTEMPTS = 64;

const EVERY_STORE: NonEmpty<Store> = ['cosign-tag', 'sigstore-bundle', 'cosign-referrer'];

const STORES = { tag: 'cosign-tag', bundle: 'sigstore-bundle', referrer: 'cosign-referrer' } as const;

const HASHES = {
  usual: 'usual',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  byCurve: 'by-curve',
} as const satisfies Record<string, HashRule>;

/**
 * One signature as a leaf.
 * @param policy its name where it has none
 */
export function leafOf(written: WrittenSignature, policy: string, material: MaterialOf): Leaf {
  return {
    name: written.name ?? policy,
    where: whereOf(written.from),
    proof: proofOf(written.by, material),
    signer: signerOf(written.by),
    names: written.names,
    conditions: Object.entries(written.annotations).map(
      ([name, value]): Condition => ({ kind: 'annotation', name, value }),
    ),
    about: 'none',
  };
}

/** Each item of a list that is not empty, so neither is what comes of it. */
export function mapAll<T, U>([first, ...rest]: NonEmpty<T>, to: (item: T) => U): NonEmpty<U> {
  return [to(first), ...rest.map(to)];
}

function whereOf(from: WrittenSignature['from']): Where {
  const repository = from?.repository === undefined ? undefined : parseRepository(from.repository);
  return {
    stores: from?.formats === undefined ? EVERY_STORE : mapAll(from.formats, (format) => STORES[format]),
    // The schema saw to it that it is a repository.
    storage: 'registry',
    repository: repository?.ok === true ? repository.value : 'own',
    tagPrefix: from?.tagPrefix ?? '',
    attempts: from?.limit ?? ATTEMPTS,
  };
}

function proofOf(by: WrittenSignature['by'], material: MaterialOf): ProofRule {
  const refs = (pieces: NonEmpty<WrittenMaterial>): NonEmpty<TrustRef> => mapAll(pieces, (one) => refOf(one, material));
  switch (by.kind) {
    case 'keys':
      return { kind: 'keys', keys: refs(by.anyOf), hash: HASHES[by.hash], transparency: 'none' };
    case 'witnessedKeys':
      return {
        kind: 'sigstore',
        root: rootOf(by.root, material),
        signer: { keys: refs(by.anyOf), hash: HASHES[by.hash] },
        transparency: by.transparencyLog,
        time: by.time,
        certificateTransparency: 'none',
      };
    case 'keyless':
      return {
        kind: 'sigstore',
        root: rootOf(by.root, material),
        signer: 'certificate',
        transparency: by.transparencyLog,
        time: by.time,
        certificateTransparency: by.certificateTransparency,
      };
    case 'certificate':
      return {
        kind: 'certificates',
        roots: refs(by.roots),
        intermediates: by.intermediates === undefined ? [] : refs(by.intermediates),
        validAt: 'now',
      };
  }
}

function signerOf(by: WrittenSignature['by']): SignerRule {
  switch (by.kind) {
    case 'keys':
    case 'witnessedKeys':
      return 'any';
    case 'keyless':
      return { kind: 'identities', anyOf: by.identities };
    case 'certificate':
      return { kind: 'subject', email: exactly(by.subject.email), hostname: exactly(by.subject.hostname) };
  }
}

function rootOf(root: WrittenRoot, material: MaterialOf): SigstoreRef {
  switch (root.kind) {
    case 'publicGood':
      return { kind: 'publicGood' };
    case 'file':
      return { kind: 'trustedRoot', document: material(root.path) };
    case 'json':
      return { kind: 'trustedRoot', document: { kind: 'inline', text: root.text } };
    case 'pem': {
      const refs = (pieces: readonly WrittenMaterial[] = []) => pieces.map((one) => refOf(one, material));
      return {
        kind: 'pem',
        certificateAuthorities: refs(root.certificateAuthorities),
        transparencyLogs: (root.transparencyLogs ?? []).map(({ key, url }) => ({ key: refOf(key, material), url })),
        certificateLogs: refs(root.certificateTransparencyLogs),
        timestampAuthorities: refs(root.timestampAuthorities),
      };
    }
  }
}

function refOf(written: WrittenMaterial, material: MaterialOf): TrustRef {
  return written.kind === 'file' ? material(written.path) : { kind: 'inline', text: written.text };
}

function exactly(text: string | undefined): TextRule | 'any' {
  return text === undefined ? 'any' : { kind: 'exact', text };
}
