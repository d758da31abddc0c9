/** Bundles countersign into dist/countersign.mjs, the one file that the image ships, and prints its size. */
import { statSync } from 'node:fs';
import { build } from 'esbuild';

const outfile = 'dist/countersign.mjs';
const [entry = 'src/cli/main.ts'] = process.argv.slice(2);

await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  // Names stay as they are, so that a stack trace in a log can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'eof',
  // Dependencies in CommonJS ask for Node's own modules by require, which an ESM file does not have by itself.
  banner: {
    js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
  },
  // openpgp is LGPL: loaded beside the bundle where a policy needs it, never part of it. What reads kubeconfig files would
  // be two thirds of the bundle, and in a pod it is the service account that counts.
  external: ['openpgp', '@kubernetes/client-node'],
  logLevel: 'warning',
});

const kibibytes = Math.round(statSync(outfile).size / 1024);
process.stdout.write(`${outfile}: ${kibibytes} KiB\n`);
