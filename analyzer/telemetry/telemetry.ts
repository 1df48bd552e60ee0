import { plainJson } from '../../lib/plan/plain.ts';
import { explanationOf } from '../core/explanation.ts';
import { parseState } from '../core/state.ts';
import type { ReleaseTrees, Repository } from '../git/repository.ts';
import { isIdle } from '../situation/situation.ts';
import type { Failure, Listener, TickEnd } from '../tell/listener.ts';
import type { Analyzer } from '../tick/analyzer.ts';
import type { Outcome } from '../tick/outcome.ts';
import type { Version } from '../version.ts';
import { figures, figuresAtRest } from './figures.ts';
import { health, type Pulse } from './health.ts';
import { type Metrics, openMetrics, TEXT_FORMAT } from './metrics.ts';
import { pushMetrics } from './push-gateway.ts';
import { rollbacks } from './rollbacks.ts';
import { type ListenAddress, type Page, startServer } from './server.ts';
import { writeTextfile } from './textfile.ts';
import { watched } from './watched.ts';

/** Where metrics go. */
export interface TelemetryOptions {
  /** Serves /metrics, /healthz and /releases/<id>. @default - nowhere */
  readonly listen?: ListenAddress | undefined;
  /** Written after every tick. @default - none */
  readonly textfile?: string | undefined;
  /** Pushed to after every tick. @default - none */
  readonly pushGateway?: string | undefined;
  /** The pause between two ticks, which tells when one is missing. */
  readonly intervalSeconds: number;
  readonly build: Version;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** The analyzer's metrics, and who gets them. */
export interface Telemetry extends Listener {
  /** The same analyzer, with each of its questions timed; the one that is to run. */
  watch(analyzer: Analyzer): Analyzer;
  /** Counts a message to a channel, or starts its series with none. */
  readonly notified: Metrics['notified'];
  /** Where it listens. */
  readonly url: string | undefined;
}

/**
 * Opens what the options name.
 *
 * @throws Error when the address cannot be had
 */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { clock, listen } = options;
  const metrics = await openMetrics(options.build);
  const releases = releasesOf(metrics);
  let pulse: Pulse = { startedAt: clock(), lastSuccessAt: undefined, trouble: undefined };
  const server =
    listen === undefined
      ? undefined
      : await startServer(
          listen,
          pagesOf(metrics, () => pulse, options),
          new Map([['/releases/', releases.page]]),
        );
  // One after the other, though no tick waits for them.
  let published: Promise<readonly Failure[]> = Promise.resolve([]);
  const ended = async (end: TickEnd): Promise<readonly Failure[]> => {
    const now = clock();
    pulse = beat(pulse, end, now);
    const shown = end.kind === 'done' ? await shownOf(end, now) : [];
    if (end.kind === 'failed') metrics.failed(end.seconds);
    published = published.catch(() => []).then(() => publish(metrics, options));
    return [...shown, ...(await published)];
  };
  const shownOf = (end: Done, now: number) => {
    metrics.ticked(end.report, end.seconds, now);
    return releases
      .show(end)
      .catch((error: unknown) => [
        { what: 'metrics of releases are incomplete', reason: messageOf(error) },
      ]);
  };
  return {
    name: 'telemetry',
    url: server?.url,
    notified: metrics.notified,
    watch: (analyzer) => releases.watch(analyzer),
    hear: async (notice) => {
      if (notice.kind === 'done' || notice.kind === 'failed') return ended(notice);
      if (notice.kind === 'began') pulse = { ...pulse, beganAt: clock() };
      return [];
    },
    close: async () => server?.close(),
  };
}

/** After a failure the pulse keeps its age; a success forgets what ailed it. */
function beat(pulse: Pulse, end: TickEnd, now: number): Pulse {
  return end.kind === 'done'
    ? { ...pulse, lastSuccessAt: now, trouble: undefined, beganAt: undefined }
    : { ...pulse, trouble: messageOf(end.error), beganAt: undefined };
}

function pagesOf(
  metrics: Metrics,
  pulse: () => Pulse,
  { intervalSeconds, clock }: TelemetryOptions,
): ReadonlyMap<string, () => Promise<Page>> {
  return new Map([
    ['/metrics', async () => ({ status: 200, type: TEXT_FORMAT, body: await metrics.text() })],
    [
      '/healthz',
      async () => {
        const { healthy, body } = health(pulse(), intervalSeconds, clock());
        const text = `${JSON.stringify(body)}\n`;
        return { status: healthy ? 200 : 503, type: 'application/json', body: text };
      },
    ],
  ]);
}

async function publish(
  metrics: Metrics,
  { textfile, pushGateway }: TelemetryOptions,
): Promise<readonly Failure[]> {
  if (textfile === undefined && pushGateway === undefined) return [];
  const text = await metrics.text();
  const unwritten =
    textfile === undefined
      ? undefined
      : await writeTextfile(textfile, text).then(() => undefined, messageOf);
  const unpushed =
    pushGateway === undefined ? undefined : await pushMetrics(pushGateway, text, TEXT_FORMAT);
  return [
    ...failed('the textfile was not written', unwritten),
    ...failed('metrics were not pushed', unpushed),
  ];
}

function failed(what: string, reason: string | undefined): readonly Failure[] {
  return reason === undefined ? [] : [{ what, reason }];
}

type Done = Extract<TickEnd, { readonly kind: 'done' }>;

interface Releases {
  watch(analyzer: Analyzer): Analyzer;
  /** What the last pass found out about a release. */
  page(id: string): Promise<Page>;
  /** Brings the series of all releases up to date. @returns those that have none, and why */
  show(end: Pick<Done, 'report' | 'failures'>): Promise<readonly Failure[]>;
}

/**
 * Releases at rest keep their series, though a tick does not look at them: the state of one is read when it is
 * first seen at rest, and again only when its state file is another one.
 */
function releasesOf(metrics: Metrics): Releases {
  /** The state file that a release's series at rest were made from; none while it is under way. */
  const known = new Map<string, string | undefined>();
  const ways = rollbacks();
  let listed: readonly ReleaseTrees[] = [];
  let lastPass: readonly Outcome[] = [];
  let repository: Pick<Repository, 'texts'> | undefined;
  const readAtRest = async (): Promise<readonly Failure[]> => {
    const failures: Failure[] = [];
    const fresh = listed.flatMap(({ id, state, ...trees }) =>
      isIdle({ id, state, ...trees }) && state !== undefined && known.get(id) !== state
        ? [{ id, state }]
        : [],
    );
    const all = fresh.map((it) => it.state);
    // One that cannot be read is no other's trouble.
    const texts = await read(all).catch(() =>
      Promise.all(all.map(async (it) => (await read([it]).catch(() => []))[0])),
    );
    for (const [index, { id, state }] of fresh.entries()) {
      try {
        const figures = figuresAtRest(parseState(texts[index] ?? '', `rollouts/${id}/state.yaml`));
        metrics.show(id, figures);
      } catch (error) {
        failures.push({ what: 'a release has no metrics', release: id, reason: messageOf(error) });
      }
      known.set(id, state);
    }
    return failures;
  };
  const read = async (oids: readonly string[]) => (await repository?.texts(oids)) ?? [];
  return {
    watch: (analyzer) => {
      repository = analyzer.repository;
      return watched(analyzer, {
        asked: metrics.asked,
        listed: (releases) => {
          listed = releases;
        },
      });
    },
    page: async (id) => {
      const found = lastPass.find((it) => it.release === id);
      if (found !== undefined) return jsonPage(200, explanationOf(found));
      return listed.some((it) => it.id === id)
        ? jsonPage(200, { release: id, decision: AT_REST })
        : jsonPage(404, { error: `the last pass knows of no release "${id}"` });
    },
    show: async ({ report: { outcomes }, failures }) => {
      lastPass = outcomes;
      const present = new Set(listed.map((it) => it.id));
      for (const id of known.keys()) {
        if (present.has(id)) continue;
        known.delete(id);
        ways.forget(id);
        metrics.forget(id);
      }
      for (const it of outcomes) {
        known.set(it.release, undefined);
        metrics.show(it.release, figures(it));
        const seconds = ways.seconds(it);
        if (seconds !== undefined) metrics.rolledBack(it.release, seconds);
      }
      for (const { release, checks } of failures)
        for (const it of checks) metrics.checkFailed(release, it);
      return readAtRest();
    },
  };
}

/** Of a release that a pass does not even read. */
const AT_REST = { kind: 'rests', reason: 'nothing is under way and nothing is new' };

function jsonPage(status: number, value: object): Page {
  return { status, type: 'application/json', body: `${plainJson(JSON.stringify(value))}\n` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
