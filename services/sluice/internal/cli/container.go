package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxImportLine is the longest line of an import: a full container, with all of
// its links at their longest.
const maxImportLine = 16 << 20

func containerCommand() *cobra.Command {
	imp := containerImport()
	remote(imp)
	return group("container", "link containers", imp)
}

func containerImport() *cobra.Command {
	var owner string
	c := &cobra.Command{
		Use: "import FILE|- [--owner NAME]", Short: "take over containers of an older installation under their numeric ids", Args: cobra.ExactArgs(1),
		Long: "Each line of FILE, or of standard input, is a container in JSON:\n\n" +
			`  {"numeric_id":"7541014","id":"iiom6uw3pn7","title":"Linux ISOs","password":"123","links":["https://…"],"owner":"alice","created_at":"2019-05-06T07:08:09Z"}` +
			"\n\nid, password, owner (with --owner) and created_at may be left out; numeric_id may be a number. A link may be an object of url, mirror and backup.\n" +
			"A line that was imported before changes nothing, so an import that broke off is simply repeated. Lines that are refused are told with their\n" +
			"numbers, the others are imported all the same.",
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			in := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("opening the import: %w", err)
				}
				defer f.Close()
				in = f
			}
			im := importer{
				links: linksv1.NewClient(s.rpc), owner: owner, accounts: map[string]string{}, errOut: c.ErrOrStderr(),
				account: func(ctx context.Context, name string) (authv1.Account, error) { return accountByName(ctx, s, name) },
			}
			if err := im.run(ctx, in); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%d containers are there\n", im.done)
			return err
		}),
	}
	c.Flags().StringVar(&owner, "owner", "", "account of containers whose line names none")
	return c
}

// importer takes lines over.
type importer struct {
	links    linksv1.Service
	account  func(ctx context.Context, name string) (authv1.Account, error)
	owner    string
	accounts map[string]string // ids by name
	errOut   io.Writer

	done, refused int
}

// run imports every line of in. A line that is wrong is told and left out; when
// the system cannot be reached it stops.
func (im *importer) run(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			return fmt.Errorf("reading line %d: %w", n, err)
		}
		end := errors.Is(err, io.EOF)
		if len(bytes.TrimSpace(line)) > 0 || errors.Is(err, errLongLine) {
			if !errors.Is(err, errLongLine) {
				err = im.line(ctx, line)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if away(err) {
				return fmt.Errorf("line %d: %w; repeat the import, it goes on", n, public(err))
			}
			if err != nil {
				im.refused++
				_, _ = fmt.Fprintf(im.errOut, "line %d: %v\n", n, public(err))
			} else {
				im.done++
			}
		}
		if end {
			break
		}
	}
	if im.refused > 0 {
		return fmt.Errorf("%d containers are there, %d lines were refused", im.done, im.refused)
	}
	return nil
}

// away reports whether the system, not the line, is why a line failed.
func away(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && fault.Retryable(f)
}

var errLongLine = fmt.Errorf("it has more than %d bytes", maxImportLine)

// readLine reads a line without keeping more of it than is allowed.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxImportLine {
			long, line = true, nil
		}
		if !long {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long && (err == nil || errors.Is(err, io.EOF)) {
			return nil, errLongLine
		}
		return line, err
	}
}

// oldContainer is a line.
type oldContainer struct {
	NumericID numeric   `json:"numeric_id"`
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Password  string    `json:"password"`
	Links     []oldLink `json:"links"`
	Owner     string    `json:"owner"`
	CreatedAt oldTime   `json:"created_at"`
}

// numeric is an id as a text or as a number.
type numeric string

// UnmarshalJSON implements json.Unmarshaler.
func (v *numeric) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	if !linksv1.ValidNumericID(s) {
		return errors.New("numeric_id is not of digits")
	}
	*v = numeric(s)
	return nil
}

// oldLink is a URL, or an object with more.
type oldLink linksv1.LinkInput

// UnmarshalJSON implements json.Unmarshaler.
func (v *oldLink) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*v = oldLink{}
		return json.Unmarshal(b, &v.URL)
	}
	var in linksv1.LinkInput
	err := json.Unmarshal(b, &in)
	*v = oldLink(in)
	return err
}

// oldTime is a time in RFC 3339, or as the API writes it, in UTC.
type oldTime struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (v *oldTime) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil || s == "" {
		return err
	}
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			v.Time = t
			return nil
		}
	}
	return fmt.Errorf("created_at %.40q is no time such as 2019-05-06T07:08:09Z", s)
}

// parseOld reads a line.
func parseOld(line []byte) (oldContainer, error) {
	var c oldContainer
	dec := json.NewDecoder(bytes.NewReader(line))
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("it is no container in JSON: %w", err)
	}
	if dec.More() {
		return c, errors.New("something follows the container")
	}
	if c.NumericID == "" {
		return c, errors.New("numeric_id is missing")
	}
	c.Owner = strings.TrimSpace(c.Owner)
	return c, nil
}

func (im *importer) line(ctx context.Context, line []byte) error {
	old, err := parseOld(line)
	if err != nil {
		return err
	}
	owner := cmp.Or(old.Owner, im.owner)
	if owner == "" {
		return errors.New("it names no owner, and --owner was not given")
	}
	if im.accounts[owner] == "" {
		a, err := im.account(ctx, owner)
		if err != nil {
			return err
		}
		im.accounts[owner] = a.ID
	}
	links := make([]linksv1.LinkInput, len(old.Links))
	for i, l := range old.Links {
		links[i] = linksv1.LinkInput(l)
	}
	n := linksv1.Batch(links)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := im.links.ImportContainer(ctx, linksv1.ImportRequest{
		Username: owner, AccountID: im.accounts[owner], NumericID: string(old.NumericID), ID: old.ID, Title: old.Title, Password: old.Password,
		Links: links[:n], More: n < len(links), CreatedAt: old.CreatedAt.Time,
	})
	if err != nil {
		return err
	}
	edit := c.Edit
	for edit != "" && n < len(links) {
		k := linksv1.Batch(links[n:])
		if c, err = im.links.AddLinks(ctx, linksv1.AddLinksRequest{
			Principal: authv1.Principal{AccountID: im.accounts[owner]}, ID: c.ID, Edit: edit, From: n, Links: links[n : n+k], More: n+k < len(links),
		}); err != nil {
			return err
		}
		n += k
	}
	return nil
}
