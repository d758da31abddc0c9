import { adviceFor } from '../codes/codes.ts';
import { printable } from '../encoding/escape.ts';
import type { Decision, PolicyOutcome, SubjectDecision } from '../model/decision.ts';
import { findingOutputs } from './json.ts';
import { policyInWords } from './names.ts';
import { possibleRefusals } from './refusals.ts';

type Paint = (text: string) => string;
type Palette = {
  readonly good: Paint;
  readonly bad: Paint;
  readonly doubtful: Paint;
  readonly quiet: Paint;
  readonly strong: Paint;
};

const PLAIN: Palette = { good: same, bad: same, doubtful: same, quiet: same, strong: same };
const COLOURED: Palette = {
  good: (text) => `\u001b[32m${text}\u001b[39m`,
  bad: (text) => `\u001b[31m${text}\u001b[39m`,
  doubtful: (text) => `\u001b[33m${text}\u001b[39m`,
  quiet: (text) => `\u001b[2m${text}\u001b[22m`,
  strong: (text) => `\u001b[1m${text}\u001b[22m`,
};

/**
 * What `verify` and `review` print for people: each image with a mark and its word, below it each policy's word and, for
 * what did not pass, what was found and what to do. Ends in one line that sums up.
 * @param options `colour`: whether to use terminal colours; the words say everything without them. `titles`: what each
 * decision is about, such as `Deployment shop/web`, where there are several objects to tell apart
 */
export function textOutput(
  decisions: readonly Decision[],
  options: { readonly colour: boolean; readonly titles?: readonly string[] },
): string {
  const palette = options.colour ? COLOURED : PLAIN;
  const lines = [
    ...decisions.flatMap((decision, index) => decisionLines(decision, options.titles?.[index], palette)),
    summary(decisions, palette),
  ];
  return `${lines.join('\n')}\n`;
}

function decisionLines(decision: Decision, title: string | undefined, palette: Palette): readonly string[] {
  const { subjects, warnings } = decision;
  const nothing = subjects.length === 0 && warnings.length === 0;
  return [
    ...(title === undefined ? [] : [`${palette.strong(printable(title, 600))}${nothing ? ': no images' : ''}`, '']),
    ...subjects.flatMap((subject) => [...subjectLines(subject, palette), '']),
    ...warnings.map((warning) => `${palette.doubtful('warning')}  ${warning}`),
    ...(warnings.length > 0 ? [''] : []),
  ];
}

function subjectLines(subject: SubjectDecision, palette: Palette): readonly string[] {
  const refused = possibleRefusals(subject).length > 0;
  const [mark, paint] = refused ? (['✗', palette.bad] as const) : (['✓', palette.good] as const);
  const image = subject.image === '' ? '""' : subject.image;
  return [
    `${paint(mark)} ${palette.strong(image)}  ${paint(subject.headline)}`,
    `  ${palette.quiet('at')}      ${subject.path}`,
    ...(subject.digest === undefined ? [] : [`  ${palette.quiet('digest')}  ${subject.digest}`]),
    ...subject.policies.flatMap((policy) => policyLines(policy, palette)),
    ...(refused ? findingLines(subject, palette) : signerLines(subject, palette)),
  ];
}

function policyLines(said: PolicyOutcome, palette: Palette): readonly string[] {
  const paint = said.admission === 'admit' ? palette.good : said.admission === 'warn' ? palette.doubtful : palette.bad;
  const mode = said.mode === 'deny' ? '' : ` (mode ${said.mode})`;
  const code = said.code === undefined ? '' : ` [${said.code}]`;
  const scope = said.scope === '' ? '' : `, scope ${said.scope}`;
  const head = `  ${palette.quiet('policy')}  ${policyInWords(said.policy)}${scope}${mode}: ${paint(said.outcome.kind)}${code}`;
  if (said.admission === 'admit' || said.reason === '') return [head];
  return [head, `          ${said.reason}`, ...(said.code === undefined ? [] : [`          ${adviceFor(said.code)}`])];
}

function findingLines(subject: SubjectDecision, palette: Palette): readonly string[] {
  return findingOutputs(subject).flatMap(({ format, location, signer, accepted, code, message }) => {
    const by = signer === null ? '' : ` by ${signer}`;
    const verdict = accepted
      ? palette.good('accepted')
      : `${palette.bad('refused')}${code === null ? '' : ` [${code}]`}`;
    const head = `  ${palette.quiet('found')}   ${format} ${location}${by}: ${verdict}`;
    return message === '' ? [head] : [head, `          ${message}`];
  });
}

function signerLines(subject: SubjectDecision, palette: Palette): readonly string[] {
  const signers = findingOutputs(subject).flatMap(({ accepted, signer }) =>
    accepted && signer !== null ? [signer] : [],
  );
  return [...new Set(signers)].map((signer) => `  ${palette.quiet('signed')}  ${signer}`);
}

function summary(decisions: readonly Decision[], palette: Palette): string {
  const subjects = decisions.flatMap((decision) => decision.subjects);
  const refused = subjects.filter((subject) => possibleRefusals(subject).length > 0).length;
  const images = subjects.length === 1 ? '1 image' : `${subjects.length} images`;
  if (refused === 0) return palette.good(subjects.length === 0 ? 'no images to look at' : `${images}: admitted`);
  const allowed = decisions.every((decision) => decision.allowed);
  return palette.bad(`${images}: ${refused} refused${allowed ? ', let in by the mode' : ''}`);
}

function same(text: string): string {
  return text;
}
