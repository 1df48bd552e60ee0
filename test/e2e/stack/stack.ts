import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Asset, assetPath, missingAssets } from '../servers/assets.ts';
import { type Kubernetes, missingKubernetes, startKubernetes } from '../servers/kubernetes.ts';
import { findOnPath } from '../servers/program.ts';
import {
  missingPrometheus,
  type Prometheus,
  type Scrape,
  startPrometheus,
} from '../servers/prometheus.ts';
import type { Server } from '../servers/server.ts';
import { writeKubeconfigFor } from './accounts.ts';
import { type Api, openApi } from './api.ts';
import { type ArgoCd, startArgoCd } from './argo-cd.ts';
import { type Flux, startFlux } from './flux/flux.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { type Git, startGit } from './git.ts';
import { missingNetwork } from './network.ts';
import { type Nodes, startNodes } from './nodes.ts';
import { type Player, startPlayer } from './player/player.ts';

/** What of the stack is started besides Git, and Kubernetes with simulated nodes. */
export interface StackOptions {
  /** How many nodes there are. @default 1 */
  readonly nodes?: number;
  /** GitOps tools. @default - none */
  readonly sync?: readonly ('flux' | 'argo-cd')[];
  /** Contour, Envoy, and the server that answers for all pods. @default false */
  readonly gateway?: boolean;
  /** The ports of containers that pods answer on. @default [9898] */
  readonly podPorts?: readonly number[];
  /** Prometheus, which scrapes Envoy and the pods where there are any, pods that ask for it, and `scrapes`. @default false */
  readonly prometheus?: boolean;
  /** Between two scrapes of Envoy. @default 1 */
  readonly scrapeSeconds?: number;
  /** More that Prometheus scrapes. @default - nothing */
  readonly scrapes?: readonly Scrape[];
  /** How often Argo CD compares each Application with Git. @default 10 */
  readonly argoCdPollSeconds?: number;
  /** Files of more CustomResourceDefinitions. @default - those of what is started */
  readonly crds?: readonly string[];
  /** Users whose calls the API server writes down. @default - nobody's */
  readonly auditedUsers?: readonly string[];
  /** Keeps all data and logs. @default - a temporary folder, removed by `stop`, kept by a failure */
  readonly folder?: string;
  /** Gets a line for each thing that has started. @default - they are printed */
  readonly progress?: (line: string) => void;
}

/**
 * Real servers, wired together. A part that the options did not ask for throws when it is used.
 * Each server can be taken away for a while with `stop()` and brought back with `start()`.
 */
export interface Stack {
  /** All data and logs: `<part>/<server>.log`. */
  readonly folder: string;
  readonly kubernetes: Kubernetes;
  /** As the user who may do everything. */
  readonly api: Api;
  readonly git: Git;
  readonly flux: Flux;
  readonly argoCd: ArgoCd;
  readonly gateway: Gateway;
  readonly player: Player;
  readonly prometheus: Prometheus;
  /** All that runs, in the order in which it was started, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  /** A server by its name. @throws Error that lists the names when there is none */
  server(name: string): Server;
  /** Writes a kubeconfig with a token of an existing ServiceAccount; back with its path. */
  kubeconfigFor(namespace: string, account: string): Promise<string>;
  /** The ends of all logs, for the message of a failure. */
  logs(lines?: number): Promise<string>;
  /**
   * Loses the cluster with every object in it, and builds a new one at the same address, with what
   * `startStack` had put there. Git and Prometheus go on meanwhile; what follows Git must be told
   * again, and namespaces must be made again.
   */
  rebuildCluster(): Promise<void>;
  /** Ends everything that was started, and removes its data unless the options gave a folder. */
  stop(): Promise<void>;
}

/** Why this machine cannot run such a stack, and what to do; nothing when it can. */
export async function missingStack(options: StackOptions): Promise<string | undefined> {
  const assets: Asset[] = ['kwok'];
  if (isFlux(options))
    assets.push('kustomize-controller', 'flux-kustomize-crds.yaml', 'flux-source-crds.yaml');
  if (isArgoCd(options)) assets.push('argocd', 'argo-cd-crds.yaml');
  if (options.gateway)
    assets.push('contour', 'contour-crds.yaml', 'envoy', 'gateway-api-crds.yaml');
  const redis = isArgoCd(options) && findOnPath('redis-server') === undefined;
  return (
    missingKubernetes(['kube-controller-manager', 'kube-scheduler']) ??
    missingAssets('The stack', assets) ??
    (redis ? 'Argo CD needs redis-server on PATH. Run .ci/servers/install.' : undefined) ??
    (options.prometheus ? missingPrometheus() : undefined) ??
    // Argo CD's metrics listen everywhere: not outside of a network of its own.
    (options.gateway || isArgoCd(options) ? await missingNetwork() : undefined)
  );
}

function isFlux({ sync = [] }: StackOptions): boolean {
  return sync.includes('flux');
}

function isArgoCd({ sync = [] }: StackOptions): boolean {
  return sync.includes('argo-cd');
}

/**
 * Starts servers on free loopback ports. Only one stack with a gateway can run at a time in one
 * network, because all pods share the ports of their containers.
 *
 * @throws Error with the logs' ends when one is missing or does not get ready; nothing runs then
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const missing = await missingStack(options);
  if (missing !== undefined) throw new Error(missing);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'perch-stack-')));
  const building: Building = { options, folder, parts: {}, servers: new Map(), cleanups: [] };
  try {
    await build(building);
    return stackOf(building);
  } catch (error) {
    await end(building);
    const message = `the stack did not start: ${(error as Error).message}\n(all logs: ${folder})`;
    throw new Error(message, { cause: error });
  }
}

interface Parts {
  kubernetes?: Kubernetes;
  api?: Api;
  git?: Git;
  nodes?: Nodes;
  flux?: Flux;
  argoCd?: ArgoCd;
  gateway?: Gateway;
  player?: Player;
  prometheus?: Prometheus;
}

interface Building {
  readonly options: StackOptions;
  readonly folder: string;
  readonly parts: Parts;
  readonly servers: Map<string, Server>;
  readonly cleanups: (() => Promise<void> | void)[];
}

async function build(building: Building): Promise<void> {
  const { options, folder, parts } = building;
  const of = (name: string) => join(folder, name);
  const kubernetes = await step(building, 'Kubernetes', () =>
    startCluster(options, of('kubernetes')),
  );
  parts.kubernetes = kubernetes;
  building.cleanups.push(kubernetes.stop);
  add(building, kubernetes.servers);
  const api = openApi(kubernetes);
  parts.api = api;
  building.cleanups.push(api.close);
  const git = await step(building, 'Git', () => startGit(of('git')));
  parts.git = git;
  add(building, [git.server]);
  const { nodes: count = 1 } = options;
  const kwok = () => startNodes({ kubernetes, folder: of('kwok'), count });
  parts.nodes = await step(building, `KWOK, nodes: ${count}`, kwok);
  add(building, [parts.nodes.server]);
  if (options.gateway) await buildGateway(building, kubernetes);
  if (options.prometheus) await buildPrometheus(building);
  if (isFlux(options)) {
    const flux = () => startFlux({ kubernetes, api, folder: of('flux') });
    parts.flux = await step(building, 'Flux', flux);
    add(building, parts.flux.servers);
  }
  if (isArgoCd(options)) {
    const pollSeconds = options.argoCdPollSeconds ?? 10;
    const argoCd = () => startArgoCd({ kubernetes, folder: of('argo-cd'), pollSeconds });
    parts.argoCd = await step(building, 'Argo CD', argoCd);
    add(building, parts.argoCd.servers);
  }
}

function startCluster(options: StackOptions, folder: string): Promise<Kubernetes> {
  const crds: Asset[] = [];
  if (options.gateway) crds.push('gateway-api-crds.yaml', 'contour-crds.yaml');
  if (isFlux(options)) crds.push('flux-source-crds.yaml', 'flux-kustomize-crds.yaml');
  if (isArgoCd(options)) crds.push('argo-cd-crds.yaml');
  return startKubernetes({
    folder,
    controllerManager: true,
    scheduler: true,
    crds: [...crds.map(assetPath), ...(options.crds ?? [])],
    auditedUsers: options.auditedUsers ?? [],
  });
}

async function buildGateway(building: Building, kubernetes: Kubernetes): Promise<void> {
  const { options, folder, parts } = building;
  const ports = options.podPorts ?? [9898];
  const player = () => startPlayer({ kubernetes, folder: join(folder, 'player'), ports });
  parts.player = await step(building, 'the server for all pods', player);
  add(building, [parts.player.server]);
  const gateway = () => startGateway({ kubernetes, folder: join(folder, 'gateway') });
  parts.gateway = await step(building, 'Contour and Envoy', gateway);
  add(building, [parts.gateway.contour, parts.gateway.envoy]);
}

async function buildPrometheus(building: Building): Promise<void> {
  const { options, folder, parts } = building;
  const intervalSeconds = options.scrapeSeconds ?? 1;
  const scrapes = [...(options.scrapes ?? [])];
  if (parts.gateway) {
    scrapes.push({ job: 'envoy', url: parts.gateway.metricsUrl, intervalSeconds });
  }
  if (parts.player) {
    scrapes.push({ job: 'pods', url: parts.player.metricsUrl, intervalSeconds });
  }
  const pods = parts.player === undefined ? {} : { podsUrl: parts.player.targetsUrl };
  const prometheus = () =>
    startPrometheus({ folder: join(folder, 'prometheus'), scrapes, ...pods });
  parts.prometheus = await step(building, 'Prometheus', prometheus);
  add(building, [parts.prometheus.server]);
}

async function step<T>({ options }: Building, what: string, start: () => Promise<T>): Promise<T> {
  const progress = options.progress ?? ((line) => console.info(line));
  const begin = performance.now();
  const started = await start();
  progress(`stack: ${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return started;
}

function add({ servers }: Building, more: readonly Server[]): void {
  for (const server of more) servers.set(server.name, server);
}

function stackOf(building: Building): Stack {
  const { folder, parts, servers } = building;
  const part = <K extends keyof Parts>(name: K): NonNullable<Parts[K]> => {
    const found = parts[name];
    if (found === undefined) throw new Error(`the stack was started without ${name}`);
    return found;
  };
  return {
    folder,
    servers,
    get kubernetes() {
      return part('kubernetes');
    },
    get api() {
      return part('api');
    },
    get git() {
      return part('git');
    },
    get flux() {
      return part('flux');
    },
    get argoCd() {
      return part('argoCd');
    },
    get gateway() {
      return part('gateway');
    },
    get player() {
      return part('player');
    },
    get prometheus() {
      return part('prometheus');
    },
    server(name) {
      const found = servers.get(name);
      if (found !== undefined) return found;
      throw new Error(`no server ${name}; there are ${[...servers.keys()].join(', ')}`);
    },
    async kubeconfigFor(namespace, name) {
      const path = join(folder, `${namespace}.${name}.kubeconfig`);
      const account = { kubernetes: part('kubernetes'), api: part('api'), namespace, name, path };
      await writeKubeconfigFor(account);
      return path;
    },
    rebuildCluster: () => rebuildCluster(building),
    logs: (lines = 15) => logsOf(folder, lines),
    async stop() {
      await end(building);
      if (building.options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function rebuildCluster({ servers, parts }: Building): Promise<void> {
  const { kubernetes, nodes, player, gateway, flux, argoCd } = parts;
  const outside = new Set(['git', 'prometheus', 'player']);
  const within = [...servers.values()].filter((it) => !outside.has(it.name));
  for (const server of within.toReversed()) await server.stop();
  await kubernetes?.wipe();
  // Nodes get ready only when somebody plays them.
  await nodes?.server.start();
  for (const part of [nodes, player, gateway, flux, argoCd]) await part?.setUp();
  for (const server of within) await server.start();
}

async function end({ servers, cleanups }: Building): Promise<void> {
  for (const server of [...servers.values()].toReversed()) await server.stop();
  for (const clean of cleanups.toReversed()) await clean();
}

async function logsOf(folder: string, lines: number): Promise<string> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const logs = names.filter((it) => it.endsWith('.log')).sort();
  const tails = logs.map(async (name) => {
    const text = await readFile(join(folder, name), 'utf8');
    return `--- ${name}\n${text.trimEnd().split('\n').slice(-lines).join('\n')}`;
  });
  return (await Promise.all(tails)).join('\n');
}
