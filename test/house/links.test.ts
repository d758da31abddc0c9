import { describe, expect, it } from 'vitest';
import { projectFiles, readProjectFile } from './files.ts';
import { anchorsIn, deadLinks } from './links.ts';

const files = projectFiles();
const pages = new Map(files.filter((path) => path.endsWith('.md')).map((path) => [path, readProjectFile(path)]));

/** What is found wanting in one page that stands beside `docs/there.md`. */
function found(text: string): readonly string[] {
  const there = '# One thing\n\n## One thing\n\n```\n# no heading\n```\n';
  return deadLinks(new Map([['docs/page.md', text]]), ['docs/page.md', 'docs/there.md', 'LICENSE'], () => there);
}

describe('the links of the documentation', () => {
  it('lead to files that are there, and to headings that these have', () => {
    expect([...pages.keys()]).toContain('README.md');
    expect(deadLinks(pages, files, readProjectFile)).toEqual([]);
  });

  it('lead to every page of docs from the README', () => {
    const readme = pages.get('README.md') ?? '';
    const alone = [...pages.keys()].filter((path) => path.startsWith('docs/') && !readme.includes(`](${path})`));
    expect(alone).toEqual([]);
  });

  it.each([
    ['a file that is not there', '[a](gone.md)'],
    ['a file that is not there, from above', '[a](../docs/gone.md)'],
    ['a heading that is not there', '[a](there.md#another-thing)'],
    ['a heading that is code', '[a](there.md#no-heading)'],
    ['a heading of its own that is not there', '# A\n\n[b](#b)'],
    ['a second link of a line', '[a](there.md) and [b](gone.md)'],
    ['an image', '![a](gone.png)'],
    ['a link whose text has brackets', '[a [b] c](gone.md)'],
  ])('are found to lead nowhere: %s', (_what, text) => {
    expect(found(text)).toHaveLength(1);
  });

  it.each([
    ['a file', '[a](there.md)'],
    ['a file further up', '[a](../LICENSE)'],
    ['a folder', '[a](../docs/)'],
    ['the second heading of one name', '[a](there.md#one-thing-1)'],
    ['another site', '[a](https://sigstore.dev/x)'],
    ['code', '`[a](gone.md)`\n\n```\n[a](gone.md)\n```'],
  ])('are let be where they lead to %s', (_what, text) => {
    expect(found(text)).toEqual([]);
  });

  it('name headings as GitHub does', () => {
    expect([...anchorsIn('# What `X` is, and why\n\n## [A](b.md) – C_D\n\n## `CODE_ONE`\n')]).toEqual([
      'what-x-is-and-why',
      'a--c_d',
      'code_one',
    ]);
  });
});
