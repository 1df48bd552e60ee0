import { Duration, query } from '../../../lib/index.ts';
import { until } from '../../e2e/stack/until.ts';
import type { LogLine } from '../../e2e/stories/analyzer.ts';
import { type Calls, callsSince, count } from './audit.ts';
import { type Bench, every10Seconds, type Part, pushed, timeOf, WINDOW_SECONDS } from './bench.ts';
import { type Usage, usageOf } from './usage.ts';

/** What rollouts cost that begin at the same moment. */
export interface Rollouts extends Calls, Usage {
  readonly rollouts: number;
  /** From the merge until the last of them is complete in Git. */
  readonly seconds: number;
}

const WEIGHTS = [10, 20, 30, 40, 50];
const AT_ONCE = 50;
const MOST_CALLS = 60;

/** A real question to the real store whose answer needs no traffic. */
const CONSTANT = query({
  name: 'constant',
  query: 'vector(100)',
  min: 99,
  window: Duration.seconds(WINDOW_SECONDS),
});

const ONE = 'single';
const MANY = Array.from({ length: AT_ONCE }, (_, index) => `many-${index}`);
const props = { weights: WEIGHTS, bakeSeconds: 10 };

/** One rollout under load: what it asks of the API server. */
export const calls: Part = {
  releases: [every10Seconds(ONE, props)],
  async run(bench) {
    const loads = bench.load([ONE]);
    const one = await rollOut(bench, [ONE]);
    await Promise.all(loads.map((it) => it.stop()));
    const { seconds, calls, writes } = one;
    return [
      {
        story: 'calls',
        measured: `${seconds.toFixed(0)} s, ${calls} calls, ${writes} writes`,
        met: calls <= MOST_CALLS && writes === 0,
        data: one,
      },
    ];
  },
};

/** Fifty rollouts at once beside one of the same kind alone. */
export const many: Part = {
  releases: [...MANY, 'alone'].map((id) => every10Seconds(id, { ...props, checks: [CONSTANT] })),
  async run(bench) {
    const alone = await rollOut(bench, ['alone']);
    const all = await rollOut(bench, MANY);
    const times = (what: 'seconds' | 'calls' | 'cpuSeconds') =>
      `×${(all[what] / alone[what]).toFixed(1)}`;
    return [
      { story: 'alone', measured: text(alone), data: alone },
      { story: 'many', measured: text(all), data: all },
      {
        story: 'many, ratio',
        measured: `time ${times('seconds')}, calls ${times('calls')}, CPU ${times('cpuSeconds')}`,
        data: null,
      },
    ];
  },
};

function text({ seconds, calls, writes, cpuSeconds, peakMb }: Rollouts): string {
  const cost = `${cpuSeconds.toFixed(1)} CPU s, ${peakMb.toFixed(0)} MB`;
  return `${seconds.toFixed(0)} s, ${calls} calls, ${writes} writes, ${cost}`;
}

async function rollOut(bench: Bench, ids: readonly string[]): Promise<Rollouts> {
  const { field, progress } = bench;
  const { process } = await bench.analyzer();
  const { pid } = process;
  if (pid === undefined) throw new Error('the analyzer has not started');
  const before = await usageOf(pid);
  await field.publish(Object.fromEntries(ids.map((id) => [id, { tag: 'v2' }])));
  const from = Date.now();
  progress(`rollouts: ${ids.length} begin`);
  const ends = (): readonly LogLine[] =>
    ids.map((id) => pushed(process, id, 'complete', from)).filter((it) => it !== undefined);
  await until(async () => ends().length === ids.length, 360).catch((error: Error) => {
    const said = process.lines.slice(-5).map((it) => it.msg);
    throw new Error(`${ends().length} of ${ids.length} complete\n${said.join('\n')}`, {
      cause: error,
    });
  });
  const seconds = (Math.max(...ends().map(timeOf)) - from) / 1000;
  const after = await usageOf(pid);
  await process.stop();
  const made = await callsSince(field.stack.kubernetes.auditLogPath, from);
  return {
    rollouts: ids.length,
    seconds,
    ...count(made),
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    peakMb: after.peakMb,
  };
}
