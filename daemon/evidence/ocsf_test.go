package evidence_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// schema is the extract of the published schema in testdata/ocsf.json.
type schema struct {
	Version string
	Classes map[string]shape
	Objects map[string]shape
}

// shape is what the schema says of a class or of an object.
type shape struct {
	Category   int              `json:"category_uid"`
	Activities []int            `json:"activities"`
	Required   []string         `json:"required"`
	OneOf      []string         `json:"one_of"`
	Enums      map[string][]int `json:"enums"`
	Attributes map[string]string
}

// TestOCSFFitsTheSchema holds each event to the published schema.
func TestOCSFFitsTheSchema(t *testing.T) {
	r, _ := sample(t)
	data, err := r.OCSF()
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	text, err := os.ReadFile("testdata/ocsf.json")
	if err != nil || json.Unmarshal(text, &s) != nil {
		t.Fatal(err)
	}
	seen, lastTime := map[string]int{}, 0.0
	for line := range bytes.Lines(data) {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		class, activity := fmt.Sprint(e["class_uid"]), int(e["activity_id"].(float64))
		about := s.Classes[class]
		s.check(t, class, about, e)
		if e["category_uid"] != float64(about.Category) || !slices.Contains(about.Activities, activity) || e["type_uid"] != e["class_uid"].(float64)*100+float64(activity) {
			t.Errorf("class %s, category %v, activity %d, type %v", class, e["category_uid"], activity, e["type_uid"])
		}
		if at := e["time"].(float64); class == "3007" && at < lastTime-float64(20*day/1e6) {
			t.Errorf("an event of %v comes after one of %v", at, lastTime)
		} else {
			lastTime = at
		}
		if e["metadata"].(map[string]any)["version"] != s.Version {
			t.Errorf("version %v", e["metadata"])
		}
		seen[fmt.Sprint(class, "/", activity)]++
		if u, ok := e["user"].(map[string]any); ok {
			seen[u["programmatic_credentials"].([]any)[0].(map[string]any)["uid"].(string)+fmt.Sprint(activity)]++
		}
		if f, ok := e["compliance"].(map[string]any); ok {
			seen[fmt.Sprint(e["resources"].([]any)[0].(map[string]any)["uid"], " status ", f["status_id"])]++
		}
	}
	for what, n := range map[string]int{"3007/18": 6, "3007/19": 5, "3007/2": 10, "2003/1": 4, "AKIAALICE0000000000218": 1, "AKIAALICE0000000000219": 1,
		"AKIACAROL00000000001 status 3": 1, "AKIAALICE00000000006 status 1": 1, "AKIABOB0000000000001 status 1": 1} {
		if seen[what] != n {
			t.Errorf("%s: %d events, want %d", what, seen[what], n)
		}
	}
}

// check holds one object to what the schema says of it.
func (s *schema) check(t *testing.T, name string, about shape, object map[string]any) {
	t.Helper()
	if about.Attributes == nil {
		t.Fatalf("the schema has no %s", name)
	}
	for _, required := range about.Required {
		if _, ok := object[required]; !ok {
			t.Errorf("%s lacks %s", name, required)
		}
	}
	if len(about.OneOf) > 0 && !slices.ContainsFunc(about.OneOf, func(a string) bool { return object[a] != nil }) {
		t.Errorf("%s has none of %v", name, about.OneOf)
	}
	for attribute, value := range object {
		kind, known := about.Attributes[attribute]
		if !known {
			t.Errorf("%s has no attribute %s", name, attribute)
		}
		if n, ok := value.(float64); ok && about.Enums[attribute] != nil && !slices.Contains(about.Enums[attribute], int(n)) {
			t.Errorf("%s.%s is %v", name, attribute, value)
		}
		s.checkValue(t, name+"."+attribute, kind, value)
	}
}

// checkValue holds a value to a type of the schema.
func (s *schema) checkValue(t *testing.T, name, kind string, value any) {
	t.Helper()
	if one, ok := strings.CutPrefix(kind, "[]"); ok {
		all, isList := value.([]any)
		if !isList {
			t.Errorf("%s is no list: %v", name, value)
		}
		for _, v := range all {
			s.checkValue(t, name, one, v)
		}
		return
	}
	fits := kind == "any"
	switch v := value.(type) {
	case string:
		fits = fits || kind == "string" && v != ""
	case float64:
		fits = fits || kind == "integer" && v == float64(int64(v))
	case map[string]any:
		if about, ok := s.Objects[kind]; ok {
			s.check(t, kind, about, v)
			fits = true
		}
	}
	if !fits {
		t.Errorf("%s is no %s: %v", name, kind, value)
	}
}
