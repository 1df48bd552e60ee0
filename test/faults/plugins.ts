import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';
import type { World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };
/** From a failed check to the pushed commit that takes traffic away, whatever the plugin does. */
const PUSH_SECONDS = 30;

/** What a credentials plugin does that goes wrong, as a shell script. */
const PLUGINS: readonly (readonly [name: string, script: string])[] = [
  ['hangs', 'sleep 600'],
  ['floods', 'yes "not a credential"'],
  ['fails', 'echo "no credential for you" >&2; exit 1'],
  ['ignores-sigterm', `trap "" TERM; (trap "" TERM; sleep 600) & sleep 600; wait`],
  ['prints-nothing', 'exit 0'],
];

/** Plugins and files that a kubeconfig names. */
export const plugins: readonly Scenario[] = [
  ...PLUGINS.map(
    ([name, script]): Scenario => ({
      name: `plugins/${name}`,
      promise: `a plugin that ${name.replace('-', ' ')} delays no rollback beyond ${PUSH_SECONDS} s, and leaves no process`,
      run: (stage) => brokenPlugin(stage, script),
    }),
  ),
  {
    name: 'plugins/environment',
    promise: 'a plugin sees no variable PERCH_*, which may hold a secret',
    run: environment,
  },
  {
    name: 'plugins/token-rotates',
    promise: 'a token file that changes is read again, without a restart',
    run: rotates,
  },
];

/** A plugin that works while its flag is there, and does something else once it is gone. */
async function brokenPlugin(stage: Stage, script: string): Promise<Outcome> {
  const world = await stage.open();
  const broken = join(world.folder, 'broken');
  const kubeconfig = pluginConfig(world, `if [ -e '${broken}' ]; then\n${script}\nfi`);
  await world.release('alpha', BAD);
  world.analyzer({ kubeconfig });
  await world.untilStep('alpha', /weight-20/);
  writeFileSync(broken, '');
  // Where credentials are kept, a server that refuses them has the plugin asked again.
  world.proxies.api.spoil({ fault: { kind: 'answer', status: 401, body: '{}' } });
  const isBack = async () =>
    ['back', 'stable'].includes((await world.state('alpha'))?.position.kind ?? '');
  const seconds = await world.until(PUSH_SECONDS, isBack);
  if (seconds === undefined) world.problems.push(`no rollback was pushed in ${PUSH_SECONDS} s`);
  await sleep(3000);
  world.proxies.api.heal(true);
  rmSync(broken);
  const seen = `pushed after ${(seconds ?? PUSH_SECONDS).toFixed(1)} s`;
  const end = await conclude(world, [rollsBack('alpha', BAD)], 75, seen);
  return { ...end, longestSeconds: seconds ?? PUSH_SECONDS };
}

async function environment(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const dump = join(world.folder, 'environment');
  const kubeconfig = pluginConfig(world, `env >> '${dump}'`);
  await world.release('alpha', BAD);
  const env = { PERCH_FAULTS_SECRET: 'only ours', PERCH_MAX_ROLLOUTS: '9' };
  world.analyzer({ kubeconfig, env });
  const outcome = await conclude(world, [rollsBack('alpha', BAD)], 60, 'environment seen');
  const text = existsSync(dump) ? readFileSync(dump, 'utf8') : '';
  const leaked = text.split('\n').filter((it) => it.startsWith('PERCH_'));
  const problems = [
    ...(text === '' ? ['the plugin was never asked'] : []),
    ...(leaked.length === 0 ? [] : [`the plugin sees ${[...new Set(leaked)].join(', ')}`]),
  ];
  return { ...outcome, problems: [...outcome.problems, ...problems] };
}

/** A token that is not valid yet, and is replaced while the rollout waits for the cluster. */
async function rotates(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const config = configOf(world);
  const right = String(config.users[0]?.user.token);
  const tokenFile = join(world.folder, 'token');
  writeFileSync(tokenFile, 'expired');
  config.users[0] = { name: String(config.users[0]?.name), user: { tokenFile } };
  const kubeconfig = join(world.folder, 'kubeconfig-file');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  await world.release('alpha', BAD);
  const analyzer = world.analyzer({ kubeconfig });
  const isRefused = () => /does not accept these credentials/.test(analyzer.stdout());
  const seconds = await world.until(30, isRefused);
  if (seconds === undefined)
    world.problems.push('it does not say that its credentials are refused');
  const early = (await world.state('alpha'))?.position.step;
  if (early?.includes('weight') === true)
    world.problems.push(`without a token it came to ${early}`);
  writeFileSync(tokenFile, right);
  // Client libraries keep a token for a minute.
  return conclude(world, [rollsBack('alpha', BAD)], 90, 'rotated once');
}

interface Config {
  users: { name: string; user: Record<string, unknown> }[];
}

function configOf(world: World): Config {
  return JSON.parse(readFileSync(world.kubeconfig, 'utf8')) as Config;
}

/** A kubeconfig whose token comes from a script, after something else that the script does. */
function pluginConfig(world: World, before: string): string {
  const config = configOf(world);
  const token = String(config.users[0]?.user.token);
  const path = join(world.folder, 'plugin');
  const credential = JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token },
  });
  writeFileSync(path, `#!/bin/sh\n${before}\necho '${credential}'\n`);
  chmodSync(path, 0o755);
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: path,
    interactiveMode: 'Never',
  };
  config.users[0] = { name: String(config.users[0]?.name), user: { exec } };
  const kubeconfig = join(world.folder, 'kubeconfig-plugin');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  return kubeconfig;
}
