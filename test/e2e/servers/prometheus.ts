import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, freePort, run } from './program.ts';
import { answers, type Server, startServer } from './server.ts';

/** A running Prometheus that only this test uses. */
export interface Prometheus {
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** Can be taken away for a while. */
  readonly server: Server;
  /** What it answers to an instant query. */
  query(promql: string): Promise<readonly QueriedSeries[]>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** One series of an answer. */
export interface QueriedSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Of an instant vector: unix seconds, and the number. */
  readonly value?: Sample;
  /** Of a range vector. */
  readonly values?: readonly Sample[];
}

type Sample = readonly [number, string];

/** What is asked for its metrics every so often. */
export interface Scrape {
  readonly job: string;
  /** `http://127.0.0.1:<port>/metrics` */
  readonly url: string;
  readonly intervalSeconds: number;
}

/** What Prometheus starts with. */
export interface PrometheusOptions {
  /**
   * Samples that it holds from the start, as OpenMetrics text: times in seconds, `# EOF` at the
   * end, a counter's `# TYPE` line without the `_total` of its samples.
   *
   * @default - an empty store
   */
  readonly openMetrics?: string;
  /** @default - it scrapes nothing */
  readonly scrapes?: readonly Scrape[];
  /**
   * Lists all pods with the labels of Kubernetes' discovery. Those that ask for it by the annotation
   * `prometheus.io/scrape` are scraped, and their series have the pod's labels, `namespace` and `pod`.
   *
   * @default - no pod is scraped
   */
  readonly podsUrl?: string;
  /**
   * Keeps the data and the log; `stop` leaves it there.
   *
   * @default - a temporary folder, which `stop` removes
   */
  readonly folder?: string;
}

/** Why this machine cannot run Prometheus, and what to do; nothing when it can. */
export function missingPrometheus(): string | undefined {
  const missing = ['prometheus', 'promtool'].filter((name) => findOnPath(name) === undefined);
  if (missing.length === 0) return undefined;
  return (
    `Prometheus cannot be started: ${missing.join(' and ')} not on PATH. ` +
    "Run .ci/servers/install, which installs Debian's package, or put them on PATH yourself."
  );
}

/**
 * Starts Prometheus on a free loopback port.
 *
 * @throws Error when it is missing, refuses the history, or does not get ready
 */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const missing = missingPrometheus();
  if (missing !== undefined) throw new Error(missing);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'perch-prometheus-')));
  const remove = async () => {
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'prometheus.yml'), configuration(options));
    if (options.openMetrics !== undefined) await loadHistory(folder, options.openMetrics);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const server = await startServer({
      path: 'prometheus',
      name: 'prometheus',
      args: flags(folder, port),
      folder,
      isReady: () => answers(`${url}/-/ready`),
    });
    const stop = async () => {
      await server.stop();
      await remove();
    };
    return { url, server, stop, query: (promql) => queried(url, promql) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function queried(url: string, promql: string): Promise<readonly QueriedSeries[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: promql })}`);
  if (!response.ok) throw new Error(`${promql}: ${response.status} ${await response.text()}`);
  const answer = (await response.json()) as {
    readonly data: { readonly result: readonly QueriedSeries[] };
  };
  return answer.data.result;
}

// JSON is YAML.
function configuration({ scrapes = [], podsUrl }: PrometheusOptions): string {
  const configs = scrapes.map(({ job, url, intervalSeconds }) => ({
    job_name: job,
    scrape_interval: `${intervalSeconds}s`,
    scrape_timeout: `${intervalSeconds}s`,
    metrics_path: new URL(url).pathname,
    static_configs: [{ targets: [new URL(url).host] }],
  }));
  const all = [...configs, ...(podsUrl === undefined ? [] : [annotatedPods(podsUrl)])];
  return JSON.stringify({ scrape_configs: all }, null, 2);
}

/** The rules of the `kubernetes-pods` job that Prometheus' examples, charts and Flagger's install have. */
function annotatedPods(url: string): object {
  const pod = '__meta_kubernetes_pod';
  const annotation = `${pod}_annotation_prometheus_io`;
  return {
    job_name: 'kubernetes-pods',
    scrape_interval: '1s',
    scrape_timeout: '1s',
    http_sd_configs: [{ url, refresh_interval: '1s' }],
    relabel_configs: [
      { action: 'keep', source_labels: [`${annotation}_scrape`], regex: 'true' },
      {
        source_labels: ['__address__', `${annotation}_port`],
        regex: '([^:]+)(?::\\d+)?;(\\d+)',
        replacement: '$1:$2',
        target_label: '__address__',
      },
      { action: 'labelmap', regex: `${pod}_label_(.+)` },
      { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
      { source_labels: [`${pod}_name`], target_label: 'pod' },
    ],
  };
}

async function loadHistory(folder: string, openMetrics: string): Promise<void> {
  const file = join(folder, 'history.txt');
  await writeFile(file, openMetrics);
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', file, join(folder, 'data')];
  await run({ path: 'promtool', args, folder });
}

function flags(folder: string, port: number): string[] {
  return [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    // Histories may lie years apart; the default would drop all but the last 15 days.
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
  ];
}
