package rotate_test

import (
	"flag"
)

var everyLie = flag.Int("lies", 331, "let the journal tell every nth of all lies; 1: all")
