import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import { kubernetesEvents } from '../cluster/events.ts';
import { kubernetes } from '../cluster/kubernetes.ts';
import type { Subscription } from '../notify/registry.ts';
import type { ListenAddress } from '../telemetry/server.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Listener } from '../tell/listener.ts';
import { webAddress } from '../tell/nudge.ts';
import type { Analyzer } from '../tick/analyzer.ts';
import { VERSION } from '../version.ts';
import { addChannelFlags, type ChannelFlags } from './channels.ts';
import type { ClusterFlags } from './clusters.ts';
import { flag } from './options.ts';

/** For one question about an Event: the next tick must not wait for it. */
const EVENT_SECONDS = 5;

/** Flags that say who is told of ticks. */
export interface ReporterFlags extends Pick<ClusterFlags, 'kubeconfig' | 'context'>, ChannelFlags {
  readonly interval: number;
  readonly untilIdle?: true;
  readonly watch?: true;
  readonly listen?: ListenAddress;
  readonly textfile?: string;
  readonly pushGateway?: string;
  readonly events?: true;
}

/** Adds them, but for those that others add. */
export function addReporterFlags(command: Command): Command {
  return addChannelFlags(command)
    .addOption(
      flag(
        '--listen <host:port>',
        'serve /metrics, /healthz and /releases/<id> there, while watching or until idle',
        'PERCH_LISTEN',
      ).argParser(parseAddress),
    )
    .addOption(
      flag(
        '--textfile <file>',
        "write metrics there after each pass, for the node exporter's textfile collector (*.prom)",
        'PERCH_TEXTFILE',
      ),
    )
    .addOption(
      flag(
        '--push-gateway <url>',
        'push metrics there after each pass, as job="perch"',
        'PERCH_PUSH_GATEWAY',
      ),
    )
    .addOption(
      new Option(
        '--events',
        'write Kubernetes Events on the primary workloads: all that is ever written to a cluster',
      ).env('PERCH_EVENTS'),
    )
    .hook('preAction', (_, action) => {
      const problem = problemOf(action.optsWithGlobals<ReporterFlags>());
      if (problem !== undefined) action.error(`error: ${problem}`);
    });
}

/** Looked at here, and not by an option's parser, whose complaints quote the value: it may hold a password. */
function problemOf(flags: ReporterFlags): string | undefined {
  const { listen, watch, untilIdle, pushGateway } = flags;
  if (listen !== undefined && watch === undefined && untilIdle === undefined)
    return '--listen needs --watch or --until-idle: one pass is over too soon';
  if (pushGateway === undefined) return undefined;
  const url = URL.canParse(pushGateway) ? new URL(pushGateway) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return '--push-gateway: expected an http:// or https:// URL';
  const more = [url.username, url.password, url.search, url.hash];
  return more.every((it) => it === '') && !pushGateway.includes('@')
    ? undefined
    : '--push-gateway: expected a URL without credentials and parameters';
}

/** The people who are told. */
export interface People {
  readonly subscriptions: readonly Subscription[];
  /** Of the run repository: messages lead there. */
  readonly remote: string;
}

/** Who is told of ticks as the flags say. */
export interface Reporters {
  readonly listeners: readonly Listener[];
  /** The analyzer that is to run: the same, or one whose questions are timed. */
  watch(analyzer: Analyzer): Analyzer;
}

/**
 * Opens the reporters that the flags name. Without any, nothing is loaded and the analyzer is as it was.
 *
 * @param clock Unix seconds
 * @throws ListenError when the address to listen on cannot be had
 */
export async function openReporters(
  flags: ReporterFlags,
  clock: () => number,
  log: Logger,
  people: People,
): Promise<Reporters> {
  const telemetry = await telemetryOf(flags, clock);
  if (telemetry?.url !== undefined) log.info({ url: telemetry.url }, 'listening');
  const events = flags.events ? [await openEvents(flags, clock)] : [];
  const channels = people.subscriptions.length === 0 ? [] : [await openPeople(people, telemetry)];
  return {
    listeners: [...(telemetry === undefined ? [] : [telemetry]), ...events, ...channels],
    watch: (analyzer) => telemetry?.watch(analyzer) ?? analyzer,
  };
}

async function telemetryOf(
  { listen, textfile, pushGateway, interval: intervalSeconds }: ReporterFlags,
  clock: () => number,
): Promise<Telemetry | undefined> {
  if (listen === undefined && textfile === undefined && pushGateway === undefined) return undefined;
  const { openTelemetry } = await import('../telemetry/telemetry.ts');
  return openTelemetry({ listen, textfile, pushGateway, intervalSeconds, build: VERSION, clock });
}

async function openEvents(
  { kubeconfig, context = [] }: ReporterFlags,
  clock: () => number,
): Promise<Listener> {
  const { eventReporter } = await import('../telemetry/event-reporter.ts');
  const contexts = context.length === 0 ? [undefined] : context;
  const writers = contexts.map((it) => {
    const options = { kubeconfig, context: it, timeoutSeconds: EVENT_SECONDS };
    return kubernetesEvents(options, kubernetes(options));
  });
  return eventReporter({ writers, clock });
}

async function openPeople(
  { subscriptions, remote }: People,
  telemetry: Telemetry | undefined,
): Promise<Listener> {
  const { channelListener } = await import('../tell/channels.ts');
  const page = webAddress(remote);
  // A rate needs a start: a series that appears with its first failure has none.
  for (const { name } of subscriptions)
    for (const result of ['sent', 'failed'] as const) telemetry?.notified(name, result, 0);
  return channelListener({
    subscriptions,
    link: page.startsWith('http') ? page : undefined,
    delivered: (channel, result) => telemetry?.notified(channel, result, 1),
  });
}

function parseAddress(text: string): ListenAddress {
  const [, six, host = six, port] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('expected host:port, such as 0.0.0.0:9090 or [::]:9090');
  return { host, port: Number(port) };
}
