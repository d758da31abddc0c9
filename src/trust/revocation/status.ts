/** What is known of one certificate, or of a chain, at the moment of asking. Only `good` lets a signature count. */
export type RevocationStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** Told of each request that somebody waits for; refreshing in the background is nobody's. */
export type OnRevocationRequest = (request: { readonly host: string; readonly purpose: 'ocsp' | 'crl' }) => void;

/** What bounds a question: the caller's patience, and whom to tell of requests. */
export type AskContext = {
  readonly signal: AbortSignal;
  readonly onRequest?: OnRevocationRequest | undefined;
};

/** Bounds on what authorities may send and how long it may take. */
export type RevocationLimits = {
  /** Milliseconds for one OCSP answer, redirects and waiting for a turn included. */
  readonly ocspMs: number;
  readonly ocspBytes: number;
  /** Milliseconds for one list. */
  readonly crlMs: number;
  readonly crlBytes: number;
  /** Bytes of all lists, and of all OCSP answers, that are kept. */
  readonly keptCrlBytes: number;
  readonly keptOcspBytes: number;
};

/**
 * notation's limits (reference/notation-ratify.md §1.11), save that a list may take 8 MiB instead of 32: the largest of
 * authorities that issue for signing code take less than one, and a list is held in memory.
 */
export const REVOCATION_LIMITS: RevocationLimits = {
  ocspMs: 2_000,
  ocspBytes: 20_480,
  crlMs: 5_000,
  crlBytes: 8 * 1024 * 1024,
  keptCrlBytes: 32 * 1024 * 1024,
  keptOcspBytes: 4 * 1024 * 1024,
};

/** How far the clock of an authority may be ahead; milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** Says that nothing can be said, and why. */
export function unknown(message: string): Extract<RevocationStatus, { readonly kind: 'unknown' }> {
  return { kind: 'unknown', message };
}

/** The status with whose it is in its message: the sentences of sources begin behind that. */
export function statusOf(which: string, status: RevocationStatus): RevocationStatus {
  if (status.kind === 'good') return status;
  const { kind, message } = status;
  return kind === 'revoked'
    ? { kind, message: `${which} ${message}` }
    : { kind, message: `whether ${which} is revoked is not known: ${message}` };
}

/**
 * All answers, or the first that says "revoked": it decides by itself, and whoever makes the others wait must not make it
 * wait too. Of time that runs out, `onError` may say that it admits; of a revoked certificate nobody may.
 */
export function untilRevoked<T extends { readonly kind: string }>(asked: readonly Promise<T>[]): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    for (const one of asked) {
      one.then((answer) => {
        if (answer.kind === 'revoked') resolve([answer]);
      }, reject);
    }
    Promise.all(asked).then(resolve, reject);
  });
}
