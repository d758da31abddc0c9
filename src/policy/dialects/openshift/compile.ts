import { failure } from '../../../codes/result.ts';
import { printable } from '../../../encoding/escape.ts';
import type { Mode } from '../../../model/mode.ts';
import type { Origin } from '../../../model/outcome.ts';
import type {
  Leaf,
  NamedRule,
  NamesRule,
  ProofRule,
  SignerRule,
  TextRule,
  TransparencyRule,
  TrustRef,
} from '../../../model/requirement.ts';
import type { Policy, PolicyWarning } from '../../policy.ts';
import { canonicalScope } from '../../scope.ts';
import { decodedText } from './grammar.ts';
import type { ObjectProblem, OpenShiftObject, OpenShiftSpec } from './object.ts';
import { type OpenShiftDefaults, type OpenShiftSettings, readSettings } from './settings.ts';

/** A scope as it was written, and as it is looked up. */
export type Scope = { readonly written: string; readonly canonical: string };

/** A policy with where it stands; what a set is built of. */
export type OpenShiftPolicy = {
  readonly policy: Policy;
  /** The namespace it holds in, or `cluster`. */
  readonly holdsIn: { readonly kind: 'cluster' } | { readonly kind: 'namespace'; readonly namespace: string };
  /** `everything` only where it is broken and none of its scopes could be told (MODEL.md M8). */
  readonly reach: readonly Scope[] | 'everything';
  readonly problems: readonly ObjectProblem[];
  readonly warnings: readonly PolicyWarning[];
};

/** What compiling needs to know beside the object. */
export type CompileContext = {
  /** File and document, or the object's UID. */
  readonly source: string;
  readonly defaults: OpenShiftDefaults;
  /** The mode of a policy that says none. */
  readonly mode: Mode | undefined;
  /** The scopes that the same object had when it was last valid. */
  readonly lastScopes: readonly string[];
};

/** How many artifacts a policy tries at most for one image. */
const ATTEMPTS = 64;

/**
 * Compiles one object. An invalid one becomes a broken policy that refuses its reach and keeps its place in precedence:
 * the scopes that could be told and those it had before, or else everything (MODEL.md M8).
 *
 * Key material is taken as it stands: one that does not load is an error of that leaf, not a broken policy.
 * @see reference/openshift-containers.md §1.5
 */
export function compileObject(object: OpenShiftObject, context: CompileContext): OpenShiftPolicy {
  const { header } = object;
  const origin: Origin = {
    kind: header.kind,
    namespace: header.namespace,
    name: header.name === '' ? '(unnamed)' : printable(header.name, 260),
    source: context.source,
    generation: header.generation,
  };
  const {
    settings,
    problems: wrongSettings,
    warnings: idleSettings,
  } = readSettings(header.annotations, context.defaults);
  const holdsIn: OpenShiftPolicy['holdsIn'] =
    header.namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', namespace: header.namespace };
  const problems = [...(object.kind === 'invalid' ? object.problems : []), ...wrongSettings];
  // Where the policy's own word on its mode cannot be read, nobody else's stands in for it: it is enforced.
  const isModeUnclear = problems.some(({ path }) => path.startsWith('metadata.annotations'));
  const mode = settings.mode ?? (isModeUnclear ? undefined : context.mode);
  const common = {
    origin,
    mode,
    subjectRule: settings.subjectRule,
    evidence: 'complete',
  } as const;

  const written = object.kind === 'valid' ? object.spec.scopes : object.scopes;
  if (object.kind === 'valid' && problems.length === 0) {
    const require = { kind: 'some', leaf: leafOf(object.spec, settings, origin.name) } as const;
    const warnings = [...idleSettings, ...scopeWarnings(written)].map((message) => ({ origin, message }));
    return {
      policy: { ...common, state: { kind: 'ready', require } },
      holdsIn,
      reach: scopes(written),
      problems,
      warnings,
    };
  }

  const message = `${origin.kind} "${origin.name}" is broken: ${printable(problems.map(({ text }) => text).join('; '), 1000)}`;
  const reach = scopes([...written, ...context.lastScopes]);
  return {
    policy: { ...common, state: { kind: 'broken', failure: failure('POLICY_BROKEN', message) } },
    holdsIn,
    // A valid list of scopes that is empty reaches nothing, whatever else is wrong with the object.
    reach: reach.length === 0 && object.kind === 'invalid' ? 'everything' : reach,
    problems,
    warnings: [],
  };
}

/** The same policy, refusing its reach because what it was read from cannot be read any more. */
export function breakPolicy(of: OpenShiftPolicy, reason: string): OpenShiftPolicy {
  const { origin } = of.policy;
  const message = `${origin.kind} "${origin.name}" is broken: ${printable(reason, 1000)}`;
  return {
    ...of,
    policy: { ...of.policy, state: { kind: 'broken', failure: failure('POLICY_BROKEN', message) } },
    problems: [],
    warnings: [],
  };
}

/** What stands for a source that never could be read: nobody knows what it names, so it may be anything. */
export function unreadablePolicy(source: string, name: string, reason: string): OpenShiftPolicy {
  const message = `the policy file "${printable(name)}" is broken: ${printable(reason, 1000)}`;
  return {
    policy: {
      origin: { kind: 'PolicyFile', namespace: undefined, name: printable(name), source, generation: undefined },
      mode: undefined,
      subjectRule: 'indexOrEveryInstance',
      evidence: 'complete',
      state: { kind: 'broken', failure: failure('POLICY_BROKEN', message) },
    },
    holdsIn: { kind: 'cluster' },
    reach: 'everything',
    problems: [],
    warnings: [],
  };
}

function scopes(written: readonly string[]): readonly Scope[] {
  const byCanonical = new Map(written.map((scope) => [canonicalScope(scope), scope]));
  return [...byCanonical].map(([canonical, text]) => ({ written: text, canonical }));
}

function scopeWarnings(written: readonly string[]): readonly string[] {
  if (written.length === 0) return ['the policy has no scopes, so it applies to no image'];
  return written.filter(neverMatches).map((scope) => `the scope ${printable(scope)} can never match an image`);
}

/** Images are looked up by tag or by digest, never by both; a registry has no tags; Docker Hub's images have two names. */
function neverMatches(scope: string): boolean {
  const slash = scope.indexOf('/');
  const at = scope.indexOf('@');
  if (slash < 0) {
    const [, port = '0'] = scope.split(':');
    return at >= 0 || !/^[0-9]{1,5}$/.test(port);
  }
  const path = scope.slice(slash, at < 0 ? undefined : at);
  const isImage = at >= 0 || path.includes(':');
  return (at >= 0 && path.includes(':')) || (isImage && onDockerHub(scope) && path.lastIndexOf('/') === 0);
}

function onDockerHub(scope: string): boolean {
  return canonicalScope(scope).startsWith('docker.io/');
}

function leafOf(spec: OpenShiftSpec, settings: OpenShiftSettings, name: string): Leaf {
  const rule = namesOf(spec);
  const names: NamesRule = settings.unnamedSignatures === 'accept' ? { kind: 'ifNamed', rule } : rule;
  return {
    name,
    where: {
      stores: ['cosign-tag', 'sigstore-bundle', 'cosign-referrer'],
      repository: 'own',
      tagPrefix: '',
      attempts: ATTEMPTS,
    },
    proof: proofOf(spec),
    signer: signerOf(spec),
    names,
    conditions: [],
    about: 'none',
  };
}

function proofOf({ policy: { rootOfTrust: root } }: OpenShiftSpec): ProofRule {
  switch (root.policyType) {
    case 'PublicKey':
      return {
        kind: 'keys',
        keys: [inline(root.publicKey.keyData)],
        hash: 'sha256',
        transparency: root.publicKey.rekorKeyData === undefined ? 'none' : rekor(root.publicKey.rekorKeyData),
      };
    case 'FulcioCAWithRekor':
      return {
        kind: 'certificates',
        roots: [inline(root.fulcioCAWithRekor.fulcioCAData)],
        intermediates: [],
        transparency: rekor(root.fulcioCAWithRekor.rekorKeyData),
        time: { kind: 'log' },
        certificateTransparency: 'none',
      };
    case 'PKI':
      return {
        kind: 'certificates',
        roots: [inline(root.pki.caRootsData)],
        intermediates: root.pki.caIntermediatesData === undefined ? [] : [inline(root.pki.caIntermediatesData)],
        transparency: 'none',
        time: 'now',
        certificateTransparency: 'none',
      };
  }
}

function signerOf({ policy: { rootOfTrust: root } }: OpenShiftSpec): SignerRule {
  switch (root.policyType) {
    case 'PublicKey':
      return 'any';
    case 'FulcioCAWithRekor': {
      const { oidcIssuer, signedEmail } = root.fulcioCAWithRekor.fulcioSubject;
      const identity = {
        issuer: { kind: 'exact', text: oidcIssuer },
        subject: { of: 'email', text: { kind: 'exact', text: signedEmail } },
      } as const;
      return { kind: 'identities', anyOf: [identity] };
    }
    case 'PKI': {
      const { email, hostname } = root.pki.pkiCertificateSubject;
      return { kind: 'subject', email: exactly(email), hostname: exactly(hostname) };
    }
  }
}

function exactly(text: string | undefined): TextRule | 'any' {
  return text === undefined ? 'any' : { kind: 'exact', text };
}

function namesOf({ policy: { signedIdentity: identity } }: OpenShiftSpec): NamedRule {
  switch (identity?.matchPolicy) {
    case undefined:
    case 'MatchRepoDigestOrExact':
      return { kind: 'matchRepoDigestOrExact' };
    case 'MatchRepository':
      return { kind: 'matchRepository' };
    case 'ExactRepository':
      return { kind: 'exactRepository', repository: identity.exactRepository.repository };
    case 'RemapIdentity':
      return { kind: 'remapIdentity', ...identity.remapIdentity };
  }
}

function rekor(keyData: string): TransparencyRule {
  return { kind: 'rekor', logs: [inline(keyData)], threshold: 1 };
}

/** The PEM that base64 stands for. The schema saw to its being base64; what is no text loads as no key later. */
function inline(base64: string): TrustRef {
  return { kind: 'inline', pem: decodedText(base64) ?? '' };
}
