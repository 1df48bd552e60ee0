import { preRollout } from '../../../lib/index.ts';
import type { Expectation } from '../oracle.ts';
import type { StateText } from '../record.ts';
import type { ReleaseForm, Version } from '../releases.ts';
import { completes, FIRST, rollsBack } from '../ways.ts';
import type { World } from '../world.ts';

const GOOD: Version = { temper: 'good', number: 2 };
const BAD: Version = { temper: 'bad', number: 2 };

type Merge = (version: Version) => Promise<unknown>;

/** What one version of Perch leaves behind in the middle of something, and another one finds. */
export interface Upgrade {
  /** Of its file. */
  readonly name: string;
  readonly releases: readonly string[];
  /** @default - as all releases of a world */
  readonly form?: ReleaseForm;
  /** Brings a repository of first versions there. @param merge a person merges a version of all releases */
  reach(world: World, merge: Merge): Promise<void>;
  /** What persons do once the next version runs. @default nothing */
  finish?(world: World): Promise<void>;
  readonly ends: readonly Expectation[];
}

/** Every kind of position in which an upgrade may find a release. */
export const UPGRADES: readonly Upgrade[] = [
  {
    name: 'init',
    releases: ['init'],
    reach: (world) => passes(world, 'init', ({ position }) => position.kind === 'init'),
    ends: [completes('init', FIRST)],
  },
  {
    name: 'rest',
    releases: ['rest'],
    reach: async (world, merge) => {
      await first(world, 'rest');
      await merge(GOOD);
    },
    ends: [completes('rest', GOOD)],
  },
  {
    name: 'step',
    releases: ['step'],
    reach: (world, merge) => inStep(world, merge, 'step', GOOD, /weight-20$/),
    ends: [completes('step', GOOD)],
  },
  {
    name: 'promotion',
    releases: ['promotion'],
    reach: (world, merge) => inStep(world, merge, 'promotion', GOOD, /promote$/),
    ends: [completes('promotion', GOOD)],
  },
  {
    name: 'back-primary',
    releases: ['back-primary'],
    reach: async (world, merge) => {
      await inStep(world, merge, 'back-primary', GOOD, /promote$/);
      await person(world, 'abort', 'back-primary');
    },
    ends: [rollsBack('back-primary', GOOD)],
  },
  {
    name: 'back-routes',
    releases: ['back-routes'],
    reach: async (world, merge) => {
      await inStep(world, merge, 'back-routes', BAD, /weight-20$/);
      await passes(world, 'back-routes', ({ position }) => position.kind === 'back');
    },
    ends: [rollsBack('back-routes', BAD)],
  },
  {
    name: 'paused',
    releases: ['paused'],
    reach: async (world, merge) => {
      await inStep(world, merge, 'paused', GOOD, /weight-20$/);
      await person(world, 'pause', 'paused');
    },
    finish: (world) => person(world, 'resume', 'paused'),
    ends: [completes('paused', GOOD)],
  },
  {
    name: 'fast',
    releases: ['fast'],
    reach: async (world, merge) => {
      await inStep(world, merge, 'fast', GOOD, /weight-20$/);
      await person(world, 'promote', 'fast', '--full');
    },
    ends: [completes('fast', GOOD)],
  },
  {
    name: 'hook',
    releases: ['hook'],
    // Nobody listens there: what became of the call is never known, and a person decides.
    form: { hooks: [preRollout({ name: 'ask', url: 'http://127.0.0.1:9/ask' })] },
    reach: async (world, merge) => {
      await inStep(world, merge, 'hook', GOOD, /canary-up$/);
      await passes(world, 'hook', ({ hooks }) => hooks !== undefined);
    },
    finish: (world) => person(world, 'promote', 'hook', '--full'),
    ends: [completes('hook', GOOD)],
  },
  {
    name: 'group',
    releases: ['left', 'right'],
    form: { group: { name: 'pair', members: ['left', 'right'] } },
    reach: (world, merge) => inStep(world, merge, 'left', GOOD, /weight-20$/),
    ends: [completes('left', GOOD), completes('right', GOOD)],
  },
  {
    name: 'undo',
    releases: ['undo'],
    reach: async (world, merge) => {
      await first(world, 'undo');
      await merge(GOOD);
      await passes(
        world,
        'undo',
        ({ position, transition }) => position.kind === 'complete' && transition > 2,
      );
      await person(world, 'undo', 'undo');
    },
    ends: [rollsBack('undo', GOOD)],
  },
];

async function inStep(
  world: World,
  merge: Merge,
  id: string,
  version: Version,
  step: RegExp,
): Promise<void> {
  await first(world, id);
  await merge(version);
  await passes(world, id, ({ position }) => step.test(position.step ?? ''));
}

function first(world: World, id: string): Promise<void> {
  return passes(world, id, ({ position }) => position.kind === 'complete');
}

async function person(world: World, verb: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await world.perch(verb, ...args, '-m', 'to be upgraded');
  if (code !== 0) throw new Error(`perch ${verb} exits with ${code}: ${stderr}`);
}

/** One pass after the other, until a release is where it is to be left. */
async function passes(
  world: World,
  id: string,
  is: (state: StateText & { readonly hooks?: unknown }) => boolean,
): Promise<void> {
  const came = await world.until(90, async () => {
    const state = await world.state(id);
    if (state !== undefined && is(state)) return true;
    await world.analyzer({ mode: 'once', remote: 'folder' }).ended;
    return false;
  });
  if (came === undefined) throw new Error(`${id} never came to its position`);
}
