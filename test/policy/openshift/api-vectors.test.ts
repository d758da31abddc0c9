import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readObject, validateSpec, versionOf } from '../../../src/policy/dialects/openshift/object.ts';
import { isFields, joinErrors } from '../../../src/policy/structural.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

type Case = {
  readonly name: string;
  readonly initial: string;
  readonly expected?: string;
  readonly expectedError?: string;
};

/** The conventions of openshift/api's own runner: an expected error is a part of the message; no error means accepted. */
function judge({ initial }: Case): string | undefined {
  const object: unknown = parse(initial);
  if (!isFields(object)) throw new TypeError('a case is no object');
  const version = versionOf(String(object['apiVersion']));
  if (version === undefined) throw new TypeError('a case has another version');
  const errors = validateSpec(object, version);
  return errors.length === 0 ? undefined : joinErrors(errors);
}

describeVectors(join('openshift-api', 'tests'), 'the 60 validation cases of openshift/api', (path) => {
  const files = readdirSync(path).flatMap((kind) => readdirSync(join(path, kind)).map((file) => join(kind, file)));
  const suites = files.map((file) => {
    const suite: { tests: { onCreate: Case[]; onUpdate?: unknown } } = parse(readFileSync(join(path, file), 'utf8'));
    return { file, cases: suite.tests.onCreate, keys: Object.keys(suite.tests) };
  });

  describe('the CRD cases of openshift/api give the API server’s own words [openshift 86]', () => {
    for (const { file, cases } of suites) {
      for (const [i, one] of cases.entries()) {
        it(`${file} ${i}: ${one.name}`, () => {
          const said = judge(one);
          if (one.expectedError === undefined) expect(said).toBeUndefined();
          else expect(said).toContain(one.expectedError);
          // Nothing is defaulted, so what is stored is what was written.
          if (one.expected !== undefined) expect(parse(one.expected)).toEqual(parse(one.initial));
        });
      }
    }

    it('runs all 60 of them', () => {
      expect(suites.reduce((sum, { cases }) => sum + cases.length, 0)).toBe(60);
      expect(suites.flatMap(({ keys }) => keys)).toEqual(suites.map(() => 'onCreate'));
    });

    it('names a misspelt field, which the API server would drop in silence', () => {
      const misspelt = suites[0]?.cases.find(({ name }) => name.includes('PublicKey but not set publicKey'));
      const object: unknown = parse(misspelt?.initial ?? '');
      if (!isFields(object)) throw new TypeError('no such case');
      expect(readObject(object, 'ClusterImagePolicy', 'v1')).toMatchObject({
        kind: 'invalid',
        problems: expect.arrayContaining([
          expect.objectContaining({ text: 'unknown field "spec.policy.rootOfTrust.FulcioCAWithRekor"' }),
        ]),
      });
    });
  });
});

describeVectors('openshift-mco', 'the policy of machine-config-operator', (path) => {
  it('is accepted', () => {
    const object: unknown = parse(readFileSync(join(path, 'cluster-image-policy.yaml'), 'utf8'));
    if (!isFields(object)) throw new TypeError('it is no object');
    expect(readObject(object, 'ClusterImagePolicy', 'v1')).toMatchObject({
      kind: 'valid',
      spec: { scopes: ['quay.io/openshift-release-dev/ocp-release'] },
    });
  });
});
