import { BUDGET, type Ended, MOST_MINUTES } from './gate.ts';
import type { GaugeRow } from './gauges.ts';
import { ALPHA } from './rules.ts';
import {
  type GateRow,
  minutesText,
  minuteText,
  type Options,
  percent,
  type Row,
  type Table,
} from './tables.ts';

/** Everything that was measured, as Markdown. */
export function reportText(
  all: readonly Table[],
  gates: readonly GateRow[],
  { runs, seed }: Options,
): string {
  const head =
    `${runs} runs of 50 minutes a cell (half of that for latency and for PipeCD's rule, a quarter for whole rollouts, ` +
    `a tenth for Kayenta's), seed ${seed}. A cell is the part of the runs that were rolled back, and in which minute half of them were.`;
  return [head, ...all.map(tableText), gateText(gates), goalsText(all, gates)].join('\n\n');
}

/** What was measured of gauges, as Markdown. */
export function gaugesText(rows: readonly GaugeRow[], { runs, seed }: GaugeRuns): string {
  const names = rows[0]?.cells.map((it) => it.scenario.name) ?? [];
  const body = rows.map(({ rule: { allowedIncrease, threshold }, cells }) => [
    String(allowedIncrease),
    String(threshold),
    ...cells.map((it) => partText(it.part)),
  ]);
  const head = `${runs} rollouts a cell, seed ${seed}. A cell is the part of them that was rolled back.`;
  return `${head}\n\n${markdown([['allowedIncrease', 'threshold', ...names], ...body])}`;
}

interface GaugeRuns {
  readonly runs: number;
  readonly seed: number;
}

function tableText({ title, rows }: Table): string {
  const names = rows[0]?.cells.map((it) => it.scenario.name) ?? [];
  const head = ['rps', 'rule', ...names];
  const body = rows.map((it) => [String(it.perSecond), it.rule, ...it.cells.map(cellText)]);
  return `### ${title}\n\n${markdown([head, ...body])}`;
}

function cellText({ cell }: Row['cells'][number]): string {
  const { rolledBack, runs, medianMinutes } = cell;
  const at = medianMinutes === undefined ? '' : ` @${minuteText(medianMinutes)}`;
  return `${partText(rolledBack / runs)}${at}`;
}

function partText(part: number): string {
  return part === 0 ? '0' : `${Number((100 * part).toPrecision(part < 0.1 ? 1 : 3))} %`;
}

function gateText(rows: readonly GateRow[]): string {
  const head = [
    'rps',
    'interval',
    'errors',
    'promoted',
    'rolled back',
    'held',
    'minutes',
    'excess errors',
  ];
  const body = rows.map(({ perSecond, intervalSeconds, primary, canary, ends }) => {
    const part = (kind: Ended['kind']) =>
      partText(ends.filter((it) => it.kind === kind).length / ends.length);
    const excess = ends.reduce((sum, it) => sum + it.excess, 0) / ends.length;
    return [
      String(perSecond),
      `${intervalSeconds} s`,
      primary === canary ? `A/A ${percent(primary)}` : `${percent(primary)} → ${percent(canary)}`,
      part('promoted'),
      part('rolled back'),
      part('held'),
      minutesText(ends.map((it) => it.minutes)),
      excess.toFixed(0),
    ];
  });
  const title = `### Whole rollouts, with a budget of ${percent(BUDGET)}, held after ${MOST_MINUTES / 60} hours`;
  return `${title}\n\n${markdown([head, ...body])}`;
}

function markdown([head = [], ...body]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}

/** What the judge must do, and what this run says of it. */
function goalsText(all: readonly Table[], gates: readonly GateRow[]): string {
  const own = all.flatMap((it) => it.rows).filter((it) => it.isOwn);
  const cells = (rule: RegExp, scenario: RegExp, least = 0) =>
    own
      .filter((it) => rule.test(it.rule) && it.perSecond >= least)
      .flatMap((it) => it.cells.map((one) => ({ ...one, perSecond: it.perSecond })))
      .filter((it) => scenario.test(it.scenario.name));
  const worst = (found: ReturnType<typeof cells>) =>
    Math.max(...found.map(({ cell }) => cell.rolledBack / cell.runs));
  const slowest = (found: ReturnType<typeof cells>) =>
    Math.max(...found.map(({ cell }) => cell.medianMinutes ?? Number.POSITIVE_INFINITY));
  const fewest = (found: ReturnType<typeof cells>) =>
    Math.min(...found.map(({ cell }) => cell.rolledBack / cell.runs));
  const tenfold = (rule: RegExp) => cells(rule, /^\.1 → 1 %$/).filter((it) => it.perSecond === 200);
  const outside = gates.filter((it) => it.canary - it.primary > BUDGET);
  const promoted = outside.flatMap((it) => it.ends).filter((it) => it.kind === 'promoted').length;
  const falsely = (rule: RegExp, scenario: RegExp): readonly [string, boolean] => {
    const part = worst(cells(rule, scenario));
    return [partText(part), part <= ALPHA];
  };
  const within = (rule: RegExp, most: number): readonly [string, boolean] => {
    const [minutes, part] = [slowest(tenfold(rule)), fewest(tenfold(rule))];
    return [`${partText(part)}, minute ${minuteText(minutes)}`, part === 1 && minutes <= most];
  };
  const dead = (seconds: number): readonly [string, boolean] => {
    const found = cells(new RegExp(`robust, ${seconds} s`), /→ 100 %/, 20);
    return [`minute ${minuteText(slowest(found))}`, slowest(found) <= seconds / 60];
  };
  const goals: readonly (readonly [string, readonly [string, boolean]])[] = [
    ['A/A, any: false rollbacks ≤ 1 %, robust', falsely(/robust/, /^A\/A/)],
    ['A/A, any: false rollbacks ≤ 1 %, strict', falsely(/strict/, /^A\/A/)],
    ['noise of each interval, cv up to 1: ≤ 1 %, robust', falsely(/robust/, /^cv .*interval/)],
    ['noise that lasts a minute: ≤ 1 %, robust at 60 s', falsely(/robust, 60 s/, /^cv .*minute/)],
    ['noise that lasts a minute: ≤ 1 %, robust at 15 s', falsely(/robust, 15 s/, /^cv .*minute/)],
    ['.1 → 1 % at 200 rps, robust at 60 s: all, by minute 10', within(/robust, 60 s/, 10)],
    ['.1 → 1 % at 200 rps, strict at 60 s: all, by minute 5', within(/strict, 60 s/, 5)],
    ['.1 → 1 % at 200 rps, robust at 15 s: all, by minute 2.5', within(/robust, 15 s/, 2.5)],
    ['.1 → 1 % at 200 rps, strict at 15 s: all, by minute 1.3', within(/strict, 15 s/, 1.3)],
    ['.1 → 100 % from 20 rps on, at 60 s: the first interval', dead(60)],
    ['.1 → 100 % from 20 rps on, at 15 s: the first interval', dead(15)],
    ['outside the budget: none promoted', [String(promoted), promoted === 0]],
  ];
  const body = goals.map(([goal, [found, isMet]]) => [goal, found, isMet ? 'yes' : '**no**']);
  return `### Goals\n\n${markdown([['goal', 'measured', 'met'], ...body])}`;
}
