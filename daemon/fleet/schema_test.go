package fleet_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/fleet"
)

const schemaFile = "../../install/fleet/fleet.schema.json"

// property is what the schema says about one field: it needs no more of draft 2020-12.
type property struct {
	Type, Format, Pattern string
	Const, Minimum        any
	Items                 struct{ Enum []string }
	Description           string
}

type schema struct {
	Draft       string `json:"$schema"`
	Title, Type string
	Required    []string
	Properties  map[string]property
}

func readSchema(t *testing.T) (s schema) {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields() // a keyword that the test does not understand
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// check returns what is wrong with the text of a record.
func (s schema) check(text []byte) (wrong []string) {
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		return []string{err.Error()}
	}
	for _, name := range s.Required {
		if _, found := value[name]; !found {
			wrong = append(wrong, name+" is missing")
		}
	}
	for name, field := range value {
		p, known := s.Properties[name]
		if !known || !p.allows(field) {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, field))
		}
	}
	return wrong
}

func (p property) allows(value any) bool {
	if p.Const != nil {
		return value == p.Const
	}
	switch value := value.(type) {
	case bool:
		return p.Type == "boolean"
	case float64:
		return p.Type == "integer" && value == float64(int64(value)) && value >= p.Minimum.(float64)
	case string:
		_, err := time.Parse(time.RFC3339, value)
		return p.Type == "string" && (p.Format == "date-time" && err == nil || p.Pattern != "" && regexp.MustCompile(p.Pattern).MatchString(value))
	case []any:
		return p.Type == "array" && !slices.ContainsFunc(value, func(item any) bool {
			text, ok := item.(string)
			return !ok || !slices.Contains(p.Items.Enum, text)
		})
	}
	return false
}

// TestSchemaIsTheRecord compares the schema with the type: every field, each required, and
// the words that decide has for causes.
func TestSchemaIsTheRecord(t *testing.T) {
	s := readSchema(t)
	var fields []string
	for f := range reflect.TypeFor[fleet.Record]().Fields() {
		fields = append(fields, f.Tag.Get("json"))
	}
	if !slices.Equal(fields, s.Required) || !slices.Equal(slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(slices.Values(fields))) {
		t.Errorf("the schema requires %v and describes %v; the record has %v", s.Required, slices.Sorted(maps.Keys(s.Properties)), fields)
	}
	var words []string
	for _, c := range decide.Causes() {
		words = append(words, string(c))
	}
	if !slices.Equal(words, s.Properties["reasons"].Items.Enum) {
		t.Errorf("the schema has the causes %v, want %v", s.Properties["reasons"].Items.Enum, words)
	}
	good := `{"schema":1,"keys":1,"oldest_age_days":2,"overdue":0,"unknown_age":0,"needs_person":1,"reasons":["denied"],"overlap":0,"retiring":0,"release":"v1.0.0","daemon_alive":true,"managed":true,"managed_sha256":"` + strings.Repeat("0a", 32) + `","without_effect":1,"last_pass":"2026-11-23T10:00:00Z","last_pass_unix":1795428000,"max_age_days":90}`
	if wrong := s.check([]byte(good)); wrong != nil {
		t.Error(wrong)
	}
	for _, change := range [][2]string{
		{`"schema":1`, `"schema":2`}, {`"keys":1`, `"keys":-1`}, {`"keys":1`, `"keys":1.5`}, {`"keys":1,`, ``}, {`"keys":1`, `"keys":"1"`}, {`["denied"]`, `["AKIAIOSFODNN7EXAMPLE"]`},
		{`"v1.0.0"`, `"/opt/keyd"`}, {`2026-11-23T10:00:00Z`, `yesterday`}, {`"keys":1`, `"keys":1,"user":"alice"`},
		{`"managed_sha256":"0a`, `"managed_sha256":"/etc/`}, {`"managed":true`, `"managed":"/etc"`}, {`"without_effect":1`, `"without_effect":"rotate_after"`},
	} {
		if len(s.check([]byte(strings.Replace(good, change[0], change[1], 1)))) == 0 {
			t.Errorf("%s passes", change[1])
		}
	}
}
