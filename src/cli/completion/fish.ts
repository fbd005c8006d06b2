import { allCommands, type CommandFacts, type OptionFacts } from './facts.js';

/** Completion for fish, 3.0 and later. */
export function fishScript(program: CommandFacts): string {
  const commands = allCommands(program);
  const taking = commands.flatMap(({ name, options }) =>
    options.filter(({ values }) => values).flatMap(({ names }) => names.map((own) => quoted(`${name}:${own}`))),
  );
  return `# Completion of swanc for fish: swanc completion fish | source
function __swanc_command
    set -l command swanc
    set -l takes no
    for word in (commandline -opc)[2..-1]
        if test $takes = yes
            set takes no
            continue
        end
        switch "$command:$word"
${commands
  .filter((command) => command !== program)
  .map(
    ({ name, word }) => `            case ${quoted(`${name.slice(0, -word.length - 1)}:${word}`)}
                set command ${quoted(name)}`,
  )
  .join('\n')}
            case ${taking.join(' ')}
                set takes yes
        end
    end
    echo $command
end
function __swanc_is
    test (__swanc_command) = "$argv"
end
complete -c swanc -e
${commands.map(linesOf).join('\n')}
`;
}

function linesOf({ name, options, commands, values }: CommandFacts): string {
  const start = `complete -c swanc -n '__swanc_is ${name}'`;
  const lines = [
    ...commands.map(({ word, text }) => `${start} -a ${quoted(word)} -d ${quoted(text)}`),
    ...options.map((option) => `${start} ${switches(option)} -d ${quoted(option.text)}`),
  ];
  if (values.choices.length > 0) lines.push(`${start} -a ${quoted(values.choices.join(' '))}`);
  return [...lines, ...(values.files === 'none' ? [`${start} -f`] : [])].join('\n');
}

function switches({ names, values }: OptionFacts): string {
  const own = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  if (values === undefined) return `${own} -f`;
  const { choices, isList, files } = values;
  if (isList) return `${own} -x -a ${quoted(`(__fish_append , ${choices.join(' ')})`)}`;
  if (choices.length > 0) return `${own} -x -a ${quoted(choices.join(' '))}`;
  if (files === 'folder') return `${own} -x -a '(__fish_complete_directories)'`;
  return files === 'none' ? `${own} -x` : `${own} -r -F`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
