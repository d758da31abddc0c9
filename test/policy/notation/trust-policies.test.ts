import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { notationSet } from '../../../src/policy/dialects/notation/set.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { asked, asker } from '../openshift/objects.ts';
import { compiled, document, members, refusal } from './documents.ts';

/** What every name says of its document: why it is none, or the statements it has. */
const OUTCOMES: Readonly<Record<string, RegExp | readonly string[]>> = {
  any_registry_scope_trust_policy: ['e2e: * eeee always [ca:e2e] any'],
  audit_trustpolicy: ['e2e: * llll always [ca:e2e] any'],
  blob_trust_policy: /^trustPolicies\[0\]\.registryScopes: it is missing; only trust policies for blobs/,
  empty_registry_scope_trustpolicy: /^trustPolicies\[0\]\.registryScopes: it is empty/,
  empty_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities\[0\]: it is empty/,
  generate_test_trustpolicy: ['sKey: * eeee always [ca:sKey] any'],
  invalid_format_trustpolicy: /^at character \d+ of the JSON, /,
  // Invalid for whoever asks for another repository.
  invalid_registry_scope_trustpolicy: ['e2e: localhost:5000/invalid-test-repo eeee always [ca:e2e] any'],
  // Invalid where no such store is there.
  invalid_trust_store_trustpolicy: ['e2e: * eeee always [ca:invalid_store] any'],
  // Invalid for the certificate that was signed with.
  invalid_trusted_identity_trustpolicy: ['e2e: * eeee always [ca:e2e] C=USB+CN=e2e+L=Seattle+O=Notary+ST=WA'],
  malformed_registry_scope_trustpolicy: /^trustPolicies\[0\]\.registryScopes\[0\]: .* it is no repository in full/,
  malformed_trust_store_trustpolicy: /^trustPolicies\[0\]\.trustStores\[0\]: "ca:" has no name of a store/,
  malformed_trusted_identity_trustpolicy:
    /^trustPolicies\[0\]\.trustedIdentities\[0\]: "x509\.subject CN=e2e,.* is no identity/,
  missing_country_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities\[0\]: .* it has no C,/,
  missing_organization_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities\[0\]: .* it has no O,/,
  missing_state_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities\[0\]: .* it has no ST,/,
  multi_statements_with_multi_wildcard_registry_scope_trustpolicy:
    /^trustPolicies\[1\]\.registryScopes\[0\]: "\*" is trustPolicies\[0\]\.registryScopes\[0\] too/,
  multi_statements_with_the_same_name_trustpolicy:
    /^trustPolicies\[1\]\.name: "e2e" is the name of trustPolicies\[0\] too/,
  multi_statements_with_the_same_registry_scope_trustpolicy:
    /^trustPolicies\[1\]\.registryScopes\[0\]: "localhost:5000\/test-repo8" is trustPolicies\[0\]/,
  multi_statements_with_wildcard_registry_scope_trustpolicy: [
    'e2e: localhost:5000/test-repo9 eeee always [ca:e2e] any',
    'e2e2: * eeee always [ca:e2e] any',
  ],
  multiple_registry_scope_trustpolicy: [
    'e2e: localhost:5000/test-repo3 localhost:5000/test-repo2 eeee always [ca:e2e] any',
  ],
  multiple_trust_store_trustpolicy: ['e2e: * eeee always [ca:e2e ca:e2e-new] any'],
  multiple_trusted_identity_trustpolicy: [
    'e2e: * eeee always [ca:e2e] C=US+CN=e2e+L=Seattle+O=Notary+ST=WA or C=AU+O=Internet Widgits Pty Ltd+ST=Some-State',
  ],
  overlapped_registry_scope_trustpolicy:
    /^trustPolicies\[0\]\.registryScopes\[1\]: "localhost:5000\/test-repo6" is trustPolicies\[0\]/,
  overlapped_trust_store_trustpolicy: ['e2e: * eeee always [ca:e2e] any'],
  overlapped_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities\[1\]: it overlaps with /,
  override_audit_trustpolicy: ['e2e: * eeee always [ca:e2e] any'],
  override_integrity_for_permissive_trustpolicy:
    /^trustPolicies\[0\]\.signatureVerification\.override\["integrity"\]: integrity is always enforced/,
  override_permissive_trustpolicy: ['e2e: * leee always [ca:e2e] any'],
  override_strict_trustpolicy: ['e2e: * llll always [ca:e2e] any'],
  permissive_trustpolicy: ['e2e: * elll always [ca:e2e] any'],
  quickstart_trustpolicy: ['wabbit-networks-images: * eeee always [ca:wabbit-networks.io] any'],
  registry_scope_trustpolicy: ['e2e: localhost:5000/test-repo eeee always [ca:e2e] any'],
  skip_trustpolicy: ['e2e: * skip'],
  timestamp_after_cert_expiry_trustpolicy: ['e2e: * eeee afterCertExpiry [ca:e2e tsa:e2e] any'],
  timestamp_trustpolicy: ['e2e: * eeee always [ca:e2e tsa:e2e] any'],
  trustpolicy: ['e2e: * eeee always [ca:e2e] any'],
  unset_trust_store_trustpolicy: /^trustPolicies\[0\]\.trustStores: it must name a trust store/,
  unset_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities: it must name an identity/,
  valid_trusted_identity_trustpolicy: ['e2e: * eeee always [ca:e2e] C=US+CN=e2e+L=Seattle+O=Notary+ST=WA'],
  wildcard_plus_other_registry_scope_trustpolicy:
    /^trustPolicies\[0\]\.registryScopes: "\*" stands for every repository/,
  wildcard_plus_other_trusted_identity_trustpolicy: /^trustPolicies\[0\]\.trustedIdentities: "\*" stands for everybody/,
  wildcard_trust_store_trustpolicy: /^trustPolicies\[0\]\.trustStores\[0\]: "\*" is no trust store/,
};

describeVectors('notation-e2e/trustpolicies', 'the trust policies of notation’s own tests', (folder) => {
  const textOf = (name: string) => readFileSync(join(folder, `${name}.json`), 'utf8');

  it('are all here, 43 of them', () => {
    const names = readdirSync(folder).map((file) => file.replace('.json', ''));
    expect(names.sort()).toEqual(Object.keys(OUTCOMES).sort());
    expect(names).toHaveLength(43);
  });

  it.each(Object.entries(OUTCOMES))('come to what their names say: %s', (name, outcome) => {
    if (outcome instanceof RegExp) expect(refusal(textOf(name))).toMatch(outcome);
    else expect(statementsOf(textOf(name))).toEqual(outcome);
  });

  it('refuse an image that no statement names, as notation does', () => {
    const set = notationSet(members(compiled(textOf('invalid_registry_scope_trustpolicy'))));
    const [selected, ...more] = set.select(asked('localhost:5000/test-repo1:v1'), asker('team-a'));
    expect(more).toEqual([]);
    expect(selected).toMatchObject({
      policy: { origin: { name: 'no applicable trust policy' } },
      state: {
        require: { kind: 'reject', says: expect.stringContaining('has no applicable oci trust policy statement') },
      },
    });
  });
});

/** Each statement in a line: name, scopes, what each check does, timestamps, stores, identities. */
function statementsOf(text: string): readonly string[] {
  return document(text).statements.map(({ name, scopes, verification }) => {
    const head = `${name}: ${scopes === '*' ? '*' : scopes.join(' ')}`;
    if (verification.kind === 'skip') return `${head} skip`;
    const { levels, verifyTimestamp, stores, identities } = verification;
    const letters = [levels.authenticity, levels.authenticTimestamp, levels.expiry, levels.revocation];
    const who =
      identities.kind === 'subjects'
        ? identities.anyOf.map((parts) => parts.map(({ type, value }) => `${type}=${value}`).join('+')).join(' or ')
        : identities.kind;
    const from = stores.map((store) => `${store.type}:${store.name}`).join(' ');
    return `${head} ${letters.map((action) => action.charAt(0)).join('')} ${verifyTimestamp} [${from}] ${who}`;
  });
}
