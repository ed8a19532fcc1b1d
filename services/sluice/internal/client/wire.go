package client

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// The answers of the API (locknex.md, Containers), as far as they are looked at.
type (
	created struct {
		ContainerID  string `json:"container_id"`
		ContainerURL string `json:"container_url"`
		Size         int    `json:"container_size"`
	}
	counts struct {
		Online  int `json:"online"`
		Offline int `json:"offline"`
		Unknown int `json:"unknown"`
	}
	state struct {
		ContainerID  string   `json:"container_id"`
		Title        string   `json:"title"`
		Status       string   `json:"status"`
		CreatedAt    string   `json:"created_at"`
		LastChecked  *string  `json:"last_checked"`
		Size         int      `json:"container_size"`
		Hosts        []string `json:"hosts"`
		Stats        counts   `json:"stats"`
		ContainerURL string   `json:"container_url"`
	}
	link struct {
		URL    string `json:"url"`
		Host   string `json:"host"`
		Status string `json:"status"`
	}
	unlocked struct {
		ContainerID string `json:"container_id"`
		Title       string `json:"title"`
		Links       []link `json:"links"`
	}
	page struct {
		Containers []state `json:"containers"`
		After      string  `json:"after"`
	}
)

// wish is what create and edit send; what is nil is not said.
type wish struct {
	Title      *string  `json:"title,omitempty"`
	Password   *string  `json:"password,omitempty"`
	Links      []string `json:"links,omitempty"`
	Captcha    *bool    `json:"captcha,omitempty"`
	AllowCNL   *bool    `json:"allow_cnl,omitempty"`
	AllowLinks *bool    `json:"allow_links,omitempty"`
	Group      *string  `json:"group,omitempty"`
}

func (w wish) empty() bool {
	return w.Title == nil && w.Password == nil && w.Links == nil && w.Captcha == nil && w.AllowCNL == nil && w.AllowLinks == nil && w.Group == nil
}

// containerID takes an id, or the address of a container's page.
func containerID(arg string) (string, error) {
	id := arg
	if u, err := url.Parse(arg); err == nil && u.Host != "" {
		var ok bool
		if _, id, ok = strings.Cut(strings.TrimRight(u.Path, "/"), "/container/"); !ok {
			id = ""
		}
	}
	bad := func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	if id == "" || len(id) > 18 || strings.ContainsFunc(id, bad) {
		return "", usage("%q is no container: give its id or the address of its page", arg)
	}
	return id, nil
}

// maxLines bounds what is read as a list of links, in bytes.
const maxLines = 16 << 20

var errManyLines = errors.New("the list of links is larger than 16 MiB")

// linesOf reads a list of links: one a line, without blank lines and those that
// begin with "#".
func linesOf(text string) (links []string) {
	for l := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) { // Windows puts a mark in front
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			links = append(links, l)
		}
	}
	return links
}

// isLink tells a link from the name of a file.
func isLink(arg string) bool {
	low := strings.ToLower(arg)
	return strings.HasPrefix(low, "http://") || strings.HasPrefix(low, "https://")
}

// plain makes a text of somebody else's harmless on a terminal, and one line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}
