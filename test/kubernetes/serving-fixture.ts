import { X509Certificate } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import type { JsonObject } from '../../src/encoding/strict-json.ts';
import { createApiClient } from '../../src/kubernetes/api.ts';
import { keepServingCertificate, type ManagedCertificate } from '../../src/kubernetes/serving-certificate.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { type Manifest, startTestApiServer, type TestApiServer } from './api-server.ts';
import { createTestClock, type TestClock } from './test-clock.ts';

export const SECRETS = '/api/v1/namespaces/guard/secrets';
export const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
export const HOST = 'countersign.guard.svc';
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

/** A replica, and whether it leads. */
export type Replica = ManagedCertificate & { leads: boolean };

/** A webhook of a configuration as the chart writes it. */
export function webhook(name: string, clientConfig: object = { service: { namespace: 'guard', name: 'countersign' } }) {
  return { name, clientConfig, failurePolicy: 'Fail', sideEffects: 'None', admissionReviewVersions: ['v1'] };
}

/** The configuration that the chart makes. */
export function configuration(...webhooks: readonly object[]): Manifest {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'countersign', labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
    webhooks: webhooks.length === 0 ? [webhook('images.countersign.dev')] : webhooks,
  };
}

/** A cluster in which replicas keep a serving certificate, with a clock that goes when the test says so. */
export type ServingWorld = {
  readonly server: TestApiServer;
  readonly clock: TestClock;
  /** Every line of the log, as it would be written. */
  readonly log: readonly string[];
  readonly start: (leads: boolean) => Replica;
  /** Lets time go by slowly until something is so. */
  readonly until: (check: () => void) => Promise<void>;
  /** Lets so much time go by, and what comes of it happen. */
  readonly pass: (milliseconds: number) => Promise<void>;
  readonly secret: () => Manifest | undefined;
  /** A value of the Secret as text. */
  readonly held: (key: string) => string | undefined;
  readonly hooks: () => readonly Hooked[];
  readonly writes: (path: string) => number;
};

/** What a webhook says. */
export type Hooked = { readonly caBundle: string; readonly path: string | undefined; readonly url: string | undefined };

/** Opens a cluster with the chart's configuration in it, unless told otherwise. */
export async function servingWorld(manifest: Manifest = configuration()): Promise<ServingWorld> {
  const server = await startTestApiServer();
  onTestFinished(server.close);
  const clock = createTestClock();
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line) => void log.push(line) });
  server.put(WEBHOOKS, manifest);

  const stored = async (path: string): Promise<Manifest | undefined> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    if (!response.ok) return undefined;
    const manifest: Manifest = JSON.parse(await response.text());
    return manifest;
  };
  let secret: Manifest | undefined;
  let webhooks: Manifest | undefined;
  const look = async () => {
    secret = await stored(`${SECRETS}/countersign-tls`);
    webhooks = await stored(`${WEBHOOKS}/countersign`);
  };
  const until = async (check: () => void) => {
    await vi.waitFor(
      async () => {
        clock.pass(50);
        await look().catch(() => undefined);
        check();
      },
      { timeout: 8000, interval: 2 },
    );
  };

  return {
    server,
    clock,
    log,
    start: (leads) => {
      const api = createApiClient(server.cluster, clock);
      const standing = { leads };
      const certificate = keepServingCertificate({
        api,
        namespace: 'guard',
        secret: 'countersign-tls',
        names: [HOST, `${HOST}.cluster.local`],
        configurations: ['countersign'],
        paths: new Map([['deny.countersign.dev', '/validate/deny']]),
        leads: () => standing.leads,
        logger,
        clock,
        random: () => 0.5,
      });
      onTestFinished(async () => {
        await certificate.close();
        await api.close();
      });
      return Object.defineProperty({ ...certificate, leads }, 'leads', {
        get: () => standing.leads,
        set: (value: boolean) => {
          standing.leads = value;
        },
      });
    },
    until,
    pass: async (milliseconds) => {
      clock.pass(milliseconds);
      // Whatever is due happens now, in requests that take their time.
      for (let i = 0; i < 20; i += 1) {
        await wait(1);
        clock.pass(50);
      }
      await look().catch(() => undefined);
    },
    secret: () => secret,
    held: (key) => textAt(secret, key),
    hooks: () => hooksOf(webhooks),
    writes: (path) => server.log.filter((line) => /^(create|update|patch) /.test(line) && line.includes(path)).length,
  };
}

/** The data of a Secret as it stands there, in base64. */
export function dataOf(secret: Manifest | undefined): Readonly<Record<string, string>> {
  const data: unknown = secret?.['data'];
  const entries: readonly (readonly [string, unknown])[] =
    typeof data === 'object' && data !== null ? Object.entries(data) : [];
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

function textAt(secret: Manifest | undefined, key: string): string | undefined {
  const value = dataOf(secret)[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

function hooksOf(manifest: Manifest | undefined): readonly Hooked[] {
  const webhooks: unknown = manifest?.['webhooks'];
  return (Array.isArray(webhooks) ? webhooks : []).map(
    ({ clientConfig }: { clientConfig: { caBundle?: string; url?: string; service?: { path?: string } } }) => ({
      caBundle: Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
      path: clientConfig.service?.path,
      url: clientConfig.url,
    }),
  );
}

/** The certificates of a bundle. */
export function certificatesIn(bundle: string): readonly X509Certificate[] {
  const BEGIN = '-----BEGIN CERTIFICATE-----';
  return bundle
    .split(BEGIN)
    .slice(1)
    .map((block) => new X509Certificate(`${BEGIN}${block}`));
}

/** Whether a webhook could verify what a replica serves, at a moment. */
export function verifies(bundle: string, replica: ManagedCertificate, now: number): boolean {
  const pair = replica.current();
  if (pair === undefined) return false;
  const leaf = new X509Certificate(pair.certificatePem);
  const holds = ({ validFromDate, validToDate }: X509Certificate) =>
    validFromDate.getTime() <= now && now < validToDate.getTime();
  return (
    holds(leaf) &&
    leaf.checkHost(HOST) !== undefined &&
    certificatesIn(bundle).some((ca) => holds(ca) && leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  );
}

/** The JSON of a Secret's data. */
export const encoded = (data: Readonly<Record<string, string>>): JsonObject =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
