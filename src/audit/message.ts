import { adviceFor } from '../codes/codes.ts';
import { asSentence, printable } from '../encoding/escape.ts';
import type { Decision, PolicyOutcome, SubjectDecision } from '../model/decision.ts';
import { policyInWords } from './names.ts';
import { enforcedRefusals } from './refusals.ts';

/** The whole message of a denial. kubectl prints it on one terminal; etcd and audit logs keep it. */
const MAX_MESSAGE = 4_096;
const MAX_IMAGE = 300;
const MAX_PATH = 200;
const MAX_REASON = 800;

/**
 * What one policy says against one image, for the person who is blocked by it (STYLE.md): the image and where it
 * stands, the policy, the word, what was looked for and found, what to do, and the code that docs/reasons.md explains.
 */
export function refusalSentence(subject: SubjectDecision, refusal: PolicyOutcome): string {
  const image = `image "${printable(subject.image, MAX_IMAGE)}" (${printable(subject.path, MAX_PATH)})`;
  const head = `${image} refused by ${policyInWords(refusal.policy)}: ${refusal.outcome.kind}.`;
  const reason = sentence(printable(refusal.reason, MAX_REASON));
  if (refusal.code === undefined) return `${head}${reason}`;
  return `${head}${reason}${sentence(adviceFor(refusal.code))} [${refusal.code}]`;
}

/**
 * The message of a denial: every refused image on a line of its own, and how many more there are beyond 4 KiB. Nobody
 * should have to mend one image to learn of the next.
 */
export function denialMessage(decision: Decision): string {
  const sentences = decision.subjects.flatMap((subject) =>
    enforcedRefusals(subject).map((refusal) => refusalSentence(subject, refusal)),
  );
  if (sentences.length === 0) return 'refused by countersign';

  const lines: string[] = [];
  let room = MAX_MESSAGE - Buffer.byteLength(andMore(sentences.length));
  for (const line of sentences) {
    room -= Buffer.byteLength(line) + 1;
    // The first is said in full, whatever its length: a message without any reason helps nobody.
    if (room < 0 && lines.length > 0) break;
    lines.push(line);
  }
  const left = sentences.length - lines.length;
  return left === 0 ? lines.join('\n') : [...lines, andMore(left)].join('\n');
}

function andMore(count: number): string {
  return `and ${count} more`;
}

/** A leading blank, a capital and a full stop around what may lack them. */
function sentence(text: string): string {
  if (text === '') return '';
  const end = /[.!?…]$/.test(text) ? '' : '.';
  return ` ${asSentence(text)}${end}`;
}
