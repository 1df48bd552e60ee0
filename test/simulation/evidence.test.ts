import { describe, expect, it } from 'vitest';
import { seeded } from '../../analyzer/simulated/random.ts';
import { THOROUGH } from '../tries.ts';
import { EVIDENCE_PLANTS, type EvidencePlant } from './evidence-plants.ts';
import { FORGOTTEN } from './faults.ts';
import { type Scenario, scenario } from './scenario.ts';
import { type Plant, type Restarts, type Run, simulate } from './simulate.ts';
import { MOST_ALLOWED } from './tested.ts';

/** Few seeds, under which releases with tests end in each way of `ENDS`. */
const COVERING = [13, 27, 39, 44, 53, 1296];
/** Few stories get there: an objective that both tracks miss, and one that the canary meets. */
const RARE = [779, 1296];
const SEEDS = THOROUGH
  ? [...Array.from({ length: 100 }, (_, index) => index + 1), ...RARE]
  : COVERING;

/** How tests end a step, by what is said of it. */
const ENDS = {
  'by proof': /^evidence of harm .* safe .* of 20$/,
  'by proof and checks': /^\d of \d checks passed; evidence of harm/,
  'back by catastrophe': /: catastrophe; evidence of harm/,
  'back by evidence': /: worse; evidence of harm/,
  'back by latency': /: over \d+ ms; evidence of harm/,
  'undecided for too long': /^no conclusive answer for .*not sure yet that the next step is safe/,
  'in a degraded environment': /^the environment is degraded/,
};

/** Seeds under which each planted bug shows, and the rule that it breaks. */
const FOUND: Readonly<Record<EvidencePlant, readonly [seed: number, rule: string]>> = {
  countsOverlappingWindows: [13, 'unproven'],
  countsOneTrackOnly: [441, 'false-alarm'],
  forgetsAReset: [441, 'evidence-lost'],
  beginsEvidenceAnewAfterACrash: [15, 'evidence-lost'],
  beginsEvidenceAnewInEachStep: [15, 'evidence-lost'],
  takesProofOfTheStepBefore: [13, 'unproven'],
  takesSilenceForSafety: [7, 'unproven'],
  weighsWhatWasBeforeTheStepWasLive: [22, 'unproven'],
  ignoresProofOfHarm: [7, 'unproven'],
};

async function run(seed: number, restarts?: Restarts, plant?: Plant): Promise<Run> {
  const blobs = new Map<string, string>();
  return simulate(await scenario(seed, blobs, 'tested'), blobs, restarts, plant);
}

/** Whether no version is worse than the tests allow, beside the first. */
function isAllowed({ behaviours }: Scenario): boolean {
  return [...behaviours.values()].every(
    ({ failing = 0, slow, badFrom }) =>
      failing <= MOST_ALLOWED && slow === undefined && badFrom > 100,
  );
}

describe('simulated rollouts that weigh evidence', () => {
  it(`break no rule under ${SEEDS.length} seeds, and end in each way`, {
    timeout: 600_000,
  }, async () => {
    const broken: string[] = [];
    const reasons = new Set<string>();
    const policies = new Set<string>();
    let allowed = 0;
    let alarms = 0;
    for (const seed of SEEDS) {
      const blobs = new Map<string, string>();
      const story = await scenario(seed, blobs, 'tested');
      const found = await simulate(story, blobs).catch((error: unknown) => {
        broken.push(`seed ${seed}: ${String(error)}`);
      });
      if (found === undefined) continue;
      for (const it of found.reasons) reasons.add(it);
      for (const it of found.log)
        if (ENDS['undecided for too long'].test(it.replace(/^.*?\} /, '')))
          policies.add(it.split(' ')[3] ?? '');
      if (!isAllowed(story)) continue;
      allowed += 1;
      if (found.log.some((it) => / back .*evidence of harm/.test(it))) alarms += 1;
    }
    expect(broken).toEqual([]);
    const missing = Object.entries(ENDS).filter(
      ([, said]) => ![...reasons].some((it) => said.test(it)),
    );
    expect(missing.map(([end]) => end)).toEqual([]);
    expect([...policies].sort()).toEqual(['back', 'note']);
    // Of what tests allow, at most alpha is taken back: three deviations more are chance.
    const most = 0.01 * allowed + 3 * Math.sqrt(0.01 * 0.99 * allowed);
    expect([allowed, alarms <= most]).toEqual([allowed, true]);
  });

  it('decide the same when the analyzer restarts at any point', async () => {
    for (const seed of THOROUGH ? SEEDS.slice(0, 40) : [13, 15, 22]) {
      const blobs = new Map<string, string>();
      const { faults, ...rest } = await scenario(seed, blobs, 'tested');
      const story = { ...rest, faults: { ...faults, ...FORGOTTEN } };
      const random = seeded(seed);
      const calm = await simulate(story, blobs);
      const restarted = await simulate(story, blobs, () => random.chance(0.3));
      expect(restarted.log).toEqual(calm.log);
    }
  });

  it('promote a good version beside a dry run', async () => {
    const blobs = new Map<string, string>();
    const story = await scenario(DRY, blobs, 'tested');
    const { evidence } = story.distAt(story.start, 'app')?.plan ?? {};
    expect(evidence?.tests.some((it) => it.share === 0)).toBe(true);
    const { finalVersion } = await simulate(story, blobs);
    expect(finalVersion).toBe(story.newest.version);
  });
});

/** A seed under which a release with a dry run is promoted. */
const DRY = 155;

describe('the simulation of evidence', () => {
  /** Runs without a planted bug, which some plants share. */
  const sound = new Map<number, Promise<Run>>();

  it.each(Object.keys(EVIDENCE_PLANTS) as EvidencePlant[])(
    'finds a judge that %s',
    async (name) => {
      const [seed, rule] = FOUND[name];
      const restarts: Restarts = (tick) => tick % 7 === 0;
      const plain = sound.get(seed) ?? run(seed, restarts);
      sound.set(seed, plain);
      await expect(plain).resolves.toBeDefined();
      await expect(run(seed, restarts, EVIDENCE_PLANTS[name])).rejects.toMatchObject({ rule });
    },
  );
});
