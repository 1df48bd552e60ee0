import { identityOf } from '../../lib/plan/plan.ts';
import { isHeldBack } from '../core/failure.ts';
import { atRest } from '../core/position.ts';
import type { Situation } from '../core/situation.ts';
import { oneNamed } from '../named.ts';

/** What became of a candidate, as far as Git says. */
export type Fate =
  | { readonly kind: 'promoted' }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another candidate came before its rollout was over. */
  | { readonly kind: 'superseded'; readonly reason: string }
  /** Under way, or it waits to start. */
  | { readonly kind: 'open' };

const OPEN: Fate = { kind: 'open' };

/**
 * What became of a candidate.
 *
 * @param wasSeen whether it was the newest one, or ran, at some time before: else it may still be merged
 */
export function fateOf(situation: Situation, candidate: string, wasSeen: boolean): Fate {
  const { dist, stable, state } = situation;
  const newest = dist.kind === 'known' ? identityOf(dist.value.plan) : undefined;
  if (state.kind !== 'known') return OPEN;
  const { failed, position, promoted = [], candidate: running } = state.value;
  // While it is rolled back, it may still have traffic: it has failed when the routes are back.
  const runs = running === candidate && !atRest(position);
  // A raised attempt starts it again.
  const starts =
    dist.kind === 'known' && newest === candidate && !isHeldBack(failed, dist.value.plan);
  if (failed?.candidate === candidate && !runs && !starts)
    return { kind: 'failed', reason: `${failed.step}: ${failed.reason}` };
  const serves = stable.kind === 'known' && identityOf(stable.value.plan) === candidate;
  if (serves && atRest(position)) return { kind: 'promoted' };
  // A rollout of the next one has begun already.
  const isPast = dist.kind !== 'broken' && newest !== candidate;
  if (isPast && (serves || promoted.includes(candidate))) return { kind: 'promoted' };
  if (!isPast || !wasSeen || runs) return OPEN;
  const reason =
    newest === undefined ? 'the release is gone from dist/' : `${newest} is the newest candidate`;
  return { kind: 'superseded', reason };
}

/** Whether a candidate is the newest one, or runs. */
export function isSeen({ dist, state }: Situation, candidate: string): boolean {
  const isNewest = dist.kind === 'known' && identityOf(dist.value.plan) === candidate;
  return isNewest || (state.kind === 'known' && state.value.candidate === candidate);
}

/**
 * The whole candidate that a person means: of a member of a group that is the group's. A whole one that nobody knows may
 * still be merged.
 *
 * @param named a candidate, or how it begins @default - the newest plan's
 * @throws Error where there is no plan to take it from, UsageError where nothing begins so, or several do
 */
export function candidateMeant(situation: Situation, named: string | undefined): string {
  const { dist, id } = situation;
  const plan = dist.kind === 'known' ? dist.value.plan : undefined;
  if (named === undefined) {
    if (plan !== undefined) return identityOf(plan);
    const why = dist.kind === 'broken' ? dist.reason : 'it is gone from dist/';
    throw new Error(`${id} has no newest candidate to wait for: ${why}. Name one with --candidate`);
  }
  if (plan !== undefined && named === plan.candidate) return identityOf(plan);
  if (/^[0-9a-f]{10}$/.test(named)) return named;
  const all = knownCandidates(situation);
  return oneNamed({
    given: named,
    all,
    namesOf: (it) => (plan !== undefined && it === identityOf(plan) ? [it, plan.candidate] : [it]),
    none: `${id}: no candidate begins with "${named}"; there are: ${all.join(', ') || 'none'}. One that is not merged yet is named by all of its ten digits`,
  });
}

/** The newest one, and those of which the state tells; each once. */
function knownCandidates({ dist, state }: Situation): readonly string[] {
  const newest = dist.kind === 'known' ? [identityOf(dist.value.plan)] : [];
  if (state.kind !== 'known') return newest;
  const { candidate, promoted = [], failed } = state.value;
  const failing = failed === undefined ? [] : [failed.candidate];
  return [...new Set([...newest, candidate, ...failing, ...promoted])];
}
