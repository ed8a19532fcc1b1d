package lockr

import (
	"slices"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	api     = "/api/v1"
	ofFiles = api + "/files/{id...}" // the family of what happens to files: ServeMux cannot tell register from an id
)

// Routes implements dialect.Dialect, in the order of lockr.md.
func (h *Handler) Routes() []dialect.Route {
	return slices.Concat(h.accountRoutes(), h.uploadRoutes(), h.fileRoutes())
}

func (h *Handler) accountRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("Login", "POST "+api+"/login", h.Login, dialect.AuthNone, dialect.JSONBody, "exchange a password for an account token"),
		dialect.R("Logout", "POST "+api+"/logout", h.Logout, dialect.AuthAccount, dialect.NoBody, "end the token that the request is made with"),
		dialect.R("CreateAccount", "POST "+api+"/account", h.CreateAccount, dialect.AuthNone, dialect.JSONBody, "sign up; answers like a login"),
		dialect.R("GetAccount", "GET "+api+"/account", h.GetAccount, dialect.AuthAccount, dialect.NoBody, "the account and what it uses"),
		dialect.R("UpdateAccount", "PATCH "+api+"/account", h.UpdateAccount, dialect.AuthAccount, dialect.JSONBody, "set the region of new files"),
		dialect.R("ChangePassword", "POST "+api+"/account/password", h.ChangePassword, dialect.AuthAccount, dialect.JSONBody, "set another password; ends all other tokens"),
		dialect.R("DeleteAccount", "POST "+api+"/account/delete", h.DeleteAccount, dialect.AuthAccount, dialect.JSONBody, "end the account and all that it stores"),
		dialect.R("ListTokens", "GET "+api+"/account/tokens", h.ListTokens, dialect.AuthAccount, dialect.NoBody, "the account's tokens, without secrets"),
		dialect.R("CreateToken", "POST "+api+"/account/tokens", h.CreateToken, dialect.AuthAccount, dialect.JSONBody, "make an account token; the only answer that shows it"),
		dialect.R("RevokeToken", "DELETE "+api+"/account/tokens/{id}", h.RevokeToken, dialect.AuthAccount, dialect.NoBody, "end an account token at once"),
	}
}

func (h *Handler) uploadRoutes() []dialect.Route {
	const session = api + "/upload/session/{secret}"
	return []dialect.Route{
		dialect.R("CreateSession", "POST "+api+"/upload/session", h.CreateSession, dialect.AuthGuest, dialect.JSONBody, "open a resumable upload; its URL is all that the upload needs"),
		dialect.R("PutSession", "PUT "+session, h.PutSession, dialect.AuthNone, dialect.Stream, "send bytes, whole or by Content-Range, or ask for the state"),
		dialect.R("PatchSession", "PATCH "+session, h.PatchSession, dialect.AuthNone, dialect.Stream, "send bytes by tus"),
		dialect.R("HeadSession", "HEAD "+session, h.HeadSession, dialect.AuthNone, dialect.NoBody, "how far the upload is"),
		dialect.R("PostSession", "POST "+session, h.PostSession, dialect.AuthNone, dialect.Stream, "what X-HTTP-Method-Override says, else as PUT"),
		dialect.R("DeleteSession", "DELETE "+session, h.DeleteSession, dialect.AuthNone, dialect.NoBody, "cancel the upload"),
		dialect.R("SessionOptions", "OPTIONS "+session, h.SessionOptions, dialect.AuthNone, dialect.NoBody, "what tus and browsers want to know before"),
		dialect.R("CreateTusUpload", "POST "+api+"/upload/tus", h.CreateTusUpload, dialect.AuthGuest, dialect.Stream, "open a resumable upload by tus"),
		dialect.R("TusOptions", "OPTIONS "+api+"/upload/tus", h.TusOptions, dialect.AuthNone, dialect.NoBody, "as for a session"),
		dialect.R("Upload", "POST "+api+"/upload", h.Upload, dialect.AuthGuest, dialect.Stream, "store a file from a stream"),
	}
}

func (h *Handler) fileRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ListFiles", "GET "+api+"/files", h.ListFiles, dialect.AuthAccount, dialect.NoBody, "a page of the account's files, newest first, and its usage"),
		dialect.R("RegisterFile", "POST "+api+"/files/register", h.RegisterFile, dialect.AuthAccount, dialect.JSONBody, "make a guest's file the account's").In(ofFiles),
		dialect.R("SetFileKey", "POST "+api+"/files/{id}/key", h.SetFileKey, dialect.AuthAccount, dialect.JSONBody, "set or clear a file's key").In(ofFiles),
		dialect.R("DeleteFile", "DELETE "+api+"/files/{id}", h.DeleteFile, dialect.AuthAccount, dialect.NoBody, "delete a file").In(ofFiles),
		dialect.R("Download", "GET "+api+"/download/{id}", h.Download, dialect.AuthGuest, dialect.NoBody, "a file's bytes, whole or by ranges; HEAD without them"),
	}
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string {
	return []string{api + "/login", api + "/logout", api + "/account", api + "/upload", api + "/files", api + "/download"}
}
