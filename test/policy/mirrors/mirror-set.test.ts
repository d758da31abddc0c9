import { describe, expect, it } from 'vitest';
import { mirrorSetKind, readMirrorSet } from '../../../src/policy/mirrors/mirror-set.ts';
import { recognise } from '../../../src/policy/sources/recognise.ts';
import { type Mirrored, mirrorSet, readSet } from './objects.ts';

describe('mirror sets', () => {
  it('are told by apiVersion and kind, in the versions that clusters serve', () => {
    expect(mirrorSetKind('config.openshift.io/v1', 'ImageDigestMirrorSet')).toBe('ImageDigestMirrorSet');
    expect(mirrorSetKind('config.openshift.io/v1', 'ImageTagMirrorSet')).toBe('ImageTagMirrorSet');
    expect(mirrorSetKind('operator.openshift.io/v1alpha1', 'ImageContentSourcePolicy')).toBe(
      'ImageContentSourcePolicy',
    );
    expect(mirrorSetKind('config.openshift.io/v1alpha1', 'ImageDigestMirrorSet')).toBeUndefined();
    expect(mirrorSetKind('operator.openshift.io/v1alpha1', 'ImageTagMirrorSet')).toBeUndefined();
    expect(mirrorSetKind('v1', 'ConfigMap')).toBeUndefined();
  });

  it('are unfolded from lists, as `oc get -o yaml` writes them', () => {
    const one = mirrorSet('ImageTagMirrorSet', 'a', { source: 'a.example' });
    const list = { apiVersion: 'v1', kind: 'List', items: [one] };
    const typed = {
      apiVersion: 'config.openshift.io/v1',
      kind: 'ImageTagMirrorSetList',
      items: [{ metadata: one.metadata, spec: one.spec }],
    };
    for (const value of [list, typed]) {
      expect(recognise(value)).toMatchObject({ ok: true, value: [{ is: 'mirrorSet', kind: 'ImageTagMirrorSet' }] });
    }
    expect(recognise({ ...typed, apiVersion: 'config.openshift.io/v2' }).ok).toBe(false);
  });

  it('are read with their names in canonical form', () => {
    expect(
      readSet('ImageDigestMirrorSet', 'a', {
        source: 'Registry.REDHAT.io/ubi9',
        mirrors: ['Mirror.local:5000/redhat'],
        mirrorSourcePolicy: 'NeverContactSource',
      }),
    ).toEqual({
      kind: 'ImageDigestMirrorSet',
      name: 'a',
      mirrors: [{ source: 'registry.redhat.io/ubi9', places: ['mirror.local:5000/redhat'], neverContactSource: true }],
    });
    const plain: readonly Mirrored[] = [
      { source: '*.redhat.io', mirrors: ['m.local'], mirrorSourcePolicy: 'AllowContactingSource' },
      { source: 'quay.io', mirrorSourcePolicy: '' },
      { source: 'localhost', mirrors: null },
    ];
    expect(readSet('ImageTagMirrorSet', 'b', ...plain).mirrors).toEqual([
      { source: '*.redhat.io', places: ['m.local'], neverContactSource: false },
      { source: 'quay.io', places: [], neverContactSource: false },
      { source: 'localhost', places: [], neverContactSource: false },
    ]);
  });

  it.each([{}, { imageDigestMirrors: null }, { imageDigestMirrors: [] }])('may be empty: %j', (spec) => {
    const object = { ...mirrorSet('ImageDigestMirrorSet', 'a'), spec };
    expect(readMirrorSet(object, 'ImageDigestMirrorSet')).toMatchObject({ ok: true, value: { mirrors: [] } });
  });

  const good = { source: 'a.example', mirrors: ['b.example'] };
  it.each<[string, unknown, string]>([
    ['no spec', undefined, 'spec: '],
    ['a spec that is none', [], 'spec: '],
    ['mirrors that are no list', { imageDigestMirrors: {} }, 'spec.imageDigestMirrors: expected array'],
    ['the field of another kind', { imageTagMirrors: [good] }, 'spec.imageTagMirrors: unknown field'],
    ['no source', { imageDigestMirrors: [{ mirrors: [] }] }, 'spec.imageDigestMirrors[0].source: '],
    [
      'a mirror that is no text',
      { imageDigestMirrors: [{ ...good, mirrors: [1] }] },
      '[0].mirrors[0]: expected string',
    ],
    [
      'a misspelt policy, which would contact the source',
      { imageDigestMirrors: [{ ...good, mirrorSourcePolicy: 'NeverContact' }] },
      '[0].mirrorSourcePolicy: ',
    ],
    [
      'a misspelt field, which would contact the source',
      { imageDigestMirrors: [{ ...good, mirrorSourcepolicy: 'NeverContactSource' }] },
      '[0].mirrorSourcepolicy: unknown field',
    ],
    ['a tag', { imageDigestMirrors: [{ ...good, source: 'a.example/b:v1' }] }, '[0].source: a.example/b:v1 is neither'],
    ['an empty source', { imageDigestMirrors: [{ ...good, source: '' }] }, '[0].source:  is neither'],
    ['a wildcard with a path', { imageDigestMirrors: [{ ...good, source: '*.a/b' }] }, '[0].source: *.a/b is neither'],
    ['a mirror for any host', { imageDigestMirrors: [{ ...good, mirrors: ['*.b'] }] }, '[0].mirrors: *.b is not'],
    ['a scheme', { imageDigestMirrors: [{ ...good, mirrors: ['http://b'] }] }, '[0].mirrors: http://b is not'],
    ['what hides', { imageDigestMirrors: [{ ...good, mirrors: ['b\u202e'] }] }, '[0].mirrors: b\\u202e is not'],
  ])('are refused with %s, naming it', (_, spec, expected) => {
    const object = { ...mirrorSet('ImageDigestMirrorSet', 'wrong'), spec };
    const read = readMirrorSet(object, 'ImageDigestMirrorSet');
    if (read.ok) throw new Error('was accepted');
    expect(read.failure.code).toBe('POLICY_BROKEN');
    expect(read.failure.message).toContain('the ImageDigestMirrorSet "wrong" cannot be read: ');
    expect(read.failure.message).toContain(expected);
  });

  it('are refused without a name', () => {
    expect(readMirrorSet({ spec: {} }, 'ImageTagMirrorSet')).toMatchObject({ ok: false });
    expect(readMirrorSet({ metadata: { name: '' }, spec: {} }, 'ImageTagMirrorSet')).toMatchObject({ ok: false });
  });

  it('of a content source policy know nothing of the source’s own policy', () => {
    const wrong = { ...good, mirrorSourcePolicy: 'NeverContactSource' };
    const read = readMirrorSet(mirrorSet('ImageContentSourcePolicy', 'a', wrong), 'ImageContentSourcePolicy');
    expect(read).toMatchObject({ ok: false, failure: { message: expect.stringContaining('unknown field') } });
  });

  it('of a cluster may have fields that a later OpenShift knows', () => {
    const object = mirrorSet('ImageDigestMirrorSet', 'a', good);
    const later = { ...object, spec: { ...object.spec, later: true } };
    expect(readMirrorSet(later, 'ImageDigestMirrorSet').ok).toBe(false);
    expect(readMirrorSet(later, 'ImageDigestMirrorSet', 'ignored')).toMatchObject({
      ok: true,
      value: { mirrors: [{ source: 'a.example' }] },
    });
    const noSource = { ...object, spec: { imageDigestMirrors: [{}] } };
    expect(readMirrorSet(noSource, 'ImageDigestMirrorSet', 'ignored').ok).toBe(false);
  });
});
