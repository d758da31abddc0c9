import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { printable } from '../../encoding/escape.ts';
import type { HttpClient } from '../../http/client.ts';

/** Nothing that is fetched is larger, whatever the repository's own metadata says; bytes. */
const MAXIMUM_BYTES = 5_000_000;

/** A fetcher that remembers what went wrong with its last request, which the library does not hand on whole. */
export type TufFetcher = Fetcher & { readonly trouble: () => string | undefined };

/**
 * Fetches for the TUF library through countersign's own HTTP client. The library's own fetcher follows redirects to any
 * host and scheme and takes what the process's global `fetch` does; this one follows none, reads a bounded number of
 * bytes, and ends with the signal.
 * @param folder where a file is kept while the library looks at it
 */
export function createTufFetcher(http: HttpClient, folder: string, signal: AbortSignal): TufFetcher {
  let trouble: string | undefined;
  const fail = (message: string): Error => {
    trouble = message;
    return new Error(message);
  };

  const downloadBytes = async (address: string, maxLength: number): Promise<Buffer> => {
    trouble = undefined;
    const url = new URL(address);
    const answer = await http.request({
      method: 'GET',
      url,
      headers: {},
      maxBytes: Math.min(maxLength, MAXIMUM_BYTES),
      signal,
    });
    if (!answer.ok) throw fail(answer.failure.message);
    const { status, header, body } = answer.value;
    if (status === 200) return Buffer.from(body);

    const to = header('location');
    if (to !== undefined && status >= 300 && status < 400)
      throw fail(`${url.host} redirects to ${printable(to)}, which is not followed`);
    const message = `${url.host} answered ${status} for ${printable(url.pathname)}`;
    trouble = message;
    // The library tells by this error and its status that there is no newer root.
    throw new DownloadHTTPError(message, status);
  };

  return {
    trouble: () => trouble,
    downloadBytes,
    async downloadFile(address, maxLength, handler) {
      const file = join(folder, 'download');
      await writeFile(file, await downloadBytes(address, maxLength));
      return handler(file);
    },
  };
}
