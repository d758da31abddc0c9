/** Exports of a module that have no doc comment directly above them, re-exports aside: the first line of each. */
export function undocumentedExports(source: string): readonly string[] {
  const lines = source.split('\n');
  const isExport = /^export (?:default |abstract |async |declare )*(?:const|function|type|interface|class|let)\b/;
  return lines.filter((line, index) => {
    if (!isExport.test(line)) return false;
    const name = /\b(?:function)\s+(\w+)/.exec(line)?.[1];
    const above = lines[index - 1]?.trimEnd() ?? '';
    // Further signatures of an overloaded function stand below the first, which has the comment.
    const overload = name !== undefined && above.startsWith(`export function ${name}`);
    return !above.endsWith('*/') && !overload;
  });
}
