import type { Command } from 'commander';
import { plainLines } from '../../lib/plan/plain.ts';
import { type FileSet, files, type PlanTree } from '../core/position.ts';
import { openLocal, type Reader } from '../git/index.ts';
import { HostError } from '../hosts/failure.ts';
import type { GitHost } from '../hosts/host.ts';
import { placeOf } from '../hosts/site.ts';
import { loadPlan, newReadMemory } from '../situation/situation.ts';
import { UsageError } from '../usage-error.ts';
import { changesOf, diffOf } from './diff.ts';
import { addHostFlags, type HostFlags, sitesOf } from './hosts.ts';
import { parseCount, type RepositoryFlags } from './options.ts';
import { planText } from './plan.ts';
import { commitOf, locate } from './repository.ts';
import { say, sayJson } from './terminal.ts';

interface CommentFlags extends RepositoryFlags, HostFlags {
  readonly base: string;
}

const EXAMPLES = `
Examples:
  perch comment 12 --base origin/main --hosts-config hosts.yaml`;

/** `perch comment <pull-request>`: what a pull request makes of the plans, as one comment that is kept up to date. */
export function addComment(program: Command): Command {
  const command = program
    .command('comment')
    .argument('<pull-request>', 'its number', parseCount)
    .requiredOption('--base <revision>', 'where the branch that it goes to is in the clone here')
    .description(
      'write the plans that a pull request changes, and what they change, into one comment of it',
    )
    .addHelpText('after', EXAMPLES);
  return addHostFlags(command).action(async (number: number, _: unknown, command: Command) => {
    const flags = command.optsWithGlobals<CommentFlags>();
    const host = await hostOf(flags);
    const { releases, text } = await writing(flags.base);
    const answer = await host.comment(number, 'perch/plans', text);
    if (answer.kind === 'failed') throw new HostError(answer.failure);
    if (flags.json) sayJson({ pullRequest: number, repository: host.repository, releases });
    else say(`${host.repository}: pull request ${number} has the plans: ${listed(releases)}`);
  });
}

/** The host of the repository with dist/. @throws UsageError where it is not described */
async function hostOf(flags: CommentFlags): Promise<GitHost> {
  const sites = await sitesOf(flags);
  const { source } = await locate(flags);
  const place = placeOf(source.remote, sites);
  if (place.kind === 'unknown') throw new UsageError(place.reason);
  const clock = () => Date.now() / 1000;
  return place.site.open(place.repository, { clock, timeoutSeconds: TIMEOUT_SECONDS });
}

const TIMEOUT_SECONDS = 10;

interface Written {
  /** Those whose plans change. */
  readonly releases: readonly string[];
  readonly text: string;
}

/** Compares what is checked out in the folder here with another revision. */
async function writing(base: string): Promise<Written> {
  const reader = await openLocal({ folder: '.' });
  try {
    const [before, after] = [await plansAt(reader, base), await plansAt(reader, 'HEAD')];
    const changed = [...new Set([...before.keys(), ...after.keys()])]
      .filter((id) => before.get(id)?.tree !== after.get(id)?.tree)
      .sort();
    const sections = await Promise.all(
      changed.map((id) => section(reader, id, before.get(id), after.get(id))),
    );
    const none = 'This pull request changes no plan.';
    return { releases: changed, text: sections.length === 0 ? none : joined(changed, sections) };
  } finally {
    await reader.close();
  }
}

async function plansAt(reader: Reader, revision: string): Promise<ReadonlyMap<string, PlanTree>> {
  const commit = await commitOf(reader, undefined, revision);
  const plans = new Map<string, PlanTree>();
  for (const { id, dist } of await reader.list({ run: commit, source: commit })) {
    if (dist === undefined) continue;
    const loaded = await loadPlan(reader, dist, `dist/${id}`, newReadMemory());
    if (loaded.kind === 'broken') throw new Error(loaded.reason);
    if (loaded.kind === 'known') plans.set(id, loaded.value);
  }
  return plans;
}

async function section(
  reader: Reader,
  id: string,
  before: PlanTree | undefined,
  after: PlanTree | undefined,
): Promise<string> {
  if (after === undefined) return `### ${id}\n\nThe release is taken out.`;
  const changes = await changesOf(reader, id, { before: atEnd(before), after: atEnd(after) });
  const objects = changes.map((it) => `- ${it.object}: ${it.change}`);
  const diff = cut(await diffOf(changes));
  return [
    `### ${id}`,
    fenced('text', planText(after.plan, Infinity)),
    ...(before === undefined
      ? ['The release is new.']
      : [folded('The plan that it replaces', fenced('text', planText(before.plan, Infinity)))]),
    ...(diff === ''
      ? ['At its end no object is another one.']
      : [
          `At its end:\n\n${plainLines(objects.join('\n'))}`,
          folded('What changes in them', fenced('diff', diff)),
        ]),
  ].join('\n\n');
}

function atEnd(plan: PlanTree | undefined): FileSet {
  return plan === undefined ? new Map() : files({ kind: 'complete' }, plan, plan);
}

/** Hosts take comments of 32,768 characters and more. */
const LONGEST_TEXT = 30_000;
const LONGEST_DIFF = 8_000;

/** As many releases as the comment has room for; the others are named. */
function joined(releases: readonly string[], sections: readonly string[]): string {
  let length = 0;
  const room = sections.findIndex((it) => {
    length += it.length;
    return length > LONGEST_TEXT;
  });
  if (room < 0) return sections.join('\n\n');
  const rest = `Not shown, as there is no room: ${releases.slice(room).join(', ')}.`.slice(
    0,
    2_000,
  );
  return [...sections.slice(0, room), rest].join('\n\n');
}

function cut(diff: string): string {
  if (diff.length <= LONGEST_DIFF) return diff;
  const shown = diff.slice(0, diff.lastIndexOf('\n', LONGEST_DIFF));
  return `${shown}\n… and ${diff.length - shown.length} more characters`;
}

/** Text of others: a fence that it cannot end, and nothing hidden in it. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${plainLines(text.trimEnd())}\n${fence}`;
}

function folded(summary: string, text: string): string {
  return `<details><summary>${summary}</summary>\n\n${text}\n\n</details>`;
}

function listed(releases: readonly string[]): string {
  return releases.join(', ') || 'none changes';
}
