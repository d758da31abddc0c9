import { describe, expect, it } from 'vitest';
import { DENY, makeNamespace } from './objects.ts';
import type { World } from './world.ts';

/** What somebody sees who runs a pod. */
export function admissionCases(world: () => World): void {
  const kubectl = (...args: readonly string[]) => world().plane.kubectl(args);

  describe('a pod', () => {
    it('is created when its image is signed', async () => {
      const created = await kubectl('run', 'signed', `--image=${world().signed[0]}`);
      expect(created).toMatchObject({ status: 0, stdout: 'pod/signed created\n', stderr: '' });
    });

    it('is created in audit mode although its image is not, and the audit log of the API server says so', async () => {
      const { unsigned, unsignedDigest, plane } = world();
      const created = await kubectl('run', 'audited', `--image=${unsigned}`);
      expect(created).toMatchObject({ status: 0, stdout: 'pod/audited created\n', stderr: '' });

      const annotations = annotationsOf(plane.auditLog(), 'audited');
      expect(annotations).toMatchObject({
        'images.countersign.dev/decision': 'allowed',
        'images.countersign.dev/mode': 'audit',
        'images.countersign.dev/would-deny': 'true',
      });
      expect(JSON.parse(annotations['images.countersign.dev/image-0'] ?? '')).toMatchObject({
        image: unsigned,
        digest: unsignedDigest,
        outcome: 'unsigned',
      });
    });

    it('is refused in a namespace in deny with every word of our message, while the rest stays in audit', async () => {
      const { plane, registry, unsigned, unsignedDigest } = world();
      await makeNamespace(plane, 'strict', DENY);
      const refused = await kubectl('-n', 'strict', 'run', 'refused', `--image=${unsigned}`);
      const where = `image "${unsigned}" (spec.containers[0].image)`;
      const tag = `sha256-${unsignedDigest.slice('sha256:'.length)}.sig`;
      expect(refused).toEqual({
        status: 1,
        stdout: '',
        stderr: [
          `Warning: image "${unsigned}": the tag 1 may move between this decision and the pull: name it by its digest [DIGEST_REQUIRED]\n`,
          'Error from server (Forbidden): admission webhook "deny.images.countersign.dev" denied the request: ',
          `${where} refused by ClusterImagePolicy "release": unsigned. No cosign signature for ${unsignedDigest} in `,
          `${registry.host}/acme/unsigned (looked at tag ${tag} and referrers). `,
          'Sign the image, or ask your platform team about the policy. [UNSIGNED]\n',
        ].join(''),
      });
      expect(await kubectl('-n', 'strict', 'get', 'pod', 'refused')).toMatchObject({ status: 1 });
      expect(await kubectl('-n', 'strict', 'run', 'signed', `--image=${world().signed[0]}`)).toMatchObject({
        status: 0,
      });
      expect(await kubectl('run', 'audited-too', `--image=${unsigned}`)).toMatchObject({ status: 0 });
    });
  });
}
/** The annotations that the API server's audit log has of a pod's creation. */
function annotationsOf(log: readonly string[], name: string): Readonly<Record<string, string>> {
  type Entry = {
    readonly verb: string;
    readonly objectRef?: { readonly name?: string };
    readonly annotations?: Record<string, string>;
  };
  const entries = log.map((line): Entry => JSON.parse(line));
  return entries.find((entry) => entry.verb === 'create' && entry.objectRef?.name === name)?.annotations ?? {};
}
