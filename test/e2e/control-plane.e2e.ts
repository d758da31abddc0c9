import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

describeWith(['etcd', 'kube-apiserver', 'kubectl', 'openssl'], 'the control plane itself', () => {
  const folder = temporaryFolder();
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await startControlPlane(folder);
  });
  afterAll(async () => {
    await plane.stop();
    folder.remove();
  });

  it('creates a pod while no webhook is registered, and writes it to its audit log', async () => {
    const created = await plane.kubectl(['run', 'plain', '--image=registry.invalid/app:1']);
    expect(created).toMatchObject({ status: 0, stdout: 'pod/plain created\n' });
    expect(plane.auditLog().filter((line) => line.includes('/namespaces/default/pods'))).toHaveLength(1);
  });
});
