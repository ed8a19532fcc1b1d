package e2e_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// yetishareSections are the rules of yetishare.md, of source/yetishare.txt and of
// field-facts.md 1, which sections has behind those of the other dialects.
func yetishareSections() []section {
	return []section{
		{"YETIAUTH", yetiAuthRules()}, {"YETIWAY", yetiWayRules()}, {"YETITEXT", yetiTextRules()}, {"YETIACCOUNT", yetiAccountRules()},
		{"YETIUPLOAD", yetiUploadRules()}, {"YETIFILE", yetiFileRules()}, {"YETIFOLDER", yetiFolderRules()}, {"YETINAME", yetiNameRules()},
		{"YETISHORT", yetiShortRules()}, {"YETISHARE", yetiShareRules()}, {"YETIONE", yetiOneRules()}, {"YETIFETCH", yetiFetchRules()},
	}
}

// The sentences of the document that many rules wait for.
const (
	yetiReauth   = "Could not validate access_token and account_id, please reauthenticate or try again."
	yetiRefused  = "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins."
	yetiNoFile   = "Could not find file based on file_id."
	yetiNoFolder = "Could not find folder based on folder_id."
)

func yetiMissing(param string) string { return "Please provide the " + param + " param." }

func yetiNoTarget(param string) string {
	return "Could not find the destination folder id defined by " + param + "."
}

var yetiAddresses atomic.Int64

// yeti is a new account of w that speaks yetishare, from an address of its own:
// what does not hold is bounded by address.
func yeti(t *testing.T, w *harness.World) *harness.Yetishare {
	t.Helper()
	n := yetiAddresses.Add(1)
	return account(t, w).Yetishare(t).FromAddress(t, fmt.Sprintf("127.9.%d.%d", n/250, n%250+1))
}

func (g *ground) yeti(t *testing.T) *harness.Yetishare {
	t.Helper()
	return yeti(t, g.w)
}

// Rates of the strict edge, a minute.
const (
	strictRate       = 60
	strictPublicRate = 30
)

// strictSettings are of an edge of Plik's that has yetishare.strict_status and small
// rates, which it counts by itself.
func strictSettings() []string {
	return []string{"SLUICE_YETISHARE_STRICT_STATUS=true", fmt.Sprintf("SLUICE_YETISHARE_RATE=%d", strictRate), fmt.Sprintf("SLUICE_YETISHARE_PUBLIC_RATE=%d", strictPublicRate)}
}

func md5Of(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // the document's
	return hex.EncodeToString(sum[:])
}

// members lists the names in a JSON object in their order: "a b c.d c.e". Of a list
// the first element counts.
func members(t *testing.T, raw []byte) string {
	t.Helper()
	var all []string
	var walk func(at string, raw json.RawMessage)
	walk = func(at string, raw json.RawMessage) {
		raw = bytes.TrimSpace(raw)
		switch raw[0] {
		case '[':
			var items []json.RawMessage
			noError(t, "list", json.Unmarshal(raw, &items))
			if len(items) > 0 {
				walk(at, items[0])
			}
		case '{':
			d := json.NewDecoder(bytes.NewReader(raw))
			_, _ = d.Token()
			for d.More() {
				name, err := d.Token()
				noError(t, "name", err)
				var member json.RawMessage
				noError(t, "member", d.Decode(&member))
				walk(strings.TrimPrefix(fmt.Sprint(at, ".", name), "."), member)
			}
		default:
			all = append(all, at)
		}
	}
	walk("", raw)
	return strings.Join(all, " ")
}

// prefixed puts a prefix before each of the names.
func prefixed(prefix, names string) string {
	return prefix + strings.ReplaceAll(names, " ", " "+prefix)
}

// The members of files and folders: the document's in its order, and behind those
// of a file what clients look for.
const (
	yetiFileMembers = "id filename shortUrl fileType extension fileSize status downloads folderId keywords url_file"
	yetiFileBeside  = " file_status description date_added"
	yetiFolderHead  = "id parentId folderName totalSize isPublic "
	yetiFolderTail  = "date_added date_updated url_folder total_downloads child_folder_count file_count"
	yetiEnd         = " _status _datetime"
)

// matches fails the test unless the whole text has the form.
func matches(t *testing.T, what, text, form string) {
	t.Helper()
	if !regexp.MustCompile(`^(?s:` + form + `)$`).MatchString(text) {
		t.Errorf("%s: %q, want %s", what, text, form)
	}
}

// text is what a member that may be null says; "null" for that.
func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// filesOf are the names of the files of a listing, sorted as it has them.
func filesOf(l harness.YetiListing) string {
	var names []string
	for _, f := range l.Files {
		names = append(names, f.Filename)
	}
	return strings.Join(names, "|")
}

func foldersOf(l harness.YetiListing) string {
	var names []string
	for _, f := range l.Folders {
		names = append(names, f.Name)
	}
	return strings.Join(names, "|")
}
