/** What must never happen, found in a simulated run. */
export class Broken extends Error {
  readonly rule: string;
  /** What had happened until then, one line for each commit. */
  log: readonly string[] = [];

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
  }
}
