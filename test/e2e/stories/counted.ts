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
  /** Its scrapes, the first one first. */
  readonly scrapes: readonly Scraped[];
}

/** One scrape of the gateway. */
export interface Scraped {
  /** Unix seconds. */
  readonly at: number;
  readonly isAnswered: boolean;
}

type IsMeant = (it: PodCount) => boolean;

/**
 * That each step's commit says what the pods answered in the whole intervals since the step was committed, up to the
 * last one that had settled when it was judged; without the one in which it came live. Envoy counts a request when it has the pod's answer, and is asked every so often: so it
 * may know those few less that waited.
 *
 * @returns a line for each step
 * @throws Error that tells the first step whose numbers are others
 */
export function expectCounted(
  commits: readonly StoryCommit[],
  glimpses: readonly Glimpse[],
  counting: Counting,
): readonly string[] {
  const { release, test, intervalSeconds, settleSeconds, scrapes } = counting;
  const scraped = (time: number) => scrapes.findLast((it) => it.at <= time);
  const least = (time: number, isMeant: IsMeant) => {
    const glimpse = glimpses.findLast((it) => it.at <= (scraped(time)?.at ?? 0));
    return total(glimpse?.counts ?? [], isMeant) - (glimpse?.waiting ?? 0);
  };
  const most = (time: number, isMeant: IsMeant) =>
    total(glimpses.find((it) => it.since >= time)?.counts ?? [], isMeant);
  return commits.flatMap((commit, index) => {
    const before = commits[index - 1]?.state;
    const judged = commit.state?.judged;
    const counted = countedIn(commit, test);
    if (counted === undefined || before === undefined || judged === undefined) return [];
    const earlier = countedIn(commits[index - 1] ?? commit, test);
    const asked = unix(judged.countedAt ?? judged.at);
    const grid = gridOf(unix(before.at), asked - settleSeconds, intervalSeconds);
    const live = unix(judged.since ?? before.at);
    const ends = grid.filter((it) => scraped(it)?.isAnswered === true);
    const both = ['canary', 'primary'].map(
      (track) => (it: PodCount) => it.workload === `${release}-${track}`,
    );
    // Whether both tracks had requests is not always sure.
    const sure = spansOf(ends, live, ({ from, to }) =>
      both.every((it) => least(to, it) > most(from, it)),
    );
    const possible = spansOf(ends, live, ({ from, to }) =>
      both.every((it) => most(to, it) > least(from, it)),
    );
    // Proof of harm also sees what came since.
    const isBack = commit.subject.includes('roll back');
    const begin = Math.max(live, unix(before.at));
    const tail = { from: possible.at(-1)?.to ?? begin, to: asked };
    const said: string[] = [];
    for (const [track, workload] of Object.entries({ canary: 'canary', other: 'primary' })) {
      const side = track as keyof Counts;
      for (const isBad of [false, true]) {
        const key = isBad ? 'bad' : 'requests';
        const value = counted[side][key] - (earlier?.[side][key] ?? 0);
        const isMeant = (it: PodCount) =>
          it.workload === `${release}-${workload}` && (!isBad || it.status >= 500);
        const fewest = sure.map(({ from, to }) => least(to, isMeant) - most(from, isMeant));
        const all = [...possible, ...(isBack ? [tail] : [])].map(
          ({ from, to }) => most(to, isMeant) - least(from, isMeant),
        );
        const range = { least: sum(fewest), most: sum(all) };
        const text = `${value} ${isBad ? 'bad ' : ''}${side}`;
        if (value < range.least || value > range.most)
          throw new Error(
            `${commit.subject}: counted ${text} in ${JSON.stringify({ sure, possible })}; ` +
              `the pods answered ${range.least} to ${range.most}`,
          );
        said.push(text);
      }
    }
    return [`${commit.subject}: ${said.join(', ')}`];
  });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Intervals between these ends, neighbours as one: one without requests to both tracks is put together with the next,
 * and the one in which the step came live is left out.
 */
function spansOf(
  ends: readonly number[],
  live: number,
  hasRequests: (it: Span) => boolean,
): readonly Span[] {
  const spans: Span[] = [];
  let [from] = ends;
  for (const to of ends.slice(1)) {
    if (from === undefined || !hasRequests({ from, to })) continue;
    const last = spans.at(-1);
    if (from >= live || to <= live) {
      if (last?.to === from) spans.pop();
      spans.push({ from: last?.to === from ? last.from : from, to });
    }
    from = to;
  }
  return spans;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, it) => all + it, 0);
}

function gridOf(from: number, to: number, seconds: number): readonly number[] {
  const first = Math.ceil(from / seconds) * seconds;
  const count = Math.floor((to - first) / seconds) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => first + index * seconds);
}
