import type * as z from 'zod';
import { extended, someOf } from '../props/fields.ts';
import { AT_REST, requestMatch, type Traffic } from '../traffic/traffic.ts';
import { bakeMistakes, bakeProps, baking, matchMistakes } from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import { COMPLETE, canaryUp, finalising, INIT, progressing, promote } from './stages.ts';
import type { Strategy } from './strategy.ts';

/** Whom the candidate is tried on, and for how long. */
export interface AbTestProps extends z.infer<typeof abTestProps> {}

/** The schema of `AbTestProps`. */
export const abTestProps = extended(bakeProps, {
  /** Requests that have all of one of these go to the canary; all others stay on the primary. */
  match: someOf(requestMatch),
});

/** Tries the candidate on chosen requests, then promotes it while they stay there. */
export function abTest(props: AbTestProps): Strategy {
  return madeStrategy('abTest', abTestProps, props, abTestOf);
}

function abTestOf(props: AbTestProps): Strategy {
  const { match } = props;
  const traffic: Traffic = { ...AT_REST, routes: [{ name: 'ab-test', match }] };
  return {
    kind: 'ab-test',
    tracks: ['primary', 'canary'],
    mistakes: (path) => [...matchMistakes(path, 'match', match), ...bakeMistakes(path, props)],
    steps: () => [
      INIT,
      canaryUp(),
      progressing('ab-test', traffic, baking(props)),
      promote(traffic),
      finalising('remove-route', AT_REST),
      COMPLETE,
    ],
  };
}
