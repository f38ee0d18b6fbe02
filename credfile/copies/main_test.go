package copies

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// TestMain also makes this program search a folder when a test starts it again: as another
// user, or to be measured.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KEYD_TEST_SEARCH_JSON"); dir != "" {
		_, _ = fmt.Println(reportJSON(dir))
		os.Exit(0)
	}
	if dir := os.Getenv("KEYD_TEST_SEARCH"); dir != "" {
		r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: dir})
		if err != nil {
			panic(err)
		}
		for _, c := range r.Copies {
			_, _ = fmt.Println(c.Path)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func reportJSON(dir string) string {
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: dir})
	if err != nil {
		panic(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(data)
}
