import { type Footprint, footprintOf, neighbourhood } from '../../lib/plan/neighbours.ts';
import type { PlanTree } from '../core/position.ts';
import type { Situation } from '../core/situation.ts';
import type { Reader, ReleaseTrees } from '../git/repository.ts';
import { couldBePinned } from './admission.ts';
import { loadPlan } from './situation.ts';

/** What plans bring into the cluster, by tree id: a tree never changes, so each is read once. */
export type FootprintMemory = Map<string, Footprint>;

/** So many are remembered before the memory starts anew. */
const MOST_REMEMBERED = 10_000;

/**
 * Adds why the newest plan must not be pinned, as the other releases of the run branch have it: what they run is
 * theirs, and so is what this release runs already, so that nothing that runs is held up by what comes later.
 *
 * @param all every release of the run branch
 */
export async function withNeighbours(
  reader: Reader,
  all: readonly ReleaseTrees[],
  situation: Situation,
  memory: FootprintMemory,
): Promise<Situation> {
  const { dist, plan, stable } = situation;
  if (dist.kind !== 'known' || !couldBePinned(situation, dist.value)) return situation;
  if (memory.size > MOST_REMEMBERED) memory.clear();
  const wanted = footprintOf(dist.value.plan);
  const others = neighbourhood();
  for (const trees of all) {
    if (trees.id === situation.id) continue;
    for (const it of await footprintsOf(reader, trees, situation.id, memory))
      if (it.namespace === wanted.namespace) others.add(it);
  }
  const running = [plan, stable].flatMap((it) => (it.kind === 'known' ? [it.value] : []));
  const had = new Set(running.flatMap(reasonsOf(others)));
  const refused = reasonsOf(others)(dist.value).filter((it) => !had.has(it));
  if (refused.length === 0) return situation;
  return { ...situation, refused: [...(situation.refused ?? []), ...refused] };
}

function reasonsOf(others: ReturnType<typeof neighbourhood>): (it: PlanTree) => readonly string[] {
  return ({ plan }) =>
    others
      .clashes(footprintOf(plan))
      .map(({ problem, got, remedy }) => `${problem} (${got}): ${remedy}`);
}

/** Of two that nobody has started yet, the first by id goes first. */
async function footprintsOf(
  reader: Reader,
  { id, plan, stable, dist }: ReleaseTrees,
  own: string,
  memory: FootprintMemory,
): Promise<readonly Footprint[]> {
  const next = plan === undefined && id < own ? dist : undefined;
  const trees = [...new Set([plan, stable, next])].filter((it) => it !== undefined);
  const found: Footprint[] = [];
  for (const tree of trees) {
    const known = memory.get(tree) ?? (await footprintIn(reader, tree));
    // Of a plan that cannot be read nobody knows what it has.
    if (known === undefined) continue;
    memory.set(tree, known);
    found.push(known);
  }
  return found;
}

async function footprintIn(reader: Reader, tree: string): Promise<Footprint | undefined> {
  const loaded = await loadPlan(reader, tree, tree, new Map());
  return loaded.kind === 'known' ? footprintOf(loaded.value.plan) : undefined;
}
