import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';

/** A CA of the test's own, and pairs that it issues into files. */
export function authority() {
  const ca = createCertificateAuthority();
  return {
    caPem: ca.certificatePem,
    /** Writes a fresh pair as tls.crt and tls.key, over what is there. */
    issue: async (folder: string) => {
      const { certificatePem, privateKeyPem } = issueServerCertificate(ca, {
        dnsNames: ['localhost'],
        ipAddresses: ['127.0.0.1'],
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + 3_600_000),
      });
      const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
      await writeFile(files.certFile, certificatePem);
      await writeFile(files.keyFile, privateKeyPem);
      return { ...files, certificatePem };
    },
  };
}
