import { expect } from 'vitest';
import type { Status } from '../../../analyzer/core/phase.ts';
import { startLoad } from '../stack/load.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import type { Field, StoryCommit } from './field.ts';
import { hostOf } from './release.ts';
import { expectOnlyCommitted, type Glimpse, type Watch, watchRelease } from './watch.ts';

/** A release whose next version is on its way, under load, and looked at. */
export interface Rolling {
  readonly id: string;
  readonly analyzer: AnalyzerProcess;
  readonly watch: Watch;
}

/** How a release is rolled out. */
export interface RollOutOptions {
  /** Of the new version. */
  readonly tag: string;
  /** One that runs already, and goes on. @default - one of its own */
  readonly analyzer?: AnalyzerProcess;
  /** @default Succeeded */
  readonly end?: 'Succeeded' | 'Failed';
}

/** What became of a rollout. */
export interface RolledOut {
  readonly id: string;
  readonly tag: string;
  readonly end: 'Succeeded' | 'Failed';
  /** Those of this rollout; all of the release verify. */
  readonly commits: readonly StoryCommit[];
  readonly glimpses: readonly Glimpse[];
}

const PER_SECOND = 100;

/** Publishes a new version, lets a story happen, and waits until the release is at rest again. */
export async function rollOut(
  field: Field,
  id: string,
  options: RollOutOptions,
  story: (it: Rolling) => Promise<void> = async () => undefined,
): Promise<RolledOut> {
  const { tag, end = 'Succeeded' } = options;
  const earlier = await field.commits(id);
  const load = startLoad({
    url: field.stack.gateway.url,
    host: hostOf(id),
    perSecond: PER_SECOND,
  });
  const watch = watchRelease(field.stack, id, {
    replicas: true,
    application: field.tool === 'argo-cd',
  });
  const analyzer = options.analyzer ?? field.analyzer();
  try {
    await field.publish({ [id]: { tag } });
    await story({ id, analyzer, watch });
    const isOver = (it: Status) => it.phase === end && it.step === undefined;
    const own = async () => (await field.commits(id)).slice(earlier.length);
    // At rest it may still be after the rollout before.
    await until(async () => (await own()).length > 0);
    await field.until(id, isOver, 180);
    // What the last commit says has to be applied as well.
    const isDown = (it: Glimpse) => it.weight === 0 && it.replicas?.[`${id}-canary`] === 0;
    await seen({ watch }, isDown);
    return { id, tag, end, commits: await own(), glimpses: watch.glimpses };
  } finally {
    if (options.analyzer === undefined) await analyzer.stop();
    await load.stop();
    await watch.stop();
  }
}

/**
 * That Git holds the transitions of a rollout that nothing disturbed, and that the cluster never showed a weight
 * before its commit.
 *
 * @param edited a weight that somebody wrote to the cluster by hand
 */
export function expectUndisturbed(
  { id, tag, end, commits, glimpses }: RolledOut,
  edited?: number,
): void {
  const start = [`${id}: start story:${tag}`, `${id}: weight 0 → 20`];
  const rest = end === 'Succeeded' ? promoted(id, tag) : rolledBack(id);
  expect(commits.map((it) => it.subject)).toEqual([...start, ...rest]);
  const committed = glimpses.filter((it) => it.weight !== edited);
  expectOnlyCommitted(committed, commits);
}

function promoted(id: string, tag: string): readonly string[] {
  return [
    `${id}: weight 20 → 50`,
    `${id}: promote: the primary gets story:${tag}`,
    `${id}: weight 50 → 0`,
    `${id}: promoted story:${tag}`,
  ];
}

function rolledBack(id: string): readonly string[] {
  return [`${id}: roll back: weight 20 → 0`, `${id}: rolled back: the stable set is restored`];
}

/** Waits until a step is in the middle of its bake time. */
export async function untilBaking({ id, analyzer }: Rolling): Promise<void> {
  await heard(analyzer, { release: id, reason: /^[1-9]\d* of \d+ checks passed/ }, 60);
}

/** Lets time go by in which nothing may move. */
export async function expectHeld(
  field: Field,
  ids: readonly string[],
  wait: () => Promise<void>,
): Promise<void> {
  const look = () => Promise.all(ids.map((id) => field.commits(id)));
  const before = await look();
  await wait();
  expect(await look()).toEqual(before);
}

/** Waits until a glimpse is as asked. */
export async function seen(
  { watch }: Pick<Rolling, 'watch'>,
  what: (it: Glimpse) => boolean,
): Promise<Glimpse> {
  const from = watch.glimpses.length;
  const find = () => watch.glimpses.slice(from).find(what);
  await until(async () => find() !== undefined, 60).catch(() => undefined);
  const found = find();
  if (found !== undefined) return found;
  const looks = watch.glimpses.slice(from).map(({ counts, ...it }) => JSON.stringify(it));
  throw new Error(`never seen: ${what}; but\n${looks.join('\n')}`);
}
