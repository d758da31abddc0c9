import { createHash, randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, listAt, textAt } from '../chart.ts';
import { LOGIN } from '../registries.ts';
import { askJson } from './api.ts';
import { getObject, NAME, NAMESPACE } from './installation.ts';
import { DENY, makeNamespace, must, podWith } from './objects.ts';
import type { World } from './world.ts';

/** A registry with a login, and who gets in with whose. */
export function secretCases(world: () => World): void {
  describe('a private registry', () => {
    const create = (namespace: string, object: object) =>
      world().plane.kubectl(['-n', namespace, 'create', '-f', '-'], JSON.stringify(object));
    const withSecret = (name: string, image: string) =>
      podWith(name, [image], { spec: { imagePullSecrets: [{ name: 'login' }] } });
    const closed = { status: 1, stderr: expect.stringContaining('[REGISTRY_UNAUTHORISED]') };

    beforeAll(async () => {
      const { plane, privateImages } = world();
      for (const namespace of ['owner', 'stranger', 'accounts']) await makeNamespace(plane, namespace, DENY);
      const login = [`--docker-username=${LOGIN.username}`, `--docker-password=${LOGIN.password}`];
      for (const namespace of ['owner', 'accounts'])
        await must(plane, [
          ...['-n', namespace, 'create', 'secret', 'docker-registry', 'login'],
          ...[`--docker-server=${privateImages.host}`, ...login],
        ]);
    });

    it("is read with the pod's pull secret, and its images are judged", async () => {
      const { signed, unsigned } = world().privateImages;
      expect(await create('owner', withSecret('signed', signed))).toMatchObject({ status: 0 });
      const refused = await create('owner', withSecret('unsigned', unsigned));
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('[UNSIGNED]') });
    });

    it('stays closed to a pod without one, although another was let in a moment ago', async () => {
      expect(await create('owner', podWith('without', [world().privateImages.signed]))).toMatchObject(closed);
    });

    it('stays closed to a pod of another namespace that names the same secret', async () => {
      expect(await create('stranger', withSecret('named', world().privateImages.signed))).toMatchObject(closed);
    });

    it("is read with the service account's pull secret", async () => {
      const { plane, privateImages } = world();
      const patch = JSON.stringify({ imagePullSecrets: [{ name: 'login' }] });
      await must(plane, ['-n', 'accounts', 'patch', 'serviceaccount', 'default', '-p', patch]);
      expect(await create('accounts', podWith('by-account', [privateImages.signed]))).toMatchObject({ status: 0 });
    });

    describe('asked about by somebody who is not the API server', () => {
      let agent: Agent;
      let address: string;
      /** What the API server calls for namespaces in deny. */
      let secretPath: string;

      beforeAll(async () => {
        const { plane } = world();
        const hooks = await getObject(plane, 'validatingwebhookconfiguration', NAME);
        const [config] = listAt(hooks, 'webhooks').flatMap((hook) =>
          textAt(hook, 'name').startsWith('deny.') ? [at(hook, 'clientConfig')] : [],
        );
        const ca = Buffer.from(textAt(config, 'caBundle'), 'base64').toString();
        agent = new Agent({ ca, servername: `${NAME}.${NAMESPACE}.svc` });
        secretPath = textAt(config, 'service', 'path');
        address = textAt(await getObject(plane, '-n', NAMESPACE, 'service', NAME), 'spec', 'clusterIP');
      });
      afterAll(() => agent.destroy());

      const post = (path: string) =>
        askJson(`https://${address}${path}?timeout=10s`, {
          agent,
          method: 'POST',
          body: forgedReview(withSecret('forged', world().privateImages.signed)),
        });

      it('opens nothing: the review of a pod with the right secret gets no credential', async () => {
        const answer = await post('/validate/deny');
        expect(answer).toMatchObject({ status: 200, body: { response: { allowed: false } } });
        expect(textAt(answer.body, 'response', 'status', 'message')).toContain('[REGISTRY_UNAUTHORISED]');
      });

      it('is nothing at all below a path that is guessed', async () => {
        const guess = createHash('sha256').update('guess').digest('hex').slice(0, 48);
        expect(await post(`/validate/deny/${guess}`)).toMatchObject({ status: 404 });
        expect(await post(secretPath.slice(0, -1))).toMatchObject({ status: 404 });
      });

      it('is what the API server is told, at the path that it alone knows', async () => {
        expect(await post(secretPath)).toMatchObject({ status: 200, body: { response: { allowed: true } } });
      });
    });
  });
}

function forgedReview(object: Json): Json {
  const gvk = { group: '', version: 'v1' };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { ...gvk, kind: 'Pod' },
      resource: { ...gvk, resource: 'pods' },
      requestKind: { ...gvk, kind: 'Pod' },
      requestResource: { ...gvk, resource: 'pods' },
      name: 'forged',
      namespace: 'owner',
      operation: 'CREATE',
      userInfo: { username: 'system:apiserver', groups: ['system:masters'] },
      object,
      oldObject: null,
      dryRun: false,
      options: null,
    },
  };
}
