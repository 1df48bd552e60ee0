import type { ForecastRow } from '../simulated/forecast/forecast.ts';
import type { Simulated } from './simulate-text.ts';

const WIDTH = 760;
const HEIGHT = 360;
/** What stands around the plot: axes to the left and below, names to the right. */
const MARGIN = { top: 44, right: 190, bottom: 44, left: 52 };

/** Told apart by people who see few colours, too: https://jfly.uni-koeln.de/color/ */
const COLORS = ['#000000', '#e69f00', '#56b4e9', '#009e73', '#0072b2', '#d55e00', '#cc79a7'];

/** The probability that the rollout was rolled back by then, for each regression, as an SVG document. */
export async function chartOf(it: Simulated): Promise<string> {
  const [{ scaleLinear }, { line, curveStepAfter }] = await Promise.all([
    import('d3-scale'),
    import('d3-shape'),
  ]);
  const rows = it.regressions.filter((row, index) => index === 0 || row.kind !== 'innocent');
  const last = Math.max(
    60,
    ...rows.flatMap((row) => [row.rollbackSeconds.at(-1) ?? 0, row.promoteSeconds ?? 0]),
  );
  const x = scaleLinear([0, last / 60], [MARGIN.left, WIDTH - MARGIN.right]).nice();
  const y = scaleLinear([0, 100], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const path = line<readonly [number, number]>(
    ([minute]) => x(minute),
    ([, percent]) => y(percent),
  ).curve(curveStepAfter);
  const end = x.domain()[1] ?? 0;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${text(`${it.release}: probability of a rollback by time`)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    label(
      MARGIN.left,
      22,
      `${it.release}: rolled back by then, at ${rounded(it.requestsPerSecond)} requests a second, ${it.runs} rollouts each`,
      'start',
    ),
    ...y
      .ticks(5)
      .flatMap((percent) => [
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(percent)}" y2="${y(percent)}" stroke="#ddd"/>`,
        label(MARGIN.left - 8, y(percent) + 4, `${percent} %`, 'end'),
      ]),
    ...x
      .ticks(8)
      .map((minute) => label(x(minute), HEIGHT - MARGIN.bottom + 18, String(minute), 'middle')),
    label(
      (MARGIN.left + WIDTH - MARGIN.right) / 2,
      HEIGHT - 8,
      'minutes after the first commit',
      'middle',
    ),
    ...rows.flatMap((row, index) => {
      const drawn = path(pointsOf(row, end)) ?? '';
      const stroke = `stroke="${COLORS[index % COLORS.length]}" stroke-width="2"${index < COLORS.length ? '' : ' stroke-dasharray="5 3"'}`;
      const [left, top] = [WIDTH - MARGIN.right + 14, MARGIN.top + 20 * index];
      return [
        `<path d="${drawn}" fill="none" ${stroke}/>`,
        `<line x1="${left}" x2="${left + 20}" y1="${top}" y2="${top}" ${stroke}/>`,
        label(left + 26, top + 4, row.name, 'start'),
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** Minutes, and the percent of all runs that were rolled back by then. */
function pointsOf({ rollbackSeconds, runs }: ForecastRow, end: number) {
  const steps = rollbackSeconds.map(
    (seconds, index) => [seconds / 60, (100 * (index + 1)) / runs] as const,
  );
  return [[0, 0] as const, ...steps, [end, (100 * rollbackSeconds.length) / runs] as const];
}

function label(x: number, y: number, said: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${text(said)}</text>`;
}

function text(said: string): string {
  return said.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
