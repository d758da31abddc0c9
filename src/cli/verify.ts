import { exitStatus } from '../audit/exit-status.ts';
import { jsonOutput } from '../audit/json.ts';
import { textOutput } from '../audit/text.ts';
import { ok, type Result } from '../codes/result.ts';
import { parseLayout } from '../image/layout-reference.ts';
import { parseReference } from '../image/reference.ts';
import type { Decision } from '../model/decision.ts';
import { known, unknown } from '../model/known.ts';
import type { Asker } from '../model/subject.ts';
import type { DecisionRequest, RequestedImage, RequestedLayout, Verifier } from '../verifier/request.ts';
import { type Command, type Terminal, usageError } from './command.ts';
import { type LayoutArgument, layoutVerifier, openLayoutArgument } from './layout.ts';
import { loadRules, type OfflineArguments, type Rules, readOfflineArguments, startEngine } from './offline.ts';

/** What one operand names: an image in a registry, or one in a folder. */
type Operand =
  | { readonly kind: 'image'; readonly requested: RequestedImage }
  | { readonly kind: 'layout'; readonly argument: LayoutArgument };

/** `countersign verify`: decides about images as the webhook would, each by itself. */
export const verify: Command = async (args, terminal) => {
  const given = readOfflineArguments(args, terminal);
  if (typeof given === 'number') return given;
  const operands = readOperands(given);
  if (!operands.ok) return usageError(terminal, operands.failure.message);
  const rules = await loadRules(given, terminal);
  if (typeof rules === 'number') return rules;

  const jobs = await prepare(operands.value, given, rules, terminal);
  if (typeof jobs === 'number') return jobs;
  try {
    const decisions = await Promise.all(
      jobs.map(({ verifier, requested }): Promise<Decision> => verifier.decide(requestFor(requested, given, rules))),
    );
    if (given.output === 'json') terminal.out(`${JSON.stringify(jsonOutput(decisions), null, 2)}\n`);
    else terminal.out(textOutput(decisions, { colour: terminal.interactive }));
    return exitStatus(decisions);
  } finally {
    await Promise.all([...new Set(jobs.map(({ verifier }) => verifier))].map((verifier) => verifier.close()));
  }
};

type Wrong = { readonly message: string };

/** What the operands name; said before anything is loaded, since nothing of it depends on a policy. */
function readOperands(given: OfflineArguments): Result<readonly Operand[], Wrong> {
  if (given.operands.length === 0) return wrong('verify needs at least one image.');
  const as = readName(given.as);
  if (!as.ok) return as;
  const operands: Operand[] = [];
  for (const [index, text] of given.operands.entries()) {
    const path = `argument ${index + 1}`;
    const layout = parseLayout(text);
    if (layout?.ok === false) return wrong(`${layout.failure.message}.`);
    operands.push(
      layout === undefined
        ? { kind: 'image', requested: { image: text, path } }
        : { kind: 'layout', argument: { written: text, path, layout: layout.value, as: as.value } },
    );
  }
  const [first, ...more] = operands;
  if (as.value !== 'none' && (first?.kind !== 'layout' || more.length > 0))
    return wrong('--as IMAGE needs exactly one folder, dir:PATH or oci:PATH.');
  return ok(operands);
}

function readName(written: string | undefined): Result<LayoutArgument['as'], Wrong> {
  if (written === undefined) return ok('none');
  const reference = parseReference(written);
  return reference.ok ? ok({ written, reference: reference.value }) : wrong(`--as: ${reference.failure.message}.`);
}

/** A request and the engine that decides it. */
type Job = { readonly verifier: Verifier; readonly requested: RequestedImage | RequestedLayout };

/** Engines for all operands. Images share one; a folder has its own, which reads nothing but that folder. */
async function prepare(
  operands: readonly Operand[],
  given: OfflineArguments,
  rules: Rules,
  terminal: Terminal,
): Promise<readonly Job[] | number> {
  const jobs: Job[] = [];
  let engine: Verifier | undefined;
  for (const operand of operands) {
    if (operand.kind === 'layout') {
      const opened = await openLayoutArgument(operand.argument, rules, askerIn(given.namespace), terminal);
      if (typeof opened === 'number') return opened;
      jobs.push({ verifier: layoutVerifier(opened.registry, rules, terminal), requested: opened.requested });
      continue;
    }
    if (engine === undefined) {
      const started = await startEngine(rules, terminal);
      if (typeof started === 'number') return started;
      engine = started.verifier;
    }
    jobs.push({ verifier: engine, requested: operand.requested });
  }
  return jobs;
}

function requestFor(
  requested: RequestedImage | RequestedLayout,
  { namespace }: OfflineArguments,
  { configuration }: Rules,
): DecisionRequest {
  return {
    images: [requested],
    asker: askerIn(namespace),
    mode: {
      server: configuration.mode,
      namespace: namespace === undefined ? undefined : configuration.namespaces.get(namespace),
    },
    deadline: Date.now() + configuration.deadline,
  };
}

function wrong(message: string): { readonly ok: false; readonly failure: Wrong } {
  return { ok: false, failure: { message } };
}

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
