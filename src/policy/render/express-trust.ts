import { failed, ok, type Result } from '../../codes/result.ts';
import { writePem } from '../../encoding/pem.ts';
import type { NonEmpty, SigstoreRef, TrustRef } from '../../model/requirement.ts';
import { parsePublicKey } from '../../trust/public-key.ts';
import { publicGoodRoot } from '../../trust/sigstore/public-good.ts';
import { parseTrustedRoot, type TrustedRoot, trustedRootOfPem } from '../../trust/sigstore/trusted-root.ts';
import type { ValidityWindow } from '../../trust/sigstore/validity-window.ts';
import { parseCertificates } from '../../trust/x509/certificate.ts';
import type { Material } from '../dialects/containers/document.ts';

/** What of a sigstore instance a node can believe. */
export type NodeRoot = {
  /** Keys of its transparency logs that a node verifies with. */
  readonly rekorKeys: readonly Material[];
  /** Certificates that issue those of signers, all of them in one PEM; undefined where none holds. */
  readonly fulcio: Material | undefined;
  /** Whether something in it is left out, since a node knows no times between which a root of trust holds. */
  readonly isNarrower: boolean;
};

/**
 * Trust material as a file of a node carries it: the bytes themselves.
 * @returns TRUST_MATERIAL_UNAVAILABLE
 */
function materialOf(ref: TrustRef): Result<Material> {
  switch (ref.kind) {
    case 'inline':
      return ok({ kind: 'data', bytes: Buffer.from(ref.text) });
    case 'binary':
      return ok({ kind: 'data', bytes: Buffer.from(ref.base64, 'base64') });
    case 'unavailable':
      return failed('TRUST_MATERIAL_UNAVAILABLE', ref.why);
    case 'secret':
      return failed('TRUST_MATERIAL_UNAVAILABLE', 'a Secret of the cluster cannot be read here');
  }
}

/** Several pieces of material; see {@link materialOf}. */
export function materialsOf([first, ...rest]: NonEmpty<TrustRef>): Result<NonEmpty<Material>> {
  const head = materialOf(first);
  if (!head.ok) return head;
  const all: [Material, ...Material[]] = [head.value];
  for (const ref of rest) {
    const one = materialOf(ref);
    if (!one.ok) return one;
    all.push(one.value);
  }
  return ok(all);
}

/**
 * Public keys, each of which must be one here: of a file with several, a node would silently take the first.
 * @returns TRUST_MATERIAL_UNAVAILABLE
 */
export function keysOf(refs: NonEmpty<TrustRef>): Result<NonEmpty<Material>> {
  for (const ref of refs) {
    const key = ref.kind === 'inline' ? parsePublicKey(ref.text) : undefined;
    if (key?.ok === false) return key;
  }
  return materialsOf(refs);
}

/**
 * Certificates of authorities as one text of PEM.
 * @returns TRUST_MATERIAL_UNAVAILABLE
 */
export function authoritiesOf(refs: NonEmpty<TrustRef>): Result<Material> {
  const materials = materialsOf(refs);
  if (!materials.ok) return materials;
  const texts: string[] = [];
  for (const ref of refs) {
    const certificates = parseCertificates(ref.kind === 'inline' ? ref.text : '', { junk: 'ignored', maximum: 100 });
    if (!certificates.ok) return failed('TRUST_MATERIAL_UNAVAILABLE', certificates.message);
    texts.push(...certificates.value.map(({ der }) => writePem('CERTIFICATE', der)));
  }
  return ok({ kind: 'data', bytes: Buffer.from(texts.join('')) });
}

/**
 * What of a sigstore instance a node can believe. An authority stands for itself by the certificate nearest to the
 * signers', so that a node believes no other authority below the same root. What has an end to its time is left out: the
 * node would go on believing it.
 * @returns TRUST_MATERIAL_UNAVAILABLE
 */
export function nodeRootOf(ref: SigstoreRef, now: number): Result<NodeRoot> {
  const root = trustedRootOf(ref);
  if (!root.ok) return root;
  const { logs, certificateAuthorities } = root.value;
  const stands = ({ start, end }: ValidityWindow): boolean => start <= now && end >= FAR_AWAY;
  // containers/image verifies what a log promises by ECDSA alone (openshift-containers.md §4).
  const usable = logs.filter(({ window, key }) => stands(window) && key.asymmetricKeyType === 'ec');
  const standing = certificateAuthorities.filter(({ window }) => stands(window));
  const certificates = standing.map(({ chain: [issuing] }) => writePem('CERTIFICATE', issuing.der));
  return ok({
    rekorKeys: usable.map(({ key }) => ({
      kind: 'data',
      bytes: Buffer.from(writePem('PUBLIC KEY', key.export({ format: 'der', type: 'spki' }))),
    })),
    fulcio: certificates.length === 0 ? undefined : { kind: 'data', bytes: Buffer.from(certificates.join('')) },
    isNarrower: usable.length < logs.length || standing.length < certificateAuthorities.length,
  });
}

/** A window that ends later than anybody plans has no end (trust/sigstore/validity-window.ts has it end with time itself). */
const FAR_AWAY = Date.parse('9000-01-01T00:00:00Z');

function trustedRootOf(ref: SigstoreRef): Result<TrustedRoot> {
  switch (ref.kind) {
    case 'publicGood':
      return publicGoodRoot();
    case 'trustedRoot': {
      const document = materialOf(ref.document);
      if (!document.ok) return document;
      return parseTrustedRoot(document.value.kind === 'data' ? document.value.bytes : new Uint8Array());
    }
    case 'pem': {
      const wrong = [
        ...ref.certificateAuthorities,
        ...ref.certificateLogs,
        ...ref.timestampAuthorities,
        ...ref.transparencyLogs.map(({ key }) => key),
      ].find(({ kind }) => kind !== 'inline');
      if (wrong !== undefined) {
        const read = materialOf(wrong);
        return read.ok ? failed('TRUST_MATERIAL_UNAVAILABLE', 'a piece of the trusted root is no text') : read;
      }
      return trustedRootOfPem({
        certificateAuthorities: ref.certificateAuthorities.map(textOf),
        logs: ref.transparencyLogs.map(({ key, url }) => ({ publicKey: textOf(key), baseUrl: url })),
        certificateLogs: ref.certificateLogs.map(textOf),
        timestampAuthorities: ref.timestampAuthorities.map(textOf),
      });
    }
  }
}

function textOf(ref: TrustRef): string {
  return ref.kind === 'inline' ? ref.text : '';
}
