import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Status } from '../../../analyzer/core/phase.ts';
import { isMissing } from '../servers/missing.ts';
import { printLogsOnFailure } from '../stack/failures.ts';
import { type Load, startLoad } from '../stack/load.ts';
import { missingStack } from '../stack/stack.ts';
import { READY_AFTER_ANNOTATION } from '../stack/stages.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { type Field, openField } from './field.ts';
import { loseCluster, loseNode, type Outage, restartGateway } from './outage.ts';
import { ANSWERS, hostOf, type StoryProps, type Version } from './release.ts';
import { seen } from './rolling.ts';
import { printStories, tell } from './table.ts';
import { watchRelease } from './watch.ts';

/** How often each happens. */
const ROUNDS = Number(process.env.PERCH_E2E_OUTAGES ?? 1);

const PER_SECOND = 60;
const WEIGHT = 30;

/** One outage hits them all: two good candidates, whose pods take no time and some, and a bad one. */
const GOOD = ['prompt', 'slow'] as const;
const BAD = 'bad';
const RELEASES = [...GOOD, BAD];
const STORIES: readonly StoryProps[] = RELEASES.map((id) => ({
  id,
  checks: ANSWERS,
  progressSeconds: 120,
  spread: true,
  weights: [WEIGHT],
  // Nobody is in the promotion when it happens: there the primary is no other version any more.
  bakeSeconds: 12,
}));

const OUTAGES: readonly (readonly [string, Outage])[] = [
  ['the cluster is lost and built again', loseCluster],
  ['the gateway is restarted', restartGateway],
  ['a node is lost', loseNode],
];

const tool = 'flux';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });
describe('a candidate is not blamed when', { skip: isMissing(missing), timeout: 300_000 }, () => {
  let field: Field;
  let analyzer: AnalyzerProcess;
  let loads: readonly Load[];

  beforeAll(async () => {
    field = await openField(tool, STORIES, { nodes: 2 });
    loads = RELEASES.map((id) =>
      startLoad({ url: field.stack.gateway.url, host: hostOf(id), perSecond: PER_SECOND }),
    );
    analyzer = field.analyzer();
  }, 300_000);
  afterAll(async () => {
    for (const it of loads ?? []) await it.stop();
    await field?.stop();
    printStories();
  }, 60_000);
  beforeEach(() => printLogsOnFailure(field.stack));

  const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1).flatMap((round) =>
    OUTAGES.map(([what, outage]) => [what, round, outage] as const),
  );
  test.each(rounds)('%s, round %i', (what, round, outage) =>
    tell({ story: what, tool }, async () => {
      const { player } = field.stack;
      const tag = `${outage.name.toLowerCase()}-${round}`;
      const badTag = `${tag}-bad`;
      await player.behave([]);
      const from = analyzer.lines.length;
      const before = await counted(field);
      const other = watchRelease(field.stack, 'prompt');
      await field.publish(versions(tag, badTag));
      for (const id of RELEASES)
        await field.until(id, (it) => it.phase === 'Progressing' && it.weight === WEIGHT, 120);
      for (const release of RELEASES)
        await heard(analyzer, { release, after: from, reason: /^\d+ of \d+ checks passed/ }, 90);
      await player.behave([{ image: badTag, failedPercent: 5 }]);
      for (const id of RELEASES) expect(await field.status(id)).toMatchObject({ weight: WEIGHT });
      await outage(field);
      if (outage === loseCluster) {
        // Not the new version for everyone.
        const { weight } = await seen({ watch: other }, (it) => it.weight !== undefined);
        expect([WEIGHT, 0]).toContain(weight);
      }
      const ends = await Promise.all(
        RELEASES.map((id) => endOf(field, id, before.get(id) ?? 0).catch(String)),
      );
      await other.stop();
      const said = explained(analyzer, from);
      expect(ends, said).toEqual(['Succeeded', 'Succeeded', 'Failed']);
      return said;
    }),
  );
});

function versions(tag: string, badTag: string): Readonly<Record<string, Version>> {
  return {
    prompt: { tag },
    slow: { tag, podAnnotations: { [READY_AFTER_ANNOTATION]: '4s' } },
    [BAD]: { tag: badTag },
  };
}

async function counted(field: Field): Promise<ReadonlyMap<string, number>> {
  const pairs = RELEASES.map(
    async (id): Promise<[string, number]> => [id, (await field.commits(id)).length],
  );
  return new Map(await Promise.all(pairs));
}

/** How a candidate ended. */
async function endOf(field: Field, id: string, earlier: number): Promise<string> {
  // At rest it may still be after the rollout before.
  await until(async () => (await field.commits(id)).length > earlier);
  const isOver = ({ phase, step }: Status) =>
    phase === 'Failed' || (phase === 'Succeeded' && step === undefined);
  const { phase } = await field.until(id, isOver, 200);
  await field.until(id, (it) => it.step === undefined, 60);
  return phase;
}

/** What the analyzer said of the environment in the end, and why anything went back. */
function explained({ lines }: AnalyzerProcess, from: number): string {
  const told = lines.slice(from).filter(({ reason = '', transition, commit }) => {
    const isBack = transition === 'back' || / (back|failed) /.test(reason);
    return commit !== undefined && (/environment/.test(reason) || isBack);
  });
  const texts = told.map(({ release, reason }) => `${release}: ${reason}`);
  return [...new Set(texts)].join(' | ');
}
