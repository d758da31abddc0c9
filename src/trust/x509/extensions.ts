import type { SubjectName } from '../../model/finding.ts';
import {
  booleanValue,
  contentOf,
  type DerElement,
  namedBits,
  oidText,
  readElements,
  readSequence,
  smallInteger,
  TAG,
  utf8Text,
} from './der.ts';
import { type NameConstraints, readNameConstraints, readSubjectNames } from './general-names.ts';
import { type Checked, malformed } from './result.ts';

/** What the extensions of a certificate say. */
export type Extensions = {
  /** Numbers of the key usage bits; undefined where the extension is absent. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  readonly keyUsageIsCritical: boolean;
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Whether it binds those too who do not understand it, as timestamp authorities must have it (RFC 3161 §2.3). */
  readonly extendedKeyUsageIsCritical: boolean;
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** Of basic constraints, which say the two above. */
  readonly constraintsAreCritical: boolean;
  readonly names: readonly SubjectName[];
  readonly nameConstraints: NameConstraints | undefined;
  /** Hexadecimal key identifiers. They are hints at the issuer and prove nothing. */
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** The OIDC issuer that Fulcio writes. */
  readonly fulcioIssuer: string | undefined;
  /** Critical extensions that nothing here understands: such a certificate proves nothing (RFC 5280 §4.2). */
  readonly unknownCritical: readonly string[];
  /** Every extension's value by its identifier. */
  readonly values: ReadonlyMap<string, Uint8Array>;
};

/** Bits of the key usage extension (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

/** Extended key usages (RFC 5280 §4.2.1.12). */
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** Signing timestamps (RFC 3161 §2.3). */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
/** Whoever has this may do everything that extended key usages are about. */
export const ANY_USAGE = '2.5.29.37.0';

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  fulcioIssuerV1: '1.3.6.1.4.1.57264.1.1',
  fulcioIssuerV2: '1.3.6.1.4.1.57264.1.8',
} as const;

/**
 * Extensions that may be critical: they are all enforced below, save policies, which restrict nobody who asks for none,
 * and key identifiers.
 */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

/**
 * Reads the extensions of a certificate. One that is there twice is refused: two readers could take different ones.
 * @param bytes the SEQUENCE of extensions; attacker-controlled until the certificate's signature was verified
 * @see RFC 5280 §4.2
 */
export function readExtensions(bytes: Uint8Array | undefined): Checked<Extensions> {
  const values = new Map<string, Uint8Array>();
  const critical = new Set<string>();
  const list = bytes === undefined ? [] : readSequence(bytes);
  if (list === undefined || (bytes !== undefined && list.length === 0))
    return malformed('its extensions cannot be read');
  for (const element of list) {
    const extension = readExtension(element);
    if (extension === undefined) return malformed('one of its extensions cannot be read');
    if (values.has(extension.oid)) return malformed(`the extension ${extension.oid} is there twice`);
    values.set(extension.oid, extension.value);
    if (extension.critical) critical.add(extension.oid);
  }

  const names = read(values, OID.subjectNames, readSubjectNames);
  if (!names.ok) return names;
  const nameConstraints = read(values, OID.nameConstraints, readNameConstraints);
  if (!nameConstraints.ok) return nameConstraints;
  const keyUsage = read(values, OID.keyUsage, readKeyUsage);
  if (!keyUsage.ok) return keyUsage;
  const extendedKeyUsage = read(values, OID.extendedKeyUsage, readExtendedKeyUsage);
  if (!extendedKeyUsage.ok) return extendedKeyUsage;
  const constraints = read(values, OID.basicConstraints, readBasicConstraints);
  if (!constraints.ok) return constraints;
  const subjectKeyId = read(values, OID.subjectKeyId, readSubjectKeyId);
  if (!subjectKeyId.ok) return subjectKeyId;
  const authorityKeyId = read(values, OID.authorityKeyId, readAuthorityKeyId);
  if (!authorityKeyId.ok) return authorityKeyId;
  const fulcioIssuer = readFulcioIssuer(values);
  if (!fulcioIssuer.ok) return fulcioIssuer;

  return {
    ok: true,
    value: {
      keyUsage: keyUsage.value,
      keyUsageIsCritical: critical.has(OID.keyUsage),
      extendedKeyUsage: extendedKeyUsage.value,
      extendedKeyUsageIsCritical: critical.has(OID.extendedKeyUsage),
      isAuthority: constraints.value?.isAuthority ?? false,
      pathLength: constraints.value?.pathLength,
      constraintsAreCritical: critical.has(OID.basicConstraints),
      names: names.value ?? [],
      nameConstraints: nameConstraints.value,
      subjectKeyId: subjectKeyId.value,
      authorityKeyId: authorityKeyId.value?.keyId,
      fulcioIssuer: fulcioIssuer.value,
      unknownCritical: [...critical].filter((oid) => !UNDERSTOOD.has(oid)),
      values,
    },
  };
}

function read<T>(
  values: ReadonlyMap<string, Uint8Array>,
  oid: string,
  reader: (value: Uint8Array) => Checked<T>,
): Checked<T | undefined> {
  const value = values.get(oid);
  return value === undefined ? { ok: true, value: undefined } : reader(value);
}

/** One extension: its identifier, whether it binds those too who do not understand it, and its value; undefined if it is none. */
export function readExtension({
  tag,
  content,
}: DerElement): { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array } | undefined {
  const parts = tag === TAG.sequence ? readElements(content) : undefined;
  const [id, second, third, ...rest] = parts ?? [];
  const oid = id?.tag === TAG.oid ? oidText(id.content) : undefined;
  const octets = third ?? second;
  if (oid === undefined || octets?.tag !== TAG.octetString || rest.length > 0) return undefined;
  if (third === undefined) return { oid, critical: false, value: octets.content };
  const critical = second?.tag === TAG.boolean ? booleanValue(second.content) : undefined;
  return critical === undefined ? undefined : { oid, critical, value: octets.content };
}

function readKeyUsage(value: Uint8Array): Checked<ReadonlySet<number>> {
  const content = contentOf(value, TAG.bitString);
  const bits = content === undefined ? undefined : namedBits(content);
  return bits === undefined ? malformed('its key usage cannot be read') : { ok: true, value: bits };
}

function readExtendedKeyUsage(value: Uint8Array): Checked<readonly string[]> {
  const usages = (readSequence(value) ?? []).map(({ tag, content }) =>
    tag === TAG.oid ? oidText(content) : undefined,
  );
  const known = usages.filter((usage) => usage !== undefined);
  if (known.length === 0 || known.length < usages.length) return malformed('its extended key usage cannot be read');
  return { ok: true, value: known };
}

type BasicConstraints = { readonly isAuthority: boolean; readonly pathLength: number | undefined };

function readBasicConstraints(value: Uint8Array): Checked<BasicConstraints> {
  const unreadable = malformed('its basic constraints cannot be read');
  const parts = readSequence(value);
  if (parts === undefined) return unreadable;
  const [first, second, ...rest] = parts;
  if (first === undefined) return { ok: true, value: { isAuthority: false, pathLength: undefined } };
  const isAuthority = first.tag === TAG.boolean ? booleanValue(first.content) : undefined;
  if (isAuthority === undefined || rest.length > 0) return unreadable;
  if (second === undefined) return { ok: true, value: { isAuthority, pathLength: undefined } };
  const pathLength = second.tag === TAG.integer ? smallInteger(second.content) : undefined;
  return pathLength === undefined || !isAuthority ? unreadable : { ok: true, value: { isAuthority, pathLength } };
}

function readSubjectKeyId(value: Uint8Array): Checked<string> {
  const id = contentOf(value, TAG.octetString);
  if (id === undefined) return malformed('its subject key identifier cannot be read');
  return { ok: true, value: Buffer.from(id).toString('hex') };
}

function readAuthorityKeyId(value: Uint8Array): Checked<{ readonly keyId: string | undefined }> {
  const parts = readSequence(value);
  if (parts === undefined) return malformed('its authority key identifier cannot be read');
  const id = parts.find(({ tag }) => tag === 0x80)?.content;
  return { ok: true, value: { keyId: id === undefined ? undefined : Buffer.from(id).toString('hex') } };
}

/**
 * The OIDC issuer: the first form is the bare text, the second a DER UTF8String. Where both are there they must agree,
 * or somebody who reads the other one would see another issuer (openshift-containers.md §4).
 */
function readFulcioIssuer(values: ReadonlyMap<string, Uint8Array>): Checked<string | undefined> {
  const bare = read(values, OID.fulcioIssuerV1, issuerText);
  if (!bare.ok) return bare;
  const encoded = read(values, OID.fulcioIssuerV2, (value) => {
    const content = contentOf(value, TAG.utf8String);
    return content === undefined ? malformed('its OIDC issuer is no UTF8String') : issuerText(content);
  });
  if (!encoded.ok) return encoded;
  if (bare.value !== undefined && encoded.value !== undefined && bare.value !== encoded.value)
    return malformed('it names two different OIDC issuers');
  return { ok: true, value: encoded.value ?? bare.value };
}

function issuerText(value: Uint8Array): Checked<string> {
  const text = utf8Text(value);
  return text === undefined || text === '' ? malformed('its OIDC issuer cannot be read') : { ok: true, value: text };
}
