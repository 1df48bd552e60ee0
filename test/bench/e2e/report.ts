import { cpus, loadavg } from 'node:os';
import type { Tool } from '../../e2e/stories/field.ts';
import { tableText } from '../numbers.ts';
import { type Finding, INTERVAL_SECONDS, SETTLE_SECONDS, WINDOW_SECONDS } from './bench.ts';

/** What one run of the bench found out. */
export interface Report {
  readonly machine: { readonly node: string; readonly cores: number; readonly load: number };
  readonly seconds: number;
  readonly findings: Readonly<Partial<Record<Tool, readonly Finding[]>>>;
  /** What went wrong, by part. */
  readonly failures: readonly string[];
}

/** One row: the peers as they were measured before, on the same machine. */
interface Row {
  readonly story: string;
  readonly title: string;
  readonly flagger: string;
  readonly argoRollouts: string;
  readonly goal: string;
}

const ADVANCES = '100 %, "Healthy" (45–47 s)';
const GIVES_UP = 'held; rolls back (58 s)';

const NONE = { flagger: '–', argoRollouts: '–', goal: '' };

/** One way to judge, and how long it took until there was no traffic. */
function safetyRows(name: string, title: string, peers: Partial<Row> = {}): readonly Row[] {
  return [
    {
      ...NONE,
      story: name,
      title: `${title}: from pods that fail to weight 0 in the API`,
      ...peers,
    },
    {
      ...{ ...NONE, story: `${name}, store`, title: "  from the store's first bad answer" },
      goal: 'median at most 5 s, worst 10 s',
    },
    {
      ...{ ...NONE, story: `${name}, pass`, title: '  from the answer that it acts on' },
      ...(peers.flagger && { flagger: '9.8–10.1 s', argoRollouts: '0.6–0.8 s' }),
    },
    { ...NONE, story: `${name}, push`, title: '  from the push, so for the sync' },
    {
      ...{ ...NONE, story: `${name}, raised`, title: '  the weight was raised after that' },
      ...(peers.flagger && { flagger: 'not measured', argoRollouts: '8 of 8' }),
      goal: 'never',
    },
    { ...NONE, story: `${name}, metric`, title: '  perch_rollback_seconds' },
  ];
}

const ROWS: readonly Row[] = [
  ...safetyRows('safety', 'time to safety', {
    flagger: 'median 14.8 s (max 19.1)',
    argoRollouts: 'median 5.1 s (max 9.4)',
  }),
  ...safetyRows('evidence', 'by evidence, 50 requests a second'),
  ...safetyRows('guarded', 'the same, a guard period of 2 s'),
  {
    story: 'calls',
    title: 'a rollout, 10 to 50 % by 10',
    flagger: '90 s, 172 calls, 28 writes',
    argoRollouts: '51 s, 123 calls, 64 writes',
    goal: 'at most 60 calls, no writes',
  },
  {
    story: 'rest',
    title: 'at rest, a minute',
    flagger: '50: 3600 calls, 2.1 CPU s, 60 MB',
    argoRollouts: '200: 0 calls, 0.05 CPU s, 132 MB',
    goal: 'no calls',
  },
  {
    story: 'alone',
    title: 'the same rollout without traffic',
    flagger: '–',
    argoRollouts: '–',
    goal: '',
  },
  {
    story: 'many',
    title: '  50 of them at once, not applied by Flux',
    flagger: '90 s, 8553 calls',
    argoRollouts: '77–90 s, 6348 calls, 27 CPU s',
    goal: '',
  },
  {
    story: 'many, ratio',
    title: '  50 beside one',
    flagger: 'time ×1.0, calls ×50',
    argoRollouts: 'time ×1.5–1.8, calls ×52',
    goal: '',
  },
  {
    story: 'silence, HTTP 500, back',
    title: 'the metric store fails for ever at 20 %: HTTP 500',
    flagger: GIVES_UP,
    argoRollouts: ADVANCES,
    goal: 'never advances',
  },
  {
    story: 'silence, empty answers, back',
    title: '  empty answers',
    flagger: GIVES_UP,
    argoRollouts: ADVANCES,
    goal: 'never advances',
  },
  {
    story: 'silence, no answer, back',
    title: '  no answer',
    flagger: GIVES_UP,
    argoRollouts: ADVANCES,
    goal: 'never advances',
  },
  {
    story: 'silence, HTTP 500, hold',
    title: '  HTTP 500, and the policy is to hold',
    flagger: 'no such policy',
    argoRollouts: 'not measured',
    goal: 'never advances',
  },
  {
    story: 'kill',
    title: 'killed while promoting, the metric turns bad meanwhile',
    flagger: 'Failed, all traffic on v2',
    argoRollouts: 'not measured',
    goal: 'back, v1 on the primary',
  },
];

const HEAD = ['', 'Perch, Flux', 'Perch, Argo CD', 'Flagger 1.36.1', 'Argo Rollouts 1.9.2', 'goal'];

/** The machine as it is now. */
export function machine(): Report['machine'] {
  return { node: process.version, cores: cpus().length, load: loadavg()[0] ?? 0 };
}

/** The report for people. */
export function reportText({ machine, seconds, findings, failures }: Report): string {
  const { node, cores, load } = machine;
  const of = (tool: Tool, story: string) => findings[tool]?.find((it) => it.story === story);
  const rows = ROWS.flatMap(({ story, title, flagger, argoRollouts, goal }) => {
    const ours = [of('flux', story), of('argo-cd', story)];
    if (ours.every((it) => it === undefined)) return [];
    return [[title, ...ours.map(cell), flagger, argoRollouts, goal]];
  });
  return [
    `Node ${node}, ${cores} cores, load ${load.toFixed(1)}; ${seconds.toFixed(0)} s in all.`,
    `Perch: a pass and a check point every ${INTERVAL_SECONDS} s, threshold 1; checks look back ` +
      `${WINDOW_SECONDS} s over scrapes of 1 s, and are`,
    `judged ${SETTLE_SECONDS} s later; real traffic through Envoy; each push is told to the sync tool. The peers were ` +
      'measured before, on a',
    'machine like this one, with a metrics server of their own that lies on command, so without scrapes.',
    '',
    tableText([HEAD, ...rows]),
    '',
    ...failures.map((it) => `FAILED ${it}\n`),
  ].join('\n');
}

function cell(it: Finding | undefined): string {
  if (it === undefined) return '–';
  if (it.met === undefined) return it.measured;
  return `${it.measured} ${it.met ? '(met)' : '(NOT MET)'}`;
}
