import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditRecord, auditRecord } from '../../src/audit/record.ts';
import { type AuditSink, openAuditSink } from '../../src/audit/sink.ts';
import type { Failure } from '../../src/codes/result.ts';
import { decision, said, subject } from './fixture.ts';

let folder = '';
let failures: Failure[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
  failures = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function record(uid: string): AuditRecord {
  const facts = {
    time: 0,
    uid,
    operation: 'CREATE',
    kind: 'Pod',
    namespace: 'n',
    name: 'p',
    user: 'u',
    dryRun: false,
  } as const;
  return auditRecord({ ...facts, note: undefined }, decision([subject([said('verified')])]), {
    instance: 'i',
    version: '0',
  });
}

function open(path: string): AuditSink {
  const sink = openAuditSink({ destination: { kind: 'file', path }, onFatal: (failure) => failures.push(failure) });
  if (!sink.ok) throw new Error(sink.failure.message);
  return sink.value;
}

function uidsOf(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { uid: unknown }).uid);
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `uid-${i}`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A pipe with both ends in this process; reading takes what is there. */
function pipe(): { readonly path: string; readonly read: () => string; readonly close: () => void } {
  const path = join(folder, 'pipe');
  execFileSync('bash', ['-c', 'mkfifo "$0"', path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(65_536);
  return {
    path,
    close: () => closeSync(fd),
    read: () => {
      try {
        return buffer.toString('utf8', 0, readSync(fd, buffer));
      } catch (error) {
        if ((error as { code?: string }).code === 'EAGAIN') return '';
        throw error;
      }
    },
  };
}

describe('the audit log in a file', () => {
  it('holds a record once its write resolves, in order', async () => {
    const path = join(folder, 'audit.log');
    const sink = open(path);
    await sink.write(record('first'));
    expect(uidsOf(readFileSync(path, 'utf8'))).toEqual(['first']);
    await Promise.all(numbered(3_000).map((uid) => sink.write(record(uid))));
    expect(uidsOf(readFileSync(path, 'utf8'))).toEqual(['first', ...numbered(3_000)]);
    await sink.close();
  });

  it('is appended to, and opened anew after it was moved away', async () => {
    const path = join(folder, 'audit.log');
    const before = open(path);
    await before.write(record('a'));
    await before.close();

    const sink = open(path);
    await sink.write(record('b'));
    renameSync(path, `${path}.1`);
    await sink.write(record('c'));
    sink.reopen();
    await sink.write(record('d'));
    expect(uidsOf(readFileSync(`${path}.1`, 'utf8'))).toEqual(['a', 'b', 'c']);
    expect(uidsOf(readFileSync(path, 'utf8'))).toEqual(['d']);
    await sink.close();
  });

  it('is complete after close, whoever waited', async () => {
    const path = join(folder, 'audit.log');
    const sink = open(path);
    for (const uid of numbered(100)) void sink.write(record(uid));
    await sink.close();
    expect(uidsOf(readFileSync(path, 'utf8'))).toHaveLength(100);
  });

  it('that cannot be opened is a failure at the start', () => {
    const destination = { kind: 'file', path: join(folder, 'missing', 'audit.log') } as const;
    expect(openAuditSink({ destination, onFatal: () => undefined })).toMatchObject({
      ok: false,
      failure: { code: 'INTERNAL_ERROR', message: 'the audit log cannot be opened (ENOENT)' },
    });
  });

  it('in a pipe that nobody reads is a failure at the start, not a wait', () => {
    const { path, close } = pipe();
    close();
    const opened = openAuditSink({ destination: { kind: 'file', path }, onFatal: () => undefined });
    expect(opened).toMatchObject({ ok: false, failure: { message: 'the audit log cannot be opened (ENXIO)' } });
  });

  it.runIf(process.platform === 'linux')(
    'on a full disk ends the process, and nothing is said to be recorded',
    async () => {
      const sink = open('/dev/full');
      let resolved = false;
      void sink.write(record('lost')).then(() => {
        resolved = true;
      });
      await sink.close();
      void sink.write(record('later')).then(() => {
        resolved = true;
      });
      await turn();
      await turn();
      expect(failures.map(({ message }) => message)).toEqual(['the audit log cannot be written (ENOSPC)']);
      expect(resolved).toBe(false);
    },
  );
});

describe('the audit log in a pipe', () => {
  it('waits for a slow reader without stopping the event loop, and loses nothing', async () => {
    const { path, read, close } = pipe();
    const sink = open(path);
    const count = 3_000;
    let written = 0;
    for (const uid of numbered(count)) {
      void sink.write(record(uid)).then(() => {
        written += 1;
      });
    }
    for (let i = 0; i < 20; i++) await turn();
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(count);
    expect(sink.congested()).toBe(true);

    expect(uidsOf(await readLines(read, count))).toEqual(numbered(count));
    while (sink.congested()) await turn();
    await sink.close();
    expect(written).toBe(count);
    close();
  });

  it('is opened anew only once what is under way is written', async () => {
    const { path, read, close } = pipe();
    const sink = open(path);
    const writes = Promise.all(numbered(500).map((uid) => sink.write(record(uid))));
    await turn();
    await turn();
    sink.reopen();
    expect(uidsOf(await readLines(read, 500))).toEqual(numbered(500));
    await writes;
    await sink.close();
    close();
  });

  it('that was closed ends the process, once, and nothing is said to be recorded', async () => {
    const { path, close } = pipe();
    const sink = open(path);
    await sink.write(record('seen'));
    close();
    let resolved = false;
    for (const uid of numbered(10)) {
      void sink.write(record(uid)).then(() => {
        resolved = true;
      });
    }
    await sink.close();
    expect(failures.map(({ message }) => message)).toEqual(['the audit log cannot be written (EPIPE)']);
    expect(resolved).toBe(false);
  });

  it('that is closed while a write waits ends the process as well', async () => {
    const { path, close } = pipe();
    const sink = open(path);
    for (const uid of numbered(1_000)) void sink.write(record(uid));
    for (let i = 0; i < 5; i++) await turn();
    close();
    await sink.close();
    expect(failures).toHaveLength(1);
  });
});

async function readLines(read: () => string, count: number): Promise<string> {
  let text = '';
  for (let lines = 0; lines < count; await turn()) {
    const chunk = read();
    lines += chunk.split('\n').length - 1;
    text += chunk;
  }
  return text;
}

const CHILD = `
  import { openAuditSink } from '${new URL('../../src/audit/sink.ts', import.meta.url).href}';
  const onFatal = (failure) => { process.stderr.write(failure.message); process.exit(70); };
  const sink = openAuditSink({ destination: { kind: 'descriptor', fd: 1 }, onFatal });
  const record = (i) => ({ uid: 'uid-' + i, filler: 'x'.repeat(i % 50 === 0 ? 9000 : 600) });
  for (let i = 0; i < 2000; i++) void sink.value.write(record(i));
  await sink.value.close();
  process.exit(0);
`;

describe('the audit log on the standard output of a process', () => {
  const shell = (pipeline: string) =>
    spawn('bash', ['-c', `set -o pipefail; ${pipeline}`, process.execPath, CHILD], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  it.each([
    ['a pipe', '"$0" --input-type=module -e "$1" | cat'],
    ['a socket', '"$0" --input-type=module -e "$1"'],
    ['a slow pipe', '"$0" --input-type=module -e "$1" | (head -c 1; cat)'],
  ])('is whole in %s when the process ends', async (_, pipeline) => {
    const child = shell(pipeline);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const [status] = await once(child, 'close');
    expect([status, uidsOf(text)]).toEqual([0, numbered(2_000)]);
  });

  it('appends to a file that the shell opened, and leaves what stood there', async () => {
    const path = join(folder, 'out');
    const child = shell(`echo '{"uid":"before"}' > ${path}; "$0" --input-type=module -e "$1" >> ${path}`);
    await once(child, 'close');
    expect(uidsOf(readFileSync(path, 'utf8'))).toEqual(['before', ...numbered(2_000)]);
  });

  it('does not keep the process from ending while the reader stalls', async () => {
    // The reader holds the pipe open without reading until the writer has ended and said so.
    const blocked = CHILD.replace(
      'await sink.value.close();',
      'await new Promise((resolve) => setTimeout(resolve, 50));',
    );
    const done = join(folder, 'done');
    execFileSync('bash', ['-c', 'mkfifo "$0"', done]);
    const child = spawn(
      'bash',
      ['-c', `{ "$0" --input-type=module -e "$1"; echo "$?" > ${done}; } | cat ${done} >&2`, process.execPath, blocked],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    await once(child, 'close');
    expect(errors).toBe('0\n');
  });

  it('ends the process when nobody reads any more', async () => {
    const child = shell('"$0" --input-type=module -e "$1" | head -c 100 > /dev/null');
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    const [status] = await once(child, 'close');
    expect([status, errors]).toEqual([70, 'the audit log cannot be written (EPIPE)']);
  });
});
