import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { DEFAULT_SOURCE } from '../../lib/plan/plan.ts';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { openStores } from '../metrics/registry.ts';
import type { MetricStores } from '../metrics/store.ts';
import { UsageError } from '../usage-error.ts';
import { flag } from './options.ts';

/** Flags that say where metrics are. */
export interface MetricsFlags {
  readonly metrics: string;
  readonly metricsTokenFile?: string;
  readonly metricsUser?: string;
  readonly metricsPasswordFile?: string;
  readonly metricsCa?: string;
  readonly metricsHeader: readonly string[];
  readonly metricsHeadersFile?: string;
  readonly metricsAcceptPartial?: true;
  readonly metricsConfig?: string;
}

/** Adds them. */
export function addMetricsFlags(command: Command): Command {
  return command
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
        'more headers, such as X-Scope-OrgID=team; everybody on the machine can read arguments, so no secrets',
        'PERCH_METRICS_HEADER',
      ).default([], 'none'),
    )
    .addOption(
      flag(
        '--metrics-headers-file <file>',
        'headers with secret values: lines Name: value',
        'PERCH_METRICS_HEADERS_FILE',
      ),
    )
    .addOption(
      new Option(
        '--metrics-accept-partial',
        'judge by answers that come with warnings or are partial, too (default: they are inconclusive)',
      ).env('PERCH_METRICS_ACCEPT_PARTIAL'),
    )
    .addOption(
      flag(
        '--metrics-config <file>',
        'more metric stores, for checks that name one: YAML, each name with a kind and its options',
        'PERCH_METRICS_CONFIG',
      ),
    );
}

/** The flags that describe the one store of checks that name none. */
const OF_DEFAULT = [
  'metrics',
  'metricsTokenFile',
  'metricsUser',
  'metricsPasswordFile',
  'metricsCa',
  'metricsHeader',
  'metricsHeadersFile',
  'metricsAcceptPartial',
] as const satisfies readonly (keyof MetricsFlags)[];

/** The stores that the flags describe. @throws UsageError for a file that cannot be read, or describes none */
export function storesOf(flags: MetricsFlags, command: Command): MetricStores {
  const { metricsConfig: path } = flags;
  const configured: MetricStores =
    path === undefined ? new Map() : open(read(path), `--metrics-config ${path}`);
  if (!configured.has(DEFAULT_SOURCE)) return new Map([...ownStore(flags, command), ...configured]);
  const given = OF_DEFAULT.filter((it) => !UNSAID.has(command.getOptionValueSource(it)));
  if (given.length === 0) return configured;
  const names = given.map((it) => command.options.find((one) => one.attributeName() === it)?.long);
  throw new UsageError(
    `--metrics-config ${path} and ${names.join(', ')} both describe the store ${DEFAULT_SOURCE}: leave one of them out`,
  );
}

/** Where the value of a flag comes from that nobody gave. */
const UNSAID: ReadonlySet<string | undefined> = new Set([undefined, 'default']);

function ownStore(flags: MetricsFlags, command: Command): MetricStores {
  const description = {
    kind: 'prometheus',
    address: flags.metrics,
    bearerTokenFile: flags.metricsTokenFile,
    username: flags.metricsUser,
    passwordFile: flags.metricsPasswordFile,
    caFile: flags.metricsCa,
    headers: headersOf(flags.metricsHeader, command),
    headersFile: flags.metricsHeadersFile,
    acceptPartial: flags.metricsAcceptPartial,
  };
  return open({ [DEFAULT_SOURCE]: description }, 'the --metrics flags');
}

function open(configuration: unknown, place: string): MetricStores {
  try {
    return openStores(configuration, place);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function read(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as { readonly code?: string };
    throw new UsageError(
      `--metrics-config ${path} cannot be read (${code}): give a file that describes metric stores`,
      { cause: error },
    );
  }
  const reading = readYaml(text);
  if (reading.kind === 'read') return reading.value;
  throw new UsageError(
    `--metrics-config ${path} ${reading.reason}. It has the names of stores, each with a kind and its options; ` +
      'docs/install.md shows one.',
  );
}

function headersOf(given: readonly string[], command: Command): Readonly<Record<string, string>> {
  // From the environment comes one text instead of a list.
  const pairs = [given].flat().map((text) => [text.split('=', 1)[0] ?? '', text] as const);
  if (pairs.some(([name, text]) => name === '' || name === text))
    command.error('error: --metrics-header: expected name=value');
  return Object.fromEntries(pairs.map(([name, text]) => [name, text.slice(name.length + 1)]));
}
