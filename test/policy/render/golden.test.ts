import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPolicyJson } from '../../../src/policy/dialects/containers/read.ts';
import { readInputs } from '../../../src/policy/render/inputs.ts';
import { render } from '../../../src/policy/render/render.ts';

/**
 * Each folder holds objects of ours and, byte for byte, the files that machine-config-operator's functions (7ff337a) write
 * for them. Its name begins with the section of reference/openshift-containers.md whose row it is.
 */
const GOLDEN = join(import.meta.dirname, 'golden');
const RELEASE_IMAGE = `registry.example.net/platform/release@sha256:${'ab'.repeat(32)}`;

/** What is to come out, by path on the node. */
function expected(folder: string): Record<string, string> {
  const names = readdirSync(join(folder, 'etc'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.txt'));
  return Object.fromEntries(
    files.map((name) => [`/etc/${name.slice(0, -'.txt'.length)}`, readFileSync(join(folder, 'etc', name), 'utf8')]),
  );
}

async function rendered(folder: string): Promise<Record<string, string>> {
  const inputs = await readInputs([join(folder, 'input.yaml')]);
  if (!inputs.ok) return expect.fail(inputs.failure.join('\n'));
  const choices = { base: undefined, releaseImage: RELEASE_IMAGE, isPartial: false, now: 0 };
  const rendering = render(inputs.value, choices);
  if (!rendering.ok) return expect.fail(rendering.failure.message);
  return Object.fromEntries(rendering.value.files.map(({ path, text }) => [path, text]));
}

describe('OpenShift’s objects as the files of a node', () => {
  const cases = readdirSync(GOLDEN).toSorted();

  it('are as many as the rules have rows', () => expect(cases.length).toBeGreaterThanOrEqual(40));

  it.each(cases)('%s: come out byte for byte as the operator writes them', async (name) => {
    const folder = join(GOLDEN, name);
    expect(await rendered(folder)).toEqual(expected(folder));
  });

  it.each(cases)('%s: can be read by whoever reads policy.json', (name) => {
    for (const [path, text] of Object.entries(expected(join(GOLDEN, name)))) {
      if (path.endsWith('.json')) expect(readPolicyJson(text), path).toMatchObject({ ok: true });
    }
  });
});
