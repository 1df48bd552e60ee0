import { successRate } from '../../../lib/analysis/checks.ts';
import { Duration } from '../../../lib/index.ts';
import { freePort } from '../../e2e/servers/program.ts';
import { type Load, startLoad } from '../../e2e/stack/load.ts';
import { until } from '../../e2e/stack/until.ts';
import type { AnalyzerProcess, LogLine } from '../../e2e/stories/analyzer.ts';
import { type Field, openField, type Tool } from '../../e2e/stories/field.ts';
import { hostOf, type StoryProps } from '../../e2e/stories/release.ts';
import { type Applying, startApplying } from './apply.ts';
import { ANALYZER } from './audit.ts';
import { type Store, startStore } from './store.ts';
import { followWeights, type Weights } from './weights.ts';

/** Between two check points, and between two passes of the analyzer. */
export const INTERVAL_SECONDS = 10;

/** What the checks look back; Prometheus scrapes each second. */
export const WINDOW_SECONDS = 5;

/** Two scrapes: the age at which a point is judged. */
export const SETTLE_SECONDS = 2;

/** Of the requests to each release that takes any. */
export const PER_SECOND = 10;

/** A field with a metric store that can fail, and everything noted that is measured. */
export interface Bench {
  readonly field: Field;
  readonly tool: Tool;
  readonly store: Store;
  readonly weights: Weights;
  /** Prints a line on stderr. */
  readonly progress: (line: string) => void;
  /** Starts an analyzer as a user would run it; back when it has made its first pass. */
  analyzer(): Promise<Measured>;
  /** Sends requests to releases. @param perSecond to each @default PER_SECOND */
  load(ids: readonly string[], perSecond?: number): readonly Load[];
  stop(): Promise<void>;
}

/** An analyzer that also serves its metrics. */
export interface Measured {
  readonly process: AnalyzerProcess;
  /** The newest value of one of its series. */
  metric(name: string, release: string): Promise<number | undefined>;
}

/** What a measurement found out. */
export interface Finding {
  /** The row of the report. */
  readonly story: string;
  readonly measured: string;
  /** Undefined where there is no goal. */
  readonly met?: boolean;
  /** All numbers behind it, for machines. */
  readonly data: unknown;
}

/** A thing to measure: the releases that it needs, and how. */
export interface Part {
  readonly releases: readonly StoryProps[];
  run(bench: Bench): Promise<readonly Finding[]>;
}

/** A release as somebody would write it who wants to know every ten seconds, and to roll back at once. */
export function every10Seconds(id: string, props: Partial<StoryProps> = {}): StoryProps {
  return {
    id,
    checkSeconds: INTERVAL_SECONDS,
    settleSeconds: SETTLE_SECONDS,
    threshold: 1,
    replicas: 1,
    progressSeconds: 120,
    checks: [successRate({ min: 99, window: Duration.seconds(WINDOW_SECONDS) })],
    ...props,
  };
}

/** Which servers a measurement needs. */
export interface Servers {
  readonly tool: Tool;
  /** Whether `startApplying` takes the tool's place. */
  readonly hasOwnApplier: boolean;
}

/** A sync tool that is told of pushes need not look often by itself. */
const SYNC_SECONDS = 60;

/** Starts all servers, with these releases at rest. */
export async function openBench(
  { tool, hasOwnApplier }: Servers,
  releases: readonly StoryProps[],
  progress: Bench['progress'],
): Promise<Bench> {
  let applying: Applying | undefined;
  const field = await openField(tool, releases, {
    auditedUsers: [ANALYZER],
    progress,
    syncSeconds: SYNC_SECONDS,
    ...(hasOwnApplier && {
      onStack: async (stack) => {
        applying = await startApplying(stack);
      },
    }),
  });
  const store = await startStore(field.stack.prometheus.url);
  const weights = followWeights(field.stack.api);
  return {
    field,
    tool,
    store,
    weights,
    progress,
    async analyzer() {
      const listen = `127.0.0.1:${await freePort()}`;
      const flags = [`--interval=${INTERVAL_SECONDS}`, `--metrics=${store.url}`];
      const process = field.analyzer([...flags, `--listen=${listen}`]);
      await until(async () => process.lines.length > 0, 30);
      return { process, metric: (name, release) => metricOf(listen, name, release) };
    },
    load: (ids, perSecond = PER_SECOND) =>
      ids.map((id) => startLoad({ url: field.stack.gateway.url, host: hostOf(id), perSecond })),
    async stop() {
      await weights.stop();
      await store.stop();
      await applying?.stop();
      await field.stop();
    },
  };
}

/** The percentage of good answers of a release's canary, as a check by bounds asks for it. */
export function goodPercentOf(release: string): string {
  const cluster = `envoy_cluster_name="${release}_${release}-canary_80"`;
  const rate = (labels: string) =>
    `sum(rate(envoy_cluster_upstream_rq{${cluster}${labels}}[${WINDOW_SECONDS}s]))`;
  return `100 * (${rate(',envoy_response_code!~"5.*"')} or vector(0)) / (${rate('')} > 0)`;
}

/** When a line was written; milliseconds since 1970. */
export function timeOf(line: LogLine): number {
  return Date.parse(String(line.time));
}

/** The first line since a moment (milliseconds since 1970) that tells of a pushed transition of a release. */
export function pushed(
  { lines }: AnalyzerProcess,
  release: string,
  transition: string,
  since = 0,
): LogLine | undefined {
  return lines.find(
    (it) =>
      it.release === release &&
      it.transition === transition &&
      it.commit !== undefined &&
      timeOf(it) >= since,
  );
}

async function metricOf(
  listen: string,
  name: string,
  release: string,
): Promise<number | undefined> {
  const text = await (await fetch(`http://${listen}/metrics`)).text();
  const line = text.split('\n').find((it) => it.startsWith(`${name}{release="${release}"} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}
