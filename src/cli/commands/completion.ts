import { Argument, type Command } from 'commander';
import { withCommonOptions, withJsonOption } from '../common.js';
import { bashScript } from '../completion/bash.js';
import { factsOf } from '../completion/facts.js';
import { fishScript } from '../completion/fish.js';
import { zshScript } from '../completion/zsh.js';
import type { Terminal } from '../terminal.js';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof scripts;

const examples = `
Examples:
  $ swanc completion bash > ~/.local/share/bash-completion/completions/swanc
      or in ~/.bashrc: eval "$(swanc completion bash)"
  $ swanc completion zsh > ~/.zfunc/_swanc
      a folder of $fpath; or in ~/.zshrc, after compinit:
      eval "$(swanc completion zsh)"
  $ swanc completion fish > ~/.config/fish/completions/swanc.fish`;

/** Adds `swanc completion`. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const command = program
    .command('completion')
    .summary('print the script that completes command lines in a shell')
    .description('Prints a script which makes a shell complete commands, options, their values and files.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)));
  withCommonOptions(withJsonOption(command, 'the script in JSON'))
    .addHelpText('after', examples)
    .action((shell: Shell, { json }: { readonly json?: true }) => {
      const script = scripts[shell](factsOf(program));
      terminal.out(json ? `${JSON.stringify({ shell, script }, undefined, 2)}\n` : script);
    });
}
