package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/state"
)

// schema is a JSON schema, or a part of one. The test needs no more of draft 2020-12 than
// this, and refuses a keyword that it does not know.
type schema map[string]any

// keywords are what schema.check understands. Those with false say nothing about a value.
var keywords = map[string]bool{
	"$schema": false, "$defs": false, "title": false, "description": false,
	"$ref": true, "type": true, "const": true, "enum": true, "pattern": true, "format": true, "minimum": true,
	"required": true, "properties": true, "additionalProperties": true, "items": true, "anyOf": true,
}

// check returns what is wrong with a value. It also reports a property that the schema does
// not describe, which the schema itself allows: programs must expect new ones.
func (s schema) check(root schema, at string, value any) (wrong []string) {
	report := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	for word := range s {
		if _, known := keywords[word]; !known {
			report("the test does not understand %s", word)
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		target, found := root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		if !found {
			return []string{at + ": there is no " + ref}
		}
		return schema(target).check(root, at, value)
	}
	if several, ok := s["anyOf"].([]any); ok {
		if !slices.ContainsFunc(several, func(one any) bool { return len(schema(one.(map[string]any)).check(root, at, value)) == 0 }) {
			report("%v is none of what it may be", value)
		}
		return wrong
	}
	if kind := s["type"]; kind != nil && !isKind(kind, value) {
		report("%v is no %v", value, kind)
	}
	if want := s["const"]; want != nil && want != value {
		report("%v, want %v", value, want)
	}
	if all, ok := s["enum"].([]any); ok && !slices.Contains(all, value) {
		report("%v is none of %v", value, all)
	}
	switch value := value.(type) {
	case string:
		if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(value) {
			report("%q does not match %s", value, pattern)
		}
		if _, err := time.Parse(time.RFC3339Nano, value); s["format"] == "date-time" && err != nil {
			report("%v", err)
		}
	case float64:
		if least, ok := s["minimum"].(float64); ok && value < least {
			report("%v is below %v", value, least)
		}
	case []any:
		items, _ := s["items"].(map[string]any)
		for i, item := range value {
			wrong = append(wrong, schema(items).check(root, fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	case map[string]any:
		wrong = append(wrong, s.checkObject(root, at, value)...)
	}
	return wrong
}

func (s schema) checkObject(root schema, at string, value map[string]any) (wrong []string) {
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, found := value[name.(string)]; !found {
			wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	properties, _ := s["properties"].(map[string]any)
	others, open := s["additionalProperties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(value)) {
		part, known := properties[name].(map[string]any)
		switch {
		case known:
			wrong = append(wrong, schema(part).check(root, at+"."+name, value[name])...)
		case open:
			wrong = append(wrong, schema(others).check(root, at+"."+name, value[name])...)
		default:
			wrong = append(wrong, fmt.Sprintf("%s: the schema does not describe %s", at, name))
		}
	}
	return wrong
}

// isKind reports whether a value has a type of JSON schema, or one of several.
func isKind(kind, value any) bool {
	if several, ok := kind.([]any); ok {
		return slices.ContainsFunc(several, func(one any) bool { return isKind(one, value) })
	}
	number, isNumber := value.(float64)
	switch kind {
	case "integer":
		return isNumber && number == float64(int64(number))
	case "null":
		return value == nil
	}
	names := map[string]reflect.Kind{"string": reflect.String, "boolean": reflect.Bool, "array": reflect.Slice, "object": reflect.Map}
	return value != nil && reflect.TypeOf(value).Kind() == names[kind.(string)]
}

func readSchema(t *testing.T) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal([]byte(statusSchema), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// demandSchema checks what keyd status --json has printed.
func demandSchema(t *testing.T, s schema, name, text string) {
	t.Helper()
	var value any
	// A mistake in keyd.ini is reported below it, on the standard error, which is the same here.
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, wrong := range s.check(s, name, value) {
		t.Error(wrong)
	}
}

// demandStatusSchema checks what keyd status --json has printed in a story.
func demandStatusSchema(ts *testscript.TestScript, text string) {
	var s schema
	var value any
	ts.Check(errors.Join(json.Unmarshal([]byte(statusSchema), &s), json.Unmarshal([]byte(text), &value)))
	if wrong := s.check(s, "keyd status --json", value); len(wrong) > 0 {
		ts.Fatalf("%s", strings.Join(wrong, "\n"))
	}
}

// TestSchemaDescribesTheStatus validates what keyd status --json prints in many states, and a
// value in which every field is filled in.
func TestSchemaDescribesTheStatus(t *testing.T) {
	s := readSchema(t)
	for name, home := range map[string]*shownHome{"names": sixtyNames(), "failing": fourteenFailures(), "empty": {}, "mistake": {ini: "overlop = 3d\n", names: []string{"a"}}} {
		if name == "empty" {
			home.add("only", state.KeyStatus{State: decide.StateNew, Why: "x"})
		}
		demandSchema(t, s, name, home.show(t, 0, 0, statusOptions{format: "json"}))
		demandSchema(t, s, name+", those that need a person", home.show(t, 0, 0, statusOptions{format: "json", needsMe: true}))
	}
	full := fourKeys()
	full.Locks, full.Settings, full.Notes, full.Warnings, full.Files = "x", "x", []string{"x"}, []string{"x"}, []string{"x"}
	l := &full.Keys[0]
	fill(reflect.ValueOf(l).Elem())
	fill(reflect.ValueOf(full.Daemon).Elem())
	full.AtWork = &state.Work{PID: 4711, Command: "keyd rotate --force", Since: monday, Profiles: []string{"x"}}
	full.Daemon.Version, l.State, l.Hooks[0].State, l.OldKeyUse.Days = 1, decide.StateOverlap, "left out", []string{"2026-11-23"}
	l.Failure.Hidden, l.Seen.Keys[0].LastUse = nil, &remote.Use{}
	demandSchema(t, s, "full", formatJSON(full))
}

// fill puts something into every field of a structure, and into what it points to, once.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(monday))
			return
		}
		for _, f := range v.Fields() {
			if f.CanSet() && f.Type() != reflect.PointerTo(v.Type()) {
				fill(f)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("AKIAIOSFODNN7EXAMPLE")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	}
}

// TestSchemaRefusesWhatIsWrong: a validator that accepts everything would prove nothing.
func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	s := readSchema(t)
	good := formatJSON(fourKeys())
	for _, change := range [][2]string{
		{`"version": 1`, `"version": 2`}, {`"state": "ok"`, `"state": "okay"`}, {`"daemon_running": true`, `"daemon_running": "yes"`},
		{`"why": `, `"wyh": `}, {`"2026-11-23T10:12:00Z"`, `"yesterday"`}, {`"pid": 4711`, `"pid": 1.5`}, {`"profiles": [`, `"profiles": [null,`}, {`"key": "AKIA`, `"key": "?`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		var value any
		if err := json.Unmarshal([]byte(bad), &value); err != nil || bad == good {
			t.Fatalf("%s: %v", change[1], err)
		}
		if len(s.check(s, "", value)) == 0 {
			t.Errorf("%s passes", change[1])
		}
	}
	if text := readDocument(t, "cmd/keyd/status.schema.json"); text != statusSchema || !strings.Contains(statusLong, "cmd/keyd/status.schema.json") {
		t.Error("keyd status --help does not name the file with the schema")
	}
}
