import { table } from '../../analyzer/table.ts';

/** What became of a scenario over all its tries. */
export interface Result {
  readonly scenario: string;
  readonly promise: string;
  readonly verdict: 'kept' | 'BROKEN' | 'SKIPPED';
  readonly tries: number;
  readonly seen: string;
  readonly longestSeconds: number;
  /** Each broken promise once, or why it was skipped. */
  readonly problems: readonly string[];
}

/** The table for people, with each broken promise below it. */
export function resultsText(results: readonly Result[]): string {
  const rows = results.map((it) => [
    it.scenario,
    String(it.tries),
    it.verdict === 'SKIPPED' ? `skipped: ${it.problems.join('; ')}` : shortened(it.seen),
    it.tries === 0 ? '–' : `${it.longestSeconds.toFixed(1)}s`,
    it.verdict,
  ]);
  const broken = results.filter((it) => it.verdict === 'BROKEN');
  return [
    table(['scenario', 'tries', 'seen', 'longest', 'verdict'], rows),
    ...broken.flatMap((it) => [
      '',
      `${it.scenario}: ${it.promise}`,
      ...it.problems.map((one) => `  BROKEN: ${one}`),
    ]),
    '',
    summary(results),
    '',
  ].join('\n');
}

function summary(results: readonly Result[]): string {
  const count = (verdict: Result['verdict']) =>
    results.filter((it) => it.verdict === verdict).length;
  return `${count('kept')} kept, ${count('BROKEN')} broken, ${count('SKIPPED')} skipped`;
}

function shortened(text: string): string {
  return text.length > 70 ? `${text.slice(0, 69)}…` : text;
}

/** A skip is a failure where everything must be had, and it could be. */
export function isFailure(results: readonly Result[], mustAll: boolean): boolean {
  return results.some((it) => it.verdict === 'BROKEN' || (mustAll && it.verdict === 'SKIPPED'));
}
