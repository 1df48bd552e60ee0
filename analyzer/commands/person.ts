import type { Command } from 'commander';
import { personIdentity } from '../git/index.ts';
import { intervene, type Verb } from '../intervene.ts';
import { openForWriting, type RepositoryFlags } from '../options.ts';

interface PersonFlags extends RepositoryFlags {
  readonly message?: string;
}

const DESCRIPTIONS: Readonly<Record<Verb, string>> = {
  pause: 'stop a rollout where it is; a necessary way back still happens',
  resume: 'go on after a pause, or after an edit of Git by hand',
  abort: 'take the running candidate back and remember it as failed',
  retry: 'give a failed candidate another chance',
  remove: 'delete a release that is gone from apps/',
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

/** `perch pause | resume | abort | retry | remove`: one transition each, with author and reason. */
export function addPersonCommands(program: Command): void {
  for (const verb of ['pause', 'resume', 'abort', 'retry', 'remove'] as const)
    program
      .command(verb)
      .argument('<release>', 'id of the release')
      .option('-m, --message <reason>', 'why; it stands in the commit')
      .description(DESCRIPTIONS[verb])
      .action(async (release: string, _: unknown, command: Command) => {
        await act(verb, release, command.optsWithGlobals<PersonFlags>());
      });
}

async function act(verb: Verb, release: string, flags: PersonFlags): Promise<void> {
  const identity = flags.identity ?? (await personIdentity());
  const repository = await openForWriting(flags, identity);
  try {
    const by = `${identity.name} <${identity.email}>`;
    const request = { by, reason: flags.message ?? 'no reason given' };
    const done = await intervene(repository, release, verb, request, () => Date.now() / 1000);
    const [subject = ''] = done.message.split('\n');
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ release, verb, commit: done.commit, subject })}\n`);
      return;
    }
    process.stdout.write(`${done.commit.slice(0, 10)} ${subject}\n`);
    if (verb === 'remove') process.stdout.write(`${afterRemoval(release)}\n`);
  } finally {
    await repository.close();
  }
}
