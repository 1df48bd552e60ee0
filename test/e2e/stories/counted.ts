import { unix } from '../../../analyzer/core/state.ts';
import { total } from '../stack/player/player.ts';
import type { PodCount } from '../stack/player/protocol.ts';
import type { StoryCommit } from './field.ts';
import type { Glimpse } from './watch.ts';

/** Requests to both tracks, and how many of them were bad. */
export interface Counts {
  readonly canary: { readonly requests: number; readonly bad: number };
  readonly other: { readonly requests: number; readonly bad: number };
}

/** What a commit says that a test has counted since the rollout began; undefined where it says nothing of it. */
export function countedIn({ message }: StoryCommit, test: string): Counts | undefined {
  const line = message.split('\n').find((it) => it.includes(`${test}: `));
  if (line === undefined) return undefined;
  const of = (whose: string) => {
    const [, bad = '0', requests = '0'] =
      new RegExp(`([\\d,]+) of ([\\d,]+) ${whose} requests? bad`).exec(line) ?? [];
    return { requests: number(requests), bad: number(bad) };
  };
  return { canary: of('canary'), other: of('other') };
}

function number(text: string): number {
  return Number(text.replaceAll(',', ''));
}

/** How the metric store counts. */
export interface Counting {
  readonly release: string;
  readonly test: string;
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

/** Scrapes come each second, and take their time. */
const LATE_SECONDS = 2;

/**
 * That each step's commit says what the pods answered in the whole intervals of the step, up to the one before it was
 * made.
 *
 * @returns a line for each step
 * @throws Error that tells the first step whose numbers are others
 */
export function expectCounted(
  commits: readonly StoryCommit[],
  glimpses: readonly Glimpse[],
  { release, test, intervalSeconds, settleSeconds }: Counting,
): readonly string[] {
  const at = (time: number, what: (it: PodCount) => boolean) => ({
    least: total(glimpses.findLast((it) => it.at <= time)?.counts ?? [], what),
    most: total(glimpses.find((it) => it.at >= time)?.counts ?? [], what),
  });
  const answered = (from: number, to: number, what: (it: PodCount) => boolean) => ({
    least: at(to - LATE_SECONDS, what).least - at(from, what).most,
    most: at(to, what).most - at(from - LATE_SECONDS, what).least,
  });
  return commits.flatMap((commit, index) => {
    const before = commits[index - 1];
    const counted = countedIn(commit, test);
    if (counted === undefined || before?.state === undefined) return [];
    const earlier = countedIn(before, test);
    const from = Math.ceil(unix(before.state.at) / intervalSeconds) * intervalSeconds;
    const to = Math.floor((commit.at - settleSeconds) / intervalSeconds) * intervalSeconds;
    const said: string[] = [];
    for (const [track, workload] of Object.entries({ canary: 'canary', other: 'primary' })) {
      const side = track as keyof Counts;
      for (const bad of [false, true]) {
        const key = bad ? 'bad' : 'requests';
        const value = counted[side][key] - (earlier?.[side][key] ?? 0);
        const what = (it: PodCount) =>
          it.workload === `${release}-${workload}` && (!bad || it.status >= 500);
        // The pass may have begun before the last interval had settled; proof of harm also sees what came since.
        const isBack = commit.subject.includes('roll back');
        const ends = [to, to - intervalSeconds].map((end) => answered(from, end, what));
        const range = isBack
          ? { least: ends[1]?.least ?? 0, most: answered(from, commit.at, what).most }
          : ends.find((it) => it.least <= value && value <= it.most);
        const text = `${value} ${bad ? 'bad ' : ''}${side}`;
        if (range === undefined || value < range.least || value > range.most)
          throw new Error(
            `${commit.subject}: counted ${text}; the pods answered ${JSON.stringify(ends)}`,
          );
        said.push(text);
      }
    }
    return [`${commit.subject}: ${said.join(', ')}`];
  });
}
