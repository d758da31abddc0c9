/** Whether the text is one label of a DNS name: letters, digits and hyphens, the latter only inside. */
export function isLabel(label: string): boolean {
  if (label === '' || label.startsWith('-') || label.endsWith('-')) return false;
  for (let i = 0; i < label.length; i++) {
    const c = label.charCodeAt(i);
    const isLetter = (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a);
    if (!isLetter && !(c >= 0x30 && c <= 0x39) && c !== 0x2d) return false;
  }
  return true;
}

/** Whether the text is a DNS-1123 subdomain, as names of objects are. */
export function isSubdomain(text: string): boolean {
  return text.length <= 253 && text === text.toLowerCase() && text.split('.').every(isLabel);
}
