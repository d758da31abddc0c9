import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { publishImage, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import type { RequestRecord } from '../../src/cli/demo/registry-server.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { type ErrorCode, REASONS } from '../../src/codes/codes.ts';
import { failure } from '../../src/codes/result.ts';
import type { OnError } from '../../src/model/outcome.ts';
import { everywhere, keyLeaf, origin, policyOf, signedBy } from '../fixtures/keys.ts';
import { createMemoryRegistry, engineOver, requestFor, wordsOf } from '../fixtures/memory-registry.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';

const signer = createSigner();
const policies = [everywhere(policyOf(signedBy(signer)))];

/** Ways in which a registry can answer wrongly, and what the decision then says. */
const FAULTS = {
  '401': { codes: ['REGISTRY_UNAUTHORISED'], commit: status(401) },
  '403': { codes: ['REGISTRY_UNAUTHORISED'], commit: status(403) },
  '429 and wait two minutes': { codes: ['REGISTRY_RATE_LIMITED'], commit: status(429, { 'retry-after': '120' }) },
  '500': { codes: ['REGISTRY_UNAVAILABLE'], commit: status(500) },
  'a reset': {
    codes: ['REGISTRY_UNREACHABLE'],
    commit: (response: ServerResponse) => response.socket?.resetAndDestroy(),
  },
  'a hang': { codes: ['DEADLINE_EXCEEDED', 'REGISTRY_DEADLINE'], commit: () => undefined },
  'a truncated body': {
    spoilsBody: true,
    codes: ['REGISTRY_UNREACHABLE', 'RESPONSE_MALFORMED'],
    commit: (response: ServerResponse, honest: Honest) => {
      response.writeHead(200, { ...honest.headers, 'content-length': honest.body.length });
      response.write(honest.body.subarray(0, 20));
      setImmediate(() => response.destroy());
    },
  },
  'a wrong digest': {
    spoilsBody: true,
    codes: ['DIGEST_MISMATCH', 'RESPONSE_TOO_LARGE', 'RESPONSE_MALFORMED'],
    commit: (response: ServerResponse, honest: Honest) => {
      response.writeHead(200, honest.headers);
      response.end(Buffer.from(honest.body.toString('latin1').replace('{', '{ '), 'latin1'));
    },
  },
  'an endless body': {
    spoilsBody: true,
    codes: ['RESPONSE_TOO_LARGE'],
    commit: (response: ServerResponse, honest: Honest) => {
      response.writeHead(200, honest.headers);
      const chunk = Buffer.alloc(65_536, ' ');
      const pump = () => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', pump);
      };
      pump();
    },
  },
  'an HTML page': {
    spoilsBody: true,
    codes: ['RESPONSE_MALFORMED', 'DIGEST_MISMATCH', 'RESPONSE_TOO_LARGE'],
    commit: (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please sign in</html>');
    },
  },
} as const satisfies Record<string, Fault>;

type Fault = {
  readonly spoilsBody?: true;
  readonly codes: readonly ErrorCode[];
  readonly commit: (response: ServerResponse, honest: Honest) => unknown;
};
type Honest = { readonly headers: Record<string, string>; readonly body: Buffer };

function status(code: number, headers: Record<string, string> = {}) {
  return (response: ServerResponse) => response.writeHead(code, headers).end();
}

/** The steps of a decision. The image carries one signature, so that nothing else can admit it. */
const STEPS = {
  'the tag': { form: 'layer', on: (path: string) => path.endsWith('/manifests/v1') },
  'the image manifest': { form: 'layer', on: (path: string, image: string) => path.endsWith(`/manifests/${image}`) },
  'the .sig manifest': { form: 'layer', on: (path: string) => path.endsWith('.sig') },
  'the signature': { form: 'layer', on: (path: string) => path.includes('/blobs/') },
  'the referrers': { form: 'bundle', on: (path: string) => path.includes('/referrers/') },
  'the bundle manifest': {
    form: 'bundle',
    on: (path: string, image: string) => path.includes('/manifests/sha256:') && !path.endsWith(image),
  },
  'the bundle': { form: 'bundle', on: (path: string) => path.includes('/blobs/') },
} as const;

describe('a registry that answers wrongly, in deny mode', () => {
  let world: World;
  let spoil: { on: (path: string) => boolean; fault: Fault } | undefined;
  let repositories = 0;
  beforeAll(async () => {
    world = await startWorld({
      fault: async (record: RequestRecord, _, response) => {
        if (spoil === undefined || record.headers['x-honest'] !== undefined || !spoil.on(record.path)) return false;
        const answer = await fetch(`http://${world.server.host}${record.path}${record.query}`, {
          headers: { 'x-honest': 'yes' },
        });
        const headers: Record<string, string> = {};
        for (const name of ['content-type', 'docker-content-digest']) {
          const value = answer.headers.get(name);
          if (value !== null) headers[name] = value;
        }
        // A HEAD has no body to spoil: it says too little, and the GET that follows is spoilt.
        const isBodyless = record.method === 'HEAD' && spoil.fault.spoilsBody === true;
        if (isBodyless) response.writeHead(200, { 'content-type': 'application/json' }).end();
        else spoil.fault.commit(response, { headers, body: Buffer.from(await answer.arrayBuffer()) });
        return true;
      },
    });
  });
  afterEach(() => {
    spoil = undefined;
  });
  afterAll(() => world.close());

  // A list of referrers has no digest that could be wrong.
  const cases = Object.entries(STEPS)
    .flatMap(([step, { form, on }]) =>
      Object.entries(FAULTS).map(([name, fault]) => ({ step, name, form, on, fault: fault as Fault })),
    )
    .filter(({ step, name }) => step !== 'the referrers' || name !== 'a wrong digest');

  it.each(cases)(
    '$name at $step: never admitted, never called unsigned, over with the next [peers 61, 62, 63, 66]',
    async (each) => {
      const path = `acme/app${repositories++}`;
      const image = publishImage(world.server, path, path);
      if (each.form === 'layer') signImage(world.server, path, image, signer);
      else signImageWithBundle(world.server, path, image, signer);
      const name = `${world.server.host}/${path}:v1`;
      let ahead = 0;
      const engine = world.engine(policies, {}, { clock: () => Date.now() + ahead });
      spoil = { on: (asked) => each.on(asked, image.digest), fault: each.fault };

      const within = each.name === 'a hang' ? 250 : 4_000;
      const decision = await ask(engine, [name], { within });
      const outcome = decision.subjects[0]?.policies[0]?.outcome;
      expect(decision.allowed).toBe(false);
      if (isNoReferrersApi(each)) expect(outcome?.kind).toBe('unsigned');
      else {
        expect(outcome?.kind).toBe('error');
        expect(each.fault.codes).toContain(outcome?.kind === 'error' ? outcome.failure.code : undefined);
      }

      spoil = undefined;
      // An empty list is an answer and may refuse for ten seconds; that there is no API must not be believed for longer.
      if (isNoReferrersApi(each)) ahead = 10_001;
      expect(wordsOf(await ask(engine, [name], { within: 60_000 }))).toEqual(['verified']);
    },
  );

  /** DESIGN.md §4.3: a wrong content type there means that there is no such API, and the fallback tag is asked. */
  const isNoReferrersApi = ({ step, name }: { step: string; name: string }) =>
    step === 'the referrers' && name === 'an HTML page';
});

describe('an image that is not there', () => {
  it.each([
    ['the tag', 'acme/app:none'],
    ['the digest', `acme/app@sha256:${'0'.repeat(64)}`],
    ['the repository', 'acme/none:v1'],
  ])('is refused as not found and not as unsigned: %s [peers 33]', async (_, name) => {
    const world = await startWorld();
    publishImage(world.server, 'acme/app', 'hello');
    const decision = await ask(world.engine(policies, { onError: 'allow' }), [`${world.server.host}/${name}`]);
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toEqual(['error IMAGE_NOT_FOUND']);
    expect(decision.subjects[0]?.policies[0]?.reason).toMatch(/has no image/);
    await world.close();
  });

  it('that is pushed afterwards is admitted at once: nothing remembers that it was not there [peers 69]', async () => {
    const memory = createMemoryRegistry();
    const engine = engineOver(memory.client(), policies);
    const asked = requestFor(['registry.test/acme/app:v1']);
    expect(wordsOf(await engine.decide(asked))).toEqual(['error IMAGE_NOT_FOUND']);
    const image = publishImage(memory.server, 'acme/app', 'hello');
    signImage(memory.server, 'acme/app', image, signer);
    expect(wordsOf(await engine.decide(asked))).toEqual(['verified']);
  });
});

describe('a registry that is overloaded for a moment', () => {
  it.each([429, 502, 503, 504])('and answers %i is asked again within the deadline [peers 62]', async (code) => {
    let left = 2;
    const world = await startWorld({
      fault: (_, __, response) => {
        if (left-- <= 0) return false;
        response.writeHead(code, { 'retry-after': '0' }).end();
        return true;
      },
    });
    const image = publishImage(world.server, 'acme/app', 'hello');
    signImage(world.server, 'acme/app', image, signer);
    expect(wordsOf(await ask(world.engine(policies), [`${world.server.host}/acme/app@${image.digest}`]))).toEqual([
      'verified',
    ]);
    await world.close();
  });

  it('and stays so is called rate-limited, within the deadline [peers 62, hostile]', async () => {
    const world = await startWorld({
      fault: (_, __, response) => {
        response.writeHead(429, { 'retry-after': '0' }).end();
        return true;
      },
    });
    const decision = await ask(world.engine(policies), [`${world.server.host}/acme/app:v1`], { within: 3_000 });
    expect(wordsOf(decision)).toEqual(['error REGISTRY_RATE_LIMITED']);
    expect(decision.allowed).toBe(false);
    await world.close();
  });
});

describe('a registry that hangs', () => {
  it('is an explicit refusal before the deadline of whoever asked, and nothing but a record in audit mode [peers 61, 63]', async () => {
    const world = await startWorld({ fault: () => true });
    const engine = world.engine(policies);
    const name = `${world.server.host}/acme/app:v1`;
    const started = Date.now();
    const [deny, audit, warn] = await Promise.all(
      (['deny', 'audit', 'warn'] as const).map((mode) => ask(engine, [name], { mode, within: 200 })),
    );
    expect(Date.now() - started).toBeLessThan(1_500);
    expect([deny?.allowed, audit?.allowed, warn?.allowed]).toEqual([false, true, true]);
    expect([deny, audit, warn].map((each) => each?.subjects[0]?.wouldDeny)).toEqual([true, true, true]);
    expect([audit?.warnings.length, warn?.warnings.length]).toEqual([0, 1]);
    expect(warn?.warnings[0]).toContain('DEADLINE');
    await world.close();
  });
});

describe('what onError lets in (MODEL.md M6)', () => {
  const errorCodes = Object.entries(REASONS).flatMap(([code, reason]) =>
    reason.word === 'error' ? [{ code: code as ErrorCode, errorClass: reason.class }] : [],
  );
  const settings = ['deny', 'warn', 'allow'] as const satisfies readonly OnError[];
  const memory = createMemoryRegistry();
  const image = publishImage(memory.server, 'acme/app', 'hello');
  const other = publishImage(memory.server, 'acme/other', 'hello other');
  const asked = requestFor([`registry.test/acme/app@${image.digest}`]);

  it('is tested for every class', () => {
    expect(new Set(errorCodes.map(({ errorClass }) => errorClass))).toEqual(
      new Set(['unavailable', 'unauthorised', 'content', 'configuration', 'internal']),
    );
  });

  it.each(errorCodes.flatMap((each) => settings.map((onError) => ({ ...each, onError }))))(
    '$code ($errorClass) under onError $onError, wherever it strikes',
    async ({ code, errorClass, onError }) => {
      for (const strikes of ['manifest acme/app sha256:', 'manifest acme/app sha256-', 'referrers acme/app']) {
        memory.intercept = ({ text }) => (text.startsWith(strikes) ? failure(code, 'trouble') : undefined);
        const decision = await engineOver(memory.client(), policies, { settings: { onError } }).decide(asked);
        const loosened = errorClass === 'unavailable' && onError !== 'deny';
        expect({ strikes, allowed: decision.allowed }).toEqual({ strikes, allowed: loosened });
        // What is let in unverified is said, with its code, and counted as an error.
        expect(decision.warnings.filter((warning) => warning.includes(code))).toHaveLength(loosened ? 1 : 0);
        expect(wordsOf(decision)).toEqual([`error ${code}`]);
      }
    },
  );

  it.each([
    ['an unsigned image', policyOf(signedBy(signer), { origin: origin('unsigned') })],
    ['a policy that rejects', policyOf({ kind: 'reject', says: 'never' }, { origin: origin('never') })],
  ])('is never a definite refusal beside it: %s in another policy', async (_, refusing) => {
    memory.intercept = ({ text }) =>
      text.startsWith('referrers acme/app') ? failure('REGISTRY_UNREACHABLE', 'down') : undefined;
    const leaf = { kind: 'some', leaf: referrersOnly() } as const;
    const tagOnly = {
      ...refusing,
      state:
        refusing.state.kind === 'ready' && refusing.state.require.kind === 'some'
          ? { kind: 'ready' as const, require: { kind: 'some' as const, leaf: tagsOnly() } }
          : refusing.state,
    };
    const failing = policyOf(leaf, { origin: origin('failing') });
    const both = engineOver(memory.client(), [everywhere(failing), everywhere(tagOnly)], {
      settings: { onError: 'allow' },
    });
    expect((await both.decide(asked)).allowed).toBe(false);
    const alone = engineOver(memory.client(), [everywhere(failing)], { settings: { onError: 'allow' } });
    expect((await alone.decide(asked)).allowed).toBe(true);
  });

  it('is never a definite refusal beside it in one requirement, nor a graver error', async () => {
    const unreachable = failure('REGISTRY_UNREACHABLE', 'down');
    memory.intercept = ({ text }) => (text.startsWith('referrers acme/app') ? unreachable : undefined);
    const decide = (require: Parameters<typeof policyOf>[0]) =>
      engineOver(memory.client(), [everywhere(policyOf(require))], { settings: { onError: 'allow' } }).decide(asked);
    const down = { kind: 'some', leaf: referrersOnly() } as const;
    const unsigned = { kind: 'some', leaf: tagsOnly() } as const;
    expect(wordsOf(await decide(down))).toEqual(['error REGISTRY_UNREACHABLE']);
    expect((await decide(down)).allowed).toBe(true);
    expect(await decide({ kind: 'allOf', of: [down, unsigned] })).toMatchObject({
      allowed: false,
      subjects: [{ headline: 'unsigned' }],
    });
    expect((await decide({ kind: 'kOf', k: 2, of: [down, unsigned, unsigned] })).allowed).toBe(false);

    memory.intercept = ({ text }) =>
      text.startsWith('referrers acme/app')
        ? unreachable
        : text.includes('.sig')
          ? failure('RESPONSE_TOO_LARGE', 'endless')
          : undefined;
    const decision = await decide({ kind: 'anyOf', of: [down, unsigned] });
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toEqual(['error RESPONSE_TOO_LARGE']);
  });

  it('is never another image of the same pod', async () => {
    memory.intercept = ({ text }) => (text.includes('acme/app') ? failure('REGISTRY_UNREACHABLE', 'down') : undefined);
    const decision = await engineOver(memory.client(), policies, { settings: { onError: 'allow' } }).decide(
      requestFor([`registry.test/acme/app@${image.digest}`, `registry.test/acme/other@${other.digest}`]),
    );
    expect(decision.allowed).toBe(false);
    expect(wordsOf(decision)).toEqual(['error REGISTRY_UNREACHABLE', 'unsigned UNSIGNED']);
  });

  function referrersOnly() {
    const leaf = keyLeaf([signer]);
    return { ...leaf, where: { ...leaf.where, stores: ['sigstore-bundle'] as const } };
  }
  function tagsOnly() {
    const leaf = keyLeaf([signer]);
    return { ...leaf, where: { ...leaf.where, stores: ['cosign-tag'] as const } };
  }
});
