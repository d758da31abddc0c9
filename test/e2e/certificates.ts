import type { Folder } from './folder.ts';
import { succeed } from './process.ts';
import { toolPath } from './tools.ts';

/** Paths of a certificate and its key, in PEM. */
export type Pair = { readonly certFile: string; readonly keyFile: string };

/** Makes a certification authority that lives as long as the folder. */
export async function createAuthority(folder: Folder): Promise<Pair> {
  const pair = pairIn(folder, 'ca');
  await succeed(toolPath('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=countersign-e2e', '-keyout', pair.keyFile, '-out', pair.certFile],
  ]);
  return pair;
}

/** Has the authority issue a certificate for a subject such as `/O=system:masters/CN=admin`, valid for 127.0.0.1. */
export async function issue(folder: Folder, authority: Pair, name: string, subject: string): Promise<Pair> {
  const pair = pairIn(folder, name);
  const extensions = folder.write(
    `${name}.ext`,
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  await succeed(toolPath('openssl'), [
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', subject],
    ...['-keyout', pair.keyFile, '-out', folder.file(`${name}.csr`)],
  ]);
  await succeed(toolPath('openssl'), [
    ...['x509', '-req', '-in', folder.file(`${name}.csr`), '-CA', authority.certFile, '-CAkey', authority.keyFile],
    ...['-CAcreateserial', '-days', '2', '-extfile', extensions, '-out', pair.certFile],
  ]);
  return pair;
}

function pairIn(folder: Folder, name: string): Pair {
  return { certFile: folder.file(`${name}.crt`), keyFile: folder.file(`${name}.key`) };
}
