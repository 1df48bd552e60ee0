import { plain } from '../../lib/plan/plain.ts';
import type { CheckExplained, Explanation, PointExplained } from '../core/explanation.ts';
import { needText, testLine } from '../core/judge/proof-text.ts';
import { failedOf, ofWanted, round } from '../core/round.ts';
import { folded } from '../table.ts';

/**
 * An explanation for people: what follows first, and then what it follows from.
 *
 * @param columns of the terminal, in which a line that is wider continues in the next @default - any: nothing is wrapped
 */
export function explanationText(it: Explanation, columns = Number.POSITIVE_INFINITY): string {
  const lines = [
    ...head(it),
    ...section('cluster', clusterLines(it)),
    ...section('pods', trackLines(it)),
    ...section(
      'jobs',
      (it.cluster?.jobs ?? []).map((one) => `${one.file}: ${stateText(one)}`),
    ),
    ...section('checks', checkLines(it)),
    ...section('evidence', evidenceLines(it)),
    ...section(
      'hooks',
      it.hooks.map((one) => `${one.name} (${one.type}): ${one.said}`),
    ),
    ...section(
      'gates',
      it.gates.map((one) => `${gateName(one.opener)}: ${one.said}`),
    ),
    ...section('hours', hourLines(it)),
    ...section('depends on', dependencyLines(it)),
  ];
  // Words of servers and of people: each stays on its own line.
  return folded(lines.map(plain), columns).join('\n');
}

function head({
  release,
  phase,
  weight,
  decision,
  stepName,
  step,
  steps,
  at,
}: Explanation): readonly string[] {
  const place = stepName === undefined ? '' : ` in ${stepName} (${step} of ${steps})`;
  const to = decision.to === null ? '' : ` to ${decision.to}`;
  const until = decision.until === null ? '' : `, next answer at ${decision.until}`;
  return [
    `${release} ${decision.kind}${to}: ${decision.reason}`,
    `${phase}${place}, weight ${weight} %, asked at ${at}${until}`,
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((it) => `  ${it}`)];
}

function clusterLines({ cluster }: Explanation): readonly string[] {
  if (cluster === null) return ['not asked: nothing depends on it'];
  const live = cluster.live ? `live since ${cluster.since}` : `not live: ${cluster.reason}`;
  const objects = cluster.objects.map((it) => {
    const place = it.cluster === null ? '' : `${it.cluster}: `;
    const name = `${it.kind} ${it.namespace === null ? '' : `${it.namespace}/`}${it.name}`;
    return it.wrong.length === 0
      ? `ok     ${place}${name}`
      : `wrong  ${place}${it.wrong.join('; ')}`;
  });
  return [live, ...objects];
}

function trackLines({ cluster }: Explanation): readonly string[] {
  return Object.entries(cluster?.tracks ?? {}).flatMap(([track, it]) =>
    it === undefined ? [] : [`${track}: ${stateText(it)}`],
  );
}

const STATES: Readonly<Record<string, string>> = { notReady: 'not ready' };

function stateText(it: { readonly kind: string; readonly reason?: string }): string {
  const state = STATES[it.kind] ?? it.kind;
  return it.reason === undefined ? state : `${state}: ${it.reason}`;
}

function checkLines({ checks, count }: Explanation): readonly string[] {
  if (count === null) return [];
  const { passed, needed, failed, threshold, excused, trouble } = count;
  const theirs = excused === 0 ? '' : `; ${excused} more failed because of the environment`;
  return [
    `${ofWanted(passed, needed)} passing points, ${failedOf(failed, threshold)}${theirs}`,
    ...(trouble === null ? [] : [`no answer: ${trouble}`]),
    ...checks.flatMap(pointLines),
  ];
}

function evidenceLines({ evidence }: Explanation): readonly string[] {
  if (evidence === null) return [];
  const { harm, safety, need, tests } = evidence;
  const needs =
    need === null
      ? []
      : [needText({ requests: need.requests ?? Infinity, seconds: need.seconds ?? undefined })];
  return [
    `evidence of harm ${round(harm.e)} of ${round(harm.proof)}`,
    ...(safety === null
      ? []
      : [`evidence that the next step is safe ${round(safety.e)} of ${round(safety.proof)}`]),
    ...needs,
    ...tests.map(testLine),
  ];
}

/** Of each grid so many points, the newest last. */
const MOST_POINTS = 10;

function pointLines(check: CheckExplained): readonly string[] {
  return [
    `${check.name} ${check.bounds}${ownText(check)}`,
    ...gridLines('since the commit, where failures alone count', check.counted, check),
    ...gridLines('since it is live, where passes and failures count', check.clean, check),
  ];
}

function ownText({ own }: CheckExplained): string {
  return own === null ? '' : `; ${failedOf(own.failed, own.threshold)} of its own`;
}

function gridLines(
  title: string,
  points: readonly PointExplained[],
  { unit }: CheckExplained,
): readonly string[] {
  if (points.length === 0) return [`  ${title}: no point yet`];
  const left = points.length - MOST_POINTS;
  const shown = points.slice(-MOST_POINTS);
  const lines = shown.map(({ at, value, verdict, said: why }) => {
    const is = value === null ? 'no data' : `${round(value)}${unit === null ? '' : ` ${unit}`}`;
    // The bound that a value breaks stands above.
    const said = why === null || why.startsWith(is) ? is : `${is}  ${why}`;
    return `    ${at}  ${verdict.padEnd(7)}  ${said}`;
  });
  return [`  ${title}:`, ...(left > 0 ? [`    ${left} earlier points`] : []), ...lines];
}

function gateName(opener: string): string {
  return opener === 'person' ? 'a person' : `hook ${opener}`;
}

function hourLines({ hours }: Explanation): readonly string[] {
  if (hours === null) return [];
  return [hours.open ? 'steps may begin now' : `steps may begin from ${hours.opensAt} on`];
}

function dependencyLines({ dependsOn }: Explanation): readonly string[] {
  return dependsOn.map(
    ({ release, phases, is }) =>
      `${release} must be ${phases.join(' or ')}, and is ${is ?? 'not known'}`,
  );
}
