import { describe, expect, it } from 'vitest';
import { auditAnnotations } from '../../src/audit/annotations.ts';
import { exitStatus } from '../../src/audit/exit-status.ts';
import { jsonOutput } from '../../src/audit/json.ts';
import { denialMessage } from '../../src/audit/message.ts';
import { type CountedDecision, decisionCounter } from '../../src/audit/metrics.ts';
import { textOutput } from '../../src/audit/text.ts';
import { boundedWarnings } from '../../src/audit/warnings.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import {
  acceptedFinding,
  DIGEST,
  decision,
  OUTCOMES,
  origin,
  refusedFinding,
  said,
  subject,
  unreadFinding,
} from './fixture.ts';

describe('the message of a denial', () => {
  it('says image, field, policy, outcome, what was found, what to do and the code', () => {
    expect(denialMessage(decision([subject([said('unsigned')])]))).toBe(
      `image "ghcr.io/acme/app:1.2" (spec.containers[0].image) refused by ClusterImagePolicy "release": unsigned. ` +
        `No cosign signature for ${DIGEST} in ghcr.io/acme/app (looked at tag x.sig and referrers). ` +
        `Sign the image, or ask your platform team about the policy. [UNSIGNED]`,
    );
  });

  it('names the namespace of a tenant policy', () => {
    const message = denialMessage(decision([subject([said('error', { policy: origin('own', 'dev') })])]));
    expect(message).toContain('refused by ImagePolicy "own" in namespace "dev": error.');
    expect(message).toContain('[REGISTRY_UNREACHABLE]');
  });

  it('names every refused image, and none that only a lax policy refuses [peers 24, 54]', () => {
    const message = denialMessage(
      decision([
        subject([said('verified'), said('unsigned', { mode: 'warn' })], { image: 'a' }),
        subject([said('unsigned')], { image: 'b' }),
        subject([said('rejected'), said('error', { policy: origin('second') })], { image: 'c' }),
      ]),
    );
    expect(message.split('\n').map((line) => line.slice(0, 9))).toEqual(['image "b"', 'image "c"', 'image "c"']);
  });

  it('stays within 4 KiB and says how many more there are', () => {
    const subjects = Array.from({ length: 500 }, () => subject([said('unsigned', { reason: 'ü'.repeat(5_000) })]));
    const message = denialMessage(decision(subjects));
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4_096);
    expect(message).toMatch(/\nand 49\d more$/);
  });

  it('lets no text from outside break the line or turn it around', () => {
    const hostile = 'x\nimage "y" allowed\u202e\u001b[2J\u2028';
    const message = denialMessage(
      decision([
        subject([said('unsigned', { reason: hostile, policy: origin(hostile, hostile) })], {
          image: hostile,
          path: hostile,
        }),
      ]),
    );
    expect(message).not.toMatch(/[\n\u202e\u001b\u2028]/);
  });
});

describe('warnings', () => {
  it('are escaped, told once, and each within 256 bytes', () => {
    const sent = boundedWarnings(['a\nb', 'a\nb', 'ü'.repeat(400)]);
    expect(sent).toHaveLength(2);
    expect(sent[0]).toBe('a\\u000ab');
    for (const warning of sent) expect(Buffer.byteLength(warning)).toBeLessThanOrEqual(256);
  });

  it('stay within 4096 bytes together, beyond which the API server drops them unseen', () => {
    const sent = boundedWarnings(Array.from({ length: 99 }, (_, i) => `${i} ${'x'.repeat(300)}`));
    expect(sent.reduce((sum, warning) => sum + Buffer.byteLength(warning), 0)).toBeLessThanOrEqual(4_096);
    expect(sent.at(-1)).toMatch(/^and \d+ more warnings$/);
  });
});

describe('audit annotations', () => {
  it('have bare keys of at most 63 characters and values of at most 1 KiB', () => {
    const long = Array.from({ length: 40 }, (_, i) => said('unsigned', { policy: origin(`${i}-${'p'.repeat(200)}`) }));
    const subjects = Array.from({ length: 25 }, () => subject(long, { image: 'ü'.repeat(900), path: 'p'.repeat(900) }));
    const annotations = auditAnnotations(decision(subjects));
    for (const [key, value] of Object.entries(annotations)) {
      expect(key).toMatch(/^[a-z0-9-]{1,63}$/);
      expect(Buffer.byteLength(value)).toBeLessThanOrEqual(1_024);
    }
    expect(annotations['decision']).toBe('denied');
    expect(annotations['images-omitted']).toBe('5');
    expect(annotations['image-19']).toContain(DIGEST);
    expect(annotations['image-20']).toBeUndefined();
  });

  it('tell of would-be denials [peers 55]', () => {
    const annotations = auditAnnotations(decision([subject([said('unsigned', { mode: 'audit' })])], { mode: 'audit' }));
    expect(annotations).toMatchObject({ decision: 'allowed', mode: 'audit', 'would-deny': 'true' });
  });
});

describe('the exit status', () => {
  const audit = { mode: 'audit' } as const;
  it.each([
    ['everything admitted', 0, [subject([said('verified')]), subject([said('exempt')])]],
    ['nothing looked at', 0, []],
    ['a definite refusal', 1, [subject([said('verified')]), subject([said('unsigned')])]],
    ['a refusal that audit mode lets in', 1, [subject([said('unsigned', audit)])]],
    ['a refusal beside an error', 1, [subject([said('error')]), subject([said('rejected')])]],
    ['only errors', 3, [subject([said('error')]), subject([said('verified')])]],
    ['an error in audit mode', 3, [subject([said('error', audit)])]],
    ['an error that onError loosens', 0, [subject([said('error', { admission: 'warn' })])]],
    ['advice about a tag', 0, [subject([said('verified')], { advice: ['the tag may move'] })]],
  ] as const)('for %s is %d', (_, status, subjects) => {
    expect(exitStatus([decision(subjects)])).toBe(status);
  });

  it('is never 0 for a denial, explained or not', () => {
    expect(exitStatus([decision([], { allowed: false })])).toBe(1);
    expect(exitStatus([decision([subject([], { wouldDeny: true })])])).toBe(1);
  });
});

describe('metrics', () => {
  it('count would-be denials apart [peers 55], and images by policy and code', async () => {
    const metrics = createMetrics();
    const count = decisionCounter(metrics);
    count(decision([subject([said('unsigned', { mode: 'audit' })])], { mode: 'audit' }), false);
    count(decision([subject([said('verified')])]), false);
    const text = await metrics.render();
    expect(text).toContain('countersign_reviews_total{decision="would-deny",mode="audit"} 1');
    expect(text).toContain('countersign_reviews_total{decision="allowed",mode="deny"} 1');
    expect(text).toContain(
      'countersign_image_outcomes_total{outcome="unsigned",policy="ClusterImagePolicy/release",code="UNSIGNED"} 1',
    );
  });

  it('count no dry run [peers 50], and keep policy names bounded', () => {
    const reviews: CountedDecision[] = [];
    const policies = new Set<string>();
    const count = decisionCounter({
      review: ({ decision }) => reviews.push(decision),
      seconds: () => undefined,
      imageOutcome: ({ policy }) => policies.add(policy),
    });
    count(decision([]), true);
    for (let i = 0; i < 600; i++) count(decision([subject([said('unsigned', { policy: origin(`p${i}`) })])]), false);
    expect(reviews).toEqual(Array.from({ length: 600 }, () => 'denied'));
    expect(policies.size).toBe(501);
    expect(policies).toContain('other');
  });
});

describe("the command line's JSON", () => {
  it('has exactly the documented fields', () => {
    const findings = [acceptedFinding(), refusedFinding(), unreadFinding()] as const;
    const verified = said('verified', { outcome: { kind: 'verified', findings } });
    const output = jsonOutput([decision([subject([verified, verified])], { warnings: ['w'] })]);
    expect(output).toEqual({
      allowed: true,
      images: [
        {
          image: 'ghcr.io/acme/app:1.2',
          path: 'spec.containers[0].image',
          digest: DIGEST,
          outcome: 'verified',
          policies: [expect.anything(), expect.anything()],
          findings: [
            expect.objectContaining({ format: 'cosign-tag', signer: 'key sha256:aa', accepted: true, code: null }),
            expect.objectContaining({ signer: 'mallory\\u202e', accepted: false, code: 'SIGNATURE_MISMATCH' }),
            expect.objectContaining({ signer: null, accepted: false, code: 'RESPONSE_TOO_LARGE', artifact: null }),
          ],
        },
      ],
      objects: [],
      warnings: ['w'],
    });
    expect(output.images[0]?.policies[0]).toEqual({
      policy: 'ClusterImagePolicy/release',
      scope: 'ghcr.io/acme',
      mode: 'deny',
      outcome: 'verified',
      code: null,
      reason: verified.reason,
    });
  });

  it('renders every outcome', () => {
    for (const kind of Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[]) {
      expect(jsonOutput([decision([subject([said(kind)])])]).images[0]?.outcome).toBe(kind);
    }
  });

  it('places a detached signature by its URL alone', () => {
    const finding = acceptedFinding();
    const reference = 'https://lookaside.test/acme/app@sha256=00/signature-1';
    const detached = { ...finding, location: { ...finding.location, store: 'lookaside', reference } } as const;
    const outcome = { kind: 'verified', findings: [detached] } as const;
    expect(jsonOutput([decision([subject([said('verified', { outcome })])])]).images[0]?.findings[0]).toMatchObject({
      format: 'lookaside',
      location: reference,
    });
  });
});

describe("the command line's text", () => {
  const both = decision([
    subject([said('verified')]),
    subject([said('untrusted', { scope: '' })], { image: '', path: 'spec.containers[1].image', digest: undefined }),
  ]);

  it('reads without colours', () => {
    const text = textOutput([{ ...both, warnings: ['mind the tag'] }], { colour: false });
    expect(text).not.toContain('\u001b');
    expect(text).toMatchInlineSnapshot(`
      "✓ ghcr.io/acme/app:1.2  verified
        at      spec.containers[0].image
        digest  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
        policy  ClusterImagePolicy "release", scope ghcr.io/acme: verified
        signed  key sha256:aa

      ✗ ""  untrusted
        at      spec.containers[1].image
        policy  ClusterImagePolicy "release": untrusted [SIGNATURE_MISMATCH]
                No cosign signature for sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d in ghcr.io/acme/app (looked at tag x.sig and referrers).
                Sign the image with the key that the policy names.
        found   cosign-tag ghcr.io/acme/app:sha256-4f1c.sig by mallory\\u202e: refused [SIGNATURE_MISMATCH]
                no key of the policy verifies it

      warning  mind the tag

      2 images: 1 refused
      "
    `);
  });

  it('tells several objects apart', () => {
    const text = textOutput([both, decision([])], { colour: false, titles: ['Pod shop/web\n', 'Role shop/reader'] });
    expect(text).toMatch(/^Pod shop\/web\\u000a\n\n✓ ghcr/);
    expect(text).toContain('\n\nRole shop/reader: no images\n\n2 images: 1 refused\n');
  });

  it('has colours only where asked', () => {
    expect(textOutput([both], { colour: true })).toContain('\u001b[31m');
  });

  it('says when only the mode lets an image in', () => {
    expect(textOutput([decision([subject([said('unsigned', { mode: 'audit' })])])], { colour: false })).toContain(
      '1 image: 1 refused, let in by the mode\n',
    );
    expect(textOutput([decision([])], { colour: false })).toBe('no images to look at\n');
  });
});
