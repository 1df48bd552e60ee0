import { expect } from 'vitest';
import { type Load, startLoad } from '../stack/load.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import type { Field } from './field.ts';
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
  /** Of the new version. @default - one that answers well: the release's id */
  readonly tag?: string;
  /** One that runs already, and goes on. @default - one of its own */
  readonly analyzer?: AnalyzerProcess;
  /** @default Succeeded */
  readonly end?: 'Succeeded' | 'Failed';
}

const PER_SECOND = 100;

/**
 * Publishes a new version, lets a story happen, and waits until the release is at rest. Whatever happened, its
 * history verifies, and the cluster never had a weight that was not committed.
 *
 * @returns what was seen of it
 */
export async function rollOut(
  field: Field,
  id: string,
  story: (it: Rolling) => Promise<void>,
  options: RollOutOptions = {},
): Promise<readonly Glimpse[]> {
  const { tag = id, end = 'Succeeded' } = options;
  const load: Load = startLoad({
    url: field.stack.gateway.url,
    host: hostOf(id),
    perSecond: PER_SECOND,
  });
  const watch = watchRelease(field.stack, id, { replicas: true });
  const analyzer = options.analyzer ?? field.analyzer();
  try {
    await field.publish({ [id]: { tag } });
    await story({ id, analyzer, watch });
    await field.until(id, (it) => it.phase === end && it.step === undefined, 150);
  } finally {
    if (options.analyzer === undefined) await analyzer.stop();
    await load.stop();
    await watch.stop();
  }
  const last = watch.glimpses.at(-1);
  expect(last?.weight).toBe(0);
  return watch.glimpses;
}

/** The transitions of a release that nothing disturbed. */
export function promoted(id: string, tag = id): readonly string[] {
  return [
    ...released(id, tag),
    `${id}: weight 20 → 50`,
    `${id}: promote: the primary gets story:${tag}`,
    `${id}: weight 50 → 0`,
    `${id}: promoted story:${tag}`,
  ];
}

/** The transitions of a release that turned out to be bad at 20 %. */
export function rolledBack(id: string, tag = id): readonly string[] {
  return [
    ...released(id, tag),
    `${id}: roll back: weight 20 → 0`,
    `${id}: rolled back: the stable set is restored`,
  ];
}

function released(id: string, tag: string): readonly string[] {
  return [
    `${id}: initialize story:v1`,
    `${id}: initialized story:v1`,
    `${id}: start story:${tag}`,
    `${id}: weight 0 → 20`,
  ];
}

/**
 * That Git holds these transitions, each legal and with the files that its plan has for it, and that the cluster
 * never showed a weight before its commit.
 */
export async function expectHistory(
  field: Field,
  id: string,
  subjects: readonly string[],
  glimpses: readonly Glimpse[],
): Promise<void> {
  const commits = await field.commits(id);
  expect(commits.map((it) => it.subject)).toEqual(subjects);
  expectOnlyCommitted(glimpses, commits);
}

/** Waits until a step is in the middle of its bake time. */
export async function untilBaking({ id, analyzer }: Rolling): Promise<void> {
  await heard(analyzer, { release: id, reason: /^[1-9]\d* of \d+ checks passed/ });
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
export async function seen({ watch }: Rolling, what: (it: Glimpse) => boolean): Promise<Glimpse> {
  const from = watch.glimpses.length;
  const find = () => watch.glimpses.slice(from).find(what);
  await until(async () => find() !== undefined, 40);
  const found = find();
  if (found === undefined) throw new Error('it was seen, and is not there any more');
  return found;
}
