/**
 * When a process stakes its wealth: half of it from the start, a quarter in equal parts as steps begin, and a quarter as
 * time goes on, the k-th time 1/(k (k + 1)) of that. So what sets in with a step is not held against the good steps
 * before, and what sets in at any moment costs 2 ln k of evidence more, and is not outweighed by a good hour. All parts
 * add up to 1, and are fixed before anything is seen; see docs/judge.md.
 */
export const FIRST_STAKE = 0.5;

/** The part that is staked as each later step begins. @param later how many there are, 1 or more */
export function stepStake(later: number): number {
  return 0.25 / later;
}

/**
 * The part that is staked before an interval.
 *
 * @param interval the first of the rollout has 1
 * @param every so many intervals something is staked
 */
export function intervalStake(interval: number, every: number): number {
  if ((interval - 1) % every !== 0) return 0;
  const k = (interval - 1) / every + 1;
  return 0.25 / (k * (k + 1));
}
