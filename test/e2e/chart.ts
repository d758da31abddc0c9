import { resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Folder } from './folder.ts';
import { type Run, run, succeed } from './process.ts';
import { toolPath } from './tools.ts';

/** The chart's folder. */
export const CHART = resolve(import.meta.dirname, '../../charts/countersign');

/** Whatever stands in YAML or JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An object for the API server. */
export type KubeObject = { readonly [key: string]: Json };

/** A release: its name, where it is, and its values; the image is given where the values do not. */
export type Release = {
  readonly name: string;
  readonly namespace: string;
  readonly values: { readonly [key: string]: Json };
};

/** An image that nobody pulls: objects are looked at, and not run. */
const IMAGE = { repository: 'registry.example/countersign' };

/** Runs `helm template`; a status other than 0 is an answer. */
export function template(folder: Folder, release: Release): Promise<Run> {
  return run(toolPath('helm'), ['template', ...argumentsOf(folder, release)], { env: environment(folder) });
}

/** Renders the chart as Helm does, into objects. */
export async function render(folder: Folder, release: Release): Promise<readonly KubeObject[]> {
  const args = ['template', ...argumentsOf(folder, release)];
  return readObjects(await succeed(toolPath('helm'), args, { env: environment(folder) }));
}

/** Helm on a cluster. */
export type Helm = {
  /** Installs a release, or upgrades it; gives what Helm says to the user. It does not wait for pods. */
  readonly upgrade: (release: Release) => Promise<string>;
  readonly uninstall: (release: Pick<Release, 'name' | 'namespace'>) => Promise<string>;
  /** Any other command of Helm. */
  readonly run: (args: readonly string[]) => Promise<Run>;
};

/** Helm on the cluster of a kubeconfig; what it keeps on disk goes into the folder. */
export function helmOn(folder: Folder, kubeconfig: string): Helm {
  const env = { ...environment(folder), KUBECONFIG: kubeconfig };
  return {
    upgrade: (release) =>
      succeed(toolPath('helm'), ['upgrade', '--install', '--create-namespace', ...argumentsOf(folder, release)], {
        env,
      }),
    uninstall: ({ name, namespace }) =>
      succeed(toolPath('helm'), ['uninstall', name, '--namespace', namespace], { env }),
    run: (args) => run(toolPath('helm'), args, { env }),
  };
}

/** Reads a stream of YAML documents. */
export function readObjects(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.join('\n'));
    const object: Json = document.toJS();
    if (object === null) return [];
    if (!isObject(object)) throw new Error(`no object: ${JSON.stringify(object)}`);
    return [object];
  });
}

/** Objects as kubectl takes them from its standard input. */
export function written(objects: readonly KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** What stands at a path of an object; undefined where there is nothing. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const key of path) {
    if (typeof key === 'number') found = Array.isArray(found) ? found[key] : undefined;
    else found = found !== undefined && isObject(found) ? found[key] : undefined;
  }
  return found;
}

/** A list at a path; empty where there is none. */
export function listAt(value: Json | undefined, ...path: readonly (string | number)[]): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** A text at a path; empty where there is none. */
export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** The texts of a list at a path. */
export function textsAt(value: Json | undefined, ...path: readonly (string | number)[]): readonly string[] {
  return listAt(value, ...path).filter((each) => typeof each === 'string');
}

/** The one object of a kind; with a name where there are several. */
export function only(objects: readonly KubeObject[], kind: string, name?: string): KubeObject {
  const [object, ...others] = objects.filter(
    (each) => each['kind'] === kind && (name === undefined || at(each, 'metadata', 'name') === name),
  );
  if (object === undefined || others.length > 0) throw new Error(`there are ${others.length} other ${kind}, or none`);
  return object;
}

/** The configuration file that a rendered chart gives to the process. */
export function configurationOf(objects: readonly KubeObject[]): string {
  const text = objects.map((object) => at(object, 'data', 'config.yaml')).find((found) => found !== undefined);
  if (typeof text !== 'string') throw new Error('there is no config.yaml');
  return text;
}

function isObject(value: Json): value is KubeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

let files = 0;

function argumentsOf(folder: Folder, { name, namespace, values }: Release): readonly string[] {
  files += 1;
  const file = folder.write(`values-${files}.json`, JSON.stringify({ image: IMAGE, ...values }));
  return [name, CHART, '--namespace', namespace, '--values', file];
}

/** Nothing of the user's own Helm is read or written. */
function environment(folder: Folder): Readonly<Record<string, string>> {
  return {
    KUBECONFIG: '/dev/null',
    HELM_CACHE_HOME: folder.file('helm-cache'),
    HELM_CONFIG_HOME: folder.file('helm-config'),
    HELM_DATA_HOME: folder.file('helm-data'),
  };
}
