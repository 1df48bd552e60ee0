import { fileURLToPath } from 'node:url';
import { measureProcess } from './process.ts';

/** What passes over many releases with tests of evidence take. */
export interface EvidenceResult {
  /** That of an analyzer that has just started, then later ones. */
  readonly passes: readonly EvidencePass[];
  /** Over a process that does nothing. */
  readonly peakMb: number;
}

/** One pass over a thousand releases that have been in a step for an hour. */
export interface EvidencePass {
  /** To the metric store. */
  readonly queries: number;
  /** To ask them, and to deal the answers out: CPU time of the process. */
  readonly askMs: number;
  /** To weigh what they say: the same. */
  readonly judgeMs: number;
}

const SCRIPT = fileURLToPath(new URL('evidence-case.ts', import.meta.url));

/** Runs the passes in a process of their own, one after the other. */
export async function measureEvidence(progress: (line: string) => void): Promise<EvidenceResult> {
  const run = (what: string) => measureProcess(['--import', 'tsx', SCRIPT, what]);
  progress('evidence: passes over 1000 releases');
  const base = await run('nothing');
  const { stdout, peakMb } = await run('passes');
  return { passes: JSON.parse(stdout), peakMb: Math.max(0, peakMb - base.peakMb) };
}
