import { fileURLToPath } from 'node:url';
import { measureProcess } from './process.ts';

/** What the worst input that is accepted, or refused last, takes. */
export interface LimitResult {
  readonly what: string;
  /** The longest piece of work in which nothing else has a turn. */
  readonly ms: number;
  /** Over a process that does nothing. */
  readonly peakMb: number;
}

const SCRIPT = fileURLToPath(new URL('limits-case.ts', import.meta.url));

/** Reads each input of hostile size in a process of its own. */
export async function measureLimits(
  progress: (line: string) => void,
): Promise<readonly LimitResult[]> {
  const run = (...more: readonly string[]) => measureProcess(['--import', 'tsx', SCRIPT, ...more]);
  const [nothing = '', ...names]: string[] = JSON.parse((await run()).stdout);
  const base = await run(nothing);
  const results: LimitResult[] = [];
  for (const what of names) {
    progress(`limits: ${what}`);
    const { stdout, peakMb } = await run(what);
    const { ms }: { readonly ms: number } = JSON.parse(stdout);
    results.push({ what, ms, peakMb: Math.max(0, peakMb - base.peakMb) });
  }
  return results;
}
