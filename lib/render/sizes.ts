import type { Track } from '../plan/plan.ts';
import type { TrackProps } from '../release/release-props.ts';
import type { Scale } from '../strategy/strategy.ts';
import type { Size } from '../workload/autoscalers.ts';

/** What sizes follow from. */
export interface SizeInput {
  /** What the author's workload says: its `replicas`, or the bounds of its autoscaler. */
  readonly own: Size;
  readonly tracks: {
    readonly primary?: Omit<TrackProps, 'replicas'> | undefined;
    readonly canary?: TrackProps | undefined;
  };
  readonly autoscaled: boolean;
}

/**
 * How many pods a track runs at a scale. The primary runs in full unless a number is said, and a baseline is as large as a canary
 * of that scale. Percents of an autoscaled primary are taken of both of its bounds.
 */
export function sizeOf(track: Track, scale: Scale, input: SizeInput): Size {
  const { own, tracks, autoscaled } = input;
  const primary = autoscaled ? bounded(own, tracks.primary) : own;
  if (track === 'primary') return scale.kind === 'replicas' ? exactly(scale.replicas) : primary;
  const full = autoscaled
    ? bounded(own, tracks.canary)
    : exactly(tracks.canary?.replicas ?? own.min);
  if (scale.kind === 'full') return full;
  if (scale.kind === 'none') return exactly(0);
  if (scale.kind === 'replicas') return exactly(scale.replicas);
  return { min: share(primary.min, scale.percent), max: share(primary.max, scale.percent) };
}

function bounded({ min, max }: Size, props: TrackProps = {}): Size {
  return { min: props.minReplicas ?? min, max: props.maxReplicas ?? max };
}

function exactly(replicas: number): Size {
  return { min: replicas, max: replicas };
}

function share(replicas: number, percent: number): number {
  return Math.max(1, Math.ceil((replicas * percent) / 100));
}
