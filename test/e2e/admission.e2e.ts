import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority, issue } from './certificates.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { COSIGN_FORMS, generateKey, sign } from './cosign.ts';
import { startWebhook, type Webhook, writePolicies } from './countersign.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { type PushedImage, pushImage } from './image.ts';
import { type RealRegistry, startReferrersRegistry } from './registries.ts';
import { describeWith } from './tools.ts';

const WEBHOOK = 'validate.countersign.dev';
const form = COSIGN_FORMS.find(({ title }) => title === 'cosign v3, tag');
if (form === undefined) throw new Error('cosign v3 writes tags no more');

describeWith(
  ['etcd', 'kube-apiserver', 'kubectl', 'openssl', 'registry', 'cosign3'],
  'admission by kube-apiserver',
  () => {
    const planeFolder = temporaryFolder();
    const folder = temporaryFolder();
    let plane: ControlPlane;
    let registry: RealRegistry;
    let webhook: Webhook;
    let signed: PushedImage;
    let unsigned: PushedImage;

    beforeAll(async () => {
      plane = await startControlPlane(planeFolder);
      registry = await startReferrersRegistry(folder);
      signed = await pushImage(`${registry.host}/acme/signed`);
      unsigned = await pushImage(`${registry.host}/acme/unsigned`);
      const key = await generateKey(form.tool, folder, 'key');
      await sign(form, folder, key, signed);
      webhook = await registeredWebhook(plane, folder, registry.host, key.publicPem);
    });
    afterAll(async () => {
      await webhook.stop();
      await registry.stop();
      await plane.stop();
      folder.remove();
      planeFolder.remove();
    });

    it('creates a pod whose image is signed', async () => {
      const created = await plane.kubectl(['run', 'signed', `--image=${signed.repository}@${signed.digest}`]);
      expect(created).toMatchObject({ status: 0, stdout: 'pod/signed created\n' });
    });

    it('refuses a pod whose image is not, and kubectl shows our message', async () => {
      const refused = await plane.kubectl(['run', 'unsigned', `--image=${unsigned.reference}`]);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(`admission webhook "${WEBHOOK}" denied the request`);
      expect(refused.stderr).toContain(`image "${unsigned.reference}" (spec.containers[0].image)`);
      expect(refused.stderr).toContain('"release"');
      expect(refused.stderr).toContain('[UNSIGNED]');
      expect(await plane.kubectl(['get', 'pod', 'unsigned'])).toMatchObject({ status: 1 });
    });

    it("leaves its decision in the API server's own audit log", async () => {
      await plane.kubectl(['run', 'noted', `--image=${signed.repository}@${signed.digest}`]);
      const entries = plane
        .auditLog()
        .map((line): { readonly annotations?: Record<string, string> } => JSON.parse(line));
      const decisions = entries.map((entry) => entry.annotations?.[`${WEBHOOK}/decision`]);
      expect(decisions.filter((decision) => decision !== undefined)).not.toHaveLength(0);
      const notes = entries.map((entry) => entry.annotations?.[`${WEBHOOK}/image-0`] ?? '');
      expect(notes.some((note) => note.includes(signed.digest))).toBe(true);
    });
  },
);

/** Starts the webhook for one registry and one key, registers it, and waits until the API server asks it. */
async function registeredWebhook(
  plane: ControlPlane,
  folder: Folder,
  host: string,
  publicPem: string,
): Promise<Webhook> {
  const authority = await createAuthority(folder);
  const webhook = await startWebhook(folder, {
    tls: await issue(folder, authority, 'webhook', '/CN=countersign'),
    policies: [writePolicies(folder, 'policies.yaml', [{ name: 'release', scope: host, publicPem, unnamed: false }])],
    registries: { [host]: { plainHttp: true } },
  });
  const registration = registrationOf(webhook.url, readFileSync(authority.certFile));
  const applied = await plane.kubectl(['create', '-f', '-'], JSON.stringify(registration));
  if (applied.status !== 0) throw new Error(applied.stderr);
  await waitUntilAsked(plane, `${host}/acme/probe:1`);
  return webhook;
}

function registrationOf(url: string, authority: Buffer): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'countersign' },
    webhooks: [
      {
        name: WEBHOOK,
        admissionReviewVersions: ['v1'],
        clientConfig: { url, caBundle: authority.toString('base64') },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: 5,
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['pods', 'pods/ephemeralcontainers'],
            scope: 'Namespaced',
          },
        ],
      },
    ],
  };
}

/** The API server takes up a registration within a second or so: a dry run that must be refused tells when. */
async function waitUntilAsked(plane: ControlPlane, unsigned: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const probe = await plane.kubectl(['run', 'probe', `--image=${unsigned}`, '--dry-run=server']);
    if (probe.stderr.includes(WEBHOOK)) return;
    await wait(100);
  }
  throw new Error('the API server does not ask the webhook');
}
