package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// Config is auth's own settings. They stand beside the common ones.
type Config struct {
	AdminPassword settings.Secret `koanf:"admin_password" flag:"-" doc:"password of account 'admin' on first start; empty makes one, which is printed once"`
	Security      Security        `koanf:"security"`
	Auth          Accounts        `koanf:"auth"`
}

// Security says how credentials are made and how often they may be tried.
type Security struct {
	TokenTTL      time.Duration  `koanf:"native_api_token_ttl" doc:"how long a token of POST /api/v1/auth/token holds"`
	TokenRate     float64        `koanf:"token_rate" doc:"tokens per second that one access key may ask for, in the long run"`
	TokenBurst    int            `koanf:"token_burst" doc:"tokens that one access key may ask for at once, and wrong secrets that are answered for it"`
	LoginFailures int            `koanf:"login_failures" doc:"wrong passwords in a row that are answered for one user name; one more every 6 s"`
	LoginPerAddr  int            `koanf:"login_failures_per_address" doc:"wrong passwords in a row that are answered for one client address; one more every second"`
	HashMemory    settings.Bytes `koanf:"hash_memory" doc:"memory of one argon2id hash"`
	HashPasses    int            `koanf:"hash_passes" doc:"passes of one argon2id hash over its memory"`
	HashAtOnce    int            `koanf:"hash_at_once" doc:"passwords that are hashed at the same time; bounds memory and processors"`
}

// Accounts says who may have an account, and what it may do.
type Accounts struct {
	Plans       []string `koanf:"plans" doc:"plans of accounts, each NAME=STORAGE/OBJECT[/CONTAINERS_PER_DAY/LINKS]: the bytes that the account may store and those of one object (GB is 10^9), the link containers that it may make in a day and the links of all of them (0 or left out: no bound)"`
	DefaultPlan string   `koanf:"default_plan" doc:"plan of new accounts"`
	SignUps     int      `koanf:"sign_ups" doc:"accounts that one client address may make in an hour"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{
		Security: Security{
			TokenTTL: time.Hour, TokenRate: 1, TokenBurst: 60, LoginFailures: 10, LoginPerAddr: 50,
			HashMemory: 19 << 20, HashPasses: 2, HashAtOnce: 2,
		},
		Auth: Accounts{Plans: []string{"standard=100GB/100GB/500/50000"}, DefaultPlan: "standard", SignUps: 300},
	}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	s, a := c.Security, c.Auth
	plans, err := parsePlans(a.Plans)
	if err != nil {
		return fmt.Errorf("auth.plans: %w", err)
	}
	_, known := plans[a.DefaultPlan]
	switch {
	case s.TokenTTL < time.Second:
		return errors.New("security.native_api_token_ttl: at least 1s")
	case s.TokenRate <= 0 || s.TokenBurst < 1 || s.LoginFailures < 1 || s.LoginPerAddr < 1:
		return errors.New("security: rates and bursts are greater than 0")
	case s.HashMemory < 8<<20 || s.HashMemory > 1<<30 || s.HashPasses < 1 || s.HashPasses > 100:
		return errors.New("security.hash_memory is from 8MiB to 1GiB, security.hash_passes from 1 to 100")
	case s.HashAtOnce < 1 || s.HashAtOnce > 256:
		return errors.New("security.hash_at_once: it is from 1 to 256")
	case !known:
		return fmt.Errorf("auth.default_plan %q: it is none of auth.plans", a.DefaultPlan)
	case a.SignUps < 1 || a.SignUps > 1_000_000:
		return errors.New("auth.sign_ups: it is from 1 to 1000000")
	}
	if p := c.AdminPassword.Reveal(); p != "" {
		if err := domain.CheckPassword(p); err != nil {
			return fmt.Errorf("admin_password: %w", err)
		}
	}
	return nil
}

func (c Config) domain() domain.Config {
	s := c.Security
	plans, _ := parsePlans(c.Auth.Plans) // Validate has seen them
	return domain.Config{
		TokenTTL: s.TokenTTL, TokenRate: s.TokenRate, TokenBurst: s.TokenBurst,
		LoginFailures: s.LoginFailures, LoginFailuresPerAddress: s.LoginPerAddr,
		Hash:    password.Config{MemoryKiB: uint32(s.HashMemory >> 10), Passes: uint32(s.HashPasses), AtOnce: s.HashAtOnce}, //nolint:gosec // Validate bounds them
		SignUps: c.Auth.SignUps, Plans: plans, DefaultPlan: c.Auth.DefaultPlan,
	}
}
