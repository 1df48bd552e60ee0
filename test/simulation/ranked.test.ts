import { describe, expect, it } from 'vitest';
import { seeded } from '../../analyzer/simulated/random.ts';
import { THOROUGH } from '../tries.ts';
import { FORGOTTEN } from './faults.ts';
import { PASSES_ON_TOO_FEW, ranked } from './ranked.ts';
import { scenario } from './scenario.ts';
import { type Plant, simulate } from './simulate.ts';

const SEEDS = Array.from({ length: THOROUGH ? 60 : 8 }, (_, index) => index + 1);

async function story(seed: number, blobs: Map<string, string>) {
  return ranked(await scenario(seed, blobs, 'canary'));
}

async function run(seed: number, plant?: Plant) {
  const blobs = new Map<string, string>();
  return simulate(await story(seed, blobs), blobs, undefined, plant);
}

describe('simulated rollouts that compare by ranks', () => {
  it(`break no rule under ${SEEDS.length} seeds`, { timeout: 600_000 }, async () => {
    const broken: string[] = [];
    const reasons = new Set<string>();
    const kinds = new Set<string>();
    for (const seed of SEEDS) {
      const found = await run(seed).catch((error: unknown) => {
        broken.push(`seed ${seed}: ${String(error)}`);
      });
      for (const one of found?.reasons ?? []) reasons.add(one);
      for (const one of found?.kinds ?? []) kinds.add(one);
    }
    expect(broken).toEqual([]);
    expect([...kinds]).toEqual(expect.arrayContaining(['complete', 'back']));
    for (const one of [/ranked has \d of 5 points/, /failed checks? of .*ranked/])
      expect([...reasons].some((it) => one.test(it))).toBe(true);
  });

  it('find a judge that passes on too few points', async () => {
    await expect(run(2, PASSES_ON_TOO_FEW)).rejects.toMatchObject({ rule: 'too-few' });
  });

  it('decide the same when the analyzer restarts at any point', async () => {
    for (const seed of [1, 2, 3]) {
      const blobs = new Map<string, string>();
      const { faults, ...rest } = await story(seed, blobs);
      const calm = { ...rest, faults: { ...faults, ...FORGOTTEN } };
      const random = seeded(seed);
      const once = await simulate(calm, blobs);
      const often = await simulate(calm, blobs, () => random.chance(0.3));
      expect(often.log).toEqual(once.log);
    }
  });
});
