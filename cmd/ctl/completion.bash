# SPDX-License-Identifier: Apache-2.0
# bash completion of spiderpoolctl; goes to share/bash-completion/completions/spiderpoolctl
# shellcheck shell=bash

_spiderpoolctl() {
	local word
	COMPREPLY=()
	while IFS= read -r word; do
		if [ "$word" = :files ]; then
			compopt -o default
		else
			COMPREPLY+=("$word")
		fi
	done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _spiderpoolctl spiderpoolctl
