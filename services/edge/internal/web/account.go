package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// pageOfFiles is how many files stand on one page.
const pageOfFiles = 50

// enterView is the account page of somebody who is not logged in.
type enterView struct {
	frame
	Notice, Form, Problem       string
	Identifier, Username, Email string // as they were typed
	Return                      string // where the log-in leads; empty: to the account
}

// accountView is the account page.
type accountView struct {
	frame
	uploadView
	Notice, Form, Problem           string
	NewToken                        string
	KeyPair                         core.KeyPair // new
	Number                          int64        // of the account
	Return                          string       // where somebody who has just signed up wanted to go
	Plan                            string
	Used, Quota                     int64
	Files                           []fileView
	Next                            string
	Paged                           bool
	Tokens                          []tokenView
	RcloneLine, LoginLine, CurlLine string
}

// tokenView is an account token in the list.
type tokenView struct {
	authv1.AccountToken
	Current bool
}

// Title names a token for people.
func (t tokenView) Title() string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Kind == authv1.TokenSession:
		return "Browser"
	case t.Kind == authv1.TokenPlik:
		return "Upload token"
	case t.Kind == authv1.TokenAPIKey:
		return "API key"
	case t.Kind == authv1.TokenKeyPair:
		return "Key pair"
	}
	return "Token"
}

// ShowAccount answers GET /account.
func (h *Handler) ShowAccount(w http.ResponseWriter, r *http.Request) error {
	if loggedIn(dialect.CallOf(r).Caller) {
		return h.account(w, r, http.StatusOK, accountView{Notice: notice(r)})
	}
	v := h.entrance(r, r.URL.Query().Get("next"))
	v.Notice = notice(r)
	if ended(w, r) && v.Notice == "" {
		v.Notice = v.T("Your session has ended: log in again.")
	}
	return h.render(w, http.StatusOK, "enter", v)
}

// entrance is the page of somebody who wants to log in and go on to next, if
// returnPath takes it; then it speaks that page's languages.
func (h *Handler) entrance(r *http.Request, next string) enterView {
	v := enterView{frame: h.frameOf(r, "Account"), Return: returnPath(next)}
	if v.Return != "" {
		v.words = h.wordsFor(r)
		v.Title = v.T(v.Title)
	}
	return v
}

// returnPath gives what a log-in may lead to: a page of link containers or of the
// file manager here. "": it is none.
func returnPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxField || u.Scheme != "" || u.Opaque != "" || u.Host != "" || u.User != nil || !ofContainers(u.Path) && !ofManager(u.Path) || strings.ContainsAny(u.Path, "\\\x00") {
		return ""
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// account fills v up with everything that the page shows.
func (h *Handler) account(w http.ResponseWriter, r *http.Request, status int, v accountView) error {
	call := dialect.CallOf(r)
	ctx, by := r.Context(), call.Caller
	a, usage, err := h.core.Account(ctx, by)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	after := ""
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		after = r.URL.Query().Get("after")
	}
	files, err := h.core.ListFiles(ctx, by, after, pageOfFiles)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	tokens, err := h.core.ListTokens(ctx, by)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	v.frame, v.uploadView = h.frameOf(r, "Account", "upload.js"), h.uploadView(r)
	v.Region = a.Region
	if r.Method == http.MethodPost {
		v.Canonical = "/account"
	}
	v.Plan, v.Used, v.Quota, v.Number = a.Plan, usage.Used, a.Limits.StorageBytes, a.Number
	v.Next, v.Paged = files.Next, after != ""
	for _, o := range files.Files {
		v.Files = append(v.Files, viewOf(o, v.Base))
	}
	for _, t := range tokens.Tokens {
		v.Tokens = append(v.Tokens, tokenView{t, t.ID == tokens.Current})
	}
	token := v.NewToken
	if token == "" {
		token = "TOKEN"
	}
	v.RcloneLine = "rclone config create lockr webdav url=" + v.Base + "/dav vendor=owncloud bearer_token=" + token
	v.LoginLine = "sluice login " + a.Username + " --endpoint " + v.Base
	v.CurlLine = `curl -H "Authorization: Bearer ` + token + `" ` + v.Base + "/api/v1/files"
	return h.render(w, status, "account", v)
}

func viewOf(o objectv1.Object, base string) fileView {
	id := core.FileIDOf(*o.File)
	return fileView{
		ID: id.String(), Name: o.File.Name, Path: o.File.Path, Type: o.Metadata.ContentType, Region: o.File.Region, URL: urlOf(base, id),
		Size: o.Size, Downloads: o.File.Downloads, HasKey: len(o.File.KeyHash) > 0, CreatedAt: o.File.CreatedAt, ExpiresAt: o.File.ExpiresAt,
	}
}

// LogIn answers POST /account/login.
func (h *Handler) LogIn(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if err = needed(form, "identifier", "password"); err == nil {
		err = h.logIn(w, r, form.Get("identifier"), form.Get("password"))
	}
	if err != nil {
		return h.enterAgain(w, r, "login", form, err)
	}
	return goTo(w, cmp.Or(returnPath(form.Get("next")), "/account"))
}

func (h *Handler) logIn(w http.ResponseWriter, r *http.Request, identifier, password string) error {
	s, err := h.core.Login(r.Context(), authv1.LoginRequest{
		Identifier: identifier, Password: password, Source: dialect.CallOf(r).Source, Kind: authv1.TokenSession, Name: browserName(r),
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return h.enter(w, r, s.Session)
}

// SignUp answers POST /account/signup: the account's first token is on the page
// that follows, and on no other.
func (h *Handler) SignUp(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if err := needed(form, "username", "email", "password"); err != nil {
		return h.enterAgain(w, r, "signup", form, err)
	}
	s, err := h.core.CreateAccount(r.Context(), authv1.CreateAccountRequest{
		Username: form.Get("username"), Email: form.Get("email"), Password: form.Get("password"), Source: dialect.CallOf(r).Source,
	})
	if err != nil {
		return h.enterAgain(w, r, "signup", form, err)
	}
	if err := h.logIn(w, r, form.Get("username"), form.Get("password")); err != nil {
		return err
	}
	return h.account(w, r, http.StatusCreated, accountView{
		Notice: "Welcome. The account is made.", NewToken: s.Token, Return: returnPath(form.Get("next")),
	})
}

// enterAgain shows a form of the entrance again with what is wrong.
func (h *Handler) enterAgain(w http.ResponseWriter, r *http.Request, name string, form url.Values, err error) error {
	if !shown(err) {
		return err
	}
	v := h.entrance(r, form.Get("next"))
	status, text := failed(w, r, err)
	v.Form, v.Problem = name, h.spoken(v.words, err, text)
	v.Identifier, v.Username, v.Email = form.Get("identifier"), form.Get("username"), form.Get("email")
	return h.render(w, status, "enter", v)
}

// accountAgain shows the account page with what is wrong with one of its forms.
func (h *Handler) accountAgain(w http.ResponseWriter, r *http.Request, name string, err error) error {
	if !shown(err) {
		return err
	}
	status, text := failed(w, r, err)
	if fault.CodeOf(err) == authv1.ErrBadCredentials.Code {
		text = "That is not the password."
	}
	return h.account(w, r, status, accountView{Form: name, Problem: text})
}

// LogOut answers POST /account/logout.
func (h *Handler) LogOut(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.Logout(r.Context(), dialect.CallOf(r).Caller); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	if err := h.leavePlik(w, r); err != nil {
		return err
	}
	http.SetCookie(w, core.EndedCookie(secure(r)))
	return goTo(w, "/account?did=logout")
}
