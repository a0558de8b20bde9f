"""Shell completion: the scripts that ask `beats` for completions, and their installation.

The scripts use typer's protocol. Typer's own script for bash is not used: bash ends a word at `=`, so it
never completes `--set sinks.browser.port=…`.
"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

Shell = Literal["bash", "zsh", "fish"]
VARIABLE: Final = "_BEATS_COMPLETE"
"""The environment variable in which the scripts ask."""

_BASH: Final = r"""
_beats_completion() {
    local IFS=$'\n' current=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
    local words=("${COMP_WORDS[0]}") i n=0 glue= before reply
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if [[ $i -gt 1 && ${COMP_WORDS[i]} == [=:]* ]]; then
            words[n]+=${COMP_WORDS[i]} glue=1
        elif [[ $glue && ! (-z ${COMP_WORDS[i]} && $line == *[[:space:]]) ]]; then
            words[n]+=${COMP_WORDS[i]} glue=
        else
            words[++n]=${COMP_WORDS[i]} glue=
        fi
    done
    before=${words[n]%"${current##[=:]}"}
    [[ $before == --*=* ]] && before=${before#*=}
    COMPREPLY=()
    while read -r reply; do
        [[ $reply ]] || continue
        reply=${reply#"$before"}
        if [[ $current != [\'\"]* && $reply == *[!A-Za-z0-9_./=:,@%+-]* ]]; then
            printf -v reply %q "$reply"
        fi
        COMPREPLY+=("$reply")
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$n _BEATS_COMPLETE=complete_bash "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *[=./] ]] && compopt -o nospace
    return 0
}
complete -o default -F _beats_completion beats
""".lstrip()

# COLUMNS, because typer would wrap the help of these two at the width of a terminal.
_ZSH: Final = r"""
#compdef beats
_beats_completion() {
    eval "$(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" COLUMNS=1000 _BEATS_COMPLETE=complete_zsh \
        ${words[1]} 2>/dev/null)"
}
if [[ $funcstack[1] == _beats ]]; then
    _beats_completion "$@"
else
    compdef _beats_completion beats
fi
""".lstrip()

_FISH: Final = r"""
function __beats_completion
    env _TYPER_COMPLETE_FISH_ACTION=$argv[1] _TYPER_COMPLETE_ARGS=(commandline -cp) COLUMNS=1000 \
        _BEATS_COMPLETE=complete_fish beats 2>/dev/null
end
complete --command beats --no-files --condition "__beats_completion is-args" \
    --arguments "(__beats_completion get-args)"
""".lstrip()


class _Place(NamedTuple):
    """Where a shell looks for completions, relative to the home folder."""

    script: str
    rc: str | None
    """The shell's start-up file, if it must load the script."""
    line: str
    """The line that loads it."""


SCRIPTS: Final[dict[Shell, str]] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_PLACES: Final[dict[Shell, _Place]] = {
    "bash": _Place(".bash_completions/beats.sh", ".bashrc", "source ~/.bash_completions/beats.sh"),
    "zsh": _Place(".zfunc/_beats", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": _Place(".config/fish/completions/beats.fish", None, ""),
}


def answer() -> None:
    """Make typer answer the scripts."""
    from typer import completion

    # This call registers the shells, whether or not typer's own two options are used.
    completion.get_completion_inspect_parameters()


def install(shell: Shell, home: Path) -> list[Path]:
    """Install the script of a shell; returns the written files.

    Raises:
        OSError: a file cannot be written.
    """
    place = _PLACES[shell]
    script = home / place.script
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(SCRIPTS[shell], encoding="utf-8")
    if place.rc is None:
        return [script]
    rc = home / place.rc
    before = rc.read_text(encoding="utf-8", errors="surrogateescape") if rc.exists() else ""
    if place.line in before.splitlines():
        return [script]
    with rc.open("a", encoding="utf-8") as file:
        file.write("\n" * (before != "" and not before.endswith("\n")) + place.line + "\n")
    return [script, rc]
