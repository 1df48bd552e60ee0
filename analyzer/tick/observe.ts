import type { Check } from '../../lib/plan/plan.ts';
import type { Answer } from '../core/answer.ts';
import type { ClusterView } from '../core/cluster/reading.ts';
import { type Grid, judgedStep, seriesQuestions } from '../core/judge/judge.ts';
import { verdict } from '../core/judge/point.ts';
import type { CheckSeries, Sample } from '../core/judge/series.ts';
import type { HookReading, Observation } from '../core/observation.ts';
import { atRest, hasPromoted } from '../core/position.ts';
import { rolloutOf } from '../core/rollout.ts';
import { isStarting } from '../core/rules/at-rest.ts';
import type { Rollout, Situation } from '../core/situation.ts';
import type { Observer, Seen } from './clusters.ts';
import { skew, viewClusters } from './clusters.ts';
import type { World } from './world.ts';

/**
 * Asks cluster and metric store what a decision about one release needs, and nothing at rest.
 * What could not be had is part of the observation, not an exception.
 *
 * @param now Unix seconds; fixed for the whole decision
 */
export async function observe(
  observer: Observer,
  situation: Situation,
  now: number,
): Promise<Omit<Observation, 'unreachableSince'>> {
  const nothing = { situation, series: [], skewSeconds: 0 };
  const rollout = rolloutOf(situation);
  if (rollout.kind !== 'known' || !isAsked(observer.seen, rollout.value, situation)) return nothing;
  const { view, skewSeconds } = await viewClusters(observer, rollout.value, now);
  if (view.live.kind === 'live') observer.seen.arrived?.add(arrivalKey(rollout.value));
  const series = await askMetrics(observer.world, rollout.value, view, now);
  return {
    situation,
    cluster: view,
    series: series.map((it) => it.series),
    skewSeconds: Math.max(skewSeconds, ...series.map((it) => it.skewSeconds)),
  };
}

/** At rest nothing is asked, but before a start, and until the end of a rollback was seen once. */
function isAsked({ arrived }: Seen, rollout: Rollout, { dist }: Pick<Situation, 'dist'>): boolean {
  const { position } = rollout.state;
  if (!atRest(position) || isStarting(rollout, dist)) return true;
  return position.kind === 'stable' && arrived !== undefined && !arrived.has(arrivalKey(rollout));
}

function arrivalKey({ state }: Rollout): string {
  return `${state.release} ${state.transition}`;
}

/** Whether a source gave no answer at all, or none that can be placed in time. */
export function hasUnreachable({
  situation,
  cluster,
  series,
  hooks,
  skewSeconds,
}: Omit<Observation, 'unreachableSince'>): boolean {
  const { plan } = situation;
  const settled = plan.kind === 'known' ? plan.value.plan.analysis.settleSeconds : 0;
  return (
    cluster?.live.kind === 'unknown' ||
    skewSeconds > settled ||
    [...(hooks ?? [])].some(([name, it]) => isUnanswered(it) && !isGate(plan, name)) ||
    series.some((it) => it.fromCommit.kind === 'unknown' || it.fromLive?.kind === 'unknown')
  );
}

function isUnanswered({ kind }: HookReading): boolean {
  return kind === 'unknown' || kind === 'unsent';
}

/** A gate that cannot be asked is closed: a rollout may wait for it as long as for one that says no. */
function isGate(plan: Situation['plan'], name: string): boolean {
  const hooks = plan.kind === 'known' ? (plan.value.plan.hooks ?? []) : [];
  return hooks.some((it) => it.name === name && it.type.startsWith('confirm-'));
}

async function askMetrics(
  world: World,
  rollout: Rollout,
  view: ClusterView,
  now: number,
): Promise<readonly { series: CheckSeries; skewSeconds: number }[]> {
  if (judgedStep(rollout) === undefined) return [];
  return Promise.all(
    seriesQuestions(rollout, view.live, now).map(async ({ check, fromCommit, fromLive }) => {
      const [commit, live] = await Promise.all([
        range(world, check.query, fromCommit),
        fromLive === undefined ? undefined : range(world, check.query, fromLive),
      ]);
      const primary = await askPrimary(world, rollout, check, { commit, grid: fromCommit });
      return {
        series: {
          check,
          fromCommit: commit.samples,
          fromLive: live?.samples,
          primary: primary?.samples,
        },
        skewSeconds: Math.max(
          commit.skewSeconds,
          live?.skewSeconds ?? 0,
          primary?.skewSeconds ?? 0,
        ),
      };
    }),
  );
}

/** Whether the primary fails as well is asked only where the canary does, and while it is another version. */
async function askPrimary(
  world: World,
  { state, plan }: Rollout,
  check: Check,
  { commit, grid }: { readonly commit: Ranged; readonly grid: Grid },
): Promise<Ranged | undefined> {
  const { position } = state;
  if (check.primary === undefined || commit.samples.kind !== 'known') return undefined;
  if (position.kind !== 'step' || hasPromoted(plan.plan, position.step)) return undefined;
  const fails = commit.samples.value.some((it) => verdict(check, it.value) === 'fail');
  return fails ? range(world, check.primary, grid) : undefined;
}

/** One series, and by how much the clock of its store differs. */
interface Ranged {
  readonly samples: Answer<readonly Sample[]>;
  readonly skewSeconds: number;
}

async function range({ metrics, clock }: World, query: string, grid: Grid): Promise<Ranged> {
  if (grid.end < grid.start) return { samples: { kind: 'known', value: [] }, skewSeconds: 0 };
  const asked = clock();
  const answer = await metrics.range(query, grid);
  if (answer.kind === 'unknown') return { samples: answer, skewSeconds: 0 };
  const { samples, serverTime } = answer.value;
  return {
    samples: { kind: 'known', value: samples },
    skewSeconds: skew(serverTime, asked, clock()),
  };
}
