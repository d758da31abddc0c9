import { failed, ok, type Result } from '../codes/result.ts';

/** Cuts a stream into lines. */
export type LineReader = {
  /** @returns the lines that are whole now, without their ends; CLUSTER_ANSWER_UNUSABLE where one is longer than may be */
  readonly push: (chunk: Uint8Array) => Result<readonly Uint8Array[]>;
  /** Bytes of a line that is not whole. */
  readonly pending: () => number;
};

/** Makes a reader of lines of at most `maxBytes`; what is longer is never kept in memory. */
export function createLineReader(maxBytes: number): LineReader {
  let parts: Uint8Array[] = [];
  let size = 0;
  const tooLong = () =>
    failed('CLUSTER_ANSWER_UNUSABLE', `the API server sent an event of more than ${maxBytes} bytes`);

  return {
    push(chunk) {
      const lines: Uint8Array[] = [];
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        if (size + end - start > maxBytes) return tooLong();
        lines.push(Buffer.concat([...parts, chunk.subarray(start, end)]));
        parts = [];
        size = 0;
        start = end + 1;
      }
      const rest = chunk.subarray(start);
      if (rest.length > 0) parts.push(rest);
      size += rest.length;
      return size > maxBytes ? tooLong() : ok(lines);
    },
    pending: () => size,
  };
}

const NEWLINE = 0x0a;
