import { describe, expect, it } from 'vitest';
import { aboutThis, readPayload, userMetadata } from '../../../src/signatures/notation/payload.ts';
import { payloadAbout } from '../../fixtures/notation/signer.ts';
import { TARGET } from './envelopes.ts';

const read = (target: object) => readPayload(Buffer.from(JSON.stringify({ targetArtifact: target })));
const wordFor = (text: string): string => {
  const result = readPayload(Buffer.from(text));
  return result.kind === 'verified' ? 'read' : result.code;
};
const about = (change: object): string => {
  const target = read({ ...TARGET, ...change });
  if (target.kind !== 'verified') return target.code;
  const result = aboutThis(target.value, TARGET);
  return result.kind === 'verified' ? 'about this' : `${result.failed} ${result.code}`;
};
const OTHER = `sha256:${'0'.repeat(64)}`;

describe('what a notation signature is about', () => {
  it('is the artifact whose type, digest and size it names', () => {
    expect(readPayload(payloadAbout(TARGET))).toEqual({ kind: 'verified', value: { ...TARGET, annotations: {} } });
    expect(about({})).toBe('about this');
  });

  it('is not an artifact of another digest [notation-ratify 35]', () => {
    expect(about({ digest: OTHER })).toBe('digest PAYLOAD_DIGEST_MISMATCH');
  });

  it('is not an artifact of the same digest and another size [notation-ratify 36]', () => {
    expect(about({ size: TARGET.size + 1 })).toBe('digest PAYLOAD_DIGEST_MISMATCH');
    expect(about({ size: 0 })).toBe('digest PAYLOAD_DIGEST_MISMATCH');
  });

  it('is not an artifact of the same digest and another media type [notation-ratify 37]', () => {
    expect(about({ mediaType: 'application/vnd.docker.distribution.manifest.v2+json' })).toBe(
      'digest PAYLOAD_DIGEST_MISMATCH',
    );
    expect(about({ mediaType: TARGET.mediaType.toUpperCase() })).toBe('digest PAYLOAD_DIGEST_MISMATCH');
  });

  it('does not depend on annotations, nor on what else a descriptor may hold [notation-ratify 38]', () => {
    expect(about({ annotations: { colour: 'blue' } })).toBe('about this');
    expect(about({ annotations: null })).toBe('about this');
    expect(about({ artifactType: 'application/x', urls: ['https://elsewhere.example'] })).toBe('about this');
  });

  it('is told with the annotations that are not notation’s own', () => {
    const target = read({ ...TARGET, annotations: { 'io.cncf.notary.x': '1', colour: 'blue', __proto__x: '' } });
    if (target.kind !== 'verified') expect.fail(target.message);
    expect({ ...userMetadata(target.value) }).toEqual({ colour: 'blue', __proto__x: '' });
  });

  it('shows no text of the signer that could mislead', () => {
    const target = read({ ...TARGET, mediaType: 'a\u202eb' });
    if (target.kind !== 'verified') expect.fail(target.message);
    expect(aboutThis(target.value, TARGET)).toMatchObject({ message: expect.stringContaining('"a\\u202eb"') });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello COSE'],
    ['no object', '[]'],
    ['an empty object', '{}'],
    ['a target that is no object', '{"targetArtifact":[]}'],
    ['more than a target', `{"targetArtifact":${JSON.stringify(TARGET)},"other":1}`],
    ['two targets', `{"targetArtifact":{},"targetArtifact":${JSON.stringify(TARGET)}}`],
    ['a target in other letters', `{"TargetArtifact":${JSON.stringify(TARGET)}}`],
    ['a digest twice', `{"targetArtifact":{"digest":"${OTHER}",${JSON.stringify(TARGET).slice(1)}}`],
    ['more behind it', `${payloadAbout(TARGET).toString()} {}`],
  ])('cannot be read from %s', (_, text) => {
    expect(wordFor(text)).toBe('PAYLOAD_MALFORMED');
  });

  it.each([
    ['mediaType', [undefined, null, '', 1]],
    ['digest', [undefined, null, '', 'sha256:', `sha512:${'0'.repeat(128)}`, OTHER.toUpperCase()]],
    ['size', [undefined, null, '8', -1, 1.5, 2 ** 53]],
    ['annotations', ['', [], { colour: 1 }, { colour: null }]],
  ])('cannot be read from a target whose %s is not as it must be', (name, values) => {
    for (const value of values) expect(read({ ...TARGET, [name]: value })).toMatchObject({ code: 'PAYLOAD_MALFORMED' });
  });

  it('is not read beyond what is needed', () => {
    expect(wordFor('['.repeat(100))).toBe('LIMIT_EXCEEDED');
  });
});
