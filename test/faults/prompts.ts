import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';
import type { AnalyzerOptions, World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };

/** One pass ends within it, whoever asks for something that nobody will type. */
const PASS_SECONDS = 100;

/** Programs that ask somebody at a terminal. */
export const prompts: readonly Scenario[] = [
  {
    name: 'prompts/signing-key',
    load: 'waits',
    promise: `a signing key with a passphrase never hangs: one pass ends within ${PASS_SECONDS} s, and says why`,
    missing: noKeygen,
    run: (stage) => ends(stage, (world) => ({ args: ['--signing-key', lockedKey(world)] })),
  },
  {
    name: 'prompts/askpass',
    load: 'waits',
    promise: `neither does an askpass program that waits for somebody, while it signs`,
    missing: noKeygen,
    run: (stage) =>
      ends(stage, (world) => ({
        args: ['--signing-key', lockedKey(world)],
        env: { SSH_ASKPASS: waiting(world), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' },
      })),
  },
  {
    name: 'prompts/credential-helper',
    load: 'waits',
    promise: `a credential helper that waits for somebody never hangs: one pass ends within ${PASS_SECONDS} s`,
    run: (stage) =>
      ends(stage, (world) => {
        const headers = { 'WWW-Authenticate': 'Basic realm="perch"' };
        world.proxies.git.spoil({ fault: { kind: 'answer', status: 401, headers } });
        return { env: { GIT_CONFIG_COUNT: '1', ...helper(waiting(world)) } };
      }),
  },
  {
    name: 'prompts/git-askpass',
    load: 'waits',
    promise: `nor does GIT_ASKPASS`,
    run: (stage) =>
      ends(stage, (world) => {
        const headers = { 'WWW-Authenticate': 'Basic realm="perch"' };
        world.proxies.git.spoil({ fault: { kind: 'answer', status: 401, headers } });
        return { env: { GIT_ASKPASS: waiting(world) } };
      }),
  },
  {
    name: 'prompts/ssh',
    load: 'waits',
    promise: `an ssh that asks for a passphrase never hangs: one pass ends within ${PASS_SECONDS} s`,
    run: (stage) =>
      ends(stage, (world) => ({
        args: ['--repo', 'ssh://git@127.0.0.1/repository.git'],
        env: { GIT_SSH_COMMAND: waiting(world) },
      })),
  },
];

function noKeygen(): string | undefined {
  const { error } = spawnSync('ssh-keygen', ['-?'], { stdio: 'ignore' });
  return error === undefined ? undefined : 'ssh-keygen is missing: install openssh-client';
}

/** One pass with it ends; then an analyzer without it does the work. */
async function ends(stage: Stage, optionsOf: (world: World) => AnalyzerOptions): Promise<Outcome> {
  const world = await stage.open();
  await world.release('alpha', BAD);
  const asked = world.analyzer({ mode: 'once', ...optionsOf(world) });
  const seconds = await world.until(PASS_SECONDS, () => asked.isOver());
  const said = asked.stderr().trim() || asked.lines.at(-1)?.reason || '';
  if (seconds === undefined) {
    world.problems.push(`it hangs: one pass took over ${PASS_SECONDS} s`);
    await asked.kill();
  } else if ((await asked.ended).code === 0) world.problems.push('it ended as if all were well');
  if (said === '') world.problems.push('it said nothing');
  world.proxies.git.heal(true);
  world.analyzer();
  const seen = `ended after ${(seconds ?? PASS_SECONDS).toFixed(1)} s: ${said}`;
  const end = await conclude(world, [rollsBack('alpha', BAD)], 60, seen);
  return { ...end, longestSeconds: seconds ?? PASS_SECONDS };
}

function lockedKey(world: World): string {
  const path = join(world.folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', path]);
  return path;
}

/** A program that waits for somebody at a terminal, or just waits. */
function waiting(world: World): string {
  const path = join(world.folder, 'waits');
  writeFileSync(path, '#!/bin/sh\nread answer < /dev/tty\nsleep 600\n');
  chmodSync(path, 0o755);
  return path;
}

function helper(path: string): Readonly<Record<string, string>> {
  return { GIT_CONFIG_KEY_0: 'credential.helper', GIT_CONFIG_VALUE_0: `!${path}` };
}
