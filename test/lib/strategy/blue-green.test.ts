import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { confirmPromotion, Duration, job, query } from '../../../lib/index.ts';
import { withJobSteps } from '../../../lib/release/jobs.ts';
import { placeHooks } from '../../../lib/render/hook-places.ts';
import { render } from '../../../lib/render/render.ts';
import { type BlueGreenProps, blueGreen } from '../../../lib/strategy/blue-green.ts';
import { sample } from '../sample.ts';
import { expectSafe, mistakesIn, outline } from './outline.ts';

const check = (name: string) => query({ name, query: 'up', min: 1 });

test('the shortest: checks at weight 0, the switch, the promotion under it, the switch back', () => {
  expect(outline(blueGreen())).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    'preview Progressing 100/0 full bake',
    'switch Progressing 0/100 full bake',
    'promote Promoting 0/100 full guard',
    'switch-back Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

test('with everything: pods before requests, and the person before the pods', () => {
  const strategy = blueGreen({
    iterations: 10,
    mirror: { percent: 50 },
    prePromotion: { checks: [check('smoke')], bake: Duration.seconds(60) },
    postPromotion: { checks: [check('orders')], bake: Duration.seconds(120) },
    previewReplicas: 1,
    autoPromotion: false,
    scaleDownDelay: Duration.seconds(300),
    drainTime: Duration.seconds(30),
  });
  expectSafe(strategy);
  const copies = 'copies of 50 % of the requests';
  expect(outline(strategy)).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 1 pods none',
    `preview Progressing 100/0 1 pods bake; ${copies}; 10 points`,
    `pre-promotion Progressing 100/0 1 pods bake; ${copies}; own smoke; 60 s; person`,
    `full-size Progressing 100/0 full guard; ${copies}`,
    'switch Progressing 0/100 full bake; own orders; 120 s; at least 300 s',
    'promote Promoting 0/100 full guard',
    'switch-back Finalising 100/0 full none; 30 s',
    'complete Succeeded 100/0 none none',
  ]);
});

test('checks of the preview alone replace the release’s, which have nothing to judge without requests', () => {
  const strategy = blueGreen({ prePromotion: { checks: [check('smoke')] } });
  expect(outline(strategy).slice(1, 4)).toEqual([
    'canary-up Progressing 100/0 full none',
    'pre-promotion Progressing 100/0 full none; own smoke',
    'switch Progressing 0/100 full bake',
  ]);
});

// Argo Rollouts keeps the old ReplicaSet so long; here it kept the new one, and the old version was gone after one bake.
test('trap scaleDownDelay: the version before stays so long after the switch', async () => {
  const stayOf = async (props: BlueGreenProps, checks: boolean) => {
    const release = sample({
      strategy: blueGreen({ iterations: 0, ...props }),
      ...(checks ? {} : { analysis: {} }),
    });
    return (await render(release)).plan.steps.find((it) => it.name.endsWith('-switch'))?.stay;
  };
  const scaleDownDelay = Duration.minutes(15);
  expect(await stayOf({ scaleDownDelay }, true)).toEqual({ kind: 'bake', seconds: 900 });
  expect(await stayOf({ scaleDownDelay }, false)).toEqual({ kind: 'wait', seconds: 900 });
  const postPromotion = { bake: Duration.minutes(20) };
  expect(await stayOf({ scaleDownDelay, postPromotion }, false)).toEqual({
    kind: 'wait',
    seconds: 1200,
  });
});

// Flagger asks before traffic goes to the new version, and Argo Rollouts runs prePromotionAnalysis then.
test('trap confirm-promotion: hooks and Jobs before the promotion come before the switch', () => {
  const hooks = [confirmPromotion({ name: 'ask', url: 'http://gate.example/' })];
  const drafts = withJobSteps(blueGreen({ iterations: 0 }).steps(), [
    job('accept', { before: 'promotion' }),
    job('migrate', { before: 'replacement' }),
  ]);
  expect(drafts.map((it) => it.name)).toEqual([
    'init',
    'canary-up',
    'job-accept',
    'switch',
    'job-migrate',
    'promote',
    'switch-back',
    'complete',
  ]);
  const { steps } = placeHooks('shop', hooks, drafts);
  const asked = drafts.filter((_, index) => (steps[index]?.gates ?? []).length > 0);
  expect(asked.map((it) => it.name)).toEqual(['job-accept']);
});

// Flagger runs no analysis while it waits for the promotion gate, and asks every second interval only.
test('trap a closed gate: the person is asked in a step that goes on being judged, once', () => {
  const strategy = blueGreen({ mirror: { percent: 100 }, autoPromotion: false });
  expect(strategy.steps().filter((it) => it.gate === 'person')).toMatchObject([
    { name: 'preview', checks: 'bake' },
  ]);
  expect(outline(blueGreen({ iterations: 0, autoPromotion: false }))[1]).toBe(
    'canary-up Progressing 100/0 full none; person',
  );
});

const checks = fc.constant({ checks: [check('own')] });
const props = fc.record(
  {
    iterations: fc.integer({ min: 1, max: 5 }),
    mirror: fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    prePromotion: checks,
    postPromotion: checks,
    previewReplicas: fc.integer({ min: 1, max: 3 }),
    autoPromotion: fc.boolean(),
    scaleDownDelay: fc.constant(Duration.seconds(5)),
  },
  { requiredKeys: [] },
);

test('any blue/green is safe, and switches once each way', () => {
  fc.assert(
    fc.property(props, (it) => {
      expectSafe(blueGreen(it));
      const weights = blueGreen(it)
        .steps()
        .map((step) => step.traffic.weights.canary);
      expect(weights.filter((weight, index) => weight !== weights[index - 1])).toEqual([0, 100, 0]);
    }),
  );
});

describe('mistakes', () => {
  test.each<[BlueGreenProps, string]>([
    [{ iterations: -1 }, 'strategy.iterations must be a whole number, got -1; use 0 or more'],
    [{ iterations: 1, bake: Duration.minutes(1) }, 'strategy has iterations beside bake'],
    [{ mirror: { percent: 101 } }, 'strategy.mirror.percent must be a percent, got 101'],
    [{ mirror: { percent: 10 }, iterations: 0 }, 'strategy.mirror has no step to stand in'],
    [{ previewReplicas: 0 }, 'strategy.previewReplicas must be a whole number of pods, got 0'],
    [{ prePromotion: { checks: [] } }, 'strategy.prePromotion.checks is empty, got []'],
    [
      { postPromotion: { checks: [check('a')], bake: Duration.millis(1) } },
      'strategy.postPromotion.bake must be a whole number of seconds',
    ],
    [{ scaleDownDelay: Duration.millis(1) }, 'strategy.scaleDownDelay must be a whole number'],
    [{ drainTime: Duration.millis(1) }, 'strategy.drainTime must be a whole number'],
  ])('%j', (given, expected) => {
    expect(mistakesIn(blueGreen(given))).toEqual([expect.stringContaining(expected)]);
  });
});
