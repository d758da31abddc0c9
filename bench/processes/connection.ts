import { once } from 'node:events';
import { connect } from 'node:tls';

/** A kept-alive connection, over which one request at a time is sent as it is. */
export type Connection = {
  /** @returns the body of the answer */
  readonly send: (request: Buffer) => Promise<string>;
  readonly close: () => void;
};

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * Opens a connection to a server on this machine. An HTTP client of its own would cost more than the servers that are
 * measured: this one reads the length, takes the body and looks at nothing else.
 */
export async function openConnection(port: number, caPem: string): Promise<Connection> {
  const socket = connect({ host: '127.0.0.1', port, ca: caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] });
  socket.setNoDelay(true);
  let held: Buffer = Buffer.alloc(0);
  let waiting: { readonly resolve: (body: string) => void; readonly reject: (error: Error) => void } | undefined;

  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('data', (piece: Buffer) => {
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    const headEnd = held.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const from = headEnd + HEAD_END.length;
    const length = Number(LENGTH.exec(held.toString('latin1', 0, headEnd))?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return fail(new Error(`an answer without a length: ${held.toString()}`));
    if (held.length < from + length) return;
    const body = held.toString('utf8', from, from + length);
    held = held.subarray(from + length);
    const asker = waiting;
    waiting = undefined;
    asker?.resolve(body);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed the connection')));
  await once(socket, 'secureConnect');

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}
