import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Status, status } from '../core/phase.ts';
import type { Situation } from '../core/situation.ts';
import { isoTime } from '../core/state.ts';
import { GitError, type Repository } from '../git/index.ts';
import { loadSituation, newReadMemory } from '../situation/situation.ts';
import { age } from '../table.ts';
import { noRelease } from '../usage-error.ts';
import type { Exit } from './exit.ts';
import { candidateMeant, type Fate, fateOf, isSeen } from './fate.ts';
import { parsePositive, type RepositoryFlags } from './options.ts';
import { locateNow, openForWriting } from './repository.ts';
import { complain, say, sayJsonLine } from './terminal.ts';

interface WaitFlags extends RepositoryFlags {
  readonly for: 'promoted' | 'failed';
  /** Seconds. */
  readonly timeout: number;
  /** Seconds. */
  readonly interval: number;
  readonly candidate?: string;
}

/** How it ended: what became of the candidate, or that nothing did in time. */
type End =
  | Exclude<Fate, { readonly kind: 'open' }>
  | { readonly kind: 'timeout'; readonly reason: string };

const EXAMPLES = `
Examples:
  perch wait shop                          in CI, after the merge
  perch wait shop --for failed --timeout 10m`;

/** `perch wait <release>`: follows the newest candidate until it is promoted, or failed. */
export function addWait(program: Command, exit: Exit): Command {
  return program
    .command('wait')
    .argument('<release>', 'id of the release')
    .addOption(
      new Option('--for <outcome>', 'what must become of the candidate')
        .choices(['promoted', 'failed'])
        .default('promoted'),
    )
    .addOption(
      new Option('--timeout <duration>', 'how long to wait at most, such as 90s, 30m or 1h30m')
        .argParser(parseDuration)
        .default(3600, '1h'),
    )
    .option('--interval <seconds>', 'between two looks at the repository', parsePositive, 5)
    .option(
      '--candidate <candidate>',
      'wait for this one, or how it begins (default: the newest in dist/ when the wait begins)',
    )
    .description(
      'wait until the newest candidate is promoted or failed: 0 as asked, 1 where it ended otherwise, 3 where time ran out',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (release: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<WaitFlags>();
      const repository = await openForWriting(await locateNow(flags), flags);
      try {
        const end = await follow(repository, release, flags);
        exit(end.kind === 'timeout' ? 3 : end.kind === flags.for ? 0 : 1);
      } finally {
        await repository.close();
      }
    });
}

async function follow(repository: Repository, id: string, flags: WaitFlags): Promise<End> {
  const deadline = performance.now() + flags.timeout * 1000;
  let candidate: string | undefined;
  let wasSeen = false;
  let shown = '';
  let trouble: string | undefined;
  for (;;) {
    const look = await lookAt(repository, id, candidate !== undefined);
    if (look.kind === 'seen') {
      candidate ??= candidateMeant(look.situation, flags.candidate);
      wasSeen ||= isSeen(look.situation, candidate);
      const row = status(look.situation);
      const key = [row.phase, row.stepName, row.candidate].join(' ');
      if (key !== shown) tellOf(flags, row);
      shown = key;
      const fate = fateOf(look.situation, candidate, wasSeen);
      if (fate.kind !== 'open') return tell(flags, id, candidate, fate);
    }
    if (look.kind === 'gone')
      return tell(flags, id, candidate, { kind: 'superseded', reason: 'the release was removed' });
    const fresh = look.kind === 'unreachable' ? look.reason : undefined;
    if (fresh !== undefined && !isSameTrouble(fresh, trouble)) complain(`${fresh}; trying again`);
    trouble = fresh;
    const left = deadline - performance.now();
    if (left <= 0) return tell(flags, id, candidate, tooLate(flags, trouble));
    await sleep(Math.min(left, flags.interval * 1000));
  }
}

/** Git says how many milliseconds a connection took, each time others. */
function isSameTrouble(one: string, other: string | undefined): boolean {
  const bare = (text: string) => text.replace(/\d+/g, '');
  return other !== undefined && bare(one) === bare(other);
}

type Look =
  | { readonly kind: 'seen'; readonly situation: Situation }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** @throws UsageError for a release that was never there, GitError where trying again cannot help */
async function lookAt(repository: Repository, id: string, known: boolean): Promise<Look> {
  try {
    const snapshot = await repository.fetch();
    // Only the first look needs the newest plan.
    if (!known && snapshot.sourceFailure !== undefined) throw snapshot.sourceFailure;
    const all = await repository.list(snapshot);
    const trees = all.find((it) => it.id === id);
    if (trees !== undefined)
      return {
        kind: 'seen',
        situation: await loadSituation(repository, trees, newReadMemory(), snapshot),
      };
    if (known) return { kind: 'gone' };
    throw noRelease(id, all);
  } catch (error) {
    if (!(error instanceof GitError) || !error.retryable) throw error;
    return { kind: 'unreachable', reason: error.message };
  }
}

function tooLate({ timeout, for: wanted }: WaitFlags, trouble: string | undefined): End {
  const why = trouble === undefined ? '' : `; the repository cannot be reached: ${trouble}`;
  return { kind: 'timeout', reason: `not ${wanted} within ${age(timeout)}${why}` };
}

function tell(flags: WaitFlags, release: string, candidate: string | undefined, end: End): End {
  const reason = 'reason' in end ? end.reason : '';
  const text = `${release}: ${candidate ?? 'its candidate'} ${end.kind}${reason === '' ? '' : `: ${reason}`}`;
  const good = end.kind === flags.for;
  if (flags.json) sayJsonLine({ release, candidate: candidate ?? null, outcome: end.kind, reason });
  else say(text, () => (good ? 'green' : 'red'));
  return end;
}

function tellOf({ json }: WaitFlags, it: Status): void {
  const at = isoTime(Date.now() / 1000);
  const { release, phase, step, steps, stepName, weight, candidate, reason } = it;
  const place = stepName === undefined ? '' : ` ${stepName} (${step}/${steps}), weight ${weight}`;
  const known = {
    step: step ?? null,
    steps: steps ?? null,
    stepName: stepName ?? null,
    weight,
    candidate: candidate ?? null,
  };
  if (json) sayJsonLine({ at, release, phase, ...known, reason });
  else say(`${at} ${release} ${phase}${place}: ${reason}`);
}

/** Seconds of a text such as `1h30m`. @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const [whole, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  const sum = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (whole === undefined || sum === 0)
    throw new InvalidArgumentError('expected a duration such as 90s, 30m or 1h30m');
  return sum;
}
