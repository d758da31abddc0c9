import { posix } from 'node:path';

/** A link of a Markdown file, with the line that it stands in. */
type Link = { readonly target: string; readonly line: number };

const HEADING = /^#{1,6} +(?<title>.+?) *#*$/;
/** `[text](target)`, images too; the text may hold brackets of one level. */
const INLINE = /\[(?:[^[\]]|\[[^[\]]*\])*\]\((?<target>[^()\s]+)\)/g;
const ELSEWHERE = /^[a-z][a-z0-9+.-]*:/i;

/**
 * Checks the links of Markdown files: each relative one leads to a file or a folder of the project, and where it names a
 * heading of a Markdown file, that is there.
 * @param pages path from the repository's root, to text: the files that are checked
 * @param files every file of the project
 * @param read reads a file that a link with a heading leads to
 * @returns a sentence for each link that leads nowhere
 */
export function deadLinks(
  pages: ReadonlyMap<string, string>,
  files: readonly string[],
  read: (path: string) => string,
): readonly string[] {
  const there = new Set(files.flatMap((file) => [file, ...foldersOf(file)]));
  return [...pages].flatMap(([page, text]) =>
    linksIn(text).flatMap(({ target, line }) => {
      if (ELSEWHERE.test(target)) return [];
      const [path = '', anchor] = target.split('#', 2);
      const file = path === '' ? page : posix.join(posix.dirname(page), path).replace(/\/$/, '');
      if (!there.has(file)) return [`${page}:${line} leads to ${target}, which is not there`];
      if (anchor === undefined || anchorsIn(pages.get(file) ?? read(file)).has(anchor)) return [];
      return [`${page}:${line} leads to ${target}, and ${file} has no such heading`];
    }),
  );
}

/** The names under which headings of a Markdown text can be linked, as GitHub makes them. */
export function anchorsIn(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text } of proseOf(markdown)) {
    const title = HEADING.exec(text)?.groups?.['title'];
    if (title === undefined) continue;
    const words = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const name = words.replaceAll(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = name;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${name}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

function linksIn(markdown: string): readonly Link[] {
  return proseOf(markdown).flatMap(({ text, line }) =>
    [...text.replaceAll(/`[^`]*`/g, '``').matchAll(INLINE)].flatMap(({ groups }) =>
      groups?.['target'] === undefined ? [] : [{ target: groups['target'], line }],
    ),
  );
}

/** The lines outside of fenced code. */
function proseOf(markdown: string): readonly { readonly text: string; readonly line: number }[] {
  let fenced = false;
  return markdown.split('\n').flatMap((text, index) => {
    const fence = /^ *(?:```|~~~)/.test(text);
    if (fence) fenced = !fenced;
    return fence || fenced ? [] : [{ text, line: index + 1 }];
  });
}

function foldersOf(file: string): readonly string[] {
  const folder = posix.dirname(file);
  return folder === '.' ? ['.'] : [folder, ...foldersOf(folder)];
}
