package rotate_test

import (
	"testing"

	"keyd/credfile/deeptest"
)

func TestMain(m *testing.M) { deeptest.Run(m) }
