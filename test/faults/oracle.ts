import type { Entry } from './record.ts';
import { imageOf, temperOf, type Version, WEIGHTS } from './releases.ts';

/** How a release must end, after the faults. */
export interface Expectation {
  readonly release: string;
  /** The version that users get at last, with all requests. */
  readonly serves: Version;
  /** A candidate that failed on the way there, and must be remembered as failed. */
  readonly failed?: Version;
}

/** What is held against the promises. */
export interface Evidence {
  readonly entries: readonly Entry[];
  /** What users of a release get now, by the cluster's objects. */
  readonly served: (release: string) => ReadonlyMap<string, number>;
  /** The most that an image ever got in the cluster, in percent. */
  readonly most: (release: string, image: string) => number;
}

/** Every promise that was broken, as a sentence; none where all were kept. */
export function judge(evidence: Evidence, expected: readonly Expectation[]): readonly string[] {
  const releases = [...new Set(evidence.entries.map((it) => it.release))];
  return [
    ...releases.flatMap((id) => countProblems(entriesOf(evidence, id))),
    ...releases.flatMap((id) => exposureProblems(evidence, id)),
    ...expected.flatMap((it) => endProblems(evidence, it)),
  ];
}

/** Whether all have arrived; the other promises are asked about once that is so. */
export function arrived(evidence: Evidence, expected: readonly Expectation[]): boolean {
  return expected.every((it) => endProblems(evidence, it).length === 0);
}

/** The most that a version of such a temper may ever get, in percent: where its badness shows. */
export function mostAllowed(image: string): number {
  const temper = temperOf(image);
  if (temper === 'good') return 100;
  return temper === 'bad' ? WEIGHTS[0] : 0;
}

/** Transitions count up by one, in every commit that touches the state. */
function countProblems(entries: readonly Entry[]): readonly string[] {
  const counted = entries.filter((it) => it.state !== undefined);
  return counted.flatMap((it, index) => {
    const before = counted[index - 1]?.state?.transition ?? 0;
    const now = it.state?.transition ?? 0;
    if (now === before + 1) return [];
    const what = now <= before ? 'a transition twice' : 'a transition left out';
    return [`${it.release}: ${what}: ${before} → ${now} in ${short(it)}`];
  });
}

function exposureProblems({ entries, most }: Evidence, release: string): readonly string[] {
  const own = entries.filter((it) => it.release === release);
  const images = new Set(own.flatMap((it) => [...it.exposure.keys()]));
  return [...images].flatMap((image) => {
    const allowed = mostAllowed(image);
    const over = own.find((it) => (it.exposure.get(image) ?? 0) > allowed);
    const seen = most(release, image);
    return [
      ...(over === undefined
        ? []
        : [
            `${release}: ${image} was given ${over.exposure.get(image)} % in ${short(over)}; at most ${allowed} % may be`,
          ]),
      ...(seen > allowed ? [`${release}: ${image} got ${seen} % in the cluster`] : []),
    ];
  });
}

function endProblems(evidence: Evidence, expected: Expectation): readonly string[] {
  const { release, serves, failed } = expected;
  const last = entriesOf(evidence, release).at(-1);
  if (last?.state === undefined) return [`${release}: there is no state`];
  const { kind } = last.state.position;
  const wanted = failed === undefined ? 'complete' : 'stable';
  const problems: string[] = [];
  if (kind !== wanted) problems.push(`${release}: ended at ${kind} instead of ${wanted}`);
  if (!last.isStable) problems.push(`${release}: live/ is not the stable set`);
  if (failed !== undefined && last.state.failed === undefined)
    problems.push(`${release}: the failed candidate is not remembered`);
  if (last.exposure.get(imageOf(serves)) !== 100)
    problems.push(`${release}: live/ gives ${shares(last.exposure)}, not ${imageOf(serves)}`);
  const served = evidence.served(release);
  if (served.get(imageOf(serves)) !== 100)
    problems.push(`${release}: the cluster gives ${shares(served)}, not ${imageOf(serves)}`);
  return problems;
}

function entriesOf({ entries }: Evidence, release: string): readonly Entry[] {
  return entries.filter((it) => it.release === release);
}

function shares(all: ReadonlyMap<string, number>): string {
  return [...all].map(([image, it]) => `${image} ${it} %`).join(', ') || 'nothing';
}

function short({ commit }: Entry): string {
  return commit.slice(0, 10);
}
