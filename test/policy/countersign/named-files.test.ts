import { describe, expect, it } from 'vitest';
import { namedFiles } from '../../../src/policy/dialects/countersign/named-files.ts';
import { BY_IDENTITY, BY_KEY, compile, PEM, written } from './objects.ts';

const file = (path: string) => ({ file: path });

describe('the files that a policy names', () => {
  it('are found wherever material may stand, each once, and are those that compiling asks for', () => {
    const pem = {
      certificateAuthorities: [file('fulcio.pem')],
      transparencyLogs: [{ key: file('rekor.pub'), url: 'https://rekor.example' }],
      certificateTransparencyLogs: [file('ct.pub')],
      timestampAuthorities: [file('tsa.pem')],
    };
    const certificate = {
      roots: [file('root.pem')],
      intermediates: [file('intermediate.pem')],
      subject: { email: 'a@b.example' },
    };
    const object = written({
      require: {
        allOf: [
          { signature: { keys: { anyOf: [file('a.pub'), { pem: PEM }, file('b.pub'), file('a.pub')] } } },
          { anyOf: [{ signature: { ...BY_IDENTITY, trustedRoot: file('trusted_root.json') } }] },
          { atLeast: { count: 1, of: [{ signature: { ...BY_IDENTITY, trustedRoot: { pem } } }] } },
          { quorum: { count: 1, of: [{ certificate }] } },
        ],
      },
    });
    const asked = new Set<string>();
    const compiled = compile(object, {
      material: (path) => {
        asked.add(path);
        return { kind: 'unavailable', why: 'not here' };
      },
    });
    expect(compiled.problems).toEqual([]);
    expect([...asked].sort()).toEqual([
      'a.pub',
      'b.pub',
      'ct.pub',
      'fulcio.pem',
      'intermediate.pem',
      'rekor.pub',
      'root.pem',
      'trusted_root.json',
      'tsa.pem',
    ]);
    expect(namedFiles(object).toSorted()).toEqual([...asked].sort());
    expect(namedFiles(object).slice(0, 2)).toEqual(['a.pub', 'b.pub']);
  });

  it('are none that an annotation, a name or an image says', () => {
    const signature = { ...BY_KEY, name: 'file', annotations: { file: '/etc/passwd' } };
    expect(namedFiles({ ...written({ signature, images: [{ file: 'a' }] }), file: 'b' })).toEqual([]);
  });

  it.each([
    [{ keys: { anyOf: [file('a.pub'), 7, file('')] }, unknown: [] }, ['a.pub']],
    [{ keys: { anyOf: file('a.pub') } }, ['a.pub']],
    [{ keys: { anyOf: [{ file: { file: 'a.pub' } }] } }, ['a.pub']],
    [null, []],
    ['a.pub', []],
  ])('are looked for in what is invalid too: %j', (signature, found) => {
    expect(namedFiles(written({ signature }))).toEqual(found);
  });

  it('are not looked for without end [hostile]', () => {
    let require: unknown = file('deep.pub');
    for (let i = 0; i < 100_000; i++) require = [require];
    expect(namedFiles(written({ require }))).toEqual([]);
    const keys = { anyOf: Array.from({ length: 50_000 }, (_, i) => file(`${i}`)) };
    expect(namedFiles(written({ signature: { keys } })).length).toBeLessThan(20_001);
    expect(namedFiles({ spec: 7 })).toEqual([]);
    expect(namedFiles({})).toEqual([]);
  });
});
