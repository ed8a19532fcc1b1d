package hosts

import (
	"bytes"
	_ "embed" // hosts.yaml
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

//go:embed hosts.yaml
var embedded []byte

// Limit is how politely a host is asked.
type Limit struct {
	Concurrency int     `yaml:"concurrency"` // requests at once
	Rate        float64 `yaml:"rate"`        // requests in a second
}

// Host is one host's rule. It does not change once it is loaded.
type Host struct {
	Name    string   `yaml:"name"`
	Domains []string `yaml:"domains"` // lower case, without "www."
	// ID matches the path (with its query, where it has one) of links to one file;
	// its group "id", or the first one, is the file's. Other links of the domains are
	// checked by the generic rule.
	ID     pattern  `yaml:"id"`
	Normal template `yaml:"normal"` // the link in the form that is the same for all spellings
	Limit  Limit    `yaml:"limit"`
	Page   *Page    `yaml:"page"`
	Call   *Call    `yaml:"call"`
	base   *url.URL // instead of the scheme and host of what is asked; for tests
}

// Page asks for the page of a file.
type Page struct {
	URL     template          `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	Rules   []Rule            `yaml:"rules"` // the first that fits decides; the generic ones come behind them
	Name    pattern           `yaml:"name"`  // first group: the file's name
	Size    pattern           `yaml:"size"`  // first group: its size as people write it
}

// Call asks a host's own checker about many files at once.
type Call struct {
	Method  string            `yaml:"method"`
	URL     template          `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	// Form is a body of fields; a value with {id} or {url} is there for each file,
	// with {ids} or {urls} once, joined by Join. JSON is a body in which {ids} stands
	// for a list. Without either, URL has {ids}.
	Form  map[string]string `yaml:"form"`
	JSON  string            `yaml:"json"`
	Join  string            `yaml:"join"`
	Batch int               `yaml:"batch"` // files of one request
	// Gone are statuses that say of a request about one file that it is not there.
	Gone []int `yaml:"offline_status"`
	// The answer is read as Entries of JSON, or as Lines.
	Entries *Entries `yaml:"entries"`
	Lines   *Lines   `yaml:"lines"`
}

// Entries reads a JSON answer.
type Entries struct {
	// List leads to the list of files ("files", "result.files", "" is the whole
	// answer): an array of objects, or an object by id. An answer without it says
	// nothing.
	List   string  `yaml:"list"`
	ID     string  `yaml:"id"` // field of an entry; empty: the object's key
	Online []Field `yaml:"online"`
	Gone   []Field `yaml:"offline"`
	Absent string  `yaml:"absent"` // status of a file that the list leaves out; empty: unknown
	Locked []Field `yaml:"restricted"`
	Name   string  `yaml:"name"`
	Size   string  `yaml:"size"`
	Sane   []Field `yaml:"sane"` // of the whole answer: else it says nothing
}

// Field is a condition on a field of JSON.
type Field struct {
	Path string   `yaml:"path"`
	In   []string `yaml:"in"` // values as JSON writes them, strings without quotes; empty: it is there and not null
}

// Lines reads an answer in which a stretch of text tells of a file: whatever
// Split parts, and a file's id or URL stands in.
type Lines struct {
	Split   string  `yaml:"split"`   // "\n" for lines, "<tr" for the rows of a table
	End     string  `yaml:"end"`     // where a stretch ends that begins with Split: what stands outside is none
	Offline pattern `yaml:"offline"` // in the stretch
	Locked  pattern `yaml:"restricted"`
	Online  pattern `yaml:"online"`
	Name    pattern `yaml:"name"`
	Size    pattern `yaml:"size"`
}

// Rule decides by an answer. All of its conditions hold.
type Rule struct {
	Status  []int          `yaml:"status"`  // one of these
	URL     pattern        `yaml:"url"`     // of where redirects led
	LostID  bool           `yaml:"lost_id"` // redirects led to another page of the host's, which is no login and no challenge
	Body    []string       `yaml:"body"`    // one of these texts, without regard to case; {id} is the file's
	Pattern pattern        `yaml:"pattern"` // in the body
	Then    linksv1.Status `yaml:"then"`
	Why     linksv1.Reason `yaml:"why"`
}

// pattern is a regular expression in YAML.
type pattern struct{ *regexp.Regexp }

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *pattern) UnmarshalYAML(n *yaml.Node) error {
	re, err := regexp.Compile(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	p.Regexp = re
	return nil
}

// in reports whether the pattern is there and matches.
func (p pattern) in(b []byte) bool { return p.Regexp != nil && p.Match(b) }

// group gives the first group of a match.
func (p pattern) group(b []byte) string {
	if p.Regexp == nil {
		return ""
	}
	if m := p.FindSubmatch(b); len(m) > 1 {
		return string(m[1])
	}
	return ""
}

// template is a text with {id} and the like in it.
type template string

func (t template) with(pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(string(t))
}

// Book is all that is known of hosts. It is safe for concurrent use.
type Book struct {
	limit  Limit // where a host says nothing
	byName map[string]*Host
}

// Options of a Book.
type Options struct {
	File  string // in the form of hosts.yaml: its entries take the place of those of the same name
	Limit Limit  // where a host says nothing
	// Bases gives a scheme and host to be asked in the place of a domain's, for hosts
	// that live elsewhere: mirrors, and imitations in tests.
	Bases map[string]string
}

// Load reads the rules.
func Load(o Options) (*Book, error) {
	all, err := parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("reading the hosts that are built in: %w", err)
	}
	if o.File != "" {
		b, err := os.ReadFile(o.File)
		if err != nil {
			return nil, fmt.Errorf("reading the file of hosts: %w", err)
		}
		more, err := parse(b)
		if err != nil {
			return nil, fmt.Errorf("reading the file of hosts: %w", err)
		}
		for _, h := range more {
			all = slices.DeleteFunc(all, func(old *Host) bool { return old.Name == h.Name })
		}
		all = append(all, more...)
	}
	book := &Book{limit: o.Limit, byName: map[string]*Host{}}
	for _, h := range all {
		for _, d := range h.Domains {
			if book.byName[d] != nil {
				return nil, fmt.Errorf("domain %s belongs to %s and to %s", d, book.byName[d].Name, h.Name)
			}
			book.byName[d] = h
		}
	}
	for domain, base := range o.Bases {
		h := book.byName[domain]
		if h == nil {
			h = &Host{Name: domain, Domains: []string{domain}}
			book.byName[domain] = h
		}
		u, err := url.Parse(base)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("the base %q of %s is no URL", base, domain)
		}
		h.base = u
	}
	return book, nil
}

// parse reads entries in the form of hosts.yaml and holds them to what makes sense.
func parse(b []byte) ([]*Host, error) {
	var file struct {
		Hosts []*Host `yaml:"hosts"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("it is no list of hosts: %w", err)
	}
	for _, h := range file.Hosts {
		if h == nil {
			return nil, errors.New("an entry is empty")
		}
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("host %q: %w", h.Name, err)
		}
	}
	return file.Hosts, nil
}

func (h *Host) check() error {
	switch {
	case h.Name == "" || len(h.Domains) == 0:
		return errors.New("it needs a name and domains")
	case slices.ContainsFunc(h.Domains, func(d string) bool {
		return d != strings.ToLower(d) || strings.HasPrefix(d, "www.") || strings.ContainsAny(d, "/: ")
	}):
		return errors.New("a domain is lower case, without www. and port")
	case h.ID.Regexp == nil || h.ID.NumSubexp() < 1:
		return errors.New("id needs a pattern with a group")
	case h.Limit.Concurrency < 0 || h.Limit.Rate < 0:
		return errors.New("limits are not negative")
	case (h.Page == nil) == (h.Call == nil):
		return errors.New("it is checked either by a page or by a call")
	case h.Page != nil:
		return h.Page.check()
	}
	return h.Call.check()
}

func (p *Page) check() error {
	if p.URL == "" {
		return errors.New("a page needs its url")
	}
	for i, r := range p.Rules {
		if !decisive(r.Then) || !slices.Contains(linksv1.Reasons(), r.Why) {
			return fmt.Errorf("rule %d: then is online, offline or unknown, why one of the reasons", i+1)
		}
		if len(r.Status) == 0 && r.URL.Regexp == nil && !r.LostID && len(r.Body) == 0 && r.Pattern.Regexp == nil {
			return fmt.Errorf("rule %d: it has no condition", i+1)
		}
	}
	return nil
}

func decisive(s linksv1.Status) bool {
	return s == linksv1.Online || s == linksv1.Offline || s == linksv1.Unknown
}

func (c *Call) check() error {
	switch {
	case c.URL == "" || c.Method != "GET" && c.Method != "POST":
		return errors.New("a call needs a method, GET or POST, and its url")
	case c.Batch < 1 || c.Batch > 500:
		return errors.New("batch is from 1 to 500")
	case (c.Entries == nil) == (c.Lines == nil):
		return errors.New("a call's answer is read as entries or as lines")
	case c.Entries != nil && c.Entries.Absent != "" && c.Entries.Absent != string(linksv1.Offline):
		return errors.New("absent is offline, or nothing")
	case c.Lines != nil && c.Lines.Split == "":
		return errors.New("lines need to know where to split")
	}
	return nil
}
