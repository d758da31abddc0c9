/** Prints each import that breaks the order of the house (DESIGN.md §2, docs/architecture.md); exits 1 if there is one. */
import { projectModules } from './files.ts';
import { floorViolations } from './rules.ts';

const violations = floorViolations(projectModules());
for (const violation of violations) process.stdout.write(`${violation}\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
