import { AT_REST } from '../traffic/traffic.ts';
import { type MirroredStepProps, mirrored, mirroredStepProps } from './canary.ts';
import { bakeMistakes } from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import { COMPLETE, canaryUp, finalising, INIT, promote } from './stages.ts';
import type { Strategy } from './strategy.ts';
import { percentMistakes } from './weights.ts';

/**
 * Tries the candidate on copies of requests, whose answers nobody sees, then promotes it. What it is asked it does:
 * only for requests that may happen twice.
 */
export function shadow(props: MirroredStepProps): Strategy {
  return madeStrategy('shadow', mirroredStepProps, props, shadowOf);
}

function shadowOf(props: MirroredStepProps): Strategy {
  const tried = mirrored('shadow', props);
  return {
    kind: 'shadow',
    tracks: ['primary', 'canary'],
    mistakes: (path) => [
      ...percentMistakes(path, { percent: props.percent }),
      ...bakeMistakes(path, props),
    ],
    steps: () => [
      INIT,
      canaryUp(),
      tried,
      promote(tried.traffic),
      finalising('remove-mirror', AT_REST),
      COMPLETE,
    ],
  };
}
