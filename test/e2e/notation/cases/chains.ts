import { authority, type Issued, issue, issueIntermediate, issueRoot, usage } from '../../../fixtures/certificates.ts';
import { admitted, type Case, inBothForms, refused, stricter } from '../case.ts';
import { attachForged, below, byChain, sign } from '../sign.ts';
import { inHours, leafOf } from '../signers.ts';

/** What a chain consists of, in which order, and when it is valid (notation-ratify.md §1.7). */
export const CHAIN_CASES: readonly Case[] = [
  ...inBothForms((format) =>
    admitted('a chain with an intermediate', async (place) => {
      const middle = issueIntermediate(place.acme, 'middle');
      await sign(place, { format }, place.signer([leafOf(middle), middle, place.acme]));
      return {};
    }),
  ),
  refused(
    'a chain from the root down [notation-ratify 39]',
    /verification error/,
    'SIGNATURE_CORRUPT',
    async (place) => {
      const leaf = leafOf(place.acme);
      await attachForged(place, 'jws', { chain: [place.acme.der, leaf.der], key: leaf.keys.privateKey });
      return {};
    },
  ),
  refused(
    'a certificate too many at the end [notation-ratify 40]',
    /self-signed/,
    'CERTIFICATE_CHAIN_BROKEN',
    (place) => byChain(place, [leafOf(place.acme), place.acme, place.other]),
  ),
  refused(
    'a certificate too many in the middle [notation-ratify 40]',
    /is not issued by/,
    'CERTIFICATE_CHAIN_BROKEN',
    (place) => byChain(place, [leafOf(place.acme), leafOf(place.other), place.acme]),
  ),
  refused(
    'the root is left out [notation-ratify 41]',
    /invalid self-signed certificate/,
    'CERTIFICATE_CHAIN_BROKEN',
    (place) => byChain(place, [leafOf(place.acme)]),
  ),
  refused('the root stands twice', /self-signed/, 'CERTIFICATE_CHAIN_BROKEN', (place) =>
    byChain(place, [leafOf(place.acme), place.acme, place.acme]),
  ),
  refused('a root of the same name, by another key', /is not issued by/, 'CERTIFICATE_UNTRUSTED', (place) =>
    byChain(place, [leafOf(place.acme), issueRoot('acme root')]),
  ),
  refused(
    'an authority that signs alone [notation-ratify 42]',
    /invalid self-signed certificate/,
    'CERTIFICATE_UNFIT',
    (place) => {
      const root = issueRoot('lonely', { extensions: [authority(), usage(0, 5)] });
      return byChain(place, [root], { 'ca/acme/root.pem': root.pem });
    },
  ),
  ...inBothForms((format) =>
    admitted('a certificate that signed itself, and is in the store [notation-ratify 42]', async (place) => {
      const lonely = leafOf('self');
      await sign(place, { format }, place.signer([lonely]));
      return { stores: { 'ca/acme/lonely.pem': lonely.pem } };
    }),
  ),
  refused(
    'a certificate that signed itself, and is in no store',
    /trusted certificate/,
    'CERTIFICATE_UNTRUSTED',
    async (place) => {
      await sign(place, {}, place.signer([leafOf('self')]));
      return {};
    },
  ),
  refused('a certificate that another key signed', /is not issued by/, 'CERTIFICATE_CHAIN_BROKEN', (place) => {
    const impostor: Issued = { ...place.other, subject: place.acme.subject, name: place.acme.name };
    return byChain(place, [leafOf(impostor), place.acme]);
  }),
  refused(
    'an expired intermediate',
    /verification time is after certificate/,
    'CERTIFICATE_EXPIRED',
    below({ notAfter: inHours(-1) }),
  ),
  refused('an expired root', /verification time is after certificate/, 'CERTIFICATE_EXPIRED', (place) => {
    const root = issueRoot('old root', { notBefore: inHours(-48), notAfter: inHours(-1) });
    return byChain(place, [leafOf(root), root], { 'ca/acme/root.pem': root.pem });
  }),
  admitted('a leaf that outlives its root', (place) => {
    const root = issueRoot('short root', { notBefore: inHours(-48), notAfter: inHours(24) });
    return byChain(place, [leafOf(root), root], { 'ca/acme/root.pem': root.pem });
  }),
  stricter('a chain of eleven certificates', 'LIMIT_EXCEEDED', 'chains of more than 10 certificates', (place) => {
    const chain: [Issued, ...Issued[]] = [place.acme];
    for (let depth = 0; depth < 9; depth += 1) {
      chain.unshift(
        issue(chain[0], {
          subject: `a${depth}`,
          notBefore: inHours(-1),
          notAfter: inHours(9),
          extensions: [authority(), usage(5)],
        }),
      );
    }
    return byChain(place, [leafOf(chain[0]), ...chain]);
  }),
];
