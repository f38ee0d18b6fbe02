region     = "eu-west-1"
access_key = "AKIAIOSFODNN7EXAMPLE"
secret_key = "wJalrXUtn+EMI/K7MDENG/bPxRfi+YEXAMPLEKEY"

tags = {
  owner = "ops"
}
