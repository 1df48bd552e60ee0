import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runGit } from './command.ts';
import { GitError } from './git-error.ts';
import { assertPath } from './path.ts';

/** Texts by path, before and after. */
export interface TextSides {
  readonly before: ReadonlyMap<string, string>;
  readonly after: ReadonlyMap<string, string>;
}

/**
 * The unified diff of two sets of files, as git makes it; empty where they are the same. `git apply` takes it.
 *
 * @throws GitError when git cannot be run
 */
export async function textDiff({ before, after }: TextSides): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-diff-'));
  try {
    await writeSide(join(folder, 'a'), before);
    await writeSide(join(folder, 'b'), after);
    const output = await runGit(GIT, {
      // Nothing of the user's settings may start another program or change the names.
      arguments: [
        ...['diff', '--no-index', '--no-ext-diff', '--no-textconv', '--no-renames'],
        ...['--src-prefix=', '--dst-prefix=', '--color=never', 'a', 'b'],
      ],
      folder,
    });
    // It exits with 1 where there are differences.
    if (output.exitCode <= 1) return output.stdout;
    throw new GitError(`git diff exited with ${output.exitCode}: ${output.stderr.trim()}`, {
      retryable: false,
      stderr: output.stderr,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** For calls outside of any repository. */
const GIT = {
  gitDir: '',
  config: ['core.attributesFile=/dev/null', 'core.autocrlf=false', 'core.quotePath=false'],
  environment: {},
  networkTimeoutMs: 60_000,
  localTimeoutMs: 60_000,
  log: () => undefined,
} as const;

async function writeSide(folder: string, texts: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(folder);
  for (const [path, text] of texts) {
    assertPath(path);
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
