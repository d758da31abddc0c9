import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import { closeServer, listen } from './listen.ts';

/** A web server over a folder of detached signatures, with faults by the first part of the path. */
export type Store = {
  readonly host: string;
  /** The folder, as a registry's lookaside has it: `acme/app@sha256=…/signature-1`. */
  readonly folder: string;
  /** A base URL at which the server behaves in one way. */
  readonly base: (behaviour: Behaviour) => string;
  /** Puts a file into the folder. */
  readonly put: (path: string, bytes: Uint8Array | string) => void;
  readonly close: () => Promise<void>;
};

/** How a server may answer. */
export type Behaviour = keyof typeof BEHAVIOURS;

/** Who may read below `auth/`. */
export const READER = { username: 'reader', password: 'p%40ss' } as const;
const BASIC = `Basic ${Buffer.from(`${READER.username}:${decodeURIComponent(READER.password)}`).toString('base64')}`;

const PAGE = '<!DOCTYPE html><html><body>This is not the page you are looking for.</body></html>\n';

type Asked = { readonly path: string; readonly file: Buffer | undefined; readonly request: IncomingMessage };

const serve = ({ file }: Asked, response: ServerResponse): void => {
  response.statusCode = file === undefined ? 404 : 200;
  response.end(file ?? 'not found');
};
const status = (code: number) => (_: Asked, response: ServerResponse) => {
  response.statusCode = code;
  response.end(PAGE);
};
const redirect = (code: number, to: string) => (asked: Asked, response: ServerResponse) => {
  response.writeHead(code, { location: `/${to}/${asked.path}` });
  response.end();
};
/** Signatures that are there are served; of those that are not, the server says something else than 404. */
const whereMissing =
  (otherwise: (asked: Asked, response: ServerResponse) => void) => (asked: Asked, response: ServerResponse) =>
    (asked.file === undefined ? otherwise : serve)(asked, response);

const BEHAVIOURS = {
  plain: serve,
  '404 with a page': whereMissing((_, response) => {
    response.writeHead(404, { 'content-type': 'text/html' });
    response.end(PAGE);
  }),
  '204': status(204),
  '206': status(206),
  '400': status(400),
  '401': status(401),
  '403': status(403),
  '410': status(410),
  '429': status(429),
  '500': status(500),
  '503': status(503),
  'a page': status(200),
  'a page where there is none': whereMissing(status(200)),
  '403 where there is none': whereMissing(status(403)),
  '500 where there is none': whereMissing(status(500)),
  '410 where there is none': whereMissing(status(410)),
  'an empty body': (_: Asked, response: ServerResponse) => response.end(),
  '301': redirect(301, 'plain'),
  '302': redirect(302, 'plain'),
  '303': redirect(303, 'plain'),
  '307': redirect(307, 'plain'),
  '308': redirect(308, 'plain'),
  'a redirect to 404': redirect(302, 'nowhere/plain'),
  'a redirect to 403': redirect(302, '403'),
  'a redirect to itself': redirect(302, 'a%20redirect%20to%20itself'),
  'a redirect without an address': (_: Asked, response: ServerResponse) => {
    response.statusCode = 302;
    response.end();
  },
  'six redirects': (asked: Asked, response: ServerResponse) => {
    const [, left = '5'] = /^(\d)\//.exec(asked.path) ?? [];
    const rest = asked.path.replace(/^\d\//, '');
    const location = left === '0' ? `/plain/${rest}` : `/six%20redirects/${Number(left) - 1}/${rest}`;
    response.writeHead(302, { location });
    response.end();
  },
  'five megabytes': (_: Asked, response: ServerResponse) => response.end(Buffer.alloc(5 * 1024 * 1024, 0xa3)),
  'a body cut short': ({ file = Buffer.alloc(10) }: Asked, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': file.length + 100 });
    response.write(file);
    setTimeout(() => response.destroy(), 50);
  },
  'a closed connection': ({ request }: Asked) => request.socket.destroy(),
  auth: (asked: Asked, response: ServerResponse) => {
    if (asked.request.headers.authorization === BASIC) serve(asked, response);
    else status(401)(asked, response);
  },
  'no credentials': (asked: Asked, response: ServerResponse) => {
    if (asked.request.headers.authorization === undefined) serve(asked, response);
    else status(500)(asked, response);
  },
} as const;

/** Starts the server on loopback. */
export async function startStore(folder: string): Promise<Store> {
  const server = createServer((request, response) => {
    const [, first = '', ...rest] = decodeURIComponent(request.url ?? '').split('/');
    const path = rest.join('/');
    const behave = isBehaviour(first) ? BEHAVIOURS[first] : status(404);
    behave({ path, file: readOrNone(join(folder, normalize(`/${path}`))), request }, response);
  });
  const host = await listen(server);
  return {
    host,
    folder,
    base: (behaviour) => `http://${host}/${encodeURIComponent(behaviour)}`,
    put: (path, bytes) => {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    },
    close: () => closeServer(server),
  };
}

const isBehaviour = (text: string): text is Behaviour => Object.hasOwn(BEHAVIOURS, text);

function readOrNone(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
