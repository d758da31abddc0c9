import { isUtf8 } from 'node:buffer';

/**
 * Parses a request body as JSON.
 * A key `__proto__` is refused anywhere: to JSON.parse it is a key like any other, and to code that later copies the
 * object it is not. The objects are walked only where the text could hold such a key, which reviews do not.
 * @returns undefined where the bytes are no JSON text in UTF-8, or hold that key
 */
export function parseBody(bytes: Buffer): { readonly value: unknown } | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return mayHoldProtoKey(bytes) && holdsProtoKey(value) ? undefined : { value };
}

/** The key as it is, or with any of its characters escaped: they lie between `\u005f` and `\u0074`. */
function mayHoldProtoKey(bytes: Buffer): boolean {
  return (
    bytes.includes('__proto__') || bytes.includes('\\u005') || bytes.includes('\\u006') || bytes.includes('\\u007')
  );
}

/** Walks with a list of its own: nesting is the sender's choice, and the call stack has an end. */
function holdsProtoKey(root: unknown): boolean {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) return true;
    for (const child of Object.values(value)) open.push(child);
  }
  return false;
}
