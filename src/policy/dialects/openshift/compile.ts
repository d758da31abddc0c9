import { printable } from '../../../encoding/escape.ts';
import type { Mode } from '../../../model/mode.ts';
import type { Origin } from '../../../model/outcome.ts';
import type {
  Leaf,
  LoggedRule,
  NamedRule,
  NamesRule,
  ProofRule,
  SignerRule,
  TextRule,
  TrustRef,
} from '../../../model/requirement.ts';
import { brokenState, type CompiledPolicy, toScopes } from '../../compiled.ts';
import type { PolicyDefaults } from '../../defaults.ts';
import { canonicalScope } from '../../scope.ts';
import { decodedText } from './grammar.ts';
import type { OpenShiftObject, OpenShiftSpec } from './object.ts';
import { type OpenShiftSettings, readSettings } from './settings.ts';

/** What compiling needs to know beside the object. */
export type CompileContext = {
  /** File and document, or the object's UID. */
  readonly source: string;
  readonly defaults: PolicyDefaults;
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
export function compileObject(object: OpenShiftObject, context: CompileContext): CompiledPolicy {
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
  const holdsIn: CompiledPolicy['holdsIn'] =
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
      dialect: 'openshift',
      policy: { ...common, state: { kind: 'ready', require } },
      holdsIn,
      reach: toScopes(written),
      problems,
      warnings,
    };
  }

  const reason = problems.map(({ text }) => text).join('; ');
  const reach = toScopes([...written, ...context.lastScopes]);
  return {
    dialect: 'openshift',
    policy: { ...common, state: brokenState(origin, reason) },
    holdsIn,
    // A valid list of scopes that is empty reaches nothing, whatever else is wrong with the object.
    reach: reach.length === 0 && object.kind === 'invalid' ? 'everything' : reach,
    problems,
    warnings: [],
  };
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
      storage: 'registry',
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
        validAt: rekor(root.fulcioCAWithRekor.rekorKeyData),
      };
    case 'PKI':
      return {
        kind: 'certificates',
        roots: [inline(root.pki.caRootsData)],
        intermediates: root.pki.caIntermediatesData === undefined ? [] : [inline(root.pki.caIntermediatesData)],
        validAt: 'now',
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

function rekor(keyData: string): LoggedRule {
  return { kind: 'rekor', logs: [inline(keyData)] };
}

/** The PEM that base64 stands for. The schema saw to its being base64; what is no text loads as no key later. */
function inline(base64: string): TrustRef {
  return { kind: 'inline', text: decodedText(base64) ?? '' };
}
