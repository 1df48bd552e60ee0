import { groupOf } from '../manifest/manifest.ts';
import { type Mistake, sentence } from '../mistake.ts';
import { guardSecondsOf } from '../plan/analysis.ts';
import { describeSteps, durationText, times, uncheckedText } from '../plan/describe.ts';
import type { Hours } from '../plan/hours.ts';
import { checkText } from '../plan/judge.ts';
import { isOfUnknownPace } from '../plan/pace.ts';
import { plain } from '../plan/plain.ts';
import { DEFAULT_SOURCE, hasService, type Plan } from '../plan/plan.ts';
import { makesSecret } from '../workload/secret-sources.ts';
import { evidenceSections } from './evidence-page.ts';
import { table } from './table.ts';

/** PLAN.md: what a reviewer reads instead of the manifests. */
export function planPage(plan: Plan, warnings: readonly Mistake[] = []): string {
  const sections = [
    `# ${plan.release}: the next rollout`,
    intro(plan),
    ...warned(warnings),
    '## Steps',
    table(
      ['step', 'primary / canary %', 'writes', 'bake', 'to leave it'],
      describeSteps(plan).map((it) => [it.step, it.weights, it.writes, it.bake, it.gate]),
    ),
    '## Checks',
    checks(plan),
    ...evidenceSections(plan),
    ...hooks(plan),
    ...sharedSecrets(plan),
    ...conditions(plan),
    '## Times',
    timesText(plan),
    '## How to read this',
    READING,
  ];
  return `${sections.join('\n\n')}\n`;
}

function intro(plan: Plan): string {
  const { services } = plan.shape;
  const lines = [
    `${plan.name} in namespace ${plan.namespace}, candidate \`${plan.candidate}\`.`,
    '',
    ...plan.images.map((it) => `- image \`${it}\``),
    ...(services === undefined
      ? []
      : [`- from Service \`${services.stable}\` to Service \`${services.candidate}\``]),
    ...(hasService(plan.shape) ? [] : ['- no Service: its pods take work themselves']),
  ];
  return lines.join('\n');
}

/** Without the places in the author's code, which move when nothing of the release does. */
function warned(warnings: readonly Mistake[]): readonly string[] {
  if (warnings.length === 0) return [];
  return ['## Warnings', warnings.map((it) => `- ${plain(sentence(it))}`).join('\n')];
}

function checks(plan: Plan): string {
  if (plan.checks.length === 0 && plan.evidence !== undefined)
    return 'No value is held against bounds; the tests below weigh what is counted.';
  const unchecked = uncheckedText(plan);
  const said = unchecked === undefined ? [] : [capitalised(unchecked)];
  if (plan.checks.length === 0) return said.join('');
  // Where all ask the one store that everybody has, its name says nothing.
  const named = plan.checks.some((it) => it.source !== DEFAULT_SOURCE);
  const rows = plan.checks.map((it) => [
    it.name,
    `${checkText(it)}${it.dryRun === true ? ' (dry run)' : ''}`,
    durationText(it.windowSeconds),
    ...(named ? [it.source] : []),
    `\`${it.ask.canary}\``,
  ]);
  const head = ['check', 'passes', 'window', ...(named ? ['store'] : []), 'query'];
  return [...said, table(head, rows)].join('\n\n');
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What is called, and where: a reviewer decides whether the analyzer may. */
function hooks({ hooks: all = [] }: Plan): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.map((it) => [
    it.name,
    it.type,
    `\`${it.url}\``,
    durationText(it.timeoutSeconds),
    it.key === undefined ? 'no' : `by \`${it.key}\``,
  ]);
  return ['## Hooks', table(['hook', 'type', 'address', 'timeout', 'signed'], rows)];
}

/** Secrets that both tracks read from the first step on, as they have one name in both versions. */
function sharedSecrets({ files, steps, shape, workloads }: Plan): readonly string[] {
  const first = steps[1]?.name;
  // Without pods of its own a release has nothing that reads them.
  if (first === undefined || shape.services !== undefined) return [];
  const lines = Object.values(files).flatMap((it) => {
    if (it.role !== 'configuration') return [];
    // Of all configuration, only what is copied is not asked for.
    if (!it.asked) return [`${it.kind} ${it.name} (copied byte for byte)`];
    return makesSecret(groupOf(it.apiVersion), it.kind) ? [`${it.kind} ${it.name}`] : [];
  });
  if (lines.length === 0) return [];
  const whom = workloads.canary === undefined ? 'all pods' : 'both tracks';
  const why = 'its name cannot carry a version.';
  return [
    '## Secrets',
    lines.map((it) => `- ${it} changes in step ${first} for ${whom}: ${why}`).join('\n'),
  ];
}

/** What else a rollout waits for, or does not. */
function conditions(plan: Plan): readonly string[] {
  const { group, start = [], hours = [], dependsOn = [], rollbackWindow, suspend, attempt } = plan;
  const gates = start.map((it) => (it.kind === 'person' ? 'a person' : `hook ${it.hook}`));
  const lines = [
    ...(suspend === true ? ['Suspended: only a necessary rollback happens.'] : []),
    ...(attempt === undefined
      ? []
      : [`Attempt ${attempt}: starts this candidate again where it failed in an earlier one.`]),
    ...(group === undefined
      ? []
      : [`Moves as one with ${group.members.join(', ')}, as group ${group.name}.`]),
    ...(gates.length === 0 ? [] : [`Starts when it is let by ${gates.join(' and ')}.`]),
    ...dependsOn.map((it) => `Starts when release ${it.release} is ${it.phases.join(' or ')}.`),
    ...hours.map((it) => `Steps begin ${hoursText(it)}.`),
    ...(rollbackWindow === undefined
      ? []
      : [
          `A candidate among the last ${rollbackWindow} promoted before waits for no check and no gate.`,
        ]),
  ];
  return lines.length === 0 ? [] : ['## Conditions', lines.map((it) => `- ${it}`).join('\n')];
}

function hoursText({ days, fromMinute, toMinute, timeZone }: Hours): string {
  const clock = (minute: number) =>
    [Math.floor(minute / 60), minute % 60].map((it) => String(it).padStart(2, '0')).join(':');
  return `${days.join(', ')} from ${clock(fromMinute)} to ${clock(toMinute)}, ${timeZone}`;
}

function timesText(plan: Plan): string {
  const it = times(plan);
  const rows = [
    ['promote', durationText(it.promoteMinSeconds), durationText(it.promoteWorstSeconds)],
    ['roll back', durationText(it.rollbackMinSeconds), durationText(it.rollbackWorstSeconds)],
  ];
  return [
    table(['', 'at least', 'at worst'], rows),
    '',
    'At least: everything syncs and is ready at once, and every check passes. At worst: every commit takes a whole',
    'sync interval, every start takes the progress deadline, and checks fail as often as they may without a rollback.',
    'Rolling back counts to the end of the canary’s traffic; from promotion on the primary is brought back first.',
    ...ownText(plan),
    ...(isOfUnknownPace(plan)
      ? [
          'What evidence takes depends on the requests, and is in no time here: `evidence.requestsPerSecond` says how many.',
        ]
      : []),
    ...waitingText(plan),
  ].join('\n');
}

/** What begins a rollback, and what comes of answers that are missing, as far as anything is asked. */
function waitingText({ analysis, checks, evidence }: Plan): readonly string[] {
  const { threshold, checkSeconds, inconclusiveDeadlineSeconds, onInconclusive } = analysis;
  const isChecked = checks.some((it) => it.dryRun !== true && it.threshold === undefined);
  const after =
    onInconclusive === 'hold' ? 'the rollout holds for a person' : 'the release rolls back';
  if (checks.length === 0 && evidence === undefined) return [];
  const begins = isChecked
    ? `It begins at failed check ${threshold} (one every ${durationText(checkSeconds)}). `
    : '';
  return [
    `${begins}Answers that are missing only`,
    `extend a step; after ${durationText(inconclusiveDeadlineSeconds)} without any ${after}.`,
  ];
}

/** What begins a rollback sooner, or later, than the threshold of the release. */
function ownText({ checks, analysis }: Plan): readonly string[] {
  const deciding = checks.filter((it) => it.dryRun !== true);
  const aborting = deciding.filter((it) => it.abort !== undefined).map((it) => it.name);
  const own = deciding.flatMap(({ name, threshold }) =>
    threshold === undefined ? [] : [`failed check ${threshold} of ${name}`],
  );
  const guard = durationText(guardSecondsOf(analysis));
  return [
    ...(aborting.length === 0
      ? []
      : [
          `It begins at one value beyond the abort bound of ${aborting.join(', ')} (one every ${guard}).`,
        ]),
    ...(own.length === 0
      ? []
      : [`It begins at ${own.join(', at ')}, whose failures count for nothing else.`]),
  ];
}

const READING = `Each step is a folder under \`steps/\` that holds only the files that change in it; \`live/\` is the stable set with
the steps so far laid over it. The first and the last folder hold whole sets: \`00-init\` is for a release that does
not run yet, the last is the steady state. A step is left when its objects are in the cluster and its gate is open;
if the checks fail too often the release rolls back to the stable set.

The candidate is a hash of the pod template and the configuration that it uses. If it differs from the one before,
merging this starts a rollout; if not, the change is configuration and is written at once. Review an application
change in its pull request; review here that the steps, bounds and objects are the ones you expect.`;
