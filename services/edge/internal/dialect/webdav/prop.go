package webdav

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// defaultType is the type of a file whose writer named none.
const defaultType = "application/octet-stream"

// resource is a node as properties show it.
type resource struct {
	href string
	name string
	node objectv1.Node
	// available and used are nil unless they were asked for, and there is a quota.
	available, used *int64
	locks           []lock
}

// properties is what a PROPFIND asks for.
type properties struct {
	names []xml.Name // nil: those that every client wants
	only  bool       // their names, not their values
}

func dav(local string) xml.Name { return xml.Name{Space: spaceDAV, Local: local} }

// usual are the properties of DAV:allprop: those of RFC 4918, 15.
func usual() []xml.Name {
	return []xml.Name{
		dav("displayname"), dav("resourcetype"), dav("getcontentlength"), dav("getlastmodified"), dav("creationdate"),
		dav("getetag"), dav("getcontenttype"), dav("supportedlock"), dav("lockdiscovery"),
	}
}

// rare are those that only who names them gets.
func rare() []xml.Name {
	return []xml.Name{
		dav("quota-available-bytes"), dav("quota-used-bytes"), {Space: spaceOC, Local: "checksums"}, {Space: spaceOC, Local: "id"},
	}
}

// asks reports whether any of the names was asked for.
func (p properties) asks(names ...xml.Name) bool {
	for _, n := range p.names {
		for _, want := range names {
			if n == want {
				return true
			}
		}
	}
	return false
}

// readProperties reads a PROPFIND's body; no body asks for all.
func readProperties(root *element) (properties, error) {
	if root == nil {
		return properties{}, nil
	}
	if !root.is("propfind") {
		return properties{}, errBadXML.Msgf("the body is no DAV:propfind")
	}
	if prop := root.child("prop"); prop != nil {
		names := []xml.Name{} // an empty list asks for nothing
		for _, c := range prop.children {
			names = append(names, c.name)
		}
		return properties{names: names}, nil
	}
	if root.child("propname") != nil {
		return properties{names: append(usual(), rare()...), only: true}, nil
	}
	if root.child("allprop") == nil {
		return properties{}, errBadXML.Msgf("a DAV:propfind has DAV:prop, DAV:allprop or DAV:propname in it")
	}
	p := properties{}
	if more := root.child("include"); more != nil {
		p.names = usual()
		for _, c := range more.children {
			p.names = append(p.names, c.name)
		}
	}
	return p, nil
}

// write adds a resource to the answer. What it has goes first: rclone looks at
// the first status only.
func (p properties) write(m *multistatus, res resource) error {
	b := m.begin(res.href)
	names, all := p.names, p.names == nil
	if all {
		names = usual()
	}
	var missing []xml.Name
	b.WriteString("<d:propstat><d:prop>")
	for _, n := range names {
		before := b.Len()
		has := res.property(b, n)
		if !has {
			missing = append(missing, n)
		}
		if p.only {
			b.Truncate(before)
			if has {
				empty(b, n)
			}
		}
	}
	b.WriteString("</d:prop>")
	text(b, "d:status", statusLine(http.StatusOK))
	b.WriteString("</d:propstat>")
	if len(missing) > 0 && !all && !p.only {
		writePropstat(b, missing, http.StatusNotFound)
	}
	return m.end()
}

// writePropstat says of names what became of them.
func writePropstat(b *bytes.Buffer, names []xml.Name, status int) {
	b.WriteString("<d:propstat><d:prop>")
	for _, n := range names {
		empty(b, n)
	}
	b.WriteString("</d:prop>")
	text(b, "d:status", statusLine(status))
	b.WriteString("</d:propstat>")
}

// property writes one property, or says that the resource has none such.
func (res resource) property(b *bytes.Buffer, n xml.Name) bool {
	switch n.Space {
	case spaceDAV:
		return res.live(b, n.Local) || res.node.Object != nil && res.ofFile(b, n.Local)
	case spaceOC:
		return res.node.Object != nil && res.ofOwnCloud(b, n.Local)
	}
	return false
}

// live writes what files and folders have.
func (res resource) live(b *bytes.Buffer, name string) bool {
	switch name {
	case "displayname":
		text(b, "d:displayname", res.name)
	case "resourcetype":
		if res.node.Folder {
			b.WriteString("<d:resourcetype><d:collection/></d:resourcetype>")
		} else {
			b.WriteString("<d:resourcetype/>")
		}
	case "getlastmodified":
		text(b, "d:getlastmodified", res.node.ModTime.UTC().Format(http.TimeFormat))
	case "creationdate":
		text(b, "d:creationdate", res.node.CreatedAt.UTC().Format(time.RFC3339))
	case "supportedlock":
		b.WriteString("<d:supportedlock>")
		for _, scope := range []string{"exclusive", "shared"} {
			b.WriteString("<d:lockentry><d:lockscope><d:" + scope + "/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>")
		}
		b.WriteString("</d:supportedlock>")
	case "lockdiscovery":
		writeLocks(b, res.locks)
	case "quota-available-bytes":
		return number(b, name, res.available)
	case "quota-used-bytes":
		return number(b, name, res.used)
	default:
		return false
	}
	return true
}

func number(b *bytes.Buffer, name string, n *int64) bool {
	if n != nil {
		text(b, "d:"+name, strconv.FormatInt(*n, 10))
	}
	return n != nil
}

func (res resource) ofFile(b *bytes.Buffer, name string) bool {
	switch name {
	case "getcontentlength":
		text(b, "d:getcontentlength", strconv.FormatInt(res.node.Object.Size, 10))
	case "getetag":
		text(b, "d:getetag", res.node.Object.ETag)
	case "getcontenttype":
		text(b, "d:getcontenttype", typeOf(res.node))
	default:
		return false
	}
	return true
}

// ofOwnCloud writes what ownCloud's clients ask for: digests of the whole content
// and the file's id.
func (res resource) ofOwnCloud(b *bytes.Buffer, name string) bool {
	switch name {
	case "checksums":
		sums := checksums(*res.node.Object)
		if sums == "" {
			return false
		}
		b.WriteString("<oc:checksums>")
		text(b, "oc:checksum", sums)
		b.WriteString("</oc:checksums>")
	case "id":
		text(b, "oc:id", res.node.NodeID)
	default:
		return false
	}
	return true
}

// checksums lists what rclone and ownCloud compare contents by; "" when the
// writer left neither.
func checksums(o objectv1.Object) string {
	var out []string
	for _, a := range []blob.Algorithm{blob.SHA1, blob.MD5} {
		if sum := o.Digests[a]; len(sum) > 0 && !composite(o, a) {
			out = append(out, strings.ToUpper(string(a))+":"+hex.EncodeToString(sum))
		}
	}
	return strings.Join(out, " ")
}

func composite(o objectv1.Object, a blob.Algorithm) bool {
	for _, c := range o.Composite {
		if c == a {
			return true
		}
	}
	return false
}

func typeOf(n objectv1.Node) string {
	if t := n.Object.Metadata.ContentType; t != "" {
		return t
	}
	return defaultType
}
