import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { METRICS } from '../names.ts';
import { anyOf, bars, dashboard, lines, type Query, stat, states, steps, table } from './panels.ts';

const OF = '{release=~"$release"}';
const phase = METRICS.phase.name;
const weight = METRICS.weight.name;
const failedChecks = METRICS.failedChecks.name;
const since = METRICS.inconclusiveSince.name;
const decisions = METRICS.decisions.name;

const inFailed = `max by (release) (${phase}{release=~"$release",phase="Failed"})`;

const UNDER_WAY =
  'Initializing|Progressing|Waiting|WaitingPromotion|Promoting|Finalising|RollingBack';

/** "Perch rollouts": where every release is, and why. */
export function rolloutsDashboard(): DashboardBuilder {
  return dashboard(
    'perch-rollouts',
    {
      title: 'Perch rollouts',
      description: 'Where every release is, what its checks say, and how it moved.',
    },
    [anyOf('release', phase)],
    {
      Now: [
        stat({ title: 'Under way', description: 'Releases that are moving.' }, inPhase(UNDER_WAY)),
        stat(
          {
            title: 'Paused',
            description: 'Stopped by a person, a deadline, or an edit of Git by hand.',
          },
          inPhase('Paused'),
          alarming('orange'),
        ),
        stat(
          { title: 'Failed', description: 'The newest candidate was rolled back.' },
          inPhase('Failed'),
          alarming('red'),
        ),
        stat(
          {
            title: 'Inconclusive',
            description: 'Releases whose step waits for answers that do not come.',
          },
          { expr: `count(${since}${OF} > 0) or vector(0)`, legend: 'releases' },
          alarming('orange'),
        ),
        table(
          {
            title: 'Releases',
            description:
              'Phase, weight of the canary in percent, failed checks of the newest rollout.',
          },
          {
            'in phase': { expr: `max by (release, phase) (${phase}${OF} == 1)`, legend: '' },
            'weight %': { expr: `max by (release) (${weight}${OF})`, legend: '' },
            'failed checks': { expr: `max by (release) (${failedChecks}${OF})`, legend: '' },
          },
        ),
      ],
      Failures: [
        table(
          {
            title: 'Failed releases',
            description:
              'The newest candidate was rolled back, and nothing is tried again before a fix or `perch retry`.',
          },
          {
            'failed checks': {
              expr: `max by (release) (${failedChecks}${OF}) and on (release) (${inFailed} == 1)`,
              legend: '',
            },
            'rollback s': {
              expr: `max by (release) (${METRICS.rollbackSeconds.name}${OF}) and on (release) (${inFailed} == 1)`,
              legend: '',
            },
          },
        ),
        states(
          { title: 'Failed when', description: 'Since when a release stands as failed.' },
          { expr: `${inFailed} == 1`, legend: '{{release}}' },
        ),
        bars(
          {
            title: 'Failed check points',
            description: 'Points at which a check failed, by release and check.',
          },
          {
            expr: `sum by (release, check) (increase(${METRICS.failedPoints.name}${OF}[$__rate_interval]))`,
            legend: '{{release}}: {{check}}',
          },
        ),
      ],
      Traffic: [
        steps(
          { title: 'Weight of the canary', description: 'As committed in Git.', unit: 'percent' },
          { expr: `max by (release) (${weight}${OF})`, legend: '{{release}}' },
        ).max(100),
        states(
          { title: 'Phases', description: 'Which release was in which phase when.' },
          {
            expr: `max by (release, phase) (${phase}${OF} == 1)`,
            legend: '{{release}}: {{phase}}',
          },
        ),
      ],
      Checks: [
        lines(
          {
            title: 'Values',
            description:
              'The newest value of each check, while it is judged. Units are the checks’ own.',
          },
          {
            expr: `max by (release, check) (${METRICS.checkValue.name}${OF})`,
            legend: '{{release}}: {{check}}',
          },
        ),
        steps(
          {
            title: 'Failed checks',
            description: 'Of the rollout that is under way, or of the last one.',
          },
          { expr: `max by (release) (${failedChecks}${OF})`, legend: '{{release}}' },
        ),
        lines(
          {
            title: 'Inconclusive for',
            description: 'How long answers have been missing; 0 while they come.',
            unit: 's',
          },
          {
            expr: `max by (release) ((time() - ${since}${OF}) * (${since}${OF} > bool 0))`,
            legend: '{{release}}',
          },
        ),
      ],
      Transitions: [
        bars(
          { title: 'Transitions', description: 'Commits by kind.' },
          {
            expr: `sum by (decision) (increase(${decisions}{release=~"$release",decision!~"rest|hold"}[$__rate_interval]))`,
            legend: '{{decision}}',
          },
        ),
        steps(
          {
            title: 'Ways back',
            description:
              'From the newest failed check point to live routes without the canary; the newest of each release.',
            unit: 's',
          },
          {
            expr: `max by (release) (${METRICS.rollbackSeconds.name}${OF})`,
            legend: '{{release}}',
          },
        ),
      ],
    },
  );
}

function inPhase(phases: string): Query {
  const chosen = `${phase}{release=~"$release",phase=~"${phases}"}`;
  return { expr: `count(max by (release) (${chosen}) == 1) or vector(0)`, legend: 'releases' };
}

function alarming(color: string) {
  return [
    { value: null, color: 'green' },
    { value: 1, color },
  ];
}
