import { plain } from '../../lib/plan/plain.ts';
import { identityOf } from '../../lib/plan/plan.ts';
import { refusal } from '../core/admission/refuse.ts';
import { isHeldBack } from '../core/failure.ts';
import { atRest } from '../core/position.ts';
import { contextOf } from '../core/rules/decide.ts';
import type { Context, Move } from '../core/rules/decision.ts';
import { inconclusiveSince } from '../core/rules/must-go-back.ts';
import type { Situation } from '../core/situation.ts';
import { unix } from '../core/state.ts';
import type { Fact, Happening } from '../notify/message.ts';
import type { Outcome } from '../tick/outcome.ts';
import type { ToldFailure } from './failures.ts';

/** What people are told of a pass: failed check points first, then what was pushed, or what keeps a release waiting. */
export function factsOf(
  outcomes: readonly Outcome[],
  failures: readonly ToldFailure[],
): readonly Fact[] {
  return outcomes.flatMap((it) => {
    const own = failures.filter((one) => one.release === it.release);
    const before = own.map(({ text, pointAt, step, plan, at }): Fact => {
      const happening = { kind: 'checkFailed', text: plain(text), pointAt } as const;
      const { namespace } = plan;
      const commit = commitOf(it.observation.situation);
      const candidate = identityOf(plan);
      return { release: it.release, namespace, candidate, step, commit, at, happening };
    });
    return [...before, ...(movedOf(it) ?? heldOf(it))];
  });
}

/** What was pushed; undefined where nothing was. */
function movedOf(it: Outcome): readonly Fact[] | undefined {
  const { release, decision, commit, after, at, status } = it;
  if (decision.kind !== 'move' || commit === undefined) return undefined;
  const situation = after ?? it.observation.situation;
  const happening = moved(decision, it.observation.situation);
  if (happening === undefined) return [];
  const { namespace, candidate } = aboutOf(situation);
  const step = status.stepName;
  return [{ release, namespace, candidate, step, commit, at, happening }];
}

function moved(move: Move, before: Situation): Happening | undefined {
  const reason = plain(move.reason);
  switch (move.transition) {
    case 'start':
      return { kind: 'started', reason };
    case 'complete':
      return before.state.kind === 'known' && before.state.value.position.kind === 'init'
        ? { kind: 'initialized' }
        : { kind: 'promoted' };
    case 'back': {
      if (move.to.kind === 'stable')
        return { kind: 'rolledBack', reason: whyBack(before) ?? reason };
      // The rollback takes several commits; its first one is the news.
      const isFirst = before.state.kind === 'known' && before.state.value.position.kind === 'step';
      return isFirst ? { kind: 'rollingBack', cause: CAUSES[move.verdict], reason } : undefined;
    }
    case 'undo':
      return { kind: 'rollingBack', cause: 'asked', reason };
    case 'resume':
      return { kind: 'resumed', reason };
    case 'note':
      return noted(move, reason);
    case 'next':
    case 'adopt':
    case 'configure':
      return undefined;
  }
}

const CAUSES = {
  fail: 'failed',
  inconclusive: 'inconclusive',
  pass: 'asked',
  none: 'asked',
} as const satisfies Record<Move['verdict'], string>;

function whyBack({ state }: Situation): string | undefined {
  if (state.kind !== 'known') return undefined;
  const { failed, candidate } = state.value;
  return failed?.candidate === candidate ? plain(`${failed.step}: ${failed.reason}`) : undefined;
}

function noted({ note, verdict }: Move, reason: string): Happening | undefined {
  switch (note?.kind) {
    case 'hookEnded':
      return note.outcome === 'failed'
        ? { kind: 'hookFailed', hook: plain(note.hook), reason: plain(note.reason) }
        : undefined;
    case 'paused':
      return { kind: verdict === 'inconclusive' ? 'inconclusive' : 'paused', reason };
    case 'resumed':
      return { kind: 'resumed', reason };
    case 'notStarted':
      return { kind: 'rejected', reason };
    case 'hookCalled':
    case 'gateOpened':
    case 'fast':
    case 'retried':
    case undefined:
      return undefined;
  }
}

/** What keeps a release waiting that needs a person, or soon will. */
function heldOf(it: Outcome): readonly Fact[] {
  const { release, decision, at, observation, status } = it;
  if (decision.kind === 'move') return [];
  const { situation } = observation;
  const { rollout } = situation;
  const about = aboutOf(situation);
  const common = { release, ...about, step: status.stepName, commit: commitOf(situation), at };
  const reason = plain(decision.reason);
  const refused = refusedPlan(situation);
  // Another plan that is refused is other news, though nothing was committed meanwhile.
  const ofPlan = { commit: treeOf(situation), candidate: newestOf(situation) };
  const news: readonly Fact[] =
    refused === undefined
      ? []
      : [{ ...common, ...ofPlan, happening: { kind: 'planRefused', reason: plain(refused) } }];
  if (rollout.kind === 'absent') return news;
  if (rollout.kind === 'broken')
    return [{ ...common, happening: { kind: 'editedByHand', reason } }];
  const context = contextOf(observation, rollout.value, at);
  const happening = held(context, decision, reason);
  return happening === undefined ? news : [...news, { ...common, happening }];
}

function held(
  context: Context,
  decision: Exclude<Outcome['decision'], Move>,
  reason: string,
): Happening | undefined {
  const { disagreement, rollout } = context;
  const { position, paused } = rollout.state;
  if (position.kind !== 'back') {
    if (disagreement !== undefined) return { kind: 'editedByHand', reason };
    // Of an own pause people were told when it was committed.
    if (paused !== undefined)
      return paused.by === undefined ? undefined : { kind: 'paused', reason };
  }
  if (decision.kind === 'rest') return undefined;
  if (decision.overdue === true) return { kind: 'syncOverdue', reason };
  if (decision.atGate === true) return { kind: 'waitingAtGate', reason };
  const deadlineAt = nearDeadline(context);
  return deadlineAt === undefined ? undefined : { kind: 'deadlineNear', reason, deadlineAt };
}

/** When the release gives up, once half of the time until then is over; Unix seconds. */
function nearDeadline(context: Context): number | undefined {
  const { rollout, observation, now } = context;
  if (rollout.state.position.kind !== 'step') return undefined;
  const { inconclusiveDeadlineSeconds } = rollout.plan.plan.analysis;
  const { stuckSince } = observation;
  const stuck = stuckSince === undefined ? undefined : Math.max(stuckSince, unix(rollout.state.at));
  const since = [inconclusiveSince(context), stuck].filter((it) => it !== undefined);
  if (since.length === 0) return undefined;
  const first = Math.min(...since);
  return now - first > inconclusiveDeadlineSeconds / 2
    ? first + inconclusiveDeadlineSeconds
    : undefined;
}

/** Why the newest plan does not start, where it is one that nobody has tried. */
function refusedPlan(situation: Situation): string | undefined {
  const { dist, rollout } = situation;
  if (dist.kind === 'broken') return dist.reason;
  if (dist.kind === 'absent' || rollout.kind === 'broken') return undefined;
  if (rollout.kind === 'absent') return refusal(situation, undefined);
  const { state, stable } = rollout.value;
  if (!atRest(state.position)) return undefined;
  if (dist.value.tree === stable?.tree || isHeldBack(state.failed, dist.value.plan))
    return undefined;
  return refusal(situation, stable?.plan);
}

function aboutOf({ plan, dist }: Situation): Pick<Fact, 'namespace' | 'candidate'> {
  const tree = plan.kind === 'known' ? plan : dist;
  return tree.kind === 'known'
    ? { namespace: tree.value.plan.namespace, candidate: identityOf(tree.value.plan) }
    : {};
}

function newestOf({ dist }: Situation): string | undefined {
  return dist.kind === 'known' ? identityOf(dist.value.plan) : undefined;
}

function commitOf(situation: Situation): string {
  return situation.lastCommit?.oid ?? treeOf(situation);
}

/** Of the newest plan; a plan that cannot be read has none. */
function treeOf({ dist }: Situation): string {
  return dist.kind === 'known' ? dist.value.tree : 'none';
}
