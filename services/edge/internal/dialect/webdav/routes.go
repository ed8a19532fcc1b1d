package webdav

import "github.com/sluicehq/sluice/services/edge/internal/dialect"

const prefix = "/dav"

// Routes implements dialect.Dialect, in the order of RFC 4918, 9.
func (h *Handler) Routes() []dialect.Route {
	const account, none, xml, stream = dialect.AuthAccount, dialect.NoBody, dialect.XMLBody, dialect.Stream
	return []dialect.Route{
		dialect.R("Options", "OPTIONS /dav", h.Options, dialect.AuthNone, none, "what is served here"),
		dialect.R("Options", "OPTIONS /dav/{path...}", h.Options, dialect.AuthNone, none, "what is served here"),
		dialect.R("FindProperties", "PROPFIND /dav", h.FindProperties, account, xml, "the account's folder"),
		dialect.R("FindProperties", "PROPFIND /dav/{path...}", h.FindProperties, account, xml, "properties of a file or folder, and of what it holds (W-3)"),
		dialect.R("PatchProperties", "PROPPATCH /dav/{path...}", h.PatchProperties, account, xml, "set a file's time (W-8)"),
		dialect.R("MakeFolder", "MKCOL /dav/{path...}", h.MakeFolder, account, none, "make a folder"),
		dialect.R("GetFile", "GET /dav/{path...}", h.GetFile, account, none, "a file's bytes; Range, conditions"),
		dialect.R("PutFile", "PUT /dav/{path...}", h.PutFile, account, stream, "store a file; X-OC-Mtime, OC-Checksum (W-5, W-6)"),
		dialect.R("Remove", "DELETE /dav/{path...}", h.Remove, account, none, "remove a file, or a folder with all that is in it"),
		dialect.R("Copy", "COPY /dav/{path...}", h.Copy, account, none, "copy a file or folder; no byte moves within a region"),
		dialect.R("Move", "MOVE /dav/{path...}", h.Move, account, none, "rename a file or folder, at once"),
		dialect.R("Lock", "LOCK /dav/{path...}", h.Lock, account, xml, "take or renew a write lock (W-9)"),
		dialect.R("Unlock", "UNLOCK /dav/{path...}", h.Unlock, account, none, "give a write lock back"),
	}
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string { return []string{prefix} }
