import { afterAll, beforeAll } from 'vitest';
import { admissionCases } from './cluster/admission.ts';
import { availabilityCases } from './cluster/availability.ts';
import { kindCases } from './cluster/kinds.ts';
import { openShiftCases } from './cluster/openshift.ts';
import { rolloutCases } from './cluster/rollout.ts';
import { secretCases } from './cluster/secrets.ts';
import { transcriptCases } from './cluster/transcript.ts';
import { upgradeCases } from './cluster/upgrade.ts';
import { startWorld, WORLD_TOOLS, type World } from './cluster/world.ts';
import { describeWith } from './tools.ts';

/** One control plane for all of them: starting it takes longer than most cases. */
describeWith(WORLD_TOOLS, 'countersign in a cluster, installed by Helm', () => {
  let started: World | undefined;
  let crds: string | undefined;
  const world = (): World => {
    if (started === undefined) throw new Error('nothing is started yet');
    return started;
  };

  beforeAll(async () => {
    started = await startWorld(crds);
  }, 300_000);
  afterAll(() => started?.stop());

  admissionCases(world);
  kindCases(world);
  rolloutCases(world);
  secretCases(world);
  availabilityCases(world);
  openShiftCases(world, (folder) => {
    crds = folder;
  });
  upgradeCases(world);
  transcriptCases(world);
});
