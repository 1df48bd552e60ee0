import type { PlanTree } from '../../analyzer/core/position.ts';
import { type Blobs, planTree } from './plans.ts';
import { type Random, seeded } from './random.ts';
import type { Behaviour, Faults, Outage } from './world.ts';

/** What happens in one simulated run, all of it drawn from one seed. */
export interface Scenario {
  readonly start: number;
  readonly end: number;
  readonly tickSeconds: number;
  /** When the last release or event comes. */
  readonly lastChange: number;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  readonly faults: Faults;
  readonly distAt: (now: number) => PlanTree | undefined;
  readonly events: readonly Event[];
  /** What the releases are, for messages. */
  readonly story: readonly string[];
  readonly newest: { readonly version: string; readonly good: boolean };
  /** Whether nothing outside the candidates goes wrong. */
  readonly calm: boolean;
}

export type Event =
  | { readonly kind: 'editLive'; readonly at: number }
  | { readonly kind: 'revert'; readonly at: number }
  | { readonly kind: 'editWeight'; readonly at: number; readonly canary: number };

const START = 1_800_000_000;
const HOUR = 3600;

/** @param blobs filled with what the plans refer to */
export function scenario(seed: number, blobs: Blobs): Scenario {
  const random = seeded(seed);
  const weights = random.pick<readonly number[]>([[10, 50], [20], [5, 20, 50], [50, 100]]);
  const behaviours = new Map<string, Behaviour>([
    ['v1', { readyAfter: random.between(2, 20), badFrom: 101 }],
  ]);
  const policy = random.pick(['hold', 'back'] as const);
  const plan = (version: string, setting = '') =>
    planTree({ version, weights, setting, onInconclusive: policy }, blobs);
  const releases = [{ at: START, plan: plan('v1'), version: 'v1' as string, good: true }];
  const story = [`weights ${weights.join(',')}, inconclusive: ${policy}`];
  let at = START + random.between(150, 300);
  const count = random.between(1, 3);
  for (let index = 0; index < count; index++) {
    const next = release(random, releases, index, plan);
    behaviours.set(next.version, behaviours.get(next.version) ?? next.behaviour);
    const known = behaviours.get(next.version) ?? next.behaviour;
    const good = known.badFrom > 100 && known.readyAfter < 100 && known.flakyEvery === undefined;
    releases.push({ at, plan: next.plan, version: next.version, good });
    story.push(`${at} ${next.version} ${next.setting} ${JSON.stringify(known)}`);
    at += random.chance(0.5) ? random.between(20, 300) : random.between(600, 900);
  }
  const calm = random.chance(0.4);
  const drawn = calm ? calmFaults(random) : someFaults(random, story);
  const faults = withSync(drawn, seeded(seed + 1_000_000));
  const events = calm ? [] : someEvents(random, story);
  const last = releases.at(-1);
  return {
    start: START,
    end: at + HOUR,
    tickSeconds: random.pick([5, 10, 15]),
    lastChange: Math.max(last?.at ?? START, ...events.map((it) => it.at)),
    behaviours,
    faults,
    distAt: (now) => releases.filter((it) => it.at <= now).at(-1)?.plan,
    events,
    story,
    newest: { version: last?.version ?? 'v1', good: last?.good ?? true },
    calm,
  };
}

function release(
  random: Random,
  releases: readonly { version: string }[],
  index: number,
  plan: (version: string, setting?: string) => PlanTree,
): { plan: PlanTree; version: string; setting: string; behaviour: Behaviour } {
  const again = random.chance(0.25);
  const version = again ? random.pick(['v1', releases.at(-1)?.version ?? 'v1']) : `v${index + 2}`;
  const setting = again ? random.pick(['', 'new setting']) : '';
  const behaviour: Behaviour = {
    readyAfter: random.chance(0.12) ? Infinity : random.between(2, 25),
    badFrom: random.chance(0.35) ? random.between(1, 60) : 101,
    ...(random.chance(0.15) ? { flakyEvery: random.between(50, 150) } : {}),
  };
  return { plan: plan(version, setting), version, setting, behaviour };
}

/** A sync that tells may be late: nobody guesses how long it takes. Drawn apart, so that stories stay theirs. */
function withSync(faults: Faults, random: Random): Faults {
  if (!random.chance(0.5)) return faults;
  return { ...faults, syncTells: true, syncLag: random.between(1, 60) };
}

function calmFaults(random: Random): Faults {
  return {
    metricsDown: [],
    metricsNaN: [],
    metricsGap: [],
    apiDown: [],
    skew: [],
    syncLag: random.between(1, 15),
    syncTells: false,
  };
}

function someFaults(random: Random, story: string[]): Faults {
  const faults: Faults = {
    metricsDown: outages(random, 0.4),
    metricsNaN: outages(random, 0.4),
    metricsGap: outages(random, 0.3),
    apiDown: outages(random, 0.3),
    skew: outages(random, 0.2).map((it) => ({
      ...it,
      seconds: random.pick([-40, -8, 3, 30] as const),
    })),
    syncLag: random.between(1, 15),
    syncTells: false,
  };
  story.push(JSON.stringify(faults));
  return faults;
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
