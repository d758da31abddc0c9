import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import type { Location } from '../../src/model/finding.ts';
import type { NonEmpty } from '../../src/model/requirement.ts';
import { explain } from '../../src/verifier/explain.ts';

const digest = digestOf(Buffer.from('an image'));
const repository = 'registry.example/shop/web';
const folder = `https://sigs.example/shop/web@${digest.replace(':', '=')}`;
const lookaside: Location = { store: 'lookaside', repository, reference: folder };
const tag: Location = { store: 'cosign-tag', repository, reference: `${digest.replace(':', '-')}.sig` };
const referrers: Location = { store: 'sigstore-bundle', repository, reference: 'referrers' };

function said(lookedIn: NonEmpty<Location>, others = 0): string {
  return explain({ kind: 'unsigned', lookedIn, code: 'UNSIGNED', others }, digest);
}

describe('what is said of an unsigned image', () => {
  it('names cosign and the tag where only attachments were looked at', () => {
    expect(said([tag, referrers])).toBe(
      `No cosign signature for ${digest} in ${repository} (looked at tag ${tag.reference} and referrers).`,
    );
    expect(said([tag, referrers], 2)).toMatch(/ It carries 2 attachments that are not signatures\.$/);
    expect(said([tag, referrers], 1)).toMatch(/ It carries one attachment that is not a signature\.$/);
  });

  it('says it as containers/image does where a lookaside was one of the places, and does not speak of cosign', () => {
    expect(said([lookaside])).toBe(
      `A signature was required, but no signature exists for ${digest} in ${repository} (looked at ${folder}).`,
    );
  });

  it('names every place, once', () => {
    expect(said([lookaside, tag, referrers, lookaside])).toBe(
      `A signature was required, but no signature exists for ${digest} in ${repository} (looked at ${folder} and tag ${tag.reference} and referrers).`,
    );
    const mirror = { ...lookaside, repository: 'mirror.example/shop/web', reference: 'file:///sigs/shop/web@sha256=1' };
    expect(said([lookaside, mirror])).toContain(
      `in ${repository}, mirror.example/shop/web (looked at ${folder} and file:///sigs/shop/web@sha256=1).`,
    );
  });

  it('counts what is of another kind, which may be a signature that the policy does not ask for', () => {
    expect(said([lookaside], 1)).toMatch(/\. One attachment or signature of another kind was found, .*\.$/);
    expect(said([lookaside], 3)).toMatch(/\. 3 attachments or signatures of another kind were found, .*\.$/);
  });

  it('stays a sentence where a place has no name', () => {
    expect(said([{ ...lookaside, reference: '' }])).toBe(
      `A signature was required, but no signature exists for ${digest} in ${repository}.`,
    );
    expect(explain({ kind: 'unsigned', lookedIn: [lookaside], code: 'UNSIGNED', others: 0 }, undefined)).toContain(
      'no signature exists for the image in',
    );
  });

  it('shows no control characters of a place, and cuts no address of usual length [hostile]', () => {
    const long = `https://sigs.example/${'a'.repeat(200)}/${'b'.repeat(200)}`;
    expect(said([{ ...lookaside, reference: long }])).toContain(long);
    expect(said([{ ...lookaside, reference: 'https://x/\u202e\n' }])).toContain('https://x/\\u202e\\u000a');
  });
});
