package awssim

import (
	"encoding/xml"
	"strings"
)

// node is one XML element: text, or children.
type node struct {
	name, text string
	kids       []node
}

func leaf(name, text string) node { return node{name: name, text: text} }

func tree(name string, kids ...node) node { return node{name: name, kids: kids} }

const (
	namespaceIAM = "https://iam.amazonaws.com/doc/2010-05-08/"
	namespaceSTS = "https://sts.amazonaws.com/doc/2011-06-15/"
)

func namespaceOf(service string) string {
	if service == "sts" {
		return namespaceSTS
	}
	return namespaceIAM
}

// render writes n indented, as AWS does. The namespace is for the root only.
func (n node) render(namespace string) []byte {
	var b strings.Builder
	n.write(&b, "", namespace)
	return []byte(b.String())
}

func (n node) write(b *strings.Builder, indent, namespace string) {
	b.WriteString(indent + "<" + n.name)
	if namespace != "" {
		b.WriteString(` xmlns="` + namespace + `"`)
	}
	b.WriteByte('>')
	if len(n.kids) > 0 {
		b.WriteByte('\n')
		for _, k := range n.kids {
			k.write(b, indent+"  ", "")
		}
		b.WriteString(indent)
	}
	xml.EscapeText(b, []byte(n.text))
	b.WriteString("</" + n.name + ">\n")
}

// success is the body of an answer. A call that returns nothing has no Result
// element; result is nil then.
func success(service, action, id string, result []node) []byte {
	var kids []node
	if result != nil {
		kids = append(kids, tree(action+"Result", result...))
	}
	kids = append(kids, tree("ResponseMetadata", leaf("RequestId", id)))
	return tree(action+"Response", kids...).render(namespaceOf(service))
}

// body is the body of a refusal. RequestId is a direct child here.
func (r *refusal) body(service, id string) []byte {
	kind, ns := "Sender", r.namespace
	if r.status >= 500 {
		kind = "Receiver"
	}
	if ns == "" {
		ns = namespaceOf(service)
	}
	return tree("ErrorResponse",
		tree("Error", leaf("Type", kind), leaf("Code", r.code), leaf("Message", r.message)),
		leaf("RequestId", id)).render(ns)
}
