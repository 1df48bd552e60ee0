import { loadavg } from 'node:os';
import type { EvidenceResult } from './evidence.ts';
import type { LimitResult } from './limits.ts';
import { duration, median, tableText } from './numbers.ts';
import { STEPS } from './releases.ts';
import type { SynthResult } from './synth.ts';
import type { TickResult, TickResults } from './tick.ts';

/** All that one run of the bench found out; durations are medians in milliseconds. */
export interface Report {
  readonly machine: {
    readonly node: string;
    readonly cores: number;
    /** Where files were written. */
    readonly folder: string;
  };
  /** The very first render of the process, which loads the schemas. */
  readonly firstRenderMs?: number;
  readonly synth: readonly SynthResult[];
  readonly ticks?: TickResults;
  readonly evidence?: EvidenceResult;
  readonly limits?: readonly LimitResult[];
}

/** A goal, and what this run says of it. */
export interface Goal {
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

const LEAST_RATIO = 4;
const RATIO_SIZE = 100;
/** How much more one release may take among the most than among ten or more. */
const LINEAR = 1.5;
const IDLE_MS = 200;
const IDLE_MB = 100;
/** Longer, and a signal to end is heard too late. */
const LIMIT_MS = 1000;
const LIMIT_MB = 200;
/** Of one pass over a thousand releases under way, after the first. */
const PASS_QUERIES = 20;
const JUDGE_MS = 2000;
const EVIDENCE_MB = 300;

/** The report for people. */
export function reportText(report: Report): string {
  const { limits = [] } = report;
  const { node, cores, folder } = report.machine;
  const goals = goalsOf(report);
  return [
    `Node ${node}, ${cores} cores, load ${loadavg()[0]?.toFixed(1)}; files are written below ${folder}; medians.\n`,
    ...(report.synth.length === 0 ? [] : [synthText(report)]),
    ...(report.ticks === undefined ? [] : [ticksText(report.ticks)]),
    ...(report.evidence === undefined ? [] : [evidenceText(report.evidence)]),
    ...(limits.length === 0 ? [] : [limitsText(limits)]),
    ...(goals.length === 0 ? [] : [goalsText(goals)]),
  ].join('\n');
}

/** The goals that this run can say something of. */
export function goalsOf({ synth, ticks, evidence, limits = [] }: Report): readonly Goal[] {
  return [
    ...synthGoals(synth),
    ...(ticks === undefined ? [] : idleGoals(ticks)),
    ...(evidence === undefined ? [] : evidenceGoals(evidence)),
    ...(limits.length === 0 ? [] : limitGoals(limits)),
  ];
}

function synthGoals(synth: readonly SynthResult[]): Goal[] {
  const goals: Goal[] = [];
  const many = synth.filter((it) => it.releases >= 10);
  const [small, large] = [many[0], many.at(-1)];
  if (small !== undefined && large !== undefined && small !== large) {
    const growth = perRelease(large) / perRelease(small);
    goals.push({
      goal: `linear: one of ${large.releases} releases takes at most ${LINEAR} times one of ${small.releases}`,
      measured: `${growth.toFixed(2)} times`,
      met: growth <= LINEAR,
    });
  }
  const at = synth.find((it) => it.releases === RATIO_SIZE);
  if (at?.plainMs !== undefined) {
    const ratio = at.plainMs / at.synthMs;
    goals.push({
      goal: `at ${RATIO_SIZE} releases at least ${LEAST_RATIO} times faster than plain cdk8s, both writing`,
      measured: `${ratio.toFixed(1)} times`,
      met: ratio >= LEAST_RATIO,
    });
  }
  return goals;
}

function idleGoals({ releases, idle, idleCached }: TickResults): Goal[] {
  return [idle, idleCached].flatMap((it) => [
    {
      goal: `${it.what} over ${releases} releases in under ${IDLE_MS} ms`,
      measured: `${duration(it.ms)} (best ${duration(it.bestMs)})`,
      met: it.ms < IDLE_MS,
    },
    {
      goal: `${it.what} over ${releases} releases within ${IDLE_MB} MB`,
      measured: `${it.peakMb.toFixed(0)} MB`,
      met: it.peakMb < IDLE_MB,
    },
  ]);
}

function evidenceGoals({ passes, peakMb }: EvidenceResult): Goal[] {
  const queries = Math.max(...passes.map((it) => it.queries));
  const judgeMs = median(passes.map((it) => it.judgeMs));
  return [
    {
      goal: `one pass over 1000 releases under way asks the store fewer than ${PASS_QUERIES} queries`,
      measured: String(queries),
      met: queries < PASS_QUERIES,
    },
    {
      goal: `judging 1000 releases by 4 tests and an hour of 15 s intervals in under ${JUDGE_MS} ms`,
      measured: `${duration(judgeMs)}; ${duration(passes[0]?.judgeMs ?? 0)} by a process that has just started`,
      met: judgeMs < JUDGE_MS,
    },
    {
      goal: `judging them within ${EVIDENCE_MB} MB`,
      measured: `${peakMb.toFixed(0)} MB`,
      met: peakMb < EVIDENCE_MB,
    },
  ];
}

function limitGoals(limits: readonly LimitResult[]): Goal[] {
  const ms = Math.max(...limits.map((it) => it.ms));
  const peakMb = Math.max(...limits.map((it) => it.peakMb));
  return [
    {
      goal: `any input of hostile size in under ${LIMIT_MS} ms`,
      measured: duration(ms),
      met: ms < LIMIT_MS,
    },
    {
      goal: `any input of hostile size within ${LIMIT_MB} MB`,
      measured: `${peakMb.toFixed(0)} MB`,
      met: peakMb < LIMIT_MB,
    },
  ];
}

function perRelease(it: SynthResult): number {
  return it.synthMs / it.releases;
}

function synthText({ synth, firstRenderMs }: Report): string {
  const header = [
    'releases',
    'objects',
    'runs',
    'render',
    'render + write',
    'each',
    'plain cdk8s',
    'ratio',
  ];
  const rows = synth.map((it) => [
    String(it.releases),
    String(it.objects),
    String(it.runs),
    duration(it.renderMs),
    duration(it.synthMs),
    duration(perRelease(it)),
    it.plainMs === undefined ? 'not run' : duration(it.plainMs),
    it.plainMs === undefined ? '–' : `${(it.plainMs / it.synthMs).toFixed(1)}×`,
  ]);
  const first =
    firstRenderMs === undefined ? [] : [`First render of a process: ${duration(firstRenderMs)}.`];
  return [
    `Synth of releases with ${STEPS} steps each. Ours makes the objects from constructs, validates them, and writes`,
    'a file for each; plain cdk8s gets the finished objects, in one App with a Chart for each step, and writes a',
    'file for each Chart (App.synth).',
    '',
    tableText([header, ...rows]),
    '',
    ...first,
    '',
  ].join('\n');
}

function ticksText(ticks: TickResults): string {
  const { empty, help, idle, idleCached, active } = ticks;
  const row = (it: TickResult) => [
    it.what,
    String(it.runs),
    duration(it.ms),
    duration(it.bestMs),
    it === empty ? '–' : duration(it.ms - empty.ms),
    `${it.peakMb.toFixed(0)} MB`,
  ];
  return [
    `The bundle on a local bare repository with ${ticks.releases} releases, each process from start to end (peak`,
    'memory is that of Node, without git).',
    '',
    tableText([
      ['process', 'runs', 'time', 'best', 'over empty', 'peak memory'],
      ...[empty, help, idle, idleCached, active].map(row),
    ]),
    '',
  ].join('\n');
}

function evidenceText({ passes, peakMb }: EvidenceResult): string {
  const rows = passes.map((it, index) => [
    index === 0 ? 'first pass of a process' : `pass ${index + 1}`,
    String(it.queries),
    duration(it.askMs),
    duration(it.judgeMs),
  ]);
  return [
    'Passes over 1000 releases that have been in a step for an hour, with two tests of errors and two of latency each;',
    `the store answers at once. Peak memory over a process that does nothing: ${peakMb.toFixed(0)} MB.`,
    '',
    tableText([['pass', 'queries', 'asking', 'judging'], ...rows]),
    '',
  ].join('\n');
}

function limitsText(limits: readonly LimitResult[]): string {
  const rows = limits.map((it) => [it.what, duration(it.ms), `${it.peakMb.toFixed(0)} MB`]);
  return [
    'The largest inputs that are read, and the costliest that are refused, each in a process of its own (memory is',
    'over a process that reads nothing).',
    '',
    tableText([['input', 'time', 'memory'], ...rows]),
    '',
  ].join('\n');
}

function goalsText(goals: readonly Goal[]): string {
  const rows = goals.map((it) => [it.goal, it.measured, it.met ? 'met' : 'NOT MET']);
  return `${tableText([['goal', 'measured', 'in this run'], ...rows])}\n`;
}
