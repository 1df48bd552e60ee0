import { AT_REST, type RequestMatch, type Traffic } from '../traffic/traffic.ts';
import { type BakeProps, bakeMistakes, baking, matchMistakes } from './judged.ts';
import { COMPLETE, canaryUp, finalising, INIT, progressing, promote } from './stages.ts';
import type { Strategy } from './strategy.ts';

/** Whom the candidate is tried on, and for how long. */
export interface AbTestProps extends BakeProps {
  /** Requests that have all of one of these go to the canary; all others stay on the primary. */
  readonly match: readonly [RequestMatch, ...RequestMatch[]];
}

/** Tries the candidate on chosen requests, then promotes it while they stay there. */
export function abTest(props: AbTestProps): Strategy {
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
