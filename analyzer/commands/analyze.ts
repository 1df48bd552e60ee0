import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pino, { type Logger } from 'pino';
import { GitError } from '../git/index.ts';
import { prometheus } from '../metrics/prometheus.ts';
import { type Nudges, nudge } from '../nudge.ts';
import { flag, openForWriting, parsePositive, type RepositoryFlags } from '../options.ts';
import { type Analyzer, atRest, newMemory, type Outcome, type TickReport, tick } from '../tick.ts';
import { addClusterFlags, type ClusterFlags, clustersOf } from './clusters.ts';

interface AnalyzeFlags extends RepositoryFlags, ClusterFlags {
  readonly once?: true;
  readonly untilIdle?: true;
  readonly watch?: true;
  readonly interval: number;
  readonly metrics: string;
  readonly metricsTokenFile?: string;
  readonly metricsUser?: string;
  readonly metricsPasswordFile?: string;
  readonly metricsCa?: string;
  readonly metricsHeader: Readonly<Record<string, string>>;
  readonly nudge: readonly string[];
  readonly nudgeSecretFile?: string;
}

/** `perch analyze`: looks, decides and commits; once, until every release is at rest, or for ever. */
export function addAnalyze(program: Command): Command {
  const command = program
    .command('analyze')
    .description('move releases to their next step, or back, as cluster and metrics say')
    .addOption(new Option('--once', 'one pass').conflicts(['untilIdle', 'watch']))
    .addOption(new Option('--until-idle', 'until every release is at rest').conflicts('watch'))
    .addOption(new Option('--watch', 'until SIGTERM'))
    .addOption(
      flag('--interval <seconds>', 'pause between two passes', 'PERCH_INTERVAL')
        .argParser(parsePositive)
        .default(10),
    )
    .addOption(
      flag('--metrics <url>', 'address of Prometheus', 'PERCH_METRICS').default(
        'http://prometheus:9090',
      ),
    )
    .addOption(flag('--metrics-token-file <file>', 'bearer token', 'PERCH_METRICS_TOKEN_FILE'))
    .addOption(flag('--metrics-user <name>', 'user for basic authentication', 'PERCH_METRICS_USER'))
    .addOption(
      flag('--metrics-password-file <file>', "that user's password", 'PERCH_METRICS_PASSWORD_FILE'),
    )
    .addOption(
      flag('--metrics-ca <file>', 'PEM file of the authority to trust', 'PERCH_METRICS_CA'),
    )
    .addOption(
      flag(
        '--metrics-header <name=value...>',
        'more headers, such as X-Scope-OrgID=team',
        'PERCH_METRICS_HEADER',
      )
        .argParser(addHeader)
        .default({}, 'none'),
    )
    .addOption(
      flag(
        '--nudge <urls>',
        'told of each push, with commas: a Flux Receiver, or the /api/webhook of Argo CD',
        'PERCH_NUDGE',
      )
        .argParser(parseUrls)
        .default([], 'none'),
    )
    .addOption(
      flag(
        '--nudge-secret-file <file>',
        'file with the key that signs what they are told',
        'PERCH_NUDGE_SECRET_FILE',
      ),
    );
  return addClusterFlags(command).action(async (_: unknown, command: Command) => {
    await analyze(command.optsWithGlobals<AnalyzeFlags>());
  });
}

async function analyze(flags: AnalyzeFlags): Promise<void> {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const repository = await openForWriting(flags);
  const analyzer: Analyzer = {
    repository,
    clusters: clustersOf(flags),
    metrics: prometheus({
      address: flags.metrics,
      bearerTokenFile: flags.metricsTokenFile,
      username: flags.metricsUser,
      passwordFile: flags.metricsPasswordFile,
      caFile: flags.metricsCa,
      headers: flags.metricsHeader,
    }),
    clock: () => Date.now() / 1000,
    memory: newMemory(),
  };
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    await loop(analyzer, flags, log, stop.signal);
  } finally {
    await repository.close();
  }
}

async function loop(
  analyzer: Analyzer,
  flags: AnalyzeFlags,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const once = flags.watch === undefined && flags.untilIdle === undefined;
  while (!signal.aborted) {
    const report = await pass(analyzer, log, once);
    if (report !== undefined) await tell(nudgesOf(flags), report, log);
    if (report?.refused !== undefined && once) process.exitCode = 3;
    if (once) return;
    if (flags.untilIdle && report !== undefined && atRest(report)) return;
    await sleep(flags.interval * 1000, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns undefined where the repository could not be reached and the next pass may */
async function pass(
  analyzer: Analyzer,
  log: Logger,
  once: boolean,
): Promise<TickReport | undefined> {
  try {
    const report = await tick(analyzer);
    for (const it of report.outcomes) logOutcome(log, it);
    if (report.refused !== undefined) log.error({ reason: report.refused }, 'push refused');
    if (report.outcomes.length === 0) log.info({ idle: report.idle }, 'every release is at rest');
    return report;
  } catch (error) {
    if (once || !(error instanceof GitError) || !error.retryable) throw error;
    log.error({ reason: error.message }, 'the repository cannot be reached');
    return undefined;
  }
}

/** Whoever was not told polls: that costs time, and is no failure. */
async function tell(nudges: Nudges, report: TickReport, log: Logger): Promise<void> {
  const moved = report.outcomes.filter((it) => it.commit !== undefined);
  const commit = moved.at(-1)?.commit;
  if (commit === undefined) return;
  const failures = await nudge(nudges, { commit, releases: moved.map((it) => it.release) });
  for (const reason of failures) log.warn({ reason }, 'a sync tool was not told of the push');
}

function nudgesOf(flags: AnalyzeFlags): Nudges {
  const { nudge: urls, nudgeSecretFile: secretFile, repo: repository, branch } = flags;
  return { urls, secretFile, repository, branch };
}

function parseUrls(text: string): readonly string[] {
  const urls = text.split(',').map((it) => it.trim());
  if (!urls.every((it) => /^https?:/.test(it) && URL.canParse(it)))
    throw new InvalidArgumentError('expected http or https URLs with commas between them');
  return urls;
}

function logOutcome(
  log: Logger,
  { release, decision, status, commit, message, observation }: Outcome,
): void {
  const [subject = ''] = (message ?? '').split('\n');
  const known = {
    release,
    phase: status.phase,
    step: status.stepName,
    weight: status.weight,
    decision: decision.kind,
    reason: decision.reason,
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

function addHeader(
  text: string,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  const split = text.indexOf('=');
  if (split <= 0) throw new InvalidArgumentError(`expected name=value, got "${text}"`);
  return { ...headers, [text.slice(0, split)]: text.slice(split + 1) };
}
