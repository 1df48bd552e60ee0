import { outcome } from '../../analyzer/core/change.ts';
import { decide } from '../../analyzer/core/decide.ts';
import type { Decision, Move } from '../../analyzer/core/decision.ts';
import { disagreement } from '../../analyzer/core/integrity.ts';
import type { Target } from '../../analyzer/core/liveness.ts';
import type {
  LastCommit,
  Loaded,
  Observation,
  Situation,
} from '../../analyzer/core/observation.ts';
import { canaryWeight, type FileSet, type PlanTree } from '../../analyzer/core/position.ts';
import { rolloutOf } from '../../analyzer/core/rollout.ts';
import { parseState, type State, stateText } from '../../analyzer/core/state.ts';
import { parseSyncTarget } from '../../analyzer/core/sync.ts';
import { hasUnreachable, observe } from '../../analyzer/observe.ts';
import { type ClusterSource, oneCluster } from '../../analyzer/view.ts';
import { Broken, createOracle } from './oracle.ts';
import type { Blobs } from './plans.ts';
import type { Scenario } from './scenario.ts';
import { createWorld, type World } from './world.ts';

/** A bug planted into the analyzer, to see whether the simulation finds it. */
export interface Plant {
  readonly observation?: (it: Observation) => Observation;
  readonly decision?: (it: Decision, observation: Observation) => Decision;
  readonly state?: (it: State) => State;
}

/** What a run left behind. */
export interface Run {
  /** One line for each commit: time, transition, position, reason. */
  readonly log: readonly string[];
  readonly last: State;
  readonly ticks: number;
  /** Seconds for which a bad version got traffic after enough failed checks could be seen. */
  readonly finalVersion: string;
}

/** Restarts at these ticks lose all that the analyzer keeps in memory. */
export type Restarts = (tick: number) => boolean;

/** At rest for so many ticks, with nothing to come: the story is over. */
const QUIET_TICKS = 5;

interface Git {
  state: State | undefined;
  plan: PlanTree | undefined;
  stable: PlanTree | undefined;
  live: ReadonlyMap<string, string>;
  files: FileSet;
  committedAt: number;
  last: LastCommit | undefined;
  /** Text of state.yaml by the commit that wrote it. */
  readonly states: Map<string, string>;
}

/**
 * Runs the analyzer's real core and observation over fake time, with the oracle looking at each commit.
 *
 * @throws Broken when something happened that must never happen
 */
export async function simulate(
  scenario: Scenario,
  blobs: Blobs,
  restarts: Restarts = () => false,
  plant: Plant = {},
): Promise<Run> {
  const world = createWorld(blobs, scenario.behaviours, scenario.faults);
  const git: Git = {
    state: undefined,
    plan: undefined,
    stable: undefined,
    live: new Map(),
    files: new Map(),
    committedAt: 0,
    last: undefined,
    states: new Map(),
  };
  const oracle = createOracle(world);
  const log: string[] = [];
  let memory = {
    targets: new Map<string, Target>(),
    unreachableSince: undefined as number | undefined,
  };
  let now = scenario.start;
  let ticks = 0;
  let quiet = 0;
  let badSince: number | undefined;
  for (; now < scenario.end; ticks++) {
    for (const event of scenario.events.filter(
      (it) => it.at > now - scenario.tickSeconds && it.at <= now,
    )) {
      if (event.kind === 'editLive') editLive(git);
      if (event.kind === 'editWeight') world.editWeight(now, event.canary);
      if (event.kind === 'revert') revertState(git);
    }
    world.advance(now, git.files, git.committedAt, revisionOf(git.state));
    if (restarts(ticks)) memory = { targets: new Map(), unreachableSince: undefined };
    const situation = situationOf(git, scenario.distAt(now));
    const clock = now;
    const sources = {
      reader: {
        texts: async (oids: readonly string[]) =>
          oids.map((it) => blobs.get(it) ?? git.states.get(it) ?? ''),
        treesAt: async (commit: string, id: string) => ({ id, state: commit }),
      },
      clusters: clustersOf(world, scenario),
      metrics: world.metrics,
      clock: () => clock,
      targets: memory.targets,
    };
    const seen = await observe(sources, situation, now);
    memory.unreachableSince = hasUnreachable(seen) ? (memory.unreachableSince ?? now) : undefined;
    const real: Observation = { ...seen, unreachableSince: memory.unreachableSince };
    const observation = plant.observation?.(real) ?? real;
    const first = decide(observation, now);
    const decision = plant.decision?.(first, observation) ?? first;
    badSince = watchBad(badSince, world.seen(now), decision, git, now);
    if (decision.kind === 'move') {
      const after = commit(git, observation.situation, decision, now, plant);
      const rollout = rolloutOf(situation);
      const hadDisagreement =
        rollout.kind === 'known' && disagreement(situation, rollout.value) !== undefined;
      oracle.check({
        at: now,
        before: situation,
        after: situationOf(git, scenario.distAt(now)),
        hadDisagreement,
        good: isGood(scenario, git.plan),
        verdict: decision.verdict,
      });
      log.push(
        `${now} ${after.transition} ${after.kind} ${JSON.stringify(after.position)} ${after.reason}`,
      );
    }
    quiet = decision.kind === 'rest' ? quiet + 1 : 0;
    if (quiet > QUIET_TICKS && now > scenario.lastChange) break;
    now += scenario.tickSeconds;
  }
  const last = git.state;
  if (last === undefined) throw new Broken('start', 'nothing was ever released');
  return { log, last, ticks, finalVersion: versionOf(git) };
}

/** One cluster; its sync object is read where the scenario has one. */
function clustersOf({ cluster }: World, { faults }: Scenario): readonly ClusterSource[] {
  const target = parseSyncTarget('flux:flux-system/{release}');
  return faults.syncTells
    ? [{ holds: 'all', cluster, sync: { target, cluster, context: '' } }]
    : oneCluster(cluster);
}

/** Names the commit that made a state. */
function revisionOf(state: State | undefined): string {
  return String(state?.transition ?? 0).padStart(40, '0');
}

/** A bad version must be on its way back soon after enough failed checks could be seen. */
function watchBad(
  since: number | undefined,
  value: number | undefined,
  decision: Decision,
  git: Git,
  now: number,
): number | undefined {
  const { state } = git;
  const exposed =
    git.plan !== undefined &&
    state?.position.kind === 'step' &&
    canaryWeight(git.plan.plan, state.position) > 0;
  if (value === undefined || !(value < 99) || !exposed) return undefined;
  const start = since ?? now;
  const goesBack = decision.kind === 'move' && decision.transition === 'back';
  if (!goesBack && now - start > 3 * 10 + 30)
    throw new Broken(
      'no-way-back',
      `bad since ${start}, still in ${JSON.stringify(state.position)} at ${now}`,
    );
  return start;
}

function commit(git: Git, situation: Situation, move: Move, now: number, plant: Plant): State {
  const next = outcome(situation, move, now, { accepts: [] });
  const state = plant.state?.(next.state) ?? next.state;
  const before = git.state;
  const moved = move.transition !== 'note';
  // Through the file's bytes, as every later pass will read it.
  git.state = parseState(stateText(state), 'simulated');
  git.states.set(revisionOf(git.state), stateText(state));
  git.plan = next.plan;
  git.stable = next.stable;
  git.files = next.files;
  git.live = new Map([...next.files].map(([name, file]) => [name, file.oid]));
  if (moved) git.committedAt = now;
  git.last = {
    oid: '0'.repeat(40),
    author: 'simulation',
    transitionBefore: before?.transition,
    transitionAfter: state.transition,
    accepts: [],
  };
  return state;
}

function situationOf(git: Git, dist: PlanTree | undefined): Situation {
  return {
    id: 'app',
    state: git.state === undefined ? { kind: 'absent' } : { kind: 'known', value: git.state },
    plan: loaded(git.plan),
    stable: loaded(git.stable),
    dist: loaded(dist),
    live: git.live,
    lastCommit: git.last,
  };
}

function loaded(plan: PlanTree | undefined): Loaded<PlanTree> {
  return plan === undefined ? { kind: 'absent' } : { kind: 'known', value: plan };
}

/** Somebody edits a file of live/ in Git by hand. */
function editLive(git: Git): void {
  const name = 'service-app.yaml';
  if (!git.live.has(name)) return;
  git.live = new Map([...git.live, [name, 'f'.repeat(40)]]);
  touched(git);
}

/** Somebody changes a file that the state does not count, and changes it back: consistent, but uncounted. */
function revertState(git: Git): void {
  touched(git);
}

function touched(git: Git): void {
  const { state } = git;
  git.last = {
    oid: '1'.repeat(40),
    author: 'somebody',
    transitionBefore: state?.transition,
    transitionAfter: state?.transition,
    accepts: [],
  };
}

function isGood({ behaviours }: Scenario, plan: PlanTree | undefined): boolean {
  const it = behaviours.get(plan?.plan.images[0]?.slice('app:'.length) ?? '');
  return it !== undefined && it.badFrom > 100 && it.readyAfter < 100 && it.flakyEvery === undefined;
}

function versionOf(git: Git): string {
  return git.stable?.plan.images[0]?.slice('app:'.length) ?? '';
}
