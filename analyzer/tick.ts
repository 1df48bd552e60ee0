import { hooksNamed } from './core/gate.ts';
import type { HookCalls } from './hooks/calls.ts';
import {
  type Analyzer,
  type Outcome,
  type Planned,
  planAll,
  replan,
  type Unit,
  unitsOf,
} from './planning.ts';
import { isIdle } from './situation.ts';

/** What became of one tick. */
export interface TickReport {
  /** Releases at rest that were not even read. */
  readonly idle: number;
  readonly outcomes: readonly Outcome[];
  /** Why commits could not be pushed: a server that said no. */
  readonly refused?: string | undefined;
  /** Pushes that somebody else was ahead of. */
  readonly conflicts: number;
}

const MAX_CONFLICTS = 5;

/** Whether every release is at rest: then nothing happens until a new plan comes. */
export function atRest(report: TickReport): boolean {
  return report.refused === undefined && report.outcomes.every((it) => it.decision.kind === 'rest');
}

/**
 * One pass over all releases: read, decide, one commit for each release that moves, one push. When somebody
 * else pushed first, only releases whose trees moved are looked at again.
 *
 * @throws GitError when the repository cannot be reached
 */
export async function tick(analyzer: Analyzer): Promise<TickReport> {
  const { repository } = analyzer;
  let snapshot = await repository.fetch();
  let trees = await repository.list(snapshot);
  let planned = await planAll(analyzer, snapshot, trees);
  for (let conflicts = 0; ; conflicts++) {
    const idle = trees.filter(isIdle).length;
    const units = unitsOf(planned);
    const nothing: TickReport = { idle, outcomes: planned.map((it) => it.outcome), conflicts };
    if (units.length === 0) return nothing;
    const commits = await repository.commit(
      snapshot.run,
      units.map((it) => it.change),
    );
    const tip = commits.at(-1);
    if (tip === undefined) throw new Error('git made no commit');
    const result = await repository.push(tip);
    if (result.kind === 'pushed') {
      const pushed = new Map(
        units.map((it, index) => [it, { commit: commits[index] ?? tip, ours: !result.before }]),
      );
      return done(analyzer, nothing, planned, pushed);
    }
    if (result.kind === 'refused') {
      const refused = { ...nothing, refused: result.reason };
      return await pushApart(analyzer, snapshot.run, planned, units, refused);
    }
    if (conflicts >= MAX_CONFLICTS) return nothing;
    snapshot = await repository.fetch();
    const moved = await repository.list(snapshot);
    planned = await replan(analyzer, snapshot, planned, trees, moved);
    trees = moved;
  }
}

/** So many refusals and nothing pushed: the server takes nothing at all. */
const MAX_REFUSALS = 3;

/**
 * A server that refuses a push may mind one release alone, as a hook that guards a path does: each is pushed
 * again by itself, those on their way back first, so that no release holds up another.
 */
async function pushApart(
  analyzer: Analyzer,
  run: string | undefined,
  planned: readonly Planned[],
  units: readonly Unit[],
  refused: TickReport,
): Promise<TickReport> {
  if (units.length < 2) return refused;
  const { repository } = analyzer;
  const pushed = new Map<Unit, Pushed>();
  const refusals: string[] = [];
  let parent = run;
  for (const it of [...units.filter(isBack), ...units.filter((one) => !isBack(one))]) {
    if (pushed.size === 0 && refusals.length >= MAX_REFUSALS) break;
    const [commit] = await repository.commit(parent, [it.change]);
    if (commit === undefined) throw new Error('git made no commit');
    const result = await repository.push(commit);
    // Somebody else is ahead: the next tick looks again.
    if (result.kind === 'moved') break;
    if (result.kind === 'refused') {
      refusals.push(`${(it.change.members ?? [it.change.release]).join(', ')}: ${result.reason}`);
      continue;
    }
    parent = commit;
    pushed.set(it, { commit, ours: !result.before });
  }
  const all = done(analyzer, refused, planned, pushed);
  return { ...all, refused: refusals.join('; ') || refused.refused };
}

function isBack({ planned }: Unit): boolean {
  return planned.some(
    ({ outcome: { decision } }) => decision.kind === 'move' && decision.transition === 'back',
  );
}

/** A commit that is in the repository. */
interface Pushed {
  readonly commit: string;
  /** Whether nobody had pushed the same one before. */
  readonly ours: boolean;
}

/** What was pushed is said of each release, and hooks whose start our push records are called. */
function done(
  { hooks }: Analyzer,
  report: TickReport,
  planned: readonly Planned[],
  pushed: ReadonlyMap<Unit, Pushed>,
): TickReport {
  const commits = new Map<string, string>();
  for (const [unit, { commit, ours }] of pushed)
    for (const it of unit.planned) {
      commits.set(it.trees.id, commit);
      const call = ours ? callOf(it) : undefined;
      if (call !== undefined) hooks?.start(...call);
    }
  const outcomes = planned.map(({ outcome }) => {
    const commit = commits.get(outcome.release);
    return commit === undefined ? outcome : { ...outcome, commit };
  });
  return { ...report, outcomes };
}

function callOf({ outcome }: Planned): Parameters<HookCalls['start']> | undefined {
  const { decision, observation, status, after } = outcome;
  const { plan } = observation.situation;
  if (decision.kind !== 'move' || decision.calls === undefined || plan.kind !== 'known')
    return undefined;
  const [hook] = hooksNamed(plan.value.plan, [decision.calls]);
  if (hook === undefined) return undefined;
  const { phase } = status;
  return [{ release: outcome.release, plan: plan.value.plan, state: after, phase }, hook];
}
