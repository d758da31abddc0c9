/** CPU time of a process so far, in microseconds, and its resident memory in bytes. */
export type Usage = { readonly cpu: number; readonly rss: number };

/** A question to another process. */
export type Asked = { readonly id: number; readonly ask?: unknown };

/** What comes back. */
export type Answered = { readonly id: number; readonly reply?: unknown; readonly error?: string };

/**
 * Answers the questions that the parent process sends, one promise each; those about usage are answered for every process.
 * @param handle what to answer; an exception goes back as an error
 */
export function answerParent(handle: (ask: never) => Promise<unknown>): void {
  process.on('message', (message: Asked) => {
    if (message.ask === undefined) return;
    void (async () => {
      try {
        process.send?.({ id: message.id, reply: (await handle(message.ask as never)) ?? null });
      } catch (error) {
        process.send?.({ id: message.id, error: error instanceof Error ? (error.stack ?? error.message) : 'failed' });
      }
    })();
  });
}
