/** Loaded before every test file: what is drawn at random is the same in every run, unless COUNTERSIGN_SEED says otherwise. */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['COUNTERSIGN_SEED'] ?? 20_260_601) });
