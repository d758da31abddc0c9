import { setTimeout as delay } from 'node:timers/promises';

/** Bounds of a registry client. Bytes, counts and milliseconds. */
export type RegistryLimits = {
  readonly manifestBytes: number;
  readonly tokenBytes: number;
  readonly referrers: number;
  readonly referrersPages: number;
  /** Bytes of all pages of one list of referrers together. */
  readonly referrersBytes: number;
  /** Bytes of one detached signature, of all of one run of them, and of the list that a registry serves itself. */
  readonly signatureBytes: number;
  readonly signaturesBytes: number;
  readonly extensionBytes: number;
  readonly redirects: number;
  /** Times that one request is sent again after a 429, 502, 503 or 504 or a cut connection. */
  readonly retries: number;
  /** The longest wait before a retry; a server that asks for more is answered by giving up. */
  readonly retryDelayMs: number;
  /** One request may take this long, whatever its caller allows. */
  readonly requestMs: number;
  readonly concurrency: number;
  readonly concurrencyPerHost: number;
  /** For how long a host without referrers API is not asked for it again; a new API must be seen soon. */
  readonly referrersHintMs: number;
};

/** The limits that hold unless others are given. */
export const DEFAULT_LIMITS: RegistryLimits = {
  manifestBytes: 4 * 1024 * 1024,
  tokenBytes: 64 * 1024,
  referrers: 10_000,
  referrersPages: 50,
  referrersBytes: 8 * 1024 * 1024,
  signatureBytes: 1024 * 1024,
  signaturesBytes: 8 * 1024 * 1024,
  extensionBytes: 4 * 1024 * 1024,
  redirects: 5,
  retries: 2,
  retryDelayMs: 1_000,
  requestMs: 10_000,
  concurrency: 128,
  concurrencyPerHost: 16,
  referrersHintMs: 120_000,
};

/** Time and chance, handed in so that tests need neither. */
export type Clock = {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Waits; an abort ends the wait early and quietly. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random: () => number;
};

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
  random: Math.random,
};
