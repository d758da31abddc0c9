import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { validateSpec, versionOf } from '../../../src/policy/dialects/openshift/object.ts';
import { isFields } from '../../../src/policy/structural.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { at, type Json, type KubeObject, listAt, readObjects, textAt } from '../chart.ts';
import { type CosignKey, generateKey } from '../cosign.ts';
import { pushImage } from '../image.ts';
import { type Api, apiOf } from './api.ts';
import { getObject } from './installation.ts';
import { DENY, EVENTUALLY, makeNamespace, must } from './objects.ts';
import { byDigest, signImage, type World } from './world.ts';

const GROUP = '/apis/config.openshift.io/v1';

/**
 * OpenShift's own kinds, as its CRDs have them.
 * @param onFound told of the folder with the CRDs, before anything runs
 */
export function openShiftCases(world: () => World, onFound: (crds: string) => void): void {
  describeVectors('openshift-api', "the cases of OpenShift's CRDs", (vectors) => {
    onFound(join(vectors, 'zz_generated.crd-manifests'));
    let other: CosignKey;
    let image: { readonly [name in 'ours' | 'theirs' | 'team']: string };

    const kubectl = (...args: readonly string[]) => world().plane.kubectl(args);
    const run = (namespace: string, name: string, from: string) =>
      kubectl('-n', namespace, 'run', name, `--image=${from}`, '--dry-run=server');
    const apply = (object: KubeObject) => must(world().plane, ['apply', '-f', '-'], JSON.stringify(object));
    const scope = (name: string) => `${world().registry.host}/${name}`;

    beforeAll(async () => {
      const { plane, folder, key, registry } = world();
      other = await generateKey('cosign3', folder, 'other');
      const [ours, theirs, team] = await Promise.all(
        ['openshift/ours', 'openshift/theirs', 'team/app'].map((name) => pushImage(`${registry.host}/${name}`)),
      );
      if (ours === undefined || theirs === undefined || team === undefined) throw new Error('three were pushed');
      await signImage(folder, key, ours);
      await signImage(folder, other, theirs);
      await signImage(folder, other, team);
      image = { ours: byDigest(ours), theirs: byDigest(theirs), team: byDigest(team) };

      for (const name of ['ocp', 'team', 'nobody']) await makeNamespace(plane, name, DENY);
    }, 120_000);

    describe('its validation cases', () => {
      let api: Api;
      beforeAll(() => {
        api = apiOf(world().plane);
      });
      afterAll(() => api.close());

      const cases = casesIn(join(vectors, 'tests'));
      it('are all there', () => expect(cases).toHaveLength(60));
      it.each(cases)('$file: $name: the API server says what countersign says', async ({ initial }) => {
        const object = { ...initial, metadata: { name: 'case' } };
        const isOfCluster = textAt(initial, 'kind') === 'ClusterImagePolicy';
        const path = isOfCluster ? 'clusterimagepolicies' : 'namespaces/ocp/imagepolicies';
        const answer = await api.post(`${GROUP}/${path}?dryRun=All&fieldValidation=Ignore`, object);
        const version = versionOf(textAt(initial, 'apiVersion'));
        if (version === undefined || !isFields(initial)) throw new TypeError('no case of the kind');
        const errors = validateSpec(initial, version);
        if (errors.length === 0) {
          expect(answer).toMatchObject({ status: 201 });
          return;
        }
        expect(answer.status).toBe(422);
        const causes = listAt(answer.body, 'details', 'causes');
        const said = causes.map((cause) => `${textAt(cause, 'field')}: ${textAt(cause, 'message')}`);
        expect(comparable(said)).toEqual(comparable(errors.map(({ text }) => text)));
      });
    });

    it('a ClusterImagePolicy of the cluster decides, and an edit with the next request', async () => {
      const { key } = world();
      expect(await run('ocp', 'before', image.theirs)).toMatchObject({ status: 0 });
      await apply(policyFor('ClusterImagePolicy', { name: 'ocp' }, [scope('openshift')], key));
      await vi.waitFor(
        async () => expect(await run('ocp', 'refused', image.theirs)).toMatchObject({ status: 1 }),
        EVENTUALLY,
      );
      const refused = await run('ocp', 'refused', image.theirs);
      expect(refused.stderr).toContain(
        `image "${image.theirs}" (spec.containers[0].image) refused by ClusterImagePolicy "ocp"`,
      );
      expect(refused.stderr).toContain('[SIGNATURE_MISMATCH]');
      expect(await run('ocp', 'signed', image.ours)).toMatchObject({ status: 0 });

      await apply(policyFor('ClusterImagePolicy', { name: 'ocp' }, [scope('openshift')], other));
      // Each replica hears of it in a moment of its own.
      await wait(500);
      for (let i = 0; i < 6; i += 1) {
        expect(await run('ocp', 'now-signed', image.theirs)).toMatchObject({ status: 0 });
        expect(await run('ocp', 'now-refused', image.ours)).toMatchObject({ status: 1 });
      }
    });

    it('its status says for each generation what became of it', async () => {
      const { plane, key } = world();
      const condition = async (kind: string, name: string, namespace = 'ocp') => {
        const object = await getObject(plane, '-n', namespace, kind, name);
        const all = listAt(object, 'status', 'conditions');
        return {
          generation: at(object, 'metadata', 'generation'),
          said: all.find((one) => at(one, 'type') === 'countersign.dev/InForce'),
        };
      };
      await vi.waitFor(async () => {
        const { generation, said } = await condition('clusterimagepolicy', 'ocp');
        expect(said).toMatchObject({ status: 'True', reason: 'InForce', observedGeneration: generation });
      }, EVENTUALLY);

      await apply(policyFor('ImagePolicy', { name: 'below', namespace: 'ocp' }, [scope('openshift/ours')], key));
      await vi.waitFor(async () => {
        expect((await condition('imagepolicy', 'below')).said).toMatchObject({
          status: 'True',
          reason: 'ScopesOverridden',
        });
      }, EVENTUALLY);

      const misspelt = { name: 'broken', annotations: { 'countersign.dev/mode': 'enforce' } };
      await apply(policyFor('ClusterImagePolicy', misspelt, [scope('broken')], key));
      await vi.waitFor(async () => {
        expect((await condition('clusterimagepolicy', 'broken')).said).toMatchObject({
          status: 'False',
          reason: 'Broken',
        });
      }, EVENTUALLY);
      expect(await run('ocp', 'in-broken', `${scope('broken')}/app:1`)).toMatchObject({ status: 1 });
      await must(plane, ['delete', 'clusterimagepolicy', 'broken']);
    });

    it('an ImagePolicy decides in its namespace alone, and a ClusterImagePolicy of its name is another [peers 56]', async () => {
      const { plane, key } = world();
      expect(await run('team', 'free', image.team)).toMatchObject({ status: 0 });
      await apply(policyFor('ImagePolicy', { name: 'same', namespace: 'team' }, [scope('team')], key));
      await vi.waitFor(async () => {
        const refused = await run('team', 'refused', image.team);
        expect(refused.stderr).toContain('refused by ImagePolicy "same" in namespace "team"');
      }, EVENTUALLY);
      expect(await run('nobody', 'free', image.team)).toMatchObject({ status: 0 });

      await apply(policyFor('ClusterImagePolicy', { name: 'same' }, [scope('elsewhere')], other));
      await vi.waitFor(async () => {
        expect((await run('nobody', 'elsewhere', `${scope('elsewhere')}/app:1`)).stderr).toContain(
          'refused by ClusterImagePolicy "same"',
        );
      }, EVENTUALLY);
      expect((await run('team', 'refused', image.team)).stderr).toContain(
        'refused by ImagePolicy "same" in namespace "team"',
      );
      expect(await run('nobody', 'free', image.team)).toMatchObject({ status: 0 });

      await must(plane, ['-n', 'team', 'delete', 'imagepolicy', 'same']);
      await vi.waitFor(
        async () => expect(await run('team', 'free', image.team)).toMatchObject({ status: 0 }),
        EVENTUALLY,
      );
      await must(plane, ['delete', 'clusterimagepolicy', 'same']);
    });

    it('the API server restarts, and an edit is in force as before', async () => {
      const { plane, key } = world();
      await plane.restartApiServer();
      await vi.waitFor(
        async () => expect(await run('ocp', 'still', image.theirs)).toMatchObject({ status: 0 }),
        EVENTUALLY,
      );
      await apply(policyFor('ClusterImagePolicy', { name: 'ocp' }, [scope('openshift')], key));
      await vi.waitFor(async () => {
        expect(await run('ocp', 'now-refused', image.theirs)).toMatchObject({ status: 1 });
        expect(await run('ocp', 'now-signed', image.ours)).toMatchObject({ status: 0 });
      }, EVENTUALLY);
    }, 120_000);

    describe('the mode of a policy', () => {
      const name = 'moded';
      const inMode = async (mode: string) => {
        const policy = policyFor(
          'ClusterImagePolicy',
          { name, annotations: { 'countersign.dev/mode': mode } },
          [scope('team')],
          world().key,
        );
        await apply(policy);
      };
      afterAll(() => must(world().plane, ['delete', 'clusterimagepolicy', name]));

      it('deny refuses, warn tells, audit records, and without a policy nothing happens [peers 53]', async () => {
        const { plane, installation } = world();
        const found = async (pod: string) => {
          const { status, stderr } = await run('team', pod, image.team);
          const record = installation.records().findLast((one) => one.name === pod);
          return {
            status,
            warned: stderr.includes('Warning: '),
            coded: stderr.includes('[SIGNATURE_MISMATCH]'),
            would: record?.wouldDeny,
          };
        };
        expect(await found('none')).toEqual({ status: 0, warned: false, coded: false, would: false });
        for (const [mode, effect] of [
          ['deny', { status: 1, warned: false, coded: true, would: true }],
          ['warn', { status: 0, warned: true, coded: true, would: true }],
          ['audit', { status: 0, warned: false, coded: false, would: true }],
        ] as const) {
          await inMode(mode);
          await vi.waitFor(async () => expect(await found(mode)).toEqual(effect), EVENTUALLY);
        }
        await must(plane, ['delete', 'clusterimagepolicy', name]);
        await vi.waitFor(async () => expect(await found('none-again')).toMatchObject({ would: false }), EVENTUALLY);
      });

      it('one denies and another warns: refused, with the warning [peers 54]', async () => {
        const { unsigned } = world();
        await inMode('warn');
        const both: Json = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'both' },
          spec: { containers: [image.team, unsigned].map((one, i) => ({ name: `c${i}`, image: one })) },
        };
        await vi.waitFor(async () => {
          const refused = await world().plane.kubectl(['-n', 'team', 'create', '-f', '-'], JSON.stringify(both));
          expect(refused).toMatchObject({ status: 1 });
          expect(refused.stderr).toMatch(
            /Warning: image "[^"]+": untrusted \[SIGNATURE_MISMATCH\] under ClusterImagePolicy "moded"/,
          );
          expect(refused.stderr).toMatch(
            /Forbidden\): .+\(spec\.containers\[1\]\.image\) refused by ClusterImagePolicy "release"/,
          );
        }, EVENTUALLY);
      });
    });
  });
}

function policyFor(
  kind: 'ClusterImagePolicy' | 'ImagePolicy',
  metadata: { readonly [key: string]: Json },
  scopes: readonly string[],
  { publicPem }: Pick<CosignKey, 'publicPem'>,
): KubeObject {
  const publicKey = { keyData: Buffer.from(publicPem).toString('base64') };
  return {
    apiVersion: 'config.openshift.io/v1',
    kind,
    metadata,
    spec: {
      scopes,
      policy: {
        rootOfTrust: { policyType: 'PublicKey', publicKey },
        signedIdentity: { matchPolicy: 'MatchRepository' },
      },
    },
  };
}

/** Newer API servers quote what they refuse, older ones its type; and the order of their rules is that of a Go map. */
function comparable(errors: readonly string[]): readonly string[] {
  const value = /Invalid value: (?:"(?:[^"\\]|\\.)*"|null|\{[^}]*\})/;
  return [...new Set(errors.map((error) => error.replace(value, 'Invalid value')))].toSorted();
}

type Case = { readonly file: string; readonly name: string; readonly initial: KubeObject };

/** The cases of openshift/api's own runner. */
function casesIn(folder: string): readonly Case[] {
  return readdirSync(folder).flatMap((kind) =>
    readdirSync(join(folder, kind)).flatMap((name) => {
      const suite: Json = parse(readFileSync(join(folder, kind, name), 'utf8'));
      return listAt(suite, 'tests', 'onCreate').map((one): Case => {
        const [initial] = readObjects(textAt(one, 'initial'));
        if (initial === undefined) throw new Error('a case without an object');
        return { file: `${kind}/${name}`, name: textAt(one, 'name'), initial };
      });
    }),
  );
}
