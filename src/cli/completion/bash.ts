import { allCommands, type CommandFacts, type OptionFacts, type Values } from './facts.js';

/**
 * Completion for bash, 3.2 and later, without any package for it. Words are what bash makes of the line, so `--mode=dense` is
 * three of them.
 */
export function bashScript(program: CommandFacts): string {
  const commands = allCommands(program);
  const taking = commands.flatMap((command) => command.options.map((option) => ({ command, option })));
  const withValue = taking.filter(({ option }) => option.values !== undefined);
  return `# Completion of swanc for bash: eval "$(swanc completion bash)"
_swanc() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=swanc takes= word i
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $takes ]]; then
      [[ $word == = ]] || takes=
      continue
    fi
    case "$command:$word" in
${commands
  .filter((command) => command !== program)
  .map(({ name }) => `      ${quoted(keyOf(name))}) command=${quoted(name)} ;;`)
  .join('\n')}
      ${withValue.map(({ command, option }) => patterns(command, option)).join('|')}) takes=1 ;;
    esac
  done
  case "$command:$prev" in
${withValue.map(({ command, option }) => `    ${patterns(command, option)}) ${offer(option.values)} ;;`).join('\n')}
  esac
  case "$command" in
${commands.map(offerWords).join('\n')}
  esac
}
_swanc_words() {
  local head= word
  [[ $2 == , && $cur == *,* ]] && head=\${cur%,*},
  for word in $1; do
    [[ $head$word == "$cur"* ]] && COMPREPLY+=("$head$word")
  done
}
_swanc_paths() {
  local path
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
  compopt -o filenames 2>/dev/null
}
complete -F _swanc swanc
`;
}

/** The command that a word within another one leads to. */
function keyOf(name: string): string {
  const words = name.split(' ');
  return `${words.slice(0, -1).join(' ')}:${words.at(-1)}`;
}

function patterns({ name }: CommandFacts, { names }: OptionFacts): string {
  return names.map((own) => quoted(`${name}:${own}`)).join('|');
}

function offer(values: Values | undefined): string {
  if (values === undefined) return 'return';
  return `${offerValues(values)}return`;
}

function offerValues({ choices, isList, files }: Values): string {
  if (choices.length > 0) return `_swanc_words ${quoted(choices.join(' '))}${isList ? ' ,' : ''}; `;
  return files === 'none' ? '' : `_swanc_paths ${files === 'file' ? '-f' : '-d'}; `;
}

function offerWords({ name, options, commands, values }: CommandFacts): string {
  const flags = options.flatMap(({ names }) => names).join(' ');
  const words = commands.map(({ word }) => word).join(' ');
  return `    ${quoted(name)})
      if [[ $cur == -* ]]; then
        _swanc_words ${quoted(flags)}
      else
        ${words === '' ? '' : `_swanc_words ${quoted(words)}; `}${offerValues(values)}:
      fi ;;`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
