import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type Der, objectIdentifier, sequence } from '../../../src/encoding/der-writer.ts';
import { extension, type Issued, issue, issueRoot, usage } from '../../fixtures/certificates.ts';
import type { Folder } from '../folder.ts';
import { closeServer, listen } from '../policy-json/listen.ts';
import { toolPath } from '../tools.ts';
import { inHours } from './signers.ts';

/** A timestamp authority on loopback: openssl signs, and a small server speaks HTTP. */
export type TimestampAuthority = {
  readonly url: string;
  readonly host: string;
  readonly root: Issued;
  readonly rootFile: string;
  /** A timestamp over bytes, without asking anybody by HTTP. */
  readonly tokenOver: (bytes: Uint8Array) => Buffer;
  readonly close: () => Promise<void>;
};

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/**
 * Starts an authority with a root of its own.
 * @param extensions of its certificate, beside those that it must have
 */
export async function startTimestamps(
  folder: Folder,
  name: string,
  extensions: (root: Issued) => Promise<readonly Der[]> = async () => [],
): Promise<TimestampAuthority> {
  const root = issueRoot(`${name} root`);
  const more = await extensions(root);
  const signer = issue(root, {
    subject: `${name} signer`,
    notBefore: inHours(-48),
    notAfter: inHours(365 * 24),
    extensions: [usage(0), extension('2.5.29.37', sequence(objectIdentifier(TIME_STAMPING)), 'critical'), ...more],
  });
  const rootFile = folder.write(`${name}.root.pem`, root.pem);
  const reply = replier(folder, name, root, signer);
  const server = createServer((request, response) => {
    const answer = async () => {
      const answer = reply(await bodyOf(request), 'response');
      response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(answer);
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const host = await listen(server);
  return {
    url: `http://${host}/`,
    host,
    root,
    rootFile,
    tokenOver: (bytes) => reply(queryFor(bytes), 'token'),
    close: () => closeServer(server),
  };
}

/** Has openssl answer queries; each by a configuration of its own, for openssl writes the serial number back. */
function replier(folder: Folder, name: string, root: Issued, signer: Issued) {
  const signerFile = folder.write(`${name}.pem`, signer.pem);
  const chainFile = folder.write(`${name}.chain.pem`, root.pem);
  const keyFile = folder.write(`${name}.key`, signer.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  let queries = 0;
  return (query: Buffer, form: 'response' | 'token'): Buffer => {
    queries += 1;
    const one = `${name}.${queries}`;
    const serial = folder.write(`${one}.serial`, queries.toString(16).padStart(4, '0'));
    const lines = [
      ...['[tsa]', 'default_tsa = authority', '[authority]', `serial = ${serial}`],
      ...['signer_digest = sha256', 'default_policy = 1.3.6.1.4.1.99999.1', 'digests = sha256, sha384, sha512'],
      ...['accuracy = secs:1', 'ordering = no', 'tsa_name = no', 'ess_cert_id_chain = no', 'ess_cert_id_alg = sha256'],
    ];
    const out = folder.file(`${one}.tsr`);
    openssl([
      ...['ts', '-reply', '-config', folder.write(`${one}.cnf`, `${lines.join('\n')}\n`)],
      ...['-queryfile', folder.write(`${one}.tsq`, query), '-signer', signerFile, '-inkey', keyFile],
      ...['-chain', chainFile, '-out', out, ...(form === 'token' ? ['-token_out'] : [])],
    ]);
    return readFileSync(out);
  };
}

/** Envelopes are made without waiting, so this is too. */
function openssl(args: readonly string[]): Buffer {
  return execFileSync(toolPath('openssl'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function queryFor(bytes: Uint8Array): Buffer {
  const digest = createHash('sha256').update(bytes).digest('hex');
  return openssl(['ts', '-query', '-digest', digest, '-sha256', '-cert', '-no_nonce']);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
