import { setTimeout as sleep } from 'node:timers/promises';
import { compare, Duration } from '../../../lib/index.ts';
import type { Behaviour } from '../../e2e/stack/player/protocol.ts';
import { until } from '../../e2e/stack/until.ts';
import type { StoryProps } from '../../e2e/stories/release.ts';
import { median } from '../numbers.ts';
import {
  type Bench,
  every10Seconds,
  type Finding,
  goodPercentOf,
  INTERVAL_SECONDS,
  type Measured,
  type Part,
  PER_SECOND,
  pushed,
  timeOf,
} from './bench.ts';

/** When things happened to one bad release, in seconds after its pods began to fail. */
export interface Fall {
  readonly release: string;
  /** The real metric store answers the check's query with a value below its bound. */
  readonly storeBad: number;
  /** The analyzer gets the answer that it acts on. */
  readonly seen: number | undefined;
  /** The rollback is pushed. */
  readonly pushed: number;
  /** The route in the API server has weight 0. */
  readonly safe: number;
  /** The highest weight that the API server had after the pods failed, while the canary had any. */
  readonly highest: number;
  /** What the analyzer says of itself: from the failed check point on. */
  readonly rollbackSeconds: number | undefined;
}

const WEIGHT = 20;
const RUNS = 8;
const APART_SECONDS = 6;
/** Of the store's first bad answer. */
const GOAL_MEDIAN_SECONDS = 5;
const GOAL_WORST_SECONDS = 10;

/** How releases are judged while their time to safety is measured. */
interface Policy {
  /** Begins the ids of its releases, and the rows of the report. */
  readonly name: string;
  readonly perSecond: number;
  readonly props: Partial<StoryProps>;
}

const TESTED: Partial<StoryProps> = {
  checks: [compare.errorRate()],
  evidence: { interval: Duration.seconds(5) },
};

/** By a check with a bound. */
export const safety = partOf({ name: 'safety', perSecond: PER_SECOND, props: {} });
/** By a test of evidence, which needs some requests to be sure. */
export const evidence = partOf({ name: 'evidence', perSecond: 50, props: TESTED });
/** The same, looked at every two seconds. */
export const guarded = partOf({
  name: 'guarded',
  perSecond: 50,
  props: { ...TESTED, guardSeconds: 2 },
});

/** From an answer that turns bad to a canary without traffic. */
function partOf({ name, perSecond, props }: Policy): Part {
  const ids = Array.from({ length: RUNS }, (_, index) => `${name}-${index}`);
  return {
    // Long enough at 20 % that no release leaves it before it fails.
    releases: ids.map((id) =>
      every10Seconds(id, { weights: [WEIGHT, 50], bakeSeconds: 40, ...props }),
    ),
    async run(bench) {
      const { field, progress } = bench;
      const loads = bench.load(ids, perSecond);
      const analyzer = await bench.analyzer();
      const bad: Behaviour[] = [];
      let told: Promise<unknown> = Promise.resolve();
      const fail = (release: string) => {
        bad.push({ image: tagOf(release), failedPercent: 100 });
        const all = [...bad];
        // Each says all of them: the one that is said last must also come last.
        told = told.then(() => field.stack.player.behave(all));
        return told;
      };
      const falls: Promise<Fall>[] = [];
      for (const [index, id] of ids.entries()) {
        await field.publish({ [id]: { tag: tagOf(id) } });
        const falling = fall(bench, analyzer, id, () => fail(id), phaseSeconds(index));
        // Where another one fails first, nobody waits for it any more.
        falling.catch(() => undefined);
        falls.push(falling);
        // Not all in one pass, whose commits would wait for each other's syncs.
        await sleep(APART_SECONDS * 1000);
      }
      const seen = await Promise.all(falls);
      progress(`${name}: ${seen.length} releases have no traffic at their canaries any more`);
      for (const id of ids) await field.until(id, (it) => it.phase === 'Failed' && atRest(it));
      const rows = await Promise.all(
        seen.map(async (it) => ({
          ...it,
          rollbackSeconds: await analyzer.metric('perch_rollback_seconds', it.release),
        })),
      );
      await analyzer.process.stop();
      await Promise.all(loads.map((it) => it.stop()));
      await field.stack.player.behave([]);
      return findings(name, rows);
    },
  };
}

function tagOf(release: string): string {
  return `bad-${release}`;
}

function atRest({ step }: { readonly step: number | undefined }): boolean {
  return step === undefined;
}

/** At random, and all parts of the interval alike. */
function phaseSeconds(index: number): number {
  return ((((index * 3) % RUNS) + Math.random()) / RUNS) * INTERVAL_SECONDS;
}

async function fall(
  { weights, store, progress }: Bench,
  { process }: Measured,
  release: string,
  fail: () => Promise<unknown>,
  phase: number,
): Promise<Fall> {
  const up = await weights.until(release, WEIGHT, { seconds: 150 });
  const query = goodPercentOf(release);
  // The window must be full of good answers before.
  await sleep(Math.max(0, up.at + (3 + phase) * 1000 - Date.now()));
  const from = Date.now();
  await fail();
  progress(`${release} fails ${((from - up.at) / 1000).toFixed(1)} s after its ${WEIGHT} %`);
  let storeBad: number | undefined;
  await until(async () => {
    if (((await store.now(query)) ?? 100) >= 99) return false;
    storeBad = Date.now();
    return true;
  });
  const safe = await weights.until(release, 0, { since: from });
  const back = await said(process, release, from);
  const answer = store.answered.findLast((it) => it.release === release && it.at <= back);
  const after = (at: number) => (at - from) / 1000;
  const during = weights.of(release).filter((it) => it.at >= from && it.at <= safe.at);
  return {
    release,
    storeBad: after(storeBad ?? Number.NaN),
    seen: answer && after(answer.at),
    pushed: after(back),
    safe: after(safe.at),
    highest: Math.max(WEIGHT, ...during.map((it) => it.weight)),
    rollbackSeconds: undefined,
  };
}

/** The line may be on its way when the cluster has it already. */
async function said(process: Measured['process'], release: string, since: number): Promise<number> {
  await until(async () => pushed(process, release, 'back', since) !== undefined, 10);
  const line = pushed(process, release, 'back', since);
  return line === undefined ? Number.NaN : timeOf(line);
}

function findings(name: string, falls: readonly Fall[]): readonly Finding[] {
  const raised = falls.filter((it) => it.highest > WEIGHT).length;
  const own = falls.flatMap((it) => it.rollbackSeconds ?? []);
  const known = falls.map((it) => it.safe - it.storeBad);
  return [
    { story: name, measured: spread(falls.map((it) => it.safe)), data: falls },
    {
      story: `${name}, store`,
      measured: spread(known),
      met: median(known) <= GOAL_MEDIAN_SECONDS && Math.max(...known) <= GOAL_WORST_SECONDS,
      data: known,
    },
    ...passOf(name, falls),
    {
      story: `${name}, push`,
      measured: spread(falls.map((it) => it.safe - it.pushed)),
      data: null,
    },
    {
      story: `${name}, raised`,
      measured: `${raised} of ${falls.length}`,
      met: raised === 0,
      data: raised,
    },
    { story: `${name}, metric`, measured: own.length === 0 ? 'none' : spread(own), data: own },
  ];
}

/** What is proved by counts is no single answer of the store. */
function passOf(name: string, falls: readonly Fall[]): readonly Finding[] {
  const known = falls.flatMap(({ safe, seen }) => (seen === undefined ? [] : safe - seen));
  if (known.length === 0) return [];
  return [{ story: `${name}, pass`, measured: spread(known), data: null }];
}

function spread(values: readonly number[]): string {
  const text = (value: number) => value.toFixed(1);
  const ends = `${text(Math.min(...values))}–${text(Math.max(...values))}`;
  return `median ${text(median(values))} s (${ends}, ${values.length} runs)`;
}
