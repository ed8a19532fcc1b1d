package yetishare

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	api      = "/api/v2"
	keysPath = "/api/v1/account/yetishare-keys"
)

// endpoint is a row of the document: it takes POST and GET.
type endpoint struct {
	name, path string
	handle     dialect.Handler
	auth       dialect.Auth
	body       dialect.Body
	changes    bool // or hands out a credential, by GET too
	doc        string
}

// Routes implements dialect.Dialect, in the order of source/yetishare.txt and then
// of field-facts.md.
func (h *Handler) Routes() []dialect.Route {
	const params, none, form = dialect.AuthParams, dialect.AuthNone, dialect.FormBody
	var rows []dialect.Route
	for _, e := range []endpoint{
		{"Authorize", "/authorize", h.Authorize, none, form, true, "a token for two keys, or for user name and password"},
		{"DisableAccessToken", "/disable_access_token", h.DisableAccessToken, params, form, true, "end it"},
		{"AccountInfo", "/account/info", h.AccountInfo, params, form, false, "the account"},
		{"AccountPackage", "/account/package", h.AccountPackage, params, form, false, "what its plan allows"},
		{"UploadFile", "/file/upload", h.UploadFile, params, dialect.Stream, true, "a file into a folder"},
		{"DownloadFile", "/file/download", h.DownloadFile, params, form, true, "a download URL that holds for a day"},
		{"FileInfo", "/file/info", h.FileInfo, params, form, false, "a file"},
		{"EditFile", "/file/edit", h.EditFile, params, form, true, "rename it, give it another type, move it"},
		{"DeleteFile", "/file/delete", h.DeleteFile, params, form, true, "into the trash"},
		{"MoveFile", "/file/move", h.MoveFile, params, form, true, "into another folder"},
		{"CopyFile", "/file/copy", h.CopyFile, params, form, true, "a second file of the same content"},
		{"CreateFolder", "/folder/create", h.CreateFolder, params, form, true, "a folder"},
		{"ListFolder", "/folder/listing", h.ListFolder, params, form, false, "all that is right in it"},
		{"FolderInfo", "/folder/info", h.FolderInfo, params, form, false, "a folder"},
		{"EditFolder", "/folder/edit", h.EditFolder, params, form, true, "rename it, move it, share it"},
		{"DeleteFolder", "/folder/delete", h.DeleteFolder, params, form, true, "into the trash, with all that is in it"},
		{"MoveFolder", "/folder/move", h.MoveFolder, params, form, true, "into another folder"},
		{"AddURLUpload", "/file/url_upload_add", h.AddURLUpload, params, form, true, "fetch a file from a URL"},
		{"ShowURLUpload", "/file/url_upload_status", h.ShowURLUpload, params, form, false, "how far that is"},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			rows = append(rows, dialect.R(e.name, method+" "+api+e.path, e.handle, e.auth, e.body, e.doc).Changing(e.changes))
		}
	}
	return append(rows, dialect.R("CreateKeys", "POST "+keysPath, h.CreateKeys, dialect.AuthAccount, dialect.NoBody, "the two keys for /authorize; those before die at once"))
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string { return []string{api} }
