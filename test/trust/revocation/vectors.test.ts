import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { failed, ok } from '../../../src/codes/result.ts';
import { readPem } from '../../../src/encoding/pem.ts';
import type { HttpClient } from '../../../src/http/client.ts';
import { readRevocationList } from '../../../src/trust/revocation/crl.ts';
import { certificateId, requestPath } from '../../../src/trust/revocation/ocsp-request.ts';
import { createRevocation } from '../../../src/trust/revocation/revocation.ts';
import { readDistributionPoints, revocationSources } from '../../../src/trust/revocation/sources.ts';
import { type Certificate, parseCertificates } from '../../../src/trust/x509/certificate.ts';
import { readSequence } from '../../../src/trust/x509/der.ts';
import { readExtension } from '../../../src/trust/x509/extensions.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

const MARCH_2025 = Date.parse('2025-03-01T00:00:00Z');

function chainOf(path: string): readonly Certificate[] {
  const read = parseCertificates(readFileSync(path, 'utf8'), { junk: 'ignored', maximum: 10 });
  if (!read.ok) throw new Error(read.message);
  return read.value;
}

describeVectors('notation-e2e', "revocation as notation's own tests have it", (path) => {
  const chain = chainOf(join(path, 'crl/certchain_with_crl.pem'));

  /** Asks where these files are what the web server has; the OCSP responder that the intermediate names is nowhere. */
  async function asked(files: Readonly<Record<string, string>>): Promise<string> {
    const http: HttpClient = {
      request: ({ url }) => {
        const file = url.host === 'localhost:10086' ? files[url.pathname.slice(1)] : undefined;
        if (file === undefined) return Promise.resolve(failed('REGISTRY_UNREACHABLE', `${url.host} is not there`));
        const body = readFileSync(join(path, 'crl', file));
        return Promise.resolve(ok({ status: 200, header: () => undefined, body }));
      },
      close: () => Promise.resolve(),
    };
    const revocation = createRevocation(http, { clock: () => MARCH_2025 });
    const status = await revocation.check(chain, undefined, AbortSignal.timeout(5_000));
    return status.kind === 'good' ? 'good' : status.message;
  }

  const good = { 'leaf.crl': 'leaf.crl', 'intermediate.crl': 'intermediate.crl' };

  it('nothing is revoked, and the intermediate is found out about by its list as its responder is not there', async () => {
    expect(await asked(good)).toBe('good');
  });
  it('the leaf is revoked', async () => {
    expect(await asked({ ...good, 'leaf.crl': 'leaf_revoked.crl' })).toMatch(/^certificate 1 of the chain was revoked/);
  });
  it('the intermediate is revoked', async () => {
    expect(await asked({ ...good, 'intermediate.crl': 'intermediate_revoked.crl' })).toMatch(
      /^certificate 2 of the chain was revoked on 2024-11-11/,
    );
  });
  it('the list of the leaf has expired [notation-ratify 93]', async () => {
    expect(await asked({ ...good, 'leaf.crl': 'leaf_expired.crl' })).toMatch(/^whether certificate 1 .*has expired/);
  });
  it("the leaf's list is the root's [notation-ratify 94]", async () => {
    expect(await asked({ ...good, 'leaf.crl': 'intermediate.crl' })).toMatch(
      /^whether certificate 1 .*another authority/,
    );
  });
  it('there are no lists', async () => {
    expect(await asked({})).toMatch(/^whether certificate 1 of the chain is revoked is not known/);
  });

  it('the request for the leaf is the one that OpenSSL writes', () => {
    const [leaf, root] = chainOf(join(path, 'ocsp/certchain_with_ocsp.pem'));
    if (leaf === undefined || root === undefined) throw new Error('two certificates are expected');
    expect(revocationSources(leaf)).toMatchObject({
      ok: true,
      value: { ocsp: ['http://localhost:10087'], points: undefined },
    });
    expect(decodeURIComponent(requestPath(certificateId(leaf, root)) ?? '')).toBe(
      'MFUwUzBRME8wTTAJBgUrDgMCGgUABBS7w0IpnE+nr7K+WdALU7UHl2LGiQQUtjb5L4ZaNVNQ/Ryw5dBiqVSIkjQCFFINmxNk2YNncR2itqCg80sj49Aq',
    );
  });
});

describeVectors('notation-core-go/revocation/crl/testdata', 'places of changes to lists', (path) => {
  it.each([
    ['certificateWithDeltaCRL.cer', 1],
    ['certificateWith2DeltaCRL.cer', 2],
    ['certificateWithZeroDeltaCRLURL.cer', 0],
    ['certificateWithNonURIDeltaCRL.cer', 0],
    ['certificateWithIncompleteFreshestCRL.cer', 'unreadable'],
    ['certificateWithIncompleteFreshestCRL2.cer', 0],
  ])('%s names as many URLs as notation reads there', (file, urls) => {
    const value = extensionOf(join(path, file), '2.5.29.46');
    const points = readDistributionPoints(value);
    expect(points?.flatMap((point) => point.urls).length ?? 'unreadable').toBe(urls);
  });

  it('a list names two places of its changes', () => {
    const read = readRevocationList(readFileSync(join(path, 'crlWithMultipleFreshestCRLs.crl')));
    if (!read.ok) throw new Error(read.message);
    expect(read.value).toMatchObject({ number: 5n, changesSince: undefined });
    expect(
      readDistributionPoints(read.value.freshest ?? new Uint8Array())?.flatMap((point) => point.urls),
    ).toHaveLength(2);
  });

  it('changes say what they are changes to', () => {
    const read = readRevocationList(readFileSync(join(path, 'delta.crl')));
    expect(read).toMatchObject({ ok: true, value: { number: 5n, changesSince: 4n } });
  });
});

/** The value of an extension, whatever else the certificate holds: some of these are no longer good ones. */
function extensionOf(file: string, oid: string): Uint8Array {
  const pem = readPem(readFileSync(file, 'utf8').replaceAll('\r\n', '\n'), { junk: 'ignored', maxBlocks: 1 });
  if (!pem.ok) throw new Error(pem.failure.message);
  const [body] = readSequence(pem.value[0].der) ?? [];
  const wrapped = (readSequence(body?.bytes ?? new Uint8Array()) ?? []).at(-1);
  for (const element of readSequence(wrapped?.content ?? new Uint8Array()) ?? []) {
    const extension = readExtension(element);
    if (extension?.oid === oid) return extension.value;
  }
  throw new Error(`${file} has no extension ${oid}`);
}
