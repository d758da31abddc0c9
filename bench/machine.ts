import { cpus, totalmem } from 'node:os';

/** The machine in one line: ratios travel better than times, but not everywhere. */
export function describeMachine(): string {
  const [first] = cpus();
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  const memory = `${gibibytes} GiB memory`;
  return `${first?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${memory}, ${process.platform}-${process.arch}, Node ${process.versions.node}`;
}
