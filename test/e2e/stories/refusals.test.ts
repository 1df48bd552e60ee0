import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../../analyzer/core/phase.ts';
import { isMissing } from '../servers/missing.ts';
import { startLoad } from '../stack/load.ts';
import { since } from '../stack/player/player.ts';
import { missingStack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { type Field, openField, type Tool } from './field.ts';
import { type Laptop, openLaptop } from './ran.ts';
import {
  FORBIDDEN,
  forbid,
  kept,
  told,
  UNKNOWN_KIND,
  withJob,
  withUnknownKind,
} from './refused.ts';
import { ANSWERS, hostOf, type StoryProps } from './release.ts';
import { printStories, tell } from './table.ts';

const UNKNOWN = ['late', 'aborted', 'reverted'] as const;
const STORIES: readonly StoryProps[] = [
  ...UNKNOWN.map(withUnknownKind),
  withJob('jobless'),
  { id: 'policed', checks: ANSWERS },
];

const missing = await missingStack({
  sync: ['flux', 'argo-cd'],
  gateway: true,
  prometheus: true,
});

describe.each<Tool>(['flux', 'argo-cd'])(
  'what the cluster refuses, applied by %s',
  {
    skip: isMissing(missing),
  },
  (tool) => {
    let field: Field;
    let analyzer: AnalyzerProcess;
    let laptop: Laptop;

    beforeAll(async () => {
      field = await openField(tool, STORIES, { onStack: forbid });
      laptop = await openLaptop(field);
      analyzer = field.analyzer();
    }, 240_000);
    afterAll(async () => {
      await field?.stop();
      printStories();
    }, 60_000);

    const story = (name: string, run: () => Promise<string | undefined>) =>
      test.concurrent(name, { timeout: 240_000 }, async () => {
        await tell({ story: name, tool }, run);
      });

    story('an unknown kind: it says so, and rolls back after its deadline', async () => {
      const id = 'late';
      const before = await settled(field, id);
      await refuse(id, `${UNKNOWN_KIND}-1`);
      const { reason } = await over(id, 'Failed');
      expect(reason).toMatch(
        /the cluster refuses 01-canary-up, for \d+ s \(deadline 12 s\).*ServiceMonitor/,
      );
      await expectSame(id, before);
      return reason;
    });

    story('an unknown kind: it is aborted at once, and the fix is promoted', async () => {
      const id = 'aborted';
      const before = await settled(field, id);
      await refuse(id, `${UNKNOWN_KIND}-2`);
      await laptop.perch('abort', id, '--message=no monitors here');
      await over(id, 'Failed');
      await expectSame(id, before);
      await promote(id, 'v3');
      return undefined;
    });

    story('an unknown kind: the revert of its merge ends at the stable set', async () => {
      const id = 'reverted';
      const before = await settled(field, id);
      await refuse(id, `${UNKNOWN_KIND}-3`);
      await publish(id, 'v1');
      await field.until(id, (it) => it.step === undefined && it.phase !== 'Waiting', 120);
      await expectSame(id, before);
      expect((await field.commits(id)).at(-1)?.subject).toMatch(/rolled back/);
      return undefined;
    });

    story('a Job is refused before promotion, and then the success rate falls', async () => {
      const id = 'jobless';
      const { player, gateway } = field.stack;
      const before = await settled(field, id);
      const load = startLoad({ url: gateway.url, host: hostOf(id), perSecond: 100 });
      try {
        await publish(id, 'worse');
        const refused = { release: id, reason: /04-job-acceptance is not live yet.*no-jobs/ };
        await heard(analyzer, refused, 120);
        expect(await field.status(id)).toMatchObject({ phase: 'Progressing', weight: 50 });
        await player.behave([{ image: 'worse', failedPercent: 40 }]);
        const { reason } = await over(id, 'Failed');
        expect(reason).toMatch(/failed checks of success-rate/);
        await expectSame(id, before);
        const earlier = await player.counts();
        const sent = load.counts().sent;
        await until(async () => load.counts().sent > sent + 300);
        const counts = since(earlier, await player.counts()).filter((it) => it.namespace === id);
        expect(counts.map((it) => it.image)).toContain('story:v1');
        expect(new Set(counts.map((it) => `${it.image} ${it.status}`))).toEqual(
          new Set(['story:v1 200']),
        );
        return `${counts.reduce((sum, it) => sum + it.count, 0)} requests on v1 afterwards`;
      } finally {
        await load.stop();
      }
    });

    story('the Deployment of the canary is refused by a policy', async () => {
      const id = 'policed';
      const before = await settled(field, id);
      await publish(id, FORBIDDEN);
      const { reason } = await over(id, 'Failed');
      expect(reason).toMatch(/the cluster refuses 01-canary-up.*no-such-images/);
      await expectSame(id, before);
      await promote(id, 'v3');
      return undefined;
    });

    async function publish(id: string, tag: string): Promise<void> {
      // A push that the analyzer overtook is made again, as a person would.
      await until(async () => {
        await field.publish({ [id]: { tag } });
        return true;
      });
    }

    /** Publishes a version of an unknown kind, and waits until the release says why it is not applied. */
    async function refuse(id: string, tag: string): Promise<void> {
      await publish(id, tag);
      const reason =
        /^01-canary-up is not live yet: .*(ReconciliationFailed|sync Failed): .*ServiceMonitor/;
      await heard(analyzer, { release: id, reason }, 90);
    }

    async function over(id: string, phase: Status['phase']): Promise<Status> {
      return field.until(id, (it) => it.phase === phase && it.step === undefined, 150);
    }

    async function promote(id: string, tag: string): Promise<void> {
      const load = startLoad({ url: field.stack.gateway.url, host: hostOf(id), perSecond: 50 });
      try {
        await publish(id, tag);
        await over(id, 'Succeeded');
      } finally {
        await load.stop();
      }
      expect(await told(field, id)).toContain(`${id}-primary: 2 story:${tag}`);
    }

    /** Git and the cluster are as they were. */
    async function expectSame(id: string, before: Everything): Promise<void> {
      await until(async () => {
        expect(await everything(field, id)).toEqual(before);
        return true;
      }, 40);
    }
  },
);

/** A release in Git and in the cluster. */
interface Everything {
  readonly live: string;
  readonly kept: readonly string[];
  readonly told: readonly string[];
}

/** As it is when its last commit is applied. */
async function settled(field: Field, id: string): Promise<Everything> {
  // Every push is a new commit to all of them.
  await until(async () => /: (True|Synced)$/.test((await kept(field, id))[0] ?? ''), 120);
  return everything(field, id);
}

async function everything(field: Field, id: string): Promise<Everything> {
  const options = { cwd: field.stack.git.folder };
  const list = ['ls-tree', '-r', 'main', `live/${id}/`];
  const { stdout } = await promisify(execFile)('git', list, options);
  return { live: stdout, kept: await kept(field, id), told: await told(field, id) };
}
