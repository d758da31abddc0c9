import { describe, expect, it } from 'vitest';
import { digestOf, parseDigest } from '../../src/image/digest.ts';
import {
  type SignatureFolder,
  signatureFile,
  signatureFolder,
  signatureUrl,
} from '../../src/registry/lookaside-url.ts';

const DIGEST = digestOf(Buffer.from('image'));
const HEX = DIGEST.slice('sha256:'.length);
const IMAGE = { host: 'registry.test:5000', path: 'test/img' };

function folder(lookaside: string, repository = IMAGE): SignatureFolder {
  const made = signatureFolder(lookaside, repository, DIGEST);
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

const first = (made: SignatureFolder): string =>
  made.kind === 'file' ? signatureFile(made, 1) : signatureUrl(made, 1).href;

describe('where a signature lies in a lookaside', () => {
  it.each([
    ['https://sigs.test', `https://sigs.test/test/img@sha256=${HEX}/signature-1`],
    ['https://sigs.test/', `https://sigs.test//test/img@sha256=${HEX}/signature-1`],
    ['https://sigs.test/a/b', `https://sigs.test/a/b/test/img@sha256=${HEX}/signature-1`],
    ['https://sigs.test/a/b/', `https://sigs.test/a/b//test/img@sha256=${HEX}/signature-1`],
    ['http://sigs.test:8000/a', `http://sigs.test:8000/a/test/img@sha256=${HEX}/signature-1`],
    ['https://sigs.test/a?key=1', `https://sigs.test/a/test/img@sha256=${HEX}/signature-1?key=1`],
    ['https://sigs.test?key=/1', `https://sigs.test/test/img@sha256=${HEX}/signature-1?key=/1`],
    ['https://sigs.test/a%20b#part', `https://sigs.test/a%20b/test/img@sha256=${HEX}/signature-1`],
    ['HTTPS://SIGS.test/A', `https://sigs.test/A/test/img@sha256=${HEX}/signature-1`],
    ['https://sigs.test:443', `https://sigs.test/test/img@sha256=${HEX}/signature-1`],
    ['file:///var/sigs', `/var/sigs/test/img@sha256=${HEX}/signature-1`],
    ['file:///var/sigs/', `/var/sigs//test/img@sha256=${HEX}/signature-1`],
    ['file:///var/my%20sigs', `/var/my sigs/test/img@sha256=${HEX}/signature-1`],
    ['file://localhost/var/sigs', `/var/sigs/test/img@sha256=${HEX}/signature-1`],
  ])('%s: without the host of the image, as it is written [openshift-containers 79]', (lookaside, url) => {
    expect(first(folder(lookaside))).toBe(url);
  });

  it('keeps library/ of Docker Hub [openshift-containers 79]', () => {
    expect(first(folder('https://sigs.test', { host: 'docker.io', path: 'library/busybox' }))).toBe(
      `https://sigs.test/library/busybox@sha256=${HEX}/signature-1`,
    );
  });

  it('cannot be led elsewhere by a digest, since only a digest is one [openshift-containers 80]', () => {
    expect(parseDigest('sha256:../hello').ok).toBe(false);
    expect(parseDigest(`sha256:${'../'.repeat(21)}a`).ok).toBe(false);
  });

  it('takes credentials out of the URL and shows neither them nor a query', () => {
    const made = folder('https://bob:p%40ss%2Fw@sigs.test/a?token=s3cret');
    expect(made).toMatchObject({
      kind: 'http',
      shown: `https://sigs.test/a/test/img@sha256=${HEX}`,
      authorization: `Basic ${Buffer.from('bob:p@ss/w').toString('base64')}`,
    });
    expect(first(made)).toBe(`https://sigs.test/a/test/img@sha256=${HEX}/signature-1?token=s3cret`);
    expect(folder('https://sigs.test/a')).toMatchObject({ authorization: undefined });
    expect(folder('https://token@sigs.test/a')).toMatchObject({
      authorization: `Basic ${Buffer.from('token:').toString('base64')}`,
    });
  });

  it.each([
    ['', ''],
    ['/var/lib/sigs', '/var/lib/sigs'],
    ['sigs.test/a', 'sigs.test/a'],
    ['https://', 'https://'],
    ['https://bob:s3cret@exa mple', 'https://…@exa mple'],
    ['bob:s3cret@host', '…@host'],
    ['ftp://bob:s3cret@sigs.test', 'ftp://…@sigs.test'],
    ['s3://bucket/a', 's3://bucket/a'],
    ['data:text/plain,a', 'data:text/plain,a'],
    ['javascript:alert(1)', 'javascript:alert(1)'],
    ['file:sigs', 'file:sigs'],
    ['file://server/share', 'file://server/share'],
    ['file:///a%2fb', 'file:///a%2fb'],
    ['file:///a%zz', 'file:///a%zz'],
    ['https://%zz:s3cret@sigs.test', 'https://…@sigs.test'],
    ['https://bob:s3cret%e0@sigs.test', 'https://…@sigs.test'],
    ['nonsense\u202ehttps', 'nonsense\\u202ehttps'],
  ])('%j is unusable, and its password is not told', (lookaside, shown) => {
    const made = signatureFolder(lookaside, IMAGE, DIGEST);
    expect(made).toMatchObject({ ok: false, failure: { code: 'LOOKASIDE_UNUSABLE' } });
    expect(made.ok ? '' : made.failure.message).toContain(`the lookaside ${shown} `);
    expect(JSON.stringify(made)).not.toContain('s3cret');
  });
});
