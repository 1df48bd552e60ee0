import { type Command, Option } from 'commander';
import { subjectOf } from '../core/message.ts';
import { messageText, personIdentity } from '../git/index.ts';
import { type Intervention, intervene, type Verb, type Wishes } from '../intervene.ts';
import { type AdmissionFlags, addAdmissionFlags, admissionOf } from './admission.ts';
import type { RepositoryFlags } from './options.ts';
import { locateNow, openForWriting } from './repository.ts';
import { say, sayJson } from './terminal.ts';

interface PersonFlags extends RepositoryFlags, AdmissionFlags, Omit<Wishes, 'admission'> {
  readonly message?: string;
}

const DESCRIPTIONS: Readonly<Record<Verb, string>> = {
  begin: 'begin a release that the run branch does not know, though the cluster runs it already',
  pause: 'stop a rollout where it is; a necessary rollback still happens',
  resume: 'go on after a pause, or after an edit of Git by hand',
  promote:
    'open the gate of the present step, or of the one that --step names; with --full wait for no check and no gate at all',
  abort: 'take the running candidate back and remember it as failed',
  undo: 'take a complete release back to an earlier candidate; the present one counts as failed',
  retry: 'give a failed candidate another chance',
  remove: 'delete a release that is gone from apps/',
};

const EXAMPLES: Readonly<Record<Verb, string>> = {
  begin: "perch begin shop -m 'the run branch is the right one'",
  pause: "perch pause shop -m 'until the sale is over'",
  resume: 'perch resume shop',
  promote: "perch promote shop -m 'looks good'",
  abort: "perch abort shop -m 'checkout is slow'",
  undo: "perch undo shop --to 4b21 -m 'orders are lost'",
  retry: "perch retry shop -m 'the database is back'",
  remove: "perch remove shop -m 'replaced by store'",
};

/** What the sync tools do with an emptied path, which is not what most people expect. */
function afterRemoval(release: string): string {
  return `The folder live/${release} is gone from the run branch. What happens to the objects now is up to the sync:
  Flux     a Kustomization whose path is missing fails and deletes nothing: delete the Kustomization itself
           (with prune: true its objects go with it), or let it sync a parent folder with prune: true.
  Argo CD  an Application whose path is missing shows a ComparisonError and deletes nothing: delete the
           Application (with its resources finalizer the objects go too); an Application on a parent
           folder prunes them with syncPolicy.automated prune: true, and where nothing else is left in
           that folder only with syncPolicy.automated allowEmpty: true.`;
}

/** `perch begin | pause | resume | promote | abort | undo | retry | remove`: one transition each, with author and reason. */
export function addPersonCommands(program: Command): void {
  for (const verb of [
    'begin',
    'pause',
    'resume',
    'promote',
    'abort',
    'undo',
    'retry',
    'remove',
  ] as const) {
    const command = program
      .command(verb)
      .argument('<release>', 'id of the release')
      .option('-m, --message <reason>', 'why; it stands in the commit')
      .option('--dry-run', 'print the commit that it would be, and push nothing')
      .description(DESCRIPTIONS[verb])
      .addHelpText('after', `\nExample:\n  ${EXAMPLES[verb]}`)
      .action(async (release: string, _: unknown, self: Command) => {
        await act(verb, release, self.optsWithGlobals<PersonFlags>());
      });
    if (verb === 'begin') addAdmissionFlags(command);
    if (verb === 'promote')
      command
        .addOption(
          new Option(
            '--step <step>',
            'open the gate of this step, also of one ahead, or how its name begins (default: the present one)',
          ).conflicts('full'),
        )
        .option('--full', 'the whole rollout waits for no check and no gate, only for ready');
    if (verb === 'undo')
      command.option(
        '--to <candidate>',
        'an earlier candidate, or how it begins (default: the newest before that did not fail)',
      );
  }
}

async function act(verb: Verb, release: string, flags: PersonFlags): Promise<void> {
  const identity = flags.identity ?? (await personIdentity());
  const repository = await openForWriting(await locateNow(flags), flags, identity);
  try {
    const by = `${identity.name} <${identity.email}>`;
    const request = { by, reason: flags.message ?? 'no reason given' };
    const clock = () => Date.now() / 1000;
    const wishes = { ...flags, admission: admissionOf(flags) };
    const done = await intervene(repository, { id: release, verb, request, wishes }, clock);
    if (flags.json) sayJson(asJson(release, verb, done));
    else say(asText(done));
    if (verb === 'remove' && !flags.json && done.commit !== undefined) say(afterRemoval(release));
  } finally {
    await repository.close();
  }
}

function asJson(release: string, verb: Verb, done: Intervention): object {
  const { commit, message, releases, live } = done;
  const subject = subjectOf(message);
  const group = releases.length > 1 ? { releases } : {};
  return commit === undefined
    ? { release, verb, dryRun: true, subject, ...group, message: messageText(message), live }
    : { release, verb, commit, subject, ...group };
}

function asText({ commit, message, live }: Intervention): string {
  if (commit !== undefined) return `${commit.slice(0, 10)} ${subjectOf(message)}`;
  const paths = live.map(
    ({ kind, path }) => `  ${kind === 'delete' ? 'delete' : 'write '} ${path}`,
  );
  const below = paths.length === 0 ? ['live/ stays as it is'] : ['In live/:', ...paths];
  return [messageText(message).trimEnd(), '', 'Nothing was pushed.', ...below].join('\n');
}
