import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type {
  IdentityRule,
  Leaf,
  NamesRule,
  NonEmpty,
  ProofRule,
  SignerRule,
  TextRule,
} from '../../model/requirement.ts';
import type { PolicyRequirement, SignedIdentity, SigstoreRoot } from '../dialects/containers/document.ts';
import { authoritiesOf, keysOf, materialsOf, nodeRootOf } from './express-trust.ts';

/** A requirement of a node, and where it is stricter than what it stands for. */
export type Expressed<T> = { readonly value: T; readonly notes: readonly string[] };

/**
 * One signature as a requirement of a node that lets in nothing which the signature would not.
 * @param now milliseconds since the epoch: what does not hold yet is left out
 * @returns POLICY_BROKEN with what a node cannot check; TRUST_MATERIAL_UNAVAILABLE
 */
export function expressLeaf(leaf: Leaf, now: number): Result<Expressed<PolicyRequirement>> {
  const missing = unchecked(leaf);
  if (missing !== undefined) return lost(missing);
  const root = rootOf(leaf.proof, leaf.signer, now);
  if (!root.ok) return root;
  const names = namesOf(leaf.names);
  return ok({
    value: { type: 'sigstoreSigned', root: root.value.value, signedIdentity: names.value },
    notes: [...storeNotes(leaf), ...root.value.notes, ...names.notes],
  });
}

/** What of a signature no node looks at, and what it looks at elsewhere. */
function unchecked({ where, conditions, about }: Leaf): string | undefined {
  if (where.repository !== 'own') return 'nodes look for signatures in the image’s own repository alone';
  if (where.tagPrefix !== '') return 'nodes know no prefix of the tag of signatures';
  if (!where.stores.includes('cosign-tag')) return 'nodes read signatures under the .sig tag alone';
  if (conditions.length > 0) return 'nodes do not look at the annotations of signatures';
  return about === 'none' ? undefined : 'nodes do not look at signatures of signatures';
}

function storeNotes({ where: { stores } }: Leaf): readonly string[] {
  return stores.length > 1
    ? ['nodes read signatures under the .sig tag alone: neither bundles nor referrers count']
    : [];
}

function rootOf(proof: ProofRule, signer: SignerRule, now: number): Result<Expressed<SigstoreRoot>> {
  switch (proof.kind) {
    case 'keys': {
      if (proof.hash !== 'usual' && proof.hash !== 'sha256') return lost('nodes verify signatures of sha256 alone');
      const keys = keysOf(proof.keys);
      const rekorKeys = proof.transparency === 'none' ? ok(undefined) : materialsOf(proof.transparency.logs);
      if (!keys.ok) return keys;
      return rekorKeys.ok
        ? ok({ value: { kind: 'keys', keys: keys.value, rekorKeys: rekorKeys.value }, notes: [] })
        : rekorKeys;
    }
    case 'certificates':
      return certified(proof, signer);
    case 'sigstore':
      return witnessed(proof, signer, now);
    case 'openpgp':
      return lost('OpenPGP signatures are written as policy.json');
    case 'notation':
      return lost('nodes know no notation signatures');
  }
}

function certified(
  { roots, intermediates, validAt }: Extract<ProofRule, { kind: 'certificates' }>,
  signer: SignerRule,
): Result<Expressed<SigstoreRoot>> {
  if (validAt !== 'now' || signer === 'any' || signer.kind !== 'subject') {
    return lost('nodes compare the subject of a certificate that is valid at the moment');
  }
  const email = exactly(signer.email);
  const hostname = exactly(signer.hostname);
  if (!email.ok) return email;
  if (!hostname.ok) return hostname;
  const anchors = authoritiesOf(roots);
  if (!anchors.ok) return anchors;
  const [first, ...rest] = intermediates;
  const between = first === undefined ? ok(undefined) : authoritiesOf([first, ...rest]);
  if (!between.ok) return between;
  return ok({
    value: {
      kind: 'pki',
      roots: anchors.value,
      intermediates: between.value,
      subjectEmail: email.value,
      subjectHostname: hostname.value,
    },
    notes: [],
  });
}

type Sigstore = Extract<ProofRule, { kind: 'sigstore' }>;

function witnessed(proof: Sigstore, signer: SignerRule, now: number): Result<Expressed<SigstoreRoot>> {
  const { transparency, time, certificateTransparency } = proof;
  if (certificateTransparency !== 'none') {
    return lost(
      'nodes do not ask for certificate transparency; where that is meant, write certificateTransparency: none',
    );
  }
  if (transparency !== 'none' && transparency.threshold > 1) return lost('nodes ask for one transparency log');
  if (time !== 'none' && time.threshold > 1) return lost('nodes ask for one witness of the time');
  if (time !== 'none' && time.by === 'authorities') return lost('nodes believe no timestamp authorities');
  const root = nodeRootOf(proof.root, now);
  if (!root.ok) return root;
  const [log, ...logs] = root.value.rekorKeys;
  if (log === undefined) return lost('none of the transparency logs holds without an end and signs with ECDSA');
  const rekorKeys = [log, ...logs] as const;
  const notes = [
    ...(root.value.isNarrower
      ? ['logs and authorities whose time ends, or that nodes cannot verify, are left out']
      : []),
    ...(transparency === 'none'
      ? ['nodes take the time from a transparency log, so the signature must be in one']
      : []),
  ];
  if (proof.signer !== 'certificate') {
    if (!['usual', 'sha256'].includes(proof.signer.hash)) return lost('nodes verify signatures of sha256 alone');
    const keys = keysOf(proof.signer.keys);
    return keys.ok ? ok({ value: { kind: 'keys', keys: keys.value, rekorKeys }, notes }) : keys;
  }
  const ca = root.value.fulcio;
  if (ca === undefined) return lost('none of the certificate authorities holds without an end');
  const identity = identityOf(signer);
  if (!identity.ok) return identity;
  return ok({ value: { kind: 'fulcio', ca, ...identity.value, rekorKeys }, notes });
}

function identityOf(signer: SignerRule): Result<{ oidcIssuer: string; subjectEmail: string }> {
  const identities: readonly IdentityRule[] = signer !== 'any' && signer.kind === 'identities' ? signer.anyOf : [];
  const [identity, ...more] = identities;
  if (identity === undefined || more.length > 0) return lost('nodes know one identity for a signature');
  const { issuer, subject } = identity;
  if (issuer === 'any' || subject === 'any' || issuer.kind !== 'exact' || subject.text.kind !== 'exact') {
    return lost('nodes compare the issuer and the address exactly');
  }
  const address = subject.text.text;
  const isAddress = address.includes('@') && !address.includes('/');
  if (subject.of !== 'email' && !(subject.of === 'anyName' && isAddress)) {
    return lost(`nodes know signers by e-mail address, and ${printable(address)} is none`);
  }
  return ok({ oidcIssuer: issuer.text, subjectEmail: address });
}

/** A text that is compared exactly; none where any will do. */
function exactly(rule: TextRule | 'any'): Result<string | undefined> {
  if (rule === 'any') return ok(undefined);
  return rule.kind === 'exact' ? ok(rule.text) : lost('nodes know no patterns');
}

function namesOf(names: NamesRule): Expressed<SignedIdentity> {
  switch (names.kind) {
    case 'unchecked':
      return {
        value: { kind: 'matchRepository' },
        notes: ['nodes always compare the signed name: the repository must be the same'],
      };
    case 'ifNamed': {
      const inner = namesOf(names.rule);
      return { value: inner.value, notes: [...inner.notes, 'nodes refuse signatures without a name'] };
    }
    case 'remapRepository':
      return {
        value: { kind: 'remapIdentity', prefix: names.prefix, signedPrefix: names.signedPrefix },
        notes: ['nodes compare tags too where a name is mapped to another'],
      };
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
    case 'exactReference':
    case 'exactRepository':
    case 'remapIdentity':
      return { value: names, notes: [] };
  }
}

function lost(why: string): Result<never> {
  return failed('POLICY_BROKEN', why);
}

/** Leaves that differ in their keys alone, as the one that takes any of them; undefined where they differ in more. */
export function mergedKeys([first, ...rest]: NonEmpty<Leaf>): Leaf | undefined {
  if (first.proof.kind !== 'keys') return undefined;
  const keys = [...first.proof.keys];
  for (const leaf of rest) {
    if (leaf.proof.kind !== 'keys') return undefined;
    const like: Leaf = { ...leaf, name: first.name, proof: { ...leaf.proof, keys: first.proof.keys } };
    if (JSON.stringify(like) !== JSON.stringify(first)) return undefined;
    keys.push(...leaf.proof.keys);
  }
  const [key, ...more] = keys;
  return key === undefined ? undefined : { ...first, proof: { ...first.proof, keys: [key, ...more] } };
}
