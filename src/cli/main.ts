#!/usr/bin/env node
import { text } from 'node:stream/consumers';
import { adviceFor } from '../codes/codes.ts';
import { printable } from '../encoding/escape.ts';
import { type Command, type Terminal, usageError } from './command.ts';
import { version } from './version.ts';

const HELP = `countersign ${version}: lets a pod in only when its images carry signatures that the cluster's policies trust.

Usage: countersign COMMAND [OPTIONS]

  serve  --config FILE                 the admission webhook
  verify [--policy PATH]... [--root DIR] [--namespace NS] [--output text|json] [--config FILE] IMAGE...
                                       decides about images as the webhook would; an IMAGE may be a folder,
                                       dir:PATH or oci:PATH[:NAME|@sha256:DIGEST], read without any network;
                                       absolute paths in the policies are looked up below DIR
  verify --as IMAGE ... dir:PATH|oci:PATH
                                       decides about a folder as though IMAGE were what is in it
  review [--policy PATH]... [--root DIR] [--namespace NS] [--output text|json] [--config FILE] FILE|-
                                       decides about an AdmissionReview or about manifests
  verify-bundle --bundle FILE (--certificate-identity NAME --certificate-oidc-issuer URL | --key FILE)
         [--trusted-root FILE] FILE|sha256:DIGEST
                                       verifies one sigstore bundle, by the root of the public-good instance unless told
  policy check [--root DIR] PATH...    says what is wrong with policies
  render --policy PATH... [--output DIR|-] [--format files|machineconfig|butane] [--role ROLE]...
         [--base FILE] [--release-image IMAGE] [--partial]
                                       policies as the files that nodes read
  trust update --output FILE [--mirror URL --root FILE] [--cache DIR] [--timeout DURATION]
                                       refreshes a trusted root by TUF; status 1 if the file stays as it was
  trust show [--format text|json] [FILE]
                                       what a trusted root holds and how fresh it is, by default the one that ships
  demo                                 really signed images, a real webhook, no cluster and no network
  version | help

Exit status of verify and review: 0 everything admitted, 1 a definite refusal, 2 wrong usage or policy,
3 no definite refusal, but something could not be verified.
`;

/** Each command is loaded when it is asked for: nobody waits for what he does not use. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  verify: async () => (await import('./verify.ts')).verify,
  review: async () => (await import('./review.ts')).review,
  'verify-bundle': async () => (await import('./verify-bundle.ts')).verifyBundle,
  policy: async () => (await import('./policy.ts')).policy,
  render: async () => (await import('./render.ts')).render,
  trust: async () => (await import('./trust.ts')).trust,
  demo: async () => (await import('./demo.ts')).demo,
};

/** Runs the command line and gives the exit status. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === 'version' || name === '--version') {
    terminal.out(`countersign ${version} (Node ${process.versions.node})\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) return usageError(terminal, `there is no command "${printable(name)}".`);
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(HELP);
    return 0;
  }
  const command = await load();
  try {
    return await command(rest, terminal);
  } catch (error) {
    // Not a refusal, and scripts must not read it as one: something could not be verified.
    terminal.error(
      `countersign: ${adviceFor('INTERNAL_ERROR')} [INTERNAL_ERROR]\n${error instanceof Error ? (error.stack ?? error.message) : ''}\n`,
    );
    return 3;
  }
}

if (import.meta.main) {
  // Whoever reads only the first lines of the output is no error of ours.
  process.stdout.on('error', () => process.exit(3));
  const terminal: Terminal = {
    out: (chunk) => process.stdout.write(chunk),
    error: (chunk) => process.stderr.write(chunk),
    environment: process.env,
    interactive: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
    readStandardInput: () => text(process.stdin),
  };
  process.exitCode = await main(process.argv.slice(2), terminal);
}
