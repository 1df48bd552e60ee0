import type { Behaviour, TrafficOptions } from '../../analyzer/simulated/traffic.ts';

/** How the versions of the demo behave: a little slower with more traffic, or failing from some percent on. */
export function behaviour({
  failing,
  breaksAt = 20,
}: {
  /** The image that fails; none does where it is undefined. */
  readonly failing: string | undefined;
  /** Percent of the traffic. @default 20 */
  readonly breaksAt?: number;
}): TrafficOptions['behaviour'] {
  return (image, percent): Behaviour => {
    if (image === failing && percent >= breaksAt)
      return { successRate: 93.5 - percent / 20, latencyP99Ms: 740 + percent };
    return { successRate: 99.9, latencyP99Ms: 190 + percent * 0.6 };
  };
}
