import { describe, expect, it } from 'vitest';
import { failure, type Lookup } from '../../../src/codes/result.ts';
import { digestOf } from '../../../src/image/digest.ts';
import type { DetachedSignatures, Registry } from '../../../src/registry/registry.ts';
import { listDetached } from '../../../src/signatures/detached/list.ts';
import { createMemoryRegistry } from '../../fixtures/memory-registry.ts';
import { context } from '../../fixtures/registry/client.ts';
import { searchIn } from '../../fixtures/registry/lookaside.ts';

const DIGEST = digestOf(Buffer.from('image'));
const SOURCE = { host: 'registry.test', path: 'acme/app' };
const MIRROR = { host: 'mirror.test', path: 'copies/app' };
const PLACE = 'https://sigs.test/copies/app@sha256=00';
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';

const openPgp = Buffer.of(0xa3, 1, 2, 3);
const named = (format: string, rest: Uint8Array | string) =>
  Buffer.concat([Buffer.from(`\0${format}\n`), Buffer.from(rest)]);
const sigstore = (more: object = {}): Buffer =>
  named(
    'sigstore-json',
    JSON.stringify({
      mimeType: SIMPLE_SIGNING,
      payload: Buffer.from('{}').toString('base64'),
      annotations: { 'dev.cosignproject.cosign/signature': 'c2ln' },
      ...more,
    }),
  );

/** What a look-up comes to where these signatures lie. */
async function list(signatures: readonly (Uint8Array | string)[], source: DetachedSignatures['source'] = 'lookaside') {
  const found: Lookup<DetachedSignatures> = {
    kind: 'found',
    value: {
      location: MIRROR,
      source,
      place: PLACE,
      signatures: signatures.map((bytes, n) => ({ name: `${PLACE}/signature-${n + 1}`, bytes: Buffer.from(bytes) })),
    },
  };
  const listed = await listFrom(found);
  if (!listed.ok) throw new Error(listed.failure.message);
  return listed.value;
}

function listFrom(found: Lookup<DetachedSignatures>) {
  const registry: Registry = { ...createMemoryRegistry().client(), detached: () => Promise.resolve(found) };
  return listDetached(registry, SOURCE, DIGEST, searchIn('https://sigs.test'), 128, context());
}

describe('detached signatures', () => {
  it('are candidates at the place where each lies, by its physical name', async () => {
    const listing = await list([openPgp, sigstore()]);
    const location = (n: number) => ({
      store: 'lookaside',
      repository: 'mirror.test/copies/app',
      reference: `${PLACE}/signature-${n}`,
    });
    expect(listing).toEqual({
      place: { store: 'lookaside', repository: 'mirror.test/copies/app', reference: PLACE },
      candidates: [
        {
          kind: 'openpgp',
          id: digestOf(openPgp),
          location: location(1),
          artifact: { digest: digestOf(openPgp), mediaType: 'application/pgp-encrypted' },
          blob: { bytes: Uint8Array.from(openPgp), size: 4 },
        },
        {
          kind: 'layer',
          id: digestOf(sigstore()),
          location: location(2),
          artifact: { digest: digestOf(sigstore()), mediaType: SIMPLE_SIGNING },
          blob: { bytes: Uint8Array.from(Buffer.from('{}')), size: 2 },
          annotations: { 'dev.cosignproject.cosign/signature': 'c2ln' },
        },
      ],
      others: 0,
    });
  });

  it('that nobody laid are an empty list at the place that was looked at', async () => {
    expect(await list([])).toEqual({
      place: { store: 'lookaside', repository: 'mirror.test/copies/app', reference: PLACE },
      candidates: [],
      others: 0,
    });
  });

  it.each([
    ['a page of HTML', '<html>Please sign in</html>', 'it starts with the byte 0x3c, as no signature does'],
    ['an empty file', '', 'it is empty'],
    ['an armored message', '-----BEGIN PGP MESSAGE-----', 'it starts with the byte 0x2d, as no signature does'],
    ['a format of another day', named('other', ''), 'it is of a format that nobody knows'],
  ])(
    'of which one is %s are unread there, beside the good ones [openshift-containers 58, 60]',
    async (_, blob, why) => {
      const { candidates } = await list([blob, openPgp]);
      expect(candidates).toMatchObject([
        { kind: 'unread', failure: { code: 'RESPONSE_MALFORMED', message: `${PLACE}/signature-1: ${why}` } },
        { kind: 'openpgp' },
      ]);
    },
  );

  it('tell apart two that differ in their annotations alone, whose payload is one', async () => {
    const [one, two] = [sigstore(), sigstore({ annotations: { 'dev.cosignproject.cosign/signature': 'b3RoZXI=' } })];
    const { candidates } = await list([one, two, one]);
    const ids = candidates.map((candidate) => (candidate.kind === 'layer' ? candidate.id : ''));
    expect(new Set(ids).size).toBe(2);
    expect(ids[2]).toBe(ids[0]);
  });

  it('count attachments that are no signatures, and refuse one without its signature alone', async () => {
    const listing = await list([
      sigstore({ mimeType: 'text/plain' }),
      sigstore({ mimeType: 'text/plain', annotations: null }),
      sigstore({ annotations: null }),
      sigstore({ annotations: { 'dev.cosignproject.cosign/signature': '' } }),
      sigstore(),
    ]);
    expect(listing.others).toBe(2);
    expect(listing.candidates).toMatchObject([
      { kind: 'malformed', proof: { code: 'SIGNATURE_MALFORMED' } },
      { kind: 'malformed', proof: { code: 'SIGNATURE_MALFORMED' } },
      { kind: 'layer' },
    ]);
  });

  it('of a registry that serves them are OpenPGP, whatever they start with', async () => {
    const blobs = ['-----BEGIN PGP MESSAGE-----', '', openPgp, sigstore()];
    const { candidates } = await list(blobs, 'extension');
    expect(candidates.map((candidate) => [candidate.kind, 'blob' in candidate ? candidate.blob.size : -1])).toEqual(
      blobs.map((blob) => ['openpgp', Buffer.from(blob).length]),
    );
  });

  it('that could not be looked for are a failure, and never an empty list', async () => {
    const trouble = failure('REGISTRY_UNAVAILABLE', 'the lookaside answered 500');
    expect(await listFrom({ kind: 'failed', failure: trouble })).toEqual({ ok: false, failure: trouble });
  });
});
