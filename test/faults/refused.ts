import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Random } from '../../analyzer/simulated/random.ts';
import { at } from '../../lib/plan/pointer.ts';
import { distFiles, type Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, FIRST, rollsBack } from './ways.ts';
import type { World } from './world.ts';

/** From the abort to the end. */
const ARRIVES_SECONDS = 30;

/** A cluster that applies nothing of a commit which holds one certain object. */
export const refused: readonly Scenario[] = [
  {
    name: 'refused/each-object',
    promise: `whichever object of a candidate is refused, its rollback arrives within ${ARRIVES_SECONDS} s, and users get the stable version`,
    run: eachObject,
  },
];

/** An object of a candidate, in a step. */
interface Target {
  readonly step: string;
  readonly file: string;
  /** Tells it from what other steps and versions hold under the same name. */
  readonly digest: string;
}

async function eachObject(stage: Stage, random: Random): Promise<Outcome> {
  const ids = ['alpha', 'beta', 'gamma', 'delta'];
  const world = await stage.open({ releases: ids });
  world.analyzer();
  const all = await targets('alpha', { temper: 'good', number: 2 });
  const chosen = shuffled(all, random);
  const shares = ids.map((_, index) => chosen.filter((__, it) => it % ids.length === index));
  const digests = new Set<string>();
  world.cluster.admission = (object) =>
    digests.has(digestOf(object)) ? 'admission: refused for a reason' : undefined;
  const times = await Promise.all(
    ids.map((id, index) => refuseInTurn(world, id, shares[index] ?? [], digests)),
  );
  const longest = Math.max(...times.map((it) => it.longestSeconds));
  const expected = times.flatMap((it) =>
    it.last === undefined ? [] : [rollsBack(it.id, it.last)],
  );
  const seen = `${all.length} objects refused, one after the other`;
  const end = await conclude(world, expected, 60, seen);
  return { ...end, longestSeconds: longest };
}

interface Refusing {
  readonly id: string;
  readonly last: Version | undefined;
  readonly longestSeconds: number;
}

/** One version after the other, each with another object that is refused. */
async function refuseInTurn(
  world: World,
  id: string,
  all: readonly Target[],
  digests: Set<string>,
): Promise<Refusing> {
  let [number, longestSeconds] = [1, 0];
  for (const { step, file } of all) {
    number += 1;
    const version: Version = { temper: 'good', number };
    const found = (await targets(id, version)).find((it) => it.step === step && it.file === file);
    if (found === undefined) throw new Error(`no ${step}/${file} in ${id}`);
    digests.add(found.digest);
    await world.release(id, version);
    await world.untilStep(id, new RegExp(`^${step}$`), 60);
    // It is held there, as nothing of it shows in the cluster.
    await sleep(2000);
    await world.perch('abort', id, '-m', 'it is not applied');
    const isBack = async () => (await world.state(id))?.position.kind === 'stable';
    const seconds = await world.until(ARRIVES_SECONDS, isBack);
    longestSeconds = Math.max(longestSeconds, seconds ?? ARRIVES_SECONDS);
    if (seconds === undefined)
      world.problems.push(
        `${step}/${file}: ${id} is not back ${ARRIVES_SECONDS} s after the abort`,
      );
    digests.delete(found.digest);
    // The next one starts from the stable version in any case.
    if (seconds === undefined) await world.until(60, isBack);
  }
  const last: Version | undefined = number === 1 ? undefined : { temper: 'good', number };
  return { id, last, longestSeconds };
}

/** Every object that a rollout brings before it is complete and that the stable version has not. */
async function targets(id: string, version: Version): Promise<readonly Target[]> {
  const stable = new Set((await objectsOf(id, FIRST)).map((it) => it.digest));
  const all = await objectsOf(id, version);
  const last = all
    .map((it) => it.step)
    .sort()
    .at(-1);
  const inSteps = all.filter((it) => it.step !== '00-init' && it.step !== last);
  const fresh = inSteps.filter((it) => it.digest !== '' && !stable.has(it.digest));
  return fresh.filter((it, index) => fresh.findIndex((one) => one.digest === it.digest) === index);
}

async function objectsOf(id: string, version: Version): Promise<readonly Target[]> {
  return [...(await distFiles(id, version))].flatMap(([path, text]) => {
    const [, step = '', file = ''] = /\/steps\/([^/]+)\/(.+)$/.exec(path) ?? [];
    // The same file of another release has another name.
    const place = file.replaceAll(id, '{id}');
    return step === '' ? [] : [{ step, file: place, digest: digestOf(parse(text)) }];
  });
}

function digestOf(object: unknown): string {
  return String(at(object, '/metadata/annotations/perch~1digest') ?? '');
}

function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  const left = [...all];
  return all.flatMap(() => left.splice(random.between(0, left.length - 1), 1));
}
