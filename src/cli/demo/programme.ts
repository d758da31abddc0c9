import type { Answer } from './kubectl-run.ts';
import type { Recorded, Scene } from './scenes.ts';

/** One scene after it was played. */
export type Played = {
  readonly scene: Scene;
  readonly answer: Answer;
  readonly recorded: Recorded;
  /** Requests that reached the registry meanwhile. */
  readonly requests: number;
  readonly asExpected: boolean;
};

/** How the demo is printed: with colours for a terminal, the same words without them for a pipe. */
export type Style = {
  readonly green: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
};

type Paint = (text: string) => string;

const plain: Paint = (text) => text;
const painted =
  (on: number, off: number): Paint =>
  (text) =>
    `\u001b[${on}m${text}\u001b[${off}m`;

/** The style for a terminal or for a pipe. */
export function styleFor(interactive: boolean): Style {
  if (!interactive) return { green: plain, red: plain, yellow: plain, dim: plain, bold: plain };
  return {
    green: painted(32, 39),
    red: painted(31, 39),
    yellow: painted(33, 39),
    dim: painted(2, 22),
    bold: painted(1, 22),
  };
}

/** Whether a scene ended as it must. */
export function isAsExpected({ expected }: Scene, answer: Answer, recorded: Recorded): boolean {
  if (answer.allowed !== expected.allowed || recorded !== expected.recorded) return false;
  if (expected.code !== undefined && !answer.message.includes(`[${expected.code}]`)) return false;
  return expected.warned !== true || answer.warnings.some((warning) => warning.includes('[UNSIGNED]'));
}

const TITLE_WIDTH = 50;

/** The table's head. */
export function tableHead(style: Style): string {
  return style.dim(
    `  ${'what kubectl run finds'.padEnd(TITLE_WIDTH)}  ${'decision'.padEnd(10)}  ${'requests'.padEnd(8)}  code`,
  );
}

/** One line of the table. */
export function tableRow({ scene, answer, recorded, requests, asExpected }: Played, style: Style): string {
  const word =
    recorded === 'allowed'
      ? style.green(recorded.padEnd(10))
      : recorded === 'denied'
        ? style.red(recorded.padEnd(10))
        : style.yellow(recorded.padEnd(10));
  const code = /\[([A-Z_]+)\]/.exec(answer.message || answer.warnings.join(' '))?.[1] ?? '';
  const mark = asExpected ? style.green('✓') : style.red('✗');
  const surprise = asExpected ? '' : `  expected: ${scene.expected.recorded} ${scene.expected.code ?? ''}`;
  return `${mark} ${scene.title.padEnd(TITLE_WIDTH)}  ${word}  ${String(requests).padStart(8)}  ${code}${surprise}`;
}

/** What the developer reads who is blocked or warned. */
export function developerView({ scene, answer }: Played, style: Style): string {
  const command = style.bold(
    `$ kubectl run ${scene.name} --namespace ${scene.namespace} --image ${scene.images[0] ?? ''}`,
  );
  const lines = answer.warnings.map((warning) => `${style.yellow('Warning:')} ${warning}`);
  if (answer.message !== '')
    lines.push(
      `${style.red('Error from server (Forbidden):')} admission webhook "countersign" denied the request: ${answer.message}`,
    );
  return [command, ...lines].join('\n');
}
