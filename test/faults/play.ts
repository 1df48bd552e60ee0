import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, seeded } from '../../analyzer/simulated/random.ts';
import type { Result } from './results.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import type { World, WorldOptions } from './world.ts';

/** How scenarios are played. */
export interface PlayOptions {
  readonly short: boolean;
  readonly seed: number;
  /** Scenarios at once; those that want the machine for themselves come last, one by one. */
  readonly atOnce: number;
  readonly open: (options: WorldOptions | undefined) => Promise<World>;
  readonly progress: (line: string) => void;
}

/** Plays every scenario so often as its form asks for. @returns one result for each, in their order */
export async function play(
  scenarios: readonly Scenario[],
  options: PlayOptions,
): Promise<readonly Result[]> {
  const results = new Map<Scenario, Result>();
  const run = async (it: Scenario) => {
    const result = await playOne(it, options);
    results.set(it, result);
    if (result.tries > 0 || result.verdict === 'SKIPPED')
      options.progress(`${result.verdict.padEnd(7)} ${it.name}: ${result.seen}`);
  };
  const withLoad = (load: Scenario['load']) =>
    scenarios.filter((it) => (it.load ?? 'works') === load);
  const queue = [...withLoad('works')];
  const worker = async () => {
    for (let it = queue.shift(); it !== undefined; it = queue.shift()) await run(it);
  };
  const workers = Array.from({ length: options.atOnce }, worker);
  await Promise.all([...workers, ...withLoad('waits').map(run)]);
  for (const it of withLoad('alone')) await run(it);
  return scenarios.flatMap((it) => results.get(it) ?? []).filter(wasPlayed);
}

function wasPlayed({ tries, verdict }: Result): boolean {
  return tries > 0 || verdict === 'SKIPPED';
}

async function playOne(scenario: Scenario, options: PlayOptions): Promise<Result> {
  const { name, promise, tries = { short: 1, long: 1 } } = scenario;
  const base = { scenario: name, promise };
  const why = scenario.missing?.();
  if (why !== undefined)
    return {
      ...base,
      verdict: 'SKIPPED',
      tries: 0,
      seen: why,
      longestSeconds: 0,
      problems: [why],
    };
  const outcomes: Outcome[] = [];
  for (let index = 0; index < (options.short ? tries.short : tries.long); index++)
    outcomes.push(await playTry(scenario, randomOf(options.seed, name, index), options));
  const problems = [...new Set(outcomes.flatMap((it) => it.problems))];
  return {
    ...base,
    verdict: problems.length > 0 ? 'BROKEN' : 'kept',
    tries: outcomes.length,
    seen: outcomes.at(-1)?.seen ?? '',
    longestSeconds: Math.max(0, ...outcomes.map((it) => it.longestSeconds)),
    problems,
  };
}

/** For one try of any scenario: one that hangs is a promise that was broken. */
const LIMIT_SECONDS = 900;

async function playTry(
  scenario: Scenario,
  random: Random,
  { short, open }: PlayOptions,
): Promise<Outcome> {
  const worlds: World[] = [];
  const stage: Stage = {
    short,
    async open(options) {
      const world = await open(options);
      worlds.push(world);
      return world;
    },
  };
  const end = new AbortController();
  const late = sleep(LIMIT_SECONDS * 1000, undefined, { signal: end.signal }).then(() => {
    throw new Error(`it took over ${LIMIT_SECONDS} s`);
  });
  try {
    return await Promise.race([scenario.run(stage, random), late]);
  } catch (error) {
    // A scenario that cannot go on has not seen its promise kept.
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { problems: [said], seen: 'it could not be played to its end', longestSeconds: 0 };
  } finally {
    end.abort();
    late.catch(() => undefined);
    for (const it of worlds) await it.stop();
  }
}

/** Each try has its own numbers, whatever else is played. */
function randomOf(seed: number, name: string, index: number): Random {
  let hash = seed >>> 0;
  for (const it of `${name}#${index}`) hash = (Math.imul(hash, 31) + it.charCodeAt(0)) >>> 0;
  return seeded(hash);
}
