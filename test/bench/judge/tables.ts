import type { Scenario } from '../../../analyzer/simulated/requests.ts';
import { median } from '../numbers.ts';
import { type Cell, measure } from './cells.ts';
import { type Ended, rollout } from './gate.ts';
import { OTHERS, OWN } from './rules.ts';

/** One run of the bench. */
export interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

/** One row of a table: who judged what, at how many requests a second. */
export interface Row {
  readonly perSecond: number;
  readonly rule: string;
  readonly isOwn: boolean;
  readonly cells: readonly { readonly scenario: Scenario; readonly cell: Cell }[];
}

/** A table of rollbacks. */
export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** How the rollouts of one kind ended. */
export interface GateRow {
  readonly perSecond: number;
  readonly intervalSeconds: number;
  readonly primary: number;
  readonly canary: number;
  readonly ends: readonly Ended[];
}

const RATES = [2, 20, 200, 2000];
const INTERVALS = [60, 15];

const same = (primary: number, rest: Partial<Scenario> = {}): Scenario => ({
  name: `A/A ${percent(primary)}`,
  primary,
  canary: primary,
  ...rest,
});
const worse = (canary: number, rest: Partial<Scenario> = {}): Scenario => ({
  name: `.1 → ${percent(canary)}`,
  primary: 0.001,
  canary,
  ...rest,
});
const later = (name: string, times: number, late: number): Scenario =>
  same(0.001, { name, latency: { times, late } });

const ERRORS: readonly Scenario[] = [
  ...[0.001, 0.005, 0.009].map((it) => same(it)),
  same(0.001, { name: 'A/A .1 %, shared bursts ×30', bursts: 30 }),
  ...[0.002, 0.005, 0.01, 0.05, 1].map((it) => worse(it)),
  worse(0.01, { name: '.1 → 1 % from minute 30', onsetMinute: 30 }),
];
const NOISE: readonly Scenario[] = [
  ...(['interval', 'minute'] as const).flatMap((lasts) =>
    [0.2, 0.5, 1].map((white) => same(0.005, { name: `cv ${white}, each ${lasts}`, white, lasts })),
  ),
  ...[0.1, 0.2, 0.4].map((drift) => same(0.005, { name: `drift, sd ${drift}`, drift })),
];
const LATENCY: readonly Scenario[] = [
  later('A/A', 1, 0),
  later('×1.3', 1.3, 0),
  later('×2', 2, 0),
  later('2 % later by 400 ms', 1, 0.02),
];

/** `.1 %`, as operators say it. */
export function percent(share: number): string {
  return `${String(Number((100 * share).toPrecision(3))).replace(/^0\./, '.')} %`;
}

/** Rollbacks by each rule. */
export function tables(options: Options): readonly Table[] {
  return [
    { title: 'Errors', rows: rows(ERRORS, 1, options) },
    {
      title: 'Noise: both sides at .5 %, each with noise of its own',
      rows: rows(NOISE, 2, options),
    },
    { title: 'Latency', rows: rows(LATENCY, 3, { ...options, runs: Math.ceil(options.runs / 2) }) },
  ];
}

function rows(scenarios: readonly Scenario[], table: number, options: Options): readonly Row[] {
  return RATES.flatMap((perSecond, at) => {
    options.progress(`table ${table} of 3, ${perSecond} requests a second`);
    const judges = [
      ...INTERVALS.map((it) => ({ rules: OWN, intervalSeconds: it, isOwn: true })),
      { rules: OTHERS, intervalSeconds: 60, isOwn: false },
    ];
    const measured = judges.flatMap(({ rules, intervalSeconds, isOwn }) => {
      const columns = scenarios.map((scenario, column) => {
        // No two cells share their traffic, and the rules of a cell do.
        const seed = options.seed + 1_000_000 * (100 * table + 10 * column + at);
        return measure(rules, { scenario, perSecond, intervalSeconds, runs: options.runs, seed });
      });
      return rules.map((rule, k): Row => {
        const cells = scenarios.flatMap((scenario, column) => {
          const cell = columns[column]?.[k];
          return cell === undefined ? [] : [{ scenario, cell }];
        });
        const name = isOwn ? `${rule.name}, ${intervalSeconds} s` : rule.name;
        return { perSecond, rule: name, isOwn, cells };
      });
    });
    return measured;
  });
}

const GATE = [
  [0.001, 0.001],
  [0.01, 0.01],
  [0.001, 0.0015],
  [0.001, 0.005],
  [0.001, 0.01],
  [0.001, 0.1],
  [0.001, 1],
] as const;

/** Whole rollouts by the rule that a step must be proven to be within the budget. */
export function gates({ runs, seed, progress }: Options): readonly GateRow[] {
  return [20, 200, 2000].flatMap((perSecond) => {
    progress(`whole rollouts, ${perSecond} requests a second`);
    return INTERVALS.flatMap((intervalSeconds) =>
      GATE.map(([primary, canary], column) => ({
        perSecond,
        intervalSeconds,
        primary,
        canary,
        ends: Array.from({ length: Math.ceil(runs / 4) }, (_, run) =>
          rollout({ primary, canary }, perSecond, intervalSeconds, seed + 1_000_000 * column + run),
        ),
      })),
    );
  });
}

/** The median of minutes, as it is told: whole from ten on. */
export function minutesText(values: readonly number[]): string {
  return minuteText(median(values));
}

/** `2.5`, `17`. */
export function minuteText(minutes: number): string {
  return minutes < 10 ? String(Number(minutes.toFixed(1))) : minutes.toFixed(0);
}
