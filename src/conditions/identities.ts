import { isIP } from 'node:net';
import { printable } from '../encoding/escape.ts';
import type { CertificateIdentity, SubjectName } from '../model/finding.ts';
import type { IdentityRule, SignerRule, SubjectRule, TextRule } from '../model/requirement.ts';
import { compilePattern } from './patterns.ts';

/** A rule about names that an authority vouches for. */
type NamesOfSigner = Exclude<SignerRule, { kind: 'distinguishedNames' }>;

/** Whether a signer is one that a policy names. */
export type SignerMatch =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly code: 'IDENTITY_MISMATCH'; readonly message: string }
  | { readonly kind: 'undecided'; readonly code: 'POLICY_BROKEN'; readonly message: string };

/**
 * Compares the identity of a signer with what a policy asks for. A bare key has none and meets no rule about identities;
 * a certificate under a rule that names nobody is nobody's that the policy trusts.
 * @param identity vouched for by a trusted authority, and yet in texts that its holder may have chosen
 * @see reference/openshift-containers.md §4
 */
export function matchIdentity(rule: NamesOfSigner, identity: CertificateIdentity | 'none'): SignerMatch {
  if (rule === 'any') return identity === 'none' ? ACCEPTED : nobody('it trusts an authority and names nobody');
  if (asksForNothing(rule)) return nobody('it names nobody whose certificate it would trust');
  const wrong = wrongPattern(rule);
  if (wrong !== undefined) return nobody(wrong);
  if (identity === 'none') return refused('the signature was made with a bare key, and the policy names an identity');
  if (rule.kind === 'subject') return matchSubject(rule, identity);
  return rule.anyOf.some((wanted) => matchesIdentity(wanted, identity))
    ? ACCEPTED
    : refused(
        `the certificate belongs to ${shown(identity)}, and the policy wants ${rule.anyOf.map(wantedIdentity).join(' or ')}`,
      );
}

/** Asks for one issuer and one name, letter for letter, of whatever kind the name is (cosign's rule). */
export function exactIdentity(issuer: string, subject: string): SignerRule {
  const exactly = (text: string) => ({ kind: 'exact', text }) as const;
  return {
    kind: 'identities',
    anyOf: [{ issuer: exactly(issuer), subject: { of: 'anyName', text: exactly(subject) } }],
  };
}

const ACCEPTED: SignerMatch = { kind: 'accepted' };

type Named = Exclude<NamesOfSigner, 'any'>;

/** Nothing to check must not read as checked (MODEL.md §3.3). */
function asksForNothing(rule: Named): boolean {
  if (rule.kind === 'subject') return rule.email === 'any' && rule.hostname === 'any';
  return rule.anyOf.length === 0 || rule.anyOf.some(({ issuer, subject }) => issuer === 'any' && subject === 'any');
}

/** Compilers of policies refuse such patterns; one that comes this far all the same names nobody. */
function wrongPattern(rule: Named): string | undefined {
  const texts =
    rule.kind === 'subject'
      ? [rule.email, rule.hostname]
      : rule.anyOf.flatMap(({ issuer, subject }) => [issuer, subject === 'any' ? subject : subject.text]);
  for (const text of texts) {
    if (text === 'any' || text.kind === 'exact') continue;
    const compiled = compilePattern(text);
    if (!compiled.ok) return compiled.failure.message;
  }
  return undefined;
}

function matchesIdentity({ issuer, subject }: IdentityRule, identity: CertificateIdentity): boolean {
  if (issuer !== 'any' && (identity.issuer === undefined || !matchesText(issuer, identity.issuer))) return false;
  return subject === 'any' || identity.names.some((name) => matchesName(subject, name));
}

function matchesName({ of, text }: SubjectRule, name: SubjectName): boolean {
  const own = nameText(name);
  return own !== undefined && (of === 'anyName' || of === name.kind) && matchesText(text, own);
}

/** What Fulcio writes the names of users in who have no address (fulcio, docs/oid-info.md). */
const FULCIO_USER_NAME = '1.3.6.1.4.1.57264.1.7';

/** What is compared of a name. Other kinds of otherName say other things, which nobody vouched for as the name of a signer. */
function nameText(name: SubjectName): string | undefined {
  if (name.kind === 'unread' || name.kind === 'ip') return undefined;
  return name.kind === 'otherName' && name.oid !== FULCIO_USER_NAME ? undefined : name.text;
}

/** An empty name is nobody's, whatever rule or pattern it would meet: tools write one where they have none to write. */
function matchesText(rule: TextRule, text: string): boolean {
  if (text === '') return false;
  if (rule.kind === 'exact') return rule.text === text;
  const compiled = compilePattern(rule);
  return compiled.ok && compiled.value.matches(text);
}

function matchSubject(rule: Extract<Named, { kind: 'subject' }>, identity: CertificateIdentity): SignerMatch {
  const { email, hostname } = rule;
  if (email !== 'any' && !identity.names.some((name) => name.kind === 'email' && matchesText(email, name.text)))
    return refused(`the certificate belongs to ${shown(identity)}, and the policy wants the address ${wanted(email)}`);
  if (hostname !== 'any' && !isForNamedHost(hostname, identity.names))
    return refused(`the certificate belongs to ${shown(identity)}, and the policy wants the host ${wanted(hostname)}`);
  return ACCEPTED;
}

/** A pattern is compared with DNS names as they are written, a wildcard among them being a text like any other. */
function isForNamedHost(rule: TextRule, names: readonly SubjectName[]): boolean {
  if (rule.kind === 'exact') return isForHost(names, rule.text);
  return names.some((name) => name.kind === 'dns' && matchesText(rule, name.text));
}

/**
 * Whether a certificate is for a host, as Go's `VerifyHostname` says: a wildcard in the certificate stands for exactly one
 * label, and a host that is none (as `*.example.com`) matches only a name that is written alike.
 * @see https://pkg.go.dev/crypto/x509#Certificate.VerifyHostname
 */
export function isForHost(names: readonly SubjectName[], host: string): boolean {
  if (isIP(host) === 4) {
    const bytes = Buffer.from(host.split('.').map(Number)).toString('hex');
    return names.some((name) => name.kind === 'ip' && name.text === bytes);
  }
  const wanted = lowerCase(host);
  const isHost = isHostname(wanted, 'host');
  return names.some((name) => {
    if (name.kind !== 'dns') return false;
    const pattern = lowerCase(name.text);
    return isHost && isHostname(pattern, 'pattern') ? coversHost(pattern, wanted) : isLiteral(pattern, wanted);
  });
}

function isLiteral(pattern: string, host: string): boolean {
  return host !== '' && host !== '.' && pattern === host;
}

function coversHost(pattern: string, host: string): boolean {
  const labels = pattern.split('.');
  const parts = (host.endsWith('.') ? host.slice(0, -1) : host).split('.');
  return (
    labels.length === parts.length &&
    labels.every((label, index) => (index === 0 && label === '*') || label === parts[index])
  );
}

function isHostname(text: string, as: 'host' | 'pattern'): boolean {
  const name = as === 'host' && text.endsWith('.') ? text.slice(0, -1) : text;
  // A wildcard alone would stand for every name of one label.
  if (name === '' || name === '*') return false;
  return name
    .split('.')
    .every(
      (label, index) => (as === 'pattern' && index === 0 && label === '*') || /^[a-z0-9_][a-z0-9_-]*$/.test(label),
    );
}

/** ASCII letters only: a dotted capital I in one place must not become another name. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const SHOWN = 5;

function shown({ issuer, names }: CertificateIdentity): string {
  const compared = names.map(nameText).filter((text) => text !== undefined);
  const texts = compared.map((text) => `"${printable(text)}"`);
  const more = texts.length > SHOWN ? ` and ${texts.length - SHOWN} more` : '';
  const who = texts.length === 0 ? 'nobody by name' : `${texts.slice(0, SHOWN).join(', ')}${more}`;
  return issuer === undefined ? who : `${who} by the issuer "${printable(issuer)}"`;
}

function wantedIdentity({ issuer, subject }: IdentityRule): string {
  const who = subject === 'any' ? 'anybody' : wanted(subject.text);
  if (issuer === 'any') return who;
  return `${who} by ${issuer.kind === 'exact' ? 'the issuer' : 'an issuer that matches'} "${written(issuer)}"`;
}

function wanted(rule: TextRule): string {
  return `${rule.kind === 'exact' ? '' : 'a name that matches '}"${written(rule)}"`;
}

function written(rule: TextRule): string {
  return printable(rule.kind === 'exact' ? rule.text : rule.pattern);
}

function refused(message: string): SignerMatch {
  return { kind: 'refused', code: 'IDENTITY_MISMATCH', message };
}

function nobody(why: string): SignerMatch {
  return { kind: 'undecided', code: 'POLICY_BROKEN', message: `the policy is broken: ${why}` };
}
