import { readFile } from 'node:fs/promises';
import type { Folder } from '../folder.ts';
import { run, succeed } from '../process.ts';
import { toolPath } from '../tools.ts';

/** A home of GnuPG with keys of its own. */
export type Gpg = {
  readonly home: string;
  /** Runs gpg in this home; it must succeed. */
  readonly run: (args: readonly string[], input?: string) => Promise<string>;
  /** Runs gpg with one file to read, and gives what it wrote to another. */
  readonly convert: (args: readonly string[], input: Uint8Array | string) => Promise<Buffer>;
  /** What gpg exports, binary. */
  readonly export: (args: readonly string[]) => Promise<Buffer>;
  /** Ends the agent that gpg started for this home. */
  readonly stop: () => Promise<void>;
};

/** Whoever signs, by the user ID of the key. */
export type KeyName = (typeof KEYS)[number]['name'];

/** As if it were the first day of that year. */
export const at = (year: number): readonly string[] => ['--faked-system-time', `${year}0101T000000`];

/** The keys that every suite has. */
const KEYS = [
  { name: 'one', kind: ['rsa3072', 'sign', 'never'] },
  { name: 'two', kind: ['ed25519', 'sign', 'never'] },
  // No policy names it unless the case says so.
  { name: 'stranger', kind: ['ed25519', 'sign', 'never'] },
  { name: 'ecdsa', kind: ['nistp256', 'sign', 'never'] },
  { name: 'p521', kind: ['nistp521', 'sign', 'never'] },
  { name: 'rsa4096', kind: ['rsa4096', 'sign', 'never'] },
  { name: 'rsa1024', kind: ['rsa1024', 'sign', 'never'] },
  { name: 'dsa', kind: ['dsa2048', 'sign', 'never'] },
  { name: 'expired', kind: ['ed25519', 'sign', '1y'], when: at(2023) },
  { name: 'old', kind: ['ed25519', 'sign', 'never'], when: at(2023) },
  // Was to last for a year, and then for ever.
  { name: 'extended', kind: ['ed25519', 'sign', '1y'], when: at(2023), prolonged: true },
  { name: 'future', kind: ['ed25519', 'sign', 'never'], when: at(2040) },
  { name: 'revoked', kind: ['ed25519', 'sign', 'never'] },
  { name: 'subkey', kind: ['ed25519', 'cert', 'never'], sub: 'ed25519' },
  { name: 'subkey-rsa', kind: ['rsa2048', 'cert', 'never'], sub: 'rsa2048' },
  { name: 'subkey-revoked', kind: ['ed25519', 'cert', 'never'], sub: 'ed25519' },
  { name: 'subkey-expired', kind: ['ed25519', 'cert', 'never'], when: at(2023), sub: 'ed25519', subFor: '1y' },
] as const;

/** Makes an empty home. Its path must be short: the agent's socket lies in it. */
export function gpgHome(folder: Folder, name: string): Gpg {
  const home = folder.folder(name);
  let files = 0;
  const all = ['--homedir', home, '--batch', '--quiet', '--no-tty', '--passphrase', '', '--pinentry-mode', 'loopback'];
  const gpg: Gpg['run'] = (args, input = '') => succeed(toolPath('gpg'), [...all, ...args], { input });
  const intoFile = async (args: readonly string[], input: readonly string[]): Promise<Buffer> => {
    files += 1;
    const output = folder.file(`${name}.${files}.out`);
    await gpg(['--output', output, ...args, ...input]);
    return readFile(output);
  };
  return {
    home,
    run: gpg,
    convert: (args, input) => {
      files += 1;
      return intoFile(args, [folder.write(`${name}.${files}.in`, input)]);
    },
    export: (args) => intoFile(args, []),
    stop: async () => {
      await run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    },
  };
}

/** Makes keys of {@link KEYS} in a home. */
export async function makeKeys(gpg: Gpg, names: readonly KeyName[] = KEY_NAMES): Promise<void> {
  for (const key of KEYS) {
    if (!names.includes(key.name)) continue;
    const when = 'when' in key ? key.when : [];
    const address = addressOf(key.name);
    await gpg.run([...when, '--quick-generate-key', address, ...key.kind]);
    if ('prolonged' in key) {
      const listed = await gpg.run(['--with-colons', '--list-keys', address]);
      await gpg.run(['--quick-set-expire', fingerprintIn(listed), '0']);
    }
    if ('sub' in key) {
      const listed = await gpg.run([...when, '--with-colons', '--list-keys', address]);
      await gpg.run([
        ...when,
        '--quick-add-key',
        fingerprintIn(listed),
        key.sub,
        'sign',
        'subFor' in key ? key.subFor : 'never',
      ]);
    }
  }
}

/** All of them. */
export const KEY_NAMES: readonly KeyName[] = KEYS.map(({ name }) => name);

/** How gpg is told which key, and no other whose address merely ends alike. */
export const addressOf = (name: KeyName): string => `<${name}@example.com>`;

/** The first fingerprint in what gpg listed. */
export function fingerprintIn(listed: string): string {
  const line = listed.split('\n').find((one) => one.startsWith('fpr:'));
  const fingerprint = line?.split(':')[9];
  if (fingerprint === undefined) throw new Error(`gpg lists no key:\n${listed}`);
  return fingerprint;
}
