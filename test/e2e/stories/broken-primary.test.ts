import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../../analyzer/core/phase.ts';
import { isMissing } from '../servers/missing.ts';
import { sendRequests, startLoad } from '../stack/load.ts';
import { since, total } from '../stack/player/player.ts';
import { missingStack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { BROKEN, breakPrimary, DEADLINE_SECONDS, jinx, mendPrimary, UNLUCKY } from './broken.ts';
import { type Field, openField } from './field.ts';
import { type Laptop, openLaptop } from './ran.ts';
import { hostOf } from './release.ts';
import { expectHeld } from './rolling.ts';
import { printStories, tell } from './table.ts';

const PER_SECOND = 60;

const tool = 'flux';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });

describe('a primary that is broken', { skip: isMissing(missing) }, () => {
  let field: Field;
  let analyzer: AnalyzerProcess;
  let laptop: Laptop;

  beforeAll(async () => {
    field = await openField(tool, BROKEN, { onStack: jinx });
    laptop = await openLaptop(field);
    analyzer = field.analyzer();
  }, 240_000);
  afterAll(async () => {
    await field?.stop();
    printStories();
  }, 60_000);

  /** Under requests from its beginning to its end. */
  const story = (name: string, id: string, run: () => Promise<string | undefined>) =>
    test.concurrent(name, { timeout: 240_000 }, () =>
      tell({ story: name, tool }, async () => {
        const { url } = field.stack.gateway;
        const load = startLoad({ url, host: hostOf(id), perSecond: PER_SECOND });
        try {
          const result = await run();
          await expectServed(id);
          return result;
        } finally {
          await load.stop();
        }
      }),
    );

  story('all pods of v1 crash: its fix gets out as a canary', 'stepped', async () => {
    expect(await mergeFix('stepped')).toEqual([
      'start story:v2',
      'weight 0 → 20',
      'weight 20 → 50',
      'promote: the primary gets story:v2',
      'weight 50 → 0',
      'promoted story:v2',
    ]);
    return undefined;
  });

  story('all pods of v1 crash: its fix gets out by blue/green', 'switched', async () => {
    expect(await mergeFix('switched')).toEqual([
      'start story:v2',
      'step 02-preview',
      'weight 0 → 100',
      'promote: the primary gets story:v2',
      'weight 100 → 0',
      'promoted story:v2',
    ]);
    return undefined;
  });

  story('all pods of v1 crash: its fix gets out without analysis', 'unjudged', async () => {
    expect((await mergeFix('unjudged')).at(-1)).toBe('promoted story:v2');
    return undefined;
  });

  story('v1 breaks during the rollout: it holds, and a person gets v2 out', 'breaks', async () => {
    const id = 'breaks';
    await publish(id, 'v2');
    await heard(analyzer, { release: id, reason: /^[1-9]\d* of \d+ checks passed/ }, 90);
    await breakPrimary(field.stack, id);
    const paused = await field.until(id, (it) => it.phase === 'Paused');
    expect(paused.reason).toMatch(
      /^paused: the primary broke during the rollout and is not ready after 15 s: 0 of 2 replicas available\. `perch resume breaks` goes on$/,
    );
    await expectHeld(field, [id], () => sleep(3000));
    await laptop.perch('promote', id, '--full', '--message=v1 will not come back');
    await over(id, 'Succeeded');
    return undefined;
  });

  story('v1 does not come back: the rollback waits while v2 serves', 'returns', async () => {
    const id = 'returns';
    const { stack } = field;
    await publish(id, UNLUCKY);
    const own = async () => (await field.commits(id)).map((it) => it.subject);
    const promoting = `${id}: promote: the primary gets story:${UNLUCKY}`;
    await until(async () => (await own()).includes(promoting), 120);
    await breakPrimary(stack, id);
    await until(async () => (await own()).at(-1) === `${id}: roll back: restore the primary`, 90);
    await sleep((DEADLINE_SECONDS + 3) * 1000);
    const waits = { release: id, reason: /rolling back: the primary is not ready: 0 of 2/ };
    await heard(analyzer, waits, 1);
    await expectHeld(field, [id], async () => {
      const earlier = await stack.player.counts();
      await sleep(5000);
      const counts = since(earlier, await stack.player.counts());
      const served = total(counts, (it) => it.workload === `${id}-canary` && it.status === 200);
      expect(served).toBeGreaterThan(100);
    });
    await mendPrimary(stack, id);
    await over(id, 'Failed');
    expect((await own()).slice(-3)).toEqual([
      `${id}: roll back: restore the primary`,
      `${id}: roll back: weight 50 → 0`,
      `${id}: rolled back: the stable set is restored`,
    ]);
    return undefined;
  });

  /** Breaks v1, and merges v2 when nobody is served any more. @returns the subjects of the rollout */
  async function mergeFix(id: string): Promise<readonly string[]> {
    const earlier = (await field.commits(id)).length;
    await breakPrimary(field.stack, id);
    await publish(id, 'v2');
    const said = { release: id, reason: /the primary is not ready, so it holds nothing: 0 of 2/ };
    await heard(analyzer, said);
    await over(id, 'Succeeded');
    const own = (await field.commits(id)).slice(earlier);
    return own.map(({ subject }) => subject.slice(`${id}: `.length));
  }

  async function publish(id: string, tag: string): Promise<void> {
    // A push that the analyzer overtook is made again, as a person would.
    await until(async () => {
      await field.publish({ [id]: { tag } });
      return true;
    }, 120);
  }

  async function over(id: string, phase: Status['phase']): Promise<Status> {
    return field.until(id, (it) => it.phase === phase && it.step === undefined, 150);
  }

  /** Everybody is, once the last commit is applied. */
  async function expectServed(id: string): Promise<void> {
    const ask = { url: field.stack.gateway.url, host: hostOf(id), perSecond: 50, count: 50 };
    await until(async () => (await sendRequests(ask)).byStatus[200] === ask.count, 30);
  }
});
