import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import type { Json } from '../admission/fixture.ts';
import { expectToMeetSchema } from '../audit/fixture.ts';
import { authority } from '../cli/certificates.ts';
import { filesIn, serving } from '../cli/process.ts';
import type { Fault } from '../fixtures/registry/misbehaving-registry.ts';
import { keyPolicy, postTo, type Recorded, registryFor, runOf } from '../fixtures/webhook.ts';
import { yaml } from '../policy/sources/folder.ts';

const release = createSigner();
const MIB = 1024 * 1024;

/** Each fault of issue 2 with what may be said of it, wherever in a decision it strikes. */
const FAULTS: readonly (readonly [name: string, fault: Fault, codes: RegExp])[] = [
  ['401', { kind: 'status', status: 401 }, /REGISTRY_UNAUTHORISED/],
  ['403', { kind: 'status', status: 403 }, /REGISTRY_UNAUTHORISED/],
  ['404', { kind: 'status', status: 404 }, /IMAGE_NOT_FOUND|UNSIGNED|RESPONSE_MALFORMED/],
  [
    '404 of an unknown name',
    { kind: 'status', status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
    /IMAGE_NOT_FOUND|UNSIGNED|RESPONSE_MALFORMED/,
  ],
  ['429', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }, /REGISTRY_RATE_LIMITED/],
  ['500', { kind: 'status', status: 500 }, /REGISTRY_UNAVAILABLE/],
  ['a reset', { kind: 'reset' }, /REGISTRY_UNREACHABLE/],
  ['a hang', { kind: 'hang' }, /REGISTRY_DEADLINE|DEADLINE_EXCEEDED/],
  ['a truncated body', { kind: 'truncated' }, /RESPONSE_MALFORMED|REGISTRY_UNREACHABLE/],
  ['a body cut in a chunk', { kind: 'truncated-chunked' }, /RESPONSE_MALFORMED|REGISTRY_UNREACHABLE/],
  ['a wrong digest', { kind: 'wrong-bytes' }, /DIGEST_MISMATCH|RESPONSE_MALFORMED|RESPONSE_TOO_LARGE|UNSIGNED/],
  ['an endless body', { kind: 'endless' }, /RESPONSE_TOO_LARGE|RESPONSE_MALFORMED/],
  ['a body that drips', { kind: 'dribble' }, /REGISTRY_DEADLINE|DEADLINE_EXCEEDED|RESPONSE_TOO_LARGE/],
  [
    'an HTML page with 200',
    { kind: 'html' },
    /RESPONSE_MALFORMED|DIGEST_MISMATCH|MEDIA_TYPE_UNSUPPORTED|RESPONSE_TOO_LARGE/,
  ],
  ['another protocol', { kind: 'not-http' }, /RESPONSE_MALFORMED|REGISTRY_UNREACHABLE/],
  [
    'a redirect to itself',
    { kind: 'redirect', to: '/v2/' },
    /REDIRECT_REFUSED|RESPONSE_MALFORMED|IMAGE_NOT_FOUND|DIGEST_MISMATCH|RESPONSE_TOO_LARGE|MEDIA_TYPE/,
  ],
];

/** Where a fault strikes: the tag, the manifest, the signature's manifest, the signature itself, or all of them. */
const PLACES = ['/manifests/v1', '/manifests/sha256:', '.sig', '/blobs/', ''];

/**
 * What is an answer and no fault: 404 for the signatures' tag, or a well-formed manifest without layers under it, since
 * nothing says what a tag must hold. It is believed for up to ten seconds.
 */
const saysThereIsNone = (name: string, on: string): boolean => on === '.sig' && /404|wrong digest/.test(name);

it('a registry that misbehaves in any way is never admitted, and neither the process nor the next request minds', async () => {
  const registry = await registryFor();
  const { caPem, issue } = authority();
  const folder = await filesIn({
    'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: [registry.host], signer: release })),
  });
  const auditFile = join(folder, 'audit.jsonl');
  const { certFile, keyFile } = await issue(folder);
  const { url, metricsUrl, child } = await serving({
    tls: { certFile, keyFile },
    policies: [join(folder, 'policy.yaml')],
    registries: { [registry.host]: { plainHttp: true } },
    audit: { output: auditFile },
  });
  const agent = new Agent({ keepAlive: true, ca: caPem });
  onTestFinished(() => agent.destroy());

  const ask = async (image: string, timeout: string) => {
    const review = runOf([image]);
    const uid = randomUUID();
    const text = JSON.stringify({ ...review, request: { ...(review['request'] as Json), uid } });
    const { status, body } = await postTo(`${url}/validate?timeout=${timeout}`, agent, text);
    expect(status).toBe(200);
    return body['response'] as { readonly allowed: boolean; readonly status?: { code: number; message: string } };
  };
  const memory = async () =>
    Number(/^process_resident_memory_bytes (\S+)$/m.exec(await (await fetch(`${metricsUrl}/metrics`)).text())?.[1]);

  let number = 0;
  const fresh = (): string => {
    number += 1;
    signImage(registry, `app-${number}`, publishImage(registry, `app-${number}`, `app ${number}`), release);
    return `${registry.host}/app-${number}:v1`;
  };
  expect(await ask(fresh(), '5s')).toMatchObject({ allowed: true });
  const before = await memory();

  for (const [name, fault, codes] of FAULTS) {
    for (const on of PLACES) {
      const image = fresh();
      // A body for HEAD there is none of: only what carries one is spoiled so.
      const bodies = ['endless', 'dribble', 'truncated', 'truncated-chunked', 'html', 'wrong-bytes'].includes(
        fault.kind,
      );
      if (bodies && on === '/manifests/v1') continue;
      registry.spoil({ on, fault, ...(bodies ? { method: 'GET' as const } : {}) });
      const answer = await ask(image, '700ms');
      const where = `${name} on ${on === '' ? 'everything' : on}`;
      expect(answer, where).toMatchObject({ allowed: false, status: { code: 403 } });
      const message = answer.status?.message ?? '';
      expect(message, where).toContain(
        `image "${image}" (spec.containers[0].image) refused by ClusterImagePolicy "release": `,
      );
      expect(/\[([A-Z_]+)\]$/.exec(message)?.[1], `${where}: ${message}`).toMatch(codes);
      if (/UNSIGNED/.test(message)) expect(saysThereIsNone(name, on), where).toBe(true);
      registry.behave();
      // The next request is fine: the very image that could not be had, and nothing of the fault was kept.
      const next = saysThereIsNone(name, on) ? fresh() : image;
      expect(await ask(next, '5s'), `after ${where}`).toMatchObject({ allowed: true });
    }
  }

  expect(child.exitCode).toBeNull();
  expect((await memory()) - before).toBeLessThan(120 * MIB);
  const records: Recorded[] = (await readFile(auditFile, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const record of records) expectToMeetSchema(record);
  expect(records.filter(({ decision }) => decision === 'denied').length).toBeGreaterThan(FAULTS.length * 3);
}, 40_000);
