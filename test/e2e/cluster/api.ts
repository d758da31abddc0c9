import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Json } from '../chart.ts';
import type { ControlPlane } from '../control-plane.ts';

/** What the API server answers to somebody who is not kubectl. */
export type ApiAnswer = { readonly status: number; readonly body: Json };

/** The API as cluster administrator, for what is asked more often than kubectl can be started. */
export type Api = {
  readonly post: (path: string, object: Json) => Promise<ApiAnswer>;
  readonly remove: (path: string) => Promise<ApiAnswer>;
  readonly close: () => void;
};

/** Opens the API; connections are kept. */
export function apiOf({ url, caFile, admin }: ControlPlane): Api {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 32,
    ca: readFileSync(caFile),
    cert: readFileSync(admin.certFile),
    key: readFileSync(admin.keyFile),
  });
  return {
    post: (path, object) => askJson(`${url}${path}`, { agent, method: 'POST', body: object }),
    remove: (path) => askJson(`${url}${path}`, { agent, method: 'DELETE' }),
    close: () => agent.destroy(),
  };
}

/** Sends JSON by HTTPS and reads JSON. */
export function askJson(
  url: string,
  how: { readonly agent: Agent; readonly method: string; readonly body?: Json; readonly host?: string },
): Promise<ApiAnswer> {
  const { agent, method, body, host } = how;
  const headers = { 'content-type': 'application/json', ...(host === undefined ? {} : { host }) };
  return new Promise((settle, reject) => {
    const asked = request(url, { agent, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        settle({ status: response.statusCode ?? 0, body: jsonIn(text) });
      });
    });
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function jsonIn(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
