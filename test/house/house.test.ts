import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { undocumentedExports } from './documented.ts';
import { projectFiles, projectModules, ROOT, readProjectFile } from './files.ts';
import { importsOf } from './imports.ts';
import { type Lockfile, missingPlatforms, packagesInUse, unhashed, withPlatforms } from './lock.ts';
import { floorViolations } from './rules.ts';
import { parseRunbook, renderRunbook, runbookProblems } from './runbook.ts';
import { tracesIn } from './traces.ts';

const MAX_LINES = 350;
const MAX_PACKAGES = 150;
const modules = projectModules();
const sources = [...modules].filter(([path]) => path.startsWith('src/'));

describe('the floors', () => {
  const house = (files: Readonly<Record<string, string>>) => floorViolations(new Map(Object.entries(files)));

  it('stand: imports go down only', () => {
    expect(floorViolations(modules)).toEqual([]);
  });

  it('do not let a lower floor import a higher one', () => {
    expect(house({ 'src/model/a.ts': "import { b } from '../policy/b.ts';\n" })).toEqual([
      'src/model/a.ts:1 imports src/policy/b.ts, a higher floor',
    ]);
  });

  it('do not let siblings import each other, types and lazy imports included', () => {
    expect(house({ 'src/audit/a.ts': "// why\nimport type {\n  B,\n} from '../verifier/b.ts';\n" })).toHaveLength(1);
    expect(house({ 'src/audit/a.ts': "const b = await import('../verifier/b.ts');\n" })).toHaveLength(1);
    expect(house({ 'src/audit/a.ts': "export * from '../verifier/b.ts';\n" })).toHaveLength(1);
  });

  it('keep the order inside the lowest floor: codes, encoding, image, and the four above them', () => {
    expect(house({ 'src/http/a.ts': "import { b } from '../image/b.ts';\n" })).toEqual([]);
    expect(house({ 'src/image/a.ts': "import { b } from '../encoding/b.ts';\n" })).toEqual([]);
    expect(house({ 'src/encoding/a.ts': "import { b } from '../image/b.ts';\n" })).toHaveLength(1);
    expect(house({ 'src/http/a.ts': "import { b } from '../cache/b.ts';\n" })).toHaveLength(1);
  });

  it('find a circle inside one folder, and name it once', () => {
    const circle = {
      'src/model/a.ts': "import { b } from './b.ts';\n",
      'src/model/b.ts': "import { c } from './c.ts';\n",
      'src/model/c.ts': "import { a } from './a.ts';\n",
      'src/policy/d.ts': "import { b } from '../model/b.ts';\n",
    };
    expect(house(circle)).toEqual([
      'imports go in a circle: src/model/a.ts → src/model/b.ts → src/model/c.ts → src/model/a.ts',
    ]);
  });

  it('do not let src import tests, nor a file without its ending, nor stand anywhere', () => {
    expect(house({ 'src/cli/a.ts': "import { b } from '../../test/b.ts';\n" })).toHaveLength(1);
    expect(house({ 'test/a.test.ts': "import { b } from '../src/cli/b.js';\n" })).toHaveLength(1);
    expect(house({ 'src/utils/a.ts': '' })).toEqual(['src/utils/a.ts is in no folder of the house']);
  });

  it('rest on a reader that sees every import of this repository', () => {
    // Whatever looks like a relative specifier at the end of a statement must have been seen.
    for (const [path, source] of sources) {
      const looks = source.match(/(?:\bfrom|\bimport\()\s*'\.{1,2}\/[^']+'/g) ?? [];
      const seen = importsOf(source).filter(({ specifier }) => specifier.startsWith('.'));
      expect(seen.length, path).toBe(looks.length);
    }
  });
});

describe('the files', () => {
  it('of src are short', () => {
    const long = sources.filter(([, source]) => source.split('\n').length - 1 > MAX_LINES).map(([path]) => path);
    expect(long).toEqual([]);
  });

  it('of src say what they export', () => {
    const bare = sources.flatMap(([path, source]) => undocumentedExports(source).map((line) => `${path}: ${line}`));
    expect(bare).toEqual([]);
    expect(undocumentedExports('/** Yes. */\nexport const a = 1;\n\nexport const b = 2;\n')).toEqual([
      'export const b = 2;',
    ]);
  });

  it('carry no trace of the machine or the work that made them', () => {
    const traces = projectFiles()
      .filter((path) => !path.endsWith('go.sum'))
      .map((path) => [path, readProjectFile(path)] as const)
      .filter(([, text]) => !text.includes('\0'))
      .flatMap(([path, text]) => tracesIn(text).map((trace) => `${path}, ${trace}`));
    expect(traces).toEqual([]);
  });

  it('would be caught with one', () => {
    const planted = ['registry', '.npmjs.org'].join('');
    expect(tracesIn(`fetched from https://${planted}/left-pad`)).toHaveLength(1);
    expect(tracesIn(`see ${['', 'home', 'alice', 'countersign'].join('/')}`)).toHaveLength(1);
    expect(tracesIn(['as found in the last', 'session'].join(' '))).toHaveLength(1);
    expect(tracesIn('a TLS session is resumed by its ticket; docs/work/plan; ~/.cache/tools')).toEqual([]);
  });
});

describe('the dependencies', () => {
  const manifest: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
    readProjectFile('package.json'),
  );
  const lock: Lockfile = JSON.parse(readProjectFile('package-lock.json'));

  it('are pinned to exact versions', () => {
    const versions = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.entries(manifest[kind] ?? {}),
    );
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('have a hash in the lockfile each, and no place to come from', () => {
    expect(unhashed(lock)).toEqual([]);
    expect(readProjectFile('package-lock.json')).not.toContain('"resolved"');
  });

  it('are all in the lockfile, other platforms included, without which npm ci refuses it', () => {
    expect(missingPlatforms(lock)).toEqual([]);
    const { 'node_modules/esbuild': esbuild } = lock.packages;
    if (esbuild === undefined) throw new Error('no esbuild');
    const alone = { packages: { 'node_modules/esbuild': esbuild } };
    expect(missingPlatforms(alone)).toContain('@esbuild/linux-x64');
    expect(missingPlatforms(withPlatforms(alone))).toEqual([]);
    expect(unhashed(withPlatforms(alone))).toContain('node_modules/@esbuild/linux-x64');
  });

  it(`are at most ${MAX_PACKAGES} packages where countersign is installed and not developed`, () => {
    const installed = packagesInUse(lock);
    expect(installed).toContain('node_modules/fastify');
    expect(installed).not.toContain('node_modules/vitest');
    expect(installed.length).toBeLessThanOrEqual(MAX_PACKAGES);
  });
});

describe('docs/reasons.md', () => {
  const runbook = parseRunbook(readProjectFile('docs/reasons.md'));

  it('explains each code of the table once, in its order', () => {
    expect(runbookProblems(runbook)).toEqual([]);
    expect(renderRunbook(runbook)).toBe(readProjectFile('docs/reasons.md'));
  });

  it('is found wanting where a code is missing, unknown, twice, or without a text', () => {
    const [first, second, ...rest] = runbook.sections;
    if (first === undefined || second === undefined) throw new Error('no sections');
    const wrong = [{ ...first, text: '' }, { ...first, code: 'NO_SUCH_CODE' }, ...rest, ...rest.slice(0, 1)];
    const problems = runbookProblems({ ...runbook, sections: wrong }).join('\n');
    expect(problems).toContain(`${second.code} has no section`);
    expect(problems).toContain('NO_SUCH_CODE is no code any more');
    expect(problems).toContain(`${rest[0]?.code} has two sections`);
    expect(problems).toContain(`${first.code} has no text`);
  });
});

describe('the Dockerfile', () => {
  const instructions = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line) => line.trim().split(/\s+/));
  const last = instructions.findLastIndex(([name]) => name === 'FROM');
  const final = instructions.slice(last);

  it('copies only what exists', () => {
    const copied = instructions
      .slice(0, last)
      .filter(([name, first]) => name === 'COPY' && first?.startsWith('--') !== true)
      .flatMap((words) => words.slice(1, -1));
    const tracked = projectFiles();
    const absent = copied.filter((source) => !tracked.some((path) => path === source || path.startsWith(`${source}/`)));
    expect(copied).not.toEqual([]);
    expect(absent).toEqual([]);
    // What is sent to the builder at all.
    const sent = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(copied.filter((source) => !sent.includes(`!${source}`))).toEqual([]);
  });

  it('ends in a stage that runs as a number other than 0, under the permission model, and runs nothing to build it', () => {
    expect(final.find(([name]) => name === 'USER')?.[1]).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(final.filter(([name]) => name === 'RUN')).toEqual([]);
    const entry: readonly string[] = JSON.parse(
      final
        .find(([name]) => name === 'ENTRYPOINT')
        ?.slice(1)
        .join(' ') ?? '[]',
    );
    expect(entry).toContain('--permission');
    expect(entry.filter((flag) => /^--allow-(?:child|worker|addons|wasi|fs-write=\/(?:\*|$))/.test(flag))).toEqual([]);
  });

  it('names its base images by tag or digest, never the latest', () => {
    const images = instructions.filter(([name]) => name === 'FROM').map((words) => words[1] ?? '');
    for (const image of images) expect(image).toMatch(/:(?!latest)[\w.-]+(?:@sha256:[0-9a-f]{64})?$/);
  });
});
