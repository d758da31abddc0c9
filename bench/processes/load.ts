/** The load generator, in a process of its own. Every answer is looked at: a fast wrong one fails the bench. */
import { type BenchImage, byDigest } from '../content/images.ts';
import { type Review, requestWriter } from '../content/review.ts';
import { type Connection, openConnection } from './connection.ts';
import { answerParent } from './worker.ts';

/** Where reviews are sent, and by how many connections at once. */
export type LoadTarget = {
  readonly port: number;
  readonly path: string;
  readonly caPem: string;
  readonly connections: number;
};

/** What every answer must be. `constant` is the bare server's. */
export type Expected = 'allowed' | 'denied' | 'constant';

/** What can be asked of the load generator. */
export type LoadAsk =
  /** One image, once. */
  | { readonly kind: 'once'; readonly target: LoadTarget; readonly image: string; readonly expected: Expected }
  /** The same images over and over, for some time; their reviews are written beforehand. */
  | {
      readonly kind: 'cycle';
      readonly target: LoadTarget;
      readonly images: readonly string[];
      readonly expected: Expected;
      readonly milliseconds: number;
    }
  /** Each image of a range once, all different; every `unsignedEvery`th is unsigned and must be refused. */
  | {
      readonly kind: 'range';
      readonly target: LoadTarget;
      readonly host: string;
      readonly from: number;
      readonly count: number;
      readonly unsignedEvery: number;
    };

/** How many right answers came, in which time. */
export type LoadResult = { readonly answered: number; readonly milliseconds: number };

type Next = () => { readonly review: Review; readonly expected: Expected } | undefined;

const open = new Map<string, readonly Connection[]>();
let number = 0;

async function connections({ port, caPem, connections }: LoadTarget): Promise<readonly Connection[]> {
  const key = `${port} ${connections}`;
  const known = open.get(key);
  if (known !== undefined) return known;
  const made = await Promise.all(Array.from({ length: connections }, () => openConnection(port, caPem)));
  open.set(key, made);
  return made;
}

function check(body: string, { uid }: Review, expected: Expected): void {
  const right =
    expected === 'constant'
      ? body.includes('"allowed":true')
      : body.includes(`"uid":"${uid}"`) &&
        (expected === 'allowed'
          ? body.includes('"allowed":true')
          : body.includes('"allowed":false') && body.includes('[UNSIGNED]'));
  if (!right) throw new Error(`expected ${expected}, but the answer was ${body}`);
}

async function drive(target: LoadTarget, next: Next): Promise<LoadResult> {
  const sockets = await connections(target);
  let answered = 0;
  const begun = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      for (let job = next(); job !== undefined; job = next()) {
        check(await socket.send(job.review.bytes), job.review, job.expected);
        answered++;
      }
    }),
  );
  return { answered, milliseconds: performance.now() - begun };
}

answerParent((ask: LoadAsk) => {
  const write = requestWriter(ask.target.path);
  if (ask.kind === 'cycle') {
    const reviews = ask.images.map((image) => write(image, ++number));
    let at = 0;
    let end: number | undefined;
    return drive(ask.target, () => {
      end ??= performance.now() + ask.milliseconds;
      if (performance.now() >= end) return undefined;
      const review = reviews[at++ % reviews.length];
      return review === undefined ? undefined : { review, expected: ask.expected };
    });
  }
  let at = 0;
  if (ask.kind === 'once') {
    const { image, expected } = ask;
    return drive(ask.target, () => (at++ === 0 ? { review: write(image, ++number), expected } : undefined));
  }
  return drive(ask.target, () => {
    if (at >= ask.count) return undefined;
    const index = ask.from + at++;
    const unsigned = index % ask.unsignedEvery === ask.unsignedEvery - 1;
    const image: BenchImage = { form: unsigned ? 'unsigned' : 'legacy', number: index };
    return { review: write(byDigest(ask.host, image), ++number), expected: unsigned ? 'denied' : 'allowed' };
  });
});
