/** How much may be taken in at once. */
export type LoadLimits = {
  /** Bytes of one body. */
  readonly bodyBytes: number;
  /** Bytes of all bodies that are being read or answered. */
  readonly bytesInFlight: number;
  /** Reviews that are being answered. */
  readonly concurrency: number;
};

/** Which bound turned a request away. */
export type Overload = 'concurrency' | 'bytes' | Unanswerable;

/** Why nothing can be answered now: the audit log cannot keep up, or the policies are not known yet. */
export type Unanswerable = 'audit' | 'policies';

/** What one request holds; handed out by `Load` and given back to it. */
export type Ticket = { bytes: number; deciding: boolean };

/**
 * Counts what is in flight. Bytes are asked for by what a request declares, before its body is read, but held only as
 * they arrive, and a request counts as concurrent only once its body is whole: a client that announces much and sends
 * nothing takes no room from others.
 */
export type Load = {
  /** Whether a request that declares so many bytes (0 where it does not say) may be read. */
  readonly admit: (declaredBytes: number) => Overload | undefined;
  readonly open: () => Ticket;
  /** Holds bytes that arrived. */
  readonly receive: (ticket: Ticket, bytes: number) => Overload | undefined;
  /** Begins to answer. */
  readonly decide: (ticket: Ticket) => Overload | undefined;
  /** Gives everything back. Harmless when repeated. */
  readonly close: (ticket: Ticket) => void;
  /** Reviews being answered, and bytes held by all requests. */
  readonly inFlight: () => { readonly requests: number; readonly bytes: number };
};

/**
 * Makes the counter of one server.
 * @param unanswerable asked before each request: what is decided now could not be answered
 */
export function createLoad(limits: LoadLimits, unanswerable: () => Unanswerable | undefined = () => undefined): Load {
  let requests = 0;
  let bytes = 0;
  return {
    admit: (declaredBytes) => {
      if (requests >= limits.concurrency) return 'concurrency';
      const why = unanswerable();
      if (why !== undefined) return why;
      return bytes + declaredBytes > limits.bytesInFlight ? 'bytes' : undefined;
    },
    open: () => ({ bytes: 0, deciding: false }),
    receive: (ticket, received) => {
      if (bytes + received > limits.bytesInFlight) return 'bytes';
      bytes += received;
      ticket.bytes += received;
      return undefined;
    },
    decide: (ticket) => {
      if (requests >= limits.concurrency) return 'concurrency';
      requests += 1;
      ticket.deciding = true;
      return undefined;
    },
    close: (ticket) => {
      bytes -= ticket.bytes;
      ticket.bytes = 0;
      if (ticket.deciding) requests -= 1;
      ticket.deciding = false;
    },
    inFlight: () => ({ requests, bytes }),
  };
}
