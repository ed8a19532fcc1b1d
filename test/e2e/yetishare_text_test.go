package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// told is a sentence, and what is sent for it.
type told struct {
	says  string
	pairs []string // "+" first: behind the credentials
}

// yetiTextRules: every sentence of source/yetishare.txt, in the order in which its
// endpoints check. Each request has everything wrong that comes later.
func yetiTextRules() []rule {
	tokenFirst := []told{
		{yetiMissing("access_token"), nil}, {yetiMissing("access_token"), []string{"account_id", "1"}}, {yetiMissing("account_id"), []string{"access_token", "x"}},
		{yetiReauth, []string{"access_token", "x", "account_id", "1"}},
	}
	nameFirst := func(name string) []told {
		return []told{
			{yetiMissing(name), nil}, {yetiMissing(name), []string{name, "", "access_token", "x"}}, {yetiMissing("account_id"), []string{name, "999999999"}},
			{yetiReauth, []string{name, "999999999", "account_id", "1"}}, {yetiReauth, []string{name, "999999999", "account_id", "1", "access_token", "x"}},
		}
	}
	ofFile := append(nameFirst("file_id"), told{yetiNoFile, []string{"+", "file_id", "999999999"}})
	ofFolder := append(tokenFirst[:len(tokenFirst):len(tokenFirst)], told{yetiNoFolder, []string{"+"}}, told{yetiNoFolder, []string{"+", "folder_id", ""}}, told{yetiNoFolder, []string{"+", "folder_id", "999999999"}})
	with := func(front []told, more ...told) []told { return append(front[:len(front):len(front)], more...) }
	var rules []rule
	add := func(endpoint string, all []told) {
		rules = append(rules, rule{says: endpoint + ": its sentences, in the order of its checks", check: func(t *testing.T, g *ground) { tells(t, g, endpoint, all) }})
	}
	add("/disable_access_token", tokenFirst)
	add("/account/info", tokenFirst)
	add("/account/package", tokenFirst)
	add("/file/upload", with(tokenFirst, told{"Did not receive uploaded file.", []string{"+"}}, told{"Did not receive uploaded file.", []string{"+", "folder_id", "999999999"}}))
	add("/file/download", ofFile)
	add("/file/info", ofFile)
	add("/file/edit", with(ofFile, told{yetiNoFolder, []string{"+", "file_id", "FILE", "folder_id", "999999999"}}))
	add("/file/delete", ofFile)
	add("/file/move", with(ofFile, told{yetiMissing("new_parent_folder_id"), []string{"+", "file_id", "FILE"}},
		told{yetiNoTarget("new_parent_folder_id"), []string{"+", "file_id", "FILE", "new_parent_folder_id", "999999999"}}))
	add("/file/copy", with(ofFile, told{yetiMissing("copy_to_folder_id"), []string{"+", "file_id", "FILE"}},
		told{yetiNoTarget("copy_to_folder_id"), []string{"+", "file_id", "FILE", "copy_to_folder_id", "999999999"}}))
	add("/folder/create", nameFirst("folder_name"))
	add("/folder/listing", tokenFirst)
	add("/folder/info", with(ofFolder, told{yetiNoFolder, []string{"+", "parent_folder_id", "999999999"}}))
	add("/folder/edit", ofFolder)
	add("/folder/delete", ofFolder)
	add("/folder/move", with(tokenFirst, told{yetiMissing("folder_id"), []string{"+"}}, told{yetiNoFolder, []string{"+", "folder_id", "999999999"}},
		told{yetiMissing("new_parent_folder_id"), []string{"+", "folder_id", "FOLDER"}}, told{yetiNoTarget("new_parent_folder_id"), []string{"+", "folder_id", "FOLDER", "new_parent_folder_id", "999999999"}}))
	add("/file/url_upload_add", with(tokenFirst, told{yetiMissing("url"), []string{"+"}}, told{yetiNoFolder, []string{"+", "url", "http://x.test/", "folder_id", "999999999"}}))
	add("/file/url_upload_status", with(tokenFirst, told{yetiMissing("url_upload_id"), []string{"+"}}))
	return rules
}

// tells sends each request by POST and by GET.
func tells(t *testing.T, g *ground, endpoint string, all []told) {
	t.Helper()
	y := g.yeti(t)
	file, folder := y.Upload(t, "f", "f").FileID, y.Folder(t, "d", "").ID
	for _, x := range all {
		by, pairs := y.Nobody(), x.pairs
		if len(pairs) > 0 && pairs[0] == "+" {
			by, pairs = y, strings.Split(strings.NewReplacer("FILE", file, "FOLDER", folder).Replace(strings.Join(pairs[1:], "\n")), "\n")
		}
		for _, ask := range []func(testing.TB, string, ...string) harness.Response{by.Ask, by.Query} {
			ask(t, endpoint, pairs...).Regrets(t, 200, x.says)
		}
	}
	equal(t, "what is there", fmt.Sprint(filesOf(y.List(t, "")), foldersOf(y.List(t, ""))), "fd")
}

// yetiAccountRules: /account/info and /account/package.
func yetiAccountRules() []rule {
	const accountMembers = "id username level_id email lastlogindate lastloginip status title firstname lastname languageId datecreated lastPayment paidExpiryDate storageLimitOverride"
	const packageMembers = "id label max_upload_size can_upload wait_between_downloads download_speed max_storage_bytes show_site_adverts show_upgrade_screen days_to_keep_inactive_files " +
		"concurrent_uploads concurrent_downloads downloads_per_24_hours max_download_filesize_allowed max_remote_download_urls level_type on_upgrade_page"
	return []rule{
		{says: "account/info has all documented members in their order", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			r := y.Ask(t, "/account/info")
			equal(t, "members", members(t, r.Body), prefixed("data.", accountMembers)+yetiEnd)
			a := yetiData(t, r)
			equal(t, "id", a["id"], any(y.ID))
			equal(t, "username", a["username"], any(y.Username))
			equal(t, "email", a["email"], any(y.Username+"@example.test"))
			equal(t, "status", a["status"], any("active"))
			matches(t, "datecreated", fmt.Sprint(a["datecreated"]), aDate)
		}},
		{says: "lastlogindate and lastloginip are of the log-in before the last one", check: func(t *testing.T, g *ground) {
			y := g.yeti(t).FromAddress(t, "127.0.7.11")
			y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
			y = y.FromAddress(t, "127.0.7.12")
			y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
			a := yetiData(t, y.Ask(t, "/account/info"))
			equal(t, "lastloginip", a["lastloginip"], any("127.0.7.11"))
			matches(t, "lastlogindate", fmt.Sprint(a["lastlogindate"]), aDate)
		}},
		{says: "an administrator is of level 20", check: func(t *testing.T, g *ground) {
			n := g.yeti(t).Nobody()
			n.Authorize(t, "username", "admin", "password", harness.AdminPassword)
			equal(t, "level_id", yetiData(t, n.Ask(t, "/account/info"))["level_id"], any("20"))
			equal(t, "level_id", yetiData(t, g.yeti(t).Ask(t, "/account/info"))["level_id"], any("2"))
		}},
		{says: "account/package has all documented members in their order, from the plan", check: func(t *testing.T, g *ground) {
			y := yeti(t, g.tight)
			r := y.Ask(t, "/account/package")
			if got := members(t, r.Body); !strings.HasPrefix(got, prefixed("data.", packageMembers)) {
				t.Errorf("members: %s", got)
			}
			a := yetiData(t, r)
			equal(t, "max_upload_size", a["max_upload_size"], any(fmt.Sprint(tightObject)))
			equal(t, "max_storage_bytes", a["max_storage_bytes"], any(fmt.Sprint(tightStorage)))
			equal(t, "max_remote_download_urls", a["max_remote_download_urls"], any("50"))
			equal(t, "concurrent_downloads", a["concurrent_downloads"], any("0"))
			equal(t, "level_type", a["level_type"], any("paid user"))
			equal(t, "label", a["label"], any("Standard Account"))
		}},
		{says: "package: clients find the storage used and in all", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			y.Upload(t, "f.bin", randomBytes(t, 12345))
			eventually(t, "it is counted", func() bool {
				a := yetiData(t, y.Ask(t, "/account/package"))
				return a["storage_used_bytes"] == "12345" && a["total_storage_used"] == "12345" && a["total_storage_bytes"] == fmt.Sprint(int64(100e9))
			})
		}},
	}
}

// aDate is the form of a time, as the document has it.
const aDate = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`

// yetiData is the data of a success.
func yetiData(t *testing.T, r harness.Response) object {
	t.Helper()
	var a object
	r.Data(t, &a)
	return a
}
