import { folded, wrapped } from '../../analyzer/table.ts';
import type { DemoEvent, Turn } from './event.ts';

/** What the timeline's look depends on. */
export interface TimelineOptions {
  readonly colour: boolean;
  /** Width of the terminal, for the reasons to wait. @default - a wide one */
  readonly columns?: number | undefined;
}

/** Turns events into lines for people. */
export function timeline(options: TimelineOptions): (event: DemoEvent) => readonly string[] {
  const paint = painter(options.colour);
  let hasHeader = false;
  let release = '';
  let width = LEAST_STEP;
  return (event) => {
    if (event.event === 'start') {
      release = event.release;
      width = Math.max(LEAST_STEP, ...(event.steps ?? []).map((it) => it.length));
    }
    const columns = options.columns ?? Number.POSITIVE_INFINITY;
    if (event.event === 'log')
      return folded(['', `$ git log -- live/${release}`, ...event.lines], columns);
    if (event.event !== 'decision') {
      // A line that is painted is longer than it looks.
      const bare = lines(event, painter(false));
      return bare.every((it) => it.length <= columns) ? lines(event, paint) : folded(bare, columns);
    }
    const widths = { columns: options.columns ?? WIDE, width };
    const rows = rowsOf(event, paint, widths);
    if (hasHeader) return rows;
    hasHeader = true;
    return ['', paint('dim', header(widths)), ...rows];
  };
}

type Colour = keyof typeof COLOURS;
type Paint = (colour: Colour, text: string) => string;

const COLOURS = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
const ESCAPE = '\u001b[';

function painter(colour: boolean): Paint {
  if (!colour) return (_, text) => text;
  return (name, text) =>
    text.trim() === '' ? text : `${ESCAPE}${COLOURS[name]}m${text}${ESCAPE}0m`;
}

function lines(
  event: Exclude<DemoEvent, Turn | { event: 'log' }>,
  paint: Paint,
): readonly string[] {
  switch (event.event) {
    case 'start':
      return startLines(event);
    case 'ready':
      return [`  ${event.what.padEnd(9)}${event.detail}`];
    case 'pushed':
      return [
        '',
        `${time(event.at)}  a person pushes ${paint('yellow', short(event.commit))} ${event.subject}`,
      ];
    case 'refused':
      return [
        `${time(event.at)}  ${paint('red', `commit ${short(event.commit)} cannot be applied: ${event.reason}`)}`,
      ];
    case 'promoted':
      return [
        `${time(event.at)}  ${paint('cyan', `a person says perch promote: ${event.reason}`)}  ${paint('yellow', short(event.commit))}`,
      ];
    case 'end':
      return ['', `${event.release} is ${event.phase}, after ${event.seconds} s`];
  }
}

function startLines(event: Extract<DemoEvent, { event: 'start' }>): readonly string[] {
  const { breaksAt = 20, strategy } = event;
  const ending =
    event.story === 'bad' ? `, which fails once it gets ${breaksAt} % of the traffic` : '';
  const how = strategy === undefined ? '' : `, strategy ${strategy}`;
  return [
    `${event.release} ${event.from} → ${event.to}${how}${ending}`,
    `One clock for commits, metrics and the cluster, ${event.factor} times as fast as yours.`,
    '',
  ];
}

const WIDTH = {
  time: 8,
  bar: 10,
  weight: 5,
  success: 7,
  latency: 7,
  verdict: 7,
  commit: 7,
};
/** Columns of a step's name, where none is longer. */
const LEAST_STEP = 14;
const GAP = '  ';
const WIDE = 160;
/** Columns that a reason takes at least. */
const LEAST_ROOM = 24;

function header(widths: Widths): string {
  const { width } = widths;
  const head = [
    'time'.padEnd(WIDTH.time),
    'step'.padEnd(width),
    'canary traffic'.padEnd(WIDTH.bar + WIDTH.weight + 1),
    'success'.padStart(WIDTH.success),
    'p99'.padStart(WIDTH.latency),
    'verdict'.padEnd(WIDTH.verdict),
  ];
  return [...head, ...(isNarrow(widths) ? [] : ['commit'.padEnd(WIDTH.commit), 'what'])]
    .join(GAP)
    .trimEnd();
}

/** Columns of all that stands before the commit. */
function numbersWidth({ width }: Widths): number {
  const { time, bar, weight, success, latency, verdict } = WIDTH;
  return [time, width, bar + 1 + weight, success, latency, verdict].reduce(
    (sum, it) => sum + it + GAP.length,
    0,
  );
}

/** Whether what happens has a line of its own, as little room is left beside the numbers. */
function isNarrow(widths: Widths): boolean {
  return widths.columns - numbersWidth(widths) < LEAST_ROOM;
}

/** Columns of the terminal, and those of a step's name. */
interface Widths {
  readonly columns: number;
  readonly width: number;
}

function rowsOf(turn: Turn, paint: Paint, widths: Widths): readonly string[] {
  const { successRate, latencyP99Ms, commit, subject } = turn;
  const success = successRate === undefined ? '–' : `${successRate.toFixed(2)} %`;
  const latency = latencyP99Ms === undefined ? '–' : `${latencyP99Ms.toFixed(0)} ms`;
  const numbers = [
    time(turn.at),
    turn.step.replace(/^back from .*:/, 'back:').padEnd(widths.width),
    `${paint('cyan', bar(turn.weight))} ${`${turn.weight} %`.padStart(WIDTH.weight)}`,
    success.padStart(WIDTH.success),
    latency.padStart(WIDTH.latency),
    verdictText(turn, paint),
  ].join(GAP);
  const said = (text: string): string => {
    if (commit === undefined) return paint('dim', text);
    const mark = short(commit);
    return text.startsWith(mark) ? paint('yellow', mark) + text.slice(mark.length) : text;
  };
  const what =
    commit === undefined ? turn.reason : `${short(commit)}${GAP}${subject ?? turn.reason}`;
  if (!isNarrow(widths)) {
    const isShort = commit !== undefined || turn.kind === 'rest';
    return [`${numbers}${GAP}${said(isShort ? what : shortened(what, widths))}`];
  }
  const below = ' '.repeat(WIDTH.time + GAP.length);
  return [
    numbers.trimEnd(),
    ...wrapped(what, widths.columns - below.length).map((it) => `${below}${said(it)}`),
  ];
}

/** A reason to wait stays on its line; it is said in full in the JSON, and at the end. */
function shortened(reason: string, widths: Widths): string {
  const room = widths.columns - numbersWidth(widths);
  return reason.length <= room ? reason : `${reason.slice(0, room - 1)}…`;
}

function verdictText({ verdict }: Turn, paint: Paint): string {
  const words = { pass: 'pass', fail: 'fail', inconclusive: 'unknown', none: '–' };
  const text = words[verdict].padEnd(WIDTH.verdict);
  if (verdict === 'pass') return paint('green', text);
  return verdict === 'fail' ? paint('red', text) : text;
}

/** One cell for each ten percent, so that a step of ten is seen. */
function bar(percent: number): string {
  const full = Math.round(percent / 10);
  return '▓'.repeat(full) + '░'.repeat(WIDTH.bar - full);
}

function time(iso: string): string {
  return iso.slice(11, 19);
}

function short(commit: string): string {
  return commit.slice(0, 7);
}
