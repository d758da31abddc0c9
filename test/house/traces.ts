/** Something that must not stand in a tracked file, and why. */
type Trace = { readonly what: string; readonly pattern: RegExp };

/*
 * Each pattern is written so that it does not find itself. A session is one with a registry or of TLS; the last or the
 * next one is a trace of how somebody worked rather than of what the file is for.
 */
const TRACES: readonly Trace[] = [
  { what: 'the host of a package registry', pattern: /registry\.(?:npmjs|yarnpkg)\.|npm\.pkg\.git|npmmirror\./i },
  { what: 'the host of a package registry', pattern: /proxy\.golang\.|sum\.golang\.|pypi\.org\b|\bcrates\.io\b/i },
  { what: 'the host of a package registry', pattern: /[a-z0-9.-]+\/artifactory\/|_authToken\s*=/i },
  { what: 'the path of somebody’s machine', pattern: /(?<![\w.~-])\/(?:work|root|Users)\/[\w.-]/ },
  { what: 'the path of somebody’s machine', pattern: /(?<![\w.~-])\/home\/(?!nonroot\b)[\w.-]/ },
  { what: 'how somebody worked', pattern: /\b(?:last|next|previous|earlier|prior|my|our)\s+session\b/i },
  { what: 'a mark left for later', pattern: /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/ },
];

/** What a text says that must not stand in the repository, with the line. */
export function tracesIn(text: string): readonly string[] {
  const lines = text.split('\n');
  return TRACES.flatMap(({ what, pattern }) =>
    lines.flatMap((line, index) =>
      pattern.test(line) ? [`line ${index + 1}: ${what}: ${line.trim().slice(0, 120)}`] : [],
    ),
  );
}
