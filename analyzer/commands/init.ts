import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { originOf } from '../git/index.ts';
import {
  type Choices,
  CI_SYSTEMS,
  DEFAULTS,
  PACKAGE_MANAGERS,
  ROUTERS,
} from '../scaffold/choices.ts';
import { choiceMistake, type TextChoice } from '../scaffold/mistakes.ts';
import { PACKAGE_PARTS, projectFiles } from '../scaffold/project.ts';
import { type Written, writeFiles, writePackage } from '../scaffold/write.ts';
import type { Exit } from './exit.ts';
import { complain, isTerminal, say, sayJson } from './terminal.ts';

interface InitFlags {
  readonly release?: string;
  readonly namespace?: string;
  readonly image?: string;
  readonly port?: string;
  readonly router?: Choices['router'];
  readonly flux?: true;
  readonly argoCd?: true;
  readonly repository?: string;
  readonly prometheus?: string;
  readonly ci?: Choices['ci'];
  readonly packageManager?: Choices['packageManager'];
  readonly install: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  perch init                                 asks on a terminal, and writes into this folder
  perch init releases --release shop --image example/shop:1.4.2 --port 8080 --flux`;

/** `perch init [folder]`: a repository of releases of one's own, ready for `npm run synth`. */
export function addInit(program: Command, exit: Exit): Command {
  return program
    .command('init')
    .argument('[folder]', 'where to write', '.')
    .description('write a new repository of releases: package.json, apps/, a CI job')
    .option('--release <name>', 'id of the first release', checked('release'))
    .option(
      '--namespace <name>',
      'its namespace (default: the name of the release)',
      checked('namespace'),
    )
    .option('--image <image>', 'its image, with tag or digest', checked('image'))
    .option('--port <number>', 'port of its container', checked('port'))
    .addOption(new Option('--router <kind>', 'what splits its traffic').choices(ROUTERS))
    .addOption(
      new Option('--flux', 'also write what installs the analyzer and syncs with Flux').conflicts(
        'argoCd',
      ),
    )
    .option('--argo-cd', 'the same with Argo CD')
    .option(
      '--repository <url>',
      'address of the Git repository (default: that of remote origin)',
      checked('repository'),
    )
    .option('--prometheus <url>', 'address of Prometheus', checked('prometheus'))
    .addOption(new Option('--ci <system>', 'CI job to write').choices(CI_SYSTEMS))
    .addOption(
      new Option(
        '--package-manager <name>',
        'what installs the packages (default: what runs this command)',
      ).choices(PACKAGE_MANAGERS),
    )
    .option('--no-install', 'install no packages')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, _: unknown, command: Command) => {
      await init(resolve(folder), command.optsWithGlobals<InitFlags>(), exit);
    });
}

async function init(folder: string, flags: InitFlags, exit: Exit): Promise<void> {
  const asked = await chosen(folder, flags);
  await mkdir(folder, { recursive: true });
  const name = packageName(folder);
  const written = [
    await writePackage(folder, name, PACKAGE_PARTS),
    ...(await writeFiles(folder, projectFiles(asked))),
  ];
  if (!flags.json) report(folder, written);
  const installed = flags.install && (await install(folder, asked.packageManager));
  if (flags.json) sayJson({ folder, files: written, installed });
  else say(nextSteps(folder, asked, installed, flags.install));
  if (flags.install && !installed) exit(3);
}

/** Flags first, then what a person answers, then defaults. */
async function chosen(folder: string, flags: InitFlags): Promise<Choices> {
  const given: Partial<Choices> = {
    ...known('release', flags.release),
    ...known('namespace', flags.namespace),
    ...known('image', flags.image),
    ...known('port', flags.port === undefined ? undefined : Number(flags.port)),
    ...known('router', flags.router),
    ...known('ci', flags.ci),
    ...known('prometheus', flags.prometheus),
    ...known('repository', flags.repository ?? httpAddress(await originOf(folder))),
    ...(flags.flux ? { sync: 'flux' as const } : {}),
    ...(flags.argoCd ? { sync: 'argo-cd' as const } : {}),
    packageManager: flags.packageManager ?? runningPackageManager(),
  };
  if (isTerminal() && !flags.json) {
    const { askChoices } = await import('./init-questions.ts');
    return askChoices(given);
  }
  const release = given.release ?? DEFAULTS.release;
  return { ...DEFAULTS, namespace: release, ...given, release };
}

function known<K extends keyof Choices>(
  key: K,
  value: Choices[K] | undefined,
): Partial<Pick<Choices, K>> {
  const entry: Partial<Pick<Choices, K>> = {};
  if (value !== undefined) entry[key] = value;
  return entry;
}

/** An address that logs in belongs into nobody's manifests. */
function httpAddress(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { protocol, username, password } = new URL(url);
  return protocol === 'https:' && username === '' && password === '' ? url : undefined;
}

/** npm, pnpm and yarn say who they are to what they run. */
function runningPackageManager(): Choices['packageManager'] {
  const agent = process.env.npm_config_user_agent ?? '';
  return PACKAGE_MANAGERS.find((it) => agent.startsWith(`${it}/`)) ?? 'npm';
}

function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  // A package that depends on one of its own name cannot be installed.
  return name === '' || name === 'perch' ? 'releases' : name;
}

function report(folder: string, written: readonly Written[]): void {
  const here = relative(process.cwd(), folder) || '.';
  const lines = written.map(({ path, outcome }) => `  ${WORDS[outcome]} ${path}`);
  say([`In ${here}:`, ...lines].join('\n'));
}

const WORDS: Readonly<Record<Written['outcome'], string>> = {
  written: 'written ',
  kept: 'kept    ',
  extended: 'extended',
};

function install(folder: string, manager: Choices['packageManager']): Promise<boolean> {
  say(`\nInstalling packages with ${manager} …`);
  return new Promise((done) => {
    // What it prints is for the person, and standard output for what reads ours.
    const child = spawn(manager, ['install'], { cwd: folder, stdio: ['ignore', 2, 2] });
    child.once('error', (error) => {
      complain(`${manager} could not be started: ${error.message}`);
      done(false);
    });
    child.once('close', (code) => done(code === 0));
  });
}

function nextSteps(
  folder: string,
  { release, sync, packageManager }: Choices,
  isInstalled: boolean,
  wasAsked: boolean,
): string {
  const here = relative(process.cwd(), folder);
  const failed = wasAsked && !isInstalled;
  const lines = [
    failed ? 'The packages could not be installed; everything else is there.' : 'Done.',
    '',
    'Next:',
    ...(here === '' ? [] : [`  cd ${here}`]),
    ...(isInstalled ? [] : [`  ${packageManager} install`]),
    `  ${packageManager} run synth          # renders the plan of ${release} to dist/`,
    `  npx perch plan ${release}     # shows its steps`,
  ];
  if (sync !== undefined)
    lines.push('', 'apps/perch.ts has what to make by hand before dist/perch is applied.');
  return lines.join('\n');
}

/** @throws InvalidArgumentError, for commander, with what was expected */
function checked(field: TextChoice): (text: string) => string {
  return (text) => {
    const mistake = choiceMistake(field, text);
    if (mistake === undefined) return text;
    throw new InvalidArgumentError(mistake);
  };
}
