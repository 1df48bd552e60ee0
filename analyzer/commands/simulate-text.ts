import { durationText } from '../../lib/plan/describe.ts';
import type { ForecastRow, Outcomes } from '../simulated/forecast/forecast.ts';
import { age, folded, table } from '../table.ts';

/** What a forecast was asked, and what it found: all that `perch simulate` prints. */
export interface Simulated {
  readonly release: string;
  readonly candidate: string;
  readonly requestsPerSecond: number;
  /** In percent. */
  readonly errorRate: number;
  readonly readySeconds: number;
  readonly runs: number;
  readonly seed: number;
  readonly leftOut: readonly string[];
  readonly regressions: readonly ForecastRow[];
}

/** Everything for people. @param width columns of the terminal */
export function simulatedText(it: Simulated, width: number): string {
  const held = it.regressions.find((row) => row.held > 0);
  const notes = [
    ...NOTES,
    ...it.leftOut,
    ...(held?.heldBecause === undefined ? [] : [`held, as in ${held.name}: ${held.heldBecause}`]),
  ];
  const ready = durationText(it.readySeconds);
  return [
    `${it.release}: ${rounded(it.requestsPerSecond)} requests a second, ${rounded(it.errorRate)} % of them bad; pods ready after ${ready}`,
    `${it.runs} rollouts each, seed ${it.seed}; a share is exact to ${exactTo(it.runs)} points`,
    '',
    table(HEAD, it.regressions.map(ownCells), width),
    '',
    ...folded([OTHERS], width),
    '',
    table(OTHER_HEAD, it.regressions.map(otherCells), width),
    '',
    ...folded(
      notes.map((note) => `- ${note}`),
      width,
    ),
  ].join('\n');
}

const OTHERS =
  'Rolled back, after how long, by the limits of Flagger and Argo Rollouts (99 % good, p99 500 ms), at the pace of this plan and at theirs:';

const HEAD = ['REGRESSION', 'PROMOTED', 'IN', 'ROLLED BACK', 'AFTER', 'HOLDS', 'BAD'];
const OTHER_HEAD = ['REGRESSION', 'FLAGGER', 'ITS PACE', 'ARGO', 'ITS PACE'];

const NOTES = [
  'in, after: medians, from the first commit, and from the first worse request',
  'bad: requests that the candidate failed until it had none, on average',
];

function ownCells(it: ForecastRow): readonly string[] {
  return [
    it.name,
    shareText(it.promoted, it.runs),
    timeText(it.promoteSeconds),
    shareText(it.rolledBack, it.runs),
    timeText(it.detectedSeconds),
    shareText(it.held, it.runs),
    it.bad.toFixed(0),
  ];
}

function otherCells(it: ForecastRow): readonly string[] {
  return [it.name, ...it.others.map(rollbackText)];
}

function rollbackText({ rolledBack, runs, detectedSeconds }: Outcomes): string {
  const after = detectedSeconds === undefined ? '' : `, ${timeText(detectedSeconds)}`;
  return `${shareText(rolledBack, runs)}${after}`;
}

function timeText(seconds: number | undefined): string {
  return seconds === undefined ? '-' : age(seconds);
}

function shareText(count: number, runs: number): string {
  return count === 0 ? '0' : `${rounded((100 * count) / runs)} %`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Two standard errors where half of the runs end so, in percent. */
function exactTo(runs: number): number {
  return Math.ceil(100 / Math.sqrt(runs));
}
