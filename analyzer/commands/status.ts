import type { Command } from 'commander';
import { type Status, status } from '../core/phase.ts';
import { withRefusals } from '../situation/admission.ts';
import { isIdle, loadSituation, withLastCommit } from '../situation/situation.ts';
import { age, table } from '../table.ts';
import { type AdmissionFlags, addAdmissionFlags, admissionOf } from './admission.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { complain, say, sayJson } from './terminal.ts';

/** `perch status`: what Git says of every release; neither cluster nor metric store is asked. */
export function addStatus(program: Command): Command {
  const command = program
    .command('status')
    .description('print every release: phase, weight, step, since when and why');
  return addAdmissionFlags(command).action(async (_: unknown, command: Command) => {
    const flags = command.optsWithGlobals<RepositoryFlags & AdmissionFlags>();
    const { rows, strays } = await readStatus(flags);
    for (const it of strays.slice(0, MOST_STRAYS)) complain(strayText(it));
    if (flags.json) sayJson(rows);
    else say(statusTable(rows, Date.now() / 1000));
  });
}

interface Read {
  readonly rows: readonly Status[];
  /** Paths that belong to no release. */
  readonly strays: readonly string[];
}

const MOST_STRAYS = 20;

/** In plain letters: whoever made the name may have meant it for this terminal. */
function strayText(path: string): string {
  const plain = JSON.stringify(path).replaceAll(
    /[^ -~]/g,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${plain} belongs to no release: nothing is done about it, take it away`;
}

async function readStatus(flags: RepositoryFlags & AdmissionFlags): Promise<Read> {
  const admission = admissionOf(flags);
  return withReader(flags, undefined, async (reader, at) => {
    const rows: Status[] = [];
    // One after the other, so that a thousand releases do not stand in memory at once.
    for (const trees of await reader.list(at)) {
      const found = await loadSituation(reader, trees, new Map(), at);
      const loaded = await withRefusals(reader, at.source, found, admission, new Map());
      // Only its history tells a revert by hand; what is at rest for sure was not reverted.
      rows.push(status(isIdle(trees) ? loaded : await withLastCommit(reader, at.run, loaded)));
    }
    return { rows, strays: await reader.strays(at) };
  });
}

/** @param now Unix seconds */
export function statusTable(rows: readonly Status[], now: number): string {
  if (rows.length === 0) return 'no releases: dist/, live/ and rollouts/ are empty on this branch';
  return table(
    ['NAMESPACE', 'NAME', 'PHASE', 'WEIGHT', 'STEP', 'SINCE', 'REASON'],
    rows.map((it) => [
      it.namespace ?? '-',
      it.release === it.name || it.name === undefined ? it.release : `${it.release} (${it.name})`,
      it.phase,
      String(it.weight),
      it.step === undefined ? '-' : `${it.step}/${it.steps ?? '-'}`,
      it.since === undefined ? '-' : age(now - Date.parse(it.since) / 1000),
      it.reason,
    ]),
  );
}
