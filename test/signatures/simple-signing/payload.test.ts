import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/image/digest.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../../fixtures/openpgp/signer.ts';
import { DIGEST, PAYLOAD, prove, say } from './fixture.ts';

const alice = createOpenPgpSigner();

type Json = { critical: Record<string, unknown>; optional?: unknown; [more: string]: unknown };
const sound = (): Json => JSON.parse(PAYLOAD);
const changed = (change: (json: Json) => unknown): string => {
  const json = sound();
  change(json);
  return JSON.stringify(json);
};
const optional = (value: unknown): string => changed((json) => (json.optional = value));
const optionally = (text: string): string => PAYLOAD.replace(/"optional":\{[^}]*\}/, `"optional":${text}`);

/** The rows of the table of payloads: accepted, or the code (openshift-containers.md §3.1). */
const ROWS: readonly (readonly [string, string, string])[] = [
  ['as podman writes it', PAYLOAD, 'accepted'],
  ['without optional fields', optional({}), 'accepted'],
  ['with whitespace behind it', `${PAYLOAD}\n \t\r\n`, 'accepted'],
  ['with other optional fields', optional({ creator: 'x', anything: [1, { a: null }] }), 'accepted'],
  ['with a creator of null', optional({ creator: null }), 'accepted'],
  ['with a timestamp of null', optional({ timestamp: null }), 'accepted'],
  ['with a timestamp of 1e3', optionally('{"timestamp":1e3}'), 'accepted'],
  ['with a timestamp of 1.5', optional({ timestamp: 1.5 }), 'PAYLOAD_MALFORMED'],
  ['with a timestamp of text', optional({ timestamp: '1' }), 'PAYLOAD_MALFORMED'],
  ['with a timestamp beyond 64 bits', optionally('{"timestamp":1e19}'), 'PAYLOAD_MALFORMED'],
  ['with a creator that is a number', optional({ creator: 1 }), 'PAYLOAD_MALFORMED'],
  ['with optional null', optional(null), 'PAYLOAD_MALFORMED'],
  ['without optional', changed((json) => delete json.optional), 'PAYLOAD_MALFORMED'],
  ['with optional a list', optional([]), 'PAYLOAD_MALFORMED'],
  ['with an optional field twice', optionally('{"other":1,"other":1}'), 'PAYLOAD_MALFORMED'],
  ['with optional twice', PAYLOAD.replace('{"critical"', '{"optional":{},"critical"'), 'PAYLOAD_MALFORMED'],
  ['with something more', changed((json) => (json['more'] = 1)), 'PAYLOAD_MALFORMED'],
  ['with something more in critical', changed((json) => (json.critical['more'] = 1)), 'PAYLOAD_MALFORMED'],
  ['without critical', changed((json) => (json.critical = {})), 'PAYLOAD_MALFORMED'],
  [
    'with another image member',
    changed((json) => (json.critical['image'] = { 'docker-manifest-digest': DIGEST, x: 1 })),
    'PAYLOAD_MALFORMED',
  ],
  [
    'with another identity member',
    changed((json) => (json.critical['identity'] = { 'docker-reference': 'a', x: 1 })),
    'PAYLOAD_MALFORMED',
  ],
  ['without a reference', changed((json) => (json.critical['identity'] = {})), 'PAYLOAD_MALFORMED'],
  [
    'of cosign’s type',
    simpleSigningPayload({ digest: DIGEST, type: 'cosign container image signature' }),
    'PAYLOAD_TYPE_UNEXPECTED',
  ],
  [
    'of a type in capitals',
    simpleSigningPayload({ digest: DIGEST, type: 'Atomic container signature' }),
    'PAYLOAD_TYPE_UNEXPECTED',
  ],
  ['of no type', changed((json) => delete json.critical['type']), 'PAYLOAD_MALFORMED'],
  ['with more behind it', `${PAYLOAD}{}`, 'PAYLOAD_MALFORMED'],
  ['with a byte order mark', `\uFEFF${PAYLOAD}`, 'PAYLOAD_MALFORMED'],
  ['that is no JSON', 'This is not JSON\n', 'PAYLOAD_MALFORMED'],
  ['that is empty', '', 'PAYLOAD_MALFORMED'],
  [
    'with a digest in capitals',
    simpleSigningPayload({ digest: DIGEST.toUpperCase().replace('SHA', 'sha') }),
    'PAYLOAD_MALFORMED',
  ],
  [
    'with a digest of another algorithm',
    simpleSigningPayload({ digest: `sha512:${'0'.repeat(128)}` }),
    'PAYLOAD_MALFORMED',
  ],
  [
    'about another image',
    simpleSigningPayload({ digest: digestOf(Buffer.from('another')) }),
    'PAYLOAD_DIGEST_MISMATCH',
  ],
];

describe('signed payloads [openshift-containers 56]', () => {
  it.each(ROWS)('%s', async (_what, payload, said) => {
    expect(await say(alice.sign(payload), [alice])).toBe(said);
  });

  it('are not looked at before a key of the policy has signed them', async () => {
    const mallory = createOpenPgpSigner();
    for (const [, payload] of ROWS) expect(await say(mallory.sign(payload), [alice])).toBe('SIGNATURE_MISMATCH');
  });

  it('claim the name as it was signed, and what else they say', async () => {
    const payload = simpleSigningPayload({ digest: DIGEST, reference: 'UPPERCASEISINVALID', optional: { a: 'b' } });
    expect(await prove(alice.sign(payload), [alice])).toMatchObject({
      kind: 'proved',
      claims: {
        digest: DIGEST,
        name: { kind: 'named', text: 'UPPERCASEISINVALID' },
        predicateType: undefined,
        annotations: { a: 'b' },
      },
      times: [],
      log: [],
    });
  });

  it('are the same text for those who sign text and those who sign bytes, whatever ends its lines', async () => {
    const lines = JSON.stringify(JSON.parse(PAYLOAD), undefined, 2);
    for (const type of [0, 1]) {
      expect(await say(alice.sign(lines, { type }), [alice])).toBe('accepted');
      expect(await say(alice.sign(lines.replaceAll('\n', '\r\n'), { type }), [alice])).toBe('accepted');
    }
  });
});
