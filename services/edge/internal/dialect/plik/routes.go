package plik

import (
	"slices"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Routes implements dialect.Dialect, in the order of source/plik.txt. All of it
// is below plik.path.
func (h *Handler) Routes() []dialect.Route {
	return slices.Concat(h.publicRoutes(), h.uploadRoutes(), h.accountRoutes())
}

func (h *Handler) publicRoutes() []dialect.Route {
	base := h.core.Plik.Path
	rows := []dialect.Route{
		dialect.R("GetConfig", "GET "+base+"/config", h.GetConfig, dialect.AuthNone, dialect.NoBody, "limits and feature flags"),
		dialect.R("GetVersion", "GET "+base+"/version", h.GetVersion, dialect.AuthNone, dialect.NoBody, "the build, and builds of the command line"),
		dialect.R("GetQRCode", "GET "+base+"/qrcode", h.GetQRCode, dialect.AuthNone, dialect.NoBody, "a text as a QR code, PNG"),
		dialect.R("GetHealth", "GET "+base+"/health", h.GetHealth, dialect.AuthNone, dialect.NoBody, "the edge lives").Quiet(),
		dialect.R("GetClient", "GET "+base+"/clients/{path...}", h.GetClient, dialect.AuthNone, dialect.NoBody, "a build of the command line"),
		dialect.R("GetChangelog", "GET "+base+"/changelog/{path...}", h.GetChangelog, dialect.AuthNone, dialect.NoBody, "what a release of it changed"),
	}
	if base != "" {
		rows = append(rows, dialect.R("EnterRoot", "GET "+base, h.EnterRoot, dialect.AuthNone, dialect.NoBody, "go to the page"))
	}
	return rows
}

func (h *Handler) uploadRoutes() []dialect.Route {
	base := h.core.Plik.Path
	const ofFile = "/{uploadID}/{fileID}/{filename}"
	return []dialect.Route{
		dialect.R("QuickUpload", "POST "+base+"/{$}", h.QuickUpload, dialect.AuthGuest, dialect.Stream, "an upload of one file, by one request"),
		dialect.R("CreateUpload", "POST "+base+"/upload", h.CreateUpload, dialect.AuthGuest, dialect.JSONBody, "start an upload; its token makes its holder admin of it"),
		dialect.R("GetUpload", "GET "+base+"/upload/{uploadID}", h.GetUpload, dialect.AuthGuest, dialect.NoBody, "an upload with its files"),
		dialect.R("RemoveUpload", "DELETE "+base+"/upload/{uploadID}", h.RemoveUpload, dialect.AuthGuest, dialect.NoBody, "end an upload and all of its files"),
		dialect.R("AddFile", "POST "+base+"/file/{uploadID}", h.AddFile, dialect.AuthGuest, dialect.Stream, "add a file that was not announced"),
		dialect.R("PutFile", "POST "+base+"/file"+ofFile, h.PutFile, dialect.AuthGuest, dialect.Stream, "send an announced file"),
		dialect.R("RemoveFile", "DELETE "+base+"/file"+ofFile, h.RemoveFile, dialect.AuthGuest, dialect.NoBody, "delete a file's bytes"),
		dialect.R("GetFile", "GET "+base+"/file"+ofFile, h.GetFile, dialect.AuthGuest, dialect.NoBody, "a file's bytes; HEAD without them"),
		dialect.R("PutStream", "POST "+base+"/stream"+ofFile, h.PutStream, dialect.AuthGuest, dialect.Stream, "as PutFile; whether it streams is the upload's matter"),
		dialect.R("GetStream", "GET "+base+"/stream"+ofFile, h.GetStream, dialect.AuthGuest, dialect.NoBody, "as GetFile"),
		dialect.R("GetArchive", "GET "+base+"/archive/{uploadID}/{filename}", h.GetArchive, dialect.AuthGuest, dialect.NoBody, "all files as a zip; HEAD without it"),
	}
}
