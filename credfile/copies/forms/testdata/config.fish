if status is-interactive
    fish_vi_key_bindings
end
set -gx AWS_ACCESS_KEY_ID AKIAIOSFODNN7EXAMPLE
set -gx AWS_SECRET_ACCESS_KEY 'wJalrXUtn+EMI/K7MDENG/bPxRfi+YEXAMPLEKEY'
set -gx GOPATH ~/go
