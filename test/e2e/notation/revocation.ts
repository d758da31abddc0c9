import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Der, element, objectIdentifier, sequence } from '../../../src/encoding/der-writer.ts';
import { CODE_SIGNING, extendedUsage, extension, type Issued, uri, usage } from '../../fixtures/certificates.ts';
import type { Folder } from '../folder.ts';
import { closeServer, listen } from '../policy-json/listen.ts';
import { succeed } from '../process.ts';
import { toolPath } from '../tools.ts';
import { leafOf } from './signers.ts';

/** An OCSP responder and a server of revocation lists on loopback: openssl signs, and a small server speaks HTTP. */
export type Revocation = {
  readonly host: string;
  /** Has it answer for one authority, whose certificates all have the serial number 1. */
  readonly answerFor: (authority: Issued, answers: Answers) => Promise<Sources>;
  /** Paths that were asked for so far. */
  readonly asked: readonly string[];
  readonly close: () => Promise<void>;
};

/** What it says of the certificate with the serial number 1. */
export type Answers = {
  readonly ocsp?: OcspAnswer;
  readonly crl?: CrlAnswer;
};
export type OcspAnswer =
  | ('good' | 'revoked' | 'on hold' | 'unknown' | 'without an end' | 'signed by another')
  | ('good, by a delegate' | 'good, by a delegate for code' | Trouble);
export type CrlAnswer =
  | 'good'
  | 'revoked'
  | 'on hold'
  | 'expired'
  | 'signed by another'
  | 'about authorities'
  | Trouble;
type Trouble = 'status 500' | 'no answer' | 'a page';

/** Extensions for a certificate that names the server, and the URL of its list. */
export type Sources = { readonly ocsp: Der; readonly crl: Der; readonly list: string };

/** Starts the server. */
export async function startRevocation(folder: Folder): Promise<Revocation> {
  const answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, kind = '', number = ''] = (request.url ?? '').split('/');
    asked.push(`${kind}/${number}`);
    const answer = answers.get(`${kind}/${number}`);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const host = await listen(server);
  let authorities = 0;
  return {
    host,
    asked,
    close: () => closeServer(server),
    answerFor: async (authority, { ocsp = 'good', crl = 'good' }) => {
      authorities += 1;
      const number = authorities;
      const name = `authority${number}`;
      const database = writeDatabase(folder, name, authority);
      answers.set(`ocsp/${number}`, async (request, response) => {
        if (!trouble(ocsp, response)) {
          const answer = await respond(folder, database, ocsp, await queryOf(request));
          response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(answer);
        }
      });
      const list = isTrouble(crl) ? undefined : await writeList(folder, database, crl);
      answers.set(`crl/${number}`, async (_, response) => {
        if (!trouble(crl, response)) response.writeHead(200, { 'content-type': 'application/pkix-crl' }).end(list);
      });
      return {
        ocsp: ocspAt(`http://${host}/ocsp/${number}`),
        crl: crlAt(`http://${host}/crl/${number}`),
        list: `http://${host}/crl/${number}`,
      };
    },
  };
}

/** Names an OCSP responder (RFC 5280 §4.2.2.1). */
export function ocspAt(url: string): Der {
  const access = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), uri(url));
  return extension('1.3.6.1.5.5.7.1.1', sequence(access));
}

/** Names revocation lists (RFC 5280 §4.2.1.13). */
export function crlAt(...urls: readonly string[]): Der {
  const points = urls.map((url) => sequence(element(0xa0, element(0xa0, uri(url)))));
  return extension('2.5.29.31', sequence(...points));
}

const isTrouble = (answer: string): answer is Trouble =>
  answer === 'status 500' || answer === 'no answer' || answer === 'a page';

/** Whether the server misbehaves instead of answering; where it says nothing, the caller has to give up. */
function trouble(answer: string, response: ServerResponse): boolean {
  if (answer === 'status 500') response.writeHead(500).end();
  if (answer === 'a page') response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome!</html>');
  return isTrouble(answer);
}

/** Where openssl finds an authority and what it knows of its certificates. */
type Database = {
  readonly name: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly issued: Issued;
};

function writeDatabase(folder: Folder, name: string, issued: Issued): Database {
  const key = issued.keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    name,
    issued,
    certFile: folder.write(`${name}.crt`, issued.pem),
    keyFile: folder.write(`${name}.key`, key),
  };
}

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

const STATES = {
  good: 'V\t401231000000Z\t\t01\tunknown\t/CN=signer\n',
  revoked: 'R\t401231000000Z\t260101000000Z,keyCompromise\t01\tunknown\t/CN=signer\n',
  'on hold': 'R\t401231000000Z\t260101000000Z,certificateHold\t01\tunknown\t/CN=signer\n',
  unknown: '',
} as const;

const indexFor = (answer: OcspAnswer | CrlAnswer): string =>
  answer === 'revoked' || answer === 'on hold' || answer === 'unknown' ? STATES[answer] : STATES.good;

let queries = 0;

/** Has openssl answer one query. */
async function respond(folder: Folder, authority: Database, answer: OcspAnswer, query: Buffer): Promise<Buffer> {
  queries += 1;
  const one = `${authority.name}.${queries}`;
  const signer = await responderFor(folder, one, authority, answer);
  const out = folder.file(`${one}.ors`);
  await succeed(toolPath('openssl'), [
    ...['ocsp', '-index', folder.write(`${one}.index`, indexFor(answer)), '-CA', authority.certFile],
    ...['-rsigner', signer.certFile, '-rkey', signer.keyFile],
    ...['-reqin', folder.write(`${one}.orq`, query), '-respout', out],
    ...(answer === 'without an end' ? [] : ['-ndays', '7']),
  ]);
  return readFile(out);
}

/** Who signs an answer: the authority, one whom it appointed, or somebody else. */
async function responderFor(
  folder: Folder,
  name: string,
  authority: Database,
  answer: OcspAnswer,
): Promise<Pick<Database, 'certFile' | 'keyFile'>> {
  if (answer === 'signed by another') return strangerFor(folder, name);
  const purpose =
    answer === 'good, by a delegate'
      ? OCSP_SIGNING
      : answer === 'good, by a delegate for code'
        ? CODE_SIGNING
        : undefined;
  if (purpose === undefined) return authority;
  const delegate = leafOf(authority.issued, { subject: 'delegate', extensions: [usage(0), extendedUsage(purpose)] });
  return writeDatabase(folder, `${name}.delegate`, delegate);
}

/** Has openssl sign a revocation list. */
async function writeList(folder: Folder, authority: Database, answer: CrlAnswer): Promise<Buffer> {
  const one = `${authority.name}.list`;
  const stranger = answer === 'signed by another' ? await strangerFor(folder, one) : authority;
  const lines = [
    ...[
      '[ca]',
      'default_ca = authority',
      '[authority]',
      `database = ${folder.write(`${one}.index`, indexFor(answer))}`,
    ],
    ...[`crlnumber = ${folder.write(`${one}.number`, '01\n')}`, 'default_md = sha256', 'unique_subject = no'],
    ...(answer === 'about authorities' ? ABOUT_AUTHORITIES : []),
  ];
  const config = folder.write(`${one}.cnf`, `${lines.join('\n')}\n`);
  folder.write(`${one}.index.attr`, 'unique_subject = no\n');
  const pem = folder.file(`${one}.pem`);
  const out = folder.file(`${one}.crl`);
  const window =
    answer === 'expired' ? ['-crl_lastupdate', '260101000000Z', '-crl_nextupdate', '260201000000Z'] : ['-crldays', '7'];
  await succeed(toolPath('openssl'), [
    ...['ca', '-gencrl', '-config', config, '-cert', stranger.certFile, '-keyfile', stranger.keyFile, ...window],
    ...['-out', pem],
  ]);
  await succeed(toolPath('openssl'), ['crl', '-in', pem, '-outform', 'DER', '-out', out]);
  return readFile(out);
}

/** A list that leaves out signers' certificates, whatever became of them. */
const ABOUT_AUTHORITIES = [
  'crl_extensions = list',
  '[list]',
  'issuingDistributionPoint = critical,@point',
  '[point]',
  'onlyCA = TRUE',
];

/** An authority that nobody knows, of a name of its own. */
async function strangerFor(folder: Folder, name: string): Promise<Pick<Database, 'certFile' | 'keyFile'>> {
  const certFile = folder.file(`${name}.stranger.crt`);
  const keyFile = folder.file(`${name}.stranger.key`);
  await succeed(toolPath('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=stranger', '-keyout', keyFile, '-out', certFile],
  ]);
  return { certFile, keyFile };
}

/** The query of a GET is the rest of the path (RFC 6960, appendix A). */
async function queryOf(request: IncomingMessage): Promise<Buffer> {
  if (request.method === 'GET') {
    const [, , , ...rest] = (request.url ?? '').split('/');
    return Buffer.from(decodeURIComponent(rest.join('/')), 'base64');
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
