import { describe, expect, it } from 'vitest';
import { isForHost, matchSigner } from '../../src/conditions/identities.ts';
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
      { kind: 'otherName', oid: '1.2.3', text: 'ann' },
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

  it('a pattern is undecided, never a text', () => {
    const pattern = { kind: 'pattern', pattern: 'ann@example.com', anchored: true } as const;
    expect(matchSigner(named({ of: 'email', text: pattern }), ann).kind).toBe('undecided');
    expect(matchSigner({ kind: 'subject', email: pattern, hostname: 'any' }, ann).kind).toBe('undecided');
  });

  it('shows both sides, with what a certificate says made harmless', () => {
    const odd = { ...ann, names: [{ kind: 'uri', text: 'https://x/\u001b[31m\u202e' } as const] };
    const said = matchSigner(named(text('email', 'ann@example.com')), odd);
    expect(said.kind === 'refused' && said.message).toContain('the policy wants "ann@example.com"');
    expect(JSON.stringify(said)).not.toMatch(/\u001b|\u202e/);
  });
});
