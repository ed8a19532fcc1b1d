package lockr

import "github.com/sluicehq/sluice/services/edge/internal/core"

type wireLogin struct {
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
}

type wireSignUp struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

type wireAccount struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
	Plan     string `json:"plan"`
	Quota    int64  `json:"quota"`
	Used     int64  `json:"used"`
}

type wireSession struct {
	Token     string      `json:"token"`
	TokenType string      `json:"tokenType"`
	Account   wireAccount `json:"account"`
}

func sessionToWire(s core.Session) wireSession {
	a := s.Account
	return wireSession{
		Token: s.Token, TokenType: "Bearer",
		Account: wireAccount{ID: a.ID, Username: a.Username, Email: a.Email, Plan: a.Plan, Quota: a.Limits.StorageBytes, Used: s.Used},
	}
}
