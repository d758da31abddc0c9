import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Where a service sends connections. */
export type Endpoint = { readonly address: string; readonly port: number };

/** An address of a service, and what kube-proxy does there. */
export type ServiceAddress = {
  /** Replaces the endpoints, as their readiness changes. Open connections stay where they are. */
  readonly route: (endpoints: readonly Endpoint[]) => void;
  readonly close: () => Promise<void>;
};

/** Listens at a service's address and hands connections to its endpoints by turns; without one it refuses them. */
export async function listenAtService(address: string, port: number): Promise<ServiceAddress> {
  let endpoints: readonly Endpoint[] = [];
  let turn = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((incoming) => {
    keep(incoming);
    const endpoint = endpoints[turn % Math.max(endpoints.length, 1)];
    turn += 1;
    if (endpoint === undefined) {
      incoming.resetAndDestroy();
      return;
    }
    const outgoing = connect(endpoint.port, endpoint.address);
    keep(outgoing);
    incoming.once('error', () => outgoing.destroy());
    outgoing.once('error', () => incoming.resetAndDestroy());
    incoming.once('close', () => outgoing.destroy());
    outgoing.once('close', () => incoming.end());
    incoming.pipe(outgoing).pipe(incoming);
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    route: (next) => {
      endpoints = next;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}
