import { here, type Place, placeText } from './place.ts';
import { plain } from './plan/plain.ts';

/** What an author got wrong, in the words that get it right. */
export interface Mistake {
  /**
   * A warning is told, and stops nothing unless synth is strict.
   * @default - it is refused
   */
  readonly severity?: 'warning';
  /** Construct path of the release, or of the object in its workload. */
  readonly path: string;
  /** The field, in lower case, and what is wrong with it. */
  readonly problem: string;
  /**
   * The value that was given.
   * @default - none: something is missing
   */
  readonly got?: unknown;
  /** What to write instead. */
  readonly remedy: string;
  /**
   * File and line of the author's code, such as `apps/shop.ts:14`.
   * @default - not known
   */
  readonly at?: string;
  /**
   * Id of the release, or of the folder of manifests, that it belongs to.
   * @default - it stands between several
   */
  readonly id?: string;
}

/** What is wrong with a construct, or with what a function returned, without its path. */
export type Reproof = Omit<Mistake, 'path' | 'id'>;

const reproved = new WeakMap<object, readonly Reproof[]>();
const called = new WeakMap<object, Place>();
const standIns = new WeakSet<object>();

/** Notes what is wrong with something of the author's; synth reports it with all other mistakes instead of stopping at it. */
export function reprove(made: object, ...mistakes: readonly Reproof[]): void {
  if (mistakes.length === 0) return;
  const at = placeText(here());
  const placed = mistakes.map((it) => (at === undefined ? it : { at, ...it }));
  reproved.set(made, [...reproofs(made), ...placed]);
}

/** What was noted of it. */
export function reproofs(made: object): readonly Reproof[] {
  return reproved.get(made) ?? [];
}

/** Notes that the author's code is making this now. */
export function noteCall(made: object): void {
  called.set(made, here());
}

/** Where the author's code made it; of what was noted by nobody, nothing is known. */
export function placeOf(made: object): Pick<Mistake, 'at'> {
  const place = called.get(made);
  const at = place === undefined ? undefined : placeText(place);
  return at === undefined ? {} : { at };
}

/** Notes that this stands in for what could not be made, so that nothing is said of it but what is noted. */
export function standIn<T extends object>(it: T): T {
  standIns.add(it);
  return it;
}

/** Whether it only stands in for what could not be made. */
export function isStandIn(value: unknown): boolean {
  return typeof value === 'object' && value !== null && standIns.has(value);
}

let unclaimed: readonly Reproof[] = [];
let told: readonly Reproof[] = [];
const claimed = new WeakMap<object, readonly Reproof[]>();

/** What a call that is wrong returns; nothing that holds it is written. */
export const STAND_IN = 'missing:0';

/** Notes what is wrong with a call of the author's that returns `STAND_IN`, of which nothing can be noted. */
export function reproveCall(...mistakes: readonly Reproof[]): void {
  const at = placeText(here());
  const placed = mistakes.map((it) => (at === undefined ? it : { at, ...it }));
  unclaimed = [...unclaimed, ...placed];
}

/** Does some work, and says what was noted of the calls in it. */
export function callsIn<T>(work: () => T): {
  readonly done: T;
  readonly noted: readonly Reproof[];
} {
  const before = unclaimed;
  unclaimed = [];
  try {
    const done = work();
    return { done, noted: unclaimed };
  } finally {
    unclaimed = before;
  }
}

/**
 * What was noted of calls in no factory. The root that is rendered next has them, however often it is rendered, and so
 * has each later one that holds what stands for their results.
 *
 * @param files what was rendered below the root
 */
export function mistakesOfCalls(
  root: object,
  files: Iterable<string | Uint8Array>,
): readonly Mistake[] {
  const before = claimed.get(root) ?? [];
  const holds = before.length === 0 && told.length > 0 && holdsStandIn(files);
  const all = [...(holds ? told : before), ...unclaimed];
  told = [...told, ...unclaimed];
  unclaimed = [];
  claimed.set(root, all);
  return all.map((it) => ({ path: 'images', ...it }));
}

function holdsStandIn(files: Iterable<string | Uint8Array>): boolean {
  for (const it of files) if (typeof it === 'string' && it.includes(STAND_IN)) return true;
  return false;
}

/** Every mistake of every release, thrown once and before anything is written. */
export class MistakesError extends Error {
  readonly #mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(mistakesText(mistakes));
    this.name = 'MistakesError';
    this.#mistakes = mistakes;
    // The author's mistakes are not where the stack points.
    this.stack = `${this.name}: ${this.message}`;
  }

  /** As data. */
  get mistakes(): readonly Mistake[] {
    return this.#mistakes;
  }
}

function mistakesText(mistakes: readonly Mistake[]): string {
  return `${counted(mistakes, 'mistake')}, nothing was written:\n\n${listed(mistakes)}`;
}

/** What synth says of warnings, in the form in which it says mistakes. */
export function warningsText(warnings: readonly Mistake[]): string {
  return `${counted(warnings, 'warning')}, --strict refuses them:\n\n${listed(warnings)}`;
}

function counted({ length }: readonly Mistake[], noun: string): string {
  return `${length} ${noun}${length === 1 ? '' : 's'}`;
}

/** For people: under each release its mistakes, one on a line, with place, problem, what was got and the remedy. */
function listed(mistakes: readonly Mistake[]): string {
  const groups = new Map<string, string[]>();
  for (const it of mistakes) {
    // An id that is none is no heading.
    const group = it.id === undefined || it.id === '' ? it.path : it.id;
    groups.set(group, [...(groups.get(group) ?? []), line(it, group)]);
  }
  return [...groups].map(([group, lines]) => `${group}\n${lines.join('\n')}`).join('\n\n');
}

function line(it: Mistake, group: string): string {
  const text = it.path === group ? sentence(it) : mistakeText(it);
  return `  ${it.at === undefined ? '' : `${it.at}: `}${plain(text)}`;
}

/** `podinfo: strategy.stepWeight must be a whole percent from 1 to 100, got 0; say how much …` */
export function mistakeText(it: Mistake): string {
  return `${it.path}: ${sentence(it)}`;
}

/** The same without its path. */
export function sentence(it: Reproof): string {
  const got = 'got' in it ? `, got ${shown(it.got)}` : '';
  return `${it.problem}${got}; ${it.remedy}`;
}

function shown(value: unknown): string {
  const text = textOf(value).replace(/:\/\/[^/@\s"]*@/g, () => '://…@');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A construct, which leads to itself, or something with a number that is too large for JSON.
    return `an object of ${value?.constructor.name ?? 'no class'}`;
  }
}
