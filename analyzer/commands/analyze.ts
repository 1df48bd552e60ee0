import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import pino, { type Logger } from 'pino';
import { subjectOf } from '../core/message.ts';
import { GitError } from '../git/index.ts';
import { hookCalls } from '../hooks/calls.ts';
import { type Finding, guarded } from '../situation/guard.ts';
import { type Rollbacks, rollbacks } from '../telemetry/rollbacks.ts';
import { type Audience, audienceOf } from '../tell/audience.ts';
import { type Failures, failuresOf, type Rhythm, type ToldFailure } from '../tell/failures.ts';
import { hookListener } from '../tell/hooks.ts';
import type { TickEnd } from '../tell/listener.ts';
import { nudgeListener } from '../tell/nudge.ts';
import type { Analyzer } from '../tick/analyzer.ts';
import { newMemory } from '../tick/analyzer.ts';
import { gitClock } from '../tick/clocks.ts';
import { pushing } from '../tick/delivery.ts';
import type { Outcome } from '../tick/outcome.ts';
import { pauseSeconds } from '../tick/pause.ts';
import { atRest, tick } from '../tick/tick.ts';
import { type AdmissionFlags, addAdmissionFlags, admissionOf } from './admission.ts';
import { channelsOf } from './channels.ts';
import { addClusterFlags, type ClusterFlags, clustersOf } from './clusters.ts';
import type { Exit } from './exit.ts';
import { addHookFlags, type HookFlags, hookClientOf } from './hooks.ts';
import { addHostFlags, type HostFlags, sitesOf } from './hosts.ts';
import { openLeaving } from './leaving.ts';
import { addMetricsFlags, type MetricsFlags, storesOf } from './metrics.ts';
import { flag, parseCount, parsePositive, type RepositoryFlags } from './options.ts';
import { addReporterFlags, openReporters, type ReporterFlags } from './reporters.ts';
import { locate, locateNow, openForWriting } from './repository.ts';
import { openLog } from './terminal.ts';

interface AnalyzeFlags
  extends RepositoryFlags,
    ClusterFlags,
    MetricsFlags,
    AdmissionFlags,
    HookFlags,
    HostFlags,
    ReporterFlags {
  readonly once?: true;
  readonly maxRollouts?: number;
  readonly nudge?: string;
  readonly nudgeSecretFile?: string;
}

const EXAMPLES = `
Examples:
  perch analyze --metrics http://localhost:9090                      one pass, then the end
  perch analyze --watch --repo https://git.example.com/team/releases.git --metrics http://prometheus:9090`;

/** `perch analyze`: looks, decides and commits; once, until every release is at rest, or for ever. */
export function addAnalyze(program: Command, exit: Exit): Command {
  const command = program
    .command('analyze')
    .description('move releases to their next step, or back, as cluster and metrics say')
    .addHelpText('after', EXAMPLES)
    .addOption(new Option('--once', 'one pass').conflicts(['untilIdle', 'watch']))
    .addOption(new Option('--until-idle', 'until every release is at rest').conflicts('watch'))
    .addOption(new Option('--watch', 'until SIGTERM'))
    .addOption(
      flag(
        '--interval <seconds>',
        'longest pause between two passes, shorter where a check can be judged before; of single passes, between two of them',
        'PERCH_INTERVAL',
      )
        .argParser(parsePositive)
        .default(10),
    )
    .addOption(
      flag(
        '--max-rollouts <n>',
        'most rollouts that may be under way at once; others wait',
        'PERCH_MAX_ROLLOUTS',
      ).argParser(parseCount),
    )
    .addOption(
      flag(
        '--nudge <urls>',
        'told of each push, with commas: a Flux Receiver, or the /api/webhook of Argo CD',
        'PERCH_NUDGE',
      ),
    )
    .addOption(
      flag(
        '--nudge-secret-file <file>',
        'file with the key that signs what they are told',
        'PERCH_NUDGE_SECRET_FILE',
      ),
    );
  return addReporterFlags(
    addHostFlags(addHookFlags(addAdmissionFlags(addClusterFlags(addMetricsFlags(command))))),
  ).action(async (_: unknown, command: Command) => {
    await analyze(command.optsWithGlobals<AnalyzeFlags>(), command, exit);
  });
}

async function analyze(flags: AnalyzeFlags, command: Command, exit: Exit): Promise<void> {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, await openLog());
  const admission = admissionOf(flags);
  const nudge = nudgeUrls(flags, command);
  const client = hookClientOf(flags);
  const metrics = storesOf(flags, command);
  // Whatever is wrong with them is said at the start.
  await sitesOf(flags);
  const people = { subscriptions: await channelsOf(flags) };
  // Whoever watches waits also for a folder that is mounted late.
  const place = await (flags.watch ? locate(flags) : locateNow(flags));
  const { remote } = place.run;
  const nudges = {
    urls: nudge,
    secretFile: flags.nudgeSecretFile,
    repository: remote,
    branch: flags.branch,
  };
  const repository = guarded(await openForWriting(place, flags), (it) => logFinding(log, it));
  const clock = () => Date.now() / 1000;
  const leaving = openLeaving();
  try {
    const reporters = await openReporters(flags, clock, log, { ...people, remote });
    const listeners = [hookListener(client), nudgeListener(nudges), ...reporters.listeners];
    const audience = audienceOf(listeners, log);
    const analyzer = reporters.watch({
      repository,
      delivery: pushing,
      patience: { leaving: leaving.signal },
      pushed: (outcomes) => audience.tell({ kind: 'pushed', outcomes }),
      admission,
      hooks: hookCalls(client, clock, isOnce(flags) ? ONCE_PATIENCE_SECONDS : undefined),
      mostRollouts: flags.maxRollouts,
      clusters: clustersOf(flags),
      metrics,
      clock,
      clocks: [...new Set([remote, place.source.remote])].flatMap((it) => gitClock(it) ?? []),
      memory: newMemory(),
    });
    await loop({ analyzer, audience, flags, log, signal: leaving.signal, exit }).finally(
      async () => {
        await leaving.lastWords(audience.unfinished());
        await audience.close();
      },
    );
  } finally {
    await leaving.lastWords([repository.close()]);
    leaving.leave();
  }
}

interface Run {
  readonly analyzer: Analyzer;
  /** Who is told. */
  readonly audience: Audience;
  readonly flags: AnalyzeFlags;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly exit: Exit;
}

/** One pass has no next one to be told what comes late. */
const ONCE_PATIENCE_SECONDS = 60;

function isOnce({ watch, untilIdle }: AnalyzeFlags): boolean {
  return watch === undefined && untilIdle === undefined;
}

function rhythmOf(flags: AnalyzeFlags): Rhythm {
  return { intervalSeconds: flags.interval, isOnce: isOnce(flags) };
}

async function loop(run: Run): Promise<void> {
  const { analyzer, audience, flags, log, signal, exit } = run;
  const once = isOnce(flags);
  const watch = { ways: rollbacks(), failures: failuresOf(rhythmOf(flags)) };
  while (!signal.aborted) {
    audience.tell({ kind: 'began' });
    const { end, pause } = await pass(run, watch);
    const report = end.kind === 'done' ? end.report : undefined;
    if (report?.left) return;
    audience.tell(end);
    if (end.kind === 'failed') await goOn(end.error, flags, log);
    if (report?.refused !== undefined && once) exit(3);
    // A hook that this pass has called is waited for, or its answer would be lost.
    const waits = analyzer.hooks?.unfinished() === true;
    if ((once && !waits) || (flags.untilIdle && report !== undefined && atRest(report))) return;
    await sleep(pause * 1000, undefined, { signal }).catch(() => undefined);
  }
}

async function pass(
  { analyzer, flags: { interval }, log }: Run,
  { ways, failures }: { readonly ways: Rollbacks; readonly failures: Failures },
): Promise<{ readonly end: TickEnd; readonly pause: number }> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const report = await tick(analyzer);
    const failed = failures.fresh(report.outcomes);
    for (const it of failed) logFailure(log, it);
    for (const it of report.outcomes) logOutcome(log, it, ways.seconds(it));
    if (report.refused !== undefined) log.error({ reason: report.refused }, 'push refused');
    if (report.outcomes.length === 0 && !report.left)
      log.info({ idle: report.idle }, 'every release is at rest');
    return {
      end: { kind: 'done', report, failures: failed, seconds: seconds() },
      pause: pauseSeconds(report.outcomes, interval, Date.now() / 1000, seconds()),
    };
  } catch (error) {
    return { end: { kind: 'failed', error, seconds: seconds() }, pause: interval };
  }
}

/**
 * The next pass may do what this one could not. While watching that is so of everything but wrong usage: rights, disks
 * and branches come back, and only a process that lives remembers since when. @throws what ends the analyzer
 */
async function goOn(
  error: unknown,
  { watch, untilIdle }: AnalyzeFlags,
  log: Logger,
): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  const isWorld = error instanceof GitError;
  const passes = isWorld && error.retryable;
  if ((isWorld && error.usage) || !(watch || (untilIdle && passes))) throw error;
  if (isWorld) log.error({ reason }, 'the repository cannot be used');
  else {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ reason, stack }, 'a bug in the analyzer: this pass is lost');
  }
}

function logFinding(log: Logger, it: Finding): void {
  if (it.kind === 'rewritten')
    log.warn(
      { from: it.from, to: it.to },
      'the run branch was pushed by force; no release lost a transition',
    );
  else if (it.paths.length === 0) log.info('every path belongs to a release again');
  else log.warn({ paths: it.paths.slice(0, MOST_PATHS), count: it.paths.length }, STRAYS);
}

const MOST_PATHS = 20;

const STRAYS = 'paths that belong to no release: nothing is done about them, take them away';

/** Read here, and not by an option's parser, whose complaints quote the value: the path of a Receiver is half a secret. */
function nudgeUrls({ nudge: text }: AnalyzeFlags, command: Command): readonly string[] {
  const urls = text === undefined ? [] : text.split(',').map((it) => it.trim());
  if (!urls.every((it) => /^https?:/.test(it) && URL.canParse(it)))
    command.error('error: --nudge: expected http or https URLs with commas between them');
  // With a slash in the password, what stands before it would be taken for the host, and be named.
  if (urls.some((it) => /^[^?#]*@/.test(it)))
    command.error(
      'error: --nudge: a URL has a user name or password in it: leave it out, and write an @ in a path as %40',
    );
  return urls;
}

function logFailure(log: Logger, it: ToldFailure): void {
  const { release, phase, step, checks, text, pointAt } = it;
  const at = new Date(pointAt * 1000).toISOString();
  log.warn({ release, phase, step, checks, pointAt: at }, `${release}: ${text}`);
}

function logOutcome(
  log: Logger,
  { release, decision, status, commit, message, observation }: Outcome,
  rollbackSeconds: number | undefined,
): void {
  const subject = message === undefined ? '' : subjectOf(message);
  const known = {
    release,
    phase: status.phase,
    step: status.stepName,
    weight: status.weight,
    decision: decision.kind,
    reason: decision.reason,
    // From the newest failed check point to live routes.
    ...(rollbackSeconds === undefined ? {} : { rollbackSeconds }),
  };
  const { skewSeconds } = observation;
  const skew = skewSeconds > 1 ? { skewSeconds } : {};
  if (decision.kind === 'move') {
    const move = { transition: decision.transition, verdict: decision.verdict, commit };
    log.info(
      { ...known, ...move, ...skew },
      commit === undefined ? `${subject} (not pushed)` : subject,
    );
  } else {
    const until = decision.kind === 'hold' ? decision.untilSeconds : undefined;
    const iso = until === undefined ? {} : { until: new Date(until * 1000).toISOString() };
    log.info({ ...known, ...iso, ...skew }, `${release}: ${decision.reason}`);
  }
}
