import { failed, ok, type Result } from '../codes/result.ts';
import { type Digest, parseDigest } from './digest.ts';

/** A repository by its full name: host with optional port, and path. Docker Hub is `docker.io`, whatever was written. */
export type Repository = {
  readonly host: string;
  readonly path: string;
};

/** An image reference, normalised (distribution reference grammar). */
export type ImageReference = {
  readonly repository: Repository;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
};

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_LEGACY = 'index.docker.io';
const MAX_NAME_LENGTH = 255;
const MAX_TAG_LENGTH = 128;
/** Longest text that can be a reference: name, tag and digest with their separators, and what normalising can cut. */
const MAX_REFERENCE_LENGTH = 600;

/**
 * Reads an image reference as container runtimes do (distribution reference grammar, Docker Hub normalisation), by hand
 * and in linear time: the field's own pattern is exponential in V8 (reference/openshift-containers.md §1.3).
 *
 * The host is lower-cased, since DNS names do not tell case apart and policies must not either. No tag is made up:
 * see {@link effectiveTag}.
 * @param text attacker-controlled
 * @returns REFERENCE_EMPTY, REFERENCE_INVALID, or DIGEST_ALGORITHM_UNSUPPORTED for a digest other than sha256
 */
export function parseReference(text: string): Result<ImageReference> {
  if (text === '') return failed('REFERENCE_EMPTY', 'the image reference is empty');
  if (text.length > MAX_REFERENCE_LENGTH) return invalid(`it is longer than ${MAX_REFERENCE_LENGTH} characters`);

  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
  if (digest !== undefined && !digest.ok) {
    // Only what has the form `algorithm:value` is a digest of another algorithm; all else is no reference at all.
    return isForeignDigest(text.slice(at + 1)) ? digest : invalid('what follows the @ is no digest');
  }

  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/') && !named.endsWith(']');
  const tag = tagged ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !isTag(tag)) return invalid('its tag is not 1 to 128 letters, digits, _, . or -');

  const repository = parseRepository(tagged ? named.slice(0, colon) : named);
  if (!repository.ok) return repository;
  return ok({ repository: repository.value, tag, digest: digest?.value });
}

/**
 * Reads a repository name (a reference without tag and digest) with the same rules.
 * @param name attacker-controlled
 * @returns REFERENCE_EMPTY, REFERENCE_INVALID
 */
export function parseRepository(name: string): Result<Repository> {
  if (name === '') return failed('REFERENCE_EMPTY', 'the image reference has no name');
  if (name.length > MAX_REFERENCE_LENGTH) return invalid(`it is longer than ${MAX_REFERENCE_LENGTH} characters`);
  if (isHexOfDigest(name)) return invalid('64 hexadecimal digits alone are an image id, not a name');

  const { host, path } = splitHost(name);
  if (!isHost(host)) return invalid('its registry host is malformed');
  if (path === '') return invalid('it has no repository path');
  if (!isRepositoryPath(path)) {
    const lower = path.toLowerCase() === path;
    return invalid(lower ? 'its repository path is malformed' : 'its repository path is not in lower case');
  }
  // Runtimes count host and path as they stand after normalisation.
  if (host.length + 1 + path.length > MAX_NAME_LENGTH) return invalid('its name is longer than 255 characters');
  return ok({ host, path });
}

/** The full name of a repository, `host/path`. */
export function repositoryName(repository: Repository): string {
  return `${repository.host}/${repository.path}`;
}

/** The canonical text of a reference: full name, tag and digest where they were given. `parseReference` reads it back. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference.repository)}${tag}${digest}`;
}

/** The tag that a runtime pulls: `latest` where neither tag nor digest was written, none where only a digest was. */
export function effectiveTag(reference: ImageReference): string | undefined {
  return reference.tag === undefined && reference.digest === undefined ? 'latest' : reference.tag;
}

/** Whether the text is a tag (`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`). */
export function isTag(text: string): boolean {
  if (text.length === 0 || text.length > MAX_TAG_LENGTH) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const inner = i > 0 && (c === 0x2e || c === 0x2d);
    if (!isLower(c) && !isUpper(c) && !isDigit(c) && c !== 0x5f && !inner) return false;
  }
  return true;
}

/** Whether the text is a registry host: a DNS name, an IPv4 address or an IPv6 address in brackets, with optional port. */
export function isHost(text: string): boolean {
  if (text.startsWith('[')) return isBracketedHost(text);
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (colon >= 0 && !isPort(text.slice(colon + 1))) return false;
  return name.length <= 253 && name.split('.').every(isHostLabel);
}

/** Whether the text is the path of a repository: components in lower case, joined by slashes. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && text.split('/').every(isPathComponent);
}

/**
 * Splits the host off and fills in Docker Hub's defaults, as `splitDockerDomain` does: the first component is a host
 * if it holds a dot or a colon, is `localhost`, or is not lower case.
 */
function splitHost(name: string): Repository {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHostName =
    first.includes('.') || first.includes(':') || first === 'localhost' || first.toLowerCase() !== first;
  const host = isHostName ? first.toLowerCase() : DOCKER_HUB;
  const path = isHostName ? name.slice(slash + 1) : name;
  if (host !== DOCKER_HUB && host !== DOCKER_HUB_LEGACY) return { host, path };
  return { host: DOCKER_HUB, path: path.includes('/') || path === '' ? path : `library/${path}` };
}

/** `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`. */
function isPathComponent(text: string): boolean {
  let separator = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (isLower(c) || isDigit(c)) {
      separator = '';
      continue;
    }
    const joined = separator + text.charAt(i);
    const isSeparator = joined === '.' || joined === '_' || joined === '__' || (c === 0x2d && !/[._]/.test(separator));
    if (i === 0 || !isSeparator) return false;
    // Any run of dashes is one separator, so one of them stands for all: the loop stays linear.
    separator = c === 0x2d ? '-' : joined;
  }
  return text !== '' && separator === '';
}

function isHostLabel(label: string): boolean {
  if (label === '' || label.startsWith('-') || label.endsWith('-')) return false;
  for (let i = 0; i < label.length; i++) {
    const c = label.charCodeAt(i);
    if (!isLower(c) && !isUpper(c) && !isDigit(c) && c !== 0x2d) return false;
  }
  return true;
}

function isBracketedHost(text: string): boolean {
  const close = text.indexOf(']');
  if (close < 2) return false;
  for (let i = 1; i < close; i++) {
    const c = text.charCodeAt(i);
    if (!isHexadecimal(c) && !isUpperHexadecimal(c) && c !== 0x3a) return false;
  }
  const rest = text.slice(close + 1);
  return rest === '' || (rest.startsWith(':') && isPort(rest.slice(1)));
}

function isPort(text: string): boolean {
  if (text.length === 0 || text.length > 5) return false;
  for (let i = 0; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return false;
  const port = Number(text);
  return port > 0 && port <= 65_535;
}

function isHexOfDigest(text: string): boolean {
  if (text.length !== 64) return false;
  for (let i = 0; i < text.length; i++) if (!isHexadecimal(text.charCodeAt(i))) return false;
  return true;
}

/** `algorithm:hex` with at least 32 digits, as the grammar asks of a digest, for an algorithm that is not sha256. */
function isForeignDigest(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon < 1 || text.length - colon - 1 < 32 || text.startsWith('sha256:')) return false;
  for (let i = 0; i < colon; i++) {
    const c = text.charCodeAt(i);
    const separator = i > 0 && (c === 0x2b || c === 0x2e || c === 0x2d || c === 0x5f);
    if (!isLower(c) && !isUpper(c) && !isDigit(c) && !separator) return false;
  }
  for (let i = colon + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!isHexadecimal(c) && !isUpperHexadecimal(c)) return false;
  }
  return true;
}

const isLower = (c: number): boolean => c >= 0x61 && c <= 0x7a;
const isUpper = (c: number): boolean => c >= 0x41 && c <= 0x5a;
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const isHexadecimal = (c: number): boolean => isDigit(c) || (c >= 0x61 && c <= 0x66);
const isUpperHexadecimal = (c: number): boolean => c >= 0x41 && c <= 0x46;

function invalid(why: string): Result<never> {
  return failed('REFERENCE_INVALID', `the image reference is invalid: ${why}`);
}
