import { violations } from '../../analyzer/core/legal.ts';
import { subjectOf } from '../../analyzer/core/message.ts';
import { status } from '../../analyzer/core/phase.ts';
import type { ReleaseTrees } from '../../analyzer/git/index.ts';
import { verify } from '../../analyzer/history/history.ts';
import { intervene } from '../../analyzer/intervene.ts';
import { loadSituation, newReadMemory } from '../../analyzer/situation/situation.ts';
import { atRest, tick } from '../../analyzer/tick/tick.ts';
import { git } from './author.ts';
import { behaviour } from './behaviour.ts';
import type { DemoEnd, DemoEvent, Turn } from './event.ts';
import { type PodinfoFiles, podinfoFiles } from './podinfo.ts';
import { STORIES, type Story, type StoryName } from './stories.ts';
import { isSameTurn, turnOf } from './turn.ts';
import { startWorld, type World } from './world.ts';

/** What can be asked of the demo. */
export interface DemoOptions {
  /** @default canary */
  readonly strategy?: StoryName | undefined;
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
/** Longest pause between two passes of the analyzer, in simulated time; the check period where that is shorter. */
const TICK_SECONDS = 30;
/** How long a person looks at what a gate is about. */
const APPROVAL_SECONDS = 60;
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
  const { strategy = 'canary' } = options;
  const story: Story = STORIES[strategy];
  const { release, source, breaksAt } = story;
  const [old, next] = [await podinfoFiles(from, story), await podinfoFiles(to, story)];
  onEvent({
    event: 'start',
    release: release.id,
    story: bad ? 'bad' : 'good',
    from,
    to,
    factor,
    ...(strategy === 'canary' ? {} : { strategy, steps: next.steps, breaksAt }),
  });
  const onReady = (what: string, detail: string) => onEvent({ event: 'ready', what, detail });
  onReady('synth', `apps/${source} with ${from} and with ${to}: ${next.files.size} files each`);
  const world = await startWorld({
    release,
    behaviour: behaviour({ failing: bad ? next.image : undefined, breaksAt }),
    factor,
    signal: options.signal ?? new AbortController().signal,
    keep: options.keep,
    onReady,
  });
  try {
    const tickSeconds = Math.min(next.checkSeconds, TICK_SECONDS);
    const problems = await tell({ world, release, tickSeconds, onEvent }, { old, next, bad });
    const end = await endOf(world, release.id, began);
    onEvent({ event: 'log', lines: await logOf(world, release.id) });
    onEvent(end);
    return { end, problems, apiRequests: world.api.requests };
  } finally {
    await world.stop();
  }
}

interface Telling {
  readonly world: World;
  readonly release: Story['release'];
  readonly tickSeconds: number;
  readonly onEvent: (event: DemoEvent) => void;
}

interface Versions {
  readonly old: PodinfoFiles;
  readonly next: PodinfoFiles;
  readonly bad: boolean;
}

/** @returns why it did not end as it should */
async function tell(telling: Telling, { old, next, bad }: Versions): Promise<readonly string[]> {
  const { world, release } = telling;
  await merge(telling, old, `podinfo ${VERSIONS.from}: first release`);
  await untilRest(telling);
  const initialized = await phaseOf(world, release.id);
  if (initialized !== 'Initialized')
    throw new Error(`${release.id} should be Initialized by now, it is ${initialized}`);
  const before = await liveTree(world, release.id);
  await merge(telling, next, `podinfo ${VERSIONS.to}`);
  await untilRest(telling);
  const [phase, expected] = [await phaseOf(world, release.id), bad ? 'Failed' : 'Succeeded'];
  const isBack = (await liveTree(world, release.id)) === before;
  return [
    ...(phase === expected ? [] : [`${release.id} should be ${expected}, it is ${phase}`]),
    ...(isBack === bad ? [] : [`live/ should ${bad ? '' : 'not '}be what it was before`]),
    ...(await proof(world)),
  ];
}

/** Pushes new files in dist/, as a person who merges what synth wrote. */
async function merge(
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
    nextTick = now() + telling.tickSeconds;
    const report = await tick(world.analyzer);
    if (report.refused !== undefined) throw new Error(`the push was refused: ${report.refused}`);
    for (const outcome of report.outcomes) {
      const turn = turnOf(outcome, now());
      if (!isSameTurn(last, turn)) telling.onEvent(turn);
      last = turn;
      if (turn.reason.startsWith('waits for a person')) await approve(telling);
    }
    isResting = atRest(report);
  }
  const tip = await world.reader.resolve('main');
  while (world.gitops.lastApplied() !== tip) await beat(telling);
}

/** A person who looked at what the gate is about says yes. */
async function approve(telling: Telling): Promise<void> {
  const { world, release, onEvent } = telling;
  for (const end = world.clock.now() + APPROVAL_SECONDS; world.clock.now() < end; )
    await beat(telling);
  const { now } = world.clock;
  const reason = 'looks good';
  const request = { by: 'Robin <robin@example.com>', reason };
  const { repository } = world.analyzer;
  const { commit = '', message } = await intervene(
    repository,
    { id: release.id, verb: 'promote', request },
    now,
  );
  const subject = subjectOf(message);
  onEvent({ event: 'promoted', at: isoTime(now()), commit, subject, reason });
}

async function beat({ world, onEvent }: Telling): Promise<void> {
  const sync = await world.beat();
  if (sync.kind !== 'refused') return;
  const { revision, reason } = sync;
  onEvent({ event: 'refused', at: isoTime(world.clock.now()), commit: revision, reason });
  throw new Error(`the GitOps controller cannot apply ${revision.slice(0, 7)}: ${reason}`);
}

async function treesOf({ reader }: World, id: string): Promise<ReleaseTrees> {
  const run = await reader.resolve('main');
  const trees = await reader.list({ run, source: run });
  return trees.find((it) => it.id === id) ?? { id };
}

async function phaseOf(world: World, id: string): Promise<string> {
  const situation = await loadSituation(world.reader, await treesOf(world, id), newReadMemory());
  const [wrong] = violations(situation);
  return wrong === undefined ? status(situation).phase : `broken (${wrong})`;
}

async function liveTree(world: World, id: string): Promise<string | undefined> {
  return (await treesOf(world, id)).live;
}

/** What `perch verify` says of the finished repository. */
async function proof({ reader }: World): Promise<readonly string[]> {
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  return all.flatMap((it) => it.problems);
}

async function endOf(world: World, id: string, began: number): Promise<DemoEnd> {
  const { folder } = world.git;
  const log = await git(folder, 'log', '--reverse', '--format=%H', 'main', '--', `live/${id}`);
  return {
    event: 'end',
    release: id,
    phase: await phaseOf(world, id),
    commits: log.split('\n'),
    seconds: Math.round((performance.now() - began) / 100) / 10,
  };
}

async function logOf({ git: server }: World, id: string): Promise<readonly string[]> {
  const format = ['--format=%h %cd %s', '--date=format:%H:%M:%S', '--abbrev=7'];
  return (await git(server.folder, 'log', ...format, 'main', '--', `live/${id}`)).split('\n');
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
