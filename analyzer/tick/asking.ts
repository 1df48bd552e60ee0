import type { Hook } from '../../lib/plan/plan.ts';
import type { Ask, HookReading, Observation, Reply } from '../core/observation.ts';
import { status } from '../core/phase.ts';
import { atRest } from '../core/position.ts';
import { askKey } from '../core/rules/ask.ts';
import { decide } from '../core/rules/decide.ts';
import type { Decision } from '../core/rules/decision.ts';
import { hooksNamed } from '../core/rules/gate.ts';
import type { Situation } from '../core/situation.ts';
import type { Asked } from '../hooks/calls.ts';
import type { Memory } from './analyzer.ts';
import { hasUnreachable } from './observe.ts';
import type { World } from './world.ts';

/** Who asks, and since when it waits for others. */
export interface Asker {
  readonly world: Pick<World, 'hooks' | 'clock'>;
  readonly memory: Pick<Memory, 'unreachable' | 'stuck'>;
}

/** What was decided, and all that it rests on. */
export interface Asking {
  readonly observation: Observation;
  readonly decision: Decision;
}

/**
 * Decides; where the decision asks for more it asks that and decides again, so that no hook is called that
 * nothing depends on.
 *
 * @param seen all but the answers
 * @param now Unix seconds
 */
export async function decideAsking(
  asker: Asker,
  seen: Omit<Observation, 'unreachableSince' | 'answers'>,
  now: number,
): Promise<Asking> {
  const { unreachable, stuck } = asker.memory;
  const { situation } = seen;
  const answers = new Map<string, Reply>();
  const stuckSince = stuck.get(situation.id);
  // Each round asks one question more at least, so there is a last one.
  for (;;) {
    const known = { ...seen, answers };
    const silent = hasUnreachable(known);
    const unreachableSince = silent ? (unreachable.get(situation.id) ?? now) : undefined;
    const observation = { ...known, unreachableSince, stuckSince };
    const decision = decide(observation, now);
    const asks = decision.kind === 'hold' ? (decision.asks ?? []) : [];
    const fresh = asks.filter((it) => !answers.has(askKey(it)));
    if (fresh.length === 0) {
      remember(unreachable, situation.id, unreachableSince);
      const isStuck = decision.kind === 'hold' && decision.stuck === true;
      remember(stuck, situation.id, isStuck ? (stuckSince ?? now) : undefined);
      return { observation, decision };
    }
    const replies = await Promise.all(fresh.map((it) => ask(asker, situation, it)));
    for (const it of replies) answers.set(askKey(it), it);
  }
}

function remember(memory: Map<string, number>, id: string, since: number | undefined): void {
  if (since === undefined) memory.delete(id);
  else memory.set(id, since);
}

async function ask(asker: Asker, situation: Situation, it: Ask): Promise<Reply> {
  switch (it.kind) {
    case 'hook':
      return { ...it, reading: await readHook(asker, situation, it.hook) };
  }
}

async function readHook(
  { world: { hooks, clock } }: Asker,
  situation: Situation,
  name: string,
): Promise<HookReading> {
  const found = hookOf(situation, name);
  if (found === undefined) return { kind: 'lost' };
  const reason = 'hooks are not called here';
  return hooks?.read(found.asked, found.hook) ?? { kind: 'unknown', reason, at: clock() };
}

/** On whose behalf a hook is asked: the rollout under way, or the newest plan that waits to start. */
function hookOf(
  situation: Situation,
  name: string,
): { readonly asked: Asked; readonly hook: Hook } | undefined {
  const rollout = situation.rollout;
  const running = rollout.kind === 'known' && !atRest(rollout.value.state.position);
  const tree = running ? situation.plan : situation.dist;
  if (tree.kind !== 'known') return undefined;
  const { plan } = tree.value;
  const [hook] = hooksNamed(plan, [name]);
  if (hook === undefined) return undefined;
  const state = rollout.kind === 'known' ? rollout.value.state : undefined;
  const phase = running ? status(situation).phase : 'Waiting';
  return { asked: { release: situation.id, plan, state, phase }, hook };
}
