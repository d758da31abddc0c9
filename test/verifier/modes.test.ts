import { beforeAll, describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { failure } from '../../src/codes/result.ts';
import type { Mode } from '../../src/model/mode.ts';
import { everywhere, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, requestFor, wordsOf } from '../fixtures/memory-registry.ts';

const signer = createSigner();
const memory = createMemoryRegistry();
let signed = '';
let unsigned = '';
beforeAll(() => {
  const image = publishImage(memory.server, 'acme/signed', 'signed');
  signImage(memory.server, 'acme/signed', image, signer);
  signed = `registry.test/acme/signed@${image.digest}`;
  unsigned = `registry.test/acme/unsigned@${publishImage(memory.server, 'acme/unsigned', 'unsigned').digest}`;
});

const MODES = ['audit', 'warn', 'deny'] as const;
const policy = (name: string, mode?: Mode, require = signedBy(signer)) =>
  policyOf(require, { origin: origin(name), mode });

describe('the effective mode (MODEL.md M15)', () => {
  // The laxer of the policy's own and the stricter of server and namespace, written out.
  const stricter = (a: Mode, b: Mode) => MODES[Math.max(MODES.indexOf(a), MODES.indexOf(b))] ?? 'deny';
  const laxer = (a: Mode, b: Mode) => MODES[Math.min(MODES.indexOf(a), MODES.indexOf(b))] ?? 'deny';
  const table = [undefined, ...MODES].flatMap((own) =>
    MODES.flatMap((server) =>
      [undefined, ...MODES].map((namespace) => ({
        own,
        server,
        namespace,
        effective: laxer(own ?? 'deny', namespace === undefined ? server : stricter(server, namespace)),
      })),
    ),
  );

  it('has its corners where they are written down', () => {
    expect(table).toHaveLength(48);
    const at = (own: Mode | undefined, server: Mode, namespace: Mode | undefined) =>
      table.find((row) => row.own === own && row.server === server && row.namespace === namespace)?.effective;
    expect(at(undefined, 'deny', undefined)).toBe('deny');
    expect(at(undefined, 'audit', 'deny')).toBe('deny');
    expect(at(undefined, 'deny', 'audit')).toBe('deny');
    expect(at('audit', 'deny', 'deny')).toBe('audit');
    expect(at('deny', 'warn', 'audit')).toBe('warn');
  });

  it.each(table)(
    'policy $own, server $server, namespace $namespace: $effective [peers 53]',
    async ({ own, server, namespace, effective }) => {
      const engine = engineOver(memory.client(), [everywhere(policy('release', own))]);
      const bad = await engine.decide(requestFor([unsigned], { mode: { server, namespace } }));
      expect(bad.allowed).toBe(effective !== 'deny');
      expect(bad.subjects[0]?.policies[0]?.mode).toBe(effective);
      expect(bad.warnings).toHaveLength(effective === 'warn' ? 1 : 0);
      // Whatever the mode: what was found, and that enforcing would refuse it, is recorded [peers 55].
      expect(bad.subjects[0]).toMatchObject({ headline: 'unsigned', wouldDeny: true });

      const good = await engine.decide(requestFor([signed], { mode: { server, namespace } }));
      expect(good).toMatchObject({
        allowed: true,
        warnings: [],
        subjects: [{ headline: 'verified', wouldDeny: false }],
      });
    },
  );
});

describe('several policies', () => {
  it('one denies and another warns: denied, and the warning is there [peers 54]', async () => {
    const engine = engineOver(memory.client(), [everywhere(policy('denies'), policy('warns', 'warn'))]);
    const decision = await engine.decide(requestFor([unsigned]));
    expect(decision.allowed).toBe(false);
    expect(decision.warnings).toEqual([expect.stringContaining('"warns"')]);
    expect(decision.warnings[0]).toContain('UNSIGNED');
  });

  it('one denies and passes, another warns and refuses: admitted with the warning [peers 54]', async () => {
    const warns = policy('warns', 'warn', signedBy(createSigner()));
    const decision = await engineOver(memory.client(), [everywhere(policy('denies'), warns)]).decide(
      requestFor([signed]),
    );
    expect(decision).toMatchObject({ allowed: true, subjects: [{ headline: 'verified', wouldDeny: true }] });
    expect(decision.warnings).toEqual([expect.stringContaining('SIGNATURE_MISMATCH')]);
  });

  it('in audit mode every would-be denial is counted and nobody is warned [peers 55]', async () => {
    const engine = engineOver(memory.client(), [everywhere(policy('one'), policy('two'))]);
    const decision = await engine.decide(
      requestFor([unsigned, signed, unsigned], { mode: { server: 'audit', namespace: undefined } }),
    );
    expect(decision).toMatchObject({ allowed: true, warnings: [] });
    expect(decision.subjects.map(({ wouldDeny }) => wouldDeny)).toEqual([true, false, true]);
  });

  it('none is left out because another has refused already', async () => {
    const sets = [
      everywhere(policy('a', undefined, { kind: 'reject', says: 'no' }), policy('b')),
      everywhere(policy('c', 'audit')),
    ];
    const decision = await engineOver(memory.client(), sets).decide(requestFor([unsigned]));
    expect(wordsOf(decision)).toEqual(['rejected REJECTED_BY_POLICY', 'unsigned UNSIGNED', 'unsigned UNSIGNED']);
    expect(decision.subjects[0]?.headline).toBe('rejected');
  });

  it('the headline is the worst of what is enforced, not of what only warns', async () => {
    const sets = [everywhere(policy('enforced'), policy('warns', 'warn', { kind: 'reject', says: 'no' }))];
    expect((await engineOver(memory.client(), sets).decide(requestFor([signed]))).subjects[0]?.headline).toBe(
      'verified',
    );
    const audit = requestFor([signed], { mode: { server: 'audit', namespace: undefined } });
    expect((await engineOver(memory.client(), sets).decide(audit)).subjects[0]?.headline).toBe('rejected');
  });

  it.each([
    [[true, true], true],
    [[false, true], false],
    [[true, false], false],
    [[false, false], false],
  ])('two containers, signed %j: allowed %s [peers 38]', async (areSigned, allowed) => {
    const images = areSigned.map((is) => (is ? signed : unsigned));
    const decision = await engineOver(memory.client(), [everywhere(policy('release'))]).decide(requestFor(images));
    expect(decision.allowed).toBe(allowed);
    expect(decision.subjects.map(({ headline }) => headline === 'verified')).toEqual(areSigned);
  });

  it('an image in a pod of no images is not asked for: nothing to decide is admitted and says so', async () => {
    const decision = await engineOver(memory.client(), [everywhere(policy('release'))]).decide(requestFor([]));
    expect(decision).toMatchObject({ allowed: true, subjects: [], warnings: [] });
  });
});

describe('an error in a policy that only warns', () => {
  it.each(['POLICY_BROKEN', 'REGISTRY_UNREACHABLE'] as const)(
    'is a warning (%s), and a refusal once it is enforced',
    async (code) => {
      const state = { kind: 'broken', failure: failure(code, 'trouble') } as const;
      const broken = (mode: Mode) =>
        everywhere(policyOf({ kind: 'accept' }, { origin: origin('broken'), mode, state }));
      const warned = await engineOver(memory.client(), [broken('warn')]).decide(requestFor([signed]));
      expect(warned.allowed).toBe(true);
      expect(warned.warnings).toEqual([expect.stringContaining(code)]);
      expect((await engineOver(memory.client(), [broken('deny')]).decide(requestFor([signed]))).allowed).toBe(false);
    },
  );
});

describe('requireDigest', () => {
  const byTag = 'registry.test/acme/signed:v1';
  it.each([
    ['deny', 'deny', false, 0, true],
    ['warn', 'deny', true, 1, false],
    ['off', 'deny', true, 0, false],
    ['deny', 'warn', true, 1, true],
    ['warn', 'warn', true, 1, false],
    ['deny', 'audit', true, 0, true],
    ['warn', 'audit', true, 0, false],
  ] as const)(
    '%s on a %s server, for a signed image by tag: allowed %s',
    async (requireDigest, server, allowed, warnings, wouldDeny) => {
      const engine = engineOver(memory.client(), [everywhere(policy('release'))], { settings: { requireDigest } });
      const mode = { server, namespace: undefined };
      const decision = await engine.decide(requestFor([byTag], { mode }));
      expect(decision.allowed).toBe(allowed);
      expect(decision.warnings).toHaveLength(warnings);
      for (const warning of decision.warnings) expect(warning).toContain('DIGEST_REQUIRED');
      expect(decision.subjects[0]?.wouldDeny).toBe(wouldDeny);
      // By digest, with or without a tag beside it, there is nothing to say.
      for (const name of [signed, signed.replace('@', ':v1@')])
        expect(await engine.decide(requestFor([name], { mode }))).toMatchObject({ allowed: true, warnings: [] });
    },
  );

  it('is not asked of images that no policy verifies', async () => {
    const settings = { requireDigest: 'deny' } as const;
    const accepted = engineOver(memory.client(), [everywhere(policy('accepts', undefined, { kind: 'accept' }))], {
      settings,
    });
    expect((await accepted.decide(requestFor([byTag]))).allowed).toBe(true);
    expect((await engineOver(memory.client(), [], { settings }).decide(requestFor([byTag]))).allowed).toBe(true);
  });

  it('does not make an unsigned image look signed, nor hide why it is refused', async () => {
    const engine = engineOver(memory.client(), [everywhere(policy('release'))], {
      settings: { requireDigest: 'deny' },
    });
    const decision = await engine.decide(requestFor(['registry.test/acme/unsigned:v1']));
    expect(wordsOf(decision)).toEqual(['unsigned UNSIGNED', 'rejected DIGEST_REQUIRED']);
  });
});
