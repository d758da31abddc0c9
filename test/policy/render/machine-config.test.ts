import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { machineConfig } from '../../../src/policy/render/machine-config.ts';

const FILES = [
  { path: '/etc/containers/policy.json', text: '{\n  "default": []\n      mode: 420\n}' },
  { path: '/etc/containers/registries.d/a.yaml', text: 'docker:\n  a.example:\n    mode: 420\n' },
];

describe('a Butane document', () => {
  const text = machineConfig(FILES, 'worker', 'butane');

  it('carries every file to the byte, with a newline at its end where it has one and none where it has none', () => {
    // Butane reads YAML 1.1 numbers, as people write modes.
    expect(parse(text, { version: '1.1' })).toEqual({
      variant: 'openshift',
      version: '4.8.0',
      metadata: {
        name: '51-worker-image-signatures',
        labels: { 'machineconfiguration.openshift.io/role': 'worker' },
      },
      storage: {
        files: FILES.map(({ path, text: inline }) => ({ path, mode: 0o644, overwrite: true, contents: { inline } })),
      },
    });
  });

  it('writes modes as people do, and leaves what looks like one inside of a file alone', () => {
    expect(text.match(/^ {6}mode: 0644$/gm)).toHaveLength(2);
    expect(text.match(/mode: 420/g)).toHaveLength(2);
  });
});

describe('a MachineConfig', () => {
  it('carries every file to the byte, for one role', () => {
    const config = parse(machineConfig(FILES, 'infra', 'machineconfig'));
    expect(config).toMatchObject({
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { name: '51-infra-image-signatures', labels: { 'machineconfiguration.openshift.io/role': 'infra' } },
      spec: { config: { ignition: { version: '3.2.0' } } },
    });
    const files: readonly { path: string; mode: number; overwrite: boolean; contents: { source: string } }[] =
      config.spec.config.storage.files;
    expect(
      files.map(({ contents: { source }, ...rest }) => {
        const [head, base64 = ''] = source.split(',');
        return { ...rest, head, text: Buffer.from(base64, 'base64').toString() };
      }),
    ).toEqual(
      FILES.map(({ path, text }) => ({
        path,
        text,
        mode: 0o644,
        overwrite: true,
        head: 'data:text/plain;charset=utf-8;base64',
      })),
    );
  });
});
