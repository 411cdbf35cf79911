// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_script.h"

namespace cohort::cli {
namespace {

// The program is called as it was typed: the words are those of that version.
constexpr char kBash[] = R"(# Completion of cohortctl for bash: source <(cohortctl completion bash)
_cohortctl() {
    local answer line word prefix i last=0 rest=${COMP_LINE-}
    local -a words=("${COMP_WORDS[0]}")
    COMPREPLY=()
    # bash cuts words at = and : (COMP_WORDBREAKS). What stands together on the line is one word again, of which bash
    # replaces only what is behind the last cut.
    rest=${rest#*"${words[0]}"}
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((last > 0)) && [[ $rest != [[:space:]]* && "$word ${COMP_WORDS[i - 1]}" =~ (^[=:]+ )|( [=:]+$) ]]; then
            words[last]+=$word
        else
            words[++last]=$word
        fi
        rest=${rest#*"$word"}
    done
    prefix=${words[last]}
    [[ $word =~ ^[=:]+$ ]] || prefix=${prefix%"$word"}
    answer=$("${words[0]/#\~/${HOME-}}" __complete "${words[@]:1}" 2>/dev/null) || return
    while IFS=$'\t' read -r line _; do
        if [[ $line == :files ]]; then
            compopt -o default 2>/dev/null
            return
        fi
        [[ -n $line ]] && COMPREPLY+=("${line#"$prefix"}")
    done <<< "$answer"
    return 0
}
complete -F _cohortctl cohortctl
)";

constexpr char kZsh[] = R"(#compdef cohortctl
# Completion of cohortctl for zsh: source <(cohortctl completion zsh), or a file _cohortctl in a folder of $fpath.
_cohortctl() {
    local -a candidates
    local line word
    for line in "${(@f)$("${words[1]/#\~/$HOME}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :files ]]; then
            _files
            return
        fi
        word=${line%%$'\t'*}
        [[ -n $word ]] && candidates+=("${word//:/\\:}:${line#*$'\t'}")
    done
    _describe cohortctl candidates
}
if [[ ${funcstack[1]} == _cohortctl ]]; then
    _cohortctl
else
    compdef _cohortctl cohortctl
fi
)";

constexpr char kFish[] = R"(# Completion of cohortctl for fish: cohortctl completion fish | source
function __cohortctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$answer" = ":files"
        __fish_complete_path "$current"
    else
        printf '%s\n' $answer
    end
end
complete -c cohortctl -f -a '(__cohortctl_complete)'
)";

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : "";
}

}  // namespace cohort::cli
