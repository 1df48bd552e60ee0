import type { Command } from 'commander';
import type { ReplayKind } from '../core/replay.ts';
import { isoTime } from '../core/state.ts';
import type { Reader, ReleaseTrees, Snapshot } from '../git/repository.ts';
import { walk } from '../history/history.ts';
import { type PastDecision, pastDecisions, type Replayed, replayed } from '../history/replays.ts';
import { newReadMemory } from '../situation/situation.ts';
import { noRelease, UsageError } from '../usage-error.ts';
import type { Exit } from './exit.ts';
import { addMetricsFlags, type MetricsFlags, storesOf } from './metrics.ts';
import type { RepositoryFlags } from './options.ts';
import { replaysTable, replayText } from './replay-text.ts';
import { commitOf, withReader } from './repository.ts';
import { say, sayJson, terminalWidth } from './terminal.ts';

interface ReplayFlags extends RepositoryFlags, MetricsFlags {
  readonly all?: true;
}

const EXAMPLES = `
Examples:
  perch replay shop --metrics http://localhost:9090    the last decision by checks, tests, hooks or deadlines
  perch replay 3dff2bf                                 those of a commit
  perch replay shop --all                              every decision of a release
  perch replay --all --json                            of all releases, for CI

Ends with 0 where all that checks or tests led to holds, with 1 where something differs, with 3 where a store gave
no answer, and with 4 where the stores have lost what was judged.`;

/** `perch replay <release|commit>`: makes past decisions again from Git and the metric stores; reads only. */
export function addReplay(program: Command, exit: Exit): Command {
  const command = program
    .command('replay')
    .argument('[release|commit]', 'id of a release, or a commit of the run branch')
    .option('--all', 'every decision of the release; without one, of all releases')
    .description(
      'make past decisions again from Git and metrics, and say whether they hold, what the store has lost, or what differs',
    )
    .addHelpText('after', EXAMPLES);
  return addMetricsFlags(command).action(
    async (given: string | undefined, _: unknown, self: Command) => {
      const flags = self.optsWithGlobals<ReplayFlags>();
      const world = { metrics: storesOf(flags, self), clock: () => Date.now() / 1000 };
      const all: Replayed[] = [];
      for (const it of await decisions(flags, given)) all.push(await replayed(world, it));
      if (flags.json) sayJson(all.map(row));
      else if (all.length === 0) say('nothing to replay: no step was left yet');
      else if (flags.all) say(replaysTable(all, terminalWidth()));
      else say(all.map((it) => replayText(it, terminalWidth())).join('\n\n'));
      exit(codeOf(all));
    },
  );
}

/** The code for what is worst. */
function codeOf(all: readonly Replayed[]): number {
  const codes: Readonly<Record<ReplayKind, number>> = {
    ...{ holds: 0, unjudged: 0, differs: 1, unanswered: 3, lost: 4 },
  };
  const found = new Set(all.map((it) => codes[it.kind]));
  return [1, 3, 4].find((it) => found.has(it)) ?? 0;
}

async function decisions(
  flags: ReplayFlags,
  given: string | undefined,
): Promise<readonly PastDecision[]> {
  if (given === undefined && flags.all !== true)
    throw new UsageError('name a release or a commit, or replay everything with --all');
  return withReader(flags, undefined, async (reader, at) => {
    const releases = await reader.list(at);
    const named = releases.filter((it) => given === undefined || it.id === given);
    if (flags.all === true && named.length === 0 && given !== undefined)
      throw noRelease(given, releases);
    if (named.length === 0 && given !== undefined) return ofCommit(reader, at, given, releases);
    const past: PastDecision[] = [];
    for (const { id } of named) {
      const own = at.run === undefined ? [] : await ofRelease(reader, at.run, id);
      past.push(...(flags.all === true ? own : newest(own)));
    }
    return past;
  });
}

async function ofRelease(
  reader: Reader,
  commit: string,
  id: string,
): Promise<readonly PastDecision[]> {
  return pastDecisions(id, await walk(reader, commit, id, newReadMemory()));
}

/** The last one that anything was judged for, else the last one. */
function newest(all: readonly PastDecision[]): readonly PastDecision[] {
  const judged = all.filter(({ transition: { verdict = 'none' } }) => verdict !== 'none');
  return (judged.length > 0 ? judged : all).slice(-1);
}

/** One for each release that the commit moves: several where a group moves as one. */
async function ofCommit(
  reader: Reader,
  { run }: Snapshot,
  given: string,
  known: readonly ReleaseTrees[],
): Promise<readonly PastDecision[]> {
  const commit = await commitNamed(reader, run, given, known);
  const past: PastDecision[] = [];
  const [paths = []] = await reader.changedPaths([commit]);
  const moved = new Set(paths.flatMap((it) => STATE.exec(it)?.[1] ?? []));
  for (const id of [...moved].sort()) {
    const own = await ofRelease(reader, commit, id);
    past.push(...own.filter((it) => it.transition.commit === commit));
  }
  if (past.length > 0) return past;
  throw new UsageError(
    `commit ${commit.slice(0, 10)} leaves no step of a release: \`perch history <release>\` lists those that do`,
  );
}

/** The file that each transition changes. */
const STATE = /^rollouts\/([^/]+)\/state\.yaml$/;

async function commitNamed(
  reader: Reader,
  run: string | undefined,
  given: string,
  known: readonly ReleaseTrees[],
): Promise<string> {
  try {
    return await commitOf(reader, run, given);
  } catch (error) {
    // It may have been meant as a release.
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${noRelease(given, known).message}; and ${error.message}`, {
      cause: error,
    });
  }
}

/** What machines read: keys that are always there, and times in ISO 8601. */
function row({ decision, ...it }: Replayed): object {
  const { release, step, transition } = decision;
  const { verdict, reason, lost, differences, recorded, found } = it;
  return {
    release,
    commit: transition.commit,
    at: isoTime(transition.at),
    transition: transition.transition,
    step,
    position: transition.position,
    verdict: transition.verdict,
    reason: transition.reason,
    result: it.kind,
    now: { verdict, reason },
    lost,
    differences,
    judged: { recorded, found },
  };
}
