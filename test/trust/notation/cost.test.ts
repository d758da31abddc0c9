import { expect, it } from 'vitest';
import { codeSigningChainProblem } from '../../../src/trust/notation/profile.ts';
import { createVerifiedEdges } from '../../../src/trust/x509/chain.ts';
import {
  alternativeNames,
  authority,
  CODE_SIGNING,
  dns,
  extendedUsage,
  type Issued,
  issueIntermediate,
  issueRoot,
  nameConstraints,
  usage,
} from '../../fixtures/certificates.ts';
import { leafOf, parsed } from './chains.ts';

/** A chain of ten in which everybody has so many names, and every authority limits them to as many others. */
function limited(count: number): readonly Issued[] {
  const each = (text: (n: number) => string) => Array.from({ length: count }, (_, n) => dns(text(n)));
  const names = alternativeNames(...each((n) => `x.b${count - 1 - n}.example`));
  const limits = [
    authority(),
    usage(5, 6),
    nameConstraints(
      each((n) => `b${n}.example`),
      each((n) => `c${n}.example`),
    ),
  ];
  const above = [issueRoot('root', { extensions: limits })];
  for (let n = 0; n < 8; n++) {
    const [issuer = issueRoot()] = above;
    above.unshift(issueIntermediate(issuer, `intermediate ${n}`, { extensions: [...limits, names] }));
  }
  const [issuer = 'self'] = above;
  return [leafOf(issuer, { extensions: [usage(0), extendedUsage(CODE_SIGNING), names] }), ...above];
}

it('a chain of a thousand names under a thousand limits, nine times over, holds nobody up', async () => {
  const chain = limited(1_000).map(parsed);
  const began = performance.now();
  const problem = await codeSigningChainProblem(chain, createVerifiedEdges());
  // It took nine seconds in which nothing else was decided; whoever may push can make one.
  expect(performance.now() - began).toBeLessThan(500);
  expect(problem).toEqual({ code: 'CERTIFICATE_UNFIT', message: 'the chain limits more names than are compared' });
});

it('a chain of ten with some names under some limits is read all the same', async () => {
  expect(await codeSigningChainProblem(limited(8).map(parsed), createVerifiedEdges())).toBeUndefined();
});
