import type {
  Leaf,
  LoggedRule,
  NonEmpty,
  ProofRule,
  Requirement,
  SignerRule,
  TextRule,
  Where,
} from '../../../model/requirement.ts';
import type { PolicyDefaults } from '../../defaults.ts';
import type { Material, PolicyRequirement, SigstoreRoot } from './document.ts';
import { REJECTED } from './rejection.ts';
import { keyring, pem, pems, type ReadFile } from './trust.ts';

/** What compiling requirements needs to know beside them. */
export type RequirementContext = {
  readonly defaults: PolicyDefaults;
  /** The text or bytes of a file that the document names. */
  readonly material: ReadFile;
};

/** As `registries.d` says for each place; 128 signatures are tried, as by containers/image. */
const WHERE = {
  storage: 'registriesD',
  repository: 'own',
  tagPrefix: '',
  attempts: 128,
} as const satisfies Partial<Where>;

/** What gpg says of a keyring without a key. */
const NO_KEYRING = { kind: 'unavailable', why: 'No public keys imported: the list of keyrings is empty' } as const;

/**
 * What the requirements of one scope come to: all of them must hold, each by any signature.
 * @see reference/openshift-containers.md §2.3
 */
export function compileRequirements(
  [first, ...rest]: NonEmpty<PolicyRequirement>,
  context: RequirementContext,
): Requirement {
  const one = compileRequirement(first, context);
  if (rest.length === 0) return one;
  return { kind: 'allOf', of: [one, ...rest.map((requirement) => compileRequirement(requirement, context))] };
}

function compileRequirement(requirement: PolicyRequirement, context: RequirementContext): Requirement {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return { kind: 'accept' };
    case 'reject':
      return REJECTED;
    case 'signedBaseLayer':
      return { kind: 'reject', says: 'signedBaseLayer not implemented yet!' };
    case 'signedBy':
      return requirement.keyType === 'GPGKeys'
        ? { kind: 'some', leaf: signedBy(requirement, context) }
        : { kind: 'reject', says: `Unimplemented "keyType" value "${requirement.keyType}"` };
    case 'sigstoreSigned':
      return { kind: 'some', leaf: sigstoreSigned(requirement, context) };
  }
}

type Of<T extends PolicyRequirement['type']> = Extract<PolicyRequirement, { type: T }>;

function signedBy({ type, keys, signedIdentity }: Of<'signedBy'>, { defaults, material }: RequirementContext): Leaf {
  const [first = NO_KEYRING, ...rest] = keys.map((key) => keyring(key, material));
  return {
    name: type,
    where: { ...WHERE, stores: ['lookaside'] },
    proof: { kind: 'openpgp', keyrings: [first, ...rest], weakAlgorithms: defaults.weakOpenPgp },
    signer: 'any',
    names: signedIdentity,
    conditions: [],
    about: 'none',
  };
}

function sigstoreSigned(
  { type, root, signedIdentity }: Of<'sigstoreSigned'>,
  { defaults, material }: RequirementContext,
): Leaf {
  return {
    name: type,
    where: { ...WHERE, stores: ['lookaside', 'cosign-tag', 'sigstore-bundle', 'cosign-referrer'] },
    proof: proofOf(root, material),
    signer: signerOf(root),
    names: defaults.unnamedSignatures === 'accept' ? { kind: 'ifNamed', rule: signedIdentity } : signedIdentity,
    conditions: [],
    about: 'none',
  };
}

function proofOf(root: SigstoreRoot, read: ReadFile): ProofRule {
  switch (root.kind) {
    case 'keys':
      return {
        kind: 'keys',
        keys: pems(root.keys, read),
        hash: 'sha256',
        transparency: root.rekorKeys === undefined ? 'none' : rekor(root.rekorKeys, read),
      };
    case 'fulcio':
      return {
        kind: 'certificates',
        roots: [pem(root.ca, read)],
        intermediates: [],
        validAt: rekor(root.rekorKeys, read),
      };
    case 'pki':
      return {
        kind: 'certificates',
        roots: [pem(root.roots, read)],
        intermediates: root.intermediates === undefined ? [] : [pem(root.intermediates, read)],
        validAt: 'now',
      };
  }
}

function rekor(keys: NonEmpty<Material>, read: ReadFile): LoggedRule {
  return { kind: 'rekor', logs: pems(keys, read) };
}

function signerOf(root: SigstoreRoot): SignerRule {
  switch (root.kind) {
    case 'keys':
      return 'any';
    case 'fulcio': {
      const identity = {
        issuer: { kind: 'exact', text: root.oidcIssuer },
        subject: { of: 'email', text: { kind: 'exact', text: root.subjectEmail } },
      } as const;
      return { kind: 'identities', anyOf: [identity] };
    }
    case 'pki':
      return { kind: 'subject', email: exactly(root.subjectEmail), hostname: exactly(root.subjectHostname) };
  }
}

function exactly(text: string | undefined): TextRule | 'any' {
  return text === undefined ? 'any' : { kind: 'exact', text };
}
