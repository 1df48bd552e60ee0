import { Command } from 'commander';
import { runDemo } from './demo.ts';
import type { DemoEvent } from './event.ts';
import { STORIES, type Story, type StoryName, storyNamed } from './stories.ts';
import { timeline } from './timeline.ts';

interface Flags {
  readonly bad: boolean;
  readonly json: boolean;
  readonly keep?: string;
  readonly strategy: string;
}

const program = new Command('npm run demo --')
  .description(
    'Rolls podinfo 3.1.0 → 3.1.1 with the real analyzer; Git server, cluster, traffic and metrics are embedded.',
  )
  .option('--strategy <name>', 'how it is released; see below', 'canary')
  .option(
    '--bad',
    'release a version that fails once it gets 20 % of the traffic (with shadow: 5 % in copies)',
    // Where `--` is forgotten npm keeps the flag for itself, as a variable.
    process.env.npm_config_bad === 'true',
  )
  .option(
    '--json',
    'print one JSON object for each event, and nothing else (npm itself prints less with `npm run --silent demo`)',
    false,
  )
  .option('--keep <folder>', 'leave the bare Git repository in this new folder')
  .addHelpText('after', ['', 'Strategies:', ...listed()].join('\n'))
  .allowExcessArguments(false)
  .parse();

function listed(): readonly string[] {
  return Object.entries(STORIES).map(([name, { about }]) => `  ${name.padEnd(12)}${about}`);
}

async function main(flags: Flags): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stopper(stop));
  // Who reads us may stop reading, as `head` does.
  process.stdout.on('error', () => stop.abort());
  try {
    const story = storyNamed(flags.strategy);
    const options = { ...flags, strategy: flags.strategy as StoryName };
    const { problems } = await runDemo({
      ...options,
      onEvent: printer(flags),
      signal: stop.signal,
    });
    for (const problem of problems) process.stderr.write(`demo: ${problem}\n`);
    if (!flags.json && problems.length === 0) print(...nextSteps(story, flags.keep));
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/**
 * The first signal ends the demo in good order. Runners pass on what the terminal has sent already, so only a
 * later one is impatience.
 */
function stopper(stop: AbortController): () => void {
  let first: number | undefined;
  return () => {
    first ??= performance.now();
    stop.abort();
    if (performance.now() - first > 1000) process.exit(130);
  };
}

function printer({ json }: Flags): (event: DemoEvent) => void {
  if (json) return (event) => print(JSON.stringify(event));
  const { isTTY, columns } = process.stdout;
  const colour = isTTY === true && !process.env.NO_COLOR;
  const lines = timeline({ colour, columns: isTTY && columns > 0 ? columns : undefined });
  return (event) => print(...lines(event));
}

function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function nextSteps({ release: { id } }: Story, keep: string | undefined): readonly string[] {
  if (keep === undefined)
    return [
      '',
      'To keep the repository and look at it: npm run demo -- --keep /tmp/perch',
      ...README,
    ];
  return [
    '',
    'Where to look next:',
    '  what each commit changed, and the numbers behind it:',
    `    git -C ${keep} log -p main -- live/${id}`,
    '  what a reviewer sees:',
    `    git -C ${keep} show main:dist/${id}/PLAN.md`,
    '  a proof that live/ is what plan, stable set and position say:',
    `    npx perch verify --repo ${keep}`,
    '  where the release is:',
    `    npx perch status --repo ${keep}`,
    ...README,
  ];
}

const README = ['README.md has the first release of your own, docs/glossary.md the words.'];

process.exitCode = await main(program.opts<Flags>());
