import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGitServer } from '../embedded/git-server.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { commitOn, type Edit, git } from './git.ts';
import { arrived, type Evidence, type Expectation, judge } from './oracle.ts';
import { type Ended, endMarked, MARK, type Running, type Start, startProcess } from './process.ts';
import { type FaultyProxy, startProxy } from './proxy.ts';
import { type Entry, readRecord, readState, type StateText } from './record.ts';
import { distFiles, type ReleaseForm, type Version } from './releases.ts';
import { stretch } from './stretch.ts';

/** What a world is made of. */
export interface WorldOptions {
  /** @default alpha, beta */
  readonly releases?: readonly string[];
  /** Between two turns of the controllers, in milliseconds. @default 150 */
  readonly beatMs?: number;
  /** The bare repository that it starts with a copy of. @default - one of these releases, at rest */
  readonly repository?: string;
}

/** How an analyzer is started. */
export interface AnalyzerOptions {
  /** How it reaches the repository. @default http */
  readonly remote?: 'http' | 'folder';
  /** Keeps its clone there. @default - a temporary one */
  readonly cache?: string | undefined;
  /** More arguments. */
  readonly args?: readonly string[];
  /** More variables; an empty one is left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly before?: readonly string[];
  /** @default the world's own */
  readonly kubeconfig?: string;
  readonly branch?: string;
  /** @default watch */
  readonly mode?: 'watch' | 'once' | 'until-idle';
}

/** Servers, releases at rest, persons and analyzers. */
export interface World {
  /** All files of the world are below it. */
  readonly folder: string;
  /** The bare repository behind the server. */
  readonly repository: string;
  readonly cluster: Cluster;
  /** In front of the servers: told to fail. */
  readonly proxies: {
    readonly git: FaultyProxy;
    readonly api: FaultyProxy;
    readonly metrics: FaultyProxy;
  };
  /** Names the API server behind its proxy. */
  readonly kubeconfig: string;
  /** A person merges a version. @returns when, in Unix seconds */
  release(id: string, version: Version, form?: ReleaseForm): Promise<number>;
  /** The same for several releases in one commit. */
  releaseAll(ids: readonly string[], version: Version): Promise<number>;
  edit(edit: Edit): Promise<string>;
  analyzer(options?: AnalyzerOptions): Running;
  /** Runs a command of a person on the folder, to its end. */
  perch(...args: readonly string[]): Promise<Ended & { readonly stdout: string; stderr: string }>;
  record(): Promise<readonly Entry[]>;
  /** The state of a release now; undefined where it has none that can be read. */
  state(release: string): Promise<StateText | undefined>;
  /** Waits for something; longer where the machine is busy with other things. @returns after how many seconds it was so; undefined where it never was */
  until(limitSeconds: number, is: () => Promise<boolean> | boolean): Promise<number | undefined>;
  /** Waits until the release stands in a step whose name ends so. */
  untilStep(release: string, step: RegExp, limitSeconds?: number): Promise<void>;
  /**
   * The common end of all scenarios: every release arrives, analyzers end when they are asked to, the history is
   * verified, and no process is left.
   */
  verdict(
    expected: readonly Expectation[],
    limitSeconds: number,
    scope?: VerdictScope,
  ): Promise<Verdict>;
  /** Broken promises that were seen on the way, as sentences. */
  readonly problems: string[];
  /** Done when the world is taken down, also where the run is ended by somebody. */
  onStop(cleanup: () => unknown): void;
  stop(): Promise<void>;
}

/** What is asked about: everything, or the expected releases alone where others are somebody's attack. */
export type VerdictScope = 'everything' | 'expected';

/** What the common end found. */
export interface Verdict {
  readonly problems: readonly string[];
  /** From the call until every release had arrived. */
  readonly seconds: number;
}

/** SIGTERM is heard within it. */
export const TERM_SECONDS = 30;

/** A repository of these releases at rest, each complete with good-1, walked there by the bundle itself. */
export async function makeTemplate(
  bundle: string,
  folder: string,
  releases: readonly string[],
): Promise<string> {
  const repository = join(folder, `${releases.length}-releases.git`);
  await mkdir(repository);
  await git(repository, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main']);
  const files = await Promise.all(
    releases.map((id) => distFiles(id, { temper: 'good', number: 1 })),
  );
  await commitOn(repository, { subject: 'first versions', files: files.flatMap((it) => [...it]) });
  const world = await startWorld(bundle, repository, { releases, beatMs: 500 });
  try {
    const analyzer = world.analyzer({ remote: 'folder', mode: 'until-idle' });
    const { code } = await analyzer.ended;
    if (code !== 0) throw new Error(`no template: ${analyzer.stderr() || analyzer.stdout()}`);
  } finally {
    await world.stop();
  }
  return repository;
}

/** A world on a copy of a template. */
export async function openWorld(
  bundle: string,
  template: string,
  options: WorldOptions,
): Promise<World> {
  const parent = await mkdtemp(join(tmpdir(), 'perch-faults-'));
  const repository = join(parent, 'repository.git');
  await cp(template, repository, { recursive: true });
  const world = await startWorld(bundle, repository, options);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await world.stop();
    await rm(parent, { recursive: true, force: true, maxRetries: 10 });
  };
  return {
    ...world,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function startWorld(
  bundle: string,
  repository: string,
  { releases = ['alpha', 'beta'], beatMs }: WorldOptions,
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-world-'));
  const mark = randomUUID();
  for (const it of ['home', 'tmp']) mkdirSync(join(folder, it));
  const server = await startGitServer({ folder: repository });
  const cluster = await startCluster(repository, releases, beatMs);
  const proxies = {
    git: await startProxy(new URL(server.url).origin),
    api: await startProxy(cluster.api.url),
    metrics: await startProxy(cluster.metrics.url),
  };
  const kubeconfig = join(folder, 'kubeconfig');
  const text = await readFile(cluster.api.kubeconfigPath, 'utf8');
  await writeFile(kubeconfig, text.replace(cluster.api.url, proxies.api.url));
  const url = `${proxies.git.url}/repository.git`;
  const running: Running[] = [];
  const analyzers: Running[] = [];
  const env = (more: AnalyzerOptions['env'] = {}) =>
    defined({
      PATH: process.env.PATH,
      HOME: join(folder, 'home'),
      TMPDIR: join(folder, 'tmp'),
      GIT_CONFIG_NOSYSTEM: '1',
      NO_PROXY: '127.0.0.1',
      [MARK]: mark,
      ...more,
    });
  const problems: string[] = [];
  const cleanups: (() => unknown)[] = [];
  let isDown = false;
  /** A scenario may go on while its world is taken down. */
  const start = (options: Start): Running => {
    if (isDown) throw new Error('the world is taken down');
    const it = startProcess(bundle, options);
    running.push(it);
    return it;
  };

  const analyzer: World['analyzer'] = (options = {}) => {
    const { remote = 'http', cache, branch, mode = 'watch' } = options;
    const args = [
      ...['analyze', `--${mode}`, ...(mode === 'once' ? [] : ['--interval', '1'])],
      ...['--repo', remote === 'http' ? url : repository, '--metrics', proxies.metrics.url],
      ...['--kubeconfig', options.kubeconfig ?? kubeconfig],
      ...(cache === undefined ? [] : ['--cache', cache]),
      ...(branch === undefined ? [] : ['--branch', branch]),
      ...(options.args ?? []),
    ];
    const before = options.before === undefined ? {} : { before: options.before };
    const it = start({ args, env: env(options.env), cwd: folder, ...before });
    analyzers.push(it);
    return it;
  };

  const perch: World['perch'] = async (...args) => {
    const identity = ['--identity', 'Robin <robin@example.com>'];
    const line = [...args, '--repo', repository, ...identity];
    const it = start({ args: line, env: env(), cwd: folder });
    const end = await it.ended;
    return { ...end, stdout: it.stdout(), stderr: it.stderr() };
  };

  const record = () => readRecord(repository);
  const state = (release: string) => readState(repository, release);
  const until: World['until'] = async (limitSeconds, is) => {
    const start = performance.now();
    for (;;) {
      if (await is()) return (performance.now() - start) / 1000;
      if (performance.now() - start > limitSeconds * 1000 * stretch()) return undefined;
      await sleep(150);
    }
  };
  const evidence = async (ids: readonly string[] | undefined): Promise<Evidence> => ({
    entries: (await record()).filter((it) => ids === undefined || ids.includes(it.release)),
    served: (release) => cluster.served(release),
    most: cluster.most,
  });

  return {
    folder,
    repository,
    cluster,
    proxies,
    kubeconfig,
    analyzer,
    perch,
    record,
    state,
    until,
    problems,
    onStop: (cleanup) => void cleanups.push(cleanup),
    async release(id, version, form) {
      const files = await distFiles(id, version, form);
      const subject = `release ${id} ${version.temper}-${version.number}`;
      const removes = (form?.group?.members ?? [id]).map((it) => `dist/${it}`);
      await commitOn(repository, { subject, removes, files });
      return Date.now() / 1000;
    },
    async releaseAll(ids, version) {
      const all = await Promise.all(ids.map((id) => distFiles(id, version)));
      const subject = `release ${ids.length} of ${version.temper}-${version.number}`;
      const removes = ids.map((id) => `dist/${id}`);
      await commitOn(repository, { subject, removes, files: all.flatMap((it) => [...it]) });
      return Date.now() / 1000;
    },
    edit: (edit) => commitOn(repository, edit),
    async untilStep(release, step, limitSeconds = 60) {
      const came = await until(limitSeconds, async () =>
        step.test((await state(release))?.position.step ?? ''),
      );
      if (came === undefined) throw new Error(`${release} never came to ${step.source}`);
    },
    async verdict(expected, limitSeconds, scope = 'everything') {
      const ids = scope === 'everything' ? undefined : expected.map((it) => it.release);
      const seconds = await until(limitSeconds, async () => arrived(await evidence(ids), expected));
      const late = seconds === undefined ? [`not at the end after ${limitSeconds} s`] : [];
      const found = [...late, ...judge(await evidence(ids), expected)];
      if (seconds === undefined) found.push(...lastWords(analyzers));
      for (const it of running.filter((one) => !one.isOver())) {
        const end = await it.terminate(TERM_SECONDS);
        if (end.late) found.push(`an analyzer did not end within ${TERM_SECONDS} s of SIGTERM`);
      }
      found.push(...(await verified(perch, ids)));
      for (const command of await endMarked(mark, 5)) found.push(`left running: ${command}`);
      return { problems: [...problems, ...found], seconds: seconds ?? limitSeconds };
    },
    async stop() {
      isDown = true;
      await Promise.all(running.filter((it) => !it.isOver()).map((it) => it.kill()));
      await endMarked(mark, 1);
      for (const it of cleanups.splice(0).reverse()) await it();
      await Promise.all(Object.values(proxies).map((it) => it.stop()));
      await cluster.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** `perch verify` over the whole history. @param ids those that count @default - all */
async function verified(
  perch: World['perch'],
  ids: readonly string[] | undefined,
): Promise<readonly string[]> {
  const { code, stdout, stderr } = await perch('verify');
  const lines = `${stdout}\n${stderr}`.split('\n');
  const missing = ids?.filter((id) => !lines.some((it) => it.startsWith(`${id}: verified`)));
  if (missing?.length === 0 || (missing === undefined && code === 0)) return [];
  const said = lines.filter((it) => /DIFFERS|^ {2}|^perch:/.test(it)).map((it) => it.slice(0, 300));
  return [`perch verify exits with ${code}: ${said.slice(0, 4).join('; ')}`];
}

/** What analyzers said last, where nobody came to the end. */
function lastWords(analyzers: readonly Running[]): readonly string[] {
  return analyzers.slice(-1).map((it) => {
    const line = it.lines.at(-1);
    const said = line?.reason ?? line?.msg ?? it.stderr().slice(-200);
    return `the last analyzer said: ${said}${it.isOver() ? ' (it has ended)' : ''}`;
  });
}

/** What a finished analyzer has left in the temporary folder. */
export async function leftInTemporary(world: World): Promise<readonly string[]> {
  return readdir(join(world.folder, 'tmp'));
}

function defined(all: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all).filter((it): it is [string, string] => it[1] !== undefined),
  );
}
