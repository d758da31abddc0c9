import { describe, expect, it } from 'vitest';
import { certificateId, requestPath } from '../../../src/trust/revocation/ocsp-request.ts';
import { extendedUsage, extension, NOON, usage } from '../../fixtures/certificates.ts';
import {
  type AnswerOptions,
  certify,
  certifyAuthority,
  DAY,
  HOUR,
  lists,
  type Party,
  refusal,
  responders,
  UNKNOWN_CRITICAL,
  writeAnswer,
  writeList,
} from '../../fixtures/revocation.ts';
import { said, setUp } from './fixture.ts';

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const NO_CHECK = extension('1.3.6.1.5.5.7.48.1.5', Buffer.from([5, 0]));

const world = setUp();
const { root } = world;

/** A leaf that names the responder, which answers so. */
function answered(options: AnswerOptions = {}, signer: Party = root): Party {
  const leaf = world.leaf(responders(world.server.url('ocsp')));
  world.server.answers.set('ocsp', writeAnswer(signer, leaf.certificate, root.certificate, options));
  return leaf;
}

describe('asking an OCSP responder', () => {
  it('lets a certificate count that it calls good [notation-ratify 91]', async () => {
    expect(await world.once(answered())).toBe('good');
    expect(world.server.requests).toHaveLength(1);
  });

  it('refuses one that it calls revoked, and says when [notation-ratify 91]', async () => {
    expect(await world.once(answered({ status: 'revoked' }))).toBe(
      `revoked: certificate 1 of the chain was revoked on 2026-06-01T10:00:00.000Z, says OCSP responder ${world.server.url('ocsp')}`,
    );
  });

  it('knows nothing where the responder does not know the certificate [notation-ratify 91]', async () => {
    expect(await world.once(answered({ status: 'unknown' }))).toMatch(/^unknown: .*does not know the certificate$/);
  });

  it.each([
    ['the list says nothing', [], /^good$/],
    ['the list has it', ['leaf'], /^revoked: certificate 1 of the chain was revoked/],
  ])(
    'goes on to the list where the responder does not know the certificate, and %s [notation-ratify 91]',
    async (_, on, expected) => {
      const leaf = world.leaf(responders(world.server.url('ocsp')), lists(world.server.url('crl')));
      world.server.answers.set('ocsp', writeAnswer(root, leaf.certificate, root.certificate, { status: 'unknown' }));
      world.server.answers.set('crl', writeList(root, { revoked: on.map(() => ({ of: leaf })) }));
      expect(await world.once(leaf)).toMatch(expected);
    },
  );

  it('asks no list where the responder has answered', async () => {
    const leaf = world.leaf(responders(world.server.url('ocsp')), lists(world.server.url('crl')));
    world.server.answers.set('ocsp', writeAnswer(root, leaf.certificate, root.certificate));
    world.server.answers.set('crl', writeList(root, { revoked: [{ of: leaf }] }));
    expect(await world.once(leaf)).toBe('good');
    expect(world.server.requests.filter((path) => path.startsWith('/crl'))).toEqual([]);
  });

  it('goes on to the list where the responder does not answer in time [notation-ratify 92]', async () => {
    const leaf = world.leaf(responders(world.server.url('ocsp')), lists(world.server.url('crl')));
    world.server.answers.set('ocsp', () => undefined);
    world.server.answers.set('crl', writeList(root, { revoked: [{ of: leaf }] }));
    expect(await world.once(leaf, { limits: { ocspMs: 100 } })).toMatch(/^revoked: /);
  });

  it('asks the next responder where the first has no answer, and none behind the first that has one', async () => {
    const leaf = world.leaf(responders(...['none', 'ocsp', 'late'].map((path) => world.server.url(path))));
    world.server.answers.set('none', refusal(3));
    world.server.answers.set('ocsp', writeAnswer(root, leaf.certificate, root.certificate, { status: 'revoked' }));
    world.server.answers.set('late', writeAnswer(root, leaf.certificate, root.certificate));
    expect(await world.once(leaf)).toMatch(/^revoked: /);
    expect(world.server.requests.map((path) => path.split('/')[1])).toEqual(['none', 'ocsp']);
  });

  it.each([1, 2, 3, 4, 5, 6, 99])('takes refusal %i for no answer, though nobody signed it', async (status) => {
    const leaf = world.leaf(responders(world.server.url('ocsp')));
    world.server.answers.set('ocsp', refusal(status));
    expect(await world.once(leaf)).toMatch(/^unknown: .*the responder says /);
  });

  it('does not take an https responder for none [notation-ratify 96]', async () => {
    const leaf = world.leaf(responders('https://ocsp.example/'));
    expect(await world.once(leaf)).toMatch(/^unknown: .*no URL that is asked: it must be plain http/);
  });

  it('goes on to the list where the responder is an https one [notation-ratify 96]', async () => {
    const leaf = world.leaf(responders('https://ocsp.example/'), lists(world.server.url('crl')));
    world.server.answers.set('crl', writeList(root));
    expect(await world.once(leaf)).toBe('good');
  });

  it('sends the request as RFC 6960 has it: SHA-1, one certificate, within the path', () => {
    const leaf = world.leaf();
    const path = requestPath(certificateId(leaf.certificate, root.certificate));
    const der = Buffer.from(decodeURIComponent(path ?? ''), 'base64').toString('hex');
    expect(der).toMatch(
      /^304430423040303e303c300906052b0e03021a05000414[0-9a-f]{40}0414[0-9a-f]{40}02037f[0-9a-f]{4}$/,
    );
  });

  it('does not ask about a serial number that is longer than a request may be', async () => {
    const leaf = certify(root, 'leaf', [usage(0), responders(world.server.url('ocsp'))], {
      serial: Buffer.alloc(200, 0x11),
    });
    expect(await world.once(leaf)).toMatch(/^unknown: .*its serial number is too long/);
  });
});

describe('whose answer counts', () => {
  it('is one of a responder that the issuer appointed', async () => {
    const responder = certify(root, 'responder', [usage(0), extendedUsage(OCSP_SIGNING), NO_CHECK]);
    for (const name of ['name', 'key'] as const) {
      const leaf = answered({ certificates: [responder.certificate], responder: name }, responder);
      expect(await world.once(leaf)).toBe('good');
    }
  });

  it('is not one of a responder whose certificate is not for OCSP answers', async () => {
    for (const extensions of [[usage(0)], [usage(0), extendedUsage('2.5.29.37.0')]]) {
      const stranger = certify(root, 'responder', extensions);
      const leaf = answered({ certificates: [stranger.certificate] }, stranger);
      expect(await world.once(leaf)).toMatch(/^unknown: .*not for OCSP answers/);
    }
  });

  it('is not one of a responder that another authority appointed, even under the same name', async () => {
    const other = certifyAuthority('self', 'root');
    const responder = certify(other, 'responder', [usage(0), extendedUsage(OCSP_SIGNING), NO_CHECK]);
    const leaf = answered({ certificates: [responder.certificate] }, responder);
    expect(await world.once(leaf)).toMatch(/^unknown: .*not from the issuer/);
  });

  it('is not one of an authority that only has the same name', async () => {
    const other = certifyAuthority('self', 'root');
    expect(await world.once(answered({}, other))).toMatch(/^unknown: .*neither by the issuer nor/);
  });

  it('is not that of the leaf itself, whoever carries its certificate along', async () => {
    const leaf = world.leaf(responders(world.server.url('ocsp')));
    const certificates = [leaf.certificate];
    world.server.answers.set('ocsp', writeAnswer(leaf, leaf.certificate, root.certificate, { certificates }));
    expect(await world.once(leaf)).toMatch(/^unknown: .*not for OCSP answers/);
  });

  it.each([
    ['had expired', { notAfter: NOON - HOUR }],
    ['is not valid yet', { notBefore: NOON + HOUR }],
  ])('is not one of a responder whose certificate %s', async (_, validity) => {
    const responder = certify(root, 'responder', [usage(0), extendedUsage(OCSP_SIGNING), NO_CHECK], validity);
    const leaf = answered({ certificates: [responder.certificate] }, responder);
    expect(await world.once(leaf)).toMatch(/^unknown: .*not in date/);
  });

  it('is not one of a responder whose certificate has a critical extension that nobody knows', async () => {
    const responder = certify(root, 'responder', [usage(0), extendedUsage(OCSP_SIGNING), UNKNOWN_CRITICAL]);
    const leaf = answered({ certificates: [responder.certificate] }, responder);
    expect(await world.once(leaf)).toMatch(/^unknown: .*critical extension/);
  });

  it('is not one of a responder that is itself on the list which its certificate names', async () => {
    const extensions = [usage(0), extendedUsage(OCSP_SIGNING), lists(world.server.url('crl'))];
    const responder = certify(root, 'responder', extensions);
    world.server.answers.set('crl', writeList(root, { revoked: [{ of: responder }] }));
    const leaf = answered({ certificates: [responder.certificate] }, responder);
    expect(await world.once(leaf)).toMatch(/^unknown: .*the responder's own certificate was revoked/);
    world.server.answers.set('crl', writeList(root));
    expect(await world.once(leaf)).toBe('good');
    world.server.answers.delete('crl');
    expect(await world.once(leaf)).toMatch(/^unknown: .*whether the responder's own certificate is revoked/);
  });

  it('is one of a responder that says it is not to be asked about, whatever list it names', async () => {
    const extensions = [usage(0), extendedUsage(OCSP_SIGNING), NO_CHECK, lists(world.server.url('crl'))];
    const responder = certify(root, 'responder', extensions);
    expect(await world.once(answered({ certificates: [responder.certificate] }, responder))).toBe('good');
  });
});

describe('what an answer must say', () => {
  it('is about the certificate that was asked about, not another one of the same authority', async () => {
    const other = world.leaf();
    expect(await world.once(answered({ about: other.certificate }))).toMatch(/^unknown: .*not about the certificate/);
  });

  it('is about a certificate of the same issuer, not of one with the same serial number elsewhere', async () => {
    const elsewhere = certifyAuthority('self', 'elsewhere');
    const leaf = answered({ issuer: elsewhere.certificate });
    expect(await world.once(leaf)).toMatch(/^unknown: .*not about the certificate/);
  });

  it('is said once, so that nobody picks the one he likes', async () => {
    expect(await world.once(answered({ times: 2 }))).toMatch(/^unknown: .*answers twice/);
  });

  it.each([
    ['has ended', { nextUpdate: NOON - 1000 }, /has expired/],
    ['does not say when it ends', { nextUpdate: 'none' as const }, /does not say until when/],
    ['begins in the future', { thisUpdate: NOON + HOUR }, /from the future/],
    ['has a critical extension that nobody knows', { extensions: [UNKNOWN_CRITICAL] }, /critical extension/],
    ['is in a response with such an extension', { responseExtensions: [UNKNOWN_CRITICAL] }, /cannot be read/],
  ])('does not count where it %s', async (_, options, expected) => {
    const message = await world.once(answered(options));
    expect(message).toMatch(/^unknown: /);
    expect(message).toMatch(expected);
  });

  it('counts to the last moment of its time, and where the clock of the authority is a little ahead', async () => {
    expect(await world.once(answered({ nextUpdate: NOON }))).toBe('good');
    expect(await world.once(answered({ thisUpdate: NOON + 60_000, nextUpdate: NOON + DAY }))).toBe('good');
  });

  it('says nothing of a signature that was made before the key was lost, if the time is vouched for [notation-ratify 98]', async () => {
    const leaf = answered({ status: 'revoked', invalidSince: NOON - DAY });
    expect(await world.once(leaf, { signedAt: NOON - DAY - 1000 })).toBe('good');
    expect(await world.once(leaf, { signedAt: NOON - DAY })).toMatch(/^revoked: /);
    expect(await world.once(leaf)).toMatch(/^revoked: /);
  });
});

describe('a chain', () => {
  it('is revoked where one of its authorities is, though the leaf is good', async () => {
    const intermediate = certifyAuthority(root, 'intermediate', [responders(world.server.url('above'))]);
    const leaf = certify(intermediate, 'leaf', [usage(0), responders(world.server.url('ocsp'))]);
    const { certificate } = leaf;
    world.server.answers.set('ocsp', writeAnswer(intermediate, certificate, intermediate.certificate));
    const above = (status: 'good' | 'revoked') =>
      world.server.answers.set('above', writeAnswer(root, intermediate.certificate, root.certificate, { status }));
    above('good');
    expect(await said(world.start(), [leaf, intermediate, root])).toBe('good');
    above('revoked');
    expect(await said(world.start(), [leaf, intermediate, root])).toMatch(/^revoked: certificate 2 of the chain/);
    world.server.answers.delete('ocsp');
    expect(await said(world.start(), [leaf, intermediate, root])).toMatch(/^revoked: certificate 2 of the chain/);
    above('good');
    expect(await said(world.start(), [leaf, intermediate, root])).toMatch(
      /^unknown: whether certificate 1 of the chain/,
    );
  });

  it('is good where its certificates name no source, and its root is never asked about', async () => {
    const asking = certifyAuthority('self', 'asking', [responders(world.server.url('ocsp'))]);
    const leaf = certify(asking, 'leaf');
    expect(await said(world.start(), [leaf, asking])).toBe('good');
    expect(await said(world.start(), [asking])).toBe('good');
    expect(world.server.requests).toEqual([]);
  });

  it('is unknown where its end is missing, its order is wrong or there is none', async () => {
    const intermediate = certifyAuthority(root, 'intermediate', [responders(world.server.url('above'))]);
    const leaf = certify(intermediate, 'leaf');
    for (const chain of [[], [leaf], [leaf, intermediate], [leaf, root], [root, intermediate, leaf]])
      expect(await said(world.start(), chain)).toMatch(/^unknown: .*they are no chain$/);
  });
});
