import type { Bucket } from '../../../analyzer/core/judge/evidence/latency.ts';
import type { Scenario } from '../../../analyzer/simulated/requests.ts';
import { median } from '../numbers.ts';
import type { Rule } from './rules.ts';
import { MINUTES, traffic } from './traffic.ts';

/** What a rule did in all runs of a scenario. */
export interface Cell {
  readonly runs: number;
  readonly rolledBack: number;
  /** From the onset on, of those that were rolled back after it; undefined where half were not. */
  readonly medianMinutes: number | undefined;
}

/** How one cell is measured. */
export interface Plan {
  readonly scenario: Scenario;
  readonly perSecond: number;
  readonly intervalSeconds: number;
  readonly runs: number;
  readonly seed: number;
}

/** Runs of a scenario by each rule, which all see the same traffic. */
export function measure(rules: readonly Rule[], plan: Plan): readonly Cell[] {
  const onset = plan.scenario.onsetMinute ?? 0;
  const ends = rules.map((): number[] => []);
  const runsOf = rules.map((it) => Math.max(1, Math.round(plan.runs * (it.part ?? 1))));
  const known = history(plan);
  for (let run = 0; run < plan.runs; run++) {
    let atWork = rules
      .map((it, k) => ({ k, step: it.start(known) }))
      .filter(({ k }) => run < (runsOf[k] ?? 0));
    if (atWork.length === 0) break;
    const { scenario, perSecond, intervalSeconds, seed } = plan;
    for (const seen of traffic(scenario, perSecond, intervalSeconds, seed + run)) {
      atWork = atWork.filter(({ k, step }) => {
        if (!step(seen)) return true;
        ends[k]?.push(seen.minute);
        return false;
      });
      if (atWork.length === 0) break;
    }
  }
  return ends.map((all, k) => {
    const runs = runsOf[k] ?? 0;
    const found = all.filter((it) => it > onset).map((it) => it - onset);
    const medianMinutes =
      2 * found.length > runs
        ? median([...found, ...Array<number>(runs - found.length).fill(MINUTES)])
        : undefined;
    return { runs, rolledBack: all.length, medianMinutes };
  });
}

/** The primary's latency before: a run in which nothing is wrong, of which the primary is counted. */
function history({ scenario, intervalSeconds, seed }: Plan): readonly Bucket[] {
  if (scenario.latency === undefined) return [];
  const calm = { ...scenario, latency: { times: 1, late: 0 } };
  const [first] = traffic(calm, 2000, intervalSeconds, seed);
  return first?.histograms?.primary ?? [];
}
