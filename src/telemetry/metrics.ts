import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { boundedLabels } from './bounded-labels.ts';
import { type CacheStatistics, registerCacheMetrics } from './cache-metrics.ts';
import { type CertificateProblem, registerCertificateProblems } from './certificate-metrics.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { gaugeOnScrape } from './read-on-scrape.ts';
import { registerTrustedRootMetrics, type TrustedRootDates } from './trusted-root-metrics.ts';
import { registerWatchMetrics, type WatchHealth } from './watch-metrics.ts';

/**
 * What is counted. Names and labels are surface (DESIGN.md §5); no image, digest or user is ever a label, and labels
 * that others can write to are bounded.
 */
export type Metrics = {
  /** Counts one review. */
  readonly review: (labels: { readonly decision: string; readonly mode: string }) => void;
  /** Records how long a decision took. */
  readonly seconds: (seconds: number) => void;
  /** Counts one image's outcome under one policy; `code` is empty where nothing needs explaining. The caller bounds `policy`. */
  readonly imageOutcome: (labels: { readonly outcome: string; readonly policy: string; readonly code: string }) => void;
  /** Counts one request sent to a registry; `kind` is what it was for (`manifest`, `blob`, `token`…). */
  readonly registryRequest: (host: string, kind: string) => void;
  /** Has a cache read when scraped. */
  readonly observeCache: (cache: string, read: () => CacheStatistics) => void;
  /** Says how many policies are in which state (`ready`, `broken`). States left out become 0. */
  readonly policies: (states: Readonly<Record<string, number>>) => void;
  /** Says when the serving certificate expires, in milliseconds since the epoch. */
  readonly certificateExpiry: (at: number) => void;
  /** Has the troubles of a managed serving certificate read when scraped. The metric exists only from the first call on. */
  readonly observeCertificate: (problems: () => readonly { readonly kind: CertificateProblem }[]) => void;
  /** Has the dates of the trusted roots in use read when scraped. What it reads with must not throw. */
  readonly observeTrustedRoots: (read: () => Promise<readonly TrustedRootDates[]>) => void;
  /** Has the health of the cluster's watches read when scraped; called once. */
  readonly observeWatches: (read: () => readonly WatchHealth[]) => void;
  /** Counts a request that was turned away for load: too many reviews, too many bytes, an audit log that cannot keep up, or policies that are not known yet. */
  readonly shed: (reason: 'concurrency' | 'bytes' | 'audit' | 'policies') => void;
  /** Has the reviews being answered, and the body bytes held, read when scraped. */
  readonly observeInFlight: (read: () => { readonly requests: number; readonly bytes: number }) => void;
  /** Writes everything in the Prometheus text format. */
  readonly render: () => Promise<string>;
  /** The content type of `render`. */
  readonly contentType: string;
};

/**
 * Buckets of `countersign_review_seconds`: a warm decision takes a millisecond, a cold one a few round trips, the
 * default deadline is 4.5 s and the longest webhook timeout 30 s.
 */
const REVIEW_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4.5, 10, 30];

/** How many registry hosts are told apart. */
const MAX_HOSTS = 100;

/** Makes a set of metrics of its own; several can live in one process. */
export function createMetrics(clock: () => number = Date.now): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const host = boundedLabels(MAX_HOSTS);

  const reviews = new Counter({
    name: 'countersign_reviews_total',
    help: 'Reviews answered.',
    labelNames: ['decision', 'mode'],
    registers,
  });
  const seconds = new Histogram({
    name: 'countersign_review_seconds',
    help: 'Time that decisions took.',
    buckets: REVIEW_BUCKETS,
    registers,
  });
  const outcomes = new Counter({
    name: 'countersign_image_outcomes_total',
    help: 'What images came to, by policy and reason code.',
    labelNames: ['outcome', 'policy', 'code'],
    registers,
  });
  const requests = new Counter({
    name: 'countersign_registry_requests_total',
    help: 'Requests sent to registries, by what they were for.',
    labelNames: ['host', 'class'],
    registers,
  });
  const policies = new Gauge({
    name: 'countersign_policies',
    help: 'Policies in force, by state.',
    labelNames: ['state'],
    registers,
  });
  const expiry = new Gauge({
    name: 'countersign_certificate_expiry_seconds',
    help: 'When the serving certificate expires, in seconds since the epoch.',
    registers,
  });
  const shed = new Counter({
    name: 'countersign_requests_shed_total',
    help: 'Requests turned away for load.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of ['concurrency', 'bytes', 'audit']) shed.inc({ reason }, 0);

  let inFlight = () => ({ requests: 0, bytes: 0 });
  gaugeOnScrape(registry, 'countersign_reviews_in_flight', 'Reviews being answered.', () => inFlight().requests);
  gaugeOnScrape(
    registry,
    'countersign_request_bytes_in_flight',
    'Body bytes of the requests being read or answered.',
    () => inFlight().bytes,
  );

  const observeCache = registerCacheMetrics(registry);
  registerProcessMetrics(registry);

  return {
    review: (labels) => reviews.inc(labels),
    seconds: (took) => seconds.observe(took),
    imageOutcome: (labels) => outcomes.inc(labels),
    registryRequest: (name, kind) => requests.inc({ host: host(name), class: kind }),
    observeCache,
    policies: (states) => {
      policies.reset();
      for (const [state, count] of Object.entries({ ready: 0, broken: 0, ...states })) policies.set({ state }, count);
    },
    certificateExpiry: (at) => expiry.set(at / 1000),
    observeCertificate: (problems) => registerCertificateProblems(registry, problems),
    observeTrustedRoots: registerTrustedRootMetrics(registry, clock),
    observeWatches: (read) => registerWatchMetrics(registry, read),
    shed: (reason) => shed.inc({ reason }),
    observeInFlight: (read) => {
      inFlight = read;
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
