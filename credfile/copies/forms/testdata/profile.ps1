Set-PSReadLineOption -EditMode Emacs
$env:AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
$env:AWS_SECRET_ACCESS_KEY = "wJalrXUtn+EMI/K7MDENG/bPxRfi+YEXAMPLEKEY"
$env:AWS_REGION='eu-west-1'
function prompt { "PS $($executionContext.SessionState.Path.CurrentLocation)> " }
