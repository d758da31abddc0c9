import { describe, expect, it } from 'vitest';
import { isOlder, readEvent } from '../../src/kubernetes/watch-event.ts';

describe('resource versions', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['99999999999999999998', '99999999999999999999', true],
    ['18446744073709551615', '18446744073709551616', true],
    // Where one is no decimal number nothing can be said.
    ['a', '10', false],
    ['10', 'b', false],
    ['010', '9', false],
    ['', '1', false],
  ])('%s is older than %s: %s', (version, than, older) => {
    expect(isOlder(version, than)).toBe(older);
  });
});

describe('an event', () => {
  const read = (event: unknown) => readEvent(Buffer.from(JSON.stringify(event)));

  it('may have members that JavaScript knows otherwise, which change nothing', () => {
    const metadata = { name: 'x', uid: '1', resourceVersion: '1' };
    const line = `{"type":"ADDED","object":{"__proto__":{"data":{"text":"y"}},"metadata":${JSON.stringify(metadata)}}}`;
    const event = readEvent(Buffer.from(line));
    if (!event.ok || event.value.kind === 'bookmark' || !event.value.of.object.ok) throw new Error('not read');
    expect(event.value.of.object.value['data']).toBeUndefined();
    expect(event.value.of.object.value['constructor']).toBeUndefined();
    expect(Object.getPrototypeOf(event.value.of.object.value)).toBeNull();
  });

  it('has its name, UID and version itself, and does not inherit them', () => {
    const object = { metadata: { __proto__: { name: 'x' }, uid: '1', resourceVersion: '1' } };
    expect(read({ type: 'ADDED', object })).toMatchObject({ ok: false });
    expect(read({ type: 'ADDED', object: { metadata: { name: 1, uid: 1, resourceVersion: 1 } } })).toMatchObject({
      ok: false,
    });
  });

  it('of an error says what the API server says, with odd characters escaped', () => {
    expect(read({ type: 'ERROR', object: { code: 410, message: 'too old\u001b' } })).toMatchObject({
      failure: { kind: 'expired', failure: { message: 'the API server ended the watch: too old\\u001b' } },
    });
    expect(read({ type: 'ERROR', object: { code: 500, reason: 'Expired' } })).toMatchObject({
      failure: { kind: 'expired' },
    });
    expect(read({ type: 'ERROR' })).toMatchObject({
      failure: { kind: 'failed', failure: { code: 'CLUSTER_UNAVAILABLE' } },
    });
  });
});
