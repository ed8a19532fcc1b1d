package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const containers = "/api/v1/container"

// wishFlags are the flags of create and edit.
type wishFlags struct {
	title, password, group string
	captcha, cnl, links    bool
}

func (f *wishFlags) bind(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVarP(&f.title, "title", "t", "", "title, 1 to 200 characters")
	fs.StringVarP(&f.password, "password", "p", "", `password; "-" reads it, since others on this machine may see it here`)
	fs.StringVar(&f.group, "group", "", "group of yours that it belongs to")
	fs.BoolVar(&f.captcha, "captcha", false, "its page asks for a click before it opens")
	fs.BoolVar(&f.cnl, "cnl", true, "its page has Click'n'Load")
	fs.BoolVar(&f.links, "links", true, "its page shows single links")
}

// wish gives what the flags that were given say.
func (f *wishFlags) wish(c *cobra.Command, r *run) (w wish, err error) {
	given := c.Flags().Changed
	if given("title") {
		w.Title = &f.title
	}
	if given("password") {
		if w.Password, err = r.password(f.password); err != nil {
			return w, err
		}
	}
	if given("group") {
		w.Group = &f.group
	}
	for name, to := range map[string]struct {
		from *bool
		to   **bool
	}{"captcha": {&f.captcha, &w.Captcha}, "cnl": {&f.cnl, &w.AllowCNL}, "links": {&f.links, &w.AllowLinks}} {
		if given(name) {
			*to.to = to.from
		}
	}
	return w, nil
}

// password reads one where the flag says "-".
func (r *run) password(flag string) (*string, error) {
	if flag != "-" {
		return &flag, nil
	}
	p, err := readSecret(r.io.In, r.io.Err, "password")
	return &p, err
}

// links gives the links that arguments are, or that the files have which they name.
func (r *run) links(args []string) (links []string, err error) {
	for _, arg := range args {
		if isLink(arg) {
			links = append(links, arg)
			continue
		}
		text, err := r.read(arg)
		if err != nil {
			return nil, err
		}
		links = append(links, linesOf(text)...)
	}
	return links, nil
}

func (r *run) read(name string) (string, error) {
	in := r.io.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", usageError{err}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxLines+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > maxLines {
		return "", errManyLines
	}
	return string(b), nil
}

// print writes what the server answered, or what text makes of it.
func (r *run) print(raw []byte, into any, text func(w io.Writer)) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return errNotOurs
	}
	if r.asJSON {
		_, err := fmt.Fprintf(r.io.Out, "%s\n", strings.TrimSpace(string(raw)))
		return err //nolint:wrapcheck // of the terminal
	}
	text(r.io.Out)
	return nil
}

func (e *env) create() *cobra.Command {
	var f wishFlags
	var c *cobra.Command
	c = e.command("create --title TITLE LINK|FILE|-…", "make a container and print its address", cobra.MinimumNArgs(1),
		func(ctx context.Context, r *run, args []string) error {
			w, err := f.wish(c, r)
			if err != nil {
				return err
			}
			if w.Links, err = r.links(args); err != nil {
				return err
			}
			if w.Title == nil || len(w.Links) == 0 {
				return usage("a container needs a --title and at least one link")
			}
			var raw []byte
			if err := r.api.own(ctx, http.MethodPost, containers+"/create", w, &raw); err != nil {
				return err
			}
			var made created
			return r.print(raw, &made, func(out io.Writer) { fmt.Fprintln(out, plain(made.ContainerURL)) })
		})
	c.Long = "Each argument is a link, a file with a link per line, or \"-\" for standard input."
	c.Example = "  sluice-client container create --title 'Linux ISOs' https://rapidgator.net/file/xyz links.txt"
	f.bind(c)
	return c
}

func (e *env) status() *cobra.Command {
	return e.command("status ID|URL", "show a container's status; needs no key", cobra.ExactArgs(1),
		func(ctx context.Context, r *run, args []string) error {
			id, err := containerID(args[0])
			if err != nil {
				return err
			}
			var raw []byte
			if err := r.api.public(ctx, http.MethodGet, "/api/v1/public/container/"+id+"/status", nil, &raw); err != nil {
				return err
			}
			var s state
			return r.print(raw, &s, func(out io.Writer) { s.text(out) })
		})
}

func (s state) text(out io.Writer) {
	checked := "never"
	if s.LastChecked != nil {
		checked = *s.LastChecked + " UTC"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "container\t%s\ntitle\t%s\nstatus\t%s\nlinks\t%d online, %d offline, %d unknown\nhosts\t%s\nmade\t%s UTC\nchecked\t%s\n",
		plain(s.ContainerID), plain(s.Title), plain(s.Status), s.Stats.Online, s.Stats.Offline, s.Stats.Unknown,
		plain(strings.Join(s.Hosts, " ")), plain(s.CreatedAt), plain(checked))
	_ = w.Flush() // its writer's error is the terminal's
}

func (e *env) list() *cobra.Command {
	var group, status string
	c := e.command("list", "list your containers, newest first", cobra.NoArgs, func(ctx context.Context, r *run, _ []string) error {
		w := tabwriter.NewWriter(r.io.Out, 0, 0, 2, ' ', 0)
		q := url.Values{"limit": {"100"}}
		if group != "" {
			q.Set("group", group)
		}
		if status != "" {
			q.Set("status", status)
		}
		for {
			var raw []byte
			if err := r.api.own(ctx, http.MethodGet, containers+"/list?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			var p page
			err := r.print(raw, &p, func(io.Writer) {
				for _, s := range p.Containers {
					fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%s\n", plain(s.ContainerID), plain(s.Status), s.Stats.Online, s.Size, plain(s.CreatedAt), plain(s.Title))
				}
			})
			if err != nil {
				return err
			}
			if p.After == "" || p.After == q.Get("after") {
				return w.Flush() //nolint:wrapcheck // of the terminal
			}
			q.Set("after", p.After)
		}
	})
	c.Flags().StringVar(&group, "group", "", "only those of a group")
	c.Flags().StringVar(&status, "status", "", "only those that are online, partial, offline or unknown")
	return c
}

func (e *env) unlock() *cobra.Command {
	var password string
	c := e.command("unlock ID|URL", "print a container's links; needs no key", cobra.ExactArgs(1),
		func(ctx context.Context, r *run, args []string) error {
			id, err := containerID(args[0])
			if err != nil {
				return err
			}
			p, err := r.password(password)
			if err != nil {
				return err
			}
			var raw []byte
			ask := map[string]string{"container_id": id, "password": *p}
			if err := r.api.public(ctx, http.MethodPost, containers+"/unlock", ask, &raw); err != nil {
				return err
			}
			var u unlocked
			return r.print(raw, &u, func(out io.Writer) {
				for _, l := range u.Links {
					fmt.Fprintln(out, plain(l.URL))
				}
			})
		})
	c.Flags().StringVarP(&password, "password", "p", "", `password; "-" reads it, since others on this machine may see it here`)
	return c
}

func (e *env) edit() *cobra.Command {
	var f wishFlags
	var c *cobra.Command
	c = e.command("edit ID|URL [LINK|FILE|-…]", "change a container; links that are given take the place of all", cobra.MinimumNArgs(1),
		func(ctx context.Context, r *run, args []string) error {
			id, err := containerID(args[0])
			if err != nil {
				return err
			}
			w, err := f.wish(c, r)
			if err != nil {
				return err
			}
			if w.Links, err = r.links(args[1:]); err != nil {
				return err
			}
			if w.empty() || len(args) > 1 && len(w.Links) == 0 {
				return usage("there is nothing to change: give flags or links")
			}
			var raw []byte
			if err := r.api.own(ctx, http.MethodPut, containers+"/"+id, w, &raw); err != nil {
				return err
			}
			var s state
			return r.print(raw, &s, func(out io.Writer) { s.text(out) })
		})
	c.Long = "An empty --password opens the container, and an empty --group takes it out of its group."
	f.bind(c)
	return c
}

func (e *env) delete() *cobra.Command {
	return e.command("delete ID|URL…", "end containers", cobra.MinimumNArgs(1), func(ctx context.Context, r *run, args []string) error {
		var failed error
		for _, arg := range args {
			id, err := containerID(arg)
			if err == nil {
				var raw []byte
				if err = r.api.own(ctx, http.MethodDelete, containers+"/"+id, nil, &raw); err == nil {
					err = r.print(raw, &created{}, func(io.Writer) {})
				}
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", plain(arg), err))
			}
		}
		return failed
	})
}

func (e *env) badge() *cobra.Command {
	var as, output, label string
	var scale int
	c := e.command("badge ID|URL", "print the code that shows a container's badge, or fetch it with -o; needs no key", cobra.ExactArgs(1),
		func(ctx context.Context, r *run, args []string) error {
			id, err := containerID(args[0])
			if err != nil {
				return err
			}
			q := url.Values{}
			if label != "" {
				q.Set("label", label)
			}
			if scale != 1 {
				q.Set("scale", strconv.Itoa(scale))
			}
			if output != "" {
				return r.fetchBadge(ctx, id, q, output)
			}
			code, ok := badgeCode(r.api.base, id, q)[as]
			if !ok {
				return usage("--as is url, bbcode, html or markdown")
			}
			_, err = fmt.Fprintln(r.io.Out, code)
			return err //nolint:wrapcheck // of the terminal
		})
	c.Flags().StringVar(&as, "as", "bbcode", "url, bbcode, html or markdown")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write the picture to; its ending says whether it is svg, webp or png")
	c.Flags().StringVar(&label, "label", "", "text of the left part")
	c.Flags().IntVar(&scale, "scale", 1, "size of a webp or png: 1 or 2")
	return c
}

// badgeCode gives the ways to show a badge that leads to its container.
func badgeCode(base, id string, q url.Values) map[string]string {
	badge, to := base+"/s/"+id+".svg", base+"/container/"+id
	if len(q) > 0 {
		badge += "?" + q.Encode()
	}
	return map[string]string{
		"url":      badge,
		"bbcode":   "[url=" + to + "][img]" + badge + "[/img][/url]",
		"html":     `<a href="` + html.EscapeString(to) + `"><img src="` + html.EscapeString(badge) + `" alt="status"></a>`,
		"markdown": "[![status](" + badge + ")](" + to + ")",
	}
}

func (r *run) fetchBadge(ctx context.Context, id string, q url.Values, output string) error {
	ending := output[strings.LastIndexByte(output, '.')+1:]
	if ending != "svg" && ending != "webp" && ending != "png" {
		return usage("the file's name ends with .svg, .webp or .png")
	}
	path := "/s/" + id + "." + ending
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	var raw []byte
	if err := r.api.public(ctx, http.MethodGet, path, nil, &raw); err != nil {
		return err
	}
	if len(raw) > maxBadgeLen {
		return errNotOurs
	}
	if err := os.WriteFile(output, raw, 0o644); err != nil { //nolint:gosec // a picture for everybody
		return fmt.Errorf("writing the badge: %w", err)
	}
	return nil
}
