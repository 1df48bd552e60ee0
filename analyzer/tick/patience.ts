import { setMaxListeners } from 'node:events';
import type { Cluster } from '../cluster/cluster.ts';
import type { Answer } from '../core/answer.ts';
import type { HookCalls } from '../hooks/calls.ts';
import type { MetricStore } from '../metrics/store.ts';
import type { ClusterSource, World } from './world.ts';

/** How long one pass may wait for answers. */
export interface Patience {
  /** For all of them together. @default 30 */
  readonly passSeconds?: number | undefined;
  /** Ends all waiting at once: the process is told to end. @default - never */
  readonly leaving?: AbortSignal | undefined;
}

/** One pass's waiting for the world. */
export interface Turn {
  /** The same sources; whoever once took too long is not waited for again, and nobody is once the time is over. */
  impatient<T extends World>(asked: T): T;
  /** Ends once the time for answers is over. */
  readonly signal: AbortSignal;
  /** Whether the time for answers is over. */
  isOver(): boolean;
  /** Stops the clock, and whatever is still asked. */
  end(): void;
}

/** A hook whose answer was waited for that long is late. */
const HOOK_SECONDS = 1;

/** A signal that any number of questions may listen to. */
function unlimited(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Begins a pass's waiting. Its time runs from now. */
export function startTurn({ passSeconds = 30, leaving }: Patience): Turn {
  const hosts = new Map<unknown, Host>();
  const ended = unlimited();
  let over: string | undefined;
  const finish = (reason: string) => {
    over ??= reason;
    ended.abort(over);
    for (const it of hosts.values()) it.giveUp(over);
  };
  const leave = () => finish('the analyzer is ending');
  const timer = setTimeout(
    () => finish(`this pass took over ${passSeconds} s, so the next one asks`),
    passSeconds * 1000,
  );
  if (leaving?.aborted) leave();
  leaving?.addEventListener('abort', leave);
  const hostOf = (key: unknown): Host => {
    const known = hosts.get(key) ?? openHost();
    hosts.set(key, known);
    if (over !== undefined) known.giveUp(over);
    return known;
  };
  return {
    signal: ended.signal,
    isOver: () => over !== undefined,
    end: () => {
      clearTimeout(timer);
      leaving?.removeEventListener('abort', leave);
      finish('the pass is over');
    },
    impatient: (asked) => ({
      ...asked,
      clusters: asked.clusters.map((it) => patientCluster(it, hostOf)),
      metrics: new Map([...asked.metrics].map(([name, it]) => [name, patientStore(it, hostOf)])),
      clocks: (asked.clocks ?? []).map((it) => ({
        ...it,
        aheadSeconds: (clock) => hostOf(it).ask((until) => it.aheadSeconds(clock, until)),
      })),
      hooks: asked.hooks && hooksOf(asked.hooks, hostOf, asked.clock, () => leaving?.aborted),
    }),
  };
}

/** Somebody who is asked. */
interface Host {
  ask<T>(question: (until: AbortSignal) => Promise<Answer<T>>): Promise<Answer<T>>;
  giveUp(reason: string): void;
  /** Ends waiting. */
  readonly signal: AbortSignal;
}

function openHost(): Host {
  const end = unlimited();
  const ended = new Promise<Answer<never>>((resolve) => {
    end.signal.addEventListener('abort', () => resolve(refusal()));
  });
  const refusal = (): Answer<never> => ({ kind: 'unknown', reason: String(end.signal.reason) });
  let answeredAt = Number.NEGATIVE_INFINITY;
  return {
    signal: end.signal,
    giveUp: (reason) => end.abort(reason),
    async ask(question) {
      if (end.signal.aborted) return refusal();
      const began = performance.now();
      const answer = await Promise.race([question(end.signal), ended]);
      if (answer.kind === 'known') answeredAt = performance.now();
      // One that answered others meanwhile found this question too heavy, and is well.
      else if (answer.late !== undefined && answeredAt < began)
        end.abort(`${answer.late} gave no answer earlier in this pass`);
      return answer;
    },
  };
}

type HostOf = (key: unknown) => Host;

function patientStore(store: MetricStore, hostOf: HostOf): MetricStore {
  return {
    kind: store.kind,
    values: (question, points) =>
      hostOf(store).ask((until) => store.values(question, points, until)),
    growth: (question, points) =>
      hostOf(store).ask((until) => store.growth(question, points, until)),
  };
}

function patientCluster(source: ClusterSource, hostOf: HostOf): ClusterSource {
  const patient = (it: Cluster): Cluster => ({
    read: (objects) => hostOf(it).ask((until) => it.read(objects, until)),
  });
  const { sync } = source;
  return {
    ...source,
    cluster: patient(source.cluster),
    sync: sync && { ...sync, cluster: patient(sync.cluster) },
  };
}

/** A call goes on without being waited for: its answer is there for the next pass. */
function hooksOf(
  hooks: HookCalls,
  hostOf: HostOf,
  clock: () => number,
  isLeaving: () => boolean | undefined,
): HookCalls {
  return {
    ...hooks,
    async read(asked, hook) {
      const reason = 'the analyzer is ending';
      if (isLeaving()) return { kind: 'unknown', reason, at: clock() };
      const name = URL.canParse(hook.url) ? new URL(hook.url).host : hook.url;
      const host = hostOf(`hook ${name}`);
      const began = performance.now();
      const reading = await hooks.read(asked, hook, host.signal);
      const seconds = (performance.now() - began) / 1000;
      if (reading.kind === 'running' && seconds > HOOK_SECONDS) host.giveUp(`${name} is slow`);
      return reading;
    },
  };
}
