import { disagreement } from '../../analyzer/core/integrity.ts';
import { files, positionText } from '../../analyzer/core/position.ts';
import type { Situation } from '../../analyzer/core/situation.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { Broken } from './broken.ts';
import { type Faults, within } from './faults.ts';
import { primaryOf, targetOf } from './oracle.ts';
import { keyOf } from './pods.ts';
import { refuses } from './sync.ts';
import { SHORT } from './troubles.ts';
import type { World } from './world.ts';

/** Looks after each tick whether a release gets to where it goes. */
export interface Arrival {
  /** @throws Broken when it has stood in one place for too long */
  check(tick: Tick): void;
  /** The analyzer starts again. It measures how long nothing comes of a step from then on, and calls its hooks anew. */
  restart(now: number): void;
}

/** One release after one tick. */
export interface Tick {
  readonly now: number;
  readonly situation: Situation;
  /** What the analyzer said. */
  readonly reason: string;
  /** Whether it told that only somebody outside can help. */
  readonly overdue: boolean;
}

/** What does not depend on the run. */
export interface Place {
  readonly world: World;
  readonly faults: Faults;
  readonly tickSeconds: number;
  readonly members: number;
  readonly objectOf: (oid: string) => Manifest;
}

/** Settings of the simulated plans, repeated here so that the oracle does not trust the code under test. */
const PROGRESS = 120;
const INCONCLUSIVE = 300;
const SYNC = 20;
/** The longest time until pods are ready that ever are. */
const READY = 25;

/** Every rollback arrives, and nothing waits for ever without a person who can know of it. */
export function createArrival(place: Place): Arrival {
  const { world, faults, tickSeconds, members } = place;
  const since = new Map<string, { readonly key: string; readonly at: number }>();
  let restarted = Number.NEGATIVE_INFINITY;
  const applying = faults.syncLag + SYNC + READY + 3 * (tickSeconds + SHORT);

  /** Since when a release stands where it stands, and nothing but its candidate stops it. */
  function standing({ situation, now }: Tick, key: string): number {
    const { id } = situation;
    const before = since.get(id);
    const isSame = before !== undefined && before.key === key && !isStopped(place, situation, now);
    const it = isSame ? before : { key, at: now };
    since.set(id, it);
    return now - it.at;
  }

  return {
    restart(now) {
      restarted = now;
    },

    check(tick) {
      const { situation, now, reason, overdue } = tick;
      const rollout = situation.rollout;
      if (rollout.kind !== 'known') return;
      const { state, stable } = rollout.value;
      const { position } = state;
      const key = `${state.at} ${positionText(position)} ${state.paused === undefined}`;
      const waited = standing(tick, key);
      const isEdited = disagreement(situation, rollout.value) !== undefined;
      const said = `${situation.id} stands in ${positionText(position)} for ${waited} s at ${now}: ${reason}`;
      const isHeld = overdue && isLastToServe(world, rollout.value.plan.plan, now);
      if (position.kind === 'back' && waited > (PROGRESS + applying) * members && !isHeld)
        throw new Broken('rollback-stuck', said);
      if (position.kind === 'stable' && !isEdited && waited > applying && stable !== undefined) {
        const set = files(position, rollout.value.plan, stable);
        const wanted = [...set.values()].map(({ oid }) => [keyOf(place.objectOf(oid)), oid]);
        const shown = world.holds(situation.id);
        const isThere =
          wanted.length === shown.size && wanted.every(([k, oid]) => shown.get(k ?? '') === oid);
        if (!isThere) throw new Broken('not-arrived', said);
      }
      const isWaiting = position.kind === 'step' && !isEdited && state.paused === undefined;
      const longest = (PROGRESS + INCONCLUSIVE + applying) * 2;
      // Rollbacks arrive whatever restarts; who gives a candidate up has to have run for as long as its deadline.
      if (isWaiting && Math.min(waited, now - restarted) > longest && !overdue && !isKnown(reason))
        throw new Broken('stuck', said);
    },
  };
}

/** Holds that a person asked for, or can read about: gates, plans that say so, and Jobs, which have a deadline of their own. */
function isKnown(reason: string): boolean {
  return /waits for|suspended|nobody can tell|^Job .* is not complete/.test(reason);
}

/** Whether the next part of a rollback would take the last pods that serve. */
function isLastToServe(world: World, plan: Plan, now: number): boolean {
  const isUp = (it: string) => world.images(it, now).length > 0;
  return !isUp(primaryOf(plan)) && isUp(targetOf(plan));
}

/** Whether something outside of the candidate keeps a rollback from its end. */
function isStopped({ faults, objectOf }: Place, situation: Situation, now: number): boolean {
  const { gitDown, pushRefused, apiDown, someObjects, deleting, refusals } = faults;
  const long = pushRefused.filter((it) => it.end - it.start > SHORT);
  if (within([...gitDown, ...long, ...apiDown, ...someObjects, ...deleting], now)) return true;
  const { stable } = situation;
  if (stable.kind !== 'known' || refusals.length === 0) return false;
  const last = stable.value.plan.steps.at(-1);
  return (last?.files ?? []).some((name) => {
    const oid = stable.value.blobs.get(`steps/${last?.name}/${name}`);
    return oid !== undefined && refuses(refusals, objectOf(oid), now);
  });
}
