import { describe, expect, it } from 'vitest';
import { type Der, element, sequence } from '../../../src/encoding/der-writer.ts';
import { extension, NOON, usage } from '../../fixtures/certificates.ts';
import {
  certify,
  certifyAuthority,
  DAY,
  type EntryOptions,
  entry,
  freshest,
  HOUR,
  type ListOptions,
  lists,
  type Party,
  point,
  scope,
  UNKNOWN_CRITICAL,
  uriName,
  writeList,
} from '../../fixtures/revocation.ts';
import { said, setUp } from './fixture.ts';

const world = setUp();
const { root } = world;

const HOLD = 6;
const REMOVE = 8;

/** A leaf that names one list, which is this. */
function listed(options: (leaf: Party) => ListOptions = () => ({}), signer: Party = root): Party {
  const leaf = world.leaf(lists(world.server.url('crl')));
  world.server.answers.set('crl', writeList(signer, options(leaf)));
  return leaf;
}

describe('looking a certificate up in a list', () => {
  it('lets it count where it is not there [notation-ratify 91]', async () => {
    expect(await world.once(listed())).toBe('good');
    expect(await world.once(listed(() => ({ revoked: [{ of: Buffer.from([0x55]) }] })))).toBe('good');
  });

  it('refuses it where it is there, and says when [notation-ratify 92]', async () => {
    expect(await world.once(listed((leaf) => ({ revoked: [{ of: leaf, reason: 1 }] })))).toBe(
      `revoked: certificate 1 of the chain was revoked on 2026-06-01T11:00:00.000Z, says the list ${world.server.url('crl')}`,
    );
  });

  it.each([0, 1, 2, 3, 4, 5, HOLD, 9, 10])('refuses it for reason %i [notation-ratify 95]', async (reason) => {
    expect(await world.once(listed((leaf) => ({ revoked: [{ of: leaf, reason }] })))).toMatch(/^revoked: /);
  });

  it('finds it among thousands, wherever it stands', async () => {
    const others = Array.from({ length: 3_000 }, (_, i): EntryOptions => {
      const serial = Buffer.alloc(4);
      serial.writeUInt32BE(0x10_00_00_00 + i);
      return { of: serial, reason: i % 5 };
    });
    for (const place of [0, 1, 255, 256, 511, 512, 2_999, 3_000]) {
      const leaf = listed((of) => ({ revoked: others.toSpliced(place, 0, { of }) }));
      expect(await world.once(leaf), `entry ${place}`).toMatch(/^revoked: /);
    }
    expect(await world.once(listed(() => ({ revoked: others })))).toBe('good');
  });

  it('is not misled by its serial number within an entry of another', async () => {
    const leaf = world.leaf(lists(world.server.url('crl')));
    const same = extension('1.2.3', element(0x02, leaf.certificate.serial));
    const fake = Array.from({ length: 600 }, (_, i) => ({
      of: Buffer.from([0x11, i >> 8, i & 0xff]),
      extensions: [same],
    }));
    world.server.answers.set('crl', writeList(root, { revoked: fake }));
    expect(await world.once(leaf)).toBe('good');
    world.server.answers.set('crl', writeList(root, { revoked: [...fake, { of: leaf }] }));
    expect(await world.once(leaf)).toMatch(/^revoked: /);
  });

  it('keeps many certificates of one list apart, whichever was looked up before', async () => {
    const leaves = Array.from({ length: 80 }, () => world.leaf(lists(world.server.url('crl'))));
    const isRevoked = (index: number): boolean => index % 3 === 0;
    const revoked = leaves.filter((_, index) => isRevoked(index)).map((of) => ({ of }));
    world.server.answers.set('crl', writeList(root, { revoked }));
    const revocation = world.start();
    for (let round = 0; round < 2; round++)
      for (const [index, leaf] of leaves.entries())
        expect(await said(revocation, [leaf, root])).toMatch(isRevoked(index) ? /^revoked: / : /^good$/);
    expect(world.server.requests).toHaveLength(1);
  });

  it('does not take a certificate whose serial number begins or ends like its own for it', async () => {
    const leaf = world.leaf(lists(world.server.url('crl')));
    const { serial } = leaf.certificate;
    const like = [
      Buffer.concat([serial, Buffer.from([1])]),
      serial.subarray(0, 2),
      Buffer.concat([Buffer.from([1]), serial]),
    ];
    world.server.answers.set('crl', writeList(root, { revoked: like.map((of) => ({ of })) }));
    expect(await world.once(leaf)).toBe('good');
  });

  it('says nothing of a signature that was made before the key was lost, if the time is vouched for [notation-ratify 98]', async () => {
    const leaf = listed((of) => ({ revoked: [{ of, reason: 1, invalidSince: NOON - DAY }] }));
    expect(await world.once(leaf, { signedAt: NOON - DAY - 1000 })).toBe('good');
    expect(await world.once(leaf, { signedAt: NOON - DAY })).toMatch(/^revoked: /);
    expect(await world.once(leaf)).toMatch(/^revoked: /);
  });
});

describe('which lists count', () => {
  it.each([
    ['is past its time [notation-ratify 93]', { nextUpdate: NOON - 1000 }, /the list has expired/],
    ['does not say until when it holds', { nextUpdate: 'none' as const }, /until when it holds/],
    ['is from the future', { thisUpdate: NOON + HOUR }, /from the future/],
    ['has a critical extension that nobody knows', { extensions: [UNKNOWN_CRITICAL] }, /critical extension 1\.2\.3\.4/],
    ['bears the name of another authority', { issuer: sequence() }, /from another authority/],
    ['is of another version', { version: 0 }, /no list of revoked certificates/],
    ['is signed with SHA-1', { hash: 'sha1' as const }, /an algorithm that is not accepted/],
    ['holds changes only, which lack what was revoked before', { changesSince: 1 }, /changes to another one only/],
    ['has an entry that is none', { rawEntries: Buffer.from([0x30, 0x03, 0x02, 0x01, 0x05]) }, /entries that are not/],
    ['has bytes behind its entries', { rawEntries: Buffer.from([0x00]) }, /entries that are not understood/],
    [
      'has an entry for somebody else with a critical extension that nobody knows',
      { revoked: [{ of: Buffer.from([5]), extensions: [UNKNOWN_CRITICAL] }] },
      /entries that are not understood/,
    ],
    ['has an entry with a serial number in a long form', { rawEntries: longForm() }, /entries that are not understood/],
  ])('is none that %s', async (_, options, expected) => {
    const message = await world.once(listed(() => options));
    expect(message).toMatch(/^unknown: whether certificate 1 of the chain is revoked is not known: list /);
    expect(message).toMatch(expected);
  });

  it('is none that another authority of the same name signed [notation-ratify 94]', async () => {
    const message = await world.once(listed(() => ({}), certifyAuthority('self', 'root')));
    expect(message).toMatch(/^unknown: .*the signature of the list is wrong/);
  });

  it('is none of an authority that may not sign lists', async () => {
    const mute = certifyAuthority('self', 'mute', [], [5]);
    const leaf = certify(mute, 'leaf', [usage(0), lists(world.server.url('crl'))]);
    world.server.answers.set('crl', writeList(mute));
    expect(await said(world.start(), [leaf, mute])).toMatch(/^unknown: .*may not sign lists/);
  });

  it('is every one that the certificate names, since each may be about a part', async () => {
    const leaf = world.leaf(lists(world.server.url('one'), world.server.url('two')));
    world.server.answers.set('one', writeList(root));
    expect(await world.once(leaf)).toMatch(/^unknown: .*two: .*status 404/);
    world.server.answers.set('two', writeList(root));
    expect(await world.once(leaf)).toBe('good');
    world.server.answers.set('two', writeList(root, { revoked: [{ of: leaf }] }));
    world.server.answers.delete('one');
    expect(await world.once(leaf), 'one that says revoked is enough').toMatch(/^revoked: /);
  });

  it('is none at an https or ldap place, and such a place is not taken for none', async () => {
    for (const url of ['https://crl.example/x', 'ldap://crl.example/x', 'http://user@crl.example/', 'file:///etc/x'])
      expect(await world.once(world.leaf(lists(url)))).toMatch(/^unknown: .*no URL that is asked/);
  });

  it('is not looked for where the certificate names a place that cannot be read, or too many', async () => {
    const broken = extension('2.5.29.31', Buffer.from('3004300200a0', 'hex'));
    const nowhere = extension('2.5.29.31', Buffer.from('30063004a002a000', 'hex'));
    const many = lists(...Array.from({ length: 9 }, (_, i) => world.server.url(`crl/${i}`)));
    expect(await world.once(world.leaf(broken))).toMatch(/^unknown: .*cannot be read/);
    expect(await world.once(world.leaf(nowhere))).toMatch(/^unknown: .*name no URL/);
    expect(await world.once(world.leaf(many))).toMatch(/^unknown: .*too many/);
    expect(world.server.requests).toEqual([]);
  });
});

/** An entry whose serial number has a leading zero too many, under which a search would miss it. */
function longForm(): Uint8Array {
  return entry({ of: Buffer.from([0x00, 0x05]) });
}

describe('what a list is about', () => {
  const about = (idp: Der): Party => listed(() => ({ extensions: [idp] }));

  it('may be the place where the certificate says it is, or all of the certificates of users', async () => {
    const names = [uriName('http://elsewhere.example/x'), uriName(world.server.url('crl'))];
    expect(await world.once(about(scope({ names })))).toBe('good');
    expect(await world.once(about(scope({ flags: [1] })))).toBe('good');
  });

  it.each([
    [
      'another place: the half where the certificate never stands',
      { names: [uriName('http://elsewhere.example/x')] },
      /another distribution point/,
    ],
    ['certificates of authorities only', { flags: [2] }, /about authorities' certificates only/],
    ['attribute certificates only', { flags: [5] }, /attribute certificates only/],
    ['certificates of other authorities too', { flags: [4] }, /other authorities/],
    ['some reasons only', { reasons: [1, 2] }, /not about all reasons/],
  ])('is not %s', async (_, of, expected) => {
    for (const criticality of ['critical', 'optional'] as const) {
      const message = await world.once(about(scope(of, criticality)));
      expect(message).toMatch(/^unknown: /);
      expect(message).toMatch(expected);
    }
  });

  it('is not certificates of users only, where an authority is asked about', async () => {
    const intermediate = certifyAuthority(root, 'intermediate', [lists(world.server.url('crl'))]);
    world.server.answers.set('crl', writeList(root, { extensions: [scope({ flags: [1] })] }));
    const chain = [certify(intermediate, 'leaf'), intermediate, root];
    expect(await said(world.start(), chain)).toMatch(/^unknown: .*not about authorities' certificates/);
  });

  it('may be a part of the reasons, if other lists are about the rest', async () => {
    const reasons = [
      [1, 2, 3],
      [4, 5, 6, 7, 8],
    ] as const;
    const points = reasons.map((some, i) => point([uriName(world.server.url(`part${i}`))], some));
    const leaf = world.leaf(extension('2.5.29.31', sequence(...points)));
    world.server.answers.set('part0', writeList(root, { extensions: [scope({ reasons: reasons[0] })] }));
    world.server.answers.set('part1', writeList(root, { extensions: [scope({ reasons: reasons[1] })] }));
    expect(await world.once(leaf)).toBe('good');
    world.server.answers.set('part1', writeList(root, { extensions: [scope({ reasons: [4, 5, 6, 7] })] }));
    expect(await world.once(leaf)).toMatch(/^unknown: .*not about all reasons/);
  });

  it.each(['30058201ff8301', '3003860101', '3004a002a100', '30028001', '020100'])(
    'is not told by what cannot be read: %s',
    async (hex) => {
      const leaf = about(extension('2.5.29.28', Buffer.from(hex, 'hex'), 'critical'));
      expect(await world.once(leaf)).toMatch(/^unknown: .*does not say legibly/);
    },
  );
});

describe('changes to a list', () => {
  const changed = (
    complete: (leaf: Party) => ListOptions,
    changes: (leaf: Party) => ListOptions,
    ...more: readonly Der[]
  ): Party => {
    const leaf = world.leaf(lists(world.server.url('crl')), ...more);
    const places = freshest(world.server.url('delta'));
    const { extensions = [], ...rest } = complete(leaf);
    world.server.answers.set('crl', writeList(root, { ...rest, extensions: [...extensions, places] }));
    world.server.answers.set('delta', writeList(root, { number: 8, changesSince: 7, ...changes(leaf) }));
    return leaf;
  };

  it('revoke what the list does not have yet', async () => {
    expect(
      await world.once(
        changed(
          () => ({}),
          () => ({}),
        ),
      ),
    ).toBe('good');
    expect(
      await world.once(
        changed(
          () => ({}),
          (of) => ({ revoked: [{ of, reason: 1 }] }),
        ),
      ),
    ).toMatch(/^revoked: /);
  });

  it('release what was held only [notation-ratify 95]', async () => {
    const held = (reason: number) => (of: Party) => ({ revoked: [{ of, reason, at: NOON - 3 * HOUR }] });
    const released = (of: Party) => ({ revoked: [{ of, reason: REMOVE, at: NOON - HOUR }] });
    expect(await world.once(changed(held(HOLD), () => ({})))).toMatch(/^revoked: /);
    expect(await world.once(changed(held(HOLD), released))).toBe('good');
    expect(await world.once(changed(held(1), released)), 'what is final stays').toMatch(/^revoked: /);
  });

  it('hold again what was released', async () => {
    const twice = (of: Party): ListOptions => ({
      revoked: [
        { of, reason: REMOVE, at: NOON - 2 * HOUR },
        { of, reason: HOLD, at: NOON - HOUR },
      ],
    });
    expect(
      await world.once(changed((of) => ({ revoked: [{ of, reason: HOLD, at: NOON - 3 * HOUR }] }), twice)),
    ).toMatch(/^revoked: /);
    const same = (of: Party): ListOptions => ({ revoked: [{ of, reason: REMOVE, at: NOON - 3 * HOUR }] });
    expect(await world.once(changed((of) => ({ revoked: [{ of, reason: HOLD, at: NOON - 3 * HOUR }] }), same))).toMatch(
      /^revoked: /,
    );
  });

  it('are the only ones to take a revocation back', async () => {
    const leaf = listed((of) => ({ revoked: [{ of, reason: REMOVE }] }));
    expect(await world.once(leaf)).toMatch(/^unknown: .*takes back a revocation/);
  });

  it.each([
    ['are as old as the list', { number: 7 }, /not newer than the list/],
    ['are to a newer list', { number: 9, changesSince: 8 }, /to a newer list/],
    ['are a list of their own', { changesSince: 'none' as const }, /do not say what they are changes to/],
    ['have expired', { nextUpdate: NOON - 1000 }, /expired/],
    ['are about something else', { extensions: [scope({ flags: [2] })] }, /not about the same certificates/],
  ])('do not count where they %s, and then neither does the list', async (_, options, expected) => {
    const message = await world.once(
      changed(
        () => ({}),
        () => ({ ...options }),
      ),
    );
    expect(message).toMatch(/^unknown: /);
    expect(message).toMatch(expected);
  });

  it('are needed where the list names them', async () => {
    const leaf = changed(
      () => ({}),
      () => ({}),
    );
    world.server.answers.delete('delta');
    expect(await world.once(leaf)).toMatch(/^unknown: .*the changes to it at .*status 404/);
  });

  it('that the certificate names must be named by the list as well', async () => {
    const own = freshest(world.server.url('delta'));
    expect(
      await world.once(
        changed(
          () => ({}),
          () => ({}),
          own,
        ),
      ),
    ).toBe('good');
    const leaf = world.leaf(lists(world.server.url('crl')), own);
    world.server.answers.set('crl', writeList(root));
    expect(await world.once(leaf)).toMatch(/^unknown: .*says where changes to it are, and the list does not/);
  });
});
