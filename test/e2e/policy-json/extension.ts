import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen } from './listen.ts';

/** A registry with the interface for signatures that OpenShift's has: another registry, with a little before it. */
export type ExtensionRegistry = {
  readonly host: string;
  /** What is answered for one repository, in place of "no signatures". */
  readonly set: (repository: string, answer: ExtensionAnswer) => void;
  readonly close: () => Promise<void>;
};

/** One answer; `header` is what `GET /v2/` says in X-Registry-Supports-Signatures. */
export type ExtensionAnswer = { readonly status: number; readonly body: string };

/** Starts it before the registry at `behind`. @param header of X-Registry-Supports-Signatures */
export async function startExtensionRegistry(behind: string, header = '1'): Promise<ExtensionRegistry> {
  const answers = new Map<string, ExtensionAnswer>();
  const server = createServer((request, response) => {
    const [, repository] = /^\/extensions\/v2\/(.+)\/signatures\/[^/]+$/.exec(request.url ?? '') ?? [];
    if (repository === undefined) {
      passOn(behind, header, request, response);
      return;
    }
    const { status, body } = answers.get(repository) ?? { status: 200, body: '{"signatures":[]}' };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body);
  });
  const host = await listen(server);
  return {
    host,
    set: (repository, answer) => answers.set(repository, answer),
    close: () => closeServer(server),
  };
}

function passOn(behind: string, header: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const onward = forward(`http://${behind}${url}`, { method, headers: { ...headers, host: behind } }, (answer) => {
    const extra = url === '/v2/' ? { 'X-Registry-Supports-Signatures': header } : {};
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...extra });
    answer.pipe(response);
  });
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}
