import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Status } from '../../../analyzer/core/phase.ts';
import { TRACK_LABEL } from '../../../lib/plan/plan.ts';
import { GIT_ENVIRONMENT } from '../../demo/author.ts';
import type { KubernetesObject } from '../stack/api.ts';
import { startLoad } from '../stack/load.ts';
import type { Stack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import type { AnalyzerProcess } from './analyzer.ts';
import type { Field, StoryCommit } from './field.ts';
import { hostOf } from './release.ts';

/** What the API server had of one namespace's pods from one moment on. */
export interface Running {
  /** Unix seconds. */
  readonly at: number;
  /** Pods that nobody has deleted, such as `1 shop-canary v2, 2 shop-primary v1`. */
  readonly pods: string;
  /** Versions of all pods that still run, deleted or not. */
  readonly tags: readonly string[];
  /** How many these are. */
  readonly count: number;
  /** How many pods nobody has deleted, and how many of them are ready. */
  readonly kept: number;
  readonly ready: number;
}

/** Follows all pods. */
export interface PodWatch {
  /** Every change in a namespace, the oldest first. */
  of(namespace: string): readonly Running[];
  stop(): Promise<void>;
}

interface Pod extends KubernetesObject {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Starts to follow them. */
export function watchPods({ api }: Stack): PodWatch {
  const seen = new Map<string, Running[]>();
  const end = new AbortController();
  const look = (pods: ReadonlyMap<string, Pod>) => {
    const inside = grouped([...pods.values()], (it) => it.metadata.namespace ?? '');
    for (const namespace of new Set([...seen.keys(), ...inside.keys()])) {
      const all = seen.get(namespace) ?? [];
      const now = runningOf(inside.get(namespace) ?? []);
      if (!isSame(all.at(-1), now)) all.push(now);
      seen.set(namespace, all);
    }
  };
  const following = api.follow<Pod>('/api/v1/pods', look, end.signal);
  return {
    of: (namespace) => seen.get(namespace) ?? [],
    async stop() {
      end.abort();
      await following;
    },
  };
}

function runningOf(pods: readonly Pod[]): Running {
  const alive = pods.filter((it) => /^(Pending|Running)$/.test(it.status.phase));
  const kept = alive.filter((it) => it.metadata.deletionTimestamp === undefined);
  const counts = grouped(kept, (it) => `${trackOf(it)} ${tagOf(it)}`);
  const texts = [...counts].map(([what, all]) => `${all.length} ${what}`);
  return {
    at: Date.now() / 1000,
    pods: texts.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1)).join(', '),
    tags: [...new Set(alive.map(tagOf))].sort(),
    count: alive.length,
    kept: kept.length,
    ready: kept.filter(isReady).length,
  };
}

function isReady({ status: { conditions = [] } }: Pod): boolean {
  return conditions.some((it) => it.type === 'Ready' && it.status === 'True');
}

/** Such as `shop-primary`. */
function trackOf({ metadata }: Pod): string {
  const { app, [TRACK_LABEL]: track } = metadata.labels ?? {};
  return [app, track].filter((it) => it !== undefined).join('-');
}

function grouped<T>(all: readonly T[], keyOf: (it: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const it of all) groups.set(keyOf(it), [...(groups.get(keyOf(it)) ?? []), it]);
  return groups;
}

function isSame(before: Running | undefined, now: Running): boolean {
  const text = (it: Running | undefined) => JSON.stringify({ ...it, at: 0 });
  return text(before) === text(now);
}

function tagOf({ spec }: Pod): string {
  const image = spec.containers[0]?.image ?? '';
  return image.slice(image.indexOf(':') + 1);
}

/** A rollout, and what ran in each of its positions. */
export interface Ran {
  readonly commits: readonly StoryCommit[];
  /** Each commit's subject without who moves, and what ran when the next one was made, or at the end. */
  readonly rows: readonly (readonly [subject: string, pods: string])[];
  /** What ran from its first commit on. */
  readonly running: readonly Running[];
  /** What came back for the requests that were sent meanwhile. */
  readonly byStatus: Readonly<Record<number, number>>;
}

/** What a field's stories share. */
export interface Watched {
  readonly field: Field;
  readonly analyzer: AnalyzerProcess;
  readonly pods: PodWatch;
}

/** How a release is rolled out. */
export interface RunOptions {
  /** What ran when it was over, and its last commit applied. */
  readonly rest: string;
  /** @default Succeeded */
  readonly end?: 'Succeeded' | 'Failed';
  /** Requests a second through the gateway. @default 0 */
  readonly perSecond?: number;
  /** What people do meanwhile. @default - nothing */
  readonly story?: () => Promise<void>;
}

/**
 * Lets a rollout begin and a story happen, and waits until the release is at rest again.
 *
 * @param begin such as a merge; tried again when it fails, because the analyzer may have pushed first
 */
export async function run(
  { field, analyzer, pods }: Watched,
  id: string,
  begin: () => Promise<unknown>,
  options: RunOptions,
): Promise<Ran> {
  const { end = 'Succeeded', perSecond = 0, story } = options;
  const earlier = (await field.commits(id)).length;
  const url = perSecond > 0 ? field.stack.gateway.url : '';
  const load = url === '' ? undefined : startLoad({ url, host: hostOf(id), perSecond });
  try {
    await until(async () => {
      await begin();
      return true;
    });
    const own = async () => (await field.commits(id)).slice(earlier);
    await story?.();
    // At rest it may still be after the rollout before.
    await until(async () => (await own()).length > 0);
    const isOver = (it: Status) => it.step === undefined && it.phase === end;
    await field.until(id, isOver, 180);
    const now = () => pods.of(id).at(-1)?.pods ?? '';
    await until(async () => now() === options.rest, 40).catch(() => undefined);
    const commits = await own();
    const running = pods.of(id).filter((it) => it.at >= (commits[0]?.at ?? 0));
    const rows = commits.map(({ subject }, index): readonly [string, string] => {
      const next = commits[index + 1];
      return [
        subject.slice(subject.indexOf(': ') + 2),
        next === undefined ? now() : ranAt(pods, id, saidAt(analyzer, next)),
      ];
    });
    const byStatus = (await load?.stop())?.byStatus ?? {};
    return { commits, rows, running, byStatus };
  } finally {
    await load?.stop();
  }
}

function ranAt(pods: PodWatch, namespace: string, at: number): string {
  return pods.of(namespace).findLast((it) => it.at < at)?.pods ?? '';
}

/** When the analyzer said that it had pushed a commit, which is before anybody applied it; a person's, its own time. */
function saidAt({ lines }: AnalyzerProcess, { oid, at }: StoryCommit): number {
  const line = lines.find((it) => it.commit === oid);
  return line === undefined ? at : Date.parse(String(line.time)) / 1000;
}

/** Somebody's own machine: a git configuration, and the right to push. Neither a cluster nor a metric store. */
export interface Laptop {
  /** Runs `perch`. @returns what it printed @throws Error with what it said when it fails */
  perch(...args: readonly string[]): Promise<string>;
}

/** Sets one up. */
export async function openLaptop({ stack }: Field): Promise<Laptop> {
  const home = join(stack.folder, 'laptop');
  await mkdir(home);
  await writeFile(join(home, '.gitconfig'), '[user]\nname = Robin\nemail = robin@example.com\n');
  const credentials = await stack.git.credentialsFile('author');
  const { GIT_CONFIG_GLOBAL: _, ...clean } = GIT_ENVIRONMENT;
  const env = { ...clean, HOME: home, PATH: process.env.PATH, TMPDIR: home };
  const bundle = join(stack.folder, 'perch.cjs');
  return {
    async perch(...args) {
      const to = [`--repo=${stack.git.url}`, `--git-credentials=${credentials}`];
      const options = { cwd: home, env };
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [bundle, ...args, ...to],
        options,
      );
      return stdout;
    },
  };
}
