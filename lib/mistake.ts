/** What an author got wrong, in the words that get it right. */
export interface Mistake {
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
}

/** What is wrong with a construct, without its path. */
export type Reproof = Omit<Mistake, 'path'>;

const reproved = new WeakMap<object, Reproof[]>();

/** Notes what is wrong with a construct; synth reports it with all other mistakes instead of stopping at it. */
export function reprove(construct: object, ...mistakes: readonly Reproof[]): void {
  reproved.set(construct, [...reproofs(construct), ...mistakes]);
}

/** What was noted of a construct. */
export function reproofs(construct: object): readonly Reproof[] {
  return reproved.get(construct) ?? [];
}

/** Every mistake of every release, thrown once and before anything is written. */
export class MistakesError extends Error {
  readonly #mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    super(
      `${count}, nothing was written:\n${mistakes.map((it) => `  ${mistakeText(it)}`).join('\n')}`,
    );
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

/** `podinfo: strategy.stepWeight must be a whole percent from 1 to 100, got 0; say how much …` */
export function mistakeText(it: Mistake): string {
  const got = 'got' in it ? `, got ${shown(it.got)}` : '';
  return `${it.path}: ${it.problem}${got}; ${it.remedy}`;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
