import { Agent } from 'node:https';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CredentialsFor } from '../../src/admission/pull-secrets.ts';
import { workloadKinds } from '../../src/admission/workloads.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { ok } from '../../src/codes/result.ts';
import { NO_CREDENTIALS } from '../../src/config/credentials.ts';
import { isSegment } from '../../src/server/callers.ts';
import type { Answer } from '../../src/server/create-server.ts';
import { type StartOptions } from '../../src/server/start.ts';
import { createValidate } from '../../src/server/validate.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { container, pod, review } from '../admission/fixture.ts';
import { authority, extendedUsage, type Issued, issue, SERVER_AUTH, usage } from '../fixtures/certificates.ts';
import { ask, echo, type Got, send, started } from './fixture.ts';

const OLD = '4f'.repeat(24);
const NEW = 'a7'.repeat(24);

/** Whether an answer came, and with which rights. */
const seen = ({ status, text }: Got): unknown => (status === 200 ? JSON.parse(text).authenticated : status);

async function server(segments: () => readonly string[], more: Partial<StartOptions> = {}) {
  return started({ callers: { segments, certificates: undefined }, ...more });
}

describe('whoever calls below the secret segment is the API server', () => {
  it('and whoever calls without one is not', async () => {
    const webhook = await server(() => [OLD]);
    expect(seen(await send(webhook, `/validate/${OLD}`))).toBe(true);
    expect(seen(await send(webhook, '/validate'))).toBe(false);
    const query = await send(webhook, `/validate/${OLD}?mode=deny&timeout=3s`);
    expect(JSON.parse(query.text)).toMatchObject({ authenticated: true, tighten: 'deny' });
  });

  it('a wrong one is answered as any path at which there is nothing, and not with fewer rights', async () => {
    const webhook = await server(() => [OLD]);
    const nothing = await send(webhook, '/elsewhere');
    expect(nothing.status).toBe(404);
    for (const wrong of [
      NEW,
      OLD.slice(0, -1),
      `${OLD}0`,
      OLD.toUpperCase(),
      `${OLD}/`,
      `/${OLD}`,
      `${OLD}/more`,
      `${OLD}%00`,
      '%20',
      '',
      '..%2f',
      'constructor',
      '*',
      ':segment',
      'a'.repeat(101),
      'a'.repeat(5_000),
    ]) {
      const got = await send(webhook, `/validate/${wrong}`);
      expect({ wrong, status: got.status, text: got.text }).toEqual({ wrong, status: 404, text: nothing.text });
    }
    expect((await send(webhook, `/validate/${OLD}`, { method: 'GET' })).status).toBe(404);
  });

  it('a wrong one is refused before anything of its body is read', async () => {
    const webhook = await server(() => [OLD]);
    const got = await send(webhook, `/validate/${NEW}`, { body: 'no json', headers: { 'content-type': 'text/plain' } });
    expect(got.status).toBe(404);
  });

  it('the old and the new one hold while they change, and then the new one alone', async () => {
    let segments = [OLD];
    const webhook = await server(() => segments);
    const both = async () => [
      seen(await send(webhook, `/validate/${OLD}`)),
      seen(await send(webhook, `/validate/${NEW}`)),
    ];
    expect(await both()).toEqual([true, 404]);
    segments = [OLD, NEW];
    expect(await both()).toEqual([true, true]);
    segments = [NEW];
    expect(await both()).toEqual([404, true]);
    segments = [];
    expect(await both()).toEqual([404, 404]);
  });

  it('below each path, of which one may stand below another', async () => {
    const routes = { '/validate': echo, '/validate/deny': echo };
    const webhook = await server(() => [OLD], { routes });
    const came = async (path: string) => seen(await send(webhook, path));
    expect(await came('/validate/deny')).toBe(false);
    expect(await came(`/validate/deny/${OLD}`)).toBe(true);
    expect(await came(`/validate/deny/${NEW}`)).toBe(404);
    expect(await came(`/validate/${OLD}/deny`)).toBe(404);
    expect(await came(`/validate/${OLD}`)).toBe(true);
  });

  it('an empty one is none, whoever configured it', async () => {
    const webhook = await server(() => ['', ' ']);
    for (const path of ['/validate/', '/validate//']) expect((await send(webhook, path)).status).toBe(404);
    expect(isSegment('', [''])).toBe(false);
    expect(isSegment('x', ['', 'x'])).toBe(true);
  });

  it('nobody is, where the server knows none', async () => {
    const webhook = await started();
    expect(seen(await send(webhook, '/validate'))).toBe(false);
    expect(seen(await send(webhook, `/validate/${OLD}`))).toBe(404);
    expect(seen(await send(webhook, '/validate/undefined'))).toBe(404);
  });

  it('that pull secrets do not count for strangers is said once, and only where they would count otherwise', async () => {
    const said = async (credentialsFor: CredentialsFor | undefined) => {
      const lines: string[] = [];
      const validate = createValidate({
        verifier: { decide: () => Promise.reject(new Error('not asked')) },
        workloads: workloadKinds(),
        serverMode: 'deny',
        namespaceModes: new Map(),
        readsBeyondImages: () => false,
        credentialsFor,
        sink: { write: () => Promise.resolve() },
        writer: { instance: 'test', version: '0' },
        metrics: { review: () => undefined, seconds: () => undefined, imageOutcome: () => undefined },
        logger: createLogger('warn', { write: (line) => lines.push(line) }),
      });
      const webhook = await server(() => [OLD], { routes: { '/validate': validate } });
      const body = JSON.stringify(review({ apiVersion: 'v1', kind: 'ConfigMap' }));
      const count = () => lines.filter((line) => line.includes('not known to be the API server')).length;
      const counts: number[] = [];
      for (const path of [`/validate/${OLD}`, '/validate', '/validate']) {
        expect((await send(webhook, path, { body })).status).toBe(200);
        counts.push(count());
      }
      return counts;
    };
    expect(await said(() => Promise.resolve(ok(NO_CREDENTIALS)))).toEqual([0, 1, 1]);
    expect(await said(undefined)).toEqual([0, 0, 0]);
  });

  it('it stands in no log line, metric or record, whatever goes wrong', async () => {
    const lines: string[] = [];
    const logger = createLogger('debug', { write: (line) => lines.push(line) });
    const records: AuditRecord[] = [];
    let fail = false;
    const validate = createValidate({
      verifier: {
        decide: () => {
          throw new Error('a defect');
        },
      },
      workloads: workloadKinds(),
      serverMode: 'deny',
      namespaceModes: new Map(),
      readsBeyondImages: () => false,
      sink: {
        write: (record) => {
          records.push(record);
          return Promise.resolve();
        },
      },
      writer: { instance: 'test', version: '0' },
      metrics: { review: () => undefined, seconds: () => undefined, imageOutcome: () => undefined },
      logger,
    });
    const answer: Answer = (body, options) => {
      if (fail) throw new Error('another defect');
      return validate(body, options);
    };
    const limits = { bodyBytes: 2_000, bytesInFlight: 4_000, concurrency: 4 };
    const webhook = await server(() => [OLD], { routes: { '/validate': answer }, logger, limits });
    const body = JSON.stringify(review(pod({ containers: [container('a.test/b:1')] })));
    const path = `/validate/${OLD}`;
    const answers = [
      await send(webhook, path, { body }),
      await send(webhook, path, { body: '{"kind":"Nothing"}' }),
      await send(webhook, path, { body: 'no json' }),
      await send(webhook, path, { body, headers: { 'content-type': 'text/plain' } }),
      await send(webhook, path, { body: ' '.repeat(3_000) }),
      await send(webhook, `${path}?timeout=%zz&mode=%`, { body }),
      await send(webhook, path, { method: 'PUT', body }),
    ];
    fail = true;
    answers.push(await send(webhook, path, { body }));
    answers.push(await send(webhook, `${path}%zz`, { body }), await send(webhook, `${path}${OLD}${OLD}`, { body }));
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 415, 413, 200, 404, 200, 400, 404]);
    expect(records.length).toBeGreaterThan(0);
    expect(lines.join('')).toContain('defect');
    const told = [...answers.map(({ text, headers }) => text + JSON.stringify(headers)), ...lines];
    told.push(JSON.stringify(records), (await ask(webhook, '/metrics')).text);
    expect(told.join('\n')).not.toContain(OLD);
  });
});

describe('whoever presents a certificate of the API server', () => {
  const now = Date.now();
  const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
  const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const root = issue('self', { ...times, subject: 'front CA', extensions: [authority(), usage(5, 6)] });
  const stranger = issue('self', { ...times, subject: 'front CA', extensions: [authority(), usage(5, 6)] });
  const elsewhere = issue('self', { ...times, subject: 'other CA', extensions: [authority(), usage(5, 6)] });
  const client = (issuer: Issued, subject: string, oid = CLIENT_AUTH, more: object = {}) =>
    issue(issuer, { ...times, subject, extensions: [usage(0), extendedUsage(oid)], ...more });

  const webhook = () =>
    started({
      callers: { segments: () => [OLD], certificates: { caPem: root.pem, names: ['kube-apiserver', 'other'] } },
    });

  const as = (caPem: string, issued?: Issued, keepAlive = true): Agent => {
    const key = issued?.keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const agent = new Agent({ keepAlive, ca: caPem, ...(issued && { cert: issued.pem, key }) });
    onTestFinished(() => agent.destroy());
    return agent;
  };

  it.each([true, false])(
    'is known by it on every request, in new and resumed sessions (kept alive: %s)',
    async (keepAlive) => {
      const running = await webhook();
      const agent = as(running.caPem, client(root, 'kube-apiserver'), keepAlive);
      for (let n = 0; n < 4; n++) expect(seen(await send(running, '/validate', { agent }))).toBe(true);
    },
  );

  it.each([
    ['no certificate', undefined],
    ['one of another CA', client(elsewhere, 'kube-apiserver')],
    ['one that signed itself', issue('self', { ...times, subject: 'kube-apiserver' })],
    ['one of a node', client(root, 'system:node:one')],
    ['one whose name only begins alike', client(root, 'kube-apiserver.evil')],
    ['one for servers', client(root, 'kube-apiserver', SERVER_AUTH)],
    ['one that is out of date', client(root, 'kube-apiserver', CLIENT_AUTH, { notAfter: now - 1_000 })],
    ['one that does not hold yet', client(root, 'kube-apiserver', CLIENT_AUTH, { notBefore: now + 600_000 })],
  ])('and whoever presents %s is a stranger, who is answered all the same', async (_, issued) => {
    const running = await webhook();
    const agent = as(running.caPem, issued);
    expect(seen(await send(running, '/validate', { agent }))).toBe(false);
    // The segment is another proof of its own.
    expect(seen(await send(running, `/validate/${OLD}`, { agent }))).toBe(true);
    expect(seen(await send(running, `/validate/${NEW}`, { agent }))).toBe(404);
  });

  it('and whoever presents one of another CA of the same name is none, though OpenSSL may cut the connection', async () => {
    const running = await webhook();
    const agent = as(running.caPem, client(stranger, 'kube-apiserver'));
    const came = await send(running, '/validate', { agent }).then(seen, () => 'cut');
    expect([false, 'cut']).toContain(came);
    // Nobody else is cut off with it.
    expect(seen(await send(running, '/validate'))).toBe(false);
  });

  it('is not believed where the server was given no CA for it', async () => {
    const running = await server(() => []);
    const agent = as(running.caPem, client(root, 'kube-apiserver'));
    expect(seen(await send(running, '/validate', { agent }))).toBe(false);
  });
});
