/** How strictly a refusal is applied: recorded, warned about, or enforced. In this order. */
export type Mode = 'audit' | 'warn' | 'deny';

const ORDER: readonly Mode[] = ['audit', 'warn', 'deny'];

/** Whether the text is a mode. */
export function isMode(text: string): text is Mode {
  return text === 'audit' || text === 'warn' || text === 'deny';
}

/** The stricter of two modes. */
export function stricter(a: Mode, b: Mode): Mode {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}

/** The laxer of two modes. */
function laxer(a: Mode, b: Mode): Mode {
  return ORDER.indexOf(a) <= ORDER.indexOf(b) ? a : b;
}

/**
 * The mode in which a policy is applied: the laxer of its own (default deny) and the stricter of the server's and the
 * namespace's (MODEL.md M15).
 */
export function effectiveMode(policy: Mode | undefined, server: Mode, namespace: Mode | undefined): Mode {
  return laxer(policy ?? 'deny', namespace === undefined ? server : stricter(server, namespace));
}
