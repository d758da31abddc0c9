/**
 * Whether Go's `url.ParseRequestURI` reads the text, which is what CEL's `isURL` asks: an absolute URI or an absolute
 * path. By hand, because WHATWG URLs differ (they trim, complete and re-encode).
 * @see reference/openshift-containers.md §1.2, oidcIssuer
 */
export function isRequestUri(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c === 0x7f) return false;
  }
  if (text === '*') return true;

  const scheme = schemeLength(text);
  if (scheme === undefined) return false;
  const query = text.indexOf('?', scheme);
  const rest = text.slice(scheme === 0 ? 0 : scheme + 1, query < 0 ? undefined : query);
  if (!rest.startsWith('/')) return scheme > 0;
  if (scheme === 0 || !rest.startsWith('//')) return hasGoodEscapes(rest);

  const slash = rest.indexOf('/', 2);
  const authority = rest.slice(2, slash < 0 ? undefined : slash);
  return isAuthority(authority) && (slash < 0 || hasGoodEscapes(rest.slice(slash)));
}

/** Where the scheme ends, 0 where there is none, undefined where the text starts with a colon. */
function schemeLength(text: string): number | undefined {
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (isLetter(c)) continue;
    if (c === ':') return i === 0 ? undefined : i;
    if (i === 0 || !(isDigit(c) || c === '+' || c === '-' || c === '.')) return 0;
  }
  return 0;
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf('@');
  if (at >= 0) {
    const user = authority.slice(0, at);
    for (const c of user) if (!isLetter(c) && !isDigit(c) && !"-._:~!$&'()*+,;=%@".includes(c)) return false;
    if (!hasGoodEscapes(user)) return false;
  }
  const host = authority.slice(at + 1);
  if (host.startsWith('[')) {
    const close = host.lastIndexOf(']');
    return close > 0 && isOptionalPort(host.slice(close + 1)) && isHostText(host.slice(1, close));
  }
  const colon = host.lastIndexOf(':');
  return (colon < 0 || isOptionalPort(host.slice(colon))) && isHostText(host);
}

/** What Go lets stand in a host: unreserved characters, sub-delimiters, anything beyond ASCII, escapes of the latter. */
function isHostText(host: string): boolean {
  for (let i = 0; i < host.length; i++) {
    const c = host.charAt(i);
    if (c === '%') {
      // In a host only bytes beyond ASCII may be escaped.
      if (!isEscape(host, i) || Number.parseInt(host.charAt(i + 1), 16) < 8) return false;
      i += 2;
    } else if (c < '\u0080' && !isLetter(c) && !isDigit(c) && !'-_.~!$&\'()*+,;=:[]<>"'.includes(c)) return false;
  }
  return true;
}

function isOptionalPort(text: string): boolean {
  if (text === '') return true;
  if (!text.startsWith(':')) return false;
  for (const c of text.slice(1)) if (!isDigit(c)) return false;
  return true;
}

function hasGoodEscapes(text: string): boolean {
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i + 1)) if (!isEscape(text, i)) return false;
  return true;
}

function isEscape(text: string, at: number): boolean {
  return isHexadecimal(text.charAt(at + 1)) && isHexadecimal(text.charAt(at + 2));
}

const isLetter = (c: string): boolean => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
const isDigit = (c: string): boolean => c >= '0' && c <= '9' && c.length === 1;
const isHexadecimal = (c: string): boolean =>
  c.length === 1 && (isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
