import * as z from 'zod';
import { aCheck } from '../analysis/checks.ts';
import type { Mistake } from '../mistake.ts';
import { duration, fields, listOf } from '../props/fields.ts';
import { AT_REST, type Traffic } from '../traffic/traffic.ts';
import {
  bakeMistakes,
  baking,
  durationMistakes,
  judging,
  ownCheckMistakes,
  ownChecksProps,
} from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import {
  COMPLETE,
  canaryUp,
  FULL,
  finalising,
  INIT,
  progressing,
  promote,
  type StageProps,
} from './stages.ts';
import type { Scale, StepDraft, Strategy } from './strategy.ts';
import { percentMistakes, split } from './weights.ts';

/** How the candidate is tried beside the version that serves, and how all requests go over to it at once. */
export interface BlueGreenProps extends z.infer<typeof blueGreenProps> {}

/** The schema of `BlueGreenProps`. */
export const blueGreenProps = fields({
  /**
   * How long the release's checks must pass before the switch. No request of a user reaches the canary then: without
   * copies or traffic of your own to Service `<name>-canary` there is nothing to judge, and the rollout holds.
   * @default - the release's `analysis.bakeTime`; no such step where `prePromotion` is given
   */
  bake: duration.optional(),
  /**
   * The same as a number of check points; 0 leaves the step out.
   * @default - as many as the bake time has
   */
  iterations: z.number().optional(),
  /**
   * Copies that the canary gets until the switch, where the router can mirror.
   * @default - none
   */
  mirror: fields({
    percent: z.number(),
  }).optional(),
  /**
   * Checks before the switch, beside the release's.
   * @default - none
   */
  prePromotion: ownChecksProps.optional(),
  /**
   * Checks after the switch, beside the release's, and how long all must pass, while the version before is one commit away.
   * @default - the release's own, for its bake time
   */
  postPromotion: fields({
    /** @default - none beside the release's */
    checks: listOf(aCheck).optional(),
    /**
     * How long it is judged, or waited where there is no check at all.
     * @default - the release's `analysis.bakeTime`
     */
    bake: duration.optional(),
  }).optional(),
  /**
   * Pods of the canary until just before the switch.
   * @default - all
   */
  previewReplicas: z.number().optional(),
  /**
   * Whether the switch comes by itself; else somebody says `perch promote`.
   * @default true
   */
  autoPromotion: z.boolean().optional(),
  /**
   * How long at least the version before stays after the switch: a rollback is a switch back until then.
   * @default - as long as the candidate is judged after the switch
   */
  scaleDownDelay: duration.optional(),
  /**
   * How long the canary is kept once the primary has its requests back, for connections that are still open.
   * @default - not at all
   */
  drainTime: duration.optional(),
});

/**
 * Runs the candidate beside the version that serves, switches all requests to it at once, and makes it the primary.
 * Service `<name>-canary` is the preview.
 */
export function blueGreen(props: BlueGreenProps = {}): Strategy {
  return madeStrategy('blueGreen', blueGreenProps, props, blueGreenOf);
}

function blueGreenOf(props: BlueGreenProps): Strategy {
  return {
    kind: 'blue-green',
    tracks: ['primary', 'canary'],
    mistakes: (path) => mistakes(path, props),
    steps: () => steps(props),
  };
}

const SWITCHED = split(100);

function steps(props: BlueGreenProps): readonly StepDraft[] {
  const { previewReplicas, postPromotion, scaleDownDelay, drainTime } = props;
  const traffic = previewTraffic(props);
  return [
    INIT,
    ...approved(props, preview(props, traffic)),
    ...(previewReplicas === undefined
      ? []
      : [progressing('full-size', traffic, { checks: props.mirror ? 'guard' : 'none' })]),
    progressing('switch', SWITCHED, {
      checks: 'bake',
      isPromotion: true,
      ...(postPromotion === undefined ? {} : afterwards(postPromotion)),
      ...(scaleDownDelay === undefined ? {} : { atLeast: scaleDownDelay }),
    }),
    promote(SWITCHED),
    finalising('switch-back', AT_REST, drainTime === undefined ? {} : { bake: drainTime }),
    COMPLETE,
  ];
}

function afterwards({
  checks = [],
  bake,
}: NonNullable<BlueGreenProps['postPromotion']>): StageProps {
  return judging({ checks, ...(bake === undefined ? {} : { bake }) });
}

function previewTraffic({ mirror }: BlueGreenProps): Traffic {
  return mirror === undefined ? AT_REST : { ...AT_REST, mirrors: [{ percent: mirror.percent }] };
}

/** What happens while no user sees the candidate. */
function preview(props: BlueGreenProps, traffic: Traffic): readonly StepDraft[] {
  const { previewReplicas, prePromotion, mirror, bake, iterations } = props;
  const canary: Scale =
    previewReplicas === undefined ? FULL : { kind: 'replicas', replicas: previewReplicas };
  const isAsked = bake !== undefined || iterations !== undefined || mirror !== undefined;
  const judged = iterations !== 0 && (isAsked || prePromotion === undefined);
  return [
    canaryUp(canary),
    ...(judged ? [progressing('preview', traffic, { ...baking(props), canary })] : []),
    ...(prePromotion === undefined
      ? []
      : [
          progressing('pre-promotion', traffic, {
            // Without copies the release's own checks would have nothing to judge.
            checks: mirror === undefined ? 'none' : 'bake',
            ...judging(prePromotion),
            canary,
          }),
        ]),
  ];
}

/** A person says yes to the preview, before it is made full size. */
function approved(props: BlueGreenProps, drafts: readonly StepDraft[]): readonly StepDraft[] {
  if (props.autoPromotion !== false) return drafts;
  return drafts.map((it, index) => (index === drafts.length - 1 ? { ...it, gate: 'person' } : it));
}

function mistakes(path: string, props: BlueGreenProps): Mistake[] {
  const { mirror, previewReplicas, prePromotion, postPromotion } = props;
  const { scaleDownDelay, drainTime } = props;
  const found = [
    ...bakeMistakes(path, props, { least: 0 }),
    ...percentMistakes(path, { 'mirror.percent': mirror?.percent }),
    ...ownCheckMistakes(path, 'prePromotion', prePromotion),
    ...durationMistakes(path, 'postPromotion.bake', postPromotion?.bake),
    ...durationMistakes(path, 'scaleDownDelay', scaleDownDelay),
    ...durationMistakes(path, 'drainTime', drainTime),
  ];
  if (previewReplicas !== undefined && !(Number.isInteger(previewReplicas) && previewReplicas > 0))
    found.push({
      path,
      problem: 'strategy.previewReplicas must be a whole number of pods',
      got: previewReplicas,
      remedy: 'use 1 or more',
    });
  if (mirror !== undefined && props.iterations === 0 && prePromotion === undefined)
    found.push({
      path,
      problem: 'strategy.mirror has no step to stand in',
      got: props.iterations,
      remedy: 'use iterations of 1 or more, or give prePromotion',
    });
  return found;
}
