import { type AnalyzerProcess, heard } from '../../e2e/stories/analyzer.ts';
import type { StoryProps } from '../../e2e/stories/release.ts';
import { type Bench, every10Seconds, type Finding, type Part } from './bench.ts';
import type { Failure } from './store.ts';

const DEADLINE_SECONDS = 30;
const WEIGHT = 20;

interface Silence {
  readonly id: string;
  readonly failure: Failure;
  readonly policy: 'back' | 'hold';
}

const SILENCES: readonly Silence[] = [
  { id: 'silent-500', failure: 'HTTP 500', policy: 'back' },
  { id: 'silent-empty', failure: 'empty answers', policy: 'back' },
  { id: 'silent-gone', failure: 'no answer', policy: 'back' },
  { id: 'silent-hold', failure: 'HTTP 500', policy: 'hold' },
];

/** A metric store that fails for ever in the middle of a rollout. */
export const silence: Part = {
  releases: SILENCES.map(
    ({ id, policy }): StoryProps =>
      every10Seconds(id, {
        weights: [WEIGHT, 50],
        bakeSeconds: 40,
        inconclusive: { seconds: DEADLINE_SECONDS, policy },
      }),
  ),
  async run(bench) {
    const ids = SILENCES.map((it) => it.id);
    const loads = bench.load(ids);
    const { process } = await bench.analyzer();
    await bench.field.publish(Object.fromEntries(ids.map((id) => [id, { tag: 'v2' }])));
    const findings = await Promise.all(SILENCES.map((it) => fallSilent(bench, process, it)));
    await process.stop();
    await Promise.all(loads.map((it) => it.stop()));
    return findings;
  },
};

async function fallSilent(
  bench: Bench,
  analyzer: AnalyzerProcess,
  { id, failure, policy }: Silence,
): Promise<Finding> {
  const { field, store, weights, progress } = bench;
  // In the middle: one check has passed.
  await heard(analyzer, { release: id, reason: /^[1-9]\d* of \d+ checks passed/ }, 150);
  const from = Date.now();
  store.fail(id, failure);
  progress(`silence: ${failure} for ${id}`);
  const phase = policy === 'back' ? 'Failed' : 'Paused';
  const it = await field.until(id, ({ phase: now }) => now === phase, 150);
  const seconds = (Date.now() - from) / 1000;
  if (policy === 'back') await weights.until(id, 0, { since: from });
  const raised = weights.of(id).some((one) => one.weight > WEIGHT);
  const end = policy === 'back' ? 'rolls back' : `asks a person, at ${it.weight} %`;
  return {
    story: `silence, ${failure}, ${policy}`,
    measured: `${raised ? 'ADVANCED' : 'held'}; ${end} after ${seconds.toFixed(0)} s`,
    met: !raised,
    data: { release: id, seconds, reason: it.reason, weights: weights.of(id) },
  };
}
