import { allCommands, type CommandFacts, type OptionFacts, type Values } from './facts.js';

/** Completion for zsh, as a file `_swanc` of `$fpath` or evaluated in a running shell. */
export function zshScript(program: CommandFacts): string {
  return `#compdef swanc
# Completion of swanc for zsh: eval "$(swanc completion zsh)", or a file _swanc in $fpath
${allCommands(program).map(functionOf).join('\n')}
if [[ $funcstack[1] == _swanc ]]; then
  _swanc "$@"
else
  compdef _swanc swanc
fi
`;
}

function functionOf({ name, options, commands, values }: CommandFacts): string {
  const specs = options.map(specOf);
  if (commands.length === 0) {
    const rest = values.choices.length > 0 || values.files !== 'none' ? [quoted(`*: :${actionOf(values)}`)] : [];
    return `${functionName(name)}() {
  _arguments -s ${[...specs, ...rest].join(' \\\n    ')}
}`;
  }
  const described = commands.map(({ word, text }) => quoted(`${word}:${text.replaceAll(':', '\\:')}`));
  // What is no command may be an argument of this one.
  const others = values.files === 'none' ? '' : '; _files';
  return `${functionName(name)}() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands=(
    ${described.join('\n    ')}
  )
  _arguments -s -C ${[...specs, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    command) _describe command commands${others} ;;
    rest)
      case $words[1] in
${commands.map((own) => `        ${own.word}) ${functionName(own.name)} ;;`).join('\n')}${others === '' ? '' : '\n        *) _files ;;'}
      esac ;;
  esac
}`;
}

function functionName(name: string): string {
  return `_${name.replaceAll(' ', '_')}`;
}

/** One option with all its names, in the language of `_arguments`. */
function specOf({ names, text, placeholder, values, isRepeatable }: OptionFacts): string {
  const told = `[${text.replaceAll(/[[\]]/g, '\\$&')}]`;
  const value = values === undefined ? '' : `:${placeholder || 'value'}:${actionOf(values)}`;
  const before = isRepeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  const joined = (name: string): string => (values === undefined ? '' : name.startsWith('--') ? '=' : '+');
  return names.map((name) => quoted(`${before}${name}${joined(name)}${told}${value}`)).join(' \\\n    ');
}

function actionOf({ choices, isList, files }: Values): string {
  if (isList) return `_sequence compadd - ${choices.join(' ')}`;
  if (choices.length > 0) return `(${choices.join(' ')})`;
  if (files === 'none') return ' ';
  return files === 'file' ? '_files' : '_files -/';
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
