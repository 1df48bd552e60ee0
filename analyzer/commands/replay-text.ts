import { plain } from '../../lib/plan/plain.ts';
import type { ReplayKind } from '../core/replay.ts';
import { checkText, testText } from '../core/replay-difference.ts';
import { isoTime, type Judged } from '../core/state.ts';
import type { Replayed } from '../history/replays.ts';
import { folded, table } from '../table.ts';

/** What became of a decision, in a word or two. */
const RESULTS: Readonly<Record<ReplayKind, string>> = {
  holds: 'holds',
  differs: 'DIFFERS',
  lost: 'lost',
  unanswered: 'no answer',
  unjudged: '-',
};

/** One decision for people: whether it holds first, and then what was counted. */
export function replayText(it: Replayed, columns: number): string {
  const { release, transition, step } = it.decision;
  const { commit, at, verdict = 'none', position = '-' } = transition;
  const now = it.kind === 'differs' ? `, ${it.verdict} now` : '';
  const result = it.kind === 'unjudged' ? '' : `${RESULTS[it.kind]}${now}: `;
  const lines = [
    `${release} ${step} to ${position}: ${result}${it.reason}`,
    `verdict ${verdict}, decided at ${isoTime(at)} in commit ${commit.slice(0, 10)}: ${transition.reason}`,
    ...[...it.differences, ...it.lost].map((one) => `  ${one}`),
    ...countedLines(it),
  ];
  return folded(lines.map(plain), columns).join('\n');
}

function countedLines({ kind, recorded, found }: Replayed): readonly string[] {
  if (kind === 'unjudged') return [];
  const same = kind === 'holds';
  return [
    ...(recorded === undefined || same ? [] : ['counted then', ...judgedLines(recorded)]),
    ...(found === undefined ? [] : [same ? 'counted' : 'counted now', ...judgedLines(found)]),
  ];
}

function judgedLines({ checks, tests = [] }: Judged): readonly string[] {
  return [
    ...checks.map((it) => `  ${it.check}: ${checkText(it)}${samplesText(it)}`),
    ...tests.map((it) => `  ${it.test}: ${testText(it)}${samplesText(it)}`),
  ];
}

function samplesText({ samples }: { readonly samples?: string | undefined }): string {
  return samples === undefined ? ', no answer' : `, samples ${samples}`;
}

/** Many decisions, a row each. @param width columns of the terminal */
export function replaysTable(all: readonly Replayed[], width: number): string {
  return table(
    ['RELEASE', 'WHEN', 'COMMIT', 'STEP', 'VERDICT', 'REPLAY', 'REASON'],
    all.map((it) => [
      it.decision.release,
      isoTime(it.decision.transition.at),
      it.decision.transition.commit.slice(0, 7),
      it.decision.step,
      it.decision.transition.verdict ?? '-',
      RESULTS[it.kind],
      [...it.differences, ...it.lost].join('; ') || it.reason,
    ]),
    width,
  );
}
