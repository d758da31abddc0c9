import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen } from '../policy-json/listen.ts';

/** A server in front of a registry, which misbehaves in the repositories for which it is told to. */
export type Front = {
  readonly host: string;
  /** Answers requests of a repository itself; what a behaviour does not answer goes on to the registry. */
  readonly behave: (repository: string, behaviour: Behaviour) => void;
  readonly close: () => Promise<void>;
};

/** @param path behind `/v2/REPOSITORY`, such as `/referrers/sha256:…`; @returns whether it answered */
export type Behaviour = (path: string, response: ServerResponse) => boolean;

/** Starts it before a registry. */
export async function startFront(registry: string): Promise<Front> {
  const behaviours = new Map<string, Behaviour>();
  const server = createServer((request, response) => {
    const { url = '' } = request;
    const [name, behaviour] = [...behaviours].find(([repository]) => url.startsWith(`/v2/${repository}/`)) ?? [
      '',
      undefined,
    ];
    if (behaviour?.(url.slice(`/v2/${name}`.length), response) !== true) forward(registry, request, response);
  });
  const host = await listen(server);
  return {
    host,
    behave: (repository, behaviour) => void behaviours.set(repository, behaviour),
    close: () => closeServer(server),
  };
}

function forward(registry: string, request: IncomingMessage, response: ServerResponse): void {
  const onward = ask(
    `http://${registry}${request.url}`,
    { method: request.method, headers: request.headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
