import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Status, status } from '../../../analyzer/core/phase.ts';
import type { State } from '../../../analyzer/core/state.ts';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { walk } from '../../../analyzer/history/history.ts';
import { loadSituation, newReadMemory } from '../../../analyzer/situation/situation.ts';
import {
  AnalyzerRights,
  Apps,
  argoCd,
  Duration,
  flux,
  Manifests,
  type Plan,
  type RenderedApps,
  type Sync,
} from '../../../lib/index.ts';
import { type Author, cloneAsAuthor } from '../../demo/author.ts';
import { sendRequests } from '../stack/load.ts';
import { type Stack, type StackOptions, startStack } from '../stack/stack.ts';
import { type AnalyzerProcess, buildBundle, startAnalyzer } from './analyzer.ts';
import { hostOf, type StoryProps, storyRelease, type Version } from './release.ts';

/** The GitOps tools. */
export type Tool = 'flux' | 'argo-cd';

/** A stack with releases in it, and what people and the analyzer do to them. */
export interface Field {
  readonly stack: Stack;
  readonly tool: Tool;
  readonly reader: Reader;
  /** Where the analyzer's files are. */
  readonly kubeconfig: string;
  /** Merges these versions; releases that are not named stay what they are. */
  publish(versions: Readonly<Record<string, Version>>): Promise<void>;
  /** Starts an analyzer under its own ServiceAccount; ended with the field at the latest. */
  analyzer(flags?: readonly string[]): AnalyzerProcess;
  /** What Git says of a release. */
  status(id: string): Promise<Status>;
  /** Waits until Git says something of a release. @throws Error with what it says instead */
  until(id: string, what: (it: Status) => boolean, seconds?: number): Promise<Status>;
  /** Every transition of a release, oldest first, checked as `perch verify` does. */
  commits(id: string): Promise<readonly StoryCommit[]>;
  /**
   * Loses the cluster and builds it again, as a person does: namespaces, accounts, and the folder of manifests.
   * The analyzer's file has a new token then.
   */
  rebuild(): Promise<void>;
  /** Commits a change by hand. @param replaces folders whose old files go away */
  edit(
    files: ReadonlyMap<string, string>,
    subject?: string,
    replaces?: readonly string[],
  ): Promise<void>;
  stop(): Promise<void>;
}

/** What differs between fields. */
export interface FieldOptions
  extends Pick<StackOptions, 'auditedUsers' | 'nodes' | 'podPorts' | 'progress'> {
  /** How often Flux looks without being told. @default 10 */
  readonly syncSeconds?: number;
  /** Called when the servers run, before there is any release. */
  readonly onStack?: (stack: Stack) => Promise<void>;
  /** Makes the releases, with the ids of the stories. @default - canaries at the Gateway, as the stories say */
  readonly releases?: ReleasesFactory;
}

/** Makes all releases of a field, each in the newest version that was published. */
export type ReleasesFactory = (
  apps: Apps,
  versionOf: (id: string) => Version,
  stack: Stack,
) => void;

/** One transition in the run branch. */
export interface StoryCommit {
  readonly oid: string;
  /** Unix seconds. */
  readonly at: number;
  readonly subject: string;
  /** The whole message. */
  readonly message: string;
  /** What `state.yaml` says after it; undefined where nobody can read it. */
  readonly state: State | undefined;
}

/** Where Perch's account is. */
const NAMESPACE = 'perch';

/** The first version of every release. */
export const FIRST: Version = { tag: 'v1' };

/**
 * Starts a stack, releases every release once, and waits until all of them are at rest.
 *
 * @throws Error with the ends of all logs when something does not come up
 */
export async function openField(
  tool: Tool,
  stories: readonly StoryProps[],
  { syncSeconds = 10, onStack, releases, ...options }: FieldOptions = {},
): Promise<Field> {
  const stack = await startStack({ ...options, sync: [tool], gateway: true, prometheus: true });
  try {
    await onStack?.(stack);
    const factory = releases ?? storyReleases(stories);
    return await prepare(stack, { tool, seconds: syncSeconds, factory }, stories);
  } catch (error) {
    const logs = await stack.logs();
    await stack.stop();
    throw new Error(`${(error as Error).message}\n${logs}`, { cause: error });
  }
}

/** Who applies what, and how often it looks by itself. */
interface Syncing {
  readonly tool: Tool;
  readonly seconds: number;
  readonly factory: ReleasesFactory;
}

function storyReleases(stories: readonly StoryProps[]): ReleasesFactory {
  return (apps, versionOf, { gateway }) => {
    for (const it of stories) storyRelease(apps, it, versionOf(it.id), gateway.parentRef);
  };
}

async function prepare(
  stack: Stack,
  syncing: Syncing,
  stories: readonly StoryProps[],
): Promise<Field> {
  const { tool } = syncing;
  const { git } = stack;
  const versions = new Map(stories.map((it) => [it.id, FIRST]));
  const author = await cloneAsAuthor(git.urlFor('author'), join(stack.folder, 'author'));
  const first = await rendered(stack, syncing, versions);
  await install(stack, tool, first);
  const kubeconfig = await stack.kubeconfigFor(NAMESPACE, 'perch');
  const flags = await flagsOf(stack, tool, kubeconfig);
  const bundle = join(stack.folder, 'perch.cjs');
  await buildBundle(bundle);
  const reader = await openLocal({ folder: git.folder });
  const running: AnalyzerProcess[] = [];
  // One author has one work tree: what several stories merge at once is merged one after the other.
  let merged: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = merged.then(work);
    merged = result.catch(() => undefined);
    return result;
  };
  const merge = (changed: readonly string[]) =>
    inTurn(async () => {
      const apps = await rendered(stack, syncing, versions);
      await overtaken(() => push(author, apps, changed));
    });
  const field: Field = {
    stack,
    tool,
    reader,
    kubeconfig,
    async publish(newer) {
      for (const [id, version] of Object.entries(newer)) versions.set(id, version);
      await merge(Object.keys(newer));
    },
    analyzer(more = []) {
      const started = startAnalyzer(bundle, [...flags, ...more]);
      running.push(started);
      return started;
    },
    status: (id) => statusOf(reader, id),
    until: (id, what, seconds = 90) => until(field, running, id, what, seconds),
    commits: (id) => commitsOf(reader, id),
    async rebuild() {
      await stack.rebuildCluster();
      await install(stack, tool, first);
      await stack.kubeconfigFor(NAMESPACE, 'perch');
    },
    edit: (files, subject = 'by hand', replaces = []) =>
      inTurn(() =>
        overtaken(async () => {
          await author.push({ subject, at: seconds(), replaces, files });
        }),
      ),
    async stop() {
      for (const it of running) await it.stop();
      await reader.close();
      await stack.stop();
    },
  };
  await merge(stories.map((it) => it.id));
  const analyzer = field.analyzer();
  try {
    for (const { id } of stories) await field.until(id, (it) => it.phase === 'Initialized', 120);
  } finally {
    await analyzer.stop();
  }
  const routed = first.releases.filter(({ plan }) => isRouted(plan));
  await Promise.all(routed.map(({ id }) => answers(stack, id)));
  return field;
}

/** Its last commit may be waiting for its sync, and the gateway for the route. */
async function answers({ gateway }: Stack, id: string): Promise<void> {
  const ask = { url: gateway.url, host: hostOf(id), perSecond: 10, count: 10 };
  for (let tries = 0; tries < 60; tries++) {
    const { byStatus } = await sendRequests(ask);
    if (byStatus[200] === ask.count) return;
  }
  throw new Error(`${id} does not answer`);
}

/** Whether the gateway leads to it. */
function isRouted({ files }: Plan): boolean {
  return Object.values(files).some((it) => it.kind === 'HTTPRoute');
}

function rendered(
  stack: Stack,
  { tool, seconds, factory }: Syncing,
  versions: ReadonlyMap<string, Version>,
): Promise<RenderedApps> {
  const apps = new Apps();
  factory(apps, (id) => versions.get(id) ?? FIRST, stack);
  new Manifests(apps, 'perch', (folder, plans) => {
    const run = { url: stack.git.url };
    const sync: Sync =
      tool === 'flux'
        ? flux(folder, { plans, run, secret: 'releases', interval: Duration.seconds(seconds) })
        : argoCd(folder, { plans, run, server: stack.argoCd.destination });
    const subject = { kind: 'ServiceAccount', name: 'perch', namespace: NAMESPACE } as const;
    new AnalyzerRights(folder, 'rights', { plans, sync, subject });
  });
  return apps.render();
}

/** What the analyzer overtook is merged again, as a person would, without another synth. */
async function overtaken(merge: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const error = await merge().then(
      () => undefined,
      (it: Error) => it,
    );
    if (error === undefined) return;
    // The second is said where both pushes are under way at the same moment.
    if (!/fetch first|cannot lock ref/.test(error.message)) throw error;
  }
  return merge();
}

/** Merges what synth writes for some releases. */
async function push(author: Author, apps: RenderedApps, changed: readonly string[]): Promise<void> {
  const folders = apps.releases.filter((it) => changed.includes(it.id));
  const files = folders.flatMap(({ id, files }) =>
    [...files].map(([path, content]): [string, string] => [
      `dist/${id}/${path}`,
      Buffer.from(content).toString('utf8'),
    ]),
  );
  await author.push({
    subject: `release ${changed.join(', ')}`,
    at: seconds(),
    replaces: changed.map((it) => `dist/${it}`),
    files: new Map(files),
  });
}

/** What a person does once: namespaces, accounts, credentials, and the folder of manifests. */
async function install(stack: Stack, tool: Tool, apps: RenderedApps): Promise<void> {
  const { kubectl } = stack.kubernetes;
  const namespaces = [...apps.releases.map((it) => it.id), NAMESPACE].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'perch', namespace: NAMESPACE },
  };
  const items = [...namespaces, account, credentials(stack, tool)];
  await kubectl(
    ['apply', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  const objects = apps.manifests.flatMap((it) => it.objects);
  await kubectl(
    ['apply', '--server-side', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  );
}

/** By which the tool reads the repository. */
function credentials({ git }: Stack, tool: Tool): object {
  const { name: username, password } = git.users.sync;
  const secret = { apiVersion: 'v1', kind: 'Secret' };
  if (tool === 'flux')
    return {
      ...secret,
      metadata: { name: 'releases', namespace: 'flux-system' },
      stringData: { username, password },
    };
  const labels = { 'argocd.argoproj.io/secret-type': 'repository' };
  return {
    ...secret,
    metadata: { name: 'releases', namespace: 'argocd', labels },
    stringData: { type: 'git', url: git.url, username, password },
  };
}

async function flagsOf(stack: Stack, tool: Tool, kubeconfig: string): Promise<readonly string[]> {
  const hook = tool === 'flux' ? stack.flux.receiver : stack.argoCd.webhook;
  const secretFile = join(stack.folder, 'nudge.key');
  await writeFile(secretFile, hook.token, { mode: 0o600 });
  const sync = tool === 'flux' ? 'flux:flux-system/{release}' : 'argo-cd:argocd/{release}';
  return [
    '--watch',
    '--interval=1',
    `--repo=${stack.git.url}`,
    `--git-credentials=${await stack.git.credentialsFile('analyzer')}`,
    `--kubeconfig=${kubeconfig}`,
    `--metrics=${stack.prometheus.url}`,
    `--sync=${sync}`,
    `--nudge=${hook.url}`,
    `--nudge-secret-file=${secretFile}`,
  ];
}

async function statusOf(reader: Reader, id: string): Promise<Status> {
  const run = await reader.resolve('main');
  const all = await reader.list({ run, source: run });
  const trees = all.find((it) => it.id === id) ?? { id };
  return status(await loadSituation(reader, trees, newReadMemory()));
}

async function until(
  field: Field,
  running: readonly AnalyzerProcess[],
  id: string,
  what: (it: Status) => boolean,
  seconds: number,
): Promise<Status> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const it = await field.status(id);
    if (what(it)) return it;
    const isAlone = running.length > 0 && !running.some((one) => one.running);
    if (Date.now() > deadline || isAlone) {
      const said = running.flatMap((one) => one.lines.slice(-12)).map((line) => line.msg);
      throw new Error(`${id} after ${seconds} s: ${JSON.stringify(it)}\n${said.join('\n')}`);
    }
    await sleep(200);
  }
}

async function commitsOf(reader: Reader, id: string): Promise<readonly StoryCommit[]> {
  const { visits } = await walk(reader, (await reader.resolve('main')) ?? '', id, newReadMemory());
  const problems = visits.flatMap((it) => it.problems);
  if (problems.length > 0) throw new Error(`${id} does not verify: ${problems.join('; ')}`);
  return visits.map(({ commit, situation: { rollout } }) => ({
    oid: commit.oid,
    at: commit.at,
    subject: (commit.message.split('\n')[0] ?? '').replace(/ \([0-9a-f]{10}\)$/, ''),
    message: commit.message,
    state: rollout.kind === 'known' ? rollout.value.state : undefined,
  }));
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
