import { stringify } from 'yaml';
import type { NodeFile } from './node-files.ts';

/** The forms in which files reach the nodes of OpenShift. */
export type NodeFormat = 'machineconfig' | 'butane';

const ROLE = 'machineconfiguration.openshift.io/role';

/** The name of the object for nodes of a role. */
export function machineConfigName(role: string): string {
  return `51-${role}-image-signatures`;
}

/**
 * Files for nodes of a role as a MachineConfig, to be applied as it is, or as the Butane document from which `butane` makes
 * one. Both are for OpenShift 4.8 and later (Ignition 3.2.0).
 */
export function machineConfig(files: readonly NodeFile[], role: string, format: NodeFormat): string {
  const metadata = { name: machineConfigName(role), labels: { [ROLE]: role } };
  const options = { lineWidth: 0 } as const;
  if (format === 'butane') {
    const entries = files.map(({ path, text }) => ({ path, mode: 0o644, overwrite: true, contents: { inline: text } }));
    const document = { variant: 'openshift', version: '4.8.0', metadata, storage: { files: entries } };
    // A mode is for people, who read it in octal as YAML 1.1 writes it.
    return stringify(document, options).replaceAll(/^ {6}mode: 420$/gm, '      mode: 0644');
  }
  const entries = files.map(({ path, text }) => ({
    contents: { source: `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}` },
    mode: 0o644,
    overwrite: true,
    path,
  }));
  return stringify(
    {
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { labels: metadata.labels, name: metadata.name },
      spec: { config: { ignition: { version: '3.2.0' }, storage: { files: entries } } },
    },
    options,
  );
}
