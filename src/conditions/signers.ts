import type { Signer } from '../model/finding.ts';
import type { SignerRule } from '../model/requirement.ts';
import { matchDistinguishedNames } from './distinguished-names.ts';
import { matchIdentity, type SignerMatch } from './identities.ts';

/**
 * Compares a signer with what a policy asks for, by the kind of identity that his format tells people apart by: names that
 * an authority vouches for, or the subject of a certificate. A rule about the one never meets the other.
 */
export function matchSigner(rule: SignerRule, identity: Signer['identity']): SignerMatch {
  const hasSubject = identity !== 'none' && 'subject' in identity;
  if (rule !== 'any' && rule.kind === 'distinguishedNames') {
    return hasSubject
      ? matchDistinguishedNames(rule.anyOf, identity.subject)
      : refused('the signature tells its signer by no subject of a certificate, and the policy asks for one');
  }
  if (!hasSubject) return matchIdentity(rule, identity);
  return rule === 'any'
    ? { kind: 'accepted' }
    : refused('the signature tells its signer by the subject of a certificate, and the policy asks for other names');
}

function refused(message: string): SignerMatch {
  return { kind: 'refused', code: 'IDENTITY_MISMATCH', message };
}
