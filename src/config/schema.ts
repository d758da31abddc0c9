import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { registriesSchema } from './registries.ts';

const MIB = 1024 * 1024;

const port = z.int().min(0).max(65_535);
const path = z.string().min(1, 'must not be empty');
const mode = z.enum(['audit', 'warn', 'deny']);

/** A duration in seconds, or written as `4.5s`; milliseconds once read. */
const duration = z
  .union([z.number(), z.string()], 'expected seconds, or a duration such as "4.5s"')
  .transform((value, context) => {
    const milliseconds = typeof value === 'number' ? value * 1000 : parseDuration(value);
    if (milliseconds !== undefined && milliseconds >= 0) return milliseconds;
    context.addIssue('expected seconds, or a duration such as "4.5s"');
    return z.NEVER;
  });

const between = (least: number, most: number, words: string) =>
  duration.refine((value) => value >= least && value <= most, `must be ${words}`);

/** The name of an object in the cluster: labels with dots between them. */
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be the name of an object');

/** A serving pair that the replicas make and keep in a Secret. */
const managed = z.strictObject({
  secret: objectName.default('countersign-tls'),
  service: objectName.default('countersign'),
  webhookConfigurations: z.array(objectName).min(1).default(['countersign']),
  /** Further names in the certificate: DNS names, or IPv4 addresses. */
  names: z.array(objectName).default([]),
  /** What webhooks call, by their name, where it is not `/validate`. */
  paths: z
    .record(z.string(), z.string().regex(/^\/validate(\/[a-z0-9]+)*$/, 'must be /validate or below it'))
    .default({})
    .transform((value): ReadonlyMap<string, string> => new Map(Object.entries(value))),
});

/** Where the serving pair comes from. */
const tls = z
  .strictObject({
    certFile: path.optional(),
    keyFile: path.optional(),
    selfSigned: z.literal(true).optional(),
    managed: managed.optional(),
  })
  .transform((value, context) => {
    const { certFile, keyFile, selfSigned, managed } = value;
    const files = certFile !== undefined || keyFile !== undefined;
    if (selfSigned && !files && managed === undefined) return { selfSigned } as const;
    if (managed !== undefined && !files && selfSigned === undefined) return { managed };
    if (!selfSigned && managed === undefined && certFile !== undefined && keyFile !== undefined)
      return { certFile, keyFile };
    context.addIssue('give certFile and keyFile, or selfSigned: true, and not both; or managed alone');
    return z.NEVER;
  });

const policyEntry = z.union(
  [
    path.transform((path) => ({ path })),
    z.strictObject({
      path,
      root: path.optional(),
      namespaced: path.optional(),
      namespaces: z.array(z.string().min(1)).min(1).optional(),
      scopes: z.array(z.string().min(1)).min(1).optional(),
      mode: mode.optional(),
    }),
  ],
  'expected a path, or {path, root, namespaced, namespaces, scopes, mode} with lists that are not empty',
);

const workload = z.strictObject({ group: z.string(), kind: z.string().min(1), path: z.string().min(1) });

/** `localhost,.internal` or a list of the same. */
const noProxy = z
  .union([z.string(), z.array(z.string())], 'expected a list of hosts')
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((host) => host.trim()).filter((host) => host !== ''),
  );

/**
 * The configuration file. Every default stands here and nowhere else; docs/configuration.md says what each key means,
 * and a test holds it to that.
 */
export const configurationSchema = z.strictObject({
  /** Where the webhook listens for HTTPS. */
  listen: z.strictObject({ host: z.string().min(1).default('0.0.0.0'), port: port.default(8443) }).prefault({}),
  /** The serving pair; `serve` needs it, `verify` and `review` do not. */
  tls: tls.optional(),
  /** Where `/healthz`, `/readyz` and `/metrics` are served over plain HTTP. */
  metrics: z.strictObject({ host: z.string().min(1).default('0.0.0.0'), port: port.default(8080) }).prefault({}),
  policies: z.array(policyEntry).default([]),
  /** How the cluster is reached, and as whom. */
  kubernetes: z
    .strictObject({
      watch: z.boolean().default(false),
      kubeconfig: path.optional(),
      namespace: objectName.optional(),
      lease: objectName.default('countersign'),
      /** Secrets that open registries: those of pods, and some of our own namespace for all pods. */
      pullSecrets: z
        .strictObject({ fromPods: z.boolean().default(false), names: z.array(objectName).max(32).default([]) })
        .prefault({}),
    })
    .prefault({}),
  /** Client certificates by which the API server is known, beside the path segment that `tls.managed` keeps. */
  callers: z.strictObject({ caFile: path, names: z.array(z.string().min(1)).min(1) }).optional(),
  mode: mode.default('deny'),
  unmatched: z.enum(['allow', 'warn', 'deny']).default('allow'),
  /** For failures of class `unavailable` alone (MODEL.md M6). */
  onError: z.enum(['deny', 'warn', 'allow']).default('deny'),
  requireDigest: z.enum(['deny', 'warn', 'off']).default('warn'),
  /** Milliseconds for a review whose caller names no `?timeout=`. */
  deadline: between(100, 30_000, 'from 100ms to 30s').default(4500),
  namespaces: z
    .record(z.string(), z.strictObject({ mode }))
    .default({})
    // A map, since an object would answer for `constructor` too.
    .transform(
      (value): ReadonlyMap<string, z.output<typeof mode>> =>
        new Map(Object.entries(value).map(([name, { mode }]) => [name, mode])),
    ),
  workloads: z.array(workload).default([]),
  /** Whether OpenShift policies accept signatures that carry no image name (MODEL.md M10). */
  unnamedSignatures: z.enum(['accept', 'refuse']).default('refuse'),
  /** Which manifests of a multi-platform image OpenShift policies look at (MODEL.md M9). */
  instances: z.enum(['indexOrEvery', 'every']).default('indexOrEvery'),
  /** Whether SHA-1, DSA and RSA keys below 2048 bits count in OpenPGP signatures, as they do for gpg. */
  weakOpenPgp: z.enum(['refuse', 'accept']).default('refuse'),
  registries: registriesSchema.default({}),
  /** Files of registries.conf, or directories of such. */
  registriesConf: z.array(path).default([]),
  extraCaFile: path.optional(),
  /** Each left-out key is taken from HTTPS_PROXY, HTTP_PROXY or NO_PROXY; an empty text means none. */
  proxy: z
    .strictObject({ https: z.string().optional(), http: z.string().optional(), noProxy: noProxy.optional() })
    .prefault({}),
  /** Bounds of all caches together: entries of each, bytes of what is kept, milliseconds for lists of signatures. */
  cache: z
    .strictObject({
      entries: z.int().min(1).max(10_000_000).default(10_000),
      bytes: z
        .int()
        .min(1)
        .default(32 * MIB),
      ttl: between(0, 86_400_000, 'at most 24h').default(300_000),
    })
    .prefault({}),
  /** `stdout`, or the path of a file that is appended to. */
  audit: z.strictObject({ output: path.default('stdout') }).prefault({}),
  limits: z
    .strictObject({
      bodyBytes: z
        .int()
        .min(1024)
        .max(64 * MIB)
        .default(8 * MIB),
      bytesInFlight: z
        .int()
        .min(1024)
        .default(64 * MIB),
      concurrency: z.int().min(1).max(100_000).default(512),
    })
    .refine((limits) => limits.bytesInFlight >= limits.bodyBytes, {
      path: ['bytesInFlight'],
      error: 'must not be less than limits.bodyBytes',
    })
    .prefault({}),
  drainSeconds: z.number().min(0).max(8).default(8),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});
