import { durationText } from '../plan/describe.ts';
import { type Evidence, percentText, type Test, testText } from '../plan/evidence.ts';
import { paceOf, provesSafety } from '../plan/pace.ts';
import type { Plan } from '../plan/plan.ts';
import { table } from './table.ts';

/** The sections of PLAN.md about tests: what they ask, and what traffic the steps need; none without tests. */
export function evidenceSections(plan: Plan): readonly string[] {
  const { evidence } = plan;
  if (evidence === undefined || plan.steps.every((it) => it.tests === undefined)) return [];
  return ['## Evidence', testsTable(evidence), ...pace(plan, evidence)];
}

function testsTable({ tests, alpha, intervalSeconds }: Evidence): string {
  const rows = tests.map((it) => [it.name, testText(it), share(it), it.source]);
  return [
    table(['test', 'rolls back on proof that', 'share', 'store'], rows),
    '',
    `Requests are counted every ${durationText(intervalSeconds)}. All tests together roll back a candidate that is no worse than`,
    `allowed in at most ${percentText(alpha)} of rollouts, however often they look.`,
  ].join('\n');
}

function share({ share: it }: Test): string {
  return it === 0 ? 'dry run' : percentText(it);
}

/** How many requests each step needs until the next one is known to be within the budget. */
function pace(plan: Plan, evidence: Evidence): readonly string[] {
  const { budget, beta, requestsPerSecond } = evidence;
  if (!provesSafety(plan))
    return ['A step is left when the canary had requests and no harm was proved.'];
  const rows = plan.steps.flatMap((step, index) => {
    const needs = paceOf(plan, index);
    if (needs === undefined) return [];
    const { nextPercent, requests, seconds } = needs;
    const time = seconds === undefined ? 'copies alone' : durationText(Math.ceil(seconds));
    return [
      [
        step.name,
        `${nextPercent} %`,
        requests.toLocaleString('en-US'),
        ...(requestsPerSecond === undefined ? [] : [time]),
      ],
    ];
  });
  const head = ['step', 'next weight', 'canary requests'];
  const rate =
    requestsPerSecond === undefined
      ? []
      : [`at ${requestsPerSecond.toLocaleString('en-US')} requests/s`];
  return [
    [
      `A step is left when it is proved that the next one makes at most ${percentText(budget)} of all requests bad (wrong in at most`,
      `${percentText(beta)} of steps). Where errors are rare that takes about so many requests to the canary:`,
    ].join('\n'),
    table([...head, ...rate], rows),
    ...tooSlow(plan),
  ];
}

/** What is proved later than answers are waited for is never proved at that rate. */
function tooSlow(plan: Plan): readonly string[] {
  const { inconclusiveDeadlineSeconds, onInconclusive } = plan.analysis;
  const late = plan.steps.filter(
    (_, index) => (paceOf(plan, index)?.seconds ?? 0) > inconclusiveDeadlineSeconds,
  );
  if (late.length === 0) return [];
  const then = onInconclusive === 'back' ? 'the release rolls back' : 'a person decides';
  return [
    [
      `**At that rate ${late.map((it) => it.name).join(', ')} cannot be left in time**: after ${durationText(inconclusiveDeadlineSeconds)} without proof ${then}.`,
      "Allow a larger `budget`, a longer `inconclusiveDeadline`, or `advance: 'no-harm-seen'`.",
    ].join('\n'),
  ];
}
