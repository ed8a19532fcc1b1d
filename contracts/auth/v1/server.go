package authv1

import (
	"errors"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Register serves the calls of auth by svc. It is the mirror image of Client.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, CreateAccount, svc.CreateAccount),
		rpc.Handle(s, Login, svc.Login),
		rpc.Handle(s, Authenticate, svc.Authenticate),
		rpc.Handle(s, GetAccount, svc.GetAccount),
		rpc.Handle(s, ListAccounts, svc.ListAccounts),
		rpc.Handle(s, SetAccountDisabled, svc.SetAccountDisabled),
		rpc.Handle(s, CreateAccessKey, svc.CreateAccessKey),
		rpc.Handle(s, ListAccessKeys, svc.ListAccessKeys),
		rpc.Handle(s, RevokeAccessKey, svc.RevokeAccessKey),
		rpc.Handle(s, MintAccessToken, svc.MintAccessToken),
		rpc.Handle(s, KeyStateOf, svc.KeyState),
		rpc.Handle(s, CreateToken, svc.CreateToken),
		rpc.Handle(s, ListTokens, svc.ListTokens),
		rpc.Handle(s, RevokeToken, svc.RevokeToken),
		rpc.Handle(s, ChangePassword, svc.ChangePassword),
		rpc.Handle(s, DeleteAccount, svc.DeleteAccount),
		rpc.Handle(s, SetAccount, svc.SetAccount),
		rpc.Handle(s, Enter, svc.Enter),
		rpc.Handle(s, CreateUser, svc.CreateUser),
		rpc.Handle(s, UpdateUser, svc.UpdateUser),
		rpc.Handle(s, DeleteUser, svc.DeleteUser),
		rpc.Handle(s, ListUsers, svc.ListUsers),
		rpc.Handle(s, PageTokens, svc.PageTokens),
		rpc.Handle(s, RotateToken, svc.RotateToken),
	)
}
