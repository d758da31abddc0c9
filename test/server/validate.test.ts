import { describe, expect, it } from 'vitest';
import { workloadKinds } from '../../src/admission/workloads.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { failure } from '../../src/codes/result.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { Mode } from '../../src/model/mode.ts';
import { createValidate, type ValidateOptions } from '../../src/server/validate.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { DecisionRequest } from '../../src/verifier/request.ts';
import { ask, send, started } from './fixture.ts';

const cost = { milliseconds: 1, requests: 0, hits: 0, misses: 0 };
const allow = async ({ mode }: DecisionRequest): Promise<Decision> => ({
  allowed: true,
  mode: mode.server,
  subjects: [],
  warnings: [],
  cost,
});
const never = () => new Promise<never>(() => undefined);

function review(overrides: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '7f0b2891-0000-4000-8000-000000000001',
      operation: 'CREATE',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'apps',
      userInfo: { username: 'jane' },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web' },
        spec: { containers: [{ name: 'a', image: 'ghcr.io/acme/app:1' }] },
      },
      ...overrides,
    },
  });
}

async function webhook(overrides: Partial<ValidateOptions> = {}, mode: Mode = 'deny') {
  const records: AuditRecord[] = [];
  // The metrics that the route counts in are the ones that the port shows.
  let metrics: ValidateOptions['metrics'] | undefined;
  const server = await started({
    routes: {
      '/validate': (body, options) =>
        createValidate({
          verifier: { decide: allow },
          workloads: workloadKinds(),
          serverMode: mode,
          namespaceModes: new Map(),
          readsBeyondImages: () => false,
          sink: {
            write: async (record) => {
              records.push(record);
            },
          },
          writer: { instance: 'test', version: '0' },
          metrics: metrics ?? { review: () => undefined, seconds: () => undefined, imageOutcome: () => undefined },
          logger: silentLogger,
          ...overrides,
        })(body, options),
    },
  });
  metrics = server.metrics;
  return { ...server, records };
}

describe('a review over TLS', () => {
  it('is decided, recorded and counted before it is answered', async () => {
    const server = await webhook();
    const got = await send(server, '/validate?timeout=10s', { body: review() });
    expect(got.status).toBe(200);
    expect(JSON.parse(got.text).response).toMatchObject({ uid: '7f0b2891-0000-4000-8000-000000000001', allowed: true });
    expect(server.records).toMatchObject([
      { decision: 'allowed', mode: 'deny', namespace: 'apps', name: 'web', user: 'jane' },
    ]);
    expect((await ask(server, '/metrics')).text).toContain(
      'countersign_reviews_total{decision="allowed",mode="deny"} 1',
    );
  });

  it('hands the verifier the images and a deadline 400 ms before the timeout', async () => {
    const asked: DecisionRequest[] = [];
    const server = await webhook({
      verifier: {
        decide: (request) => {
          asked.push(request);
          return allow(request);
        },
      },
    });
    const before = Date.now();
    await send(server, '/validate?timeout=10s', { body: review() });
    expect(asked[0]?.images).toEqual([{ path: 'spec.containers[0].image', image: 'ghcr.io/acme/app:1' }]);
    expect(asked[0]?.deadline).toBeGreaterThanOrEqual(before + 9600);
    expect(asked[0]?.deadline).toBeLessThanOrEqual(Date.now() + 9600);
  });

  it('tightens the mode by ?mode= and never loosens it', async () => {
    const audit = await webhook({}, 'audit');
    for (const query of ['', '?mode=deny', '?mode=audit', '?mode=audit&mode=deny', '?mode=DENY', '?mode=warn'])
      await send(audit, `/validate${query}`, { body: review() });
    expect(audit.records.map(({ mode }) => mode)).toEqual(['audit', 'deny', 'audit', 'deny', 'audit', 'warn']);
    const deny = await webhook();
    for (const query of ['?mode=audit', '?mode=warn']) await send(deny, `/validate${query}`, { body: review() });
    expect(deny.records.map(({ mode }) => mode)).toEqual(['deny', 'deny']);
  });

  it('refuses when the verifier throws, and lives on [peers 48]', async () => {
    const server = await webhook({ verifier: { decide: () => Promise.reject(new Error('boom')) } });
    for (let i = 0; i < 2; i++) {
      const { response } = JSON.parse((await send(server, '/validate', { body: review() })).text);
      expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
      expect(response.status.message).toContain('INTERNAL_ERROR');
    }
    expect(server.records).toHaveLength(2);
  });

  it('denies explicitly before the timeout when the verifier hangs [peers 63]', async () => {
    const server = await webhook({ verifier: { decide: never } });
    const before = Date.now();
    const { response } = JSON.parse((await send(server, '/validate?timeout=500ms', { body: review() })).text);
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(Date.now() - before).toBeLessThan(500);
    expect((await ask(server, '/metrics')).text).toContain(
      'countersign_image_outcomes_total{outcome="error",policy="configuration/internal",code="INTERNAL_ERROR"} 1',
    );
  });

  it('lets in what only audits when the verifier hangs [peers 63]', async () => {
    const server = await webhook({ verifier: { decide: never } }, 'audit');
    expect(JSON.parse((await send(server, '/validate?timeout=500ms', { body: review() })).text).response.allowed).toBe(
      true,
    );
  });

  it.each(['blocked', 'broken'])('admits nothing in deny mode while the audit log is %s, and says so', async (how) => {
    const write = how === 'blocked' ? never : () => Promise.reject(new Error('EPIPE'));
    const server = await webhook({ sink: { write } });
    const { response } = JSON.parse((await send(server, '/validate?timeout=500ms', { body: review() })).text);
    expect(response).toMatchObject({
      uid: '7f0b2891-0000-4000-8000-000000000001',
      allowed: false,
      status: { code: 403 },
    });
    expect(response.status.message).toContain('audit log');
  });

  it('keeps a denial a denial while the audit log is blocked', async () => {
    const denied: Decision = {
      allowed: false,
      mode: 'deny',
      subjects: [
        {
          image: 'a',
          path: 'spec.containers[0].image',
          digest: undefined,
          headline: 'error',
          wouldDeny: true,
          advice: [],
          policies: [
            {
              policy: {
                kind: 'ClusterImagePolicy',
                namespace: undefined,
                name: 'p',
                source: 'f',
                generation: undefined,
              },
              scope: 'a',
              mode: 'deny',
              outcome: { kind: 'error', failure: failure('REGISTRY_DEADLINE', 'slow'), findings: [] },
              admission: 'refuse',
              code: 'REGISTRY_DEADLINE',
              reason: 'slow',
            },
          ],
        },
      ],
      warnings: [],
      cost,
    };
    const server = await webhook({ sink: { write: never }, verifier: { decide: async () => denied } });
    const { response } = JSON.parse((await send(server, '/validate?timeout=500ms', { body: review() })).text);
    expect(response.status.message).toContain('REGISTRY_DEADLINE');
  });

  it.each([
    ['null', 400],
    ['[]', 400],
    ['{}', 400],
    ['{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}', 400],
    [review({ uid: 7 }), 400],
    [review({ object: null }), 200],
    [review({ operation: 'UPDATE', object: 'x' }), 200],
    [review({ kind: null }), 200],
  ])('answers a broken review well-formed and lives on [peers 48]: %s', async (body, status) => {
    const server = await webhook();
    const got = await send(server, '/validate', { body });
    expect(got.status).toBe(status);
    const parsed = JSON.parse(got.text);
    if (status === 200)
      expect(parsed.response).toMatchObject({ uid: '7f0b2891-0000-4000-8000-000000000001', allowed: false });
    else expect(parsed).toMatchObject({ kind: 'Status', code: 400 });
    expect(JSON.parse((await send(server, '/validate', { body: review() })).text).response.allowed).toBe(true);
  });
});
