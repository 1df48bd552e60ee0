import { setTimeout as sleep } from 'node:timers/promises';
import type { AnalyzerProcess } from './analyzer.ts';
import type { Field } from './field.ts';

/** Ends analyzers as crashes do. */
export interface Killer {
  /** The one that runs first. */
  readonly first: AnalyzerProcess;
  kills(): number;
  /** Also ends the one that runs. */
  stop(): Promise<void>;
}

/** Kills the analyzer whenever a commit is in Git, and once in a bake, and starts the next one at once. */
export async function startKiller(field: Field): Promise<Killer> {
  const first = field.analyzer();
  const end = new AbortController();
  let kills = 0;
  const run = async () => {
    let analyzer = first;
    let hasBaked = false;
    let tip = await field.reader.resolve('main');
    while (!end.signal.aborted) {
      await sleep(50);
      const now = await field.reader.resolve('main');
      const bakes: boolean = !hasBaked && analyzer.lines.some(isBaking);
      if (now === tip && !bakes) continue;
      tip = now;
      hasBaked ||= bakes;
      await analyzer.kill();
      kills += 1;
      analyzer = field.analyzer();
    }
    await analyzer.stop();
  };
  const running = run();
  return {
    first,
    kills: () => kills,
    async stop() {
      end.abort();
      await running;
    },
  };
}

function isBaking({ reason = '' }: { readonly reason?: string }): boolean {
  return /^[1-9]\d* of \d+ checks passed/.test(reason);
}
