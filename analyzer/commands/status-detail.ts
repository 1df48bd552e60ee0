import { plain } from '../../lib/plan/plain.ts';
import type { Detail } from '../core/detail.ts';
import { failedChecksText, failedOf } from '../core/round.ts';
import { age, wrapped } from '../table.ts';

/**
 * One release in full, a line for each thing that there is to say.
 *
 * @param now Unix seconds
 * @param columns of the terminal, in which a text that is wider takes several lines @default - any: nothing is wrapped
 */
export function detailText(it: Detail, now: number, columns = Number.POSITIVE_INFINITY): string {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['release', it.release],
    ['objects', it.name === undefined ? undefined : `${it.name} in namespace ${it.namespace}`],
    ['phase', it.phase],
    ['weight', `${it.weight} %`],
    ['step', it.step === undefined ? undefined : `${it.stepName} (${it.step} of ${it.steps})`],
    ['next', it.next],
    ['since', it.since === undefined ? undefined : sinceText(it.since, now)],
    ['waits for', it.reason],
    ['came here', entered(it)],
    ['candidate', it.candidate && `${it.candidate} (${it.images.join(', ')})`],
    ['stable', it.stable],
    ['newest', it.newest && `${it.newest} in dist/`],
    ['failed', failedText(it)],
    ...it.gates.map((one) => ['gate', gateText(it, one)] as const),
    ...it.hooks.map((one) => ['hook', hookText(one)] as const),
    ...it.left.map((one) => ['left', leftText(one)] as const),
  ];
  const shown = lines.flatMap(([name, text]) =>
    text === undefined ? [] : [[name, text] as const],
  );
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown
    .flatMap(([name, text]) =>
      wrapped(plain(text), columns - width - GAP.length).map(
        (line, index) => `${(index === 0 ? name : '').padEnd(width)}${GAP}${line}`,
      ),
    )
    .join('\n');
}

const GAP = '  ';

function sinceText(since: string, now: number): string {
  return `${since} (${age(now - Date.parse(since) / 1000)} ago)`;
}

function entered({ entered: why, enteredBy: by }: Detail): string | undefined {
  return by === undefined || why === undefined ? why : `${why} (by ${by})`;
}

/** What failed in the present step is known to who asks the metric store. */
function failedText({ failedChecks, threshold, step }: Detail): string | undefined {
  if (failedChecks === undefined || threshold === undefined || step === undefined) return undefined;
  return `${failedOf(failedChecks, threshold)} before this step; \`perch explain\` knows those of this one`;
}

function gateText({ release }: Detail, { opener, openedBy }: Detail['gates'][number]): string {
  const who = opener === 'person' ? 'a person' : `hook ${opener}`;
  return openedBy === undefined
    ? `${who}; \`perch promote ${release}\` opens it`
    : `${who}; opened by ${openedBy}`;
}

function hookText({ hook, startedAt, endedAt, outcome }: Detail['hooks'][number]): string {
  return endedAt === undefined
    ? `${hook}: called at ${startedAt}, and it has not ended`
    : `${hook}: ${outcome} at ${endedAt}`;
}

function leftText({ name, until, failedChecks, failedBy = {} }: Detail['left'][number]): string {
  const own = Object.entries(failedBy).map(([check, count]) => `, and ${count} of ${check}`);
  return `${name} at ${until}, with ${failedChecksText(failedChecks)}${own.join('')}`;
}
