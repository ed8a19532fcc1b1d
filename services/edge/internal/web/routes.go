package web

import (
	"regexp"
	"slices"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Routes implements dialect.Dialect.
func (h *Handler) Routes() []dialect.Route {
	return slices.Concat(h.homeRoutes(), h.otherRoutes(), h.containerRoutes(), h.driveRoutes(), h.hostingRoutes())
}

// homeRoutes are the start page, unless plik.no_web_interface says that there is
// none. It is where Plik's links expect it (plik-wire.md 2).
func (h *Handler) homeRoutes() []dialect.Route {
	if h.core.Plik.NoWebInterface {
		return nil
	}
	base := h.core.Plik.Path
	rows := []dialect.Route{dialect.R("Home", "GET "+base+"/{$}", h.Home, dialect.AuthGuest, dialect.NoBody, "the start page: temporary links, and an uploader for everybody")}
	if base != "" {
		rows = append(rows, dialect.R("GoHome", "GET /{$}", h.GoHome, dialect.AuthNone, dialect.NoBody, "to the start page"))
	}
	return rows
}

func (h *Handler) otherRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ShowAccount", "GET /account", h.ShowAccount, dialect.AuthGuest, dialect.NoBody, "log in or sign up; or files, tokens, settings and an uploader"),
		dialect.R("SignUp", "POST /account/signup", h.SignUp, dialect.AuthNone, dialect.FormBody, "make an account and log in; shows the first token"),
		dialect.R("LogIn", "POST /account/login", h.LogIn, dialect.AuthNone, dialect.FormBody, "log in by a cookie"),
		dialect.R("LogOut", "POST /account/logout", h.LogOut, dialect.AuthGuest, dialect.FormBody, "end the browser's session"),
		dialect.R("SetRegion", "POST /account/region", h.SetRegion, dialect.AuthAccount, dialect.FormBody, "where new files live"),
		dialect.R("ChangePassword", "POST /account/password", h.ChangePassword, dialect.AuthAccount, dialect.FormBody, "a new password; other tokens end"),
		dialect.R("DeleteAccount", "POST /account/delete", h.DeleteAccount, dialect.AuthAccount, dialect.FormBody, "the account and everything in it"),
		dialect.R("CreateToken", "POST /account/tokens", h.CreateToken, dialect.AuthAccount, dialect.FormBody, "make a token; the only page that shows it"),
		dialect.R("RevokeToken", "POST /account/tokens/{id}/revoke", h.RevokeToken, dialect.AuthAccount, dialect.FormBody, "end a token"),
		dialect.R("ShowFile", "GET /account/files/{id}", h.ShowFile, dialect.AuthAccount, dialect.NoBody, "one file of the account: links, phrase, deletion"),
		dialect.R("RegisterFile", "POST /account/register", h.RegisterFile, dialect.AuthAccount, dialect.FormBody, "take a guest's file over"),
		dialect.R("SetFileKey", "POST /account/files/{id}/key", h.SetFileKey, dialect.AuthAccount, dialect.FormBody, "set or clear the phrase"),
		dialect.R("DeleteFile", "POST /account/files/{id}/delete", h.DeleteFile, dialect.AuthAccount, dialect.FormBody, "delete a file"),
		dialect.R("ShowDownload", "GET /download/{id}", h.ShowDownload, dialect.AuthGuest, dialect.NoBody, "the page of a file for whoever has the link"),
		dialect.R("Unlock", "POST /download/{id}", h.Unlock, dialect.AuthGuest, dialect.FormBody, "go on to the bytes by the phrase, without a script"),
		dialect.R("GetQRCode", "GET /download/{id}/qr.svg", h.GetQRCode, dialect.AuthNone, dialect.NoBody, "the link of the page as a QR code"),
		dialect.R("RenderComments", "POST /pages/comments", h.RenderComments, dialect.AuthNone, dialect.FormBody, "the markdown of an upload's comments as harmless HTML").Quiet(),
		dialect.R("GetAsset", "GET /assets/{version}/{name}", h.GetAsset, dialect.AuthNone, dialect.NoBody, "style sheet, scripts and icon").Quiet(),
	}
}

// containerRoutes are the pages of link containers (locknex.md, Pages). The picture's
// path is one that programs know (field-facts.md 1.2).
func (h *Handler) containerRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ShowContainer", "GET /container/{id}", h.ShowContainer, dialect.AuthGuest, dialect.NoBody, "the page of a container for whoever has the link; ?mirror= shows one mirror"),
		dialect.R("UnlockContainer", "POST /container/{id}", h.UnlockContainer, dialect.AuthGuest, dialect.FormBody, "open a container by its password and a click in the picture"),
		dialect.R("GetLinksText", "GET /container/{id}/links.txt", h.GetLinksText, dialect.AuthGuest, dialect.NoBody, "the links of an open container, one a line"),
		dialect.R("GetMetalink", "GET /container/{id}/links.meta4", h.GetMetalink, dialect.AuthGuest, dialect.NoBody, "the links of an open container as Metalink 4"),
		dialect.R("WatchContainer", "GET /container/{id}/events", h.WatchContainer, dialect.AuthGuest, dialect.NoBody, "live status, as server-sent events").Quiet(),
		dialect.R("GetCaptcha", "GET /captcha_circle.php", h.GetCaptcha, dialect.AuthNone, dialect.NoBody, "the picture whose circle is clicked in").Quiet(),
		dialect.R("ShowAPIKey", "GET /apip", h.ShowAPIKey, dialect.AuthAccount, dialect.NoBody, "the account's API key for link containers"),
		dialect.R("RegenerateAPIKey", "POST /apip", h.RegenerateAPIKey, dialect.AuthAccount, dialect.FormBody, "a new API key; the only page that shows it"),
		dialect.R("ListContainers", "GET /containers", h.ListContainers, dialect.AuthAccount, dialect.NoBody, "the account's containers, and a form for a new one"),
		dialect.R("CreateContainer", "POST /containers", h.CreateContainer, dialect.AuthAccount, dialect.FormBody, "make a container"),
		dialect.R("WatchContainers", "GET /pages/containers", h.WatchContainers, dialect.AuthAccount, dialect.NoBody, "live status of the list, as server-sent events").Quiet(),
		dialect.R("ShowOwnContainer", "GET /containers/{id}", h.ShowOwnContainer, dialect.AuthAccount, dialect.NoBody, "a container for its owner: links, options, statistics"),
		dialect.R("SaveContainer", "POST /containers/{id}", h.SaveContainer, dialect.AuthAccount, dialect.FormBody, "change a container"),
		dialect.R("CheckContainer", "POST /containers/{id}/check", h.CheckContainer, dialect.AuthAccount, dialect.FormBody, "have a container's links checked now"),
		dialect.R("DeleteContainer", "POST /containers/{id}/delete", h.DeleteContainer, dialect.AuthAccount, dialect.FormBody, "delete a container"),
	}
}

// driveRoutes are the pages of an account's folders.
func (h *Handler) driveRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ShowDrive", "GET /account/files", h.ShowDrive, dialect.AuthAccount, dialect.NoBody, "the file manager: a folder; ?folder= says which"),
		dialect.R("ShowTrash", "GET /account/trash", h.ShowTrash, dialect.AuthAccount, dialect.NoBody, "what lies in the trash"),
		dialect.R("ShowPlaces", "GET /account/place", h.ShowPlaces, dialect.AuthAccount, dialect.NoBody, "choose a folder to move or copy something into"),
		dialect.R("MakeFolder", "POST /account/folders", h.MakeFolder, dialect.AuthAccount, dialect.FormBody, "make a folder"),
		dialect.R("ChangeSelected", "POST /account/selected", h.ChangeSelected, dialect.AuthAccount, dialect.FormBody, "move, copy, trash, restore or purge what is selected"),
		dialect.R("BeginUpload", "POST /account/uploads", h.BeginUpload, dialect.AuthAccount, dialect.FormBody, "a resumable upload into a folder, which goes on by lockr's sessions"),
		dialect.R("ShowNode", "GET /account/nodes/{id}", h.ShowNode, dialect.AuthAccount, dialect.NoBody, "a file or folder: name, description, sharing"),
		dialect.R("SaveNode", "POST /account/nodes/{id}", h.SaveNode, dialect.AuthAccount, dialect.FormBody, "rename and describe it"),
		dialect.R("ShareFolder", "POST /account/nodes/{id}/sharing", h.ShareFolder, dialect.AuthAccount, dialect.FormBody, "who may see a folder"),
		dialect.R("CreateKeyPair", "POST /account/keypair", h.CreateKeyPair, dialect.AuthAccount, dialect.FormBody, "two keys for the file hosting API; the only page that shows them"),
	}
}

// The families of short URLs (yetishare.md). What no file can be called goes to
// whoever owns the root.
const (
	ofShort      = "/{short}"
	ofShortNamed = "/{short}/{name...}"
)

// shortForm is what names a file: letters and digits, a digit and an upper-case
// letter among them, as in no other first segment.
var shortForm = regexp.MustCompile(`^[A-Za-z0-9]*(?:[A-Z][A-Za-z0-9]*[0-9]|[0-9][A-Za-z0-9]*[A-Z])[A-Za-z0-9]*$`)

// hostingRoutes are the pages of shared files and folders (yetishare.md, Short URLs).
func (h *Handler) hostingRoutes() []dialect.Route {
	short := func(name, pattern string, handle dialect.Handler, b dialect.Body, doc string) dialect.Route {
		return dialect.R(name, pattern, handle, dialect.AuthGuest, b, doc).In(ofShort).Where("short", shortForm)
	}
	return []dialect.Route{
		short("ShowShared", "GET /{short}", h.ShowShared, dialect.NoBody, "the page of a file; ?download_token= is its bytes"),
		short("OpenShared", "POST /{short}", h.OpenShared, dialect.FormBody, "go on to the bytes of a file"),
		short("ShowSharedInfo", "GET /{short}~i", h.ShowSharedInfo, dialect.NoBody, "about a file; by ?{hash} how it is passed on, too"),
		short("ShowSharedStats", "GET /{short}~s", h.ShowSharedStats, dialect.NoBody, "how often it was downloaded and looked at"),
		short("AskToDelete", "GET /{short}~d", h.AskToDelete, dialect.NoBody, "may it be deleted? By ?{delete_hash}"),
		short("DeleteShared", "POST /{short}~d", h.DeleteShared, dialect.NoBody, "into the trash, by ?{delete_hash}"),
		short("DeleteShared", "DELETE /{short}~d", h.DeleteShared, dialect.NoBody, "as POST"),
		short("ShowShared", "GET /{short}/{name}", h.ShowShared, dialect.NoBody, "as without a name, which nobody looks at").In(ofShortNamed),
		short("OpenShared", "POST /{short}/{name}", h.OpenShared, dialect.FormBody, "as without a name").In(ofShortNamed),
		dialect.R("ShowSharedFolder", "GET /folder/{number}", h.ShowSharedFolder, dialect.AuthGuest, dialect.NoBody, "a folder for whoever has the link"),
		dialect.R("ShowSharedFolder", "GET /folder/{number}/{name}", h.ShowSharedFolder, dialect.AuthGuest, dialect.NoBody, "as without a name, which nobody looks at"),
		dialect.R("UnlockFolder", "POST /folder/{number}", h.UnlockFolder, dialect.AuthGuest, dialect.FormBody, "open a folder by its password"),
		dialect.R("UnlockFolder", "POST /folder/{number}/{name}", h.UnlockFolder, dialect.AuthGuest, dialect.FormBody, "as without a name"),
		dialect.R("SearchSite", "GET /search", h.SearchSite, dialect.AuthGuest, dialect.NoBody, "public folders and their files by name; ?format=json for programs"),
	}
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string {
	return []string{"/account", "/download", "/pages", "/assets", "/container", "/containers", "/apip", "/captcha_circle.php", "/folder", "/search"}
}
