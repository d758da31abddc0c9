import { AIMS, type Results } from './results.ts';

type Bar = { readonly label: string; readonly value: number; readonly shown: string; readonly aim?: number };
type Panel = { readonly title: string; readonly bars: readonly Bar[] };

const WIDTH = 760;
const LEFT = 250;
const RIGHT = 90;
const BAR = 18;
const GAP = 8;

/** The results as a chart. Black on white, readable on light and dark pages alike. */
export function chartOf({ warm, cold, memory, machine, date }: Results): string {
  const times = (value: number) => `${value.toFixed(value >= 10 ? 1 : 2)}×`;
  const share = (label: string, value: number, aim?: number): Bar => ({
    label,
    value,
    shown: value.toFixed(2),
    ...(aim === undefined ? {} : { aim }),
  });
  const panels: Panel[] = [
    {
      title: 'Warm decisions a second, relative to a bare Fastify TLS server (more is better)',
      bars: [
        share('bare server, writing a line', 1),
        share('by digest', warm.digest.rate.median, AIMS.warm),
        share('by digest, if bare writes no line', warm.digestNoLine.rate.median),
        share('by tag (1 HEAD)', warm.tag.rate.median),
      ],
    },
    {
      title: 'CPU time of a warm decision, relative to one policy (less is better)',
      bars: [
        share('1 policy', 1),
        ...warm.policies.map(({ count, cost }) => share(`${count.toLocaleString('en')} policies`, cost.median)),
      ],
    },
    {
      title: 'CPU time of a cold verification, relative to its bare HTTP requests (less is better)',
      bars: cold.map(({ form, requests, overRequests }) => ({
        label: `${form === 'legacy' ? '.sig' : form} (${requests} requests)`,
        value: overRequests.median,
        shown: times(overRequests.median),
      })),
    },
    {
      title: 'Resident memory, MiB (less is better; the mark is the aim)',
      bars: memory.flatMap(({ images, idle, after, again, afterAgain }, index) => {
        const counted = images.toLocaleString('en');
        return [
          ...(index === 0 ? [{ label: 'idle', value: idle, shown: idle.toFixed(0), aim: AIMS.idle }] : []),
          { label: `after ${counted} images`, value: after, shown: after.toFixed(0), aim: AIMS.after },
          { label: `${again.toLocaleString('en')} once more`, value: afterAgain, shown: afterAgain.toFixed(0) },
        ];
      }),
    },
  ];

  let y = 34;
  const drawn = panels.map((panel) => {
    const text = draw(panel, y);
    y += 26 + panel.bars.length * (BAR + GAP) + 16;
    return text;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 10}" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="16" y="20" fill="#57606a" font-size="11">${escape(`${date}, ${machine}`)}</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function draw({ title, bars }: Panel, top: number): string {
  const most = Math.max(...bars.flatMap(({ value, aim }) => [value, aim ?? 0]));
  const scale = (value: number) => (value / most) * (WIDTH - LEFT - RIGHT);
  const lines = bars.flatMap(({ label, value, shown, aim }, index) => {
    const y = top + 26 + index * (BAR + GAP);
    const mark = LEFT + scale(aim ?? 0);
    return [
      `<text x="${LEFT - 10}" y="${y + 13}" text-anchor="end" fill="#1f2328">${escape(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${scale(value).toFixed(1)}" height="${BAR}" rx="2" fill="#2f6f9f"/>`,
      `<text x="${(LEFT + scale(value) + 8).toFixed(1)}" y="${y + 13}" fill="#1f2328">${escape(shown)}</text>`,
      ...(aim === undefined
        ? []
        : [`<path d="M${mark.toFixed(1)} ${y - 4}V${y + BAR + 4}" stroke="#c4432b" stroke-width="2"/>`]),
    ];
  });
  return [`<text x="16" y="${top + 14}" font-weight="bold" fill="#1f2328">${escape(title)}</text>`, ...lines].join(
    '\n',
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
