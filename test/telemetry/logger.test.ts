import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../../src/telemetry/logger.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  return { lines, logger: createLogger(level, { write: (line) => void lines.push(line) }) };
}

describe('the operational log', () => {
  it('writes one JSON line with level and time', () => {
    const { lines, logger } = logged();
    logger.info({ port: 1 }, 'listening');
    expect(lines).toHaveLength(1);
    const [line = ''] = lines;
    expect(JSON.parse(line)).toMatchObject({ level: 'info', port: 1, msg: 'listening' });
    expect(Date.parse(JSON.parse(line).time)).toBeGreaterThan(0);
  });

  it('hides what is secret by name', () => {
    const { lines, logger } = logged();
    logger.warn(
      { password: 'hunter2', headers: { authorization: 'Basic hunter2' }, registry: { token: 'hunter2' } },
      'x',
    );
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('writes of an error its name, message and stack, and nothing that hangs on it', () => {
    const { lines, logger } = logged();
    logger.error({ err: Object.assign(new Error('no'), { request: { headers: 'hunter2' } }) }, 'failed');
    expect(lines.join('')).toContain('"message":"no"');
    expect(lines.join('')).not.toContain('hunter2');
    logger.error({ err: 'thrown text' }, 'failed');
    expect(lines[1]).toContain('thrown text');
  });

  it('keeps below its level', () => {
    const { lines, logger } = logged('error');
    logger.warn('x');
    expect(lines).toEqual([]);
  });
});
