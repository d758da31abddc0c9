import { describe, expect, it } from 'vitest';
import { isForHost } from '../../src/conditions/identities.ts';
import { matchSigner } from '../../src/conditions/signers.ts';
import type { CertificateIdentity, SubjectName } from '../../src/model/finding.ts';
import type { SignerRule, SubjectRule } from '../../src/model/requirement.ts';

const dns = (text: string): SubjectName => ({ kind: 'dns', text });

describe('a host of a policy and the DNS names of a certificate, as Go compares them', () => {
  it.each<[string, readonly SubjectName[], boolean]>([
    ['host.example.com', [dns('host.example.com')], true],
    ['HOST.example.com', [dns('host.EXAMPLE.com')], true],
    ['host.example.com.', [dns('host.example.com')], true],
    ['host.example.com', [dns('*.example.com')], true],
    ['a.host.example.com', [dns('*.example.com')], false],
    ['example.com', [dns('*.example.com')], false],
    ['host.example.com', [dns('*.*.com')], false],
    ['host.example.com', [dns('h*.example.com')], false],
    ['host.example.com', [dns('host.*.com')], false],
    ['localhost', [dns('*')], false],
    ['*.example.com', [dns('*.example.com')], true],
    ['*.example.com', [dns('*.EXAMPLE.com')], true],
    ['*.example.com', [dns('host.example.com')], false],
    ['host.example.com', [dns('example.com'), dns('host.example.com')], true],
    ['host.example.com', [{ kind: 'uri', text: 'host.example.com' }], false],
    ['host.example.com', [{ kind: 'email', text: 'host.example.com' }], false],
    ['host.example.com', [dns('host.example.com.evil.example')], false],
    ['10.0.0.1', [dns('10.0.0.1')], false],
    ['10.0.0.1', [{ kind: 'ip', text: '0a000001' }], true],
    ['', [dns('')], false],
    ['.', [dns('.')], false],
    ['host.example.com', [], false],
  ])('%s against %j: %s [openshift 78]', (host, names, expected) => {
    expect(isForHost(names, host)).toBe(expected);
  });
});

describe('who signed, against whom a policy names', () => {
  const ann: CertificateIdentity = {
    issuer: 'https://issuer.example',
    names: [
      { kind: 'email', text: 'ann@example.com' },
      { kind: 'uri', text: 'https://ci.example/job' },
      dns('host.example.com'),
      { kind: 'otherName', oid: '1.3.6.1.4.1.57264.1.7', text: 'ann' },
      { kind: 'otherName', oid: '1.2.3', text: 'root' },
      { kind: 'otherName', oid: '1.3.6.1.4.1.57264.1.70', text: 'root' },
      // What Microsoft writes, and what an issuer of Fulcio would be if it stood among the names.
      { kind: 'otherName', oid: '1.3.6.1.4.1.311.20.2.3', text: 'admin@example.com' },
      { kind: 'otherName', oid: '1.3.6.1.4.1.57264.1.8', text: 'root' },
      { kind: 'unread', tag: 0xa4 },
      { kind: 'ip', text: '0a000001' },
    ],
  };
  const named = (subject: SubjectRule | 'any', issuer = 'https://issuer.example'): SignerRule => ({
    kind: 'identities',
    anyOf: [{ issuer: { kind: 'exact', text: issuer }, subject }],
  });
  const text = (of: SubjectRule['of'], wanted: string): SubjectRule => ({ of, text: { kind: 'exact', text: wanted } });

  it.each<[SubjectRule['of'], string, boolean]>([
    ['email', 'ann@example.com', true],
    ['uri', 'ann@example.com', false],
    ['dns', 'ann@example.com', false],
    ['anyName', 'ann@example.com', true],
    ['uri', 'https://ci.example/job', true],
    ['email', 'https://ci.example/job', false],
    ['dns', 'host.example.com', true],
    ['otherName', 'ann', true],
    ['anyName', 'ann', true],
    ['email', 'ann', false],
    // Names of users are Fulcio's kind alone.
    ['otherName', 'root', false],
    ['anyName', 'root', false],
    ['otherName', 'admin@example.com', false],
    ['anyName', 'admin@example.com', false],
    ['email', 'admin@example.com', false],
    ['email', 'Ann@example.com', false],
    ['email', '', false],
    ['anyName', '0a000001', false],
  ])('a name of kind %s that is %s: %s', (of, wanted, expected) => {
    expect(matchSigner(named(text(of, wanted)), ann).kind).toBe(expected ? 'accepted' : 'refused');
  });

  it('compares the issuer exactly, and wants one where the policy names one', () => {
    const mail = text('email', 'ann@example.com');
    expect(matchSigner(named(mail, 'https://issuer.example/'), ann).kind).toBe('refused');
    expect(matchSigner(named(mail), { ...ann, issuer: undefined }).kind).toBe('refused');
    expect(matchSigner(named('any'), ann).kind).toBe('accepted');
    expect(matchSigner(named(mail, ''), { ...ann, issuer: '' }).kind).toBe('refused');
  });

  it('one certificate must meet one identity whole, not halves of two', () => {
    const rule: SignerRule = {
      kind: 'identities',
      anyOf: [
        { issuer: { kind: 'exact', text: 'https://issuer.example' }, subject: text('email', 'bob@example.com') },
        { issuer: { kind: 'exact', text: 'https://other.example' }, subject: text('email', 'ann@example.com') },
      ],
    };
    expect(matchSigner(rule, ann)).toMatchObject({ kind: 'refused', code: 'IDENTITY_MISMATCH' });
  });

  it('a bare key is nobody’s identity, and a certificate under a rule for keys is nobody’s', () => {
    expect(matchSigner('any', 'none').kind).toBe('accepted');
    expect(matchSigner('any', ann).kind).toBe('undecided');
    expect(matchSigner(named('any'), 'none')).toMatchObject({ kind: 'refused', code: 'IDENTITY_MISMATCH' });
  });

  const pattern = (text: string, anchored = true) => ({ kind: 'pattern', pattern: text, anchored }) as const;
  const issued = (issuer: string, anchored = true): SignerRule => ({
    kind: 'identities',
    anyOf: [{ issuer: pattern(issuer, anchored), subject: text('email', 'ann@example.com') }],
  });

  it.each<[SubjectRule['of'], string, boolean]>([
    ['email', String.raw`ann@example\.com`, true],
    ['email', String.raw`.+@example\.com`, true],
    ['email', String.raw`nn@example\.com`, false],
    ['email', String.raw`ann@example\.co`, false],
    ['email', 'ANN@example.com', false],
    ['email', '(?i)ANN@example.com', true],
    ['uri', String.raw`.+@example\.com`, false],
    ['uri', 'https://ci.example/.*', true],
    ['dns', '.*', true],
    ['dns', 'https://.*', false],
    ['otherName', 'an{2}', true],
    ['email', 'an{2}', false],
    ['anyName', 'an{2}', true],
    ['otherName', 'ro+t', false],
    ['anyName', 'ro+t|admin.*', false],
    ['anyName', String.raw`.*\.example\.com`, true],
    // Neither an address of a machine nor a name that could not be read is a text to be matched.
    ['anyName', '0a000001', false],
    ['anyName', '[0-9a-f]{8}', false],
  ])('a name of kind %s, all of it, against the pattern %s: %s [peers 9]', (of, wanted, expected) => {
    expect(matchSigner(named({ of, text: pattern(wanted) }), ann).kind).toBe(expected ? 'accepted' : 'refused');
  });

  it('a pattern without anchors is found anywhere in a name, as policy-controller’s are', () => {
    const rule = (wanted: string): SignerRule => named({ of: 'email', text: pattern(wanted, false) });
    expect(matchSigner(rule('@example'), ann).kind).toBe('accepted');
    expect(matchSigner(rule('^ann@example[.]com$'), ann).kind).toBe('accepted');
    expect(matchSigner(rule('^@example'), ann).kind).toBe('refused');
  });

  it('an issuer is matched by its pattern, whole or in part, and none by no pattern', () => {
    expect(matchSigner(issued('https://[a-z]+[.]example'), ann).kind).toBe('accepted');
    expect(matchSigner(issued('issuer'), ann).kind).toBe('refused');
    expect(matchSigner(issued('issuer', false), ann).kind).toBe('accepted');
    expect(matchSigner(issued('.*'), { ...ann, issuer: 'https://issuer.example.evil' }).kind).toBe('accepted');
    expect(
      matchSigner(issued('https://[a-z]+[.]example'), { ...ann, issuer: 'https://issuer.example.evil' }).kind,
    ).toBe('refused');
    for (const issuer of [undefined, '']) {
      expect(matchSigner(issued('.*'), { ...ann, issuer }).kind).toBe('refused');
      expect(matchSigner(issued('', false), { ...ann, issuer }).kind).toBe('undecided');
    }
  });

  it('an empty name is nobody’s, even where a pattern would match it', () => {
    const empty = { ...ann, names: [{ kind: 'email', text: '' } as const] };
    expect(matchSigner(named({ of: 'email', text: pattern('.*') }), empty).kind).toBe('refused');
    expect(matchSigner({ kind: 'subject', email: pattern('.*'), hostname: 'any' }, empty).kind).toBe('refused');
  });

  it('a subject’s address and host may be patterns too, each of its own kind', () => {
    const rule = (email: string, hostname: string): SignerRule => ({
      kind: 'subject',
      email: pattern(email),
      hostname: pattern(hostname),
    });
    expect(matchSigner(rule('ann@.*', 'host.*'), ann).kind).toBe('accepted');
    expect(matchSigner(rule('host.*', 'host.*'), ann).kind).toBe('refused');
    expect(matchSigner(rule('ann@.*', 'ann@.*'), ann).kind).toBe('refused');
  });

  it.each(['', '(', 'a{1000}{1000}', String.raw`(a)\1`])('the pattern %j is a broken policy, never a text', (wrong) => {
    const message = expect.stringMatching(/^the policy is broken: .*pattern/);
    const broken = { kind: 'undecided', code: 'POLICY_BROKEN', message };
    const named = { ...ann, names: [{ kind: 'email', text: wrong } as const] };
    for (const who of [ann, named, 'none'] as const) {
      expect(matchSigner({ kind: 'subject', email: pattern(wrong), hostname: 'any' }, who)).toEqual(broken);
      expect(matchSigner({ kind: 'subject', email: 'any', hostname: pattern(wrong) }, who)).toEqual(broken);
      expect(matchSigner(issued(wrong), who)).toEqual(broken);
    }
    // Nor does the right identity beside it help.
    const beside = { issuer: 'any', subject: text('email', 'ann@example.com') } as const;
    const rule: SignerRule = { kind: 'identities', anyOf: [beside, { issuer: pattern(wrong), subject: 'any' }] };
    expect(matchSigner(rule, ann)).toEqual(broken);
  });

  it('does not show as the signer’s what does not count as a name of his', () => {
    const said = matchSigner(named(text('anyName', 'root')), ann);
    expect(said.kind === 'refused' && said.message).toMatch(
      /^the certificate belongs to "ann@example\.com", .*"ann" by/,
    );
    const other = { ...ann, names: [{ kind: 'otherName', oid: '1.2.3', text: 'root' } as const] };
    const alone = matchSigner(named(text('anyName', 'root')), other);
    expect(alone.kind === 'refused' && alone.message).toContain('belongs to nobody by name');
  });

  it('shows both sides, with what a certificate says made harmless', () => {
    const odd = { ...ann, names: [{ kind: 'uri', text: 'https://x/\u001b[31m\u202e' } as const] };
    const said = matchSigner(named(text('email', 'ann@example.com')), odd);
    expect(said.kind === 'refused' && said.message).toContain('the policy wants "ann@example.com"');
    expect(JSON.stringify(said)).not.toMatch(/\u001b|\u202e/);
    const asked = matchSigner(issued('other.*'), odd);
    expect(asked.kind === 'refused' && asked.message).toContain(
      'the policy wants "ann@example.com" by an issuer that matches "other.*"',
    );
  });
});
