import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok } from '../../../src/codes/result.ts';
import { element } from '../../../src/encoding/der-writer.ts';
import type { HttpClient } from '../../../src/http/client.ts';
import { readRevocationList } from '../../../src/trust/revocation/crl.ts';
import { certificateId } from '../../../src/trust/revocation/ocsp-request.ts';
import { readOcspResponse } from '../../../src/trust/revocation/ocsp-response.ts';
import { createRevocation } from '../../../src/trust/revocation/revocation.ts';
import { readElements } from '../../../src/trust/x509/der.ts';
import { extendedUsage, NOON, usage } from '../../fixtures/certificates.ts';
import {
  certify,
  certifyAuthority,
  lists,
  type Party,
  responders,
  scope,
  uriName,
  writeAnswer,
  writeList,
} from '../../fixtures/revocation.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../../signatures/mutation-count.ts';

const root = certifyAuthority('self', 'root');
const responder = certify(root, 'responder', [usage(0), extendedUsage('1.3.6.1.5.5.7.3.9')]);
const byOcsp = certify(root, 'leaf', [usage(0), responders('http://ocsp.example/')]);
const byList = certify(root, 'leaf', [usage(0), lists('http://crl.example/')]);

const answer = (status: 'good' | 'revoked') =>
  writeAnswer(responder, byOcsp.certificate, root.certificate, { status, certificates: [responder.certificate] });
const list = (revoked: readonly Party[]) =>
  writeList(root, {
    revoked: [{ of: Buffer.from([9]), reason: 4 }, ...revoked.map((of) => ({ of, reason: 1 }))],
    extensions: [scope({ names: [uriName('http://crl.example/')] })],
  });

/** Asks with an authority that sends these bytes whatever it is asked for. */
async function asked(leaf: Party, body: Uint8Array): Promise<string> {
  const http: HttpClient = {
    request: () => Promise.resolve(ok({ status: 200, header: () => undefined, body })),
    close: () => Promise.resolve(),
  };
  const revocation = createRevocation(http, { clock: () => NOON });
  const chain = [leaf.certificate, root.certificate];
  const { kind } = await revocation.check(chain, undefined, AbortSignal.timeout(10_000));
  return kind;
}

const KINDS = [
  ['an OCSP answer', byOcsp, answer('revoked'), answer('good')],
  ['a list', byList, list([byList]), list([])],
] as const;

/** One element left out, doubled, emptied, or exchanged for its neighbour, somewhere in the tree. */
function restructured(der: Uint8Array, path: readonly number[], how: number): Uint8Array {
  const [first] = readElements(der) ?? [];
  if (first === undefined) return der;
  const inner = readElements(first.content);
  const isTree = (first.tag & 0x20) !== 0 || first.tag === 0x04;
  const [step, ...rest] = path;
  if (step === undefined || !isTree || inner === undefined || inner.length === 0)
    return Buffer.concat(
      [[], [first.bytes, first.bytes], [element(first.tag)], [element(first.tag ^ 1, first.content)]][how % 4] ?? [],
    );
  const at = step % inner.length;
  const parts = inner.map(({ bytes }, i) => (i === at ? restructured(bytes, rest, how) : bytes));
  if (how % 5 === 4 && rest.length === 0) parts.reverse();
  return element(first.tag, ...parts);
}

const CHANGES = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), to: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), to: fc.nat(20) }),
  fc.record({ kind: fc.constant('more' as const), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant('tree' as const), path: fc.array(fc.nat(8), { maxLength: 8 }), how: fc.nat(20) }),
);

type Change = typeof CHANGES extends fc.Arbitrary<infer T> ? T : never;

function changed(der: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'tree') return restructured(der, change.path, change.how);
  const at = change.at % der.length;
  if (change.kind === 'cut') return Buffer.concat([der.subarray(0, at), der.subarray(at + change.to)]);
  if (change.kind === 'more') return Buffer.concat([der.subarray(0, at), Buffer.from([change.to]), der.subarray(at)]);
  const copy = Uint8Array.from(der);
  copy[at] = (copy[at] ?? 0) ^ change.to;
  return copy;
}

describe.each(KINDS)('%s that was changed', (_, leaf, revoked, good) => {
  it('is one that counts before it is changed', async () => {
    expect(await asked(leaf, revoked)).toBe('revoked');
    expect(await asked(leaf, good)).toBe('good');
  });

  it('in every byte in turn never makes a revoked certificate good', async () => {
    for (let at = 0; at < revoked.length; at++)
      expect(await asked(leaf, changed(revoked, { kind: 'byte', at, to: 1 << (at % 8) })), `byte ${at}`).not.toBe(
        'good',
      );
  });

  it(
    mutations('in any way never makes a revoked certificate good, and never takes long'),
    async () => {
      await fc.assert(
        fc.asyncProperty(CHANGES, async (change) => {
          const bytes = changed(revoked, change);
          expect(await quickly(JSON.stringify(change), () => asked(leaf, bytes))).not.toBe('good');
        }),
        { numRuns: MUTATIONS, seed: SEED },
      );
    },
    MUTATIONS_TIMEOUT,
  );

  it('in what is signed counts for nothing', async () => {
    const read =
      leaf === byList
        ? readRevocationList(good)
        : readOcspResponse(good, certificateId(leaf.certificate, root.certificate));
    if (!read.ok) throw new Error(read.message);
    const { signed } = read.value;
    const from = Buffer.from(good).indexOf(signed);
    expect(from).toBeGreaterThan(0);
    for (let at = from; at < from + signed.length; at++)
      expect(await asked(leaf, changed(good, { kind: 'byte', at, to: 0x04 })), `byte ${at}`).toBe('unknown');
  });
});
