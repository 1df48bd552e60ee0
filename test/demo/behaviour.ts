import type { Behaviour, TrafficOptions } from './traffic.ts';

/** Percent of the traffic from which on a failing image fails. */
const BREAKING_PERCENT = 20;

/** How the versions of the demo behave: a little slower with more traffic, or failing from 20 % on. */
export function behaviour({
  failing,
}: {
  /** The image that fails; none does where it is undefined. */
  readonly failing: string | undefined;
}): TrafficOptions['behaviour'] {
  return (image, percent): Behaviour => {
    if (image === failing && percent >= BREAKING_PERCENT)
      return { successRate: 93.5 - percent / 20, latencyP99Ms: 740 + percent };
    return { successRate: 99.9, latencyP99Ms: 190 + percent * 0.6 };
  };
}
