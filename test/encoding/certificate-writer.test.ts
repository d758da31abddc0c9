import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';

describe('certificates of our own making', () => {
  it('are accepted by node for their names and addresses, and for no others', () => {
    const ca = createCertificateAuthority();
    const root = new X509Certificate(ca.certificatePem);
    const leaf = new X509Certificate(
      issueServerCertificate(ca, {
        dnsNames: ['registry.test', '*.apps.test'],
        ipAddresses: ['127.0.0.1', '::1', '2001:db8::ff00:42:8329'],
      }).certificatePem,
    );
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.checkHost('registry.test')).toBe('registry.test');
    expect(leaf.checkHost('x.apps.test')).toBe('*.apps.test');
    expect(leaf.checkHost('other.test')).toBeUndefined();
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBe('::1');
    expect(leaf.checkIP('2001:db8::ff00:42:8329')).toBe('2001:db8::ff00:42:8329');
    expect(leaf.checkIP('127.0.0.2')).toBeUndefined();
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('hold for the time that was asked for, beyond 2050 too', () => {
    const ca = createCertificateAuthority({ notAfter: new Date('2061-02-03T04:05:06Z') });
    expect(new X509Certificate(ca.certificatePem).validToDate.toISOString()).toBe('2061-02-03T04:05:06.000Z');
    const leaf = issueServerCertificate(ca, {
      dnsNames: ['a.test'],
      notBefore: new Date('2026-01-02T03:04:05Z'),
      notAfter: new Date('2027-01-02T03:04:05Z'),
    });
    const read = new X509Certificate(leaf.certificatePem);
    expect(read.validFromDate.toISOString()).toBe('2026-01-02T03:04:05.000Z');
    expect(read.validToDate.toISOString()).toBe('2027-01-02T03:04:05.000Z');
  });

  it('carry a real TLS connection for whoever trusts the CA', async () => {
    const ca = createCertificateAuthority();
    const leaf = issueServerCertificate(ca, { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
    const server = createServer({ cert: leaf.certificatePem, key: leaf.privateKeyPem }, (socket) =>
      socket.end('hello'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = connect({ host: '127.0.0.1', port, ca: [ca.certificatePem] });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    expect(socket.authorized).toBe(true);
    expect(Buffer.concat(chunks).toString()).toBe('hello');
    server.close();
  });

  it('refuse a name or an address that is none', () => {
    const ca = createCertificateAuthority();
    expect(() => issueServerCertificate(ca, { ipAddresses: ['localhost'] })).toThrow(TypeError);
    expect(() => issueServerCertificate(ca, { dnsNames: ['ü.test'] })).toThrow(TypeError);
  });
});
