import { type Command, Option } from 'commander';
import { detailOf } from '../core/detail.ts';
import { type Status, status } from '../core/phase.ts';
import { PHASES, type Phase } from '../core/phases.ts';
import type { Situation } from '../core/situation.ts';
import type { Reader, ReleaseTrees, Snapshot } from '../git/index.ts';
import { type Admission, withRefusals } from '../situation/admission.ts';
import { type Neighbours, newNeighbours, withNeighbours } from '../situation/neighbours.ts';
import { isIdle, loadSituation, newReadMemory, withLastCommit } from '../situation/situation.ts';
import { age, table } from '../table.ts';
import { noRelease } from '../usage-error.ts';
import { type AdmissionFlags, addAdmissionFlags, admissionOf } from './admission.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { detailText } from './status-detail.ts';
import { type Color, complain, say, sayJson, terminalWidth } from './terminal.ts';

interface StatusFlags extends RepositoryFlags, AdmissionFlags {
  readonly namespace?: string;
  readonly phase?: Phase;
}

const EXAMPLES = `
Examples:
  perch status                             every release
  perch status shop                        one, with all that Git knows of it
  perch status --phase Failed --json`;

/** `perch status`: what Git says of every release, or in full of one; neither cluster nor metric store is asked. */
export function addStatus(program: Command): Command {
  const command = program
    .command('status')
    .argument('[release]', 'id of one release, to print all that Git knows of it')
    .option('--namespace <name>', 'only releases of this namespace')
    .addOption(new Option('--phase <phase>', 'only releases in this phase').choices(PHASES))
    .description('print every release: phase, weight, step, since when, and what it waits for')
    .addHelpText('after', EXAMPLES);
  return addAdmissionFlags(command).action(
    async (release: string | undefined, _: unknown, self: Command) => {
      const flags = self.optsWithGlobals<StatusFlags>();
      if (release !== undefined) return sayDetail(flags, release);
      const { rows, strays } = await readStatus(flags);
      for (const it of strays.slice(0, MOST_STRAYS)) complain(strayText(it));
      if (flags.json) sayJson(rows);
      else if (rows.length === 0 && (flags.namespace ?? flags.phase) !== undefined)
        say('no release is in that namespace and phase');
      else say(statusTable(rows, Date.now() / 1000, terminalWidth()), colorOf);
    },
  );
}

async function sayDetail(flags: StatusFlags, id: string): Promise<void> {
  const admission = admissionOf(flags);
  const detail = await withReader(flags, undefined, async (reader, at) => {
    const all = await reader.list(at);
    const trees = all.find((it) => it.id === id);
    if (trees === undefined) throw noRelease(id, all);
    const look = { reader, at, admission, all, neighbours: newNeighbours() };
    return detailOf(await situationOf(look, trees));
  });
  if (flags.json) sayJson(detail);
  else say(detailText(detail, Date.now() / 1000, terminalWidth()));
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

async function readStatus(flags: StatusFlags): Promise<Read> {
  const admission = admissionOf(flags);
  return withReader(flags, undefined, async (reader, at) => {
    const rows: Status[] = [];
    // One after the other, so that a thousand releases do not stand in memory at once.
    const all = await reader.list(at);
    const look = { reader, at, admission, all, neighbours: newNeighbours() };
    for (const trees of all) {
      const row = status(await situationOf(look, trees));
      if (isWanted(flags, row)) rows.push(row);
    }
    return { rows, strays: await reader.strays(at) };
  });
}

interface Look {
  readonly reader: Reader;
  readonly at: Snapshot;
  readonly admission: Admission;
  readonly all: readonly ReleaseTrees[];
  readonly neighbours: Neighbours;
}

async function situationOf(
  { reader, at, admission, all, neighbours }: Look,
  trees: ReleaseTrees,
): Promise<Situation> {
  const memory = newReadMemory();
  const found = await loadSituation(reader, trees, memory, at);
  const read = await withRefusals(reader, at.source, found, admission, new Map());
  const loaded = await withNeighbours(reader, all, read, neighbours);
  // Only its history tells a revert by hand; what is at rest for sure was not reverted.
  return isIdle(trees) ? loaded : withLastCommit(reader, at.run, loaded, memory);
}

function isWanted({ namespace, phase }: StatusFlags, row: Status): boolean {
  return (
    (namespace === undefined || row.namespace === namespace) &&
    (phase === undefined || row.phase === phase)
  );
}

/** What needs somebody is red, what moves is cyan, what is well is green. */
function colorOf(line: string): Color | undefined {
  const phase = PHASES.find((it) => line.includes(`  ${it} `));
  if (phase === undefined) return undefined;
  if (phase === 'Failed' || phase === 'Paused') return 'red';
  return phase === 'Succeeded' || phase === 'Initialized' ? 'green' : 'cyan';
}

/**
 * @param now Unix seconds
 * @param width columns of the terminal
 */
export function statusTable(rows: readonly Status[], now: number, width?: number): string {
  if (rows.length === 0) return 'no releases: dist/, live/ and rollouts/ are empty on this branch';
  return table(
    ['NAMESPACE', 'NAME', 'PHASE', 'WEIGHT', 'STEP', 'SINCE', 'REASON'],
    rows.map((it) => [
      it.namespace ?? '-',
      it.release === it.name || it.name === undefined ? it.release : `${it.release} (${it.name})`,
      it.phase,
      String(it.weight),
      it.step === undefined ? '-' : `${it.stepName} (${it.step}/${it.steps})`,
      it.since === undefined ? '-' : age(now - Date.parse(it.since) / 1000),
      it.reason,
    ]),
    width,
  );
}
