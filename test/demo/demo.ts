import { violations } from '../../analyzer/core/legal.ts';
import { status } from '../../analyzer/core/phase.ts';
import type { ReleaseTrees } from '../../analyzer/git/index.ts';
import { verify } from '../../analyzer/history.ts';
import { loadSituation } from '../../analyzer/situation.ts';
import { atRest, tick } from '../../analyzer/tick.ts';
import { git } from './author.ts';
import { behaviour } from './behaviour.ts';
import type { DemoEnd, DemoEvent, Turn } from './event.ts';
import { type PodinfoFiles, podinfoFiles, RELEASE } from './podinfo.ts';
import { isSameTurn, turnOf } from './turn.ts';
import { startWorld, type World } from './world.ts';

/** What can be asked of the demo. */
export interface DemoOptions {
  /** Whether the new version fails once it gets enough traffic. @default false */
  readonly bad?: boolean | undefined;
  readonly onEvent?: ((event: DemoEvent) => void) | undefined;
  /** Folder in which the bare repository is left. @default - it is removed */
  readonly keep?: string | undefined;
  /** How many times faster than a real clock. @default 120 */
  readonly factor?: number | undefined;
  /** Stops it. @default - it runs to its end */
  readonly signal?: AbortSignal | undefined;
}

/** How it went. */
export interface DemoResult {
  readonly end: DemoEnd;
  /** Why the story did not end as it should; empty when it did. */
  readonly problems: readonly string[];
  /** How the analyzer spoke to the cluster. */
  readonly apiRequests: readonly { readonly method: string; readonly path: string }[];
}

/** The versions of the Flagger tutorial. */
export const VERSIONS = { from: '3.1.0', to: '3.1.1' } as const;

const FACTOR = 120;
/** Pause between two passes of the analyzer, in simulated time: podinfo's check period. */
const TICK_SECONDS = 15;
/** No story is longer, in simulated time. */
const MAX_SECONDS = 3 * 3600;

/**
 * Rolls podinfo from its first release to the next one, with the real analyzer and everything else embedded.
 *
 * @throws Error when it cannot start, does not come to an end, or is stopped
 */
export async function runDemo(options: DemoOptions = {}): Promise<DemoResult> {
  const began = performance.now();
  const { bad = false, onEvent = () => undefined, factor = FACTOR } = options;
  const { from, to } = VERSIONS;
  onEvent({ event: 'start', release: RELEASE.id, story: bad ? 'bad' : 'good', from, to, factor });
  const onReady = (what: string, detail: string) => onEvent({ event: 'ready', what, detail });
  const [old, next] = [await podinfoFiles(from), await podinfoFiles(to)];
  onReady('synth', `apps/podinfo.ts with ${from} and with ${to}: ${next.files.size} files each`);
  const world = await startWorld({
    release: RELEASE,
    behaviour: behaviour({ failing: bad ? next.image : undefined }),
    factor,
    signal: options.signal ?? new AbortController().signal,
    keep: options.keep,
    onReady,
  });
  try {
    const problems = await tell({ world, onEvent }, { old, next, bad });
    const end = await endOf(world, began);
    onEvent({ event: 'log', lines: await logOf(world) });
    onEvent(end);
    return { end, problems, apiRequests: world.api.requests };
  } finally {
    await world.stop();
  }
}

interface Telling {
  readonly world: World;
  readonly onEvent: (event: DemoEvent) => void;
}

interface Story {
  readonly old: PodinfoFiles;
  readonly next: PodinfoFiles;
  readonly bad: boolean;
}

/** @returns why it did not end as it should */
async function tell(telling: Telling, { old, next, bad }: Story): Promise<readonly string[]> {
  const { world } = telling;
  await release(telling, old, `podinfo ${VERSIONS.from}: first release`);
  await untilRest(telling);
  const initialized = await phaseOf(world);
  if (initialized !== 'Initialized')
    throw new Error(`${RELEASE.id} should be Initialized by now, it is ${initialized}`);
  const before = await liveTree(world);
  await release(telling, next, `podinfo ${VERSIONS.to}`);
  await untilRest(telling);
  const [phase, expected] = [await phaseOf(world), bad ? 'Failed' : 'Succeeded'];
  const isBack = (await liveTree(world)) === before;
  return [
    ...(phase === expected ? [] : [`${RELEASE.id} should be ${expected}, it is ${phase}`]),
    ...(isBack === bad ? [] : [`live/ should ${bad ? '' : 'not '}be what it was before`]),
    ...(await proof(world)),
  ];
}

/** Pushes new files in dist/, as a person who merges what synth wrote. */
async function release(
  { world, onEvent }: Telling,
  it: PodinfoFiles,
  subject: string,
): Promise<void> {
  const at = world.clock.now();
  const commit = await world.author.push({
    subject,
    at,
    replaces: ['dist', 'apps'],
    files: it.files,
  });
  onEvent({ event: 'pushed', at: isoTime(at), commit, subject });
}

/** Lets everybody act until the analyzer has nothing to do, and the cluster is what Git says. */
async function untilRest(telling: Telling): Promise<void> {
  const { world } = telling;
  const { now } = world.clock;
  const deadline = now() + MAX_SECONDS;
  let last: Turn | undefined;
  for (let nextTick = now(), isResting = false; !isResting; ) {
    await beat(telling);
    if (now() > deadline) throw new Error(`no end after ${MAX_SECONDS} s: ${last?.reason}`);
    if (now() < nextTick) continue;
    nextTick = now() + TICK_SECONDS;
    const report = await tick(world.analyzer);
    if (report.refused !== undefined) throw new Error(`the push was refused: ${report.refused}`);
    for (const outcome of report.outcomes) {
      const turn = turnOf(outcome, now());
      if (!isSameTurn(last, turn)) telling.onEvent(turn);
      last = turn;
    }
    isResting = atRest(report);
  }
  const tip = await world.reader.resolve('main');
  while (world.gitops.lastApplied() !== tip) await beat(telling);
}

async function beat({ world, onEvent }: Telling): Promise<void> {
  const sync = await world.beat();
  if (sync.kind !== 'refused') return;
  const { revision, reason } = sync;
  onEvent({ event: 'refused', at: isoTime(world.clock.now()), commit: revision, reason });
  throw new Error(`the GitOps controller cannot apply ${revision.slice(0, 7)}: ${reason}`);
}

async function treesOf({ reader }: World): Promise<ReleaseTrees> {
  const run = await reader.resolve('main');
  const trees = await reader.list({ run, source: run });
  return trees.find((it) => it.id === RELEASE.id) ?? { id: RELEASE.id };
}

async function phaseOf(world: World): Promise<string> {
  const situation = await loadSituation(world.reader, await treesOf(world), new Map());
  const [wrong] = violations(situation);
  return wrong === undefined ? status(situation).phase : `broken (${wrong})`;
}

async function liveTree(world: World): Promise<string | undefined> {
  return (await treesOf(world)).live;
}

/** What `perch verify` says of the finished repository. */
async function proof({ reader }: World): Promise<readonly string[]> {
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  return all.flatMap((it) => it.problems);
}

async function endOf(world: World, began: number): Promise<DemoEnd> {
  const log = await git(world.git.folder, 'log', '--reverse', '--format=%H', 'main', '--', LIVE);
  return {
    event: 'end',
    release: RELEASE.id,
    phase: await phaseOf(world),
    commits: log.split('\n'),
    seconds: Math.round((performance.now() - began) / 100) / 10,
  };
}

const LIVE = `live/${RELEASE.id}`;

async function logOf({ git: server }: World): Promise<readonly string[]> {
  const format = ['--format=%h %cd %s', '--date=format:%H:%M:%S', '--abbrev=7'];
  return (await git(server.folder, 'log', ...format, 'main', '--', LIVE)).split('\n');
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
