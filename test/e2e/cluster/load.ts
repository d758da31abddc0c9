import { connect } from 'node:tls';
import type { Json } from '../chart.ts';
import { at, textAt } from '../chart.ts';
import type { ControlPlane } from '../control-plane.ts';
import { type Api, apiOf } from './api.ts';
import { podWith } from './objects.ts';

/** What became of one request under load. */
export type Asked = {
  /** Milliseconds since the load began. */
  readonly at: number;
  readonly image: string;
  readonly status: number;
  readonly message: string;
};

/** Pods that are asked for at an even pace, in a dry run, in one namespace. */
export type Load = {
  /** Milliseconds since the load began. */
  readonly now: () => number;
  /** Ends it and gives everything that was asked. */
  readonly stop: () => Promise<readonly Asked[]>;
};

/** Begins to ask for pods with these images by turns, so many a second, whether or not answers come. */
export function beginLoad(plane: ControlPlane, namespace: string, perSecond: number, images: readonly string[]): Load {
  const api = apiOf(plane);
  const began = performance.now();
  const now = () => Math.round(performance.now() - began);
  const open: Promise<Asked>[] = [];
  const timer = setInterval(() => {
    // A timer that comes late catches up, so that the pace is kept.
    while (open.length < (now() / 1000) * perSecond)
      open.push(askOne(api, namespace, images[open.length % images.length] ?? '', now()));
  }, 1000 / perSecond);
  return {
    now,
    stop: async () => {
      clearInterval(timer);
      const all = await Promise.all(open);
      api.close();
      return all;
    },
  };
}

async function askOne(api: Api, namespace: string, image: string, when: number): Promise<Asked> {
  const pod: Json = podWith(`load-${when}`, [image]);
  const asked = { at: when, image };
  try {
    const { status, body } = await api.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
    return { ...asked, status, message: textAt(body, 'message') };
  } catch (error) {
    return { ...asked, status: 0, message: String(error) };
  }
}

/** Shakes hands with a server so many times a second, with the authorities that are believed at that moment. */
export function beginHandshakes(
  perSecond: number,
  to: { readonly host: string; readonly servername: string; readonly authorities: () => string },
): { readonly stop: () => Promise<{ readonly count: number; readonly failures: readonly string[] }> } {
  const failures: string[] = [];
  const open: Promise<void>[] = [];
  const timer = setInterval(
    () => open.push(shakeHands(to).catch((error) => void failures.push(String(error)))),
    1000 / perSecond,
  );
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return { count: open.length, failures };
    },
  };
}

function shakeHands({ host, servername, authorities }: Parameters<typeof beginHandshakes>[1]): Promise<void> {
  return new Promise((settle, reject) => {
    const socket = connect({ host, port: 443, servername, ca: authorities(), ALPNProtocols: ['http/1.1'] });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.end();
      settle();
    });
  });
}

/** What the API server was told of the webhook for namespaces in deny. */
export function calledBy(hooks: Json): { readonly caBundle: string; readonly path: string } {
  const config = at(hooks, 'webhooks', 1, 'clientConfig');
  return {
    caBundle: Buffer.from(textAt(config, 'caBundle'), 'base64').toString('utf8'),
    path: textAt(config, 'service', 'path'),
  };
}
