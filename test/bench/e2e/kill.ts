import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from '../../e2e/stack/player/protocol.ts';
import { until } from '../../e2e/stack/until.ts';
import { type Bench, every10Seconds, type Part } from './bench.ts';

/** How the promotion of one release went that was cut off. */
export interface Killed {
  readonly release: string;
  readonly phase: string;
  /** What the primary runs at the end. */
  readonly image: string | undefined;
  readonly isRight: boolean;
}

/** A process that is gone is there again after about as long as Flagger's was. */
const DOWN_SECONDS = 13;
/** Of different lengths, so that each promotion has a kill of its own. */
const BAKE_SECONDS = [10, 50];
const IDS = BAKE_SECONDS.map((_, index) => `killed-${index}`);

/** SIGKILL right after v2 was written to the primary, and the metric turns bad meanwhile. */
export const kill: Part = {
  releases: BAKE_SECONDS.map((bakeSeconds, index) =>
    every10Seconds(`killed-${index}`, { weights: [50], bakeSeconds }),
  ),
  async run(bench) {
    const { field, progress } = bench;
    const loads = bench.load(IDS);
    const bad: Behaviour[] = [];
    let analyzer = await bench.analyzer();
    const ends: Promise<Killed>[] = [];
    await field.publish(Object.fromEntries(IDS.map((id) => [id, { tag: tagOf(id) }])));
    for (const id of IDS) {
      await until(async () => (await field.status(id)).phase === 'Promoting', 150);
      await analyzer.process.kill();
      bad.push({ image: tagOf(id), failedPercent: 100 });
      await field.stack.player.behave(bad);
      progress(`kill: ${id} is being promoted, and fails`);
      await sleep(DOWN_SECONDS * 1000);
      analyzer = await bench.analyzer();
      ends.push(endOf(bench, id));
    }
    const killed = await Promise.all(ends);
    await analyzer.process.stop();
    await Promise.all(loads.map((it) => it.stop()));
    await field.stack.player.behave([]);
    const right = killed.filter((it) => it.isRight).length;
    return [
      {
        story: 'kill',
        measured: `${right} of ${killed.length} back, v1 on the primary`,
        met: right === killed.length,
        data: killed,
      },
    ];
  },
};

function tagOf(release: string): string {
  return `bad-${release}`;
}

async function endOf({ field, weights }: Bench, release: string): Promise<Killed> {
  const isOver = ({ phase, step }: { phase: string; step: number | undefined }) =>
    step === undefined && (phase === 'Failed' || phase === 'Succeeded');
  const { phase } = await field.until(release, isOver, 150);
  const path = `/apis/apps/v1/namespaces/${release}/deployments/${release}-primary`;
  const image = async () => (await field.stack.api.get<Deployment>(path)).spec.template.spec;
  const wanted = async () => (await image()).containers[0]?.image === 'story:v1';
  // The last commit may be waiting for its sync.
  await until(wanted, 20).catch(() => undefined);
  await field.commits(release);
  const runs = (await image()).containers[0]?.image;
  const weight = weights.of(release).at(-1)?.weight;
  return {
    release,
    phase,
    image: runs,
    isRight: phase === 'Failed' && runs === 'story:v1' && weight === 0,
  };
}

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } };
  };
}
