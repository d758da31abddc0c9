import { decodeBase64 } from '../../encoding/base64.ts';
import type { Material, PolicyRequirement, SignedIdentity, SigstoreRoot } from '../dialects/containers/document.ts';
import type { OpenShiftSpec } from '../dialects/openshift/object.ts';

/**
 * The one requirement that an object of OpenShift comes to on a node.
 * @see reference/openshift-containers.md §1.5
 */
export function requirementOf(spec: OpenShiftSpec): PolicyRequirement {
  return { type: 'sigstoreSigned', root: rootOf(spec), signedIdentity: identityOf(spec) };
}

function rootOf({ policy: { rootOfTrust: root } }: OpenShiftSpec): SigstoreRoot {
  switch (root.policyType) {
    case 'PublicKey': {
      const { keyData, rekorKeyData = '' } = root.publicKey;
      return { kind: 'keys', keys: [data(keyData)], rekorKeys: rekorKeyData === '' ? undefined : [data(rekorKeyData)] };
    }
    case 'FulcioCAWithRekor': {
      const { fulcioCAData, rekorKeyData, fulcioSubject } = root.fulcioCAWithRekor;
      return {
        kind: 'fulcio',
        ca: data(fulcioCAData),
        oidcIssuer: fulcioSubject.oidcIssuer,
        subjectEmail: fulcioSubject.signedEmail,
        rekorKeys: [data(rekorKeyData)],
      };
    }
    case 'PKI': {
      const { caRootsData, caIntermediatesData = '', pkiCertificateSubject: subject } = root.pki;
      return {
        kind: 'pki',
        roots: data(caRootsData),
        intermediates: caIntermediatesData === '' ? undefined : data(caIntermediatesData),
        subjectEmail: present(subject.email),
        subjectHostname: present(subject.hostname),
      };
    }
  }
}

function identityOf({ policy: { signedIdentity: identity } }: OpenShiftSpec): SignedIdentity {
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

/** The schema saw to its being base64. */
function data(base64: string): Material {
  const bytes = decodeBase64(base64);
  return { kind: 'data', bytes: bytes.ok ? bytes.value : new Uint8Array() };
}

/** Go does not tell an empty text from none. */
function present(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
