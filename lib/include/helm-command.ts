import { spawnSync } from 'node:child_process';
import { fromProject } from '../files.ts';
import type { Reproof } from '../mistake.ts';
import { quote } from '../plan/plain.ts';

/** What helm printed, or why it printed nothing. */
export type HelmAnswer =
  | { readonly kind: 'printed'; readonly text: string }
  | { readonly kind: 'failed'; readonly mistake: Reproof };

/** Of a chart's output. */
const MOST_BYTES = 64 * 1024 ** 2;

/** Calls the helm command in the project's folder. @param input its standard input */
export function callHelm(args: readonly string[], input: string): HelmAnswer {
  const { error, status, stdout, stderr } = spawnSync('helm', args, {
    cwd: fromProject('.'),
    input,
    encoding: 'utf8',
    maxBuffer: MOST_BYTES,
  });
  if (error === undefined && status === 0) return { kind: 'printed', text: stdout };
  const isMissing = error !== undefined && 'code' in error && error.code === 'ENOENT';
  return { kind: 'failed', mistake: isMissing ? MISSING : failed(args, error?.message ?? stderr) };
}

const MISSING: Reproof = {
  problem: 'the helm command is not installed',
  remedy:
    'install it (https://helm.sh/docs/intro/install), or write what `helm template` prints into a file and use include',
};

function failed(args: readonly string[], reason: string): Reproof {
  return {
    problem: `helm failed: ${quote(reason)}`,
    got: ['helm', ...args].join(' '),
    remedy: 'correct the chart, its version or its values',
  };
}
