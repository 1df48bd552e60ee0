import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, freePort, type Program, run, startProgram } from './program.ts';

/** A running Prometheus that only this test uses. */
export interface Prometheus {
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
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
 * Starts Prometheus on a free loopback port. It scrapes nothing.
 *
 * @throws Error when it is missing, refuses the history, or does not get ready
 */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const missing = missingPrometheus();
  if (missing !== undefined) throw new Error(missing);
  const folder = await mkdtemp(join(tmpdir(), 'perch-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let program: Program | undefined;
  const stop = async () => {
    await program?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeFile(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
    if (options.openMetrics !== undefined) await loadHistory(folder, options.openMetrics);
    program = startProgram({ path: 'prometheus', args: flags(folder, port), folder });
    await program.until('it was ready', async () => (await fetch(`${url}/-/ready`)).ok);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
