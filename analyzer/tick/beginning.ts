import { DIGEST_ANNOTATION, type FileInfo, hasService, type Plan } from '../../lib/plan/plan.ts';
import { at } from '../../lib/plan/pointer.ts';
import type { Answer } from '../core/answer.ts';
import { annotation, reference } from '../core/cluster/liveness.ts';
import type { ObjectRef } from '../core/cluster/reading.ts';
import type { Beginning } from '../core/observation.ts';
import type { Situation } from '../core/situation.ts';
import { ahead, type ServerClock } from './clocks.ts';
import type { ClusterSource, World } from './world.ts';

/**
 * Asks what must be known before the first commit of a rollout: whether the clocks agree, and of a release that Git
 * knows nothing of whether the cluster runs it.
 *
 * @param now Unix seconds
 */
export async function observeBeginning(
  world: World,
  situation: Situation,
  now: number,
): Promise<Beginning | undefined> {
  if (situation.dist.kind !== 'known') return undefined;
  const { plan } = situation.dist.value;
  const [clusters, store, others] = await Promise.all([
    Promise.all(world.clusters.map((it) => askCluster(world, it, plan))),
    askStores(world, plan, now),
    Promise.all((world.clocks ?? []).map((it) => askClock(world, it))),
  ]);
  const clocks = [...clusters.flatMap((it) => it.clock), ...store, ...others.flat()];
  const isNew = situation.rollout.kind === 'absent';
  if (!isNew) return { shown: NOTHING, clocks };
  const apexType = clusters.map((it) => it.apexType).find((it) => it !== undefined);
  return { shown: together(clusters.map((it) => it.shown)), apexType, clocks };
}

const NOTHING: Beginning['shown'] = { kind: 'known', value: [] };

type Clock = Beginning['clocks'][number];

/** What a release cannot be without: its primary workload, and what users reach it by. */
function essential(plan: Plan): readonly FileInfo[] {
  const primary = plan.workloads.primary?.file;
  return Object.entries(plan.files).flatMap(([name, it]) => {
    return it.asked && (name === primary || isApex(it, plan) || it.role === 'routing') ? [it] : [];
  });
}

interface OfCluster extends Pick<Beginning, 'shown' | 'apexType'> {
  readonly clock: readonly Clock[];
}

async function askCluster(
  { clock }: World,
  { name, holds, cluster }: ClusterSource,
  plan: Plan,
): Promise<OfCluster> {
  const isHeld = ({ role }: FileInfo) =>
    holds === 'all' || (role === 'routing') === (holds === 'routes');
  const refs = essential(plan).filter(isHeld).map(reference);
  const asked = clock();
  const answer = await cluster.read(refs);
  const where = name === undefined ? '' : `cluster ${name}: `;
  if (answer.kind === 'unknown')
    return { shown: { kind: 'unknown', reason: `${where}${answer.reason}` }, clock: [] };
  const { objects, serverTime } = answer.value;
  const seconds = ahead(serverTime, asked, clock());
  const server = `the API server${name === undefined ? '' : ` of ${name}`}`;
  const found: ObjectRef[] = [];
  let doubt: string | undefined;
  let apexType: string | undefined;
  for (const [index, ref] of refs.entries()) {
    const reading = objects[index] ?? { kind: 'unknown', reason: `no answer about ${ref.name}` };
    if (reading.kind === 'unknown') doubt ??= `${where}${reading.reason}`;
    if (reading.kind === 'found' && isApex(ref, plan)) apexType = outerType(reading.object);
    // Somebody's own object, which the first release takes over, has no digest of ours.
    if (reading.kind === 'found' && annotation(reading.object, DIGEST_ANNOTATION) !== undefined)
      found.push(ref);
  }
  const shown = answerOf(found, doubt);
  return { shown, apexType, clock: [{ server, aheadSeconds: seconds }] };
}

function isApex({ kind, name }: Pick<FileInfo, 'kind' | 'name'>, { shape }: Plan): boolean {
  return hasService(shape) && kind === 'Service' && name === shape.apex;
}

/** The type of a Service that is reached from outside the cluster, or leads out of it. */
function outerType(object: unknown): string | undefined {
  const type = at(object, '/spec/type');
  return typeof type === 'string' && type !== 'ClusterIP' ? type : undefined;
}

function answerOf(found: readonly ObjectRef[], doubt: string | undefined): Beginning['shown'] {
  if (found.length === 0 && doubt !== undefined) return { kind: 'unknown', reason: doubt };
  return { kind: 'known', value: found };
}

/** What one cluster shows is enough; that none does must be known of all. */
function together(all: readonly Beginning['shown'][]): Beginning['shown'] {
  const found = all.flatMap((it) => (it.kind === 'known' ? it.value : []));
  const doubt = all.find((it) => it.kind === 'unknown');
  return found.length === 0 && doubt !== undefined ? doubt : { kind: 'known', value: found };
}

/** One point of any check of each store: its answer tells the store's time. */
async function askStores(
  { metrics, clock }: World,
  { checks }: Plan,
  now: number,
): Promise<readonly Clock[]> {
  const at = Math.floor(now);
  const bySource = new Map(checks.map((it) => [it.source, it]));
  const clocks = [...bySource].map(async ([source, { ask, windowSeconds }]) => {
    const asked = clock();
    const question = { query: ask.canary, windowSeconds };
    const points = { start: at, end: at, stepSeconds: 60 };
    const answer = await metrics.get(source)?.values(question, points);
    if (answer?.kind !== 'known') return [];
    const seconds = ahead(answer.value.serverTime, asked, clock());
    const name = metrics.size === 1 ? '' : ` ${source}`;
    return [{ server: `the metric store${name}`, aheadSeconds: seconds }];
  });
  return (await Promise.all(clocks)).flat();
}

async function askClock({ clock }: World, it: ServerClock): Promise<readonly Clock[]> {
  const answer: Answer<number> = await it.aheadSeconds(clock);
  return answer.kind === 'known' ? [{ server: it.name, aheadSeconds: answer.value }] : [];
}
