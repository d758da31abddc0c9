import { describe, expect, it } from 'vitest';
import type { JwsChanges } from '../../fixtures/notation/signer.ts';
import { envelope, integrity, wordFor } from './envelopes.ts';

const PREFIX = 'io.cncf.notary.';
const minimal = [`${PREFIX}signingScheme`];
const jws = (changes: JwsChanges): Promise<string> => wordFor('jws', envelope('jws', { jws: changes }));
const header = (change: Record<string, unknown>): Promise<string> =>
  jws({ protected: (good) => ({ ...good, ...change }) });

describe('JWS envelopes', () => {
  it('need no more in their list of what is critical than the scheme', async () => {
    expect(await header({ crit: minimal })).toBe('verified');
  });

  it('must say what is critical [notation-ratify 4]', async () => {
    expect(await header({ crit: undefined })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ crit: null })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ crit: minimal[0] })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ crit: [...minimal, 1] })).toBe('SIGNATURE_MALFORMED');
  });

  it('must not leave the list of what is critical empty [notation-ratify 5]', async () => {
    expect(await header({ crit: [] })).toBe('SIGNATURE_MALFORMED');
  });

  it.each(['alg', 'cty', 'crit', `${PREFIX}signingTime`, minimal[0] ?? ''])(
    'must not list %s as critical, or again [notation-ratify 6]',
    async (name) => {
      expect(await header({ crit: [...minimal, name] })).toBe('SIGNATURE_MALFORMED');
    },
  );

  it('must not list as critical what is absent [notation-ratify 7]', async () => {
    expect(await header({ crit: [...minimal, 'colour'] })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ crit: [...minimal, `${PREFIX}expiry`] })).toBe('SIGNATURE_MALFORMED');
    expect(await header({ crit: [...minimal, 'toString'] })).toBe('SIGNATURE_MALFORMED');
  });

  it.each([
    ['the scheme', { crit: ['colour'], colour: 'blue' }],
    ['an expiry', { [`${PREFIX}expiry`]: '2030-01-01T00:00:00Z' }],
    ['a plugin', { [`${PREFIX}verificationPlugin`]: 'signer.example' }],
  ])('must list %s as critical [notation-ratify 8]', async (_, change) => {
    expect(await header(change)).toBe('SIGNATURE_MALFORMED');
  });

  it("must list a plugin's version and an authority's time as critical [notation-ratify 8]", async () => {
    const plugin = { name: 'signer.example', minimumVersion: '1.0.0' };
    const uncritical = (name: string): JwsChanges => ({
      protected: (good) => ({ ...good, crit: [good['crit']].flat().filter((entry) => entry !== PREFIX + name) }),
    });
    const versionless = envelope('jws', { plugin, jws: uncritical('verificationPluginMinVersion') });
    expect(await wordFor('jws', versionless)).toBe('SIGNATURE_MALFORMED');
    const scheme = 'notary.x509.signingAuthority';
    expect(await wordFor('jws', envelope('jws', { scheme, jws: uncritical('authenticSigningTime') }))).toBe(
      'SIGNATURE_MALFORMED',
    );
  });

  it('are refused for a plugin or a critical attribute that nobody here runs or knows [notation-ratify 9]', async () => {
    const plugin = { name: 'signer.example', minimumVersion: '1.0.0' };
    expect(await wordFor('jws', envelope('jws', { plugin }))).toBe('PLUGIN_REQUIRED');
    expect(await wordFor('jws', envelope('jws', { plugin, critical: { colour: 'blue' } }))).toBe('PLUGIN_REQUIRED');
    const unknown = await integrity('jws', envelope('jws', { critical: { 'colour\u202e': 'blue' } }));
    expect(unknown).toMatchObject({ kind: 'refused', failed: 'payload', code: 'CRITICAL_ATTRIBUTE_UNKNOWN' });
    expect(unknown.kind === 'refused' && unknown.message).toContain('"colour\\u202e"');
  });

  it('are refused for a plugin without a name, or a version of none [notation-ratify 9]', async () => {
    const marked = (name: string, value: unknown) =>
      header({ crit: [...minimal, PREFIX + name], [PREFIX + name]: value });
    for (const value of ['', ' ', null, 1, ['signer.example']])
      expect(await marked('verificationPlugin', value)).toBe('SIGNATURE_MALFORMED');
    expect(await marked('verificationPlugin', 'signer.example')).toBe('PLUGIN_REQUIRED');
    expect(await marked('verificationPluginMinVersion', '1.0.0')).toBe('SIGNATURE_MALFORMED');
    const numbered = (version: unknown): JwsChanges => ({
      protected: (good) => ({ ...good, [`${PREFIX}verificationPluginMinVersion`]: version }),
    });
    const plugin = { name: 'signer.example', minimumVersion: '1.0.0' };
    expect(await wordFor('jws', envelope('jws', { plugin, jws: numbered(1) }))).toBe('SIGNATURE_MALFORMED');
  });
});
