package plik

import "github.com/sluicehq/sluice/services/edge/internal/dialect"

// accountRoutes are the routes about people: how they log in, what is theirs, and
// what administrators see.
func (h *Handler) accountRoutes() []dialect.Route {
	base := h.core.Plik.Path
	return []dialect.Route{
		dialect.R("GoogleLogin", "GET "+base+"/auth/google/login", h.GoogleLogin, dialect.AuthSession, dialect.NoBody, "where to log in by Google"),
		dialect.R("GoogleCallback", "GET "+base+"/auth/google/callback", h.GoogleCallback, dialect.AuthNone, dialect.NoBody, "log in by what Google says"),
		dialect.R("OVHLogin", "GET "+base+"/auth/ovh/login", h.OVHLogin, dialect.AuthSession, dialect.NoBody, "where to log in by OVH"),
		dialect.R("OVHCallback", "GET "+base+"/auth/ovh/callback", h.OVHCallback, dialect.AuthNone, dialect.NoBody, "log in by what OVH says"),
		dialect.R("OIDCLogin", "GET "+base+"/auth/oidc/login", h.OIDCLogin, dialect.AuthSession, dialect.NoBody, "where to log in by the OpenID provider"),
		dialect.R("OIDCCallback", "GET "+base+"/auth/oidc/callback", h.OIDCCallback, dialect.AuthNone, dialect.NoBody, "log in by what the OpenID provider says"),
		dialect.R("LocalLogin", "POST "+base+"/auth/local/login", h.LocalLogin, dialect.AuthSession, dialect.JSONBody, "log in by name and password"),
		dialect.R("Logout", "GET "+base+"/auth/logout", h.Logout, dialect.AuthNone, dialect.NoBody, "end the session"),

		dialect.R("GetMe", "GET "+base+"/me", h.GetMe, dialect.AuthAccount, dialect.NoBody, "who is logged in"),
		dialect.R("DeleteMe", "DELETE "+base+"/me", h.DeleteMe, dialect.AuthAccount, dialect.NoBody, "end the account and all that it stores"),
		dialect.R("ListTokens", "GET "+base+"/me/token", h.ListTokens, dialect.AuthAccount, dialect.NoBody, "a page of upload tokens"),
		dialect.R("CreateToken", "POST "+base+"/me/token", h.CreateToken, dialect.AuthAccount, dialect.JSONBody, "make an upload token"),
		dialect.R("RevokeToken", "DELETE "+base+"/me/token/{token}", h.RevokeToken, dialect.AuthAccount, dialect.NoBody, "end an upload token"),
		dialect.R("ListMyUploads", "GET "+base+"/me/uploads", h.ListMyUploads, dialect.AuthAccount, dialect.NoBody, "a page of one's uploads"),
		dialect.R("RemoveMyUploads", "DELETE "+base+"/me/uploads", h.RemoveMyUploads, dialect.AuthAccount, dialect.NoBody, "end all of one's uploads"),
		dialect.R("GetMyStats", "GET "+base+"/me/stats", h.GetMyStats, dialect.AuthAccount, dialect.NoBody, "one's uploads, counted"),

		dialect.R("CreateUser", "POST "+base+"/user", h.CreateUser, dialect.AuthAdmin, dialect.JSONBody, "make an account for somebody"),
		dialect.R("GetUser", "GET "+base+"/user/{userID}", h.GetUser, dialect.AuthAccount, dialect.NoBody, "a user"),
		dialect.R("UpdateUser", "POST "+base+"/user/{userID}", h.UpdateUser, dialect.AuthAccount, dialect.JSONBody, "replace what is said of a user"),
		dialect.R("DeleteUser", "DELETE "+base+"/user/{userID}", h.DeleteUser, dialect.AuthAccount, dialect.NoBody, "end a user's account"),
		dialect.R("GetStats", "GET "+base+"/stats", h.GetStats, dialect.AuthAdmin, dialect.NoBody, "all uploads and users, counted"),
		dialect.R("ListUsers", "GET "+base+"/users", h.ListUsers, dialect.AuthAdmin, dialect.NoBody, "a page of users"),
		dialect.R("ListUploads", "GET "+base+"/uploads", h.ListUploads, dialect.AuthAdmin, dialect.NoBody, "a page of all uploads"),
	}
}
