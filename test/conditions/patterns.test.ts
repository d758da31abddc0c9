import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { programBound } from '../../src/conditions/pattern-size.ts';
import { compilePattern, type Pattern } from '../../src/conditions/patterns.ts';

function pattern(text: string, anchored = true): Pattern {
  const compiled = compilePattern({ pattern: text, anchored });
  if (!compiled.ok) throw new Error(compiled.failure.message);
  return compiled.value;
}

function refusal(text: string): string {
  const compiled = compilePattern({ pattern: text, anchored: true });
  return compiled.ok ? 'it was compiled' : `${compiled.failure.code} ${compiled.failure.message}`;
}

describe('what a pattern matches', () => {
  it.each<[string, string, boolean, boolean]>([
    // pattern, text, found somewhere, the whole text
    ['ann@example.com', 'ann@example.com', true, true],
    ['ann@example.com', 'joann@example.com', true, false],
    ['ann@example.com', 'ann@example.com.evil.example', true, false],
    ['ann@example.com', 'ann@exampleXcom', true, true],
    [String.raw`ann@example\.com`, 'ann@exampleXcom', false, false],
    ['.*', 'anything at all', true, true],
    ['.*', '', true, true],
    ['a|b', 'b', true, true],
    ['a|ab', 'ab', true, true],
    ['a|b', 'xb', true, false],
    ['^a', 'ab', true, false],
    ['a$', 'ba', true, false],
    ['^a$|b', 'bc', true, false],
    [
      String.raw`https://github\.com/acme/.+@refs/tags/v[0-9]+`,
      'https://github.com/acme/x/y.yml@refs/tags/v1',
      true,
      true,
    ],
    [
      String.raw`https://github\.com/acme/.+@refs/tags/v[0-9]+`,
      'https://github.com/acme/x@refs/tags/v1-evil',
      true,
      false,
    ],
    [
      String.raw`https://github\.com/acme/.+@refs/tags/v[0-9]+`,
      'https://evil.example/?https://github.com/acme/x@refs/tags/v1',
      true,
      false,
    ],
  ])('%s against %j: found %s, whole %s [peers 9]', (text, against, found, whole) => {
    expect(pattern(text, false).matches(against)).toBe(found);
    expect(pattern(text, true).matches(against)).toBe(whole);
  });

  it.each<[string, string, boolean]>([
    // A line break must not hide what stands behind it, nor let what stands before it pass for the whole.
    ['ann@example.com', 'ann@example.com\n', false],
    ['ann@example.com$', 'ann@example.com\n', false],
    ['ann@example.com', 'evil\nann@example.com', false],
    ['(?m)^ann@example.com$', 'evil\nann@example.com', false],
    ['ann@.*', 'ann@example.com\nevil', false],
    ['(?s)ann@.*', 'ann@example.com\nevil', true],
    ['ann@example.com', 'ann@example.com\u0000', false],
    ['ann@example.com', 'ann@example.com\u0000.evil.example', false],
    ['ann.example.com', 'ann\u0000example.com', true],
    [String.raw`ann\x00example.com`, 'ann\u0000example.com', true],
    [String.raw`ann\zevil`, 'annevil', false],
  ])('%s against %j: %s, as a whole text of several lines or with NUL [hostile]', (text, against, expected) => {
    expect(pattern(text).matches(against)).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    [String.raw`(?i)ann@EXAMPLE\.com`, 'ANN@example.com', true],
    [String.raw`ann@EXAMPLE\.com`, 'ann@example.com', false],
    ['(?i)straße', 'STRAßE', true],
    ['(?i)straße', 'STRASSE', false],
    // Folding is Unicode's simple one: the Kelvin sign is a k, the dotted and the dotless i are letters of their own.
    ['(?i)k8s', '\u212a8s', true],
    ['k8s', '\u212a8s', false],
    ['(?i)i', '\u0130', false],
    ['(?i)i', '\u0131', false],
    ['.', '😀', true],
    ['..', '😀', false],
    [String.raw`\pL+`, 'Ωmega', true],
    [String.raw`\p{Greek}`, 'Ω', true],
    [String.raw`\p{Greek}`, 'o', false],
    [String.raw`\w+`, 'é', false],
    ['é', 'e\u0301', false],
  ])('%s against %j: %s, in letters beyond ASCII', (text, against, expected) => {
    expect(pattern(text).matches(against)).toBe(expected);
  });

  it.each<[string, string]>([
    ['(?P<user>[a-z]+)@example.com', 'ann@example.com'],
    ['(?<user>[a-z]+)@example.com', 'ann@example.com'],
    [String.raw`\Qann+(x)@example.com\E`, 'ann+(x)@example.com'],
    ['[[:alpha:]]+', 'ann'],
    ['[^[:digit:]]+', 'ann'],
    [String.raw`\Aann\z`, 'ann'],
    ['(?U)a+', 'aaa'],
    ['(?i:A)nn', 'ann'],
    [String.raw`\x{61}nn`, 'ann'],
    ['ann{,2}', 'ann{,2}'],
  ])('%s is RE2’s own way of writing, and matches %s', (text, against) => {
    expect(pattern(text).matches(against)).toBe(true);
    expect(pattern(text).matches(`${against}!`)).toBe(text === '[^[:digit:]]+');
  });

  it('a text longer than any name is never matched, not even by everything', () => {
    expect(pattern('.*').matches('a'.repeat(2048))).toBe(true);
    expect(pattern('.*').matches('a'.repeat(2049))).toBe(false);
    expect(pattern('a', false).matches('a'.repeat(2049))).toBe(false);
  });

  it('half a character is matched by nothing', () => {
    expect(pattern('.*').matches('a\ud800')).toBe(false);
    expect(refusal('\ud800')).toContain('half a character');
  });

  it('a pattern asked twice answers the same, whatever it was asked between', () => {
    const digits = pattern('[0-9]+');
    expect([digits.matches('1'), digits.matches('x'), digits.matches('1'), digits.matches('12x')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    for (let i = 0; i < 600; i++) pattern(`other${i}`);
    expect([digits.matches('1'), pattern('[0-9]+').matches('1'), pattern('[0-9]+').matches('x')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('anchoring is part of what is remembered', () => {
    expect(pattern('b', false).matches('abc')).toBe(true);
    expect(pattern('b', true).matches('abc')).toBe(false);
    expect(pattern('b', false).matches('abc')).toBe(true);
  });
});

describe('what is no pattern is a broken policy that says why', () => {
  it.each<[string, string]>([
    ['', 'empty'],
    ['(', 'missing closing )'],
    [')', 'unexpected )'],
    ['ann@example.com)|(.*', 'unexpected )'],
    ['[a', 'missing closing ]'],
    ['*', 'missing argument to repetition operator'],
    ['a**', 'invalid nested repetition operator'],
    ['[z-a]', 'invalid character class range'],
    [String.raw`(a)\1`, 'invalid escape sequence'],
    ['(?=a)', 'invalid or unsupported Perl syntax'],
    ['(?!a)', 'invalid or unsupported Perl syntax'],
    ['(?<=a)', 'invalid'],
    ['(?<!a)', 'invalid'],
    ['(?>a)', 'invalid or unsupported Perl syntax'],
    [String.raw`\p{Nothing}`, 'invalid character class range'],
    ['a\\', 'trailing backslash'],
    ['a'.repeat(1025), 'longer than 1024 characters'],
    ['a{1001}', 'more than 1000 steps'],
    ['a{1000}{1000}', 'more than 1000 steps'],
    ['(a{1000}){1000}', 'more than 1000 steps'],
    ['((((a{100}){100}){100}){100}){100}', 'more than 1000 steps'],
    [`(${'a'.repeat(900)}){20}`, 'more than 1000 steps'],
    ['a{500}b{501}', 'more than 1000 steps'],
    ['a{99999999}', 'more than 1000 steps'],
  ])('%s', (text, why) => {
    const said = refusal(text);
    expect(said).toMatch(/^POLICY_BROKEN /);
    expect(said).toContain(why);
  });

  it('what it says is harmless to show', () => {
    expect(refusal('(\u001b[31m\u202e\n')).not.toMatch(/[\u001b\u202e\n]/);
  });
});

describe('time', () => {
  const ask = (text: string, against: string): number => {
    const asked = pattern(text);
    const start = performance.now();
    for (let i = 0; i < 20; i++) expect(asked.matches(against)).toBe(false);
    return (performance.now() - start) / 20;
  };

  it.each([
    ['(a+)+$', 'a'],
    ['(a|a)*b', 'a'],
    ['(a*)*b', 'a'],
    ['(a|b|ab)*c', 'ab'],
    ['(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x', 'ab'],
    ['(x+x+)+y', 'x'],
  ])('%s takes time that grows with the text and no faster [hostile]', (text, unit) => {
    const long = unit.repeat(2047 / unit.length);
    ask(text, `${long}!`);
    const half = ask(text, `${long.slice(0, long.length / 2)}!`);
    const whole = ask(text, `${long}!`);
    // A backtracking engine would need 2^1000 times as long; what is added is for a machine that is busy elsewhere.
    expect(whole).toBeLessThan(half * 4 + 10);
    expect(whole).toBeLessThan(50);
  });

  it.each(['(?:.*\\pL){120}', '(.*)*a.{490}', '(?:[ab]*a[ab]{480})+', '(?:.?){140}', `(${'(?:a|ab|b)*'.repeat(40)})!`])(
    '%s, which makes the automaton forget, is still answered soon [hostile]',
    (text) => {
      const asked = pattern(text);
      const random = fc.sample(fc.constantFrom('a', 'b'), { numRuns: 2048, seed: 7 }).join('');
      for (const against of [random, 'ab'.repeat(1024), 'aé'.repeat(1024)]) {
        const times = [1, 2, 3, 4, 5].map(() => {
          const start = performance.now();
          asked.matches(against);
          return performance.now() - start;
        });
        // A quiet machine needs 20 ms.
        expect(Math.min(...times)).toBeLessThan(100);
      }
    },
  );

  it('a hundred thousand repetitions are refused before they are written out', () => {
    const start = performance.now();
    for (let i = 0; i < 200; i++) refusal(`(${'a'.repeat(900 - i)}){1000}`);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('properties', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 }).filter((one) => one !== '' && one.isWellFormed());

  it('a pattern made by quoting a text matches exactly that text', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const quoted = pattern(RE2JS.quote(one));
        expect(quoted.matches(one)).toBe(true);
        expect(quoted.matches(other)).toBe(one === other);
        expect(quoted.matches(one + other)).toBe(false);
        expect(quoted.matches(other + one)).toBe(false);
        expect(pattern(RE2JS.quote(one), false).matches(other + one + other)).toBe(true);
        expect(pattern(RE2JS.quote(one), false).matches(other)).toBe(other.includes(one));
      }),
    );
  });

  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\n', '^', '$', '\\b', ''),
      fc.tuple(tie('node'), tie('node')).map(([one, other]) => one + other),
      fc.tuple(tie('node'), tie('node')).map(([one, other]) => `(?:${one}|${other})`),
      fc
        .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}'))
        .map(([one, op]) => `(?:${one})${op}`),
      tie('node').map((one) => `(${one})`),
    ),
  }));
  const line = fc.array(fc.constantFrom('a', 'b', 'c', '\n'), { maxLength: 8 }).map((parts) => parts.join(''));

  it('the engine finds what others find: its siblings, and the one of the language where patterns are small', () => {
    fc.assert(
      fc.property(
        node.filter((one) => one !== ''),
        line,
        (one, against) => {
          const sibling = RE2JS.compile(one);
          const whole = pattern(one).matches(against);
          const part = pattern(one, false).matches(against);
          expect([whole, part]).toEqual([sibling.testExact(against), sibling.test(against)]);
          expect([whole, part]).toEqual([new RegExp(`^(?:${one})$`).test(against), new RegExp(one).test(against)]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('a program has never more steps than was said before it was made', () => {
    const token = fc.constantFrom(
      ...[
        'a',
        'b',
        '|',
        '(',
        ')',
        '(?:',
        '(?i)',
        '(?P<n>',
        '[',
        ']',
        '[^',
        '[:alpha:]',
        '[:',
        ':]',
        '\\Q',
        '\\E',
        '\\]',
      ],
      ...[
        '\\[',
        '\\(',
        '\\\\',
        '\\pL',
        '\\p{Greek}',
        '\\x{61}',
        '*',
        '+',
        '?',
        '{3}',
        '{2,}',
        '{0,4}',
        '{',
        '}',
        ',',
        '-',
      ],
      ...['{,3}', '{03}', '^', '$', '.', '😀', '\\b', '()', 'k'],
    );
    // Classes have a grammar of their own.
    const inner = fc.constantFrom(
      ...['a', '-', '[', ']', '^', ':', '[:', ':]', '[:alpha:]', '[:^digit:]', '(', ')', '\\', '\\d', '\\]', '\\-'],
      ...['\\pL', '\\p{Greek}', '\\x{41}', '\\x41', '\\012', '\\Q', '\\E', '😀', '{', '}', '|'],
    );
    const bracketed = fc.tuple(fc.array(inner, { maxLength: 6 }), fc.array(token, { maxLength: 4 }));
    const classed = bracketed.map(([within, behind]) => `([${within.join('')}]${behind.join('')}xxxx){9}`);
    let valid = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          classed,
          fc.array(token, { maxLength: 14 }).map((parts) => parts.join('')),
          node,
        ),
        (one) => {
          try {
            const steps = RE2JS.compile(one).programSize();
            valid++;
            expect(programBound(one), one).toBeGreaterThanOrEqual(steps);
          } catch (error) {
            if (!(error instanceof Error && error.name === 'RE2JSSyntaxException')) throw error;
          }
        },
      ),
      { numRuns: 20_000 },
    );
    expect(valid).toBeGreaterThan(2000);
  });

  it.each([
    '[[:alpha:](]',
    '[[:^alpha:](]',
    '[^](]',
    '[](]',
    String.raw`[\](]`,
    '[a[(]',
    '[:-[:alpha:]',
    String.raw`[\d-[:alpha:](]`,
    String.raw`[\p{Greek}-[:alpha:](]`,
    String.raw`[\pL-[:alpha:](]`,
    '[a-😀-[:alpha:](]',
    String.raw`[\x{21}-\x{41}-[:alpha:](]`,
    '[]-a(]',
    String.raw`\Q(\E`,
    String.raw`\Q)[\E`,
    String.raw`\(`,
    String.raw`\pL`,
    '(?i:k)',
    '(?:k{0,4}(?i){0,4})',
    String.raw`[k]{0,4}\Q\E{0,4}`,
    '(?<n>k)',
    '()',
  ])('nor where %s hides what a repetition is of [hostile]', (hiding) => {
    for (const one of [hiding, `(?:${hiding})`]) {
      for (const pattern of [`(${'x'.repeat(50)}${one}){20}`, `(${one}${'x'.repeat(50)}){20}`]) {
        expect(programBound(pattern), pattern).toBeGreaterThanOrEqual(RE2JS.compile(pattern).programSize());
      }
    }
  });

  it('patterns that people write are far below the bound', () => {
    const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
    const tag = String.raw`https://github\.com/acme/(?:[a-z0-9-]{1,39}/){2}\.github/workflows/release\.ya?ml@refs/tags/v[0-9]{1,3}(?:\.[0-9]{1,3}){2}`;
    expect(programBound(uuid)).toBeLessThan(200);
    expect(programBound(tag)).toBeLessThan(500);
    expect(pattern(tag).matches('https://github.com/acme/a/b/.github/workflows/release.yml@refs/tags/v1.2.3')).toBe(
      true,
    );
  });
});
