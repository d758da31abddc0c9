import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from '../../../encoding/base64.ts';
import { isTag } from '../../../image/reference.ts';
import { isLabel, isSubdomain } from '../../dns-name.ts';

/**
 * Whether the first component of a scope is a domain name, or `localhost` with or without a port.
 * @see reference/openshift-containers.md §1.3, rule 1
 */
export function scopeNamesRegistry(scope: string): boolean {
  const first = before(scope, '/');
  return first.includes('.') || before(first, ':') === 'localhost';
}

/**
 * Whether a scope that holds an asterisk is one `*.` followed by a domain.
 * @see reference/openshift-containers.md §1.3, rule 2
 */
export function wildcardIsSubdomain(scope: string): boolean {
  if (!scope.includes('*')) return true;
  return scope.startsWith('*.') && scope.slice(2).split('.').every(isLabel);
}

/**
 * Whether a scope without an asterisk is a registry, a namespace, a repository or an image.
 *
 * Read by hand in linear time: the CRD's own pattern is exponential in V8, and namespaces' users write scopes.
 * @see reference/openshift-containers.md §1.3, rule 3
 */
export function scopeIsWellFormed(scope: string): boolean {
  if (scope.includes('*')) return true;
  const at = scope.indexOf('@');
  if (at >= 0 && !isScopeDigest(scope.slice(at + 1))) return false;
  const named = at < 0 ? scope : scope.slice(0, at);

  const slash = named.indexOf('/');
  if (slash < 0) return isRegistryWithTag(named);
  const last = named.lastIndexOf('/') + 1;
  const colon = named.indexOf(':', last);
  if (colon >= 0 && !isTag(named.slice(colon + 1))) return false;
  return isRepository(colon < 0 ? named : named.slice(0, colon));
}

/** Whether the text is a scope by all three rules, and no longer than the CRD lets it be. */
export function isScope(text: string): boolean {
  return text.length <= 512 && scopeNamesRegistry(text) && wildcardIsSubdomain(text) && scopeIsWellFormed(text);
}

/**
 * Whether a repository or prefix of a signedIdentity ends in neither tag nor digest, as the CRD asks it: whatever ends
 * in a colon and something like a tag is refused, `localhost:5000` excepted. So `example.com:5000` alone is refused too.
 * @see reference/openshift-containers.md §1.3, quirk
 */
export function hasNoTag(prefix: string): boolean {
  const colon = prefix.lastIndexOf(':');
  if (colon < 0 || !isTag(prefix.slice(colon + 1))) return true;
  return prefix.slice(0, colon) === 'localhost' && isDigits(prefix.slice(colon + 1));
}

/** Whether the text is a registry, with or without a repository path in lower case. */
export function isRepository(text: string): boolean {
  const [registry = '', ...path] = text.split('/');
  const [host = '', port, more] = registry.split(':');
  return isDomain(host) && more === undefined && (port === undefined || isDigits(port)) && path.every(isPathComponent);
}

/** Whether the text is an e-mail address as the CRD asks it: `^\S+@\S+$`. */
export function isEmail(text: string): boolean {
  for (const space of '\t\n\f\r ') if (text.includes(space)) return false;
  const at = text.indexOf('@', 1);
  return at > 0 && at < text.length - 1;
}

/** Whether the text is a DNS-1123 subdomain, with or without a leading `*.`. */
export function isHostname(text: string): boolean {
  return isSubdomain(text.startsWith('*.') ? text.slice(2) : text);
}

/** What base64 text stands for as text, or undefined where it is no strict base64 or no UTF-8. */
export function decodedText(base64: string): string | undefined {
  const bytes = decodeBase64(base64);
  return bytes.ok && isUtf8(bytes.value) ? Buffer.from(bytes.value).toString('utf8') : undefined;
}

/** Whether the text is base64 as the CRD's `format: byte` asks: strict and not empty. */
export function isBase64(text: string): boolean {
  return text !== '' && decodeBase64(text).ok;
}

/** How often a marker occurs. */
export function occurrences(text: string, marker: string): number {
  return text.split(marker).length - 1;
}

/** `host[:port][:tag]`; a registry with a tag is an oddity that the CRD accepts and no image meets. */
function isRegistryWithTag(text: string): boolean {
  const [host = '', second, third, more] = text.split(':');
  if (!isDomain(host) || more !== undefined) return false;
  if (third !== undefined) return second !== undefined && isDigits(second) && isTag(third);
  return second === undefined || isDigits(second) || isTag(second);
}

/** Two or more labels, or `localhost`. */
function isDomain(host: string): boolean {
  return host === 'localhost' || (host.includes('.') && host.split('.').every(isLabel));
}

/** `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`. */
function isPathComponent(text: string): boolean {
  let separator = 'none';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (isLower(c) || isDigit(c)) separator = '';
    else {
      const next = separator === '-' && c === 0x2d ? '-' : separator + text.charAt(i);
      if (next !== '.' && next !== '_' && next !== '__' && next !== '-') return false;
      separator = next;
    }
  }
  return separator === '';
}

/** `algorithm:hex` with at least 32 digits; the algorithm is made of parts that start with a letter. */
function isScopeDigest(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon < 0 || text.length - colon - 1 < 32) return false;
  if (!everyCode(text.slice(colon + 1), isHexadecimal)) return false;
  let partStarts = true;
  for (let i = 0; i < colon; i++) {
    const c = text.charCodeAt(i);
    const separator = c === 0x2d || c === 0x5f || c === 0x2b || c === 0x2e;
    if (partStarts ? !isLetter(c) : !separator && !isAlphanumeric(c)) return false;
    partStarts = separator;
  }
  return !partStarts;
}

function before(text: string, separator: string): string {
  const at = text.indexOf(separator);
  return at < 0 ? text : text.slice(0, at);
}

function everyCode(text: string, holds: (code: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!holds(text.charCodeAt(i))) return false;
  return true;
}

const isDigits = (text: string): boolean => text !== '' && everyCode(text, isDigit);
const isLower = (c: number): boolean => c >= 0x61 && c <= 0x7a;
const isLetter = (c: number): boolean => isLower(c) || (c >= 0x41 && c <= 0x5a);
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const isAlphanumeric = (c: number): boolean => isLetter(c) || isDigit(c);
const isHexadecimal = (c: number): boolean => isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46);
