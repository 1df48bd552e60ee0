import { Duration } from 'cdk8s';
import { expect, test } from 'vitest';
import { compileAnalysis } from '../../../lib/analysis/analysis.ts';
import { mistakeText } from '../../../lib/mistake.ts';

test('the defaults', () => {
  expect(compileAnalysis('shop', {})).toEqual({
    mistakes: [],
    bakeSeconds: 60,
    analysis: {
      checkSeconds: 60,
      settleSeconds: 15,
      threshold: 1,
      readyPercent: { primary: 100, canary: 100 },
      progressDeadlineSeconds: 600,
      inconclusiveDeadlineSeconds: 1800,
      onInconclusive: 'hold',
      rollbackDelaySeconds: 0,
      syncSeconds: 60,
    },
  });
});

test('bake time follows the check period unless it is given', () => {
  expect(compileAnalysis('shop', { checkPeriod: Duration.seconds(15) }).bakeSeconds).toBe(15);
  expect(compileAnalysis('shop', { bakeTime: Duration.minutes(5) }).bakeSeconds).toBe(300);
});

test.each([
  [{ threshold: 0 }, 'shop: analysis.threshold must be a whole number, got 0; use 1 or more'],
  [{ threshold: 1.5 }, 'shop: analysis.threshold must be a whole number, got 1.5; use 1 or more'],
  [
    { readyThreshold: { canary: 101 } },
    'shop: analysis.readyThreshold.canary must be a percent, got 101; use 0 to 100',
  ],
  [
    { checkPeriod: Duration.seconds(0), bakeTime: Duration.minutes(1) },
    'shop: analysis.checkPeriod must be a whole number of seconds, got "0 s"; use 1 or more',
  ],
  [
    { settleTime: Duration.millis(10) },
    'shop: analysis.settleTime must be a whole number of seconds, got "0.01 s"; use 0 or more',
  ],
])('mistake %#', (props, text) => {
  expect(compileAnalysis('shop', props).mistakes.map(mistakeText)).toEqual([text]);
});

test('a warm-up is in the plan where there is one', () => {
  const warmUpOf = (seconds: number) =>
    compileAnalysis('shop', { warmUp: Duration.seconds(seconds) }).analysis.warmUpSeconds;
  expect([warmUpOf(30), warmUpOf(0)]).toEqual([30, undefined]);
  expect(
    compileAnalysis('shop', { warmUp: Duration.millis(1500) }).mistakes.map(mistakeText),
  ).toEqual([expect.stringContaining('analysis.warmUp must be a whole number of seconds')]);
});
