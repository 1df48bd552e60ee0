import { createHash } from 'node:crypto';
import type { PlanTree } from '../../analyzer/core/position.ts';
import { type Random, seeded } from '../../analyzer/simulated/random.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { Traffic } from './counters.ts';
import { type Faults, NO_FAULTS, type Outage } from './faults.ts';
import type { HookBehaviour, HookRun } from './hooks.ts';
import type { PersonEvent } from './person.ts';
import { type Blobs, planTree } from './plans.ts';
import type { Behaviour } from './pods.ts';
import { KINDS, type KindName, membersOf, renderedTrees } from './rendered.ts';
import { someFailing, someMiscounts, someTests, type Tested } from './tested.ts';
import { type Plot, someTroubles } from './troubles.ts';

/** What happens in one simulated run, all of it drawn from one seed. */
export interface Scenario {
  /** How it is released. */
  readonly kind: KindName | 'canary' | 'tested';
  readonly start: number;
  readonly end: number;
  readonly tickSeconds: number;
  /** When the last release or event comes. */
  readonly lastChange: number;
  /** Ids of its releases. */
  readonly ids: readonly string[];
  /** By image. */
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  /** By hook. */
  readonly hooks: ReadonlyMap<string, HookBehaviour>;
  /** Objects that no release brings. */
  readonly outside: readonly Manifest[];
  /** Requests that are counted. @default - none is */
  readonly traffic?: Traffic | undefined;
  readonly faults: Faults;
  readonly distAt: (now: number, id: string) => PlanTree | undefined;
  readonly events: readonly Event[];
  /** What the releases are, for messages. */
  readonly story: readonly string[];
  readonly newest: { readonly version: string; readonly good: boolean };
  /** Whether nothing outside the candidates goes wrong. */
  readonly calm: boolean;
}

export type Event =
  | PersonEvent
  | { readonly kind: 'editLive'; readonly at: number }
  | { readonly kind: 'revert'; readonly at: number }
  | { readonly kind: 'editWeight'; readonly at: number; readonly canary: number };

const START = 1_800_000_000;
const HOUR = 3600;

/** Says more of how a version behaves. */
type Draw = (it: Behaviour) => Behaviour;

/** Makes the plans of all of a story's releases, in the order of its ids. */
type MakePlans = (release: {
  readonly version: string;
  readonly setting: string;
  readonly suspend: boolean;
  readonly attempt: number;
}) => Promise<readonly PlanTree[]>;

/**
 * @param blobs filled with what the plans refer to
 * @param only the way of releasing. @default - each has its turn
 */
export async function scenario(
  seed: number,
  blobs: Blobs,
  only?: Scenario['kind'],
): Promise<Scenario> {
  const random = seeded(seed);
  const turn = random.chance(0.25) ? 'canary' : (TURNS[seed % TURNS.length] ?? 'canary');
  const kind = only ?? turn;
  const ids = kind === 'canary' || kind === 'tested' ? ['app'] : membersOf(kind);
  // From a source of its own, as troubles are.
  const own = seeded(seed + 2_000_003);
  const tested = kind === 'tested' ? someTests(own) : undefined;
  const draw: Draw =
    tested === undefined
      ? (it) => it
      : (it) => ({ ...it, ...someFailing(own), flakyEvery: undefined });
  const story = [`${kind}`];
  const calm = random.chance(0.4);
  const plans = planner(random, kind, { calm, blobs, story, tested });
  const releases = await drawReleases(random, { kind, ids, calm, plans, story, draw });
  const { behaviours, all, at } = releases;
  const faults = {
    ...withSync(calm ? calmFaults(random) : someFaults(random, story), random),
    ...(calm ? {} : troubles(seed, { start: START, releases: all, blobs }, story)),
    ...(calm || tested === undefined ? {} : someMiscounts(own, START)),
  };
  const events = [
    ...(calm ? [] : someEvents(random, story)),
    ...somePersons(random, kind, { calm, until: at, story }),
  ];
  const hooks = someHooks(random, all[0]?.trees[0]?.plan, calm, story);
  const last = all.at(-1);
  return {
    kind,
    ids,
    start: START,
    end: at + (calm ? HOUR : HOUR / 2),
    tickSeconds: random.pick([5, 10, 15]),
    lastChange: Math.max(last?.at ?? START, ...events.map((it) => it.at)),
    behaviours,
    hooks,
    outside: kind === 'existing' ? ['v1', 'v2', 'v3', 'v4'].flatMap(outsidePods) : [],
    traffic: tested && { seed, requestsPerSecond: tested.requestsPerSecond },
    faults,
    distAt: (now, id) => all.filter((it) => it.at <= now).at(-1)?.trees[ids.indexOf(id)],
    events,
    story,
    newest: { version: last?.version ?? 'v1', good: last?.good ?? true },
    calm,
  };
}

/** They came later, and would change every story that is known by its seed. */
const WITHOUT_TURN: readonly KindName[] = ['worker', 'ownRoutes', 'ownVirtualServices'];

/** Those that have their turns. */
export const TURNS = (Object.keys(KINDS) as KindName[]).filter((it) => !WITHOUT_TURN.includes(it));

function planner(
  random: Random,
  kind: Scenario['kind'],
  {
    calm,
    blobs,
    story,
    tested,
  }: {
    readonly calm: boolean;
    readonly blobs: Blobs;
    readonly story: string[];
    readonly tested: Tested | undefined;
  },
): MakePlans {
  const weights = random.pick<readonly number[]>([[10, 50], [20], [5, 20, 50], [50, 100]]);
  const onInconclusive = random.pick(['hold', 'back'] as const);
  const rollbackWindow = random.chance(0.4) ? random.between(1, 3) : undefined;
  story.push(`weights ${weights.join(',')}, inconclusive: ${onInconclusive}, ${rollbackWindow}`);
  return async ({ version, setting, suspend, attempt }) => {
    const trees =
      kind === 'canary' || kind === 'tested'
        ? [planTree({ version, weights, setting, latency: true, ...tested?.options }, blobs)]
        : await renderedTrees({ kind, version, setting }, blobs);
    return trees.map((it) =>
      withPlan(it, {
        analysis: { ...it.plan.analysis, onInconclusive },
        ...(rollbackWindow === undefined || calm ? {} : { rollbackWindow }),
        ...(suspend ? { suspend } : {}),
        ...(attempt === 1 ? {} : { attempt }),
      }),
    );
  };
}

/** The same files under a plan that says something more. */
function withPlan(tree: PlanTree, patch: Partial<Plan>): PlanTree {
  const id = createHash('sha1').update(tree.tree + JSON.stringify(patch));
  return { ...tree, plan: { ...tree.plan, ...patch }, tree: id.digest('hex') };
}

interface Released {
  readonly at: number;
  readonly version: string;
  readonly trees: readonly PlanTree[];
  readonly good: boolean;
}

async function drawReleases(
  random: Random,
  it: {
    readonly kind: Scenario['kind'];
    readonly ids: readonly string[];
    readonly calm: boolean;
    readonly plans: MakePlans;
    readonly draw: Draw;
    readonly story: string[];
  },
): Promise<{ behaviours: Map<string, Behaviour>; all: readonly Released[]; at: number }> {
  const { kind, ids, calm, plans, story, draw } = it;
  const behaviours = new Map<string, Behaviour>();
  // On one track both versions answer the same questions, so a bad one speaks against the next.
  const isMixed = kind === 'partitions' || kind === 'ramped' || kind === 'recreate';
  for (const id of ids)
    behaviours.set(`${id}:v1`, { readyAfter: random.between(2, 20), badFrom: 101 });
  const all: Released[] = [
    {
      at: START,
      trees: await plans({ version: 'v1', setting: '', suspend: false, attempt: 1 }),
      version: 'v1',
      good: true,
    },
  ];
  let at = START + random.between(150, 300);
  // Whoever releases Services that exist already looks first which of them has the traffic.
  const count = kind === 'existing' ? 1 : random.between(1, 3);
  for (let index = 0; index < count; index++) {
    const again = kind !== 'existing' && random.chance(0.25);
    const version = again
      ? random.pick(['v1', all.at(-1)?.version ?? 'v1'])
      : `v${String(index + 2)}`;
    const setting = again ? random.pick(['', 'new setting']) : '';
    for (const id of ids) {
      const drawn = draw(behaviour(random, kind === 'jobs'));
      behaviours.set(`${id}:${version}`, behaviours.get(`${id}:${version}`) ?? drawn);
    }
    const known = ids.flatMap((id) => behaviours.get(`${id}:${version}`) ?? []);
    const suspend = !calm && random.chance(0.05);
    // Whoever changes something else of the newest version means it to be tried again.
    const attempt = setting !== '' && version === all.at(-1)?.version ? index + 1 : 1;
    all.push({
      at,
      trees: await plans({ version, setting, suspend, attempt }),
      version,
      good: !suspend && known.every(isGoodVersion) && (!isMixed || all.every((one) => one.good)),
    });
    story.push(`${at} ${version} ${setting} ${suspend} ${attempt} ${JSON.stringify(known)}`);
    at += random.chance(0.5) ? random.between(20, 300) : random.between(600, 900);
  }
  return { behaviours, all, at };
}

function behaviour(random: Random, hasJobs: boolean): Behaviour {
  return {
    readyAfter: random.chance(0.12) ? Infinity : random.between(2, 25),
    badFrom: random.chance(0.35) ? random.between(1, 60) : 101,
    ...(random.chance(0.15) ? { flakyEvery: random.between(50, 150) } : {}),
    ...(hasJobs ? { job: { seconds: random.between(5, 60), end: random.pick(JOB_ENDS) } } : {}),
  };
}

const JOB_ENDS = ['complete', 'complete', 'complete', 'fail', 'never'] as const;

/** Whether nothing can be found against a version. */
export function isGoodVersion(it: Behaviour | undefined): boolean {
  if (it === undefined) return false;
  const { badFrom, readyAfter, flakyEvery, failing, slow, job } = it;
  return (
    badFrom > 100 &&
    readyAfter < 100 &&
    flakyEvery === undefined &&
    failing === undefined &&
    slow === undefined &&
    (job?.end ?? 'complete') === 'complete'
  );
}

/** A sync that tells may be late: nobody guesses how long it takes. */
function withSync(faults: Faults, random: Random): Faults {
  if (!random.chance(0.5)) return faults;
  return { ...faults, syncTells: true, syncLag: random.between(1, 60) };
}

function calmFaults(random: Random): Faults {
  return { ...NO_FAULTS, syncLag: random.between(1, 15) };
}

function someFaults(random: Random, story: string[]): Faults {
  const faults: Faults = {
    ...NO_FAULTS,
    metricsDown: outages(random, 0.4),
    metricsNaN: outages(random, 0.4),
    metricsGap: outages(random, 0.3),
    apiDown: outages(random, 0.3),
    skew: outages(random, 0.2).map((it) => ({
      ...it,
      seconds: random.pick([-40, -8, 3, 30] as const),
    })),
    syncLag: random.between(1, 15),
  };
  story.push(JSON.stringify(faults));
  return faults;
}

/** From a source of their own, so that a new kind of trouble leaves the rest of each story as it was. */
function troubles(seed: number, plot: Plot, story: string[]): Partial<Faults> {
  const found = someTroubles(seeded(seed + 1_000_003), plot);
  story.push(JSON.stringify(found));
  return found;
}

function outages(random: Random, probability: number): Outage[] {
  if (!random.chance(probability)) return [];
  const start = START + random.between(100, 1200);
  return [{ start, end: start + random.pick([20, 60, 200, 500] as const) }];
}

function someEvents(random: Random, story: string[]): Event[] {
  const events: Event[] = [];
  if (random.chance(0.15)) events.push({ kind: 'editLive', at: START + random.between(200, 900) });
  if (random.chance(0.1)) events.push({ kind: 'revert', at: START + random.between(200, 900) });
  if (random.chance(0.2))
    events.push({
      kind: 'editWeight',
      at: START + random.between(200, 900),
      canary: random.pick([0, 77]),
    });
  if (events.length > 0) story.push(JSON.stringify(events));
  return events;
}

/** Somebody looks at the gates now and then; in a story that is not calm persons do all sorts of things. */
function somePersons(
  random: Random,
  strategy: Scenario['kind'],
  {
    calm,
    until,
    story,
  }: { readonly calm: boolean; readonly until: number; readonly story: string[] },
): PersonEvent[] {
  const events: PersonEvent[] = [];
  const looks = strategy === 'approved' || strategy === 'steps' || strategy === 'gated';
  const every = random.between(150, 400);
  if (looks && (calm || random.chance(0.6)))
    for (let at = START + 200; at < until + 2700; at += every) events.push({ kind: 'promote', at });
  if (calm) return events;
  const verbs = ['full', 'undo', 'abort', 'pause', 'resume', 'retry', 'promote'] as const;
  const count = random.chance(0.6) ? random.between(1, 4) : 0;
  for (let index = 0; index < count; index++) {
    const kind = random.pick(verbs);
    // Only what is complete can be undone.
    const at = kind === 'undo' ? until + random.between(0, 900) : START + random.between(200, 1800);
    events.push({ kind, at });
  }
  story.push(JSON.stringify(events.slice(0, 8)));
  return events;
}

function someHooks(
  random: Random,
  plan: Plan | undefined,
  calm: boolean,
  story: string[],
): ReadonlyMap<string, HookBehaviour> {
  const hooks = new Map<string, HookBehaviour>();
  for (const { name, type } of plan?.hooks ?? []) {
    const yes =
      type === 'rollback' ? (calm ? [] : outages(random, 0.7)) : spans(random, calm, type);
    const silent = calm ? [] : outages(random, 0.3);
    hooks.set(name, { yes, silent, runs: calm ? [run(random, 'passed')] : someRuns(random) });
  }
  if (hooks.size > 0) story.push(JSON.stringify([...hooks]));
  return hooks;
}

/** A gate that opens late, and closes again for a while. */
function spans(random: Random, calm: boolean, type: string): readonly Outage[] {
  if (type === 'rollout' && (calm || random.chance(0.6))) return [{ start: START, end: Infinity }];
  const opens = START + (random.chance(0.3) ? random.between(100, 1200) : 0);
  if (calm || random.chance(0.5)) return [{ start: opens, end: Infinity }];
  const closes = opens + random.between(100, 700);
  return [
    { start: opens, end: closes },
    { start: closes + random.between(20, 300), end: Infinity },
  ];
}

function someRuns(random: Random): HookBehaviour['runs'] {
  const ends = ['passed', 'passed', 'passed', 'failed', 'unknown', 'unsent'] as const;
  return [run(random, random.pick(ends)), run(random, random.pick(ends)), run(random, 'passed')];
}

function run(random: Random, end: HookRun['end']): HookRun {
  return { seconds: random.between(1, 80), end };
}

/** A Service that exists already, and the pods behind it. */
function outsidePods(version: string): readonly Manifest[] {
  const metadata = { name: `app-${version}`, namespace: 'test' };
  const spec = { template: { spec: { containers: [{ image: `app:${version}` }] } } };
  return [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }];
}
