import { beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../../analyzer/cluster/cluster.ts';
import type { ObjectReading } from '../../../analyzer/core/cluster/reading.ts';
import { prometheus } from '../../../analyzer/metrics/prometheus.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import { afterFile } from '../../cleanups.ts';
import { type LabelledValue, startPrometheus } from '../../embedded/prometheus.ts';
import { oneStore } from '../../one-store.ts';
import { plan } from '../core/fixture.ts';
import { errorTest, evidence, tested } from '../core/judge/counted.ts';
import { type GitField, inStepOfGit, untilRest, untilStep } from '../field.ts';
import { git } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

/** What the store says of a query at a time. */
type Told = (query: string, at: number) => number | undefined;

let perch: Cli;
let field: GitField;
/** Commits of the decisions of the story. */
const commits: Record<'pass' | 'bounds' | 'unready' | 'aborted' | 'safe' | 'proven', string> = {
  ...{ pass: '', bounds: '', unready: '', aborted: '', safe: '', proven: '' },
};
/** As the store told it while the story happened, and as it tells it now. */
let happened: Told;
let told: Told;
let metrics: readonly string[];

const IDENTITY = ['--identity', 'Robin <robin@example.com>'];

/** Of 10,000 requests to each track in an interval, so many fail. */
const GOOD = 10;
const BAD = 500;

beforeAll(async () => {
  perch = await openPerch();
  const found = await inStepOfGit('02-weight-20');
  ({ field } = found);
  const server = await startPrometheus({
    clock: () => field.now,
    answer: (query, at) => (query.includes('_total') ? ofTracks(query, at) : told(query, at)),
  });
  afterFile(() => server.stop());
  metrics = ['--repo', field.folder, '--metrics', server.url];
  let isReady = true;
  const analyzer: Analyzer = {
    ...found.analyzer,
    metrics: oneStore(prometheus({ address: server.url })),
    clusters: oneCluster(withoutPods(field.world.cluster, () => !isReady)),
  };
  const spans: { readonly from: number; to: number }[] = [];
  happened = (query, at) => {
    const isBad = spans.some((it) => it.from <= at && at < it.to);
    if (!query.includes('_total')) return isBad ? 80 : 99.9;
    if (query.includes('requests_total')) return 10_000;
    return isBad && query.includes('canary') ? BAD : GOOD;
  };
  told = happened;
  const bad = async (during: () => Promise<unknown>) => {
    const span = { from: field.now, to: Infinity };
    spans.push(span);
    await during();
    span.to = field.now;
  };
  const rest = () => untilRest(field, analyzer);
  /** The first commit of the last rollback. */
  const back = () => newest('roll back');

  await untilStep(field, analyzer, 'app', '03-weight-50');
  commits.pass = field.id('main');
  await bad(rest);
  commits.bounds = back();
  await field.release({ app: plan('v3') });
  await untilStep(field, analyzer, 'app', '02-weight-20');
  isReady = false;
  await rest();
  commits.unready = back();
  isReady = true;
  await field.release({ app: plan('v4') });
  await untilStep(field, analyzer, 'app', '02-weight-20');
  await perch('abort', 'app', '-m', 'not today', '--repo', field.folder, ...IDENTITY);
  commits.aborted = back();
  await rest();
  const test = errorTest({ capped: true, catastrophe: 0.1 });
  await field.release({ app: tested(evidence([test]), undefined, { more: { attempt: 2 } }) });
  await untilStep(field, analyzer, 'app', '03-weight-50');
  commits.safe = field.id('main');
  await bad(rest);
  commits.proven = back();
});

/** Of the tracks that a query for growth selects, each by itself where it asks so. */
function ofTracks(query: string, at: number): readonly LabelledValue[] {
  const [metric = ''] = /\w+_total/.exec(query) ?? [];
  return ['canary', 'primary']
    .filter((track) => query.includes(track))
    .flatMap((track) => {
      const value = told(`${metric}{track="${track}"}`, at);
      const labels: LabelledValue['labels'] = query.startsWith('sum by (track') ? { track } : {};
      return value === undefined ? [] : [{ labels, value }];
    });
}

function newest(subject: string): string {
  return git(field.folder, 'log', '-1', '--format=%H', `--grep=${subject}`, 'main');
}

/** A cluster whose canary gets no pods, and says so. */
function withoutPods(cluster: Cluster, isSo: () => boolean): Cluster {
  const bare = (it: ObjectReading): ObjectReading => {
    if (it.kind !== 'found' || !isSo()) return it;
    const object = it.object as { metadata: { name: string }; kind: string; status: object };
    if (object.kind !== 'Deployment' || !object.metadata.name.endsWith('-canary')) return it;
    const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const status = { ...object.status, availableReplicas: 0, conditions: [late] };
    return { kind: 'found', object: { ...object, status } };
  };
  return {
    read: async (refs) => {
      const answer = await cluster.read(refs);
      if (answer.kind === 'unknown') return answer;
      return { ...answer, value: { ...answer.value, objects: answer.value.objects.map(bare) } };
    },
  };
}

/** Replays while the store tells something else. */
async function replay(as: Told, ...args: readonly string[]) {
  told = as;
  try {
    return await perch('replay', ...args, ...metrics);
  } finally {
    told = happened;
  }
}

/** The rows of `--json`. */
async function rows(as: Told, ...args: readonly string[]) {
  const { code, stdout } = await replay(as, ...args, '--json');
  return { code, rows: JSON.parse(stdout) as Record<string, unknown>[] };
}

describe('perch replay', () => {
  test.each([
    ['pass', '3 of 3 checks passed'],
    ['bounds', 'failed checks of success-rate at 03-weight-50'],
    ['safe', 'that the next step is safe'],
    ['proven', 'evidence of harm'],
  ] as const)('of a decision by metrics holds: %s', async (name, reason) => {
    const { code, stdout } = await replay(happened, commits[name]);
    expect(stdout).toMatch(/^app \S+ to .+?: holds: /);
    expect(stdout).toContain(reason);
    expect(stdout).toMatch(/, samples [0-9a-f]{16}$/m);
    expect(code).toBe(0);
  });

  test.each([
    ['unready', 'not judged by metrics: the canary is not ready after its progress deadline'],
    ['aborted', 'not judged by metrics: aborted by'],
  ] as const)('says what metrics have not decided: %s', async (name, reason) => {
    const { code, stdout } = await replay(happened, commits[name]);
    expect(stdout).toContain(reason);
    expect(code).toBe(0);
  });

  test('of a release is that of its last decision', async () => {
    const { rows: last } = await rows(happened, 'app');
    expect(last).toMatchObject([{ commit: commits.proven, verdict: 'fail', result: 'holds' }]);
  });

  test('--all has a row for each step that was left', async () => {
    const { code, stdout } = await replay(happened, '--all');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^RELEASE +WHEN +COMMIT +STEP +VERDICT +REPLAY +REASON$/);
    for (const it of Object.values(commits))
      expect(lines.filter((line) => line.includes(it.slice(0, 7)))).toHaveLength(1);
    expect((await replay(happened, 'app', '--all')).stdout).toBe(stdout);
  });

  test('--json has every key in every row', async () => {
    const all = await rows(happened, '--all');
    expect(new Set(all.rows.map((it) => Object.keys(it).sort().join()))).toEqual(
      new Set([
        'at,commit,differences,judged,lost,now,position,reason,release,result,step,transition,verdict',
      ]),
    );
    const kinds = new Set(all.rows.map((it) => it.result));
    expect(kinds).toEqual(new Set(['holds', 'unjudged']));
    expect(all.rows.find((it) => it.commit === commits.safe)).toMatchObject({
      judged: {
        recorded: { tests: [{ test: 'error-rate', samples: expect.any(String) }] },
        found: { harm: expect.any(Number) },
      },
    });
  });

  test.each(['bounds', 'safe'] as const)(
    'says what the store has lost, and ends with 4: %s',
    async (name) => {
      const { rows: kept } = await rows(happened, commits[name]);
      const end = Date.parse(String(kept[0]?.at)) / 1000 - 40;
      const lossy: Told = (query, at) => (at < end ? undefined : happened(query, at));
      const { code, stdout } = await replay(lossy, commits[name]);
      expect(stdout).toMatch(/: lost: cannot be told any more\n/);
      expect(stdout).toMatch(
        /: the store has nothing of \d\d:\d\d(:\d\d)?( to \d\d:\d\d(:\d\d)?)?$/m,
      );
      expect(code).toBe(4);
    },
  );

  test.each([
    ['pass', 99.8, /success-rate: other values, though as many: /],
    [
      'bounds',
      99.9,
      /success-rate: \d+ points, of which [1-9]\d* failed .* then, .* 0 failed .* now/,
    ],
    ['safe', 400, /error-rate: 40 of 40,000 canary .* then, 1,600 of 40,000 canary .* now/],
  ] as const)('says what differs, and ends with 1: %s with %s', async (name, value, expected) => {
    const isOne = (query: string) => !query.includes('requests_total');
    const other: Told = (query, at) => (isOne(query) ? value : happened(query, at));
    const { code, stdout } = await replay(other, commits[name]);
    expect(stdout).toMatch(/: DIFFERS, (pass|fail|inconclusive) now: /);
    expect(stdout).toMatch(expected);
    expect(code).toBe(1);
  });

  test('of a store that gives no answer ends with 3, and names it', async () => {
    const { code, stdout } = await replay(() => {
      throw new Error('out of order');
    }, commits.pass);
    expect(stdout).toMatch(/no answer: .*out of order/);
    expect(code).toBe(3);
  });

  test.each([
    [[], /name a release or a commit/],
    [['nope'], /there is no release "nope"; there are: app; and there is no revision/],
    [['nope', '--all'], /there is no release "nope"; there are: app/],
    [['main'], /leaves no step of a release/],
  ])('%j is wrong usage', async (args, expected) => {
    expect(await replay(happened, ...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(expected),
    });
  });
});
