import {
  type Clash,
  clashTexts,
  type Footprint,
  footprintOf,
  neighbourhood,
} from '../../lib/plan/neighbours.ts';
import type { Loaded } from '../core/answer.ts';
import type { Situation } from '../core/situation.ts';
import type { Reader, ReleaseTrees } from '../git/repository.ts';
import { couldBePinned } from './admission.ts';
import { loadPlan, newReadMemory } from './situation.ts';

/** What the releases of a run branch have. It is kept from pass to pass, which reads the plans alone that changed. */
export interface Neighbours {
  /** What a plan cannot have because another release has it. @param all every release of the run branch */
  clashes(reader: Reader, all: readonly ReleaseTrees[], it: Footprint): Promise<readonly Clash[]>;
}

/** Neighbours of whom nothing was read yet. */
export function newNeighbours(): Neighbours {
  const running = neighbourhood();
  // Of two that nobody has started yet, the first by id goes first.
  const coming = neighbourhood();
  const known = new Map<string, string>();
  let updated = Promise.resolve();
  const forget = (id: string) => {
    running.remove(id);
    coming.remove(id);
    known.delete(id);
  };
  const update = async (reader: Reader, all: readonly ReleaseTrees[]) => {
    const ids = new Set(all.map((it) => it.id));
    for (const id of [...known.keys()]) if (!ids.has(id)) forget(id);
    for (const { id, plan, stable, dist } of all) {
      const next = plan === undefined ? dist : undefined;
      const key = [plan, stable, next].join();
      if (known.get(id) === key) continue;
      const trees = [...new Set([plan, stable])];
      const has = await Promise.all(trees.map((it) => loadFootprint(reader, it)));
      const wants = await loadFootprint(reader, next);
      forget(id);
      for (const it of has) if (it.kind === 'known') running.add({ ...it.value, release: id });
      if (wants.kind === 'known') coming.add({ ...wants.value, release: id });
      // What cannot be read now may be read the next time.
      const isWhole = [...has, wants].every((it) => it.kind !== 'broken');
      known.set(id, isWhole ? key : '');
    }
  };
  return {
    async clashes(reader, all, it) {
      // Releases are decided about at the same time, and each plan is read once.
      updated = updated.then(() => update(reader, all));
      await updated;
      const first = coming.clashes(it).filter((one) => one.release < it.release);
      return [...running.clashes(it), ...first];
    },
  };
}

async function loadFootprint(reader: Reader, tree: string | undefined): Promise<Loaded<Footprint>> {
  const loaded = await loadPlan(reader, tree, '', newReadMemory());
  return loaded.kind === 'known' ? { ...loaded, value: footprintOf(loaded.value.plan) } : loaded;
}

/**
 * Adds why the newest plan must not be pinned, as the other releases of the run branch have it: what they run is
 * theirs, and so is what this release runs already, so that nothing that runs is held up by what comes later.
 */
export async function withNeighbours(
  reader: Reader,
  all: readonly ReleaseTrees[],
  situation: Situation,
  neighbours: Neighbours,
): Promise<Situation> {
  const { id, dist, plan, stable } = situation;
  if (dist.kind !== 'known' || !couldBePinned(situation, dist.value)) return situation;
  const found = await neighbours.clashes(reader, all, {
    ...footprintOf(dist.value.plan),
    release: id,
  });
  if (found.length === 0) return situation;
  const had = new Set<string>();
  for (const it of [plan, stable])
    if (it.kind === 'known') {
      const own = { ...footprintOf(it.value.plan), release: id };
      for (const one of await neighbours.clashes(reader, all, own)) had.add(JSON.stringify(one));
    }
  const refused = clashTexts(found.filter((it) => !had.has(JSON.stringify(it))))
    .slice(0, MOST_REASONS)
    .map(
      ({ problem, got, remedy }) => `${problem}${got === undefined ? '' : ` (${got})`}: ${remedy}`,
    );
  if (refused.length === 0) return situation;
  return { ...situation, refused: [...(situation.refused ?? []), ...refused] };
}

/** The others would be told once these are mended. */
const MOST_REASONS = 5;
