import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { publishImage } from '../../src/cli/demo/publish.ts';
import type { RegistryServerOptions } from '../../src/cli/demo/registry-server.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { Json } from '../admission/fixture.ts';
import { type OpenPgpSigner, simpleSigningPayload } from '../fixtures/openpgp/signer.ts';
import type { MisbehavingRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { type Answered, registryFor, type Stage, stage } from '../fixtures/webhook.ts';
import { type Folder, folder } from '../policy/sources/folder.ts';

/** Answers a request in the web server's place; true where it did. */
export type Answer = (path: string, response: ServerResponse, request: IncomingMessage) => boolean;

/** A web server that hands signatures out, as anybody's does. */
export type Lookaside = {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Paths below the host, with the slash in front. */
  readonly files: Map<string, Uint8Array>;
  /** `GET /path` of every request so far. */
  readonly requests: string[];
  /** The headers of the last request. */
  readonly headers: () => IncomingMessage['headers'];
  /** What it does instead, from now on. */
  readonly misbehave: (answer: Answer) => void;
};

/** Starts a web server that goes with the test. */
export async function startLookaside(): Promise<Lookaside> {
  const files = new Map<string, Uint8Array>();
  const requests: string[] = [];
  let headers: IncomingMessage['headers'] = {};
  let misbehaves: Answer = () => false;
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push(`${request.method ?? ''} ${path}`);
    headers = request.headers;
    if (misbehaves(path, response, request)) return;
    const bytes = files.get(path);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes ?? 'there is no such file');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    host: `127.0.0.1:${port}`,
    files,
    requests,
    headers: () => headers,
    misbehave: (answer) => {
      misbehaves = answer;
    },
  };
}

/** The path of a digest's signatures below a lookaside. */
export function folderOf(repository: string, digest: Digest): string {
  return `/${repository}@${digest.replace(':', '=')}`;
}

/** A requirement of GPG signatures. */
export function signedBy(keyPath: string | readonly string[], signedIdentity?: Json): Json {
  return {
    type: 'signedBy',
    keyType: 'GPGKeys',
    ...(typeof keyPath === 'string' ? { keyPath } : { keyPaths: keyPath }),
    ...(signedIdentity === undefined ? {} : { signedIdentity }),
  };
}

/** The requirement that lets everything in. */
export const ANYTHING: Json = { type: 'insecureAcceptAnything' };

/** A `policy.json` with these scopes, the images of which stand for the registry's host where they say HOST. */
export type Scopes = Readonly<Record<string, readonly Json[]>>;

/** What a test says of its world; everything else is as it usually is. */
export type WorldSettings = {
  /** Keys by the name of their file, beside the policy. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly scopes?: Scopes;
  readonly otherwise?: readonly Json[];
  /** The registries.d, in which HOST is the registry and LOOKASIDE the web server; false for none. */
  readonly registriesD?: Json | false;
  /** Further files among the policies, in which HOST and LOOKASIDE stand for what they do in registries.d. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further keys of the configuration, in which FOLDER is where the policies are, and of the policies' entry. */
  readonly configuration?: Json;
  readonly entry?: Json;
  /** Lays everything out flat and through links, as the kubelet does with a ConfigMap. */
  readonly mounted?: true;
  readonly registry?: RegistryServerOptions;
};

/** A registry with a web server for signatures beside it, and the webhook under a policy.json. */
export type World = Omit<Stage, 'folder'> & {
  readonly lookaside: Lookaside;
  /** The folder of the policy. */
  readonly policies: Folder;
  /** `HOST/shop/web:v1`. */
  readonly at: (rest: string) => string;
  /** Pushes an image that nobody signed. */
  readonly push: (repository: string, text?: string, tag?: string) => Digest;
  /** Puts signatures of an image where they are looked for, numbered from 1. */
  readonly lay: (repository: string, digest: Digest, ...messages: readonly Uint8Array[]) => void;
  /** Pushes an image and lays its signature, under its own name with the tag or under another. */
  readonly signed: (repository: string, signer: OpenPgpSigner, name?: string) => Digest;
};

const PLAIN = { docker: { HOST: { lookaside: 'http://LOOKASIDE' } } };

/** Puts the names of this world into a document. */
function placed<T>(value: T, registry: MisbehavingRegistry, lookaside: Lookaside): T {
  return JSON.parse(JSON.stringify(value).replaceAll('LOOKASIDE', lookaside.host).replaceAll('HOST', registry.host));
}

/** Builds one; everything goes with the test. */
export async function containersWorld(settings: WorldSettings = {}): Promise<World> {
  const { keys = {}, scopes = {}, otherwise = [ANYTHING], registriesD = PLAIN, configuration, entry } = settings;
  const registry = await registryFor(settings.registry);
  const lookaside = await startLookaside();
  const policies = await folder();
  onTestFinished(() => policies[Symbol.asyncDispose]());
  const files = {
    ...placed(settings.files ?? {}, registry, lookaside),
    'policy.json': JSON.stringify(placed({ default: otherwise, transports: { docker: scopes } }, registry, lookaside)),
    ...(registriesD === false ? {} : { 'registry.yaml': JSON.stringify(placed(registriesD, registry, lookaside)) }),
    ...keys,
  };
  await (settings.mounted === true ? policies.swap('v1', files) : policies.write(files));
  const { folder: _, ...staged } = await stage(
    registry,
    { 'unused.yaml': '' },
    {
      policies: [{ path: policies.path, ...entry }],
      ...JSON.parse(
        JSON.stringify(placed(configuration ?? {}, registry, lookaside)).replaceAll('FOLDER', policies.path),
      ),
    },
  );

  const at = (rest: string) => `${registry.host}/${rest}`;
  const push: World['push'] = (repository, text = repository, tag = 'v1') =>
    publishImage(registry, repository, text, tag).digest;
  const lay: World['lay'] = (repository, digest, ...messages) => {
    for (const [index, message] of messages.entries())
      lookaside.files.set(`${folderOf(repository, digest)}/signature-${index + 1}`, message);
  };
  return {
    ...staged,
    lookaside,
    policies,
    at,
    push,
    lay,
    signed: (repository, signer, name = at(`${repository}:v1`)) => {
      const digest = push(repository);
      lay(repository, digest, signatureOf(signer, digest, name));
      return digest;
    },
  };
}

/** A GPG signature of a digest under a name, as podman makes it. */
export function signatureOf(
  signer: OpenPgpSigner,
  digest: string,
  reference: string,
  options?: Parameters<OpenPgpSigner['sign']>[1],
): Uint8Array {
  return signer.sign(simpleSigningPayload({ digest, reference }), options);
}

/** Checks a denial by one scope of the policy.json: the words around it, and the record. */
export function expectRefused(answer: Answered, scope: string, word: string, code: string): void {
  expect(answer).toMatchObject({ allowed: false, code: 403, record: { decision: 'denied', wouldDeny: true } });
  expect(answer.message).toContain(` refused by policy.json "${scope}": ${word}. `);
  expect(answer.message).toMatch(new RegExp(`\\[${code}\\]$`));
  const said = answer.record.images.flatMap(({ policies }) => policies);
  const expected = { policy: `policy.json/${scope}`, mode: 'deny', outcome: word, code };
  expect(said).toContainEqual(expect.objectContaining(expected));
}
