import { exitStatus } from '../audit/exit-status.ts';
import { jsonOutput } from '../audit/json.ts';
import { textOutput } from '../audit/text.ts';
import type { Decision } from '../model/decision.ts';
import { known, unknown } from '../model/known.ts';
import type { Asker } from '../model/subject.ts';
import { type Command, usageError } from './command.ts';
import { readOfflineArguments, startOffline } from './offline.ts';

/** `countersign verify`: decides about images as the webhook would, each by itself. */
export const verify: Command = async (args, terminal) => {
  const given = readOfflineArguments(args, terminal);
  if (typeof given === 'number') return given;
  if (given.operands.length === 0) return usageError(terminal, 'verify needs at least one image.');
  const offline = await startOffline(given, terminal);
  if (typeof offline === 'number') return offline;

  const { configuration, verifier } = offline;
  const namespaceMode = given.namespace === undefined ? undefined : configuration.namespaces.get(given.namespace);
  try {
    const decisions = await Promise.all(
      given.operands.map(
        (image, index): Promise<Decision> =>
          verifier.decide({
            images: [{ image, path: `argument ${index + 1}` }],
            asker: askerIn(given.namespace),
            mode: { server: configuration.mode, namespace: namespaceMode },
            deadline: Date.now() + configuration.deadline,
          }),
      ),
    );
    if (given.output === 'json') terminal.out(`${JSON.stringify(jsonOutput(decisions), null, 2)}\n`);
    else terminal.out(textOutput(decisions, { colour: terminal.interactive }));
    return exitStatus(decisions);
  } finally {
    await verifier.close();
  }
};

/** There is no object and no cluster: what is not given is not known, and counts as matching (MODEL.md M7). */
function askerIn(namespace: string | undefined): Asker {
  const no = unknown('only an image was given');
  return {
    namespace: namespace === undefined ? no : known(namespace),
    namespaceLabels: no,
    resource: no,
    labels: no,
    object: no,
    operation: no,
  };
}
