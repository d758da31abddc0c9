/** A kind of objects by the names of its URL, in one namespace or in all. */
export type Resource = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** In lower case, as URLs have it: `configmaps`. */
  readonly plural: string;
  /** Undefined for objects that are in none, and to look through all. */
  readonly namespace?: string;
};

/** One object, or one part of it that has a URL of its own. */
export type Target = Resource & { readonly name: string; readonly subresource?: 'status' };

/** The path of a resource's collection, of one object or of its sub-resource. Each part is one segment, whatever is in it. */
export function pathOf(of: Resource | Target): string {
  const root = of.group === '' ? `/api/${segment(of.version)}` : `/apis/${segment(of.group)}/${segment(of.version)}`;
  const namespace = of.namespace === undefined ? '' : `/namespaces/${segment(of.namespace)}`;
  const name = 'name' in of ? `/${segment(of.name)}` : '';
  const subresource = 'subresource' in of ? `/${of.subresource}` : '';
  return `${root}${namespace}/${segment(of.plural)}${name}${subresource}`;
}

/** How messages name a resource: `imagepolicies.config.openshift.io`, with its namespace if there is one. */
export function shownResource(of: Resource | Target): string {
  const kind = of.group === '' ? of.plural : `${of.plural}.${of.group}`;
  const name = 'name' in of ? ` ${of.name}` : '';
  return of.namespace === undefined ? `${kind}${name}` : `${kind}${name} in namespace ${of.namespace}`;
}

/**
 * Whether a text can be the name of an object: a DNS subdomain (RFC 1123) of at most 253 characters. What cannot, is
 * not asked for: no object has that name, and `..` would be another path.
 */
export function isObjectName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9.-]+$/.test(text) && text.split('.').every(isLabel);
}

const isLabel = (text: string): boolean => text !== '' && !text.startsWith('-') && !text.endsWith('-');

// A dot segment is the one thing that encoding leaves as it is and that URLs resolve.
const segment = (text: string): string =>
  text === '.' || text === '..' ? text.replaceAll('.', '%2e') : encodeURIComponent(text);
