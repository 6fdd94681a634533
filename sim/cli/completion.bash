
# What stands behind the cursor, from the functions above.

# Words of a list, the prefix before each: "a,b,<TAB>" completes its last item.
_offramp_words() { # prefix typed word...
    local prefix=$1 typed=$2 word
    shift 2
    for word; do
        [[ $word == "$typed"* && " ${COMPREPLY[*]} " != *" $prefix$word "* ]] && COMPREPLY+=("$prefix$word")
    done
}

_offramp_value_of() { # path flag typed
    local typed=$3 prefix=
    if [[ $2 == --set ]]; then
        compopt -o nospace 2>/dev/null
        if [[ $typed == *=* ]]; then
            prefix=${typed%%=*}=
            _offramp_words "$prefix" "${typed#*=}" $(_offramp_key "${typed%%=*}")
        else
            _offramp_words "" "$typed" $(_offramp_keys)
        fi
        return
    fi
    if _offramp_listed "$1 $2" && [[ $typed == *,* ]]; then
        prefix=${typed%,*},
        typed=${typed##*,}
    fi
    _offramp_words "$prefix" "$typed" $(_offramp_named "$1 $2") $(_offramp_choices "$1 $2")
}

_offramp() {
    local line=${COMP_LINE:0:COMP_POINT} current= path= next at=1 last
    local -a words
    COMPREPLY=()
    read -ra words <<<"$line"
    if [[ $line != *[[:space:]] ]]; then
        current=${words[${#words[@]} - 1]}
        unset "words[${#words[@]}-1]"
    fi
    while ((at < ${#words[@]})); do
        [[ " $(_offramp_verbs "$path") " == *" ${words[at]} "* ]] || break
        path="${path:+$path }${words[at]}"
        at=$((at + 1))
    done
    last=${words[${#words[@]} - 1]}
    [[ $last == -o ]] && last=--out
    next=" $(_offramp_valued "$path") "
    if [[ $last == --* && $next == *" $last "* ]]; then
        _offramp_value_of "$path" "$last" "$current"
    elif [[ $current == --*=* ]]; then
        _offramp_value_of "$path" "${current%%=*}" "${current#*=}"
        COMPREPLY=("${COMPREPLY[@]/#/${current%%=*}=}")
    elif [[ $current == -* ]]; then
        _offramp_words "" "$current" $(_offramp_flags "$path") --help
    elif [[ $path == help* ]]; then
        path=${path#help}
        path=${path# }
        _offramp_words "" "$current" $(_offramp_verbs "${words[*]:2}")
        ((${#words[@]} == 2)) && _offramp_words "" "$current" scenario sweep-file $(_offramp_topics)
    else
        ((at == ${#words[@]})) && _offramp_words "" "$current" $(_offramp_verbs "$path")
        _offramp_words "" "$current" $(_offramp_named "$path")
    fi
    # bash has cut the line at these: what stands before the last of them is already there.
    local before=${current%"${current##*[=:]}"}
    if [[ -n $before && $COMP_WORDBREAKS == *"${before: -1}"* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}

complete -o default -o bashdefault -F _offramp offramp
