import { expect } from 'vitest';
import { readInputs } from '../../../src/policy/render/inputs.ts';
import type { OwnRendering } from '../../../src/policy/render/own-files.ts';
import { type RenderChoices, render } from '../../../src/policy/render/render.ts';
import { folder } from '../sources/folder.ts';

/** 2026, when the certificates of these tests hold. */
export const NOW = Date.parse('2026-06-01T12:00:00Z');

const CHOICES: RenderChoices = { base: undefined, releaseImage: undefined, isPartial: false, now: NOW };

/** What files come to, or the sentences that say why not. */
export async function rendering(
  files: Readonly<Record<string, string | object | readonly object[]>>,
  choices: Partial<RenderChoices> = {},
): Promise<OwnRendering | readonly string[]> {
  await using place = await folder();
  const texts = Object.entries(files).map(([name, content]) => [name, textOf(content)] as const);
  await place.write(Object.fromEntries(texts));
  const inputs = await readInputs([place.path]);
  if (!inputs.ok) return inputs.failure;
  const rendered = render(inputs.value, { ...CHOICES, ...choices });
  return rendered.ok ? rendered.value : [rendered.failure.message];
}

/** What objects come to. */
export async function rendered(
  objects: readonly object[],
  choices: Partial<RenderChoices> = {},
): Promise<OwnRendering> {
  const came = await rendering({ 'objects.yaml': objects }, choices);
  return isRefusal(came) ? expect.fail(came.join('\n')) : came;
}

/** Why objects come to nothing. */
export async function refusal(objects: readonly object[], choices: Partial<RenderChoices> = {}): Promise<string> {
  const came = await rendering({ 'objects.yaml': objects }, choices);
  return isRefusal(came) ? came.join('\n') : expect.fail('it was rendered');
}

/** The scopes of the `docker` transport in a file of a rendering, as JSON. */
export function dockerOf({ files }: OwnRendering, path = '/etc/containers/policy.json'): Record<string, unknown> {
  const text = files.find((file) => file.path === path)?.text;
  return text === undefined ? expect.fail(`no ${path}`) : JSON.parse(text).transports.docker;
}

function isRefusal(came: OwnRendering | readonly string[]): came is readonly string[] {
  return Array.isArray(came);
}

function textOf(content: string | object | readonly object[]): string {
  if (typeof content === 'string') return content;
  const documents: readonly object[] = Array.isArray(content) ? content : [content];
  return documents.map((document) => JSON.stringify(document)).join('\n---\n');
}
