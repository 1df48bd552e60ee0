import type { Counter, Gauge } from 'prom-client';
import { plainLines } from '../../lib/plan/plain.ts';
import { PHASES } from '../core/phases.ts';
import type { TransitionKind } from '../core/state.ts';
import type { MetricStore } from '../metrics/store.ts';
import type { TickReport } from '../tick/tick.ts';
import type { Version } from '../version.ts';
import type { Figures } from './figures.ts';
import { METRICS } from './names.ts';

/** Whom a question goes to. */
export type Provider = 'kubernetes' | 'git' | MetricStore['kind'];

/** The analyzer's metrics, in memory. */
export interface Metrics {
  /** Counts a tick that read and decided. @param now Unix seconds */
  ticked(report: TickReport, seconds: number, now: number): void;
  /** Counts a tick that could not. */
  failed(seconds: number): void;
  /** Counts a point at which a check failed. */
  checkFailed(release: string, check: string): void;
  /** Counts a message to a channel, or starts its series where there was none yet. */
  notified(channel: string, result: 'sent' | 'failed', messages: number): void;
  /** Takes the time of one question. */
  asked(provider: Provider, seconds: number): void;
  /** Shows a release's figures; what is as before costs nothing. */
  show(release: string, figures: Figures): void;
  /** Shows how long the newest rollback of a release took. */
  rolledBack(release: string, seconds: number): void;
  /** Drops all series of a release that is gone. */
  forget(release: string): void;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
}

/** Content type of `Metrics.text()`. */
export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

const DECISIONS = Object.keys({
  rest: true,
  hold: true,
  start: true,
  next: true,
  complete: true,
  adopt: true,
  configure: true,
  back: true,
  note: true,
  resume: true,
  undo: true,
} satisfies Record<TransitionKind | 'rest' | 'hold', true>);

/** From a question to a server on loopback to one that takes until its timeout. */
const QUESTION_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const TICK_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Loads the client late, as most passes need none. */
export async function openMetrics(build: Version): Promise<Metrics> {
  const { Registry, Counter, Gauge, Histogram } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string>(it: { name: string; help: string; labelNames: readonly L[] }) =>
    new Gauge<L>({ ...it, registers });
  const counter = <L extends string>(it: {
    name: string;
    help: string;
    labelNames: readonly L[];
  }) => new Counter<L>({ ...it, registers });
  const lastSuccess = gauge(METRICS.lastSuccess);
  const ticks = counter(METRICS.ticks);
  const tickSeconds = new Histogram({ ...METRICS.tickSeconds, buckets: TICK_BUCKETS, registers });
  const conflicts = counter(METRICS.pushConflicts);
  const refused = counter(METRICS.pushRefused);
  const notifications = counter(METRICS.notifications);
  const providerSeconds = new Histogram({
    ...METRICS.providerSeconds,
    buckets: QUESTION_BUCKETS,
    registers,
  });
  const series: Series = {
    decisions: counter(METRICS.decisions),
    phase: gauge(METRICS.phase),
    weight: gauge(METRICS.weight),
    failedChecks: gauge(METRICS.failedChecks),
    failedPoints: counter(METRICS.failedPoints),
    checkValue: gauge(METRICS.checkValue),
    evidence: gauge(METRICS.evidence),
    inconclusiveSince: gauge(METRICS.inconclusiveSince),
    unsyncedSince: gauge(METRICS.unsyncedSince),
    overdue: gauge(METRICS.overdue),
    rollbackSeconds: gauge(METRICS.rollbackSeconds),
  };
  gauge(METRICS.buildInfo).set({ version: build.version, commit: build.commit }, 1);
  // A rate needs a start: a series that appears with its first failure has none.
  for (const result of ['ok', 'failed']) ticks.inc({ result }, 0);
  const shown = new Map<string, Figures>();
  /** Checks by release whose failed points are counted. */
  const counted = new Map<string, Set<string>>();
  const count = (release: string, check: string, points: number) => {
    counted.set(release, (counted.get(release) ?? new Set()).add(check));
    series.failedPoints.inc({ release, check }, points);
  };
  return {
    ticked: (report, seconds, now) => {
      lastSuccess.set(now);
      ticks.inc({ result: 'ok' });
      tickSeconds.observe(seconds);
      conflicts.inc(report.conflicts);
      if (report.refused !== undefined) refused.inc();
      for (const { release, decision, commit } of report.outcomes) {
        if (decision.kind === 'move' && commit === undefined) continue;
        const kind = decision.kind === 'move' ? decision.transition : decision.kind;
        series.decisions.inc({ release, decision: kind });
      }
    },
    failed: (seconds) => {
      ticks.inc({ result: 'failed' });
      tickSeconds.observe(seconds);
    },
    checkFailed: (release, check) => count(release, check, 1),
    notified: (channel, result, messages) => notifications.inc({ channel, result }, messages),
    asked: (provider, seconds) => providerSeconds.observe({ provider }, seconds),
    show: (release, figures) => {
      show(series, release, figures, shown.get(release));
      for (const check of figures.checks.keys()) count(release, check, 0);
      shown.set(release, figures);
    },
    rolledBack: (release, seconds) => series.rollbackSeconds.set({ release }, seconds),
    forget: (release) => {
      forget(series, release, shown.get(release));
      for (const check of counted.get(release) ?? [])
        series.failedPoints.remove({ release, check });
      counted.delete(release);
      shown.delete(release);
    },
    // Labels hold names of folders.
    text: async () => plainLines(await registry.metrics()),
  };
}

interface Series {
  readonly decisions: Counter<'release' | 'decision'>;
  readonly phase: Gauge<'release' | 'phase'>;
  readonly weight: Gauge<'release'>;
  readonly failedChecks: Gauge<'release'>;
  readonly failedPoints: Counter<'release' | 'check'>;
  readonly checkValue: Gauge<'release' | 'check'>;
  readonly evidence: Gauge<'release' | 'test' | 'of'>;
  readonly inconclusiveSince: Gauge<'release'>;
  readonly unsyncedSince: Gauge<'release'>;
  readonly overdue: Gauge<'release'>;
  readonly rollbackSeconds: Gauge<'release'>;
}

function show(to: Series, release: string, now: Figures, before: Figures | undefined): void {
  if (before === undefined) {
    for (const phase of PHASES) to.phase.set({ release, phase }, 0);
    for (const decision of DECISIONS) to.decisions.inc({ release, decision }, 0);
  } else to.phase.set({ release, phase: before.phase }, 0);
  to.phase.set({ release, phase: now.phase }, 1);
  to.weight.set({ release }, now.weight);
  to.failedChecks.set({ release }, now.failedChecks);
  to.inconclusiveSince.set({ release }, now.inconclusiveSince);
  to.unsyncedSince.set({ release }, now.unsyncedSince);
  to.overdue.set({ release }, now.isOverdue ? 1 : 0);
  // A value that nobody asks for any more would look like a good one for ever.
  for (const check of before?.checks.keys() ?? [])
    if (!now.checks.has(check)) to.checkValue.remove({ release, check });
  for (const [check, value] of now.checks) to.checkValue.set({ release, check }, value);
  dropEvidence(to, release, before);
  for (const [test, values] of now.evidence)
    for (const [of, e] of Object.entries(values)) to.evidence.set({ release, test, of }, e);
}

function dropEvidence(from: Series, release: string, last: Figures | undefined): void {
  for (const [test, values] of last?.evidence ?? [])
    for (const of of Object.keys(values)) from.evidence.remove({ release, test, of });
}

function forget(from: Series, release: string, last: Figures | undefined): void {
  for (const phase of PHASES) from.phase.remove({ release, phase });
  for (const decision of DECISIONS) from.decisions.remove({ release, decision });
  for (const check of last?.checks.keys() ?? []) from.checkValue.remove({ release, check });
  dropEvidence(from, release, last);
  const {
    decisions: _,
    phase: __,
    checkValue: ___,
    failedPoints: ____,
    evidence: _____,
    ...single
  } = from;
  for (const it of Object.values(single)) it.remove({ release });
}
