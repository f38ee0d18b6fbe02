package forms

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// put stores a value under a name, and what stands in it when it is an address.
func put(values map[string]string, name, value string) {
	values[name] = value
	u, err := url.Parse(value)
	if err != nil || !strings.Contains(value, "://") {
		return
	}
	delete(values, name) // its bytes are the values below
	values[name+"/rest"] = u.Scheme + " " + u.Host + " " + u.Path
	if u.User != nil {
		values[name+"/user"] = u.User.Username()
		values[name+"/password"], _ = u.User.Password()
	}
	for key, all := range u.Query() {
		values[name+"?"+key] = strings.Join(all, " ")
	}
}

func readJSON(t *testing.T, data []byte) map[string]string {
	t.Helper()
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	flatten(values, "", root)
	return values
}

// flatten puts the leaves of a tree under their paths.
func flatten(values map[string]string, name string, node any) {
	slash := func(key string) string { return strings.TrimPrefix(name+"/"+key, "/") }
	switch node := node.(type) {
	case map[string]any:
		for key, child := range node {
			flatten(values, slash(key), child)
		}
	case []any:
		for i, child := range node {
			flatten(values, slash(strconv.Itoa(i)), child)
		}
	case string:
		if user, ok := strings.CutSuffix(name, "/auth"); ok { // of Docker
			if id, secret, ok := strings.Cut(mustDecode(node), ":"); ok {
				values[user+"/auth/user"], values[user+"/auth/password"] = id, secret
				return
			}
		}
		put(values, name, node)
	default:
		values[name] = fmt.Sprint(node)
	}
}

func mustDecode(text string) string {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(decoded)
}

// readXML counts an element when its parent has more than one of that name so far, or when
// it is an element of a list: env[0], server[0].
func readXML(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	type open struct {
		path  string
		count map[string]int
		text  string
	}
	stack := []open{{count: map[string]int{}}}
	listed := map[string]bool{"env": true, "server": true, "property": true, "string": true}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		top := &stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			n := top.count[name]
			top.count[name]++
			if inner := strings.HasSuffix(top.path, "dict/dict"); listed[name] && (name != "string" || inner) {
				name += "[" + strconv.Itoa(n) + "]"
			} else if n > 0 {
				name += strconv.Itoa(n)
			}
			path := strings.TrimPrefix(top.path+"/"+name, "/")
			for _, a := range token.Attr {
				values[path+"@"+a.Name.Local] = a.Value
			}
			stack = append(stack, open{path: path, count: map[string]int{}})
		case xml.CharData:
			top.text += string(token)
		case xml.EndElement:
			if text := strings.TrimSpace(top.text); text != "" {
				values[top.path] = text
			}
			stack = stack[:len(stack)-1]
		}
	}
}

// readShell evaluates assignments as sh does, with the quotes of bash.
func readShell(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	variables := map[string]string{}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		for _, word := range shellWords(t, line, variables) {
			if name, value, ok := strings.Cut(word, "="); ok && regexp.MustCompile(`^[A-Za-z_]\w*$`).MatchString(name) {
				variables[name] = value
				if strings.HasPrefix(value, "{") {
					for inner, v := range readJSON(t, []byte(value)) {
						put(values, name+"/"+inner, v)
					}
					continue
				}
				put(values, name, value)
			}
		}
	}
	return values
}

// shellWords splits a line into words and takes quotes and escapes off.
func shellWords(t *testing.T, line string, variables map[string]string) []string {
	t.Helper()
	var words []string
	var word strings.Builder
	inWord := false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	variable := func(rest string) int {
		name := regexp.MustCompile(`^\$\{?(\w+)\}?`).FindStringSubmatch(rest)
		if name == nil {
			word.WriteByte('$')
			return 1
		}
		word.WriteString(variables[name[1]])
		return len(name[0])
	}
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			end()
			i++
		case c == '#' && !inWord:
			return words
		case c == '\'':
			inWord = true
			n := strings.IndexByte(line[i+1:], '\'')
			if n < 0 {
				return words
			}
			word.WriteString(line[i+1 : i+1+n])
			i += n + 2
		case strings.HasPrefix(line[i:], "$'"):
			inWord = true
			n := strings.IndexByte(line[i+2:], '\'')
			unquoted, err := strconv.Unquote(`"` + line[i+2:i+2+n] + `"`)
			if err != nil {
				t.Fatal(err)
			}
			word.WriteString(unquoted)
			i += n + 3
		case c == '"':
			inWord = true
			for i++; i < len(line) && line[i] != '"'; {
				switch {
				case line[i] == '\\' && i+1 < len(line) && strings.IndexByte(`"\$`+"`", line[i+1]) >= 0:
					word.WriteByte(line[i+1])
					i += 2
				case line[i] == '$':
					i += variable(line[i:])
				default:
					word.WriteByte(line[i])
					i++
				}
			}
			i++
		case c == '\\' && i+1 < len(line):
			inWord = true
			word.WriteByte(line[i+1])
			i += 2
		case c == '$':
			inWord = true
			i += variable(line[i:])
		default:
			inWord = true
			word.WriteByte(c)
			i++
		}
	}
	end()
	return words
}

// readCrontab reads settings, and the commands after cron has taken its percent signs.
func readCrontab(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for i, line := range strings.Split(string(data), "\n") {
		if setting := regexp.MustCompile(`^(\w+)\s*=\s*(.*)$`).FindStringSubmatch(line); setting != nil {
			put(values, setting[1], setting[2])
			continue
		}
		fields := strings.SplitN(line, " ", 6)
		if len(fields) < 6 || strings.HasPrefix(line, "#") {
			continue
		}
		command := strings.ReplaceAll(fields[5], `\%`, "%")
		for _, word := range shellWords(t, command, nil) {
			if name, value, ok := strings.Cut(word, "="); ok {
				put(values, fmt.Sprint(i+1, "/", name), value)
			} else {
				put(values, fmt.Sprint(i+1), word)
			}
		}
	}
	for name, value := range values {
		if strings.Contains(name, " ") {
			delete(values, name)
			values[strings.ReplaceAll(name, " ", "")] = value
		}
	}
	return values
}

func readHCL(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(data), -1) {
		value, err := strconv.Unquote(line[2])
		if err != nil {
			t.Fatal(err)
		}
		values[line[1]] = value
	}
	return values
}

// readProperties reads a file as java.util.Properties does.
func readProperties(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, value, ok := strings.Cut(strings.TrimLeft(line, " \t"), "="); ok && name[0] != '#' {
			values[strings.TrimSpace(name)] = regexp.MustCompile(`\\(.)`).ReplaceAllString(strings.TrimLeft(value, " \t"), "$1")
		}
	}
	return values
}

func readPasswd(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.FieldsSeq(string(data)) {
		fields := strings.Split(line, ":")
		bucket := strings.Join(fields[:len(fields)-2], ":")
		values[bucket+"/id"], values[bucket+"/secret"] = fields[len(fields)-2], fields[len(fields)-1]
	}
	return values
}

func readPowerShell(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\$env:(\w+)\s*=\s*(?:'([^']*)'|"([^"]*)")\r?$`).FindAllStringSubmatch(string(data), -1) {
		values[line[1]] = line[2] + line[3]
	}
	return values
}

func readFish(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if words := shellWords(t, line, nil); len(words) == 4 && words[0] == "set" && words[1] == "-gx" {
			values[words[2]] = words[3]
		}
	}
	return values
}

func readPostfix(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
		fields := strings.Fields(line)
		user, password, _ := strings.Cut(fields[1], ":")
		values[fields[0]+"/user"], values[fields[0]+"/password"] = user, password
	}
	return values
}

func readCSV(t *testing.T, data []byte) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for i, row := range rows[1:] {
		for k, cell := range row {
			values[fmt.Sprintf("%d/%s", i+1, rows[0][k])] = cell
		}
	}
	return values
}

// readSecret reads a Secret of Kubernetes: data is base64, and a value that is a file of AWS
// or YAML itself is read as such.
func readSecret(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	decode := func(name, value string) string {
		if !strings.HasPrefix(name, "data/") {
			return value
		}
		decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(value, "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(decoded)
	}
	add := func(name, value string, inner map[string]string) {
		for key, v := range inner {
			put(values, name+"/"+key, v)
		}
		if inner == nil {
			put(values, name, value)
		}
	}
	for name, value := range readYAML(t, data) {
		switch value = decode(name, value); {
		case strings.HasSuffix(name, "last-applied-configuration"):
			for key, v := range readJSON(t, []byte(value)) {
				add("applied/"+key, decode(key, v), nil)
			}
		case strings.HasPrefix(value, "[") || strings.HasPrefix(value, "# credentials"):
			add(name, value, readINI(t, []byte(value)))
		case strings.HasSuffix(name, ".yaml"):
			add(name, value, readYAML(t, []byte(value)))
		default:
			add(name, value, nil)
		}
	}
	return values
}

// readYAML reads maps, lists, quoted and plain scalars, lists in brackets and literal blocks.
func readYAML(t *testing.T, data []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	type level struct {
		indent int
		path   string
		items  int
	}
	stack := []level{{-1, "", -1}}
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		if text == "" || text[0] == '#' {
			continue
		}
		indent := len(lines[i]) - len(text)
		item, isItem := strings.CutPrefix(text, "- ")
		for stack[len(stack)-1].indent >= indent && (!isItem || stack[len(stack)-1].indent > indent) {
			stack = stack[:len(stack)-1]
		}
		top := &stack[len(stack)-1]
		path := func(key string) string { return strings.TrimPrefix(top.path+"/"+key, "/") }
		if isItem {
			top.items++
			name := path(strconv.Itoa(top.items))
			value := yamlScalar(t, item)
			if key, v, ok := strings.Cut(value, "="); ok { // of an environment
				name, value = name+"="+key, v
			}
			put(values, name, value)
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			t.Fatalf("not understood: %q", lines[i])
		}
		value = strings.TrimSpace(value)
		switch {
		case value == "":
			stack = append(stack, level{indent, path(key), -1})
		case value == "|":
			var block strings.Builder
			width := len(lines[i+1]) - len(strings.TrimLeft(lines[i+1], " "))
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], strings.Repeat(" ", width)) {
				i++
				block.WriteString(lines[i][width:] + "\n")
			}
			values[path(key)] = block.String()
		case value[0] == '[':
			for n, item := range strings.Split(strings.Trim(value, "[]"), ", ") {
				values[path(key+"/"+strconv.Itoa(n))] = yamlScalar(t, item)
			}
		default:
			put(values, path(key), yamlScalar(t, value))
		}
	}
	return values
}

func yamlScalar(t *testing.T, text string) string {
	t.Helper()
	switch {
	case strings.HasPrefix(text, `"`):
		value, err := strconv.Unquote(text)
		if err != nil {
			t.Fatal(err)
		}
		return value
	case strings.HasPrefix(text, "'"):
		return strings.ReplaceAll(strings.Trim(text, "'"), "''", "'")
	}
	value, _, _ := strings.Cut(text, " #")
	return value
}
