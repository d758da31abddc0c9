import type { IncomingMessage } from 'node:http';
import type { Load, Overload, Ticket } from './load.ts';

/** A body that arrived whole, or why it did not. */
export type ReadBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'shed'; readonly by: Overload }
  | { readonly kind: 'cut-short' };

/**
 * Reads a request body, counting each piece as it arrives; nothing is kept beyond `maxBytes` or beyond what the server
 * may hold. On refusal the rest is left unread.
 */
export function readBody(request: IncomingMessage, maxBytes: number, load: Load, ticket: Ticket): Promise<ReadBody> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const finish = (result: ReadBody) => {
      request.off('data', onData);
      request.off('end', onEnd);
      resolve(result);
    };
    const onData = (piece: Buffer) => {
      length += piece.length;
      if (length > maxBytes) return finish({ kind: 'too-large' });
      const overload = load.receive(ticket, piece.length);
      if (overload !== undefined) return finish({ kind: 'shed', by: overload });
      pieces.push(piece);
    };
    const onEnd = () => {
      const [only] = pieces;
      finish({
        kind: 'whole',
        bytes: pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, length),
      });
    };
    request.on('data', onData);
    request.on('end', onEnd);
    // A connection that ends in the middle: 'error' comes with a listener only, 'close' comes always, and after 'end'.
    request.on('error', () => finish({ kind: 'cut-short' }));
    request.on('close', () => finish({ kind: 'cut-short' }));
  });
}
