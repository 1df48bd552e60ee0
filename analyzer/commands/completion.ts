import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/** `perch completion <shell>`: the script by which bash, zsh or fish completes commands and flags; add it last. */
export function addCompletion(program: Command): Command {
  tab(program, { completionCommandName: 'completion' });
  const command = program.commands.find((it) => it.name() === 'completion');
  if (command === undefined) throw new Error('completion was not added');
  return command
    .description('print the script by which a shell completes commands and flags')
    .addHelpText('after', EXAMPLES);
}

const EXAMPLES = `
Examples:
  source <(perch completion bash)                     in ~/.bashrc
  source <(perch completion zsh)                      in ~/.zshrc
  perch completion fish > ~/.config/fish/completions/perch.fish`;
