import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/cli/demo/artifacts.ts';
import { attach, publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { bundleBytes, bundleReferrer, createSigner, signStatement } from '../../src/cli/demo/signer.ts';
import { adviceFor, REASONS, type RefusalCode, wordOf } from '../../src/codes/codes.ts';
import { failure } from '../../src/codes/result.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { CHECKS, type CheckName, type Finding } from '../../src/model/finding.ts';
import type { NamesRule } from '../../src/model/requirement.ts';
import { outcomeOf } from '../../src/verifier/outcome.ts';
import { origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import { decide, goodLayer, layerOver, REPOSITORY, referrerWith, say, withSignature } from '../signatures/fixture.ts';

const alice = createSigner();
const mallory = createSigner();

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const names: NamesRule = { kind: 'matchRepository' };
const own = () => `${world.server.host}/${REPOSITORY}`;
const policy = () => policyOf(signedBy(alice, names));

describe('the word for an image is that of the finding that got furthest [MODEL M5]', () => {
  const layers = {
    bare: (image: Artifact) => withSignature(goodLayer(mallory, image), undefined),
    junk: () => withSignature(layerOver(mallory, 'junk'), '%%%'),
    'wrong key': (image: Artifact) => goodLayer(mallory, image, own()),
    'wrong payload': () => layerOver(alice, 'not JSON'),
    'wrong digest': () => goodLayer(alice, publishImage(world.server, REPOSITORY, 'other', 'v2'), own()),
    'wrong name': (image: Artifact) => goodLayer(alice, image, 'registry.example/other'),
  } as const;
  type Kind = keyof typeof layers;
  /** Each further than the one before it. */
  const ladder: readonly (readonly [Kind, string, RefusalCode])[] = [
    ['bare', 'invalid', 'SIGNATURE_MALFORMED'],
    ['junk', 'invalid', 'SIGNATURE_MALFORMED'],
    ['wrong key', 'untrusted', 'SIGNATURE_MISMATCH'],
    ['wrong payload', 'invalid', 'PAYLOAD_MALFORMED'],
    ['wrong digest', 'invalid', 'PAYLOAD_DIGEST_MISMATCH'],
    ['wrong name', 'untrusted', 'NAME_MISMATCH'],
  ];

  it.each(ladder)('a %s is %s, whatever junk is pushed before or behind it', async (kind, word, code) => {
    const lesser = ladder
      .slice(
        0,
        ladder.findIndex(([one]) => one === kind),
      )
      .map(([one]) => one);
    for (const order of [
      [...lesser, kind],
      [kind, ...lesser],
      [...lesser, kind, ...lesser],
    ]) {
      const image = publishImage(world.server, REPOSITORY, order.join());
      publishLayers(
        world.server,
        REPOSITORY,
        image,
        order.map((one) => layers[one](image)),
      );
      expect(await say(world, image, policy())).toMatchObject({ word, code });
    }
  });

  it('a wrong name is not repainted by junk that refers to the image', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publishLayers(world.server, REPOSITORY, image, [layers['wrong name'](image)]);
    attach(world.server, REPOSITORY, referrerWith(image, {}));
    attach(world.server, REPOSITORY, bundleReferrer(image, bundleBytes(mallory, signStatement(image.digest))));
    expect(await say(world, image, policy())).toMatchObject({ word: 'untrusted', code: 'NAME_MISMATCH' });
  });

  it('an attestation beside nothing leaves the image unsigned, and beside a foreign signature untrusted', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    const slsa = bundleBytes(alice, signStatement(image.digest, 'https://slsa.dev/provenance/v1'));
    attach(world.server, REPOSITORY, bundleReferrer(image, slsa, null));
    expect(await say(world, image, policy())).toMatchObject({ word: 'unsigned', code: 'UNSIGNED' });
    publishLayers(world.server, REPOSITORY, image, [layers['wrong key'](image)]);
    expect(await say(world, image, policy())).toMatchObject({ word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
  });

  it('something unread keeps the image from being called unsigned or untrusted', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publishLayers(world.server, REPOSITORY, image, [layers['wrong key'](image)]);
    attach(world.server, REPOSITORY, { ...referrerWith(image, 'x'), blobs: [] });
    expect(await say(world, image, policy())).toMatchObject({ word: 'error', code: 'RESPONSE_MALFORMED' });
  });
});

describe('any findings', () => {
  const codes = (Object.keys(REASONS) as (keyof typeof REASONS)[]).filter(
    (code): code is RefusalCode => REASONS[code].word !== 'error',
  );
  const where = { store: 'cosign-tag', repository: 'registry.example/app', reference: 'x' } as const;
  const artifact = { digest: digestOf(Buffer.from('x')), mediaType: 'text/plain' };
  const finding = (check: CheckName, code: RefusalCode): Finding => ({
    kind: 'judged',
    location: where,
    artifact,
    proof: { kind: 'disproved', failed: check, code, message: code, claimedSigner: undefined },
    verdict: { kind: 'refused', check, code, message: code },
  });
  const findings = fc.array(fc.tuple(fc.constantFrom(...CHECKS), fc.constantFrom(...codes)), {
    minLength: 1,
    maxLength: 5,
  });
  const outcomeWith = (list: readonly (readonly [CheckName, RefusalCode])[]) =>
    outcomeOf(
      {
        kind: 'fail',
        said: undefined,
        seen: { findings: list.map(([check, code]) => finding(check, code)), lookedIn: [where], others: 0 },
      },
      origin('p'),
    );

  it('of a failed requirement refuse, in a word that one of the furthest has, in whatever order they came', () => {
    fc.assert(
      fc.property(findings, (list) => {
        const outcome = outcomeWith(list);
        const furthest = Math.max(...list.map(([check]) => CHECKS.indexOf(check)));
        const words = list.filter(([check]) => CHECKS.indexOf(check) === furthest).map(([, code]) => wordOf(code));
        expect(words).toContain(outcome.kind);
        expect(outcomeWith(list.toReversed()).kind).toBe(outcome.kind);
      }),
      { numRuns: 1_000, seed: 6 },
    );
  });

  it('are told with advice for every code', () => {
    for (const code of codes) expect(adviceFor(code).length).toBeGreaterThan(10);
  });

  it('without any place that was looked at are no unsigned image but a defect', () => {
    const seen = { findings: [], lookedIn: [], others: 0 };
    expect(outcomeOf({ kind: 'fail', said: undefined, seen }, origin('p'))).toMatchObject({
      kind: 'error',
      failure: { code: 'INTERNAL_ERROR' },
    });
  });

  it('of a pass without an accepted one are accepted and never verified [MODEL M5]', () => {
    const seen = { findings: [finding('signature', 'SIGNATURE_MISMATCH')], lookedIn: [where], others: 0 };
    expect(outcomeOf({ kind: 'pass', accepted: [], seen }, origin('p')).kind).toBe('accepted');
  });

  it('do not loosen an error', () => {
    const seen = { findings: [], lookedIn: [where], others: 0 };
    const value = { kind: 'error', failure: failure('DIGEST_MISMATCH', 'x'), seen } as const;
    expect(outcomeOf(value, origin('p'))).toMatchObject({ kind: 'error', failure: { code: 'DIGEST_MISMATCH' } });
  });
});

/** Characters that move, break or hide the text around them, as a message must not carry them. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

describe('what an attacker writes and somebody reads [DESIGN §4.13]', () => {
  const hostile = 'registry.example/\u202etxt.exe\u0007\nforged line\u200b';

  it('has no control, line or direction characters where it is the signed name', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publishLayers(world.server, REPOSITORY, image, [goodLayer(alice, image, hostile)]);
    const decision = await decide(world, image, policy());
    const text = texts(decision);
    expect(text.some((one) => one.includes('\\u202e'))).toBe(true);
    expect(text.filter((one) => HIDDEN.test(one))).toEqual([]);
  });

  it('has none where it is an annotation, a media type, a predicate type or a key hint', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publishLayers(world.server, REPOSITORY, image, [
      { ...goodLayer(mallory, image), mediaType: `application/${hostile}` },
      withSignature(goodLayer(mallory, image), hostile),
    ]);
    attach(
      world.server,
      REPOSITORY,
      bundleReferrer(image, bundleBytes({ ...mallory, keyHint: hostile }, signStatement(image.digest, hostile)), null),
    );
    const decision = await decide(world, image, policy());
    expect(decision.allowed).toBe(false);
    expect(texts(decision).filter((one) => HIDDEN.test(one))).toEqual([]);
  });

  it('has none where it is the image itself', async () => {
    const decision = await decide(
      world,
      { ...publishImage(world.server, REPOSITORY, 'x'), digest: `sha256:${hostile}` as Digest },
      policy(),
    );
    expect(decision.allowed).toBe(false);
    expect(texts(decision).filter((one) => HIDDEN.test(one))).toEqual([]);
  });

  /** Every text of a decision that is shown to people. */
  function texts(decision: Awaited<ReturnType<typeof decide>>): readonly string[] {
    return [
      ...decision.warnings,
      ...decision.subjects.flatMap((subject) => [subject.image, ...subject.policies.map((one) => one.reason)]),
    ];
  }
});
