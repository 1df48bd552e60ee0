import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from '../stack/load.ts';
import type { PodCount } from '../stack/player/protocol.ts';
import type { Stack } from '../stack/stack.ts';
import type { StoryCommit } from './field.ts';

/** What was seen of one release at one moment. */
export interface Glimpse {
  /** Unix seconds: when it was asked for. */
  readonly since: number;
  /** Unix seconds: when all of it was known. */
  readonly at: number;
  /** The candidate's step that the route in the API server shows. */
  readonly step: string | undefined;
  /** Percent for the canary, as the API server has it. */
  readonly weight: number | undefined;
  /** What each track has answered since the start, by status. */
  readonly counts: readonly PodCount[];
  /** Requests of the load that had no answer yet. */
  readonly waiting: number;
  /** Of Argo CD's Application. */
  readonly sync?: string | undefined;
  /** `spec.replicas` of the canary and of the primary. */
  readonly replicas?: Readonly<Record<string, number>> | undefined;
}

/** Looks at a release again and again. */
export interface Watch {
  readonly glimpses: readonly Glimpse[];
  stop(): Promise<readonly Glimpse[]>;
}

interface Route {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly rules: readonly {
      readonly backendRefs: readonly { readonly name: string; readonly weight: number }[];
    }[];
  };
}

/** What to look at besides the route and the pods. */
export interface WatchOptions {
  readonly everyMs?: number;
  readonly application?: boolean;
  readonly replicas?: boolean;
  /** What the release gets. @default - nothing that has to be known */
  readonly load?: Load;
}

/** Starts to look at a release of the stories; its namespace has its name. */
export function watchRelease(stack: Stack, id: string, options: WatchOptions = {}): Watch {
  const glimpses: Glimpse[] = [];
  const end = new AbortController();
  const run = async () => {
    while (!end.signal.aborted) {
      // A server that is away is a part of some stories.
      const it = await glimpse(stack, id, options).catch(() => undefined);
      if (it !== undefined) glimpses.push(it);
      const pause = options.everyMs ?? 400;
      await sleep(pause, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    glimpses,
    async stop() {
      end.abort();
      await running;
      return glimpses;
    },
  };
}

/**
 * That the API server never had a weight that was not committed before: what was shown is what was committed, in
 * its order.
 *
 * @throws Error that tells the first weight that nobody committed
 */
export function expectOnlyCommitted(
  glimpses: readonly Glimpse[],
  commits: readonly StoryCommit[],
): void {
  // Before the first of them all traffic is on the primary.
  const committed = [{ at: 0, weight: 0 }, ...committedWeights(commits)];
  let next = 0;
  for (const { at, weight } of glimpses) {
    if (weight === undefined) continue;
    const step = committed.findIndex((it, index) => index >= next && it.weight === weight);
    const due = committed[step]?.at;
    if (due === undefined || due > at) {
      const known = committed.map((it) => `${it.weight} at ${it.at}`).join(', ');
      throw new Error(`the cluster had ${weight} at ${at}; committed was ${known}`);
    }
    next = step;
  }
}

/**
 * That Argo CD was never OutOfSync for longer than one sync takes: it sees each commit once, and nobody fights it.
 *
 * @returns seconds of the longest time that it was
 * @throws Error that tells since when it was
 */
export function expectInSync(glimpses: readonly Glimpse[]): number {
  let since: number | undefined;
  let longest = 0;
  for (const { at, sync } of glimpses) {
    if (sync !== 'OutOfSync') since = undefined;
    else since ??= at;
    longest = Math.max(longest, since === undefined ? 0 : at - since);
    if (longest > LONGEST_SYNC_SECONDS)
      throw new Error(`OutOfSync for ${longest} s, since ${since}`);
  }
  return longest;
}

const LONGEST_SYNC_SECONDS = 15;

function committedWeights(
  commits: readonly StoryCommit[],
): readonly { readonly at: number; readonly weight: number }[] {
  let weight = 0;
  return commits.map(({ at, subject }) => {
    // Promotion keeps the weight of the step before.
    if (!subject.includes(': promote: ')) weight = Number(/→ (\d+)$/.exec(subject)?.[1] ?? 0);
    return { at, weight };
  });
}

async function glimpse(stack: Stack, id: string, options: WatchOptions): Promise<Glimpse> {
  const since = Date.now() / 1000;
  const waitingBefore = waitingOf(options.load);
  const [route, counts, sync, replicas] = await Promise.all([
    routeOf(stack, id),
    stack.player.counts(),
    options.application ? syncOf(stack, id) : undefined,
    options.replicas ? replicasOf(stack, id) : undefined,
  ]);
  // Rules for the canary's own requests stand before the one with the weights.
  const backends = route?.spec.rules.at(-1)?.backendRefs ?? [];
  return {
    since,
    at: Date.now() / 1000,
    step: route?.metadata.annotations?.['perch/step']?.split('/')[1],
    weight: backends.find((it) => it.name === `${id}-canary`)?.weight,
    counts: counts.filter((it) => it.namespace === id),
    waiting: Math.max(waitingBefore, waitingOf(options.load)),
    sync,
    replicas,
  };
}

function waitingOf(load: Load | undefined): number {
  if (load === undefined) return 0;
  const { sent, byStatus, unanswered } = load.counts();
  return Object.values(byStatus).reduce((left, it) => left - it, sent - unanswered);
}

/** Before the first release is complete there is none. */
async function routeOf(stack: Stack, id: string): Promise<Route | undefined> {
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${id}/httproutes/${id}`;
  return stack.api.get<Route>(path).catch(() => undefined);
}

async function syncOf(stack: Stack, id: string): Promise<string | undefined> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/${id}`;
  const { status } = await stack.api.get<{ readonly status?: { sync?: { status?: string } } }>(
    path,
  );
  return status?.sync?.status;
}

async function replicasOf(stack: Stack, id: string): Promise<Readonly<Record<string, number>>> {
  const path = `/apis/apps/v1/namespaces/${id}/deployments`;
  const { items } = await stack.api.get<{
    readonly items: readonly { metadata: { name: string }; spec: { replicas?: number } }[];
  }>(path);
  return Object.fromEntries(items.map((it) => [it.metadata.name, it.spec.replicas ?? 1]));
}
